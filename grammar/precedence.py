"""Precedence: ladders of binary operators folded into one list.

    sum = product (("+" | "-") product)*,  product = unary (("*" | "/") unary)*

says which operator binds more strongly. That makes trees, not strings: as languages, E (S E)* with E = F (T F)* is
F ((T | S) F)*. So a ladder of fifteen levels, as programming languages have it, costs a mask no more than one level.

Laws
    1. The language of every rule is unchanged.
    2. Only rules that are lists themselves change, by at most the separators of `LEVELS` rules below them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .fold import alternation, concatenation
from .ir import Alt, Expr, Ref, Repeat, Seq

#: Levels of a ladder that are folded into one rule.
LEVELS = 64


class _List(NamedTuple):
    """item (separator item)*"""

    item: str
    separator: Expr


def without_precedence(rules: Mapping[str, Expr]) -> dict[str, Expr]:
    """The same rules, lists of lists made lists."""
    lists = {name: found for name, body in rules.items() if (found := _as_list(name, body)) is not None}
    return {name: _folded(lists, name) if name in lists else body for name, body in rules.items()}


def _folded(lists: Mapping[str, _List], name: str) -> Expr:
    levels = [lists[name]]
    while (below := lists.get(levels[-1].item)) is not None and len(levels) < LEVELS:
        levels.append(below)
    item = Ref(levels[-1].item)
    separator = alternation(level.separator for level in reversed(levels))
    return concatenation((item, Repeat(concatenation((separator, item)), 0, None)))


def _as_list(name: str, body: Expr) -> _List | None:
    """What E (S E)*, (E S)* E or a rule A = E | E S A, with a rule E, is a list of."""
    match body:
        case Seq((Ref(item), Repeat(step, 0, None))):
            ways = [_between((Ref(item), *_parts(way)), item, item) for way in _ways(step)]
        case Seq((Repeat(step, 0, None), Ref(item))):
            ways = [_between((*_parts(way), Ref(item)), item, item) for way in _ways(step)]
        case Alt(items) if len(plain := [way.rule for way in items if isinstance(way, Ref)]) == 1:
            item = plain[0]
            ways = [_between(_parts(way), item, name) for way in items if not isinstance(way, Ref)]
        case _:
            return None
    separators = [way for way in ways if way is not None]
    return _List(item, alternation(separators)) if separators and len(separators) == len(ways) else None


def _ways(expr: Expr) -> tuple[Expr, ...]:
    return expr.items if isinstance(expr, Alt) else (expr,)


def _parts(expr: Expr) -> tuple[Expr, ...]:
    return expr.items if isinstance(expr, Seq) else (expr,)


def _between(parts: tuple[Expr, ...], first: str, last: str) -> Expr | None:
    """What stands between two rules."""
    match parts:
        case (Ref(left), *middle, Ref(right)) if (left, right) == (first, last):
            return concatenation(middle)
    return None
