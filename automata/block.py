"""Block: one lowered rule, ready to be placed into the grammar arena.

A block is made state by state with local numbers (0 is dead, 1 the start) and then turned into arrays once.
Placing it adds the base to every code. Blocks of terminals are kept process-wide by content, and so are the
tables of their states.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..grammar.machine import Machine
from . import _layout_kernels as L
from .lowered import Lowered, pack
from .ranges import DENSE_FROM, byte_ranges

#: From so many allowed bytes on, a terminal's state gets a table; so does one leading to a state of `FREE_FROM` bytes.
TABLED_FROM = 10
FREE_FROM = 64


class State:
    """One state under construction; `code`s are `target | flags << 27` with local targets."""

    __slots__ = ("calls", "edges", "flags", "tokens", "words")

    def __init__(self, flags: int = 0) -> None:
        self.flags = flags
        #: (256-bit byte set, code); sets are disjoint. Code -1 refuses the bytes.
        self.edges: list[tuple[int, int]] = []
        #: (rule id, code)
        self.calls: tuple[tuple[int, int], ...] = ()
        #: (token id, code)
        self.tokens: tuple[tuple[int, int], ...] = ()
        #: Words behind `S_AUX`: of the counts that can still end the first and the last, how many words of bits follow
        #: (none, if it is all between these), and the bits.
        self.words: Sequence[int] | None = None


class Block:
    """A rule under construction."""

    def __init__(self, kind: int = L.PLAIN) -> None:
        self.states: list[State] = [State()]
        self.kind = kind
        self.min = 0
        self.max = -1
        #: In a counted terminal what is needed to end it, see R_NEEDED.
        self.needed = 0
        self.lexeme = False
        self.priority = 0
        self.guard = -1

    def state(self, flags: int = 0) -> int:
        """Add a state; returns its local number."""
        self.states.append(State(flags))
        return len(self.states) - 1

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
        rows: list[int] = []  # one list, not one a state: fewer objects for the garbage collector to go through
        flat: list[int] = []
        codes: list[int] = []
        calls: list[int] = []
        for state in self.states[1:]:
            rows += self._row(state, flat, codes, calls)
        if terminal:
            self._mark_tabled(rows)
        words = [i for i, state in enumerate(self.states[1:]) if state.words is not None]
        rule = [self.kind, self.min, self.max, self.needed, len(flat), self.guard, 0, len(flat)]
        return Lowered(pack([*rule, int(terminal), self.priority], rows, flat, codes, words, calls))

    def _row(self, state: State, flat: list[int], codes: list[int], called: list[int]) -> tuple[int, ...]:
        """The record of a state; its edges, calls, tokens and words go to `flat`."""
        flags, aux, calls, tokens = state.flags, 0, state.calls, state.tokens
        edges = len(flat)
        n_edges = _put_edges(state.edges, flat, codes)
        if n_edges == 256:
            flags |= L.DENSE
        calls_at = tokens_at = len(flat)
        if calls or tokens:
            called += range(calls_at, calls_at + 2 * len(calls), 2)
            _put_pairs(calls, flat, codes)
            tokens_at = len(flat)
            _put_pairs(tokens, flat, codes)
        if state.words is not None:
            aux = len(flat)
            flat += state.words
        if self.lexeme:
            flags |= L.LEXEME
        elif flags & L.FINAL:
            if not (flags & L.COND or n_edges or calls or tokens):
                flags |= L.POP
        elif not (calls or tokens):
            flags |= L.FAST
        n_calls, n_tokens = len(calls), len(tokens)
        if not n_calls:
            calls_at = -1  # S_NEAR
        return flags, edges, n_edges, calls_at, n_calls, 0, tokens_at, n_tokens, -1, 0, aux, 0

    def _mark_tabled(self, rows: list[int]) -> None:
        """Mark the states of a terminal that are worth a table: many bytes, and no set of feasible counts has gaps."""
        widths = [sum([mask.bit_count() for mask, code in state.edges if code > 0]) for state in self.states]
        asking = {i for i, state in enumerate(self.states) if state.flags & (L.FEASIBLE | L.CEILING) == L.FEASIBLE}
        free = {i for i, width in enumerate(widths) if width >= FREE_FROM}
        for i, state in enumerate(self.states[1:]):
            targets = [code & L.TARGET for _, code in state.edges]
            wide = widths[i + 1] >= TABLED_FROM or not free.isdisjoint(targets)
            if wide and asking.isdisjoint(targets):
                rows[i * L.ST + L.S_FLAGS] |= L.TABLED


def _put_edges(edges: list[tuple[int, int]], flat: list[int], codes: list[int]) -> int:
    """Write ranges with their codes, or from `DENSE_FROM` ranges on 256 codes; returns the number written."""
    ranges = [(lo, hi, code) for mask, code in edges for lo, hi in byte_ranges(mask)]
    if len(edges) > 1:
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
        flat += (lo | hi << 8, code)
    codes += range(at + 1, len(flat), 2)
    return len(ranges)


def _put_pairs(pairs: Sequence[tuple[int, int]], flat: list[int], codes: list[int]) -> None:
    for pair in pairs:
        codes.append(len(flat) + 1)
        flat += pair
