"""Captures: what the named parts of a constraint matched in a text.

A text of the constraint is read again, part by part: what comes first takes as much as it can, of alternatives the
first that fits counts. Leaves are read by their automata over bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ..errors import GrammarSyntaxError
from ..grammar.combinators import Json
from ..grammar.part import (
    Captured,
    InSequence,
    Named,
    OneOf,
    Part,
    Reference,
    Repeated,
    Special,
    Text,
    every_part,
    in_sequence,
)
from ..grammar.reasoning import Reasoning
from ..grammar.tools import Tools
from .commands.text_check import compile_for_bytes


def captures(part: Part, text: str) -> dict[str, Any]:
    """What the captured parts matched, by name: text, the value of JSON, a `ToolAnswer` of tools.

    A name inside of a repetition has a list of values. Special tokens may be spelled in the text or have been dropped.

    Raises
    ------
    GrammarSyntaxError : the part does not match the text from end to end.

    >>> from syntagma import json, lit, until
    >>> captures(until(":").capture("key") + ": " + json({"type": "integer"}).capture("value"), "age: 36")
    {'key': 'age', 'value': 36}
    """
    reader = _Reader(part, text.encode())
    if len(reader.data) not in reader.ends(part, 0):
        raise GrammarSyntaxError("Expected a text that the constraint matches.", source=text, offset=0)
    many = set(_repeated_names(part))
    found: dict[str, Any] = {name: [] for name in sorted(many)}
    for captured, i, j in reader.walk(part, 0, len(reader.data)):
        value = _value(captured.item, reader.data[i:j].decode())
        if captured.name in many:
            found[captured.name].append(value)
        else:
            found[captured.name] = value
    return found


def has_captures(part: Part) -> bool:
    """Whether some part has a name to be captured by."""
    return any(isinstance(each, Captured) for each in every_part(part))


def value_of(part: Part, text: str) -> Any:
    """What a finished text of the part stands for: its captures if it has any, the value of JSON, else the text."""
    return captures(part, text) if has_captures(part) else _value(part, text)


def _value(part: Part, text: str) -> Any:
    if isinstance(part, Json):
        return part.constraint.decode(json.loads(text))
    return part.parse(text) if isinstance(part, Tools) else text


def _repeated_names(part: Part) -> Iterator[str]:
    for each in every_part(part):
        if isinstance(each, Named) or (isinstance(each, Repeated) and each.max != 1):
            yield from (inner.name for inner in every_part(each) if isinstance(inner, Captured))


@lru_cache(maxsize=64)
def _automaton(part: Part) -> Any:
    return compile_for_bytes(part.grammar())


class _Reader:
    """Finds where parts may end in one text."""

    def __init__(self, part: Part, data: bytes) -> None:
        self.data = data
        self.named = {each.name: each.item for each in every_part(part) if isinstance(each, Named)}
        self._ends: dict[tuple[Part, int], frozenset[int]] = {}

    def ends(self, part: Part, i: int) -> frozenset[int]:
        """The places where the part may end that begins at `i`; none while that is being found out."""
        key = part, i
        if key not in self._ends:
            self._ends[key] = frozenset()
            self._ends[key] = frozenset(self._find(part, i))
        return self._ends[key]

    def _find(self, part: Part, i: int) -> Iterator[int]:
        match part:
            case Text(text):
                yield from [i + len(text.encode())] * self.data.startswith(text.encode(), i)
            case Special(token):
                yield i
                yield from [i + len(str(token).encode())] * self.data.startswith(str(token).encode(), i)
            case InSequence() | Repeated():
                for first, rest in self._heads(part):
                    if first is None:
                        yield i
                    else:
                        yield from (k for j in self.ends(first, i) for k in (self.ends(rest, j) if rest else (j,)))
            case OneOf() | Captured() | Named() | Reference() | Reasoning() | Tools():
                yield from (j for inner in self._ways(part) for j in self.ends(inner, i))
            case _:
                yield from self._leaf(part, i)

    def _ways(self, part: Part) -> tuple[Part, ...]:
        return (self.named[part.name],) if isinstance(part, Reference) else part.parts()

    def _heads(self, part: InSequence | Repeated) -> Iterator[tuple[Part | None, Part | None]]:
        """The ways to begin: a first part and what follows it, or nothing at all."""
        if isinstance(part, InSequence):
            yield (
                (part.items[0], in_sequence(*part.items[1:]) if part.items[1:] else None)
                if part.items
                else (None, None)
            )
            return
        if part.max != 0:
            yield part.item, Repeated(part.item, max(0, part.min - 1), None if part.max is None else part.max - 1)
        if part.min == 0:
            yield None, None

    def _leaf(self, part: Part, i: int) -> Iterator[int]:
        matcher = _automaton(part).matcher()
        if matcher.accepts_eos:
            yield i
        for j in range(i, len(self.data)):
            if not matcher.accept(self.data[j]):
                return
            if matcher.accepts_eos:
                yield j + 1

    def walk(self, part: Part, i: int, j: int) -> Iterator[tuple[Captured, int, int]]:
        """The captured parts between two places, in order."""
        stack: list[tuple[Part, int, int]] = [(part, i, j)]
        while stack:
            top, i, j = stack.pop()
            if isinstance(top, Captured):
                yield top, i, j
            if isinstance(top, InSequence | Repeated):
                stack += self._split(top, i, j)
            elif isinstance(top, OneOf | Captured | Named | Reference | Reasoning | Tools):
                stack.append((next(way for way in self._ways(top) if j in self.ends(way, i)), i, j))

    def _split(self, part: InSequence | Repeated, i: int, j: int) -> list[tuple[Part, int, int]]:
        """The first part and the rest with their places, the rest first."""
        first, rest = next(self._heads(part))
        if first is None or (i == j and isinstance(part, Repeated) and part.min == 0):
            return []
        for k in sorted(self.ends(first, i), reverse=True):
            if k > i or isinstance(part, InSequence) or part.min > 0:
                if rest is None and k == j:
                    return [(first, i, k)]
                if rest is not None and j in self.ends(rest, k):
                    return [(rest, k, j), (first, i, k)]
        return []
