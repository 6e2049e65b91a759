"""Blocks of written texts: an automaton over classes of characters, each of its moves spelled out in bytes at the end.

Patterns, lengths and what they exclude meet over classes, where a character is one step and a machine a fraction of
that over bytes. Where the length counts, each byte that ends a character counts one (see `counted.py`), and the states
inside a character ask for the counts that some state behind it asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache, reduce
from itertools import accumulate
from operator import or_
from typing import NamedTuple

import numpy as np

from ..errors import BudgetExceeded
from ..grammar.character_classes import over_classes
from ..grammar.ir import (
    And,
    Bytes,
    CodePointSet,
    Expr,
    Not,
    Repeat,
    Seq,
    Writing,
    Written,
    children,
    over_bytes,
    sequence,
)
from ..grammar.machine import Machine
from ..grammar.unicode import ANY, CodePoints
from . import _layout_kernels as L
from .counted import WIDE_UNROLL, asked, counted_parts
from .determinize import MoveTable, machine_or_table
from .feasible import Counts, Loop, check_counts
from .lowered import Ints, Lowered, bounds
from .memory import room
from .ranges import byte_ranges
from .rows import lowered_rows
from .subset import is_big

_ANY_CHARACTER = CodePointSet(ANY)


class _Shape(NamedTuple):
    """A text and the bytes around it."""

    before: bytes
    text: Written
    after: bytes


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
    match expr:
        case Seq((Bytes(before), Written() as text, Bytes(after))) if after:
            shape = _Shape(before, text, after)
        case _:
            return None
    loop, body = _split(text.expr)
    classed = None if _is_counted_alone(shape) else over_classes(body)
    if classed is None or not classed.classes or (loop is not None and not isinstance(loop.item, CodePointSet)):
        return None
    trie = _trie(text.writing, classed.classes)
    if trie.begins >> after[0] & 1:
        return None
    moves, finals = _class_moves(machine_or_table(classed.expr, limit), len(classed.classes))
    if not finals.any():
        return None
    return _Block(shape, trie, moves, finals).lowered(loop, limit)


def _is_counted_alone(shape: _Shape) -> bool:
    """Whether the text has a loop that is counted with no pattern beside it: its tables then serve any bounds."""
    text = shape.text.expr
    items = text.items if isinstance(text, Seq) else (text,)
    if not any(isinstance(item, Repeat) and max(item.min, item.max or 0) > WIDE_UNROLL for item in items):
        return False
    return counted_parts(sequence(Bytes(shape.before), over_bytes(shape.text), Bytes(shape.after))) is not None


def _split(expr: Expr) -> tuple[Repeat | None, Expr]:
    """The loop beside a pattern that is to be counted, if there is one, and the pattern."""
    loops = [item for item in expr.items if isinstance(item, Repeat) and is_big(item)] if isinstance(expr, And) else []
    if len(loops) != 1:
        return None, expr
    (loop,) = loops
    rest = [item for item in children(expr) if item is not loop]
    if loop.item != _ANY_CHARACTER or all(isinstance(item, Not) for item in rest):
        rest.append(Repeat(loop.item))
    return loop, rest[0] if len(rest) == 1 else And(tuple(rest))


class _Trie(NamedTuple):
    """A trie of characters as arrays: of each node its first edge, and edges as (first byte, last byte, target)."""

    first: Ints
    edges: Ints
    #: The bytes that a character begins with, as a byte set.
    begins: int


@lru_cache(maxsize=1024)
def _trie(writing: Writing, classes: tuple[CodePoints, ...]) -> _Trie:
    rows = writing.trie(classes)
    edges = [sorted((lo, hi, target) for mask, target in row for lo, hi in byte_ranges(mask)) for row in rows]
    first = np.array([0, *accumulate(map(len, edges))], np.int32)
    flat = np.array([edge for row in edges for edge in row], np.int32).reshape(-1, 3)
    return _Trie(first, flat, reduce(or_, (mask for mask, _ in rows[-1]), 0))


def _class_moves(machine: Machine | MoveTable, n_classes: int) -> tuple[Ints, Ints]:
    """The state after each class, (n, n_classes), -1 for none; and which states are final, (n,)."""
    if isinstance(machine, MoveTable):
        return np.ascontiguousarray(machine.moves[:, machine.class_of[:n_classes]]), machine.labels
    moves = [-1] * (len(machine.rows) * n_classes)
    for q, row in enumerate(machine.rows):
        for t, mask in row.items():
            for lo, hi in byte_ranges(mask & (1 << n_classes) - 1):
                moves[q * n_classes + lo : q * n_classes + hi + 1] = [t] * (hi - lo + 1)
    return np.array(moves, np.int32).reshape(-1, n_classes), np.array(machine.labels, np.int32)


class _Block:
    """The states of a text between literals, numbered as `_written_kernels.py` has them."""

    def __init__(self, shape: _Shape, trie: _Trie, moves: Ints, finals: Ints) -> None:
        self._before, self._after = (
            np.frombuffer(each, np.uint8).astype(np.int32) for each in (shape.before, shape.after)
        )
        self._trie, self._moves, self._finals = trie, moves, finals
        self._first = len(self._before)
        #: Of the states inside a character, by index: number less one.
        self._inner = self._first + len(finals) + len(self._after)

    def lowered(self, loop: Repeat | None, limit: int) -> Lowered:
        """The block; `loop` counts its characters."""
        low, top = (0, -1) if loop is None else bounds(loop.min, loop.max)
        high = None if top < 0 else top
        within = None if loop is None else Loop(self._steps(), np.nonzero(self._finals)[0].tolist(), 0)
        is_counted = within is not None and not within.is_within(low, high)
        rows, ranges = self._rows(is_counted, limit)
        flags = np.zeros(len(rows), np.int32)
        flags[self._inner - 1] = L.FINAL
        if within is None or not is_counted:
            return lowered_rows(rows, ranges, flags)
        flags[self._inner :] = L.INSIDE
        needed, words = 1, dict[int, list[int]]()
        for state, counts in self._asked(within, rows, ranges, low, high):
            words[state] = counts.words()
            has_ceiling = high is not None and counts.first == 0 and counts.bits is None
            flags[state] |= L.FEASIBLE | (L.CEILING if has_ceiling else 0)
            needed = max(needed, (low if high is None else high) - (counts.last if has_ceiling else 0))
        return lowered_rows(rows, ranges, flags, words, (L.COUNTED, low, top, needed))

    def _steps(self) -> dict[int, list[tuple[int, bool]]]:
        """The edges of the machine, each of which takes a character."""
        return {q: [(t, True) for t in {*row} - {-1}] for q, row in enumerate(self._moves.tolist())}

    def _rows(self, is_counted: bool, limit: int) -> tuple[Ints, Ints]:
        """The edges of all states, as rows of ranges."""
        from ._written_kernels import write_characters

        n, n_nodes, n_edges = len(self._finals), len(self._trie.first) - 1, len(self._trie.edges)
        most = min(self._inner + n * (n_nodes - 1), max(limit, self._inner))
        rows, ranges = room(most, 2), room(n * (n_edges + 1) + self._inner + n_edges, 2)
        table = np.zeros(1 << (2 * most).bit_length(), np.int32)
        found = write_characters(
            self._moves, self._finals, self._trie.first, self._trie.edges, self._before, self._after, is_counted,
            np.empty(n_nodes, np.int32), table, rows, ranges,
        )  # fmt: skip
        if found < 0:
            raise BudgetExceeded("automaton states", limit)
        return rows[:found], ranges

    def _asked(self, loop: Loop, rows: Ints, ranges: Ints, low: int, high: int | None) -> Iterator[tuple[int, Counts]]:
        """The states that must ask for the count, ascending, and the counts that they ask for."""
        from ._written_kernels import spread_counts

        feasible, reached = loop.feasible(low, high), loop.reached()
        n, top = len(feasible), low if high is None else high
        spread = np.zeros((len(rows), 4), np.int64)
        for q in range(n):
            least, most = reached[q]
            spread[self._first + q] = feasible[q].first, feasible[q].last, least, top if most is None else most
        spread_counts(rows, ranges, self._first + 1, n, self._inner + 1, -1 if high is not None else low, spread)
        exact = {} if loop.are_intervals(low, high) else self._exact(feasible, rows, ranges, top)
        for state, (first, last, least, most) in enumerate(spread.tolist()):
            if self._first <= state < self._first + n or state >= self._inner:
                beyond = top if state < self._inner or high is None else top - 1
                counts = asked(exact.get(state) or Counts(first, last), least, min(most, beyond))
                if counts is not None:
                    yield state, counts

    def _exact(self, feasible: Mapping[int, Counts], rows: Ints, ranges: Ints, high: int) -> dict[int, Counts]:
        """The counts of all states of the loop where they may have gaps."""
        check_counts(high, len(rows))
        found = {self._first + q: counts for q, counts in feasible.items()}
        bits = {state: counts.as_bits() >> 1 for state, counts in found.items()}
        for state in range(self._inner, len(rows)):
            at, size = rows[state].tolist()
            targets = (ranges[at : at + size, 1] & L.TARGET) - 1
            bits[state] = reduce(or_, map(bits.__getitem__, targets.tolist()), 0)
            found[state] = Counts.of_bits(bits[state])
        return found
