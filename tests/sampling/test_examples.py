"""Examples without a model: random texts are valid, near misses are not, and each names what it breaks."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from syntagma import Choice, JsonSchema, Regex, SamplingError
from syntagma.grammar.ir import Bytes, Grammar, Guarded, Repeat
from syntagma.sampling.examples import examples, near_misses

SCHEMAS: dict[str, Any] = {
    "person": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 20},
            "age": {"type": "integer", "minimum": 0, "maximum": 120},
            "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 1},
            "zip": {"type": "string", "pattern": "^[0-9]{5}$"},
        },
        "required": ["name", "age"],
        "additionalProperties": False,
    },
    "tree": {
        "type": "object",
        "properties": {"v": {"type": "number"}, "down": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["v"],
    },
    "choice": {"oneOf": [{"type": "string", "format": "date"}, {"type": "integer", "multipleOf": 7}, {"const": None}]},
    "many required": {"type": "object", "required": [f"k{i}" for i in range(20)], "maxProperties": 25},
    "any": {},
    "guarded": {"type": "array", "items": {"type": "integer"}, "contains": {"const": 3}, "uniqueItems": True},
}


def number(text: str) -> float:
    """A number of JSON, an integer wherever it is one."""
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() else float(value)


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("profile", ["generation", "spec"])
def test_examples_are_valid(name: str, profile: Any) -> None:
    texts = examples(JsonSchema(SCHEMAS[name], profile=profile), 6, seed=1)
    assert len(set(texts)) == len(texts) >= 3
    for text in texts:
        if re.search(r"[eE][+-]?\d{4}", text):
            continue  # too large for the other validator
        jsonschema.validate(json.loads(text, parse_float=number), SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS.keys() - {"any"})
def test_near_misses_break_exactly_the_keyword_that_they_name(name: str) -> None:
    schema = SCHEMAS[name]
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    misses = near_misses(schema, 6, seed=2)
    assert misses
    for miss in misses:
        errors = list(validator.iter_errors(json.loads(miss.text)))
        assert len(errors) == 1, miss
        assert errors[0].validator == miss.keyword
        assert "".join(f"/{part}" for part in errors[0].absolute_path) == miss.instance_pointer
        part: Any = schema
        for step in miss.pointer.split("/")[1:]:
            part = part[int(step) if isinstance(part, list) else step]
        assert miss.keyword in part


def test_near_misses_vary_the_keyword() -> None:
    broken = {miss.keyword for miss in near_misses(SCHEMAS["person"], 12, seed=3)}
    assert broken >= {"type", "required", "maximum", "maxLength", "pattern", "uniqueItems", "additionalProperties"}


def test_bounds_are_exceeded_by_one() -> None:
    schema = {"type": "integer", "minimum": 3, "maximum": 7}
    values = {json.loads(miss.text) for miss in near_misses(schema, 20, seed=1) if miss.keyword != "type"}
    assert {2, 8} <= values


def test_nothing_misses_what_lets_everything_be() -> None:
    assert near_misses(True, 3, seed=1) == []


def test_a_seed_repeats() -> None:
    assert examples(SCHEMAS["person"], 4, seed=5) == examples(SCHEMAS["person"], 4, seed=5)
    assert examples(SCHEMAS["person"], 4, seed=5) != examples(SCHEMAS["person"], 4, seed=6)
    assert near_misses(SCHEMAS["person"], 4, seed=5) == near_misses(SCHEMAS["person"], 4, seed=5)


def test_other_constraints() -> None:
    assert sorted(examples(Choice(["yes", "no"]), 2, seed=1)) == ["no", "yes"]
    with pytest.warns(UserWarning, match="Found 2 of 5 texts"):
        assert sorted(examples(Choice(["yes", "no"]), 5, seed=1)) == ["no", "yes"]
    assert all(re.fullmatch(r"[ab]{3}\d+", text) for text in examples(Regex(r"[ab]{3}\d+"), 5, seed=1))


def test_texts_stay_within_their_bytes() -> None:
    assert all(len(text.encode()) <= 60 for text in examples(SCHEMAS["tree"], 8, seed=1, max_bytes=60))
    with pytest.raises(SamplingError, match="52 bytes"):
        examples({"type": "string", "minLength": 50}, 1, max_bytes=20)


def test_long_texts_are_drawn_if_nothing_forbids_them() -> None:
    (text,) = examples({"type": "string", "pattern": "^a{1200}$"}, 1, seed=1)
    assert text == f'"{"a" * 1200}"'
    with pytest.raises(SamplingError, match="max_bytes"):
        examples({"type": "array", "minItems": 10**6}, 1)


class Never:
    """A check that refuses everything."""

    pointer = "#"
    keyword = "never"

    def __call__(self, text: bytes) -> bool:
        return False


def test_a_language_that_guards_empty_ends() -> None:
    grammar = Grammar("start", {"start": Guarded(Repeat(Bytes(b"a"), 1), Never())})
    with pytest.raises(SamplingError, match="dead end"):
        examples(grammar, 2, seed=1, max_bytes=50)
