"""JSON Schemas that are hostile or huge: they compile and fill masks within the budget, or say what they lack."""

from __future__ import annotations

import json
import resource
import time
from typing import Any

import pytest

from syntagma.automata import Vocabulary, compile_grammar
from syntagma.errors import BudgetExceeded, EmptyLanguage
from syntagma.grammar.jsonschema import JsonSchema

#: Seconds of processor time for schema, automaton and masks: far more than any takes, far less than a hang.
ENOUGH = 40
MEMORY_KIB = 2 << 20


def nested_one_of(depth: int) -> Any:
    """Branches that overlap, each built of the one below it, twice."""
    defs: dict[str, Any] = {"d0": {"minimum": 3}}
    for i in range(1, depth + 1):
        below = {"$ref": f"#/$defs/d{i - 1}"}
        defs[f"d{i}"] = {"oneOf": [below, {"multipleOf": i + 1}, {"properties": {"a": below}}], "not": {"const": i}}
    return {"$ref": f"#/$defs/d{depth}", "$defs": defs}


def large(n: int) -> Any:
    """About 4,400 bytes for each of n members."""
    members = {
        f"property number {i}": {
            "type": "object",
            "properties": {
                "a": {"type": "string", "maxLength": i % 50 + 1},
                "b": {"enum": [f"value {k} of {i}, spelled out" for k in range(130)]},
                "c": {"$ref": "#/$defs/d"},
            },
            "required": ["a"],
        }
        for i in range(n)
    }
    return {"properties": members, "$defs": {"d": {"type": "array", "items": {"type": "integer"}}}}


million = 10**6
SCHEMAS: dict[str, tuple[Any, str]] = {
    "4 MB": (large(1_000), '{"property number 7": {"a":"x", "b"'),
    "100k strings": ({"enum": [f"member number {i}" for i in range(100_000)]}, '"member number 99'),
    "100k numbers": ({"enum": list(range(100_000))}, "9999"),
    "2k objects": ({"enum": [{"a": i, "b": [i]} for i in range(2_000)]}, '{"a":199'),
    "oneOf nested 20 deep": (nested_one_of(20), '{"a":{"a":3'),
    "a million items": ({"items": {"items": {}, "minItems": million, "type": "array"}, "maxItems": million}, "[[1,2,"),
    "a million characters": ({"minLength": million, "maxLength": 10**9}, '"a'),
    "a million members": ({"minProperties": million, "type": "object"}, '{"a":1'),
    "3000 optional members": ({"properties": {f"k{i}": {} for i in range(3000)}}, '{"k12":1'),
    "a cycle": ({"$ref": "#"}, "1"),
    "cycles": ({"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"oneOf": [{"$ref": "#"}, {"type": "null"}]}}}, "n"),
    "a negated cycle": ({"not": {"$ref": "#"}}, "1"),
}
LARGE = ("100k strings", "100k numbers", "2k objects")
PATTERNS = (
    "^(a+)+$",
    "^(a|aa)+$",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(a|b)*a(a|b){40}",
    "^(.*a){30}$",
    "^((a{1,20}){1,20}){1,20}$",
    "^(?=(.*a){12})(?=(.*b){12})(?!(.*c){12}).*$",
)


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("profile", ["generation", "spec"])
def test_huge_schemas_end(name: str, profile: Any, byte_vocabulary: Vocabulary) -> None:
    if profile == "spec" and name in LARGE:
        pytest.skip("takes its time, and differs in the spellings of keys and strings alone")
    schema, text = SCHEMAS[name]
    assert name != "4 MB" or len(json.dumps(schema)) > 4e6
    compiles_and_goes_on(schema, text, profile, byte_vocabulary)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_that_backtrack_end(pattern: str, byte_vocabulary: Vocabulary) -> None:
    compiles_and_goes_on({"type": "string", "pattern": pattern}, '"aaaa', "generation", byte_vocabulary)
    bounded = {"type": "string", "pattern": pattern, "minLength": 100, "maxLength": million}
    compiles_and_goes_on(bounded, '"aaaa', "generation", byte_vocabulary)


def compiles_and_goes_on(schema: Any, text: str, profile: Any, vocabulary: Vocabulary) -> None:
    """Within time and memory; a budget that does not suffice, or a schema without instances, is an answer, too."""
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        auto = compile_grammar(JsonSchema(schema, profile).grammar(), vocabulary)
        state = auto.start
        for byte in text.encode():
            assert auto.mask(state)[byte >> 5] >> (byte & 31) & 1, f"byte {chr(byte)!r} is masked"
            state = auto.advance(state, byte)
            assert state
        auto.mask(state)
    except (BudgetExceeded, EmptyLanguage):
        pass
    assert time.process_time() - began < ENOUGH
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


def test_a_required_cycle_is_empty(byte_vocabulary: Vocabulary) -> None:
    with pytest.raises(EmptyLanguage, match="it requires itself"):
        JsonSchema({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]})
