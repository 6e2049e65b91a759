"""Distances to the end: how many bytes still suffice to complete a text.

A configuration's distance is the least over its entries of the frame's plus that of what is below; a frame's is the
least number of bytes to the end of its rule, from its state and with its payload. Calls cost the least length of their
rule, special tokens one.

Laws
    1. Without guards and lexemes a distance is exact: some byte leads to a configuration that is nearer by one. Guards
       may refuse the shortest text, and a longer lexeme may swallow it: there, a distance is an estimate.
    2. What would take too long to measure is infinitely far, never too near.
Source: Knuth, "A generalization of Dijkstra's algorithm", Information Processing Letters 6 (1977), for rules' lengths.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING, TypeAlias

from ..errors import BudgetExceeded
from ..grammar.analysis import min_length, min_length_of, reachable
from ..grammar.fold import fold, rebuild
from ..grammar.ir import (
    ANY_BYTE,
    NOTHING,
    Alt,
    And,
    Expr,
    Grammar,
    Guarded,
    Items,
    Lexeme,
    Members,
    Not,
    Ref,
    Repeat,
    Token,
)
from . import _layout_kernels as L
from .frame_distance import CountedDistances, States
from .member_distance import MemberDistances

if TYPE_CHECKING:
    from .pushdown import Pushdown

#: The distance where no text is known to be near enough.
FAR = sys.maxsize

#: An expression, whether it is regular, and whether it then holds what only its automaton can measure.
Part: TypeAlias = tuple[Expr, bool, bool]
_IRREGULAR = (Ref, Token, Lexeme, Guarded, Members, Items)


class Distances:
    """Distances of a pushdown automaton's states and configurations, computed when asked for."""

    def __init__(self, pda: Pushdown, grammar: Grammar) -> None:
        self._pda = pda
        self._configs: dict[int, float] = {}
        self._lengths = Lengths(grammar, self._measure)
        self._rule_length = cache(lambda rule: self._lengths.least(pda.lowerer.rules[rule]))
        self._states = States(pda, self._rule_length)
        self._rule_distances = cache(self._distances_in)

    def least(self, config: int) -> int:
        """Bytes that suffice to complete the text in this configuration; `FAR` if that is not known."""
        found = self._config(config)
        return int(found) if found < FAR else FAR

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
        """Bytes to the end of the frame's rule."""
        return self._rule_distances(self._states.rule(state)).least(state, payload)

    def _distances_in(self, rule: int) -> CountedDistances | MemberDistances:
        if self._states.rule_field(rule, L.R_KIND) in (L.KEYS, L.KEYSET, L.KEYSEQ):
            return MemberDistances(self._pda, self._states, rule)
        return CountedDistances(self._states, rule)

    def _measure(self, expr: Expr) -> float:
        """Least length of a regular expression, from its automaton."""
        rule = self._pda.lowerer.rule_id(expr)
        try:
            if rule >= self._pda.n_rules or not self._states.rule_field(rule, L.R_START):
                self._pda.lower(rule)
        except BudgetExceeded:
            return math.inf
        return self._frame(self._states.rule_field(rule, L.R_START), 0)


class Lengths:
    """Least lengths of expressions; `measure` gives that of a regular one that holds intersections or complements."""

    def __init__(self, grammar: Grammar, measure: Callable[[Expr], float]) -> None:
        self._grammar = grammar
        self._measure = measure

    def least(self, expr: Expr) -> float:
        """Least bytes of a string of the expression."""
        part = fold(expr, self._part)
        rules = {} if part[1] else self._rules  # a plain one refers to none, and may be asked for while those are found
        return min_length_of(self._settled(part), rules, ask_checks=True)

    @cached_property
    def _rules(self) -> dict[str, float]:
        rules = reachable(self._grammar.rules, self._grammar.start)
        return min_length({name: self._measured(body) for name, body in rules.items()}, ask_checks=True)

    def _measured(self, expr: Expr) -> Expr:
        """The expression with something as long in place of every regular part that must be measured."""
        return self._settled(fold(expr, self._part))

    def _part(self, node: Expr, kids: list[Part]) -> Part:
        whole = rebuild(node, [kid for kid, _, _ in kids])
        if all(plain for _, plain, _ in kids) and not isinstance(node, _IRREGULAR):
            return whole, True, isinstance(node, And | Not) or any(hard for _, _, hard in kids)
        parts = [self._settled(kid) for kid in kids]
        if isinstance(node, Members) and node.min and node.keys and node.other:
            declared = Not(Alt(tuple(member.key for member in node.keys)))
            for k, other in enumerate(node.other):
                parts[2 * (len(node.keys) + k)] = self._stand_in(And((other.key, declared)))
        return rebuild(node, parts), False, False

    def _settled(self, part: Part) -> Expr:
        expr, _, hard = part
        return self._stand_in(expr) if hard else expr

    def _stand_in(self, expr: Expr) -> Expr:
        length = self._measure(expr)
        return Repeat(ANY_BYTE, int(length), int(length)) if length < math.inf else NOTHING
