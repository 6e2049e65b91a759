"""Regular expressions made deterministic: large machines by kernels, small ones by `grammar/nfa.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

from ..errors import BudgetExceeded
from ..grammar import nfa as plain
from ..grammar.ir import And, Expr, Not
from ..grammar.machine import Machine
from ..grammar.nfa import Nfa
from . import _layout_kernels as L
from .lowered import Lowered
from .memory import room
from .rows import lowered_rows

Ints = NDArray[np.int32]

#: States of a nondeterministic machine, and of the deterministic one, from which on the kernels are worth their call.
LARGE, FEW = 128, 96
#: Members of closures, and targets of classes, that one construction may go through: some seconds.
STEPS = 3_000_000_000
#: Deterministic states that there is room for at first, by those of the nondeterministic machine.
ROOM = 4


@dataclass(frozen=True, slots=True)
class MoveTable:
    """A minimal machine as arrays."""

    #: (n, c) the state after each class of bytes, -1 for none.
    moves: Ints
    #: (n,) 0, or 1 + label.
    labels: Ints
    #: (256,) the class of each byte.
    class_of: Ints

    def machine(self) -> Machine:
        """The same on dicts."""
        masks = [int.from_bytes(row.tobytes(), "little") for row in self._classes()]
        rows: list[dict[int, int]] = []
        for targets in self.moves.tolist():
            row: dict[int, int] = {}
            for t, mask in zip(targets, masks, strict=True):
                if t >= 0:
                    row[t] = row[t] | mask if t in row else mask
            rows.append(row)
        return Machine(rows, self.labels.tolist())

    def _classes(self) -> NDArray[np.uint8]:
        """The bytes of each class, as bits."""
        bits = self.class_of == np.arange(self.moves.shape[1])[:, None]
        return np.packbits(bits, axis=1, bitorder="little")

    def lowered(self) -> Lowered:
        """The block of a terminal."""
        from ._row_kernels import rows_of_moves

        n = len(self.labels)
        rows, ranges = room(n, 2), room(256 * n, 2)
        rows_of_moves(self.moves, self.class_of, rows, ranges)
        return lowered_rows(rows, ranges, np.where(self.labels > 0, np.int32(L.FINAL), np.int32(0)))


def determinize(exprs: Sequence[Expr], limit: int) -> Machine:
    """As `grammar.nfa.determinize`, large machines in a fraction of its time."""
    return plain.determinize(exprs, limit, construct)


def construct(nfa: Nfa, start: int, n_finals: int) -> Machine:
    """The minimal machine, by kernels if it pays."""
    found = _construct(nfa, start, n_finals)
    return found.machine() if isinstance(found, MoveTable) else found


def _construct(nfa: Nfa, start: int, n_finals: int) -> Machine | MoveTable:
    few = plain.construct_few(nfa, start, n_finals, FEW) if len(nfa.edges) < LARGE else None
    return few or move_table(nfa, start, n_finals)


def machine_or_table(expr: Expr, limit: int) -> Machine | MoveTable:
    """The minimal machine of an expression: as arrays, if kernels made it of this very expression."""
    if isinstance(expr, And | Not) or plain.words_of(expr):
        return determinize((expr,), limit)
    return _construct(*plain.nfa_of((expr,), limit, construct))


def move_table(nfa: Nfa, start: int, n_finals: int) -> MoveTable:
    """The minimal machine as arrays.

    Raises
    ------
    BudgetExceeded : as `grammar.nfa.determinize` does.
    """
    arrays = _Arrays(nfa, start, n_finals)
    found = arrays.least(ROOM * len(nfa.edges)) or arrays.least(None)
    assert found is not None
    return found


class _Arrays:
    """A nondeterministic machine as arrays; see `_subset_kernels.py`."""

    def __init__(self, nfa: Nfa, start: int, n_finals: int) -> None:
        self._start, self._n_finals = start, n_finals
        self._limit, self._most = nfa.limit, nfa.limit + nfa.free
        self._work, self._visits = 32 * self._most + 100_000, 100 * nfa.limit + 1_000_000
        sets: dict[int, int] = {}
        edges = [(sets.setdefault(mask, len(sets)), t) for row in nfa.edges for mask, t in row]
        empty = [t for row in nfa.empty for t in row]
        sizes = [(len(row), len(moves)) for row, moves in zip(nfa.edges, nfa.empty, strict=True)]
        self.n = len(sizes)
        self._states = np.zeros((self.n + 1, 2), np.int32)
        np.cumsum(sizes, axis=0, out=self._states[1:])
        self._ranks, self._n_chains = _ranks(nfa, n_finals), nfa.n_chains
        self._edges = np.array(edges, np.int32).reshape(-1, 2)
        self._empty = np.array([*empty, 0], np.int32)
        bits = np.frombuffer(b"".join([mask.to_bytes(32, "little") for mask in sets or [0]]), np.uint8).reshape(-1, 32)
        self.class_of, in_class = _classes(np.unpackbits(bits, axis=1, bitorder="little"))
        self.n_classes = in_class.shape[1]
        self._sets = np.concatenate(([0], np.cumsum(in_class.sum(axis=1)))).astype(np.int32)
        self._classes = np.nonzero(in_class)[1].astype(np.int32)

    def least(self, at_first: int | None) -> MoveTable | None:
        """The minimal machine, with room for so many states on the way, or for all; None if that does not suffice."""
        from ._determinize_kernels import least_machine

        n, width, rows = self.n, self.n_classes, min(at_first or self._most, self._most) + 2
        most = min(8 * at_first if at_first else self._visits, self._visits) + n + 1
        N = np.full((n, L.NS_COLUMNS), -1, np.int64)
        N[:, L.NS_SEEN] = 0
        H = np.zeros((self._n_chains, L.CH_COLUMNS), np.int64)
        C, D = np.zeros((width, L.BC_COLUMNS), np.int64), np.zeros((rows, L.DS_COLUMNS), np.int64)
        members, closures, targets = (room(most) for _ in range(3))
        table = np.zeros(1 << (2 * rows).bit_length(), np.int32)
        used = np.array([0, 0, 0, self._visits, self._work, self._most, STEPS], np.int64)
        moves, least = (room(rows, width) for _ in range(2))
        labels, final = np.empty(rows, np.int32), np.empty(rows, np.int32)
        heads, before = room(rows * width + 1), room(rows * width)
        blocks = room(rows, L.MS_COLUMNS)
        found = least_machine(
            self._states, self._edges, self._empty, self._sets, self._classes, self._ranks, self._start, self._n_finals,
            N, H, C, D, members, closures, targets, table, moves, used,
            labels, heads, before, blocks, least, final,
        )  # fmt: skip
        if found == L.NO_ROOM and at_first:
            return None
        if found < 0:
            raise BudgetExceeded("automaton states", self._limit)
        return MoveTable(least[:found].copy(), final[:found].copy(), self.class_of)


def _ranks(nfa: Nfa, n_finals: int) -> Ints:
    """The chain of each state, -1 for none, and its rank in it: (n, 2); EVERYTHING is the chain of those that read on.

    Those accept whatever text follows, so no other state matters beside them.
    """
    found = np.full((len(nfa.edges), 2), -1, np.int32)
    for q, own in nfa.ranks.items():
        found[q] = own
    for first, size, copies, chain, rank in nfa.ranks_of_copies:
        of_copies = found[first : first + size * copies].reshape(copies, size, 2)
        of_copies[:, :, 0] = chain + np.arange(size)
        of_copies[:, :, 1] = rank + np.arange(copies)[:, None]
    if n_finals == 1 and nfa.tails:
        every = reduce(or_, (mask for row in nfa.edges for mask, _ in row))
        found[[q for q, mask in nfa.tails.items() if mask == every], 0] = L.EVERYTHING
    return found


def _classes(bits: NDArray[np.uint8]) -> tuple[Ints, NDArray[np.bool_]]:
    """The class of each byte, and which classes each byte set holds: (n_sets, n_classes).

    Classes are numbered by their lowest byte; bytes that no set holds are one, too.
    """
    columns = np.packbits(bits, axis=0).T
    _, first, kind = np.unique(columns, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[kind.reshape(-1)].astype(np.int32), bits[:, first[order]].astype(np.bool_)
