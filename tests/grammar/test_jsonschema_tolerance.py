"""JSON Schemas that break the letter of their meta-schema, patterns of other flavours, drafts that nobody names."""

from __future__ import annotations

from typing import Any

import pytest
import referencing
import referencing.jsonschema
from oracles.naive_grammar import matches

import syntagma as sg
from syntagma.errors import GrammarError
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.jsonschema.dialect import DIALECTS
from syntagma.grammar.jsonschema.meta_schema import check_schema
from syntagma.grammar.jsonschema.tolerance import tolerated

DRAFT_4, DRAFT_7 = "http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-07/schema#"
BYTES = sg.Vocabulary.from_tokens([bytes((byte,)) for byte in range(256)], eos_ids=[256])
UNIQUE: dict[str, Any] = {"type": "array", "uniqueItems": True}


def accepts(schema: JsonSchema, text: str) -> bool:
    return matches(schema.grammar(), text.encode())


@pytest.mark.parametrize(
    ("schema", "yes", "no"),
    [
        ({"$schema": DRAFT_7, "title": None, "description": 3, **UNIQUE}, "[1, 2]", "[1, 1]"),
        ({"$schema": DRAFT_4, "required": [], "additionalProperties": UNIQUE}, '{"a": [1]}', '{"a": [1, 1]}'),
        ({"$schema": DRAFT_7, "required": ["a", "a"], "properties": {"a": UNIQUE}}, '{"a": [1]}', '{"a": [1, 1]}'),
        ({"$schema": DRAFT_4, "enum": ["a", "a", [1, 1]], "uniqueItems": True}, '"a"', "[1, 1]"),
        ({"$schema": DRAFT_7, "type": ["array", "array"], "uniqueItems": True}, "[]", "[2, 2]"),
        (
            {
                "$schema": DRAFT_7,
                "items": {"$ref": "#/definitions/Partial<a|b c>"},
                "definitions": {"Partial<a|b c>": {**UNIQUE, "examples": "one"}},
            },
            "[[1]]",
            "[[1, 1]]",
        ),
        ({**UNIQUE, "items": {"$ref": "#/$defs/My%20Type^"}, "$defs": {"My Type^": {"type": "null"}}}, "[null]", "[0]"),
        (
            {"type": "object", "patternProperties": {r"^{[\w-.]+}$": UNIQUE}, "additionalProperties": False},
            '{"{a-}": [1]}',
            '{"{a-}": [1, 1]}',
        ),
        ({"$schema": DRAFT_7, **UNIQUE, "items": {"contentEncoding": "base64"}}, '["%", []]', '["%", "%"]'),
        ({"$schema": DRAFT_7, **UNIQUE, "items": {"contentMediaType": "application/json"}}, '["{"]', '["{", "{"]'),
        ({**UNIQUE, "items": {"type": "string", "pattern": r"\A{\d+}\Z"}}, '["{1}", "{2}"]', '["{1}", "{1}"]'),
    ],
)
def test_no_doubt_no_refusal(schema: Any, yes: str, no: str) -> None:
    """The guards, whose referee is strict, decide as well."""
    constraint = JsonSchema(schema)
    assert accepts(constraint, yes)
    assert not accepts(constraint, no)


@pytest.mark.parametrize(
    ("schema", "message", "pointer"),
    [
        ({"properties": {"description": 3}}, "Expected `description` to be a boolean or an object", "#/properties"),
        ({"$schema": DRAFT_4, "required": [], "minLength": "1"}, 'Expected `minLength` to be an integer, got "1"', "#"),
        ({"description": None, "items": {"required": True}}, "Expected `required` to be a list, got true", "#/items"),
        ({"$schema": DRAFT_7, "items": {"pattern": "("}}, "Expected `items`", "#"),
        ({"pattern": r"(?<n>a)\k<n>"}, "Backreferences are not regular", "#"),
    ],
)
def test_what_is_in_doubt_is_refused(schema: Any, message: str, pointer: str) -> None:
    with pytest.raises(GrammarError) as caught:
        _ = len(JsonSchema(schema).grammar().rules)
    assert message in str(caught.value)
    assert caught.value.pointer == pointer


def test_values_are_left_alone() -> None:
    """What looks like keywords inside constants, and what has names like keywords, means nothing."""
    inner = {"pattern": "{", "$ref": "#/<", "description": 3, "required": []}
    schema = {"const": inner, "enum": [inner], "default": inner, "properties": {"required": {}, "enum": {}}}
    assert tolerated(schema, DIALECTS["7"]) is schema


def test_equal_patterns_are_the_same_pattern() -> None:
    """What was asked about is remembered, by equality."""
    for _ in range(2):
        pattern = "".join(["^a", "b$"])
        schema = {"pattern": pattern, "patternProperties": {pattern: True}}
        assert tolerated(schema, DIALECTS["7"]) is schema


@pytest.mark.parametrize(
    ("schema", "draft"),
    [
        ({"type": "array"}, "2020-12"),
        ({"items": [{"type": "integer"}]}, "2019-09"),
        ({"$recursiveAnchor": True}, "2019-09"),
        ({"minimum": 3, "exclusiveMinimum": True}, "4"),
        ({"$schema": "http://json-schema.org/schema#", "exclusiveMaximum": True, "maximum": 3}, "4"),
    ],
)
def test_the_newest_draft_that_fits_is_taken(schema: Any, draft: str) -> None:
    constraint = JsonSchema(schema)
    assert constraint == JsonSchema(schema, draft=draft)
    check_schema(schema, DIALECTS[draft])


def test_a_draft_that_is_named_stays() -> None:
    for options in ({"draft": "2020-12"}, {}):
        schema = {"items": [{}]} | ({} if options else {"$schema": DIALECTS["2020-12"].uri})
        with pytest.raises(GrammarError, match="Expected `items`"):
            JsonSchema(schema, **options)


def test_a_schema_of_a_meta_schema_that_nobody_knows_is_judged_by_the_draft_taken() -> None:
    constraint = JsonSchema({"$schema": "https://json-schema.org/draft/next/schema", **UNIQUE})
    assert accepts(constraint, "[1, 2]")
    assert not accepts(constraint, "[1, 1]")


def test_references_that_nothing_uses_may_lead_nowhere() -> None:
    constraint = JsonSchema({**UNIQUE, "$defs": {"x": {"$ref": "https://example.com/nowhere"}}})
    assert accepts(constraint, "[1]")
    assert not accepts(constraint, "[1, 1]")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "object", "not": {"additionalProperties": {"items": {"$ref": "https://example.com/x"}}}}, '{"b": 1}'),
        (
            {"not": {"patternProperties": {"^a": {"properties": {"x": {"$ref": "https://example.com/x#/y"}}}}}},
            '{"b": 1}',
        ),
    ],
)
def test_a_guard_that_needs_what_is_nowhere_says_so(schema: Any, text: str) -> None:
    with pytest.raises(GrammarError, match="does not exist"):
        accepts(JsonSchema(schema, "spec"), text)


@pytest.mark.parametrize("title", ["fine", None])
@pytest.mark.parametrize("depth", [200, 600])
def test_what_is_too_deep_for_the_validator_is_an_error_of_ours(title: object, depth: int) -> None:
    schema: dict[str, Any] = UNIQUE | {"title": title, "contentEncoding": "x"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(GrammarError):
        replay({"$schema": DRAFT_7} | schema, '{"a": ' * depth + "[1, 2]")


def replay(schema: Any, text: str) -> None:
    matcher = sg.compile(JsonSchema(schema), BYTES).matcher()
    for byte in text.encode():
        assert matcher.accept(byte)


@pytest.mark.parametrize("keyword", ["maxLength", "maxItems", "maxProperties"])
@pytest.mark.parametrize("bound", [2**15, 2**31, 2**32 - 1, 10**18])
def test_upper_bounds_may_be_as_large_as_they_like(keyword: str, bound: int) -> None:
    schema = {keyword: bound, "additionalProperties": True}
    constraint = JsonSchema(schema)
    assert all(accepts(constraint, text) for text in ('"abc"', "[1, 2]", '{"a": 1}'))
    guarded = [check.keyword for check in constraint.residuals]
    assert guarded == (["maxProperties"] if keyword == "maxProperties" else [])


def test_meta_schemas_are_known_to_guards_that_are_asked_before_references_to_them_are_read() -> None:
    title = {"$ref": DRAFT_4 + "/properties/title"}
    schema = {"$schema": DRAFT_4, "properties": {"a": {**UNIQUE, "items": {"properties": {"b": {"items": title}}}}}}
    automaton = sg.compile(JsonSchema(schema), BYTES, limits=sg.Limits(rules=1))
    for text, fits in (('{"a": [1, 2]}', True), ('{"a": [1, 1]}', False), ('{"a": [{"b": [1]}]}', False)):
        matcher = automaton.matcher()
        assert all(map(matcher.accept, text.encode())) == fits


def test_what_a_registry_retrieves_is_known_to_the_guards() -> None:
    parts: dict[str, Any] = {
        "https://example.com/list": {"type": "array", "items": {"$ref": "part"}, "uniqueItems": True},
        "https://example.com/part": {**UNIQUE, "enum": [[1], [1, 1], [2]]},
    }
    registry = referencing.Registry(
        retrieve=lambda uri: referencing.Resource.from_contents(parts[uri], referencing.jsonschema.DRAFT202012)
    )
    constraint = JsonSchema({"$ref": "https://example.com/list"}, registry=registry)
    assert accepts(constraint, "[[1], [2]]")
    assert not accepts(constraint, "[[1], [1, 1]]")
    assert not accepts(constraint, "[[1], [1]]")
