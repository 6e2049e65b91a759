"""Parses: the derivation trees of a short sequence of terminals.

A tree is a rule with its children in order: trees, and the terminals between them. Two parses differ in rules or in
places, never in how a regular expression inside a rule was read (see `network`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from .network import Network

#: How often a rule may derive itself over the same text in one tree: enough to tell a cycle from its absence.
CYCLES = 2


@dataclass(frozen=True, slots=True)
class Tree:
    """A rule over a part of a text. Printed without ignored text, and a nameless terminal as its text."""

    rule: str
    children: tuple[Tree | bytes, ...]

    def __str__(self) -> str:
        kids = [kid for kid in self.children if isinstance(kid, bytes) or not kid.rule.startswith("%ignore")]
        parts = [repr(kid.decode(errors="replace")) if isinstance(kid, bytes) else str(kid) for kid in kids]
        return parts[0] if self.rule[0] in '"/' and len(parts) == 1 else f"{self.rule}({' '.join(parts)})"

    @property
    def text(self) -> bytes:
        """What it spans."""
        return b"".join(kid if isinstance(kid, bytes) else kid.text for kid in self.children)


class Parses:
    """All parses of one sequence of terminals."""

    def __init__(self, net: Network, symbols: Sequence[int], texts: Sequence[bytes]) -> None:
        self.net, self.symbols, self.texts = net, symbols, texts
        self.spans: list[list[set[int]]] = [[set() for _ in range(len(symbols) + 1)] for _ in net.names]
        self._find_spans()
        self.reaches: Callable[[int, int, int, int], bool] = cache(self._reaches)

    def _find_spans(self) -> None:
        """For each rule and place, the places where it may end: the least fixpoint."""
        changed = True
        while changed:
            changed = False
            for i in reversed(range(len(self.symbols) + 1)):
                for rule, spans in enumerate(self.spans):
                    found = self._ends(rule, i)
                    if found != spans[i]:
                        spans[i], changed = found, True

    def _steps(self, rule: int, state: int, i: int) -> Iterator[tuple[int, int, int]]:
        """What a state may read at a place: (symbol, next state, next place)."""
        for symbol, target in self.net.rows[rule][state].items():
            if symbol < 0:
                for j in self.spans[~symbol][i]:
                    yield symbol, target, j
            elif i < len(self.symbols) and self.symbols[i] == symbol:
                yield symbol, target, i + 1

    def _ends(self, rule: int, i: int) -> set[int]:
        stack, seen = [(0, i)], {(0, i)}
        while stack:
            state, at = stack.pop()
            fresh = {(t, j) for _, t, j in self._steps(rule, state, at)} - seen
            seen |= fresh
            stack += fresh
        return {at for state, at in seen if self.net.final[rule][state]}

    def _reaches(self, rule: int, state: int, i: int, j: int) -> bool:
        """Whether the rule can go on from a state over the terminals i to j to its end."""
        stack, seen = [(state, i)], {(state, i)}
        while stack:
            q, at = stack.pop()
            if at == j and self.net.final[rule][q]:
                return True
            fresh = {(t, k) for _, t, k in self._steps(rule, q, at) if k <= j} - seen
            seen |= fresh
            stack += fresh
        return False

    def trees(self) -> Iterator[Tree]:
        """The parses of the whole; where rules derive themselves for nothing, those with few such turns."""
        if len(self.symbols) in self.spans[0][0]:
            yield from self._trees(0, 0, len(self.symbols), ())

    def _trees(self, rule: int, i: int, j: int, above: tuple[tuple[int, int, int], ...]) -> Iterator[Tree]:
        here = (rule, i, j)
        if above.count(here) < CYCLES:
            for children in self._children(rule, 0, i, j, (*above, here), ()):
                yield Tree(self.net.names[rule], children)

    def _children(
        self, rule: int, state: int, i: int, j: int, above: tuple[tuple[int, int, int], ...], silent: tuple[int, ...]
    ) -> Iterator[tuple[Tree | bytes, ...]]:
        """The sequences of children from a state on; `silent` are the states since the last terminal."""
        if i == j and self.net.final[rule][state]:
            yield ()
        for symbol, target, k in self._steps(rule, state, i):
            if k > j or silent.count(target) >= CYCLES or not self.reaches(rule, target, k, j):
                continue
            behind = (*silent, target) if k == i else ()
            heads: Iterator[Tree | bytes] = iter((self.texts[i],)) if symbol >= 0 else self._trees(~symbol, i, k, above)
            for head in heads:
                for rest in self._children(rule, target, k, j, above, behind):
                    yield (head, *rest)


class Shortest:
    """The shortest sequences of terminals from each state of a network to the end of its rule."""

    def __init__(self, net: Network) -> None:
        self.length: list[list[float]] = [[0 if end else math.inf for end in final] for final in net.final]
        #: rule -> state -> the symbol to read, and the next state.
        self._via: list[list[tuple[int, int]]] = [[(0, 0)] * len(rows) for rows in net.rows]
        while any([self._improve(rule, rows) for rule, rows in enumerate(net.rows)]):
            pass

    def _improve(self, rule: int, rows: list[dict[int, int]]) -> bool:
        least, changed = self.length[rule], False
        for state in reversed(range(len(rows))):
            for symbol, target in rows[state].items():
                cost = self.of(symbol) + least[target]
                if cost < least[state]:
                    least[state], self._via[rule][state], changed = cost, (symbol, target), True
        return changed

    def of(self, symbol: int) -> float:
        """The fewest terminals that a symbol stands for."""
        return 1 if symbol >= 0 else self.length[~symbol][0]

    def symbols(self, rule: int, state: int) -> list[int]:
        """A shortest sequence from a state; there must be one."""
        out: list[int] = []
        jobs = [(rule, state, 0)]
        while jobs:
            rule, state, read = jobs.pop()
            out += [read - 1] if read else []
            if self.length[rule][state] == 0:
                continue
            symbol, target = self._via[rule][state]
            if symbol >= 0:
                jobs.append((rule, target, symbol + 1))
            else:
                jobs += [(rule, target, 0), (~symbol, 0, 0)]
        return out


def without_useless(net: Network, shortest: Shortest) -> Network:
    """The network without the moves that lead to no end."""
    rows = [
        [{s: t for s, t in row.items() if shortest.of(s) + shortest.length[rule][t] < math.inf} for row in states]
        for rule, states in enumerate(net.rows)
    ]
    return Network(net.names, net.terminals, rows, net.final)
