"""Nullability: which expressions of a grammar may be empty."""

from __future__ import annotations

from ..grammar.analysis import min_length
from ..grammar.ir import (
    Alt,
    Bytes,
    ByteSet,
    Expr,
    Grammar,
    Guarded,
    Items,
    Members,
    Ref,
    Repeat,
    Seq,
    Spelled,
    Token,
)
from ..grammar.regular import is_nullable


class Nullability:
    """Whether an expression of a grammar may be empty; exact. No part of the automaton, which so is in no cycle."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._rules: frozenset[str] | None = None

    def __call__(self, expr: Expr) -> bool:
        match expr:
            case Ref(name):
                return name in self._nullable_rules()
            case Bytes(data):
                return not data
            case ByteSet() | Spelled() | Token():
                return False
            case Seq(items):
                return all(map(self, items))
            case Alt(items):
                return any(map(self, items))
            case Repeat(item):
                return expr.min == 0 or self(item)
            case Items():
                first = (*expr.prefix, *([] if expr.rest is None else [expr.rest]))[:1]
                return expr.min == 0 or (expr.min == 1 and any(map(self, first)))
            case Members():
                return expr.min == 0 and not any(m.required for m in expr.keys)
            case Guarded(inner):
                return self(inner) and expr.check(b"")
        return is_nullable(expr)

    def _nullable_rules(self) -> frozenset[str]:
        if self._rules is None:
            least = {} if self._grammar.is_normal else min_length(self._grammar, ask_checks=True)
            self._rules = frozenset(rule for rule, length in least.items() if length == 0)
        return self._rules
