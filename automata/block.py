"""Block: one lowered rule, ready to be placed into the grammar arena.

A block is made state by state with local numbers (0 is dead, 1 the start) and then turned into arrays once. Placing it adds
the base to every code. Blocks of terminals are kept process-wide by content, and so are the tables of their states.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..grammar.machine import Machine
from . import _layout_kernels as L

#: From so many byte ranges on, a state's edges become a row of 256 codes.
DENSE_FROM = 7
#: From so many allowed bytes on, a terminal's state gets a table.
TABLED_FROM = 10


@lru_cache(maxsize=8192)
def byte_ranges(mask: int) -> tuple[tuple[int, int], ...]:
    """The inclusive ranges of a 256-bit byte set.

    >>> byte_ranges(0b1101)
    ((0, 0), (2, 3))
    """
    ranges = []
    lo = 0
    while mask:
        skip = (mask & -mask).bit_length() - 1
        lo += skip
        mask >>= skip
        run = (~mask & (mask + 1)).bit_length() - 1
        ranges.append((lo, lo + run - 1))
        mask >>= run
        lo += run
    return tuple(ranges)


@dataclass(slots=True)
class State:
    """One state under construction; `code`s are `target | flags << 27` with local targets."""

    flags: int = 0
    #: (256-bit byte set, code); sets are disjoint. Code -1 refuses the bytes.
    edges: list[tuple[int, int]] = field(default_factory=list)
    #: (rule id, code)
    calls: list[tuple[int, int]] = field(default_factory=list)
    #: (token id, code)
    tokens: list[tuple[int, int]] = field(default_factory=list)
    #: Key index behind a key's end; or None.
    aux: int | None = None
    #: Words behind `S_AUX`: keys under a state of a key, or the counts that can still end.
    words: list[int] | None = None
    fallback: int = 0


class Block:
    """A rule under construction."""

    def __init__(self, kind: int = L.PLAIN) -> None:
        self.states: list[State] = [State()]
        self.kind = kind
        self.min = 0
        self.max = -1
        self.n_keys = 0
        self.required: list[int] = []
        self.has_other = False
        self.start_words: list[int] | None = None
        self.lexeme = False
        self.priority = 0
        self.guard = -1
        #: First states behind the undeclared keys of each class.
        self.classes: list[int] = []
        #: State inside an undeclared key -> content key of its table.
        self.regions: dict[int, Hashable] = {}

    def state(self, flags: int = 0) -> int:
        """Add a state; returns its local number."""
        self.states.append(State(flags))
        return len(self.states) - 1

    def lay(self, machine: Machine, start: int, flags: int = 0) -> list[int]:
        """Lay a copy of a machine behind a state, `flags` on its first edges; returns the states at which it accepts."""
        numbers: dict[int, int] = {}

        def number(q: int) -> int:
            if q not in numbers:
                numbers[q] = self.state()
                waiting.append(q)
            return numbers[q]

        waiting: list[int] = []
        self.states[start].edges += [(m, number(t) | flags << L.FLAG_SHIFT) for t, m in machine.rows[0].items()]
        while waiting:
            q = waiting.pop()
            self.states[numbers[q]].edges += [(m, number(t)) for t, m in machine.rows[q].items()]
        return [start] * bool(machine.labels[0]) + [n for q, n in numbers.items() if machine.labels[q]]

    @property
    def terminal(self) -> bool:
        """Whether the rule calls nothing and matches no special token."""
        return self.kind in (L.PLAIN, L.COUNTED) and not any(s.calls or s.tokens for s in self.states)

    def finish(self) -> Lowered:
        """Turn the block into arrays."""
        terminal = self.terminal and self.guard < 0
        records = np.zeros((len(self.states) - 1, L.ST), np.int32)
        flat: list[int] = []
        codes: list[int] = []
        call_at: list[int] = []
        feasible = {i for i, s in enumerate(self.states) if s.flags & L.FEASIBLE}
        for i, state in enumerate(self.states[1:]):
            row = records[i]
            flags = state.flags
            row[L.S_TABLE] = -1
            row[L.S_FALLBACK] = state.fallback
            row[L.S_EDGES] = len(flat)
            n_bytes = self._put_edges(state, row, flat, codes)
            if row[L.S_NEDGES] < 0:
                row[L.S_NEDGES] = 256
                flags |= L.DENSE
            row[L.S_CALLS], row[L.S_NCALLS] = len(flat), len(state.calls)
            for rule, code in state.calls:
                call_at.append(len(flat))
                codes.append(len(flat) + 1)
                flat += (rule, code)
            row[L.S_TOKENS], row[L.S_NTOKENS] = len(flat), len(state.tokens)
            for token, code in state.tokens:
                codes.append(len(flat) + 1)
                flat += (token, code)
            if state.words is not None:
                row[L.S_AUX] = len(flat)
                flat += state.words
            elif state.aux is not None:
                row[L.S_AUX] = state.aux
            row[L.S_FLAGS] = self._flags(state, flags, n_bytes, terminal, feasible)
        required = len(flat)
        flat += self.required
        classes = len(flat)
        codes += range(classes, classes + len(self.classes))
        flat += [number | L.ADD << L.FLAG_SHIFT for number in self.classes]
        return Lowered(
            records,
            np.array(flat, np.int64).astype(np.int32),
            np.array(codes, np.int64),
            tuple(bool(s.words is not None) for s in self.states[1:]),
            (self.kind, self.min, self.max, self.n_keys, required, self.guard, int(self.has_other), classes),
            self.priority,
            terminal,
            self.start_words,
            self.regions,
        )

    @staticmethod
    def _put_edges(state: State, row: NDArray[np.int32], flat: list[int], codes: list[int]) -> int:
        """Append the edges to `flat`; returns the number of allowed bytes. S_NEDGES -1 says that they are dense."""
        ranges = sorted((lo, hi, code) for mask, code in state.edges for lo, hi in byte_ranges(mask))
        if len(ranges) >= DENSE_FROM:
            base = len(flat)
            dense = [0] * 256
            for lo, hi, code in ranges:
                dense[lo : hi + 1] = [code] * (hi - lo + 1)
            flat += dense
            codes += range(base, base + 256)
            row[L.S_NEDGES] = -1
        else:
            for lo, hi, code in ranges:
                codes.append(len(flat) + 1)
                flat += (lo | hi << 8, code)
            row[L.S_NEDGES] = len(ranges)
        return sum(hi - lo + 1 for lo, hi, code in ranges if code > 0)

    def _flags(self, state: State, flags: int, n_bytes: int, terminal: bool, feasible: set[int]) -> int:
        moves = bool(state.edges or state.calls or state.tokens or state.fallback)
        if self.lexeme:
            flags |= L.LEXEME
        if flags & L.FINAL and not flags & L.COND and not moves and not self.lexeme:
            flags |= L.POP
        if not (flags & L.FINAL or state.calls or state.tokens or self.lexeme):
            flags |= L.FAST
        if terminal and n_bytes >= TABLED_FROM and not any((code & L.TARGET) in feasible for _, code in state.edges):
            flags |= L.TABLED
        return flags


@dataclass(frozen=True, slots=True, eq=False)
class Lowered:
    """A finished block; compared by identity, which is the content key of shared terminals."""

    records: NDArray[np.int32]
    flat: NDArray[np.int32]
    #: Positions in `flat` that hold codes.
    codes: NDArray[np.int64]
    #: By state: whether S_AUX is a position in `flat`.
    has_words: tuple[bool, ...]
    #: R_KIND to R_CLASSES of the rule's record, R_REQ and R_CLASSES relative to `flat`.
    rule: tuple[int, ...]
    priority: int
    terminal: bool
    #: Words of the first seen-set, where payloads are seen-sets.
    start_words: list[int] | None
    #: State inside an undeclared key -> content key of its table.
    regions: dict[int, Hashable]
    #: State inside an undeclared key -> content key of its table.
    regions: dict[int, Hashable]
