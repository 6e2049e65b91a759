"""Splitting: an expression by how its strings begin.

Every expression is a union of three parts: the empty string, the strings that begin otherwise than with one of some
given rules, and those that begin with one of them. `split` gives these parts:

    L(whole) = {empty if null} + L(solid) + sum over heads of L(rule without the empty string) L(tail)

Laws
    1. `solid` is not nullable, and calls none of the rules of `heads_in` before it has consumed something.
    2. All strings of a rule outside `heads_in` that is nullable come through its *solid* twin, the rule without the
       empty string, whose name `twin` gives.
    3. The parts of a sequence of k items hold O(k log k) of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from .fold import alternation, concatenation, fold, rebuild, repetition
from .ir import (
    ANY_BYTE,
    EMPTY,
    NOTHING,
    Alt,
    And,
    Bytes,
    Expr,
    Guarded,
    Items,
    Lexeme,
    Members,
    Not,
    Ref,
    Repeat,
    Seq,
    Written,
)


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of an expression."""

    whole: Expr
    #: Structurally: whether the whole must be taken for nullable by those who ask no check.
    nullable: bool
    #: Exactly: whether the empty string is in the language.
    null: bool
    solid: Expr
    #: Rule -> what follows it.
    heads: Mapping[str, Expr]
    #: Structurally: whether one of the rules may be called before anything is consumed.
    led: bool = False
    #: A node that cannot be split although one of the rules leads in it.
    knot: Expr | None = None


@dataclass(frozen=True)
class Splitter:
    """Splits expressions; holds what is known of the rules.

    Parameters
    ----------
    structural, exact : least lengths of the rules, without and with the checks asked about the empty text.
    twin : gives the name of a nullable rule's solid twin.
    heads_in : the rules to be split off.
    """

    structural: Mapping[str, float]
    exact: Mapping[str, float]
    twin: Callable[[str], str]
    heads_in: Collection[str] = ()

    def split(self, expr: Expr) -> Split:
        """Split an expression of the known rules."""
        return fold(expr, self._combine)

    def split_solid(self, expr: Expr) -> Split:
        """As `split`, with no nullable item left in any `Repeat` of the parts; only without `heads_in`."""
        return fold(expr, lambda node, kids: self._combine(rebuild(node, [kid.whole for kid in kids]), kids))

    def _combine(self, node: Expr, kids: list[Split]) -> Split:
        match node:
            case Ref(name):
                return self._rule(node, name)
            case Seq():
                return _sequence(node, kids)
            case Alt():
                return _alternation(node, kids)
            case Repeat():
                return _repetition(node, kids[0])
            case Guarded():
                return _guarded(node, kids[0])
            case Members():
                return _members(node, kids)
            case Items():
                return _items(node, kids)
            case Lexeme():
                inner = kids[0]
                return _opaque(node, kids, inner.nullable, replace(node, expr=inner.solid) if inner.nullable else node)
            case And():
                return _regular(node, kids, all(kid.nullable for kid in kids))
            case Not():
                return _regular(node, kids, not kids[0].nullable)
            case Written():
                return kids[0]
            case Bytes(b""):
                return _atom(node, True, NOTHING)
            case _:
                return _atom(node, False, node)

    def _rule(self, node: Ref, name: str) -> Split:
        nullable, null = self.structural.get(name) == 0, self.exact.get(name) == 0  # twins are in neither
        if name in self.heads_in:
            return Split(node, nullable, null, NOTHING, {name: EMPTY}, led=True)
        return Split(node, nullable, null, Ref(self.twin(name)) if nullable else node, {})


def _atom(node: Expr, nullable: bool, solid: Expr) -> Split:
    return Split(node, nullable, nullable, solid, {})


def _opaque(node: Expr, kids: list[Split], nullable: bool, solid: Expr) -> Split:
    """A node that is kept whole: a rule to be split off must not lead in it."""
    led = any(kid.led for kid in kids)
    return replace(_atom(node, nullable, solid), led=led, knot=node if led else None)


def _regular(node: Expr, kids: list[Split], nullable: bool) -> Split:
    return _opaque(node, kids, nullable, And((node, Repeat(ANY_BYTE, 1))) if nullable else node)


def _is_plain(kid: Split) -> bool:
    """Whether the solid part is all there is."""
    return not (kid.nullable or kid.led)


def _alternation(node: Alt, kids: list[Split]) -> Split:
    if all(map(_is_plain, kids)):
        return _atom(node, False, node)
    return Split(
        node,
        any(kid.nullable for kid in kids),
        any(kid.null for kid in kids),
        alternation(kid.solid for kid in kids),
        _merge([kid.heads for kid in kids]),
        any(kid.led for kid in kids),
        next((kid.knot for kid in kids if kid.knot), None),
    )


def _merge(heads: list[Mapping[str, Expr]]) -> dict[str, Expr]:
    names = dict.fromkeys(name for each in heads for name in each)
    return {name: alternation(each[name] for each in heads if name in each) for name in names}


def _sequence(node: Expr, kids: list[Split]) -> Split:
    """Only the items up to the first that is not nullable count; the rest is a tail."""
    lead = next((k for k, kid in enumerate(kids) if not kid.nullable), len(kids) - 1) + 1
    if lead and not kids[lead - 1].nullable and not any(kid.led for kid in kids[:lead]):
        return _atom(node, False, node)
    rest = concatenation(kid.whole for kid in kids[lead:])
    tail = [_atom(rest, False, rest)] if lead < len(kids) else []
    return replace(_joined([*kids[:lead], *tail]), whole=node)


def _joined(parts: list[Split]) -> Split:
    """The concatenation, by halves."""
    if not parts:
        return _atom(EMPTY, True, NOTHING)
    while len(parts) > 1:
        pairs = [_pair(left, right) for left, right in zip(parts[::2], parts[1::2], strict=False)]
        parts = pairs + parts[len(pairs) * 2 :]
    return parts[0]


def _pair(left: Split, right: Split) -> Split:
    solid = [concatenation((left.solid, right.whole))]
    heads: list[Mapping[str, Expr]] = [
        {name: concatenation((tail, right.whole)) for name, tail in left.heads.items()},
    ]
    if left.null:
        solid.append(right.solid)
        heads.append(right.heads)
    return Split(
        concatenation((left.whole, right.whole)),
        left.nullable and right.nullable,
        left.null and right.null,
        alternation(solid),
        _merge(heads),
        left.led or (left.nullable and right.led),
        left.knot or (right.knot if left.null else None),
    )


def _repetition(node: Repeat, item: Split) -> Split:
    """`x{low,high}` is empty where it may be, or a solid `x` and the rest of the repetition."""
    low, high = node.min, node.max
    if high is not None and high < low:
        return _atom(NOTHING, False, NOTHING)
    if high == 0:
        return _atom(EMPTY, True, NOTHING)
    if _is_plain(item):
        return _atom(node, low == 0, repetition(item.whole, max(low, 1), high) if low == 0 else node)
    whole: Expr = node
    if item.led:
        more = repetition(item.whole, max(low - 1, 0), None if high is None else high - 1)
        first = _pair(replace(item, nullable=False, null=False), _atom(more, False, more))
        solid, heads = first.solid, first.heads
    else:
        whole = repetition(item.solid, 0 if item.null else low, high)
        solid, heads = repetition(item.solid, 1 if item.null else max(low, 1), high), {}
    return Split(whole, item.nullable or low == 0, item.null or low == 0, solid, heads, item.led, item.knot)


def _guarded(node: Guarded, inner: Split) -> Split:
    if not inner.nullable:
        return _opaque(node, [inner], False, node)
    null = inner.null and node.check(b"")
    return replace(_opaque(node, [inner], True, replace(node, expr=inner.solid)), null=null)


def _members(node: Members, kids: list[Split]) -> Split:
    n = len(node.keys)
    empty = node.min == 0 and not any(member.required for member in node.keys)
    keys = [*kids[0 : 2 * n : 2], *kids[2 * n : -2 : 2]]
    leading = [*keys, kids[-2]] if any(key.nullable for key in keys) else keys
    if not empty:
        return _opaque(node, leading, False, node)
    return _opaque(node, leading, True, NOTHING if node.max == 0 else replace(node, min=1))


def _items(node: Items, kids: list[Split]) -> Split:
    """A list whose first item is plain stays one; else it is the first item and the rest of the list."""
    empty, first = node.min == 0, kids[0]
    impossible = node.max is not None and node.max < max(node.min, 1)
    if impossible or (not node.prefix and node.rest is None):
        return _atom(node, empty, NOTHING)
    if _is_plain(first):
        return _atom(node, empty, replace(node, min=max(node.min, 1)))
    tail = _items_tail(node, kids[-1])
    parts = _pair(first, tail)
    return replace(parts, whole=node, nullable=parts.nullable or empty, null=parts.null or empty)


def _items_tail(node: Items, separator: Split) -> Split:
    """What may follow the first item: nothing where the list may end, or the separator and a shorter list."""
    may_end = node.min <= 1
    end = _atom(EMPTY, True, NOTHING)
    if node.max == 1 or (len(node.prefix) <= 1 and node.rest is None):
        return end if may_end else _atom(NOTHING, False, NOTHING)
    shorter = Items(
        node.prefix[1:], node.rest, max(node.min - 1, 1), None if node.max is None else node.max - 1, node.separator
    )
    more = _pair(separator, _atom(shorter, False, shorter))
    return _alternation(Alt((EMPTY, more.whole)), [end, more]) if may_end else more
