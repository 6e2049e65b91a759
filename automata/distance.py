"""Distances to the end: how many bytes still suffice to complete a text.

A state's distance is the least number of bytes to the end of its rule (calls count with the least length of their rule);
a configuration's is the least over its entries of the state's plus that of what is below. What a counter or the required
keys still ask for is added by an upper bound, so a distance is never too small.

Source: Knuth, "A generalization of Dijkstra's algorithm", Information Processing Letters 6 (1977), for the rules' lengths.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..grammar.analysis import min_length, min_length_of
from ..grammar.ir import Grammar, Items, Members, Repeat
from . import _layout_kernels as L

if TYPE_CHECKING:
    from .automaton import TokenAutomaton
    from .pushdown import Pushdown


class Distances:
    """Distances of a pushdown automaton's states and configurations, computed when asked for."""

    def __init__(self, pda: Pushdown, grammar: Grammar) -> None:
        self._pda = pda
        self._lengths = min_length(grammar)
        self._states: dict[int, float] = {}
        self._configs: dict[int, float] = {}
        self._rules: dict[int, float] = {}

    def least(self, config: int) -> int:
        """Bytes that suffice to complete the text in this configuration."""
        return int(self._config(config))

    def _config(self, config: int) -> float:
        order = [config]
        while order:
            top = order[-1]
            if top in self._configs:
                order.pop()
                continue
            entries = self._entries(top)
            missing = [below for s, _, below in entries if s != 1 and below not in self._configs]
            if missing:
                order += missing
                continue
            ends = (0 if s == 1 else self._frame(s, p) + self._configs[below] for s, p, below in entries)
            self._configs[top] = min(ends, default=math.inf)
            order.pop()
        return self._configs[config]

    def _entries(self, config: int) -> list[tuple[int, int, int]]:
        A = self._pda.A
        at = A[L.H_CFG] + config * L.CF
        first = A[L.H_ENT] + A[at + L.C_ENT] * L.EN
        rows = A[first : first + A[at + L.C_NENT] * L.EN].reshape(-1, L.EN)
        return [(s, p, below) for s, p, below, _ in rows.tolist()]

    def _frame(self, state: int, payload: int) -> float:
        """Bytes to the end of the frame's rule, what its payload still asks for included."""
        if state not in self._states:
            self._lower_distances(self._rule_of(state))
        return self._states[state] + self._owed(state, payload)

    def _rule_of(self, state: int) -> int:
        G = self._pda.G
        return int(G[G[L.G_ST] + state * L.ST + L.S_RULE])

    def _owed(self, state: int, payload: int) -> float:
        rule = self._rule_of(state)
        if rule == 0:  # the whole text's own frame
            return 0
        expr = self._pda.lowerer.body(rule)
        table = self._lengths
        match expr:
            case Items():
                parts = [*expr.prefix, *([] if expr.rest is None else [expr.rest])]
                each = max(min_length_of(p, table) for p in parts) + min_length_of(expr.separator, table)
                return max(0, expr.min - payload) * each
            case Members():
                extra = max(0, expr.min) and max(
                    min_length_of(m.value, table) + len(repr(m.key)) for m in (*expr.keys, *expr.other)
                )
                gaps = min_length_of(expr.colon, table) + min_length_of(expr.comma, table)
                owed = sum(
                    min_length_of(m.key, table) + min_length_of(m.value, table) + gaps
                    for k, m in enumerate(self._pda.lowerer.key_order(rule))
                    if m.required and not self._seen(rule, k, payload)
                )
                return owed + expr.min * (extra + gaps)
        low = int(self._pda.G[self._pda.G[L.G_RT] + rule * L.RT + L.R_MIN])
        kind = int(self._pda.G[self._pda.G[L.G_RT] + rule * L.RT + L.R_KIND])
        if kind == L.COUNTED and low > payload:
            from .counted import counted_parts

            parts_ = counted_parts(expr) if not isinstance(expr, Repeat) else None
            item = parts_[1].item if parts_ else expr.item if isinstance(expr, Repeat) else expr
            return (low - payload) * min_length_of(item, table)
        return 0

    def _seen(self, rule: int, key: int, payload: int) -> bool:
        G, A = self._pda.G, self._pda.A
        kind = int(G[G[L.G_RT] + rule * L.RT + L.R_KIND])
        if kind == L.KEYS:
            return bool(payload >> key & 1)
        if kind == L.KEYSEQ:
            return key < (payload & 0xFFFF)
        return bool(int(A[A[L.H_SET] + payload + (key >> 5)]) >> (key & 31) & 1)

    def _lower_distances(self, rule: int) -> None:
        """Distances of all states of a rule: Dijkstra from its final states, backwards."""
        pda = self._pda
        G = pda.G
        records = G[G[L.G_ST] : G[L.G_ST] + pda.n_states * L.ST].reshape(-1, L.ST)
        own = np.flatnonzero(records[:, L.S_RULE] == rule)
        own = own[own > 1]
        backwards: dict[int, list[tuple[float, int]]] = {}
        heap: list[tuple[float, int]] = []
        for s in own.tolist():
            if records[s, L.S_FLAGS] & L.FINAL:
                heap.append((0, s))
            for cost, target in self._moves(G, records[s]):
                backwards.setdefault(target, []).append((cost, s))
            self._states[s] = math.inf
        heapq.heapify(heap)
        while heap:
            d, s = heapq.heappop(heap)
            if d >= self._states[s]:
                continue
            self._states[s] = d
            for cost, before in backwards.get(s, ()):
                if d + cost < self._states[before]:
                    heapq.heappush(heap, (d + cost, before))

    def _moves(self, G: NDArray[np.int32], record: NDArray[np.int32]) -> list[tuple[float, int]]:
        """(cost, target) of all edges, calls and tokens of a state."""
        at = int(G[L.G_ED])
        edges = at + int(record[L.S_EDGES])
        n = int(record[L.S_NEDGES])
        if record[L.S_FLAGS] & L.DENSE:
            codes = np.unique(G[edges : edges + 256])
        else:
            codes = G[edges + 1 : edges + 2 * n : 2]
        moves = [(1.0, int(c) & L.TARGET) for c in codes.tolist() if c > 0]
        if record[L.S_FALLBACK]:
            moves.append((0.0, int(record[L.S_FALLBACK])))
        tokens = at + int(record[L.S_TOKENS])
        moves += [(1.0, int(G[tokens + 2 * k + 1]) & L.TARGET) for k in range(record[L.S_NTOKENS])]
        calls = at + int(record[L.S_CALLS])
        for k in range(record[L.S_NCALLS]):
            callee, code = int(G[calls + 2 * k]), int(G[calls + 2 * k + 1])
            moves.append((self._rule_length(callee), code & L.TARGET))
        return moves

    def _rule_length(self, rule: int) -> float:
        if rule not in self._rules:
            self._rules[rule] = min_length_of(self._pda.lowerer.rules[rule], self._lengths)
        return self._rules[rule]

    def restrict(self, automaton: TokenAutomaton, state: int, row: NDArray[np.int32], n_tokens: int) -> None:
        """Clear the tokens of a mask behind which more than `n_tokens - 1` bytes are needed."""
        bits = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))
        ends = set(automaton.end_ids)
        for token in bits.tolist():
            after = automaton.advance(state, token)
            if after == automaton.finished and token in ends:
                fits = n_tokens >= 1
            else:
                fits = after != 0 and automaton.least_bytes(after) + 1 <= n_tokens - 1
            if not fits:
                row[token >> 5] &= np.int32(~(1 << (token & 31)) if token & 31 < 31 else 0x7FFFFFFF)
