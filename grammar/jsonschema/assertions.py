"""Assertions: what a subschema's own keywords say, without its in-place applicators, as facts.

`aspects` reads the aspects one by one; here they are put together, with the types that they leave.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .aspects import (
    APPLICATOR,
    ARRAYS,
    NUMBERS,
    OBJECTS,
    STRINGS,
    TYPE,
    VALUES,
    arrays_of,
    aspects_of,
    count_of,
    numbers_of,
    objects_of,
    strings_of,
)
from .document import Document, Node
from .facts import ANYTHING, ARRAY, NUMBER, OBJECT, STRING, TYPES, Facts, Residual, Row, View, mask_of, meet

if TYPE_CHECKING:
    from .reading import Reader


def types_of(wanted: str | list[str]) -> int:
    """What `type` says."""
    if isinstance(wanted, str):
        return TYPES[wanted]
    types = 0
    for name in wanted:
        types |= TYPES[name]
    return types


def own_facts(reader: Reader, node: Node, schema: dict[str, Any], kinds: int) -> Facts | None:
    """What the assertions of the schema itself say; None if they contradict."""
    dialect = node.resource.dialect
    types = ANYTHING
    if kinds & TYPE:
        types = types_of(schema["type"])
    facts = Facts(types, sources=(node,))
    if kinds & NUMBERS and types & NUMBER:
        facts.numbers = numbers_of(schema, dialect)
        if facts.numbers.range.is_empty:
            facts.types &= ~NUMBER
    if kinds & STRINGS and types & STRING:
        facts.strings = strings_of(schema, dialect, reader.asserts_formats)
        if facts.strings.max is not None and facts.strings.min > facts.strings.max:
            facts.types &= ~STRING
    if kinds & ARRAYS and types & ARRAY:
        _own_arrays(reader.document, node, schema, facts)
    if kinds & OBJECTS and types & OBJECT:
        _own_objects(reader.document, node, schema, facts)
    if kinds & VALUES:
        table = aspects_of(dialect)
        for keyword in ("enum", "const"):
            if keyword in schema and keyword in table:
                values = tuple(schema["enum"]) if keyword == "enum" else (schema["const"],)
                both = meet(facts, Facts(mask_of(values, (node,)), values=values, sources=(node,)))
                if both is None:
                    return None
                facts = both
    return facts if facts.types else None


def _own_arrays(document: Document, node: Node, schema: dict[str, Any], facts: Facts) -> None:
    table, arrays = aspects_of(node.resource.dialect), arrays_of(document, node)
    rest = schema.get("unevaluatedItems") if "unevaluatedItems" in table else None
    if rest is not None and rest is not True:
        if "contains" not in schema and not any(table.get(k) == APPLICATOR for k in schema):
            if not arrays.rows or arrays.rows[0].rest is None:
                inner = document.child(node, rest, "unevaluatedItems")
                arrays.rows = (Row(arrays.rows[0].prefix if arrays.rows else (), inner),)
        else:
            facts.residuals += (Residual(node, "unevaluatedItems", ARRAY),)
    if schema.get("uniqueItems") is True and "uniqueItems" in table and (arrays.max is None or arrays.max > 1):
        facts.residuals += (Residual(node, "uniqueItems", ARRAY),)
    if "contains" in schema and "contains" in table:
        count = count_of(document, node)
        if count.max == 0:
            arrays.rows += (Row((), count.node.negation()),)
        elif count.min or count.max is not None:
            arrays.counts = (count,)
        if count.min > (0 if schema["contains"] is False else count.min if count.max is None else count.max):
            facts.types &= ~ARRAY
    facts.arrays = arrays
    if arrays.max is not None and arrays.min > arrays.max:
        facts.types &= ~ARRAY


def _own_objects(document: Document, node: Node, schema: dict[str, Any], facts: Facts) -> None:
    objects, rest = objects_of(document, node), schema.get("unevaluatedProperties")
    table = aspects_of(node.resource.dialect)
    if rest is not None and rest is not True and "unevaluatedProperties" in table:
        if not any(table.get(k) == APPLICATOR for k in schema):
            if "additionalProperties" not in schema:
                inner = document.child(node, rest, "unevaluatedProperties")
                view = objects.views[0] if objects.views else View({})
                objects.views = (replace(view, additional=inner),)
        else:
            facts.residuals += (Residual(node, "unevaluatedProperties", OBJECT),)
    facts.objects = objects
    if objects.max is not None and max(objects.min, len(set(objects.required))) > objects.max:
        facts.types &= ~OBJECT
