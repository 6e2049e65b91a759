"""Written texts: an automaton over classes of characters, each of its moves spelled out in bytes at the end.

Patterns, lengths and what they exclude meet over classes, where a character is one step and a machine a fraction of
that over bytes. What stands around the text is literal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce
from itertools import accumulate
from operator import or_
from typing import NamedTuple

import numpy as np

from ..errors import BudgetExceeded
from ..grammar.character_classes import over_classes
from ..grammar.ir import Bytes, Expr, Seq, Writing, Written
from ..grammar.machine import Machine, renumber
from ..grammar.unicode import CodePoints
from .determinize import MoveTable, determinize
from .lowered import Ints
from .memory import room
from .ranges import byte_ranges


class Between(NamedTuple):
    """A text and the bytes around it, of which there are some behind it."""

    before: bytes
    text: Written
    after: bytes


def written_between(expr: Expr) -> Between | None:
    """A written text between literals; None if the expression is something else."""
    match expr:
        case Seq((Bytes(before), Written() as text, Bytes(after))) if after:
            return Between(before, text, after)
    return None


class Trie(NamedTuple):
    """A trie of characters as arrays: of each node its first edge, and edges as (first byte, last byte, target)."""

    first: Ints
    edges: Ints
    #: The bytes that a character begins with, as a byte set.
    begins: int


@lru_cache(maxsize=1024)
def trie_of(writing: Writing, classes: tuple[CodePoints, ...]) -> Trie:
    """How the characters of each class are written."""
    rows = writing.trie(classes)
    edges = [sorted((lo, hi, target) for mask, target in row for lo, hi in byte_ranges(mask)) for row in rows]
    first = np.array([0, *accumulate(map(len, edges))], np.int32)
    flat = np.array([edge for row in edges for edge in row], np.int32).reshape(-1, 3)
    return Trie(first, flat, reduce(or_, (mask for mask, _ in rows[-1]), 0))


class SpelledOut:
    """The states of a text between literals, by index: their numbers in `_written_kernels.py` less one.

    Parameters
    ----------
    between : what stands around the text.
    machine : the text over classes of characters; a label has its own states behind it.
    trie : how the characters of the classes are written, none beginning like what stands behind.
    """

    def __init__(self, between: Between, machine: Machine | MoveTable, trie: Trie, n_classes: int) -> None:
        self._before, self._after = (np.frombuffer(each, np.uint8).astype(np.int32) for each in between[::2])
        self._trie = trie
        #: The state after each class, (n, n_classes), -1 for none.
        self.moves, self.labels = _class_moves(machine, n_classes)
        #: The first state of the machine, the first behind it, and the first inside a character.
        self.first = len(self._before)
        self.behind = self.first + len(self.labels)
        self.inner = self.behind + int(self.labels.max()) * len(self._after)

    @property
    def ends(self) -> range:
        """The last state behind the text, for each label."""
        return range(self.behind + len(self._after) - 1, self.inner, len(self._after))

    def rows(self, is_counted: bool, limit: int) -> tuple[Ints, Ints]:
        """The edges of all states: see `_row_kernels.py`.

        Raises
        ------
        BudgetExceeded : these are more than `limit`.
        """
        from ._written_kernels import write_characters

        n, n_nodes, n_edges = len(self.labels), len(self._trie.first) - 1, len(self._trie.edges)
        most = min(self.inner + n * (n_nodes - 1), max(limit, self.inner))
        rows, ranges = room(most, 2), room(n * (n_edges + 1) + self.inner + n_edges, 2)
        table = np.zeros(1 << (2 * most).bit_length(), np.int32)
        found = write_characters(
            self.moves, self.labels, len(self.ends), self._trie.first, self._trie.edges, self._before, self._after,
            is_counted, np.empty(n_nodes, np.int32), table, rows, ranges,
        )  # fmt: skip
        if found < 0:
            raise BudgetExceeded("automaton states", limit)
        rows = rows[:found]
        return rows, ranges[: rows.sum(axis=1).max()]


def _class_moves(machine: Machine | MoveTable, n_classes: int) -> tuple[Ints, Ints]:
    """The state after each class, (n, n_classes), -1 for none; and the labels, (n,)."""
    if isinstance(machine, MoveTable):
        return np.ascontiguousarray(machine.moves[:, machine.class_of[:n_classes]]), machine.labels
    moves = [-1] * (len(machine.rows) * n_classes)
    for q, row in enumerate(machine.rows):
        for t, mask in row.items():
            for lo, hi in byte_ranges(mask & (1 << n_classes) - 1):
                moves[q * n_classes + lo : q * n_classes + hi + 1] = [t] * (hi - lo + 1)
    return np.array(moves, np.int32).reshape(-1, n_classes), np.array(machine.labels, np.int32)


def written_machine(exprs: Sequence[Expr], limit: int) -> Machine | None:
    """As `determinize`, of written texts between the same literals; None if the expressions are something else.

    Raises
    ------
    BudgetExceeded : it takes more than `limit` states.
    """
    found = [between for expr in exprs if (between := written_between(expr)) is not None]
    if not found or len(found) < len(exprs) or len({(b.before, b.text.writing, b.after) for b in found}) > 1:
        return None
    classed = over_classes([between.text.expr for between in found])
    if classed is None or not classed.classes:
        return None
    trie = trie_of(found[0].text.writing, classed.classes)
    machine = determinize(classed.exprs, limit)
    if trie.begins >> found[0].after[0] & 1 or not any(machine.labels):
        return None
    spelled = SpelledOut(found[0], machine, trie, len(classed.classes))
    return _machine(*spelled.rows(False, limit), spelled.ends)


def _machine(rows: Ints, ranges: Ints, ends: range) -> Machine:
    """Rows of states as a machine; `ends`: its accepting states, by label."""
    edges, moves = ranges.tolist(), list[dict[int, int]]()
    for at, size in rows.tolist():
        row: dict[int, int] = {}
        for both, code in edges[at : at + size]:
            first, last = both & 255, both >> 8
            row[code - 1] = row.get(code - 1, 0) | (2 << last) - (1 << first)
        moves.append(row)
    labels = [0] * len(moves)
    for label, state in enumerate(ends, 1):
        labels[state] = label
    return renumber(Machine(moves, labels))
