"""Places: every subschema of a document with its JSON pointer, whether anything refers to it or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from .dialect import Dialect, dialect_of

#: Keywords that hold a schema, a list of schemas, or schemas by name.
_ONE: Final = frozenset({
    *("not", "if", "then", "else", "contains", "propertyNames", "additionalItems", "additionalProperties"),
    *("unevaluatedItems", "unevaluatedProperties", "contentSchema", "items"),
})  # fmt: skip
_LIST: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
_NAMED: Final = frozenset({
    "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies",
})  # fmt: skip


class Place(NamedTuple):
    """A subschema that is an object, where it stands."""

    pointer: str
    schema: dict[str, Any]
    dialect: Dialect


def places_of(root: Any, dialect: Dialect) -> Iterator[Place]:
    """Every subschema that is an object, in the order of the document; what does not fit a keyword is passed over."""
    stack: list[tuple[str, Any, Dialect]] = [("#", root, dialect)]
    while stack:
        pointer, schema, dialect = stack.pop()
        if not isinstance(schema, dict):
            continue
        declared = schema.get("$schema")
        if pointer != "#" and isinstance(declared, str):
            dialect = dialect_of(declared) or dialect
        yield Place(pointer, schema, dialect)
        below = [(pointer + step, child, dialect) for step, child in _children(schema)]
        stack.extend(reversed(below))


def _children(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword, value in schema.items():
        if isinstance(value, dict) and keyword in _NAMED:
            for name, child in value.items():
                yield f"/{step(keyword)}/{step(name)}", child
        elif isinstance(value, dict) and keyword in _ONE:
            yield f"/{step(keyword)}", value
        elif isinstance(value, list) and keyword in _LIST:
            for i, child in enumerate(value):
                yield f"/{keyword}/{i}", child


def step(name: str) -> str:
    """A name as a step of a JSON pointer.

    >>> step("a/b~c")
    'a~1b~0c'
    """
    return name.replace("~", "~0").replace("/", "~1")
