"""Negation: what it takes to fail a subschema.

A schema fails if one of its keywords fails (De Morgan). Types, values, bounds, divisors, lengths, patterns, required
and declared keys and in-place applicators have facts for that; the failure of any other keyword is a residual on its
types.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from .applicators import FEW, MOST_ALTERNATIVES
from .aspects import APPLICATOR, ARRAYS, NUMBERS, OBJECTS, STRINGS, aspects_of, count_of, numbers_of, strings_of
from .decimals import Range
from .disjointness import overlaps
from .document import Node
from .facts import (
    ANYTHING,
    ARRAY,
    FREE,
    NUMBER,
    OBJECT,
    STRING,
    TYPES,
    Arrays,
    Count,
    Facts,
    Numbers,
    Objects,
    Residual,
    Row,
    Strings,
    View,
    mask_of,
    with_residual,
)
from .values import exact, type_of

if TYPE_CHECKING:
    from .reading import Reader

_TYPES_OF_ASPECT = {NUMBERS: NUMBER, STRINGS: STRING, ARRAYS: ARRAY, OBJECTS: OBJECT, APPLICATOR: ANYTHING}


def deny(reader: Reader, node: Node) -> tuple[Facts, ...]:
    """What fails the subschema of a negated node, as alternatives."""
    schema, dialect = node.schema, node.resource.dialect
    if schema is False:
        return (FREE,)
    if schema is True or not schema:
        return ()
    assert isinstance(schema, dict)
    table = aspects_of(dialect)
    keywords = ["$ref"] if "$ref" in schema and dialect.ref_stands_alone else [k for k in schema if k in table]
    ways: list[Facts] = []
    for keyword in keywords:
        if keyword.startswith("exclusiveM") and dialect.age == 4:
            continue
        ways += _fail(reader, node, schema, keyword, schema[keyword], table[keyword])
    return tuple(facts.of(node) for facts in ways)


def _fail(
    reader: Reader, node: Node, schema: dict[str, Any], keyword: str, value: Any, aspect: int
) -> tuple[Facts, ...]:
    """What fails one keyword."""
    if keyword == "type":
        types = {value} if isinstance(value, str) else set(value)
        mask = 0
        for name in types:
            mask |= TYPES[name]
        return (Facts(ANYTHING & ~mask),) if mask != ANYTHING else ()
    if keyword in ("enum", "const"):
        return _fail_values(reader, node, keyword, tuple(value) if keyword == "enum" else (value,))
    if aspect == APPLICATOR:
        return _fail_applicator(reader, node, schema, keyword, value)
    if keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        return _fail_bound(node, schema, keyword, value)
    match keyword:
        case "minLength" | "minItems" | "minProperties":
            return _shorter(keyword, int(value) - 1) if value > 0 else ()
        case "maxLength" | "maxItems" | "maxProperties":
            return _longer(keyword, int(value) + 1)
        case "pattern":
            return (Facts(STRING, strings=Strings(patterns=((value, False),))),)
        case "multipleOf":
            return (Facts(NUMBER, Numbers(multiples=((exact(value), False),))),)
        case "format":
            formats = strings_of({"format": value}, node.resource.dialect, reader.asserts_formats).formats
            return tuple(Facts(STRING, strings=Strings(formats=((name, False),))) for name, _ in formats)
        case "required" if isinstance(value, list):
            return tuple(reader.without(key) for key in value)
        case "properties":
            return tuple(_wrong_member(reader, node, key, sub) for key, sub in value.items() if sub not in (True, {}))
        case "uniqueItems" if value is not True:
            return ()
        case "propertyNames":
            wrong = reader.document.child(node, value, "propertyNames").negation()
            some_name = () if value is False else (wrong,)
            return (Facts(OBJECT, objects=Objects(min=1, some_name=some_name)),) if reader.read(wrong) else ()
        case "contains":
            return _fail_contains(count_of(reader.document, node))
        case "items" if not isinstance(value, list) and "prefixItems" not in schema:
            wrong = reader.document.child(node, value, "items").negation()
            return (Facts(ARRAY, arrays=Arrays(min=1, counts=(Count(wrong, 1),))),)
        case _:
            kinds = _TYPES_OF_ASPECT[aspect]
            return (Facts(kinds, residuals=(Residual(node, keyword, kinds),)),)


def _fail_contains(count: Count) -> tuple[Facts, ...]:
    """Arrays with too few items of a kind, or too many."""
    ways = []
    if count.min == 1:
        ways.append(Arrays((Row((), count.node.negation()),)))
    elif count.min:
        ways.append(Arrays(counts=(Count(count.node, 0, count.min - 1),)))
    if count.max is not None:
        ways.append(Arrays(min=count.max + 1, counts=(Count(count.node, count.max + 1),)))
    return tuple(Facts(ARRAY, arrays=arrays) for arrays in ways)


def _wrong_member(reader: Reader, node: Node, key: str, schema: Any) -> Facts:
    wrong = reader.document.child(node, schema, "properties", key).negation()
    return Facts(OBJECT, objects=Objects((View({key: wrong}, declares=False),), (key,)))


def _fail_values(reader: Reader, node: Node, keyword: str, values: tuple[Any, ...]) -> tuple[Facts, ...]:
    """Anything but the values."""
    mask = mask_of(values, ())
    types = ANYTHING & ~(mask & (TYPES["null"] | TYPES["boolean"]))
    excluded = tuple(v for v in values if type_of(v) & (NUMBER | STRING))
    structured = [v for v in values if isinstance(v, list | dict)]
    residual = Residual(node, keyword, mask & (ARRAY | OBJECT))
    found: tuple[Facts, ...] = (Facts(types, excluded=excluded),)
    if prod(2 * len(value) + 2 for value in structured) > MOST_ALTERNATIVES:
        return with_residual(found, residual)
    for value in structured:
        found = reader.product(found, _unlike(reader, node, value), residual)
    return found


def _unlike(reader: Reader, node: Node, value: list[Any] | dict[str, Any]) -> tuple[Facts, ...]:
    """Anything but an array or object: what is shorter or longer than it, or has something else in one place."""

    def other(part: Any) -> Node:
        return reader.document.alone(node, {"enum": [part]}).negation()

    n = len(value)
    if isinstance(value, list):
        arrays = [Arrays(max=n - 1)] if n else []
        arrays.append(Arrays(min=n + 1))
        for i, item in enumerate(value):
            arrays.append(Arrays((Row((*(reader.always,) * i, other(item)), None),), min=i + 1))
        return (Facts(ANYTHING & ~ARRAY), *(Facts(ARRAY, arrays=a) for a in arrays))
    members = [Objects((View({k: other(v)}, declares=False),), (k,)) for k, v in value.items()]
    objects = [Facts(OBJECT, objects=o) for o in (Objects(min=n + 1), *members)]
    return (Facts(ANYTHING & ~OBJECT), *map(reader.without, value), *objects)


def _fail_bound(node: Node, schema: dict[str, Any], keyword: str, value: Any) -> tuple[Facts, ...]:
    """Numbers beyond a bound."""
    dialect = node.resource.dialect
    exclusive = "exclusive" + keyword[0].upper() + keyword[1:]
    pair = {keyword: value, **({exclusive: schema[exclusive]} if dialect.age == 4 and exclusive in schema else {})}
    bounds = numbers_of(pair, dialect).range
    if bounds.low is not None:
        beyond = Range(high=bounds.low, high_open=not bounds.low_open)
    else:
        beyond = Range(low=bounds.high, low_open=not bounds.high_open)
    return (Facts(NUMBER, Numbers(beyond)),)


def _shorter(keyword: str, most: int) -> tuple[Facts, ...]:
    if keyword == "minLength":
        return (Facts(STRING, strings=Strings(max=most)),)
    if keyword == "minItems":
        return (Facts(ARRAY, arrays=Arrays(max=most)),)
    return (Facts(OBJECT, objects=Objects(max=most)),)


def _longer(keyword: str, fewest: int) -> tuple[Facts, ...]:
    if keyword == "maxLength":
        return (Facts(STRING, strings=Strings(fewest)),)
    if keyword == "maxItems":
        return (Facts(ARRAY, arrays=Arrays(min=fewest)),)
    return (Facts(OBJECT, objects=Objects(min=fewest)),)


def _fail_applicator(reader: Reader, node: Node, schema: dict[str, Any], keyword: str, value: Any) -> tuple[Facts, ...]:
    """What fails an in-place applicator."""
    child, residual = reader.document.child, Residual(node, keyword)
    match keyword:
        case "$ref":
            return reader.read(reader.document.resolve(node, value).negation())
        case "$dynamicRef" | "$recursiveRef":
            return reader.read(reader.document.resolve_dynamic(node, value).negation())
        case "not":
            return reader.read(child(node, value, keyword))
        case "allOf":
            return tuple(f for i, s in enumerate(value) for f in reader.read(child(node, s, keyword, i).negation()))
        case "anyOf":
            return _fail_each(reader, [child(node, s, keyword, i) for i, s in enumerate(value)], residual)
        case "if":
            return _fail_conditional(reader, node, schema)
        case "oneOf":
            return _fail_one_of(reader, node, [child(node, s, keyword, i) for i, s in enumerate(value)])
        case _:
            return _fail_dependencies(reader, node, keyword, value)


def _fail_each(reader: Reader, branches: Sequence[Node], residual: Residual) -> tuple[Facts, ...]:
    """What fails all of some subschemas."""
    found: tuple[Facts, ...] = (FREE,)
    for branch in branches:
        found = reader.product(found, reader.read(branch.negation()), residual)
    return found


def _fail_one_of(reader: Reader, node: Node, branches: Sequence[Node]) -> tuple[Facts, ...]:
    """What meets none of the branches, if no two of them have anything in common; else left undecided."""
    residual = Residual(node, "oneOf")
    open_ones = [branch for branch in branches if reader.read(branch)]
    clashes = overlaps(reader, [reader.read(branch) for branch in open_ones], node)
    if clashes is None or any(clashes):
        return with_residual((FREE,), residual)
    found = _fail_each(reader, open_ones, residual)
    is_simple = len(found) <= FEW and all(map(_is_shallow, found))
    return found if is_simple else with_residual((FREE,), residual)


def _is_shallow(facts: Facts) -> bool:
    """Whether what must fail inside has no applicators of its own; if such nest, their alternatives multiply."""
    arrays, objects = facts.arrays or Arrays(), facts.objects or Objects()
    inside = [node for view in objects.views for node in view.properties.values()]
    inside += [count.node for count in arrays.counts]
    inside += [node for row in arrays.rows for node in (*row.prefix, row.rest) if node is not None]
    return not any(node.negated and _applies(node) for node in inside)


def _applies(node: Node) -> bool:
    table = aspects_of(node.resource.dialect)
    return isinstance(node.schema, dict) and any(table.get(keyword) == APPLICATOR for keyword in node.schema)


def _fail_conditional(reader: Reader, node: Node, schema: dict[str, Any]) -> tuple[Facts, ...]:
    child, residual = reader.document.child, Residual(node, "if")
    condition = child(node, schema["if"], "if")
    found: tuple[Facts, ...] = ()
    for keyword, premise in (("then", condition), ("else", condition.negation())):
        if keyword in schema:
            wrong = reader.read(child(node, schema[keyword], keyword).negation())
            found += reader.product(reader.read(premise), wrong, residual)
    return found


def _fail_dependencies(reader: Reader, node: Node, keyword: str, value: dict[str, Any]) -> tuple[Facts, ...]:
    found: tuple[Facts, ...] = ()
    for key, wanted in value.items():
        there = (Facts(OBJECT, objects=Objects(required=(key,))),)
        if isinstance(wanted, list):
            wrong: tuple[Facts, ...] = tuple(reader.without(k) for k in wanted)
        else:
            wrong = reader.read(reader.document.child(node, wanted, keyword, key).negation())
        found += reader.product(there, wrong, Residual(node, keyword, OBJECT))
    return found
