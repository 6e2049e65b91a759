"""Tolerance: schemas that break the letter of their meta-schema and leave no doubt what they mean.

The referee takes no such schema. It gets a copy with
    annotations     that are not of their type (`description: null`) left out
    `required`, `type`, `enum`  without repetitions; an empty `required`, which draft 4 forbids, left out
    `$ref`          with percent signs for what a URI may not have (`#/definitions/Array<string>`)
    patterns        in words that it reads, see `patterns.py`
    `contentEncoding`, `contentMediaType`  left out: annotations, which it would assert in drafts 6 and 7
Everything else that a meta-schema asks for stays asked for.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ...errors import GrammarError
from .dialect import Dialect
from .patterns import for_referee
from .places import Place, places_of, step
from .values import identity

if TYPE_CHECKING:
    from .resources import Schema

_TYPES: Final[dict[str, type]] = {
    **dict.fromkeys(("title", "description", "$comment", "contentEncoding", "contentMediaType"), str),
    **dict.fromkeys(("deprecated", "readOnly", "writeOnly"), bool),
    "examples": list,
}
#: What may not stand in a URI's fragment or before it: a percent sign that begins no byte, and most signs.
_STRANGE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|[^!$-;=?-Z_a-z~]")
#: Annotations in every draft.
_CONTENT: Final = ("contentEncoding", "contentMediaType")
#: What becomes of a keyword that is left out.
LEFT: Final = object()


def tolerated(schema: Schema, dialect: Dialect) -> Schema:
    """The schema, or a copy of the same meaning that the referee takes where it does not take the schema.

    Raises
    ------
    GrammarError : it nests too deep to be copied.
    """
    if not any(_changes(place) for place in places_of(schema, dialect)):
        return schema
    try:
        schema = copy.deepcopy(schema)
    except RecursionError:
        raise GrammarError("Expected a schema that nests less deeply. Simplify it", pointer="#") from None
    for place in places_of(schema, dialect):
        for keyword, value in _changes(place).items():
            if value is LEFT:
                del place.schema[keyword]
            else:
                place.schema[keyword] = value
    return schema


def _changes(place: Place) -> dict[str, Any]:
    content = [keyword for keyword in _CONTENT if keyword in place.schema] if place.dialect.age <= 7 else []
    return edits_of(place.schema) | dict.fromkeys(content, LEFT)


def fragment_in_copy(fragment: str) -> str:
    """A JSON pointer into a schema, as it leads through the copy."""
    if "/patternProperties/" not in fragment:
        return fragment
    steps = fragment.split("/")
    for k in range(1, len(steps)):
        if steps[k - 1] == "patternProperties":
            steps[k] = step(_pattern(steps[k].replace("~1", "/").replace("~0", "~")))
    return "/".join(steps)


def edits_of(schema: dict[str, Any]) -> dict[str, Any]:
    """What is to be written instead, by keyword."""
    found: dict[str, Any] = {}
    for keyword, value in schema.items():
        if (kind := _TYPES.get(keyword)) is not None:
            if not isinstance(value, kind):
                found[keyword] = LEFT
        elif (edit := _REWRITES.get(keyword)) is not None:
            edited = edit(value)
            if edited is LEFT or edited != value:
                found[keyword] = edited
    return found


def _without_repetitions(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    first = {identity(item): item for item in reversed(value)}
    return value if len(first) == len(value) else list(first.values())[::-1]


def _required(value: Any) -> Any:
    return LEFT if value == [] else _without_repetitions(value)


def _reference(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    before, mark, fragment = value.partition("#")
    if _STRANGE.search(before) is None and _STRANGE.search(fragment) is None:
        return value
    return mark.join(_STRANGE.sub(lambda found: quote(found[0], safe=""), part) for part in (before, fragment))


def _pattern(value: Any) -> Any:
    return (for_referee(value) or value) if isinstance(value, str) else value


def _patterns(value: Any) -> Any:
    if not isinstance(value, dict) or all(_pattern(name) == name for name in value):
        return value
    return {_pattern(name): inner for name, inner in value.items()}


_REWRITES: Final[dict[str, Callable[[Any], Any]]] = {
    "required": _required,
    "enum": _without_repetitions,
    "type": _without_repetitions,
    "$ref": _reference,
    "$dynamicRef": _reference,
    "pattern": _pattern,
    "patternProperties": _patterns,
}
