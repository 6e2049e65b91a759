"""JSON Schema: errors with places, layouts, and inputs that mean harm."""

from __future__ import annotations

import time
from typing import Any

import pytest
import referencing
import referencing.jsonschema
from oracles.naive_grammar import matches

from syntagma.errors import BudgetExceeded, EmptyLanguage, GrammarError, GrammarSyntaxError
from syntagma.grammar.jsonschema import JsonSchema


@pytest.mark.parametrize(
    ("schema", "message", "pointer"),
    [
        ({"properties": {"age": {"minimum": "3"}}}, 'Expected `minimum` to be a number, got "3"', "#/properties/age"),
        ({"maxLength": -1}, "Expected `maxLength` to be at least 0, got -1", "#"),
        ({"required": ["a", 3]}, "Expected item 1 of `required` to be a string, got 3", "#"),
        ({"items": [{"type": "foo"}]}, "Expected `items`", "#"),
        ({"type": "foo"}, "Expected `type` to be one of the types", "#"),
        ({"pattern": "["}, "regular expression", "#"),
        ({"patternProperties": {"[": {}}}, "regular expression", "#/patternProperties"),
        ({"items": {"$ref": "#/$defs/x"}}, "found nothing at #/$defs/x", "#/items"),
        ({"$ref": "http://example.com/x"}, "pass a `referencing.Registry`", "#"),
        ({"$ref": "#nowhere"}, "no anchor 'nowhere'", "#"),
        ({"$schema": {"type": "null"}}, "Expected `$schema` to be a string", "#"),
        (
            {"$schema": "http://json-schema.org/draft-04/schema", "$ref": 3},
            "Expected `$ref` to be a string, got 3",
            "#",
        ),
    ],
)
def test_faults_are_named_with_their_place(schema: Any, message: str, pointer: str) -> None:
    with pytest.raises(GrammarError) as caught:
        _ = len(JsonSchema(schema).grammar().rules)
    assert message in str(caught.value)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize("schema", ['{"maximum": 1e400}', '{"multipleOf": 1e999}', '{"enum": [-1e400]}'])
def test_numbers_beyond_a_float_are_faults(schema: str) -> None:
    with pytest.raises(GrammarError):
        _ = len(JsonSchema(schema).grammar().rules)


def test_broken_json_has_line_and_column() -> None:
    with pytest.raises(GrammarSyntaxError) as caught:
        JsonSchema('{"type":\n "string",}')
    assert (caught.value.line, caught.value.column) == (2, 11)


@pytest.mark.parametrize(
    "options", [{"profile": "strict"}, {"draft": "3"}, {"whitespace": -1}, {"whitespace": "indent=x"}]
)
def test_unknown_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(GrammarError):
        JsonSchema({}, **options)


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        (False, "#"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "#"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "#"),
        ({"enum": ["a"], "minLength": 3}, "#"),
        ({"type": "object", "required": ["a"], "properties": {"a": {"type": "null", "const": 1}}}, "#/properties/a"),
        ({"type": "array", "minItems": 2, "prefixItems": [True, False]}, "#/prefixItems/1"),
        ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, "#/properties/a"),
        ({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, "#"),
        ({"not": {}}, "#"),
        ({"type": "string", "pattern": "^[a-z]{0,5}:$", "minLength": 40, "maxLength": 600}, "#"),
        ({"type": "string", "pattern": "^[a-z]{99}$", "maxLength": 98}, "#"),
    ],
)
def test_schemas_without_instances_are_found(schema: Any, pointer: str) -> None:
    with pytest.raises(EmptyLanguage) as caught:
        JsonSchema(schema)
    assert caught.value.pointer == pointer


def _nested(keyword: str, depth: int, leaf: Any) -> Any:
    for _ in range(depth):
        leaf = {keyword: [leaf, {"type": "integer"}]}
    return leaf


HOSTILE: dict[str, Any] = {
    "a large enum": {"enum": [f"v{i}" for i in range(20_000)]},
    "oneOf nested 20 deep": _nested("oneOf", 20, {"type": "string"}),
    "anyOf nested 90 deep": _nested("anyOf", 90, {"type": "string"}),
    "large bounds": {"items": {"maxLength": 10**7}, "maxItems": 10**6, "minItems": 10**5},
    "a pattern that backtracks": {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"},
    "products of alternatives": {
        "allOf": [{"anyOf": [{"required": [f"{i}{j}"]} for j in range(6)]} for i in range(12)]
    },
    "many dependencies": {"type": "object", "dependentRequired": {f"k{i}": [f"r{i}"] for i in range(60)}},
    "many overlapping patterns": {"patternProperties": {f"^a{i}.*b": {"minimum": i} for i in range(40)}},
    "many overlapping branches": {"oneOf": [{"properties": {"x": {"minimum": i}}} for i in range(200)]},
    "a cycle": {"$ref": "#"},
    "a negated cycle": {"not": {"$ref": "#"}},
    "cycles through choices": {"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"allOf": [{"$ref": "#"}]}}},
    "huge numbers": {"type": "number", "minimum": -1e308, "maximum": 1e308, "multipleOf": 1e-300},
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("profile", ["generation", "spec"])
def test_hostile_schemas_compile_quickly(name: str, profile: Any) -> None:
    start = time.perf_counter()
    grammar = JsonSchema(HOSTILE[name], profile=profile).grammar()
    assert grammar.rules[grammar.start]
    assert time.perf_counter() - start < 10


def test_nesting_beyond_the_limit_is_an_error_of_its_own() -> None:
    with pytest.raises(BudgetExceeded, match="nesting of applicators"):
        JsonSchema(_nested("allOf", 500, {"type": "string"}))
    deep: Any = {}
    for _ in range(3000):
        deep = {"items": deep}
    assert JsonSchema(deep).grammar().rules


LAYOUTS = [
    ("compact", '{"a":[1,2],"b":{}}', ['{"a": [1,2],"b":{}}', '{"a":[1, 2],"b":{}}']),
    ("any", ' {\n"a" :\t[ 1 , 2 ] ,"b":{ } }\n', ['{"a":[1,2],"b":{}}x']),
    (1, ' {"a" : [ 1 , 2 ] , "b" : { } } ', ['{"a":  [1,2],"b":{}}']),
    ("\\n?", '{\n"a"\n:\n[1\n,2],"b":{}}', ['{"a": [1,2],"b":{}}', '{\n\n"a":[1,2],"b":{}}']),
    (
        "indent=2",
        '{\n  "a": [\n    1,\n    2\n  ],\n  "b": {}\n}',
        ['{"a":[1,2],"b":{}}', '{\n  "a": [1, 2],\n  "b": {}\n}', '{\n  "a": [\n    1,\n    2\n  ],\n  "b": {\n  }\n}'],
    ),
]


@pytest.mark.parametrize(("whitespace", "text", "others"), LAYOUTS)
def test_layouts(whitespace: Any, text: str, others: list[str]) -> None:
    grammar = JsonSchema(
        {"properties": {"a": {"type": "array"}, "b": {"type": "object"}}}, whitespace=whitespace
    ).grammar()
    assert matches(grammar, text.encode())
    for other in others:
        assert not matches(grammar, other.encode()), other


def test_registries_serve_remote_references() -> None:
    resource = referencing.Resource.from_contents(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "integer", "uniqueItems": True}
    )
    registry = referencing.Registry().with_resource("http://example.com/x", resource)
    grammar = JsonSchema({"$ref": "http://example.com/x"}, registry=registry).grammar()
    assert matches(grammar, b"1")
    assert not matches(grammar, b'"a"')


def test_meta_schemas_are_known() -> None:
    schema = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
    grammar = JsonSchema(schema, profile="spec", whitespace="compact").grammar()
    assert matches(grammar, b'{"$defs":{"a":{"type":"string"}}}')
    assert not matches(grammar, b'{"$defs":{"a":{"type":1}}}')


@pytest.mark.parametrize("text", [b"1e99999999999999999999", b"-1e-99999999999999999999", b"1" * 5000, b"[" * 100_000])
@pytest.mark.parametrize(
    "schema", [{"type": "integer"}, {"enum": [1, 2]}, {"not": {"type": "array"}, "uniqueItems": True}]
)
def test_numbers_and_nesting_beyond_what_can_be_read_are_refused_and_raise_nothing(schema: Any, text: bytes) -> None:
    for check in JsonSchema(schema, profile="spec").residuals:
        assert check(text) is False


@pytest.mark.parametrize(
    "bad",
    [
        *({"type": 5}, {"type": "strin"}, {"multipleOf": "x"}, {"properties": []}, {"allOf": {}}, {"enum": 3}),
        *({"minimum": "a"}, {"required": "a"}, {"pattern": 5}, {"items": 3}, {"not": 4}, {"if": [], "then": {}}),
    ],
    ids=str,
)
def test_what_references_lead_to_is_held_against_the_meta_schema(bad: dict[str, Any]) -> None:
    keyword = next(iter(bad))
    with pytest.raises(GrammarError, match=f"`{keyword}`") as caught:
        JsonSchema({"$ref": "#/under/unknown%20words", "under": {"unknown words": {"not": bad}}})
    assert caught.value.pointer == "#/under/unknown words/not"
    uri = "https://example.com/bad"
    registry = referencing.Registry().with_resource(uri, referencing.jsonschema.DRAFT202012.create_resource(bad))
    with pytest.raises(GrammarError, match=f"`{keyword}`") as caught:
        JsonSchema({"$ref": uri}, registry=registry)
    assert caught.value.pointer == f"{uri}#"
