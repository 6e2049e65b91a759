"""`JsonSchema` as a value: it compares, hashes and pickles by content."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import weakref
from dataclasses import dataclass
from typing import Any

import pytest
import referencing
import referencing.jsonschema

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


OTHER = referencing.jsonschema.DRAFT202012.create_resource({"$id": "https://example.com/a", "type": "integer"})
#: Reads a pickled pair from its input, and says whether the first equals the second, with its hash and its start rule.
FRESH = """
import pickle, sys
import syntagma as sg
one, two = pickle.load(sys.stdin.buffer)
print(one == two, hash(one) == hash(two), one.fingerprint, one.grammar().start, one.reader.clock.seconds)
"""


@pytest.mark.parametrize("is_used", [False, True], ids=["new", "used"])
def test_a_new_process_has_the_same_schema(is_used: bool) -> None:
    registry = referencing.Registry[Any]().with_resource("https://example.com/a", OTHER)
    schema = {"uniqueItems": True, "not": {"const": [1]}, "items": {"$ref": "https://example.com/a"}}
    one, two = (JsonSchema(schema, "spec", registry=registry, seconds=7) for _ in range(2))
    if is_used:
        assert one.residuals
        assert one.validates(b"[2,1]")
        assert len(one.grammar().rules) > 1
        assert one.verdicts
    ran = subprocess.run(
        [sys.executable, "-c", FRESH], input=pickle.dumps((one, two)), capture_output=True, check=False
    )
    assert ran.stdout.decode().split() == ["True", "True", one.fingerprint, one.grammar().start, "7"], ran.stderr


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


@pytest.mark.parametrize("all_written", [True, False])
def test_what_a_schema_was_read_into_goes_with_its_grammar(all_written: bool) -> None:
    """And not before it; nothing is left to the garbage collector."""
    below = {"items": {"properties": {"b": {"type": "object"}}}}
    schema = JsonSchema({"type": "object", "properties": {"a": {"type": "array", **below}, "c": {"enum": [[]]}}})
    reader, grammar = weakref.ref(schema.reader), schema.grammar()
    gc.disable()
    try:
        del schema
        if all_written:
            assert len(grammar.rules) > 3
        else:
            grammar.rules[grammar.start]
            assert reader() is not None
            assert grammar.rules["#/properties/a"]
        del grammar
        assert reader() is None
    finally:
        gc.enable()
