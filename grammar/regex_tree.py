"""Syntax tree of a regular expression over code points.

Consuming nodes are `CharSet`, `Concat`, `Either`, `Loop` and `Meet`; `Edge` and `Look` are assertions, which consume
nothing. Every other assertion is written with these two: a word boundary is an `Either` of lookarounds. A node without
assertions is *plain* and lowers to an expression of the IR by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .ir import EMPTY, And, Expr, Repeat, choice, sequence
from .regular import is_nullable
from .unicode import ANY, CodePoints, union

#: How the code points of a set are written: UTF-8, or the spellings inside a JSON string.
Spell: TypeAlias = Callable[[CodePoints], Expr]


@dataclass(frozen=True, slots=True)
class CharSet:
    """One code point out of a set."""

    ranges: CodePoints
    plain: bool = True


@dataclass(frozen=True, slots=True)
class Concat:
    """The items one after the other."""

    items: tuple[Node, ...]
    plain: bool


@dataclass(frozen=True, slots=True)
class Either:
    """Any of the items."""

    items: tuple[Node, ...]
    plain: bool


@dataclass(frozen=True, slots=True)
class Loop:
    """The item `min` to `max` times."""

    item: Node
    min: int
    max: int | None
    plain: bool
    #: Whether fewer rounds are tried first, which says nothing about the language.
    lazy: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Meet:
    """Those matches of a plain item that `other`, an expression of the IR, matches too."""

    item: Node
    other: Expr
    plain: bool = True


@dataclass(frozen=True, slots=True)
class Edge:
    """The start or the end of the whole text."""

    side: Literal["start", "end"]
    offset: int
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """The item matches here, ahead or behind (or, if negative, does not)."""

    item: Node
    behind: bool
    negative: bool
    offset: int
    plain: bool = False


Node: TypeAlias = CharSet | Concat | Either | Loop | Meet | Edge | Look


def concat(items: Iterable[Node]) -> Node:
    """The items one after the other."""
    parts = tuple(items)
    return parts[0] if len(parts) == 1 else Concat(parts, all(part.plain for part in parts))


def either(items: Iterable[Node]) -> Node:
    """Any of the items."""
    parts = tuple(items)
    return parts[0] if len(parts) == 1 else Either(parts, all(part.plain for part in parts))


def loop(item: Node, low: int, high: int | None, *, lazy: bool = False) -> Node:
    """The item `low` to `high` times."""
    return item if low == high == 1 else Loop(item, low, high, item.plain, lazy)


#: Any text.
EVERY = loop(CharSet(ANY), 0, None)
_NO_TEXT = concat(())


def beside_every(node: Node, *, last: bool) -> Node:
    """What matches the same texts where `EVERY` stands behind the node (before it, if not `last`), which takes rounds.

    `[a-z]{3,31}` before any text is `[a-z]{3}`, whose automaton has far fewer states.
    """
    match node:
        case Loop(item, low, _, plain=True):
            return loop(item, low, low) if low > 1 else beside_every(item, last=last) if low else _NO_TEXT
        case Either(items):
            cuts = [beside_every(item, last=last) for item in items]
            return _NO_TEXT if _NO_TEXT in cuts else either(cuts)
        case Concat(items) if items:
            rest, edge = (items[:-1], items[-1]) if last else (items[1:], items[0])
            cut = beside_every(edge, last=last)
            if cut == _NO_TEXT:
                return beside_every(concat(rest), last=last)
            return concat((*rest, cut) if last else (cut, *rest))
    return node


def lower(node: Node, spell: Spell) -> Expr:
    """The expression of a plain node."""
    match node:
        case CharSet(ranges):
            return spell(ranges)
        case Concat(items):
            return sequence(*(lower(item, spell) for item in items))
        case Either(items):
            return choice(*(lower(item, spell) for item in items))
        case Loop(item, low, high):
            return Repeat(lower(item, spell), low, high) if high != 0 else EMPTY
        case Meet(item, other):
            return And((lower(item, spell), other))
    raise TypeError(f"An assertion has no expression of its own: {node}.")


def nullable(node: Node) -> bool:
    """Whether a plain node matches the empty text."""
    match node:
        case CharSet():
            return False
        case Concat(items):
            return all(map(nullable, items))
        case Either(items):
            return any(map(nullable, items))
        case Loop(item, low):
            return low == 0 or nullable(item)
        case Meet(item, other):
            return nullable(item) and is_nullable(other)
    return True


def widths(node: Node) -> tuple[int, int | None]:
    """Least and greatest number of code points of a match (None: no bound)."""
    match node:
        case CharSet():
            return 1, 1
        case Concat(items):
            both = [widths(item) for item in items]
            return sum(low for low, _ in both), _total(high for _, high in both)
        case Either(items):
            both = [widths(item) for item in items]
            highs = [high for _, high in both]
            most = None if None in highs else max((h for h in highs if h is not None), default=0)
            return min((low for low, _ in both), default=0), most
        case Loop(item, low, high):
            least, most = widths(item)
            return least * low, 0 if most == 0 or high == 0 else None if most is None or high is None else most * high
        case Meet(item):
            return widths(item)
    return 0, 0


def _total(widths: Iterable[int | None]) -> int | None:
    total = 0
    for width in widths:
        if width is None:
            return None
        total += width
    return total


def outer(node: Node, *, last: bool) -> CodePoints:
    """The code points that matches of a plain node may start with, or end with (perhaps a few more)."""
    match node:
        case CharSet(ranges):
            return ranges
        case Concat(items):
            found: list[CodePoints] = []
            for item in reversed(items) if last else items:
                found.append(outer(item, last=last))
                if not nullable(item):
                    break
            return union(*found)
        case Either(items):
            return union(*(outer(item, last=last) for item in items))
        case Loop(item, _, high):
            return () if high == 0 else outer(item, last=last)
        case Meet(item):
            return outer(item, last=last)
    return ()


def assertions(node: Node) -> Iterator[Edge | Look]:
    """The assertions of a node, outermost first."""
    stack = [node]
    while stack:
        top = stack.pop()
        match top:
            case Edge() | Look():
                yield top
            case Concat(items) | Either(items):
                stack.extend(reversed(items))
            case Loop(item):
                stack.append(item)


def is_lazy(node: Node) -> bool:
    """Whether a loop outside of assertions tries fewer rounds first."""
    match node:
        case Concat(items) | Either(items):
            return any(map(is_lazy, items))
        case Loop(item):
            return node.lazy or is_lazy(item)
    return False
