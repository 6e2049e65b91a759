"""Feasible counts: at which counts a loop that a pattern restricts can still end within its bounds.

A state of the loop at count c is feasible if for some r, `low <= c + r <= high` and r more items can complete the
pattern. What r are possible is a set of numbers, which a fixpoint over bits finds, a bit a number. That is not needed
where the bounds are further apart than there are states in which items end: from a way of more items than that a circle
can be left out, so a possible number lies within the bounds wherever one lies above the lower one. Then the feasible
counts are an interval, which the least and the greatest number of items tell, however large the bounds are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np

from ..errors import BudgetExceeded
from ..grammar.analysis import components

#: States times bound that one loop may take where the counts are no intervals, and bits that may be looked at for it.
FEASIBLE_BITS, WORK = 400_000_000, 5_000_000_000
#: State -> the states that its edges lead to, and whether they complete an item.
Steps: TypeAlias = Mapping[int, Collection[tuple[int, bool]]]


class Counts(NamedTuple):
    """The counts from `first` to `last`; with `bits`, those among them of which the bit is set."""

    first: int
    last: int
    bits: int | None = None

    def as_bits(self) -> int:
        """The same as bits."""
        return (1 << self.last + 1) - (1 << self.first) if self.bits is None else self.bits

    @staticmethod
    def of_bits(bits: int) -> Counts:
        """Counts given as bits, as an interval where they are one."""
        if not bits:
            return Counts(0, -1)
        first, last = (bits & -bits).bit_length() - 1, bits.bit_length() - 1
        return Counts(first, last, None if bits.bit_count() == last - first + 1 else bits)

    def words(self) -> list[int]:
        """First and last count, how many words of bits follow, and these."""
        if self.bits is None:
            return [self.first, self.last, 0]
        n = self.bits.bit_length() // 32 + 1
        return [self.first, self.last, n, *np.frombuffer(self.bits.to_bytes(4 * n, "little"), "<i4").tolist()]


def check_counts(high: int, n_states: int) -> None:
    """Raise `BudgetExceeded` if so many states take too much memory for bits of the counts up to `high`."""
    if (high + 1) * n_states > FEASIBLE_BITS:
        raise BudgetExceeded("counts of a pattern with a length", FEASIBLE_BITS)


class Loop:
    """The states of a loop that a pattern restricts.

    Parameters
    ----------
    steps : the edges of the loop; all states are among the keys.
    ends : the states in which the pattern may be complete.
    start : the state in which it begins.
    """

    def __init__(self, steps: Steps, ends: Collection[int], start: int) -> None:
        self._steps, self._ends, self._start = steps, ends, start
        self._backwards: dict[int, list[tuple[int, bool]]] = {state: [] for state in steps}
        for state, edges in steps.items():
            for target, grows in edges:
                self._backwards[target].append((state, grows))
        #: States that lead to one another, behind those that they lead to.
        self._circles = components({state: [target for target, _ in edges] for state, edges in steps.items()})

    @cached_property
    def _least(self) -> dict[int, int]:
        """The least number of items that complete the pattern, by state; none for states from which nothing does."""
        return _least(self._backwards, self._ends)

    @cached_property
    def _most(self) -> dict[int, int | None]:
        """The greatest number of items that complete it, None where there is none, by state from which some do."""
        return _greatest(self._circles, self._steps, self._least)

    def is_within(self, low: int, high: int | None) -> bool:
        """Whether the pattern can be completed, and only by so many items."""
        if self._least.get(self._start, -1) < low:
            return False
        longest = None if high is None else self._most[self._start]
        return high is None or (longest is not None and longest <= high)

    def are_intervals(self, low: int, high: int | None) -> bool:
        """Whether the counts of each state are sure to be an interval."""
        item_ends = {target for edges in self._steps.values() for target, grows in edges if grows}
        return high is None or high - low >= len(item_ends)

    def feasible(self, low: int, high: int | None) -> dict[int, Counts]:
        """By state, the counts at which the loop can still end.

        `low`, `high`: how many items there may be. Without `high`, counts stop at `low`.

        Raises
        ------
        BudgetExceeded : the bounds are large and near each other.
        """
        if high is not None and not self.are_intervals(low, high):
            check_counts(high, len(self._steps))
            remaining = self._remaining(high + 1)
            return {state: Counts.of_bits(_counts_within(lengths, low, high)) for state, lengths in remaining.items()}
        most = self._most if low else dict.fromkeys(self._least)
        found = dict.fromkeys(self._steps, Counts(0, -1))
        for state, fewest in self._least.items():
            longest = most[state]
            first = 0 if longest is None else max(0, low - longest)
            found[state] = Counts(first, low if high is None else high - fewest)
        return found

    def reached(self) -> dict[int, tuple[int, int | None]]:
        """The least count that a state is reached with, and the greatest, if any is; of those that can be reached."""
        least = _least(self._steps, [self._start])
        most = _greatest(self._circles[::-1], self._backwards, least)
        return {state: (count, most[state]) for state, count in least.items()}

    def _remaining(self, size: int) -> dict[int, int]:
        """By state: bit r tells whether exactly r more items can complete the pattern (r < size)."""
        full = (1 << size) - 1
        lengths = dict.fromkeys(self._steps, 0) | dict.fromkeys(self._ends, 1)
        for circle in self._circles:
            for state in circle:
                found = lengths[state]
                for target, grows in self._steps[state]:
                    found |= lengths[target] << grows & full  # 0 where that is of this circle
                if (state, True) in self._steps[state]:
                    found = _repeated(found, full, 1)
                lengths[state] = found
            if len(circle) > 1:
                _go_round(circle, self._steps, self._backwards, lengths, full)
        return lengths


def _least(steps: Steps, begin: Iterable[int]) -> dict[int, int]:
    """The least number of items on a way from one of the states, by state that some way leads to."""
    found: dict[int, int] = {}
    waiting = deque((state, 0) for state in begin)
    while waiting:
        state, length = waiting.popleft()
        if state in found:
            continue
        found[state] = length
        for target, grows in steps[state]:
            if target in found:
                continue
            if grows:
                waiting.append((target, length + 1))
            else:
                waiting.appendleft((target, length))
    return found


def _greatest(circles: Iterable[list[int]], steps: Steps, alive: Collection[int]) -> dict[int, int | None]:
    """The greatest number of items on a way of steps, None where there is none, by state that is alive.

    `circles`: see `Loop`, those behind which no state that is alive comes first.
    """
    found: dict[int, int | None] = {}
    for circle in circles:
        if circle[0] not in alive:  # so is none of them
            continue
        longest, endless = 0, False
        found |= dict.fromkeys(circle, -1)
        for state in circle:
            for target, grows in steps[state]:
                more = found.get(target, -2)
                if more is None or (more == -1 and grows):
                    endless = True
                elif more >= 0:
                    longest = max(longest, more + grows)
        found |= dict.fromkeys(circle, None if endless else longest)
    return found


def _go_round(circle: Collection[int], steps: Steps, backwards: Steps, lengths: dict[int, int], full: int) -> None:
    """Complete the lengths of states that lead to one another, first come, first served.

    With a length comes any number of rounds more, by way of the first state and back.

    Raises
    ------
    BudgetExceeded : the lengths are huge, and too irregular.
    """
    inside = set(circle)
    within = [{q: [edge for edge in each[q] if edge[0] in inside] for q in circle} for each in (steps, backwards)]
    begin = next(iter(circle))
    there, back = (_least(each, [begin]) for each in within)
    waiting, queued = deque(circle), set(circle)
    work = WORK
    while waiting:
        state = waiting.popleft()
        queued.discard(state)
        for before, grows in within[1][state]:
            gained = lengths[before] | lengths[state] << grows & full
            if gained == lengths[before]:
                continue
            lengths[before] = _repeated(gained, full, there[before] + back[before])
            work -= full.bit_length()
            if work < 0:
                raise BudgetExceeded("counts of a pattern with a length", WORK)
            if before not in queued:
                queued.add(before)
                waiting.append(before)


def _repeated(lengths: int, full: int, step: int) -> int:
    """The lengths with any number of steps more."""
    while 0 < step <= full.bit_length():
        lengths |= lengths << step & full
        step *= 2
    return lengths


def _counts_within(remaining: int, low: int, high: int) -> int:
    """The counts c for which some r in `remaining`, none above `high`, has low <= c + r <= high, as bits."""
    if remaining and remaining.bit_count() == remaining.bit_length():  # every length from 0: the usual case
        first = max(0, low - remaining.bit_length() + 1)
        return (1 << high + 1) - (1 << first)
    allowed = int(f"{remaining:0{high + 1}b}"[::-1], 2)  # c = high - r
    width, reached = high - low + 1, 1
    while reached < width:
        step = min(reached, width - reached)
        allowed |= allowed >> step
        reached += step
    return allowed
