"""Aspects: what a subschema's own assertions say of numbers, strings, arrays and objects.

Keywords fall into aspects. `aspects_of` is the table of one dialect: keywords that a draft does not know are absent, so
they are annotations. The functions read one aspect each, from a schema that its meta-schema accepts.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from ...errors import GrammarError
from .decimals import Range
from .dialect import Dialect
from .document import Document, Node
from .facts import Arrays, Count, Numbers, Objects, Row, Strings, View
from .formats import is_asserted
from .patterns import is_regex
from .values import exact

NUMBERS, STRINGS, ARRAYS, OBJECTS, VALUES, TYPE, APPLICATOR = (1 << i for i in range(7))
_KEYWORDS: Final = {
    NUMBERS: "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf",
    STRINGS: "minLength maxLength pattern format",
    ARRAYS: "items prefixItems additionalItems minItems maxItems uniqueItems contains unevaluatedItems",
    OBJECTS: "properties patternProperties additionalProperties required minProperties maxProperties propertyNames "
    "unevaluatedProperties",
    VALUES: "enum const",
    TYPE: "type",
    APPLICATOR: "$ref $dynamicRef $recursiveRef allOf anyOf oneOf not if dependencies dependentRequired "
    "dependentSchemas",
}


@lru_cache(maxsize=64)
def aspects_of(dialect: Dialect) -> dict[str, int]:
    """The aspect of every keyword that the dialect knows."""
    return {k: aspect for aspect, names in _KEYWORDS.items() for k in names.split() if dialect.knows(k)}


def kinds_of(node: Node) -> int:
    """The aspects that the keywords of a node's schema, an object, speak of."""
    if node.kinds is None:
        table, kinds = aspects_of(node.resource.dialect), 0
        for keyword in node.schema:  # type: ignore[union-attr]
            kinds |= table.get(keyword, 0)
        node.kinds = kinds
    return node.kinds


def numbers_of(schema: dict[str, Any], dialect: Dialect) -> Numbers:
    """What the schema says of numbers."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if dialect.age == 4:
        bounds = Range(_exact(low), _exact(high), low is not None and above is True, high is not None and below is True)
    else:
        bounds = Range(_exact(low), _exact(high))
        if above is not None or below is not None:
            bounds = bounds.meet(Range(_exact(above), _exact(below), above is not None, below is not None))
    multiple = schema.get("multipleOf")
    return Numbers(bounds, () if multiple is None else ((exact(multiple), True),))


def _exact(bound: Any) -> Decimal | None:
    return None if bound is None else exact(bound)


def strings_of(schema: dict[str, Any], dialect: Dialect, asserts_formats: bool) -> Strings:
    """What the schema says of strings."""
    pattern, form = schema.get("pattern"), schema.get("format")
    patterns = () if pattern is None else ((str(pattern), True),)
    formats = ((str(form), True),) if asserts_formats and is_asserted(form, dialect) else ()
    return Strings(int(schema.get("minLength", 0)), _bound(schema, "maxLength"), patterns, formats)


def arrays_of(document: Document, node: Node) -> Arrays:
    """What the node's schema says of arrays, but for `uniqueItems`, counts and `unevaluatedItems`."""
    schema, dialect = node.schema, node.resource.dialect
    assert isinstance(schema, dict)
    items, low = schema.get("items"), int(schema.get("minItems", 0))
    prefix_keyword, rest_keyword = "prefixItems", "items"
    if dialect.age < 2020:
        prefix_keyword, rest_keyword = ("items", "additionalItems") if isinstance(items, list) else ("", "items")
    first, rest = schema.get(prefix_keyword, ()), schema.get(rest_keyword)
    rows: tuple[Row, ...] = ()
    if first or rest is not None:
        prefix = tuple(document.child(node, s, prefix_keyword, i) for i, s in enumerate(first))
        rows = (Row(prefix, None if rest is None else document.child(node, rest, rest_keyword)),)
    if "contains" in schema and dialect.knows("contains") and schema["contains"] is not False:
        low = max(low, int(schema.get("minContains", 1)) if dialect.knows("minContains") else 1)
    return Arrays(rows, low, _bound(schema, "maxItems"))


def count_of(document: Document, node: Node) -> Count:
    """What the node's schema says with `contains`."""
    schema, dialect = node.schema, node.resource.dialect
    assert isinstance(schema, dict)
    inner = document.child(node, schema["contains"], "contains")
    if not dialect.knows("minContains"):
        return Count(inner, 1)
    return Count(inner, int(schema.get("minContains", 1)), _bound(schema, "maxContains"))


def objects_of(document: Document, node: Node) -> Objects:
    """What the node's schema says of objects, but for `unevaluatedProperties`."""
    schema, dialect = node.schema, node.resource.dialect
    assert isinstance(schema, dict)
    properties, patterns = schema.get("properties"), schema.get("patternProperties")
    additional = schema.get("additionalProperties")
    views: tuple[View, ...] = ()
    if properties or patterns or additional is not None:
        view = View(document.members(node, "properties", properties) if properties else {})
        if patterns:
            for pattern in patterns:
                if not is_regex(pattern):
                    pointer = node.pointer + "/patternProperties"
                    raise GrammarError(f"Expected a regular expression, got {pattern!r}", pointer=pointer)
            view.patterns = document.members(node, "patternProperties", patterns)
        if additional is not None:
            view.additional = document.child(node, additional, "additionalProperties")
        views = (view,)
    names = schema.get("propertyNames")
    if names is not None and not dialect.knows("propertyNames"):
        names = None
    required = schema.get("required", ())
    return Objects(
        views,
        tuple(required) if isinstance(required, list | tuple) and dialect.validates else (),
        int(schema.get("minProperties", 0)),
        _bound(schema, "maxProperties"),
        () if names is None else (document.child(node, names, "propertyNames"),),
        additional is not None or "unevaluatedProperties" in schema,
    )


def _bound(schema: dict[str, Any], keyword: str) -> int | None:
    value = schema.get(keyword)
    return None if value is None else int(value)
