"""Merging alternatives: objects that differ in the value of one member are one object.

    {"id": integer, "kind": "a"} | {"id": integer, "kind": "b"}    is    {"id": integer, "kind": "a" | "b"}

So sixty variants of one shape are read once, not sixty times beside each other.

Law: the language is unchanged. A member comes at most once, and the others do not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import NamedTuple

from .fold import alternation, concatenation, is_nothing
from .ir import Expr, Members, Seq


def merged(alternatives: Iterable[Expr], body: Callable[[Expr], Expr]) -> list[Expr]:
    """The alternatives, objects of one shape merged; `body` follows references."""
    shapes: dict[Hashable, list[tuple[Expr, _Object]]] = {}
    found: list[Expr] = []
    for way in alternatives:
        one = _object(body(way))
        if one is None:
            found.append(way)
        else:
            shapes.setdefault(one.shape, []).append((way, one))
    for ways in shapes.values():
        expr = _merge([one for _, one in ways])
        found += [way for way, _ in ways] if expr is None else [expr]
    return found


class _Object(NamedTuple):
    """Members, and what stands around them."""

    before: tuple[Expr, ...]
    members: Members
    after: tuple[Expr, ...]

    @property
    def shape(self) -> Hashable:
        """All but the members' values."""
        keys = tuple((member.key, member.required) for member in self.members.keys)
        return self.before, self.after, keys, replace(self.members, keys=())


def _object(expr: Expr) -> _Object | None:
    """A sequence with `Members` in one place."""
    if not isinstance(expr, Seq):
        return None
    places = [k for k, item in enumerate(expr.items) if isinstance(item, Members)]
    if len(places) != 1:
        return None
    (at,) = places
    members = expr.items[at]
    assert isinstance(members, Members)
    return _Object(expr.items[:at], members, expr.items[at + 1 :])


def _merge(ways: list[_Object]) -> Expr | None:
    """One object for several of one shape; None if they differ in more than one value, or are alone."""
    first = ways[0]
    columns = [[way.members.keys[k].value for way in ways] for k in range(len(first.members.keys))]
    differ = [k for k, values in enumerate(columns) if any(value != values[0] for value in values)]
    if len(ways) == 1 or len(differ) > 1:
        return None
    keys = list(first.members.keys)
    for k in differ:
        values = dict.fromkeys(value for value in columns[k] if not is_nothing(value))
        keys[k] = replace(keys[k], value=alternation(values))
    return concatenation((*first.before, replace(first.members, keys=tuple(keys)), *first.after))
