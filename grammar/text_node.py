"""Text nodes: expressions over characters, as printers need them.

Laws
    1. `Choose(())` is the empty language, `Sequence(())` the empty text.
    2. `Chars` holds no surrogates and at least one code point; `Literal` at least one character.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from .ir import Token
from .unicode import CodePoints, union


@dataclass(frozen=True, slots=True)
class Literal:
    """One text."""

    text: str


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set."""

    ranges: CodePoints


@dataclass(frozen=True, slots=True)
class Sequence:
    """The items one after the other."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choose:
    """Any of the items."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """The item `min` to `max` times."""

    item: Node
    min: int
    max: int | None


@dataclass(frozen=True, slots=True)
class Name:
    """What the rule or the terminal of that name matches."""

    name: str


@dataclass(frozen=True, slots=True)
class Special:
    """A special token."""

    token: Token


Node: TypeAlias = Literal | Chars | Sequence | Choose | Loop | Name | Special

EMPTY_TEXT = Sequence(())
NO_TEXT = Choose(())


def chars(ranges: CodePoints) -> Node:
    """The set, or the literal if it holds one character."""
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return Literal(chr(ranges[0][0]))
    return Chars(ranges)


def in_order(items: Iterable[Node]) -> Node:
    """The items one after the other, flattened, neighbouring literals joined."""
    flat: list[Node] = []
    for item in items:
        if item == NO_TEXT:
            return NO_TEXT
        for part in item.items if isinstance(item, Sequence) else (item,):
            if isinstance(part, Literal) and flat and isinstance(flat[-1], Literal):
                flat[-1] = Literal(flat[-1].text + part.text)
            else:
                flat.append(part)
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def choose(items: Iterable[Node]) -> Node:
    """Any of the items, flattened, each once, the sets of characters joined."""
    found: dict[Node, None] = {}
    sets: list[CodePoints] = []
    for item in items:
        for part in item.items if isinstance(item, Choose) else (item,):
            if isinstance(part, Chars):
                sets.append(part.ranges)
            found[part] = None
    if len(sets) > 1:
        first = next(part for part in found if isinstance(part, Chars))
        whole = Chars(union(*sets))
        found = {
            whole if part == first else part: None for part in found if part == first or not isinstance(part, Chars)
        }
    return next(iter(found)) if len(found) == 1 else Choose(tuple(found))


def loop(item: Node, low: int, high: int | None) -> Node:
    """The item `low` to `high` times."""
    if item == NO_TEXT:
        return NO_TEXT if low else EMPTY_TEXT
    if high == 0 or item == EMPTY_TEXT:
        return EMPTY_TEXT
    if high is not None and high < low:
        return NO_TEXT
    return item if low == high == 1 else Loop(item, low, high)


def kids_of(node: Node) -> tuple[Node, ...]:
    """The direct parts."""
    match node:
        case Sequence(items) | Choose(items):
            return items
        case Loop(item):
            return (item,)
    return ()


def names_in(node: Node) -> Iterator[str]:
    """The names that the node refers to."""
    stack = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, Name):
            yield top.name
        stack.extend(reversed(kids_of(top)))


def size(node: Node) -> int:
    """The number of nodes."""
    stack, count = [node], 0
    while stack:
        count += 1
        stack.extend(kids_of(stack.pop()))
    return count
