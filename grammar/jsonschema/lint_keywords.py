"""Lints of single subschemas: keywords that do not say what they seem to.

misspelt-keyword        close to a known one
other-draft             known, but not in this draft
foreign-keyword         of OpenAPI or an older draft, with another keyword to say it
idle-keyword            says nothing without another one, which is absent
inapplicable-keyword    applies to types that `type` excludes
hidden-by-ref           beside a `$ref` that hides it (drafts up to 7)
enum-outside-type       listed values that `type` excludes
refused-value           listed values that other keywords exclude
unknown-format          a format that the draft does not define
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs

from ..finding import Finding, Severity
from .aspects import ARRAYS, NUMBERS, OBJECTS, STRINGS, aspects_of
from .dialect import DIALECTS
from .facts import ARRAY, NUMBER, OBJECT, STRING, TYPES
from .formats import is_asserted
from .guards import schema_uri
from .places import Place
from .values import type_of
from .verdicts import COMPANIONS, STRUCTURE

#: Keywords that describe and do not assert.
ANNOTATIONS: Final = frozenset({
    *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format"),
    *("contentEncoding", "contentMediaType", "contentSchema"),
})  # fmt: skip
_KNOWN: Final = frozenset().union(*(aspects_of(d) for d in DIALECTS.values()), COMPANIONS, STRUCTURE, ANNOTATIONS)
#: What other dialects say, and how to say it here.
_FOREIGN: Final = {
    "nullable": 'Add "null" to `type` instead.',
    "discriminator": "Give the member a `const` in each branch instead.",
    "example": "Say `examples`, a list.",
    "divisibleBy": "Say `multipleOf`.",
    "disallow": "Say `not`.",
    "extends": "Say `allOf`.",
    "optional": "Say `required`, a list, beside `properties`.",
    "formatMinimum": "No draft asserts it.",
    "formatMaximum": "No draft asserts it.",
}
#: Starts of names that are the author's own, or commented out.
_OWN: Final = ("x-", "_", "//")
_APPLIES: Final = {NUMBERS: NUMBER, STRINGS: STRING, ARRAYS: ARRAY, OBJECTS: OBJECT}
_KINDS: Final = {NUMBERS: "numbers", STRINGS: "strings", ARRAYS: "arrays", OBJECTS: "objects"}
#: Values of an enumeration that are looked at.
MOST_VALUES: Final = 10_000


def lint_place(place: Place) -> Iterator[Finding]:
    """The findings on one subschema."""
    if "$ref" in place.schema and place.dialect.ref_stands_alone:
        yield from _hidden(place)
        return
    for lint in _LINTS:
        yield from lint(place)


def _unknown(place: Place) -> Iterator[Finding]:
    table = aspects_of(place.dialect)
    for keyword in place.schema:
        if keyword in table or keyword in ANNOTATIONS or keyword in STRUCTURE or keyword.startswith(_OWN):
            continue
        where = f"{place.pointer}/{keyword}"
        if keyword in _FOREIGN:
            message = f"`{keyword}` is no keyword of draft {place.dialect.name} and decides nothing."
            severity: Severity = "note" if keyword == "example" else "warning"
            yield Finding("foreign-keyword", severity, message, _FOREIGN[keyword], where)
        elif keyword in _KNOWN:
            if not place.dialect.knows(keyword) and place.dialect.validates:
                yield _other_draft(place, keyword, where)
        elif meant := _meant(keyword):
            message = f"`{keyword}` is no keyword and decides nothing; `{meant}` is one."
            severity = "note" if meant in ANNOTATIONS and meant != "format" else "warning"
            yield Finding("misspelt-keyword", severity, message, f"Write `{meant}`.", where)


def _other_draft(place: Place, keyword: str, where: str) -> Finding:
    drafts = [name for name, dialect in DIALECTS.items() if dialect.knows(keyword)]
    message = (
        f"`{keyword}` is a keyword of draft {', '.join(drafts)}; in draft {place.dialect.name} it decides nothing."
    )
    return Finding("other-draft", "warning", message, "Declare the draft in `$schema`.", where)


@lru_cache(maxsize=4096)
def _meant(keyword: str) -> str | None:
    """The keyword that a name is close to."""
    targets = _KNOWN - {"$comment", "id"}
    same = [known for known in sorted(targets) if known.lower() == keyword.lower().replace("_", "").replace("-", "")]
    close = same or (get_close_matches(keyword, sorted(targets), 1, 0.84) if len(keyword) > 3 else [])
    return close[0] if close else None


def _idle(place: Place) -> Iterator[Finding]:
    for keyword, companion in COMPANIONS.items():
        if keyword not in place.schema or not place.dialect.knows(keyword):
            continue
        where = f"{place.pointer}/{keyword}"
        if companion not in place.schema:
            message = f"`{keyword}` says nothing without `{companion}`."
            yield Finding("idle-keyword", "warning", message, f"Add `{companion}`, or remove it.", where)
        elif keyword == "additionalItems" and not isinstance(place.schema["items"], list):
            message = "`additionalItems` says nothing where `items` is one schema for all."
            yield Finding("idle-keyword", "warning", message, "Make `items` a list, or remove it.", where)


def _hidden(place: Place) -> Iterator[Finding]:
    table = aspects_of(place.dialect)
    for keyword in place.schema:
        if keyword in table and keyword != "$ref":
            message = f"In draft {place.dialect.name} `$ref` hides `{keyword}` beside it."
            fix = "Put the `$ref` into an `allOf`."
            yield Finding("hidden-by-ref", "warning", message, fix, f"{place.pointer}/{keyword}")


def types_of(schema: dict[str, Any]) -> int | None:
    """The types that `type` lets be, as bits; None if it is absent, or no type and no list of types."""
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(names, list) or not all(isinstance(name, str) and name in TYPES for name in names):
        return None
    mask = 0
    for name in names:
        mask |= TYPES[name]
    return mask


def _inapplicable(place: Place) -> Iterator[Finding]:
    types, table = types_of(place.schema), aspects_of(place.dialect)
    if types is None:
        return
    for keyword in place.schema:
        aspect = table.get(keyword, 0)
        if keyword == "format" and not is_asserted(place.schema[keyword], place.dialect):
            continue  # an annotation, which may be meant for numbers
        if aspect in _APPLIES and not _APPLIES[aspect] & types:
            shown = json.dumps(place.schema["type"])
            message = f"`{keyword}` applies to {_KINDS[aspect]}, which `type` {shown} excludes: it decides nothing."
            fix = _instead(keyword, types) or "Remove it, or correct `type`."
            yield Finding("inapplicable-keyword", "warning", message, fix, f"{place.pointer}/{keyword}")


def _instead(keyword: str, types: int) -> str:
    """What bounds a value of the types in the way of the keyword."""
    side = keyword[:3]
    if side not in ("min", "max"):
        return ""
    names = {NUMBER: f"{side}imum", STRING: f"{side}Length", ARRAY: f"{side}Items", OBJECT: f"{side}Properties"}
    meant = [name for mask, name in names.items() if mask & types]
    return f"Did you mean `{meant[0]}`?" if len(meant) == 1 else ""


def _values(place: Place) -> Iterator[Finding]:
    types = types_of(place.schema)
    for keyword, values in (("enum", place.schema.get("enum")), ("const", [place.schema.get("const")])):
        if keyword not in place.schema or not place.dialect.knows(keyword) or not isinstance(values, list):
            continue
        values, where = values[:MOST_VALUES], f"{place.pointer}/{keyword}"
        outside = [v for v in values if types is not None and not type_of(v) & types]
        if outside:
            message = f"`{keyword}` lists {_shown(outside)}, which `type` {json.dumps(place.schema['type'])} excludes."
            yield Finding("enum-outside-type", "warning", message, "Remove it, or widen `type`.", where)
        refused = [v for v in _refused(place, values) if v not in outside]
        if refused:
            message = f"`{keyword}` lists {_shown(refused)}, which other keywords beside it exclude."
            yield Finding("refused-value", "warning", message, "Remove it, or relax the other keywords.", where)


def _refused(place: Place, values: list[Any]) -> list[Any]:
    """The values that simple assertions beside the list exclude."""
    simple = _APPLIES.keys()
    table = aspects_of(place.dialect)
    beside = {k: v for k, v in place.schema.items() if table.get(k) in simple and not isinstance(v, dict | list)}
    if not beside:
        return []
    try:
        validator = jsonschema_rs.validator_for({**beside, "$schema": schema_uri(place.dialect)}, offline=True)
    except (jsonschema_rs.ValidationError, ValueError):
        return []
    return [v for v in values if not validator.is_valid(v)]


def _shown(values: list[Any]) -> str:
    text = ", ".join(json.dumps(v, ensure_ascii=False, default=str) for v in values[:3])
    return f"{text}, ..." if len(values) > 3 else text


def _formats(place: Place) -> Iterator[Finding]:
    name = place.schema.get("format")
    if isinstance(name, str) and not is_asserted(name, place.dialect):
        message = f"`format` {json.dumps(name)} is none of draft {place.dialect.name}, so it is an annotation."
        yield Finding("unknown-format", "note", message, "Add a `pattern` if it matters.", f"{place.pointer}/format")


_LINTS: Final[tuple[Callable[[Place], Iterator[Finding]], ...]] = (_unknown, _idle, _inapplicable, _values, _formats)
