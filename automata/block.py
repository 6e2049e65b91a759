"""Block: one lowered rule, ready to be placed into the grammar arena.

A block is made state by state with local numbers (0 is dead, 1 the start) and then turned into arrays once.
Placing it adds the base to every code. Blocks of terminals are kept process-wide by content, and so are the
tables of their states.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..grammar.machine import Machine
from . import _layout_kernels as L
from .key_chain import Chain, Links, lay_chains
from .laid import LATER, Copied, Laid, join
from .ranges import DENSE_FROM, byte_ranges

#: From so many allowed bytes on, a terminal's state gets a table; so does one leading to a state of `FREE_FROM` bytes.
TABLED_FROM = 10
FREE_FROM = 64
_ADD = L.ADD << L.FLAG_SHIFT
Ints: TypeAlias = NDArray[np.int32]


class State:
    """One state under construction; `code`s are `target | flags << 27` with local targets."""

    __slots__ = ("aux", "calls", "edges", "fallback", "flags", "tokens", "words")

    def __init__(self, flags: int = 0) -> None:
        self.flags = flags
        #: (256-bit byte set, code); sets are disjoint. Code -1 refuses the bytes.
        self.edges: list[tuple[int, int]] = []
        #: (rule id, code)
        self.calls: tuple[tuple[int, int], ...] = ()
        #: (token id, code)
        self.tokens: tuple[tuple[int, int], ...] = ()
        #: Key index behind a key's end; or None.
        self.aux: int | None = None
        #: Words behind `S_AUX`: keys under a state of a key, or the counts that can still end.
        self.words: Sequence[int] | None = None
        self.fallback = 0


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
        #: Whether its undeclared keys must be remembered.
        self.open = False
        #: What is laid once for each rule that it calls, and those rules.
        self._copied: Copied | None = None
        self._copies: list[tuple[int, int]] = []
        self._chains: list[Chain] = []
        #: Where the links of the chains are.
        self.links: Links | None = None
        #: DFA state -> the state of an undeclared key, and the flags of the states of keys, for chains.
        self.pure: dict[int, int] = {}
        self.key_flags = 0

    def state(self, flags: int = 0) -> int:
        """Add a state; returns its local number."""
        self.states.append(State(flags))
        return len(self.states) - 1

    def copies(self, copied: Copied, calls: list[tuple[int, int]]) -> int:
        """Lay states behind all others, once for each (rule called, S_AUX of the first state).

        Returns the code of the first copy; the next one's is one more.
        """
        self._copied, self._copies = copied, calls
        return LATER

    def chain(self, chain: Chain) -> int:
        """Lay a chain behind all other states, after the copies; returns the code of its first state."""
        self._chains.append(chain)
        return LATER + len(self._copies) + len(self._chains) - 1

    def lay(self, machine: Machine, start: int, flags: int = 0) -> list[int]:
        """Lay a copy of a machine behind a state, `flags` on its first edges; returns its accepting states."""
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
        flat: list[int] = []
        codes: list[int] = []
        rows: list[int] = []  # one list, not one a state: fewer objects for the garbage collector to go through
        for state in self.states[1:]:
            rows += self._row(state, flat, codes)
        records = np.array(rows, np.int32).reshape(-1, L.ST)
        if terminal:
            self._mark_tabled(records)
        required = len(flat)
        flat += self.required
        classes = len(flat)
        codes += range(classes, classes + len(self.classes))
        flat += [number | _ADD for number in self.classes]
        has_words = np.array([state.words is not None for state in self.states[1:]], np.bool_)
        laid = Laid(records, np.array(flat, np.int64).astype(np.int32), np.array(codes, np.int64), has_words)
        if self._copies or self._chains:
            laid = self._lay_later(laid)
        return Lowered(
            *laid,
            (self.kind, self.min, self.max, self.n_keys, required, self.guard, int(self.has_other), classes),
            self.priority,
            terminal,
            self.start_words,
            self.regions,
            self.open,
            len(self.classes),
        )

    def _lay_later(self, laid: Laid) -> Laid:
        """Lay copies and chains behind the states."""
        parts, starts = [laid], []
        first, at = len(self.states), len(laid.flat)
        if self._copied is not None:
            copies = self._copied.lay(self._copies, first, at)
            parts.append(copies)
            starts.append(first + len(self._copied.records) * np.arange(len(self._copies)))
            first, at = first + len(copies.records), at + len(copies.flat)
        if self._chains:
            assert self.links is not None
            flags = self.key_flags | L.KEYCHECK | L.FAST
            chains, heads = lay_chains(self.links, self._chains, first, at, flags, self.pure)
            parts.append(chains)
            starts.append(heads)
        return join(parts, starts)

    def _row(self, state: State, flat: list[int], codes: list[int]) -> tuple[int, ...]:
        """The record of a state; its edges, calls, tokens and words go to `flat`."""
        flags, aux, calls, tokens = state.flags, 0, state.calls, state.tokens
        edges = len(flat)
        n_edges = _put_edges(state.edges, flat, codes)
        if n_edges == 256:
            flags |= L.DENSE
        calls_at = tokens_at = len(flat)
        if calls or tokens:
            _put_pairs(calls, flat, codes)
            tokens_at = len(flat)
            _put_pairs(tokens, flat, codes)
        if state.words is not None:
            aux = len(flat)
            flat += state.words
        elif state.aux is not None:
            aux = state.aux
        if self.lexeme:
            flags |= L.LEXEME
        elif flags & L.FINAL:
            if not (flags & L.COND or n_edges or calls or tokens or state.fallback):
                flags |= L.POP
        elif not (calls or tokens):
            flags |= L.FAST
        n_calls, n_tokens = len(calls), len(tokens)
        return flags, edges, n_edges, calls_at, n_calls, 0, tokens_at, n_tokens, -1, 0, aux, state.fallback

    def _mark_tabled(self, records: NDArray[np.int32]) -> None:
        """Mark the states of a terminal that are worth a table: many bytes, none of which asks for feasible counts."""
        widths = [sum([mask.bit_count() for mask, code in state.edges if code > 0]) for state in self.states]
        for i, state in enumerate(self.states[1:]):
            targets = [code & L.TARGET for _, code in state.edges]
            if any(self.states[t].flags & L.FEASIBLE for t in targets):
                continue
            if widths[i + 1] >= TABLED_FROM or any(widths[t] >= FREE_FROM for t in targets):
                records[i, L.S_FLAGS] |= L.TABLED


def _put_edges(edges: list[tuple[int, int]], flat: list[int], codes: list[int]) -> int:
    """Write ranges with their codes, or from `DENSE_FROM` ranges on 256 codes; returns the number written."""
    if len(edges) == 1:
        code = edges[0][1]
        ranges = [(lo, hi, code) for lo, hi in byte_ranges(edges[0][0])]
    else:
        ranges = [(lo, hi, code) for mask, code in edges for lo, hi in byte_ranges(mask)]
        ranges.sort()
    at = len(flat)
    if len(ranges) >= DENSE_FROM:
        dense = [0] * 256
        for lo, hi, code in ranges:
            dense[lo : hi + 1] = [code] * (hi - lo + 1)
        flat += dense
        codes += range(at, at + 256)
        return 256
    for lo, hi, code in ranges:
        at += 2
        codes.append(at - 1)
        flat += (lo | hi << 8, code)
    return len(ranges)


def _put_pairs(pairs: Sequence[tuple[int, int]], flat: list[int], codes: list[int]) -> None:
    for pair in pairs:
        codes.append(len(flat) + 1)
        flat += pair


class Lowered(NamedTuple):
    """A finished block; its identity is the content key of shared terminals."""

    records: NDArray[np.int32]
    flat: NDArray[np.int32]
    #: Positions in `flat` that hold codes.
    codes: NDArray[np.int64]
    #: By state: whether S_AUX is a position in `flat`.
    has_words: NDArray[np.bool_]
    #: R_KIND to R_CLASSES of the rule's record, R_REQ and R_CLASSES relative to `flat`.
    rule: tuple[int, ...]
    priority: int
    terminal: bool
    #: Words of the first seen-set, where payloads are seen-sets.
    start_words: list[int] | None
    #: State inside an undeclared key -> content key of its table.
    regions: dict[int, Hashable]
    #: Whether undeclared keys must be remembered.
    open: bool = False
    #: Classes of undeclared keys.
    n_classes: int = 0
    #: Positions in `flat` where the place of a rule among `callees` stands for the rule, counted from 1.
    calls: Sequence[int] | NDArray[np.int64] = ()
    callees: Sequence[int] = ()

    @property
    def n_bytes(self) -> int:
        """Bytes of its arrays."""
        return self.records.nbytes + self.flat.nbytes + self.codes.nbytes + self.has_words.nbytes

    def called(self) -> NDArray[np.int64]:
        """The positions in `flat` of the rules that are called."""
        at, n = self.records[:, L.S_CALLS].astype(np.int64), self.records[:, L.S_NCALLS]
        return np.repeat(at, n) + 2 * (np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n))

    def copied(self) -> Copied:
        """The states as what is to be copied; their calls leave them."""
        calls = self.called()
        return Copied(self.records, self.flat, self.codes, np.setdiff1d(self.codes, calls + 1), calls)
