"""Sizes: the states that are counted are those that an automaton has."""

from __future__ import annotations

from typing import Any

import pytest

from syntagma.automata import Limits, Vocabulary, compile_grammar
from syntagma.automata.size import sizes_of
from syntagma.grammar.jsonschema import JsonSchema

SCHEMAS: dict[str, Any] = {
    "scalars": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "minimum": 3}}},
    "any": True,
    "items": {"type": "array", "prefixItems": [{"const": 1}], "items": {"enum": ["a", "b", 3]}, "maxItems": 2000},
    "guards": {"type": "array", "items": {"type": "number"}, "uniqueItems": True, "maxItems": 4},
    "recursive": {"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"maxLength": 9, "type": "string"}}},
    "choices": {"anyOf": [{"type": "object", "required": ["k"], "properties": {"k": {"const": i}}} for i in range(3)]},
}


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("profile", ["generation", "spec"])
def test_the_total_is_that_of_the_automaton(name: str, profile: Any) -> None:
    schema = JsonSchema(SCHEMAS[name], profile=profile)
    vocabulary = Vocabulary.from_tokens([bytes([b]) for b in range(256)], [256])
    auto = compile_grammar(schema.grammar(), vocabulary, limits=Limits(rules=10_000))
    beside = 4  # the dead state, the accepting one, and the two around the whole text
    assert sizes_of(schema.grammar(), schema.subschemas).total == auto.stats.states - beside


def test_parts_own_their_rules_and_not_those_of_members() -> None:
    schema = JsonSchema(SCHEMAS["scalars"])
    sizes = sizes_of(schema.grammar(), {nodes[0].pointer: expr for nodes, expr in schema.subschemas.items()})
    assert sizes.total is not None
    assert sizes.parts.keys() == {"#", "#/properties/a", "#/properties/b"}
    assert sum(n or 0 for n in sizes.parts.values()) == sizes.total  # nothing is shared here


def test_rules_that_several_parts_share_count_at_each() -> None:
    schema = JsonSchema({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}})
    sizes = sizes_of(schema.grammar(), {nodes[0].pointer: expr for nodes, expr in schema.subschemas.items()})
    assert sizes.parts["#/properties/a"] == sizes.parts["#/properties/b"]
    assert sum(n or 0 for n in sizes.parts.values()) == (sizes.total or 0) + (sizes.parts["#/properties/a"] or 0)


def test_a_rule_beyond_the_limit_has_no_figure() -> None:
    schema = JsonSchema({"type": "string", "pattern": "^(a|b)*a(a|b){16}$"})
    sizes = sizes_of(schema.grammar(), schema.subschemas)
    assert sizes.total is None
    assert list(sizes.parts.values()) == [None]
