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

from ..errors import BudgetExceeded
from ..grammar.analysis import components

#: States times bound that one loop may take where the counts are no intervals.
FEASIBLE_BITS = 400_000_000
#: State -> the states that its edges lead to, and whether they complete an item.
Steps: TypeAlias = Mapping[int, Collection[tuple[int, bool]]]


class Counts(NamedTuple):
    """The counts from `first` to `last`; with `bits`, those among them of which the bit is set."""

    first: int
    last: int
    bits: int | None = None


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

    def feasible(self, low: int, high: int | None) -> dict[int, Counts]:
        """By state, the counts at which the loop can still end.

        `low`, `high`: how many items there may be. Without `high`, counts stop at `low`.

        Raises
        ------
        BudgetExceeded : the bounds are large and near each other.
        """
        item_ends = {target for edges in self._steps.values() for target, grows in edges if grows}
        if high is not None and high - low < len(item_ends):
            if (high + 1) * len(self._steps) > FEASIBLE_BITS:
                raise BudgetExceeded("counts of a pattern with a length", FEASIBLE_BITS)
            remaining = self._remaining(high + 1)
            return {state: _as_counts(_counts_within(lengths, low, high)) for state, lengths in remaining.items()}
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
                    found = _repeated(found, full)
                lengths[state] = found
            if len(circle) > 1:
                _go_round(circle, self._backwards, lengths, full)
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


def _go_round(circle: Collection[int], backwards: Steps, lengths: dict[int, int], full: int) -> None:
    """Complete the lengths of states that lead to one another, first come, first served."""
    inside = set(circle)
    waiting, queued = deque(circle), set(circle)
    while waiting:
        state = waiting.popleft()
        queued.discard(state)
        for before, grows in backwards[state]:
            gained = lengths[before] | lengths[state] << grows & full
            if before not in inside or gained == lengths[before]:
                continue
            lengths[before] = _repeated(gained, full) if before == state else gained
            if before not in queued:
                queued.add(before)
                waiting.append(before)


def _repeated(lengths: int, full: int) -> int:
    """The lengths with any number of items more."""
    step = 1
    while step <= full.bit_length():
        lengths |= lengths << step & full
        step *= 2
    return lengths


def _counts_within(remaining: int, low: int, high: int) -> int:
    """The counts c for which some r in `remaining` has low <= c + r <= high, as bits."""
    allowed = 0
    rest = remaining
    if rest and rest.bit_count() == rest.bit_length():  # every length from 0: the usual case
        first = max(0, low - rest.bit_length() + 1)
        return (1 << high + 1) - (1 << first)
    while rest:
        r = (rest & -rest).bit_length() - 1
        lo, hi = max(0, low - r), high - r
        if hi >= lo:
            allowed |= (1 << hi + 1) - (1 << lo)
        run = (~(rest >> r) & ((rest >> r) + 1)).bit_length() - 1
        if run > 1:  # a run of lengths widens the interval downwards
            lo = max(0, low - (r + run - 1))
            allowed |= (1 << max(hi, 0) + 1) - (1 << lo) if hi >= 0 else 0
        rest &= ~(((1 << run) - 1) << r)
    return allowed


def _as_counts(bits: int) -> Counts:
    """Counts given as bits, as an interval where they are one."""
    if not bits:
        return Counts(0, -1)
    first, last = (bits & -bits).bit_length() - 1, bits.bit_length() - 1
    return Counts(first, last, None if bits.bit_count() == last - first + 1 else bits)
