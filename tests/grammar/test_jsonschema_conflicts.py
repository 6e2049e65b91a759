"""JSON Schema without instances: which keywords are to blame, and what is pruned."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from oracles.naive_grammar import matches

from syntagma.errors import EmptyLanguage
from syntagma.grammar.jsonschema import JsonSchema

#: Schema, where it is empty, and the keywords that contradict each other.
EMPTY: list[tuple[Any, str, set[str]]] = [
    (False, "#", {"#/"}),
    ({"type": "string", "enum": [1, 2]}, "#", {"#/type", "#/enum"}),
    ({"type": "integer", "minimum": 5, "maximum": 4}, "#", {"#/type", "#/minimum", "#/maximum"}),
    ({"type": "integer", "multipleOf": 10, "minimum": 1, "maximum": 9}, "#", {
        "#/type", "#/multipleOf", "#/minimum", "#/maximum",
    }),
    ({"type": "object", "required": ["a"], "properties": {"a": False, "b": {}}}, "#/properties/a", {
        "#/type", "#/required", "#/properties/a",
    }),
    ({"type": "object", "required": ["a"], "additionalProperties": False}, "#/additionalProperties", {
        "#/type", "#/required", "#/additionalProperties",
    }),
    ({"type": "object", "required": ["a"], "propertyNames": {"maxLength": 0}}, "#", {
        "#/type", "#/required", "#/propertyNames",
    }),
    ({"type": "object", "required": ["a", "b"], "maxProperties": 1, "title": "?"}, "#", {
        "#/type", "#/required", "#/maxProperties",
    }),
    ({"allOf": [{"type": "string"}, {"title": "x"}, {"type": "integer"}]}, "#", {"#/allOf/0/type", "#/allOf/2/type"}),
    ({"type": "array", "minItems": 3, "maxItems": 2, "items": {}}, "#", {"#/type", "#/minItems", "#/maxItems"}),
    ({"type": "array", "maxItems": 0, "contains": True}, "#", {"#/type", "#/maxItems", "#/contains"}),
    ({"type": "array", "contains": False}, "#", {"#/type", "#/contains"}),
    ({"type": "string", "minLength": 3, "maxLength": 2}, "#", {"#/type", "#/minLength", "#/maxLength"}),
    ({"const": "abc", "pattern": "^d", "minLength": 1}, "#", {"#/const", "#/pattern"}),
    ({"type": "string", "pattern": "^a+$", "allOf": [{"pattern": "^b+$"}]}, "#", {
        "#/type", "#/pattern", "#/allOf/0/pattern",
    }),
    ({"type": "integer", "not": {"type": "number"}}, "#", {"#/type", "#/not"}),
    ({"$ref": "#/$defs/x", "type": "string", "$defs": {"x": {"type": "integer", "minimum": 3}}}, "#", {
        "#/type", "#/$defs/x/type",
    }),
    (
        {
            "type": "object",
            "required": ["a"],
            "properties": {"a": {"anyOf": [{"const": 1}, {"const": 2}], "minimum": 3}},
        },
        "#/properties/a",
        {"#/properties/a/anyOf", "#/properties/a/minimum"},
    ),
    ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, "#/properties/a", set()),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "where", "keywords"), EMPTY)
def test_the_keywords_that_contradict_each_other_are_named(schema: Any, where: str, keywords: set[str]) -> None:
    with pytest.raises(EmptyLanguage) as caught:
        JsonSchema(schema)
    error = caught.value
    assert error.pointer == where
    assert {f"{pointer}/{keyword}" for pointer, keyword in error.conflict} == keywords
    assert all(f"{pointer}/{keyword}".rstrip("/") in str(error) for pointer, keyword in error.conflict)
    assert pickle.loads(pickle.dumps(error)).conflict == error.conflict


#: Keywords that matter, and those that could be left out.
MINIMAL = {"type": "integer", "minimum": 7, "maximum": 3, "exclusiveMaximum": 100, "enum": [1, 5, 9], "title": "x"}


def test_what_can_be_left_out_is_not_blamed() -> None:
    with pytest.raises(EmptyLanguage) as caught:
        JsonSchema(MINIMAL)
    blamed = [keyword for _, keyword in caught.value.conflict]
    for keyword in blamed:
        JsonSchema({k: MINIMAL[k] for k in blamed if k != keyword})  # every one is needed
    with pytest.raises(EmptyLanguage):
        JsonSchema({k: MINIMAL[k] for k in blamed})


def test_conflicts_are_found_among_hundreds_of_keywords() -> None:
    schemas = [{"minLength": i % 5, "title": "x"} for i in range(300)]
    with pytest.raises(EmptyLanguage) as caught:
        JsonSchema({"type": "string", "allOf": [*schemas, {"maxLength": 3}]})
    keywords = [keyword for _, keyword in caught.value.conflict]
    assert sorted(keywords) == ["maxLength", "minLength", "type"]


def test_drafts_have_their_own_exclusive_bounds() -> None:
    with pytest.raises(EmptyLanguage) as caught:
        JsonSchema({"type": "integer", "minimum": 3, "exclusiveMinimum": True, "maximum": 3}, draft=4)
    assert set(caught.value.conflict) == {("#", "type"), ("#", "minimum"), ("#", "maximum")}


#: Schema, and texts that it has or lacks: what is optional and impossible is left out, not stumbled into.
PRUNED: list[tuple[Any, list[str], list[str]]] = [
    ({"anyOf": [{"type": "integer", "minimum": 5, "maximum": 4}, {"const": "a"}]}, ['"a"'], ["4", "5"]),
    ({"oneOf": [{"type": "string", "enum": [1]}, {"const": 7}]}, ["7"], ["1"]),
    (
        {"type": "object", "properties": {"a": {"type": "string", "minLength": 2, "maxLength": 1}, "b": {}}},
        ["{}", '{"b":1}'],
        ['{"a":""}', '{"a":"x"}'],
    ),
    ({"type": "array", "items": {"enum": []}}, ["[]"], ["[1]"]),
    ({"type": "array", "prefixItems": [{}, {"type": "null", "const": 1}]}, ["[]", "[1]"], ["[1,null]"]),
    (
        {"anyOf": [{"type": "object", "required": ["x"], "properties": {"x": False}}, {"type": "null"}]},
        ["null"],
        ["{}", '{"x":1}'],
    ),
    ({"type": "string", "anyOf": [{"type": "integer"}, {"maxLength": 1}]}, ['"a"'], ["1", '"ab"']),
]


@pytest.mark.parametrize(("schema", "texts", "others"), PRUNED)
@pytest.mark.parametrize("profile", ["generation", "spec"])
def test_impossible_branches_are_pruned(schema: Any, texts: list[str], others: list[str], profile: Any) -> None:
    grammar = JsonSchema(schema, profile=profile).grammar()
    for text in texts:
        assert matches(grammar, text.encode()), text
    for text in others:
        assert not matches(grammar, text.encode()), text
