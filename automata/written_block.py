"""Blocks of written texts: automata over classes of characters, and what their lengths ask for.

Where the length counts beside a pattern, each byte that ends a character counts one (see `counted.py`), and the states
inside a character ask for the counts that some state behind it asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..grammar.character_classes import over_classes
from ..grammar.ir import And, Bytes, CodePointSet, Expr, Not, Repeat, Seq, Written, over_bytes, sequence
from ..grammar.unicode import ANY
from . import _layout_kernels as L
from .counted import WIDE_UNROLL, counted_parts
from .determinize import machine_or_table
from .feasible import Counts, Loop, check_counts
from .lowered import Ints, Lowered, bounds
from .rows import lowered_rows
from .subset import is_big
from .written_rows import Between, SpelledOut, trie_of, written_between

Longs: TypeAlias = NDArray[np.int64]
_ANY_CHARACTER = CodePointSet(ANY)


def written_in(expr: Expr) -> Written | None:
    """The written text that an expression is, or that stands in a sequence; None if there is none."""
    items = expr.items if isinstance(expr, Seq) else (expr,)
    return next((item for item in items if isinstance(item, Written)), None)


def plainly(expr: Expr) -> Expr:
    """The same over bytes."""
    if isinstance(expr, Written):
        return over_bytes(expr)
    return sequence(*map(plainly, expr.items)) if isinstance(expr, Seq) else expr


def lower_written(expr: Expr, limit: int) -> Lowered | None:
    """The block of a written text between literals; None if its form asks for another way to lower it.

    Raises
    ------
    BudgetExceeded : it takes more than `limit` states, or its counts are too many.
    """
    between = written_between(expr)
    if between is None or _is_counted_alone(between):
        return None
    loop, body = _split(between.text.expr)
    classed = over_classes([body])
    if classed is None or not classed.classes or (loop is not None and not isinstance(loop.item, CodePointSet)):
        return None
    trie = trie_of(between.text.writing, classed.classes)
    if trie.begins >> between.after[0] & 1:
        return None
    spelled = SpelledOut(between, machine_or_table(classed.exprs[0], limit), trie, len(classed.classes))
    if not spelled.ends:
        return None
    counted = None if loop is None else _Counted.of(spelled, *bounds(loop.min, loop.max))
    rows, ranges = spelled.rows(counted is not None, limit)
    flags = np.zeros(len(rows), np.int32)
    flags[spelled.ends] = L.FINAL
    return lowered_rows(rows, ranges, flags) if counted is None else counted.lowered(rows, ranges, flags)


def _is_counted_alone(between: Between) -> bool:
    """Whether the text has a loop that is counted with no pattern beside it: its tables then serve any bounds."""
    text = between.text.expr
    items = text.items if isinstance(text, Seq) else (text,)
    if not any(isinstance(item, Repeat) and max(item.min, item.max or 0) > WIDE_UNROLL for item in items):
        return False
    return counted_parts(sequence(Bytes(between.before), over_bytes(between.text), Bytes(between.after))) is not None


def _split(expr: Expr) -> tuple[Repeat | None, Expr]:
    """The loop beside a pattern that is to be counted, if there is one, and the pattern."""
    if not isinstance(expr, And):
        return None, expr
    loops = [item for item in expr.items if isinstance(item, Repeat) and is_big(item)]
    if len(loops) != 1:
        return None, expr
    (loop,) = loops
    rest = [item for item in expr.items if item is not loop]
    if loop.item != _ANY_CHARACTER or all(isinstance(item, Not) for item in rest):
        rest.append(Repeat(loop.item))
    return loop, rest[0] if len(rest) == 1 else And(tuple(rest))


class _Counted(NamedTuple):
    """A text whose length counts."""

    spelled: SpelledOut
    loop: Loop
    low: int
    high: int | None

    @staticmethod
    def of(spelled: SpelledOut, low: int, top: int) -> _Counted | None:
        """The text with at least `low` and at most `top` characters (-1: any number); None if it has no others."""
        high = None if top < 0 else top
        steps = {q: [(t, True) for t in {*row} - {-1}] for q, row in enumerate(spelled.moves.tolist())}
        loop = Loop(steps, np.nonzero(spelled.labels)[0].tolist(), 0)
        return None if loop.is_within(low, high) else _Counted(spelled, loop, low, high)

    @property
    def top(self) -> int:
        """The greatest count that is told apart."""
        return self.low if self.high is None else self.high

    def lowered(self, rows: Ints, ranges: Ints, flags: Ints) -> Lowered:
        """The block. A state asks for the count unless all that it may be reached with are feasible."""
        counts, gaps = self._counts(rows, ranges)
        inner = np.arange(len(rows)) >= self.spelled.inner
        first, last, least, most = counts.T
        has_gaps = np.isin(np.arange(len(rows)), list(gaps))
        first[~has_gaps & (first <= least)] = 0
        asks = has_gaps | (first > 0) | (last < np.minimum(most, self.top - (inner & (self.high is not None))))
        ceiling = asks & ~has_gaps & (first == 0) & (self.high is not None)
        flags[inner] |= L.INSIDE
        flags[asks] |= L.FEASIBLE
        flags[ceiling] |= L.CEILING
        needed = int(np.where(ceiling, self.top - last, self.top)[asks].max(initial=1))
        rule = L.COUNTED, self.low, -1 if self.high is None else self.high, needed
        asked = counts.astype(np.int32)
        asked[:, 2] = 0
        if not gaps:
            return lowered_rows(rows, ranges, flags, rule, 3 * asks, asked[asks, :3].reshape(-1))
        words = [gaps[q].words() if q in gaps else asked[q, :3].tolist() for q in np.nonzero(asks)[0].tolist()]
        sizes = asks.astype(np.int64)
        sizes[asks] = [len(each) for each in words]
        return lowered_rows(rows, ranges, flags, rule, sizes, np.array([w for each in words for w in each], np.int32))

    def _counts(self, rows: Ints, ranges: Ints) -> tuple[Longs, dict[int, Counts]]:
        """The counts that are feasible in each state, see `spread_counts`; and those with gaps, by state."""
        from ._written_kernels import spread_counts

        feasible, reached = self.loop.feasible(self.low, self.high), self.loop.reached()
        n, at, saturated = len(feasible), self.spelled.first, self.low if self.high is None else -1
        counts = np.zeros((len(rows), 4), np.int64)
        for q in range(n):
            least, most = reached[q]
            counts[at + q] = feasible[q].first, feasible[q].last, least, self.top if most is None else most
        spread_counts(rows, ranges, at + 1, n, self.spelled.inner + 1, saturated, counts)
        if self.loop.are_intervals(self.low, self.high):
            return counts, {}
        exact = self._exact(feasible, rows, ranges)
        counts[list(exact), :2] = [each[:2] for each in exact.values()]
        return counts, {state: each for state, each in exact.items() if each.bits is not None}

    def _exact(self, feasible: Mapping[int, Counts], rows: Ints, ranges: Ints) -> dict[int, Counts]:
        """The counts of all states of the loop where they may have gaps."""
        check_counts(self.top, len(rows))
        found = {self.spelled.first + q: counts for q, counts in feasible.items()}
        bits = {state: counts.as_bits() >> 1 for state, counts in found.items()}
        targets = ((ranges[:, 1] & L.TARGET) - 1).tolist()
        for state, (at, size) in enumerate(rows[self.spelled.inner :].tolist(), self.spelled.inner):
            bits[state] = reduce(or_, [bits[t] for t in targets[at : at + size]])
            found[state] = Counts.of_bits(bits[state])
        return found
