"""Combinators: the functions that make parts.

>>> number = regex("[0-9]+")
>>> pair = "(" + number + ", " + number + ")"
>>> (pair | "none").repeat(1, 3)
(lit('(') + regex('[0-9]+') + lit(', ') + regex('[0-9]+') + lit(')') | lit('none')).repeat(1, 3)
"""

from __future__ import annotations

import json as _json
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any, Literal

from .fold import alternation, concatenation
from .free_text import text_without
from .ir import EMPTY, Expr
from .jsonschema import JsonSchema
from .part import Book, Part, Reference, Special, Text, as_part
from .regex import Regex
from .regex_member import Flavour
from .substring import Substring

#: Parts that may come in any order; n of them need 2^n rules.
MAX_PERMUTED = 12


def lit(text: str) -> Part:
    """The text itself."""
    return Text(text)


def regex(pattern: str, flags: str = "", flavour: Flavour = "python") -> Part:
    """What a regular expression matches from end to end; errors come when the grammar is asked for."""
    return Pattern(pattern, flags, flavour)


def json(schema_or_type: Any, **options: Any) -> Part:
    """JSON of a schema or a Python type; `options` are those of `JsonSchema`.

    Raises
    ------
    GrammarError : it is no schema, or no instance is valid.
    """
    given = JsonSchema(schema_or_type, **options)
    registry = options.pop("registry", None)
    return Json(_json.dumps(given.schema), given.type, tuple(sorted(options.items())), registry)


def ref(name: str) -> Part:
    """What the part with that name matches; a part gets a name by `.named(name)`.

    >>> nested = ("(" + ref("x").optional() + ")").named("x")
    """
    return Reference(name)


def special(token: str | int, *, or_text: bool = False) -> Part:
    """A special token, by name or by id; with `or_text` its name as text where the vocabulary has no such token."""
    return Special(token, or_text)


def optional(part: Any) -> Part:
    """The part or nothing."""
    return as_part(part).optional()


def until(*delimiters: str, max_chars: int | None = None, min_chars: int = 0) -> Part:
    """Free text in which none of the delimiters occurs, of `min_chars` to `max_chars` characters; any without one."""
    if "" in delimiters:
        raise ValueError(f"Expected delimiters that are not empty, got {delimiters}.")
    if min_chars < 0 or (max_chars is not None and max_chars < min_chars):
        raise ValueError(f"Expected bounds 0 <= min_chars <= max_chars, got {min_chars} and {max_chars}.")
    return FreeText(delimiters, max_chars, min_chars)


def substring(text: str, by: Literal["chars", "words"] = "chars") -> Part:
    """Any piece of a text, nothing and all of it included: for quotes and extractive answers.

    Parameters
    ----------
    by : where pieces may begin and end: between any characters, or only between words, spaces and punctuation.
    """
    pieces = tuple(re.findall(r"\w+|\W", text)) if by == "words" else tuple(text)
    return Substring(pieces, by)


def permutation(*parts: Any, separator: Any = "") -> Part:
    """All of the parts, each once, in any order, with the separator between them.

    Raises
    ------
    ValueError : there are more than `MAX_PERMUTED` parts.
    """
    if len(parts) > MAX_PERMUTED:
        raise ValueError(f"Expected at most {MAX_PERMUTED} parts in any order, got {len(parts)}.")
    return Permuted(tuple(map(as_part, parts)), as_part(separator))


@dataclass(frozen=True, slots=True, repr=False)
class Pattern(Part):
    """A regular expression."""

    pattern: str
    flags: str
    flavour: Flavour

    def __repr__(self) -> str:
        flags = f", flags={self.flags!r}" if self.flags else ""
        flavour = f", flavour={self.flavour!r}" if self.flavour != "python" else ""
        return f"regex({self.pattern!r}{flags}{flavour})"

    def expression(self, book: Book) -> Expr:
        return book.add(Regex(self.pattern, self.flags, self.flavour), "pattern")


@dataclass(frozen=True, slots=True, repr=False)
class Json(Part):
    """JSON of a schema; `type` is the Python type that it came from, if any."""

    schema: str
    type: Any
    options: tuple[tuple[str, Any], ...] = ()
    registry: Any = None

    def __repr__(self) -> str:
        shown = getattr(self.type, "__name__", repr(self.type)) if self.type is not None else self.schema
        return f"json({shown})"

    @property
    def constraint(self) -> JsonSchema:
        """The schema as a constraint, made anew unless it is still remembered."""
        return _json_schema(self)

    def expression(self, book: Book) -> Expr:
        return book.add(_Schema(self), "json")


@dataclass(frozen=True)
class _Schema:
    """A schema that compares by content."""

    part: Json

    def grammar(self) -> Any:
        return self.part.constraint.grammar()


@lru_cache(maxsize=64)
def _json_schema(part: Json) -> JsonSchema:
    what = part.schema if part.type is None else part.type
    return JsonSchema(what, registry=part.registry, **dict(part.options))


@dataclass(frozen=True, slots=True, repr=False)
class FreeText(Part):
    """Text without certain words."""

    words: tuple[str, ...]
    max_chars: int | None = None
    min_chars: int = 0

    def __repr__(self) -> str:
        bound = [] if self.max_chars is None else [f"max_chars={self.max_chars}"]
        bound += [f"min_chars={self.min_chars}"] if self.min_chars else []
        return f"until({', '.join([*map(repr, self.words), *bound])})"

    def expression(self, book: Book) -> Expr:
        return book.rule("text", text_without(self.words, self.max_chars, self.min_chars))


@dataclass(frozen=True, slots=True, repr=False)
class Permuted(Part):
    """Parts in any order."""

    items: tuple[Part, ...]
    separator: Part

    def __repr__(self) -> str:
        separator = "" if self.separator == Text("") else f", separator={self.separator!r}"
        return f"permutation({', '.join(map(repr, self.items))}{separator})"

    def parts(self) -> tuple[Part, ...]:
        return self.items

    def expression(self, book: Book) -> Expr:
        """One rule for each set of parts that are still to come."""
        items, between = [item.expression(book) for item in self.items], self.separator.expression(book)
        left: dict[frozenset[int], Expr] = {frozenset(): EMPTY}
        for n in range(1, len(items) + 1):
            for chosen in map(frozenset, combinations(range(len(items)), n)):
                lead = EMPTY if n == len(items) else between
                ways = (concatenation((lead, items[k], left[chosen - {k}])) for k in sorted(chosen))
                left[chosen] = book.rule("permutation", alternation(ways))
        return left[frozenset(range(len(items)))]
