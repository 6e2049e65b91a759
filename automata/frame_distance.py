"""Distances of frames: the least bytes from a state, with its payload, to the end of its rule.

A shortest path over (state, count) on which a call costs the least length of its rule and a special token one. A search
starts where it is asked for and keeps what it found for the whole path, so that following a text costs little.
"""

from __future__ import annotations

import heapq
import math
import sys
from collections.abc import Callable, Container, Iterable, Iterator
from functools import cache
from typing import TypeAlias

import numpy as np

from . import _layout_kernels as L
from .pushdown import Pushdown

#: Nodes that one search may visit; what is farther is infinitely far.
MOST_NODES = 500_000
#: From so many items owed on, the distance grows evenly with them.
EVENLY = 1000

Node: TypeAlias = tuple[int, int]
END: Node = (0, 0)


def shortest(start: Node, moves: Callable[[Node], Iterable[tuple[float, Node]]], known: dict[Node, float]) -> float:
    """The least cost from a node to `END`; ends at nodes that are known, and makes known what it finds."""
    costs: dict[Node, float] = {start: 0.0}
    before: dict[Node, Node] = {}
    heap = [(0.0, start)]
    while heap:
        cost, node = heapq.heappop(heap)
        if node == END or len(costs) > MOST_NODES:
            break
        if cost > costs[node]:
            continue
        for step, after in [(known[node], END)] if node in known else moves(node):
            if cost + step < costs.get(after, math.inf):
                costs[after] = cost + step
                before[after] = node
                heapq.heappush(heap, (cost + step, after))
    else:
        known.update(dict.fromkeys(costs, math.inf))
        return math.inf
    if node != END:
        return math.inf
    while node != start:
        node = before[node]
        known[node] = cost - costs[node]
    return cost


class States:
    """The states of the grammar arena as Python values; `rule_length` gives the least bytes of a rule."""

    def __init__(self, pda: Pushdown, rule_length: Callable[[int], float]) -> None:
        self._pda = pda
        self._rule_length = rule_length
        self._edges: dict[int, list[tuple[int, int]]] = {}
        self._moves: dict[int, list[tuple[float, int]]] = {}

    def field(self, state: int, column: int) -> int:
        """A field of the state's record."""
        G = self._pda.G
        return int(G[G[L.G_ST] + state * L.ST + column])

    def rule(self, state: int) -> int:
        """The rule that a state belongs to."""
        return self.field(state, L.S_RULE)

    def rule_field(self, rule: int, column: int) -> int:
        """A field of the rule's record."""
        G = self._pda.G
        return int(G[G[L.G_RT] + rule * L.RT + column])

    def words(self, at: int, n: int) -> list[int]:
        """Words of the flat part."""
        G = self._pda.G
        lo = int(G[L.G_ED]) + at
        found: list[int] = G[lo : lo + n].tolist()
        return found

    def edges(self, state: int) -> list[tuple[int, int]]:
        """(byte set, code) of the bytes that the state takes or refuses (-1) by itself."""
        found = self._edges.get(state)
        if found is None:
            at, n = self.field(state, L.S_EDGES), self.field(state, L.S_NEDGES)
            if self.field(state, L.S_FLAGS) & L.DENSE:
                row = np.array(self.words(at, 256))
                codes = [code for code in np.unique(row).tolist() if code]
                packed = (np.packbits(row == code, bitorder="little").tobytes() for code in codes)
                found = [(int.from_bytes(mask, "little"), code) for mask, code in zip(packed, codes, strict=True)]
            else:
                flat = self.words(at, 2 * n)
                found = [
                    ((1 << (w >> 8) - (w & 255) + 1) - 1 << (w & 255), code)
                    for w, code in zip(flat[::2], flat[1::2], strict=True)
                ]
            self._edges[state] = found
        return found

    def codes(self, state: int) -> list[int]:
        """The codes of all bytes that the state takes, by its fallback too; its own edges shadow that one's."""
        found: dict[int, None] = {}
        taken = 0
        while state > 0:
            own = self.edges(state)
            found.update(dict.fromkeys(code for mask, code in own if code > 0 and mask & ~taken))
            for mask, _ in own:
                taken |= mask
            state = self.field(state, L.S_FALLBACK)
        return list(found)

    def moves(self, state: int) -> list[tuple[float, int]]:
        """(cost, code) of all bytes, calls and special tokens that the state takes."""
        found = self._moves.get(state)
        if found is None:
            found = [(1.0, code) for code in self.codes(state)]
            tokens = self.words(self.field(state, L.S_TOKENS), 2 * self.field(state, L.S_NTOKENS))
            found += [(1.0, code) for code in tokens[1::2]]
            calls = self.words(self.field(state, L.S_CALLS), 2 * self.field(state, L.S_NCALLS))
            found += [(self._rule_length(rule), code) for rule, code in zip(calls[::2], calls[1::2], strict=True)]
            self._moves[state] = found
        return found

    def of_rule(self, rule: int) -> list[int]:
        """The states of a rule."""
        G = self._pda.G
        rules = G[G[L.G_ST] : G[L.G_ST] + self._pda.n_states * L.ST].reshape(-1, L.ST)[:, L.S_RULE]
        found: list[int] = np.flatnonzero(rules == rule).tolist()
        return found


class CountedDistances:
    """Distances in one rule without keys: plain (its count stays 0) or counted."""

    def __init__(self, states: States, rule: int) -> None:
        self._states = states
        self._counts = states.rule_field(rule, L.R_KIND) == L.COUNTED
        self._low, self._high = states.rule_field(rule, L.R_MIN), states.rule_field(rule, L.R_MAX)
        self._feasible = self._counts and any(states.field(s, L.S_FLAGS) & L.FEASIBLE for s in states.of_rule(rule))
        #: Counts from here on are alike.
        self._top = self._high if self._feasible and self._high >= 0 else self._low
        self._known: dict[Node, float] = {}
        self._allowed = cache(self._feasible_counts)

    def least(self, state: int, payload: int) -> float:
        """Least bytes to the end of the rule."""
        if not self._counts:
            return self._search(state, 0)
        owed = self._low - payload
        if self._feasible or owed <= EVENLY:
            return self._search(state, min(payload, self._top))
        near, far = (self._search(state, self._low - n) for n in (EVENLY - 1, EVENLY))
        return far + (owed - EVENLY) * (far - near)

    def _search(self, state: int, count: int) -> float:
        known = self._known.get((state, count))
        return shortest((state, count), self._moves, self._known) if known is None else known

    def _moves(self, node: Node) -> Iterator[tuple[float, Node]]:
        state, count = node
        flags = self._states.field(state, L.S_FLAGS)
        if flags & L.FINAL and not (flags & L.COND and count < self._low):
            yield 0.0, END
        for cost, code in self._states.moves(state):
            after = self._count_after(count, code) if self._counts else count
            if after >= 0:
                yield cost, (code & L.TARGET, after)

    def _count_after(self, count: int, code: int) -> int:
        """The count behind an edge; -1 if it is refused."""
        flags, target = code >> L.FLAG_SHIFT, code & L.TARGET
        if (flags & L.LT and 0 <= self._high <= count) or (flags & L.GE and count < self._low):
            return -1
        if flags & L.INC:
            count = min(count + 1, self._top)
        return count if count in self._allowed(target) else -1

    def _feasible_counts(self, state: int) -> Container[int]:
        """The counts at which the rule can still end."""
        if not self._states.field(state, L.S_FLAGS) & L.FEASIBLE:
            return range(sys.maxsize)
        at = self._states.field(state, L.S_AUX)
        first, last, n_words = self._states.words(at, 3)
        if not n_words:
            return range(first, last + 1)
        bits = sum((word & 0xFFFFFFFF) << 32 * k for k, word in enumerate(self._states.words(at + 3, n_words)))
        return {count for count in range(first, last + 1) if bits >> count & 1}
