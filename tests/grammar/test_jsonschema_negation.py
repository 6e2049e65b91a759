"""Negated subschemas: decided without guards, and as the validator does, in every spelling."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from oracles.naive_grammar import matches

from syntagma.errors import EmptyLanguage
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.jsonschema.values import read_exactly

#: Schema, and instances in some spelling.
CASES: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"not": {"const": {"a": 1, "b": [2, "x"]}}},
        [
            *('{"a":1,"b":[2,"x"]}', '{"b":[2.0,"x"],"a":1e0}', '{"a":1}', '{"a":1,"b":[2,"y"]}', '{"a":1,"b":[2]}'),
            *('{"a":1,"b":[2,"x"],"c":0}', '{"\\u0061":1,"b":[2,"\\u0078"]}', '{"c":1,"b":[2,"x"]}', "{}", "[]", "1"),
        ],
    ),
    (
        {"type": "array", "not": {"enum": [[], [1]]}},
        ["[]", "[1]", "[1.0]", "[10e-1]", "[2]", "[1,1]", '["1"]', "[[]]"],
    ),
    (
        {"type": "object", "not": {"enum": [{}, {"a": {}}, 5]}},
        ["{}", '{"a":{}}', '{"a":{"a":{}}}', '{"b":{}}', '{"\\u0061":{}}'],
    ),
    (
        {"properties": {"a": {"type": "null"}, "b": {"type": "boolean"}}, "not": {"const": {"a": None, "b": True}}},
        ['{"a":null,"b":true}', '{"b":true,"a":null}', '{"a":null,"b":false}', '{"a":null}'],
    ),
    (
        {"$schema": "http://json-schema.org/draft-04/schema#", "not": {"enum": [{"a": 1.0}]}},
        ['{"a":1}', '{"a":1.0}', '{"a":10e-1}', '{"a":2}'],
    ),
    (
        {"not": {"oneOf": [{"type": "string"}, {"type": "integer"}, {"const": 1.5}]}},
        ['"a"', "1", "1.5", "1.25", "null", "15e-1", "10e-1"],
    ),
    (
        {"type": "object", "maxProperties": 1, "not": {"propertyNames": {"pattern": "^a"}}},
        ["{}", '{"a":1}', '{"b":1}', '{"b":1,"c":1}', '{"\\u0062":1}', '{"\\u0061":1}'],
    ),
    (
        {"type": "object", "required": ["b"], "not": {"propertyNames": {"pattern": "^a"}}},
        ["{}", '{"a":1}', '{"b":1}', '{"a":1,"b":1}'],
    ),
    (
        {"maxProperties": 1, "allOf": [{"not": {"propertyNames": {"not": {"pattern": p}}}} for p in ("a1", "b2")]},
        ['{"a1b2":0}', '{"b2a1":0}', '{"a1":0}', '{"b2":0}', "{}", '{"a1":0,"b2":1}', "1"],
    ),
]
#: An instance may meet two of the branches; that is left to a guard.
OVERLAPPING: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"not": {"oneOf": [{"minimum": 3}, {"maximum": 5}, {"multipleOf": 2}]}},
        [*map(str, range(8)), '"a"', "4.5", "40e-1"],
    ),
    (
        {"type": "object", "not": {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}},
        ["{}", '{"a":1}', '{"b":1}', '{"a":1,"b":2}', '{"c":1}'],
    ),
]


@pytest.mark.parametrize(("schema", "texts"), CASES + OVERLAPPING, ids=lambda part: json.dumps(part)[:70])
def test_negations_are_decided(schema: dict[str, Any], texts: list[str]) -> None:
    validator = jsonschema_rs.validator_for(schema)
    spec, generation = JsonSchema(schema, "spec").grammar(), JsonSchema(schema)
    assert (generation.residuals == []) == ((schema, texts) in CASES)
    for text in texts:
        valid = validator.is_valid(read_exactly(text.encode()))
        assert matches(spec, text.encode()) == valid, text
        assert valid or not matches(generation.grammar(), text.encode()), text


def test_some_key_among_several_is_left_to_a_guard_where_the_keyword_stands() -> None:
    schema = JsonSchema({"type": "object", "not": {"propertyNames": {"pattern": "^a"}}, "required": ["a"]})
    assert [(check.pointer, check.keyword) for check in schema.residuals] == [("#/not", "propertyNames")]
    assert not matches(schema.grammar(), b'{"a":1}')
    assert matches(schema.grammar(), b'{"a":1,"b":1}')


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"oneOf": [False, True]}},
        {"not": {"propertyNames": True}},
        {"maxProperties": 0, "type": "object", "not": {"const": {}}},
        {"required": ["a"], "type": "object", "maxProperties": 1, "not": {"propertyNames": {"maxLength": 3}}},
    ],
    ids=str,
)
def test_what_cannot_fail_has_no_instance(schema: dict[str, Any]) -> None:
    with pytest.raises(EmptyLanguage):
        JsonSchema(schema)


def test_parts_of_a_negated_constant_are_judged_by_themselves() -> None:
    schema = JsonSchema({"not": {"const": [1.5, {"a": 2}]}}, "spec")
    verdicts = {(v.pointer, v.keyword): v.decision for v in schema.verdicts}
    assert verdicts["#/not", "const"] == "guard"
    assert matches(schema.grammar(), b'[15e-1,{"a":20e-2}]')
    assert not matches(schema.grammar(), b'[15e-1,{"a":20e-1}]')
