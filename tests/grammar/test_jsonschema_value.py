"""`JsonSchema` as a value: it compares, hashes and pickles by content."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import pytest

from syntagma.automata.vocabulary import Vocabulary
from syntagma.backends.output import compiled
from syntagma.grammar.jsonschema import JsonSchema

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"not": {"const": 1}}}, "required": ["a"]}


@dataclass
class Point:
    x: int
    y: int = 0


@pytest.mark.parametrize(
    "options", [{}, {"profile": "spec"}, {"whitespace": "indent=2", "property_order": "any"}, {"format": "annotation"}]
)
def test_equal_schemas_are_equal(options: dict[str, str]) -> None:
    one, two = JsonSchema(SCHEMA, **options), JsonSchema(dict(SCHEMA), **options)  # type: ignore[arg-type]
    assert one == two
    assert hash(one) == hash(two)
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    assert again.grammar().start == one.grammar().start
    assert again.fingerprint == one.fingerprint


def test_others_differ() -> None:
    swapped = {**SCHEMA, "properties": dict(reversed(list(SCHEMA["properties"].items())))}  # type: ignore[attr-defined]
    different = {JsonSchema(SCHEMA), JsonSchema(SCHEMA, "spec"), JsonSchema(swapped), JsonSchema(True)}
    assert len(different) == 4
    assert JsonSchema(SCHEMA) != SCHEMA


def test_types_count_since_values_are_made_of_them() -> None:
    assert JsonSchema(Point) == pickle.loads(pickle.dumps(JsonSchema(Point)))
    assert JsonSchema(Point) != JsonSchema(JsonSchema(Point).schema)


def test_equal_schemas_share_their_automaton() -> None:
    letters = Vocabulary.from_tokens([*(bytes([b]) for b in range(256)), None], eos_ids=[256])
    assert compiled(JsonSchema(SCHEMA), letters, b"", None) is compiled(JsonSchema(SCHEMA), letters, b"", None)
