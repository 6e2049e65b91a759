"""Nullability: which expressions of a grammar may be empty."""

from __future__ import annotations

from collections.abc import Callable

from ..grammar.analysis import min_length
from ..grammar.ir import Alt, Expr, Grammar, Guarded, Items, Members, Ref, Repeat, Seq, Token
from ..grammar.regular import is_nullable, is_regular


class Nullability:
    """Whether an expression of a grammar may be empty; exact. No part of the automaton, which so is in no cycle."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._rules: frozenset[str] | None = None

    def __call__(self, expr: Expr) -> bool:
        match expr:
            case Ref(name):
                return name in self._nullable_rules()
            case Items():
                first = (*expr.prefix, *([] if expr.rest is None else [expr.rest]))[:1]
                return expr.min == 0 or (expr.min == 1 and any(map(self, first)))
            case Members():
                return expr.min == 0 and not any(m.required for m in expr.keys)
            case Guarded(inner):
                return self(inner) and expr.check(b"")
            case Repeat(item):
                return expr.min == 0 or self(item)
        return _nullable_part(expr, self)

    def _nullable_rules(self) -> frozenset[str]:
        if self._rules is None:
            least = {} if self._grammar.is_normal else min_length(self._grammar, ask_checks=True)
            self._rules = frozenset(rule for rule, length in least.items() if length == 0)
        return self._rules


def _nullable_part(expr: Expr, nullable: Callable[[Expr], bool]) -> bool:
    """Whether an expression that is no reference, list, object, guard or loop may be empty."""
    if isinstance(expr, Token):
        return False
    if is_regular(expr):
        return is_nullable(expr)
    if isinstance(expr, Seq):
        return all(map(nullable, expr.items))
    return isinstance(expr, Alt) and any(map(nullable, expr.items))
