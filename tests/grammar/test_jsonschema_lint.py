"""Lints of JSON Schemas: what each finds, where, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.jsonschema.dialect import dialect_named
from syntagma.grammar.jsonschema.lint import lint, lint_schema
from syntagma.grammar.jsonschema.lint_patterns import is_bounded, open_sides

DRAFT_7 = {"$schema": "http://json-schema.org/draft-07/schema#"}


def found(schema: Any, profile: Any = "spec") -> set[tuple[str, str | None]]:
    """Code and pointer of every finding but those on lengths and open objects."""
    usual = {"unbounded-string", "unbounded-array", "open-object", "missing-type"}
    return {(f.code, f.pointer) for f in lint(JsonSchema(schema, profile=profile)) if f.code not in usual}


FOUND: list[tuple[Any, set[tuple[str, str]]]] = [
    ({"type": "object", "requierd": ["a"]}, {("misspelt-keyword", "#/requierd")}),
    ({"type": "string", "maxlength": 3}, {("misspelt-keyword", "#/maxlength")}),
    ({"type": "string", "min_length": 3}, {("misspelt-keyword", "#/min_length")}),
    ({"x-order": 1, "_format": "date", "comment": "y", "myKeyword": 1}, set()),
    ({"items": {"type": "string", "nullable": True}}, {("foreign-keyword", "#/items/nullable")}),
    (DRAFT_7 | {"dependentRequired": {}}, {("other-draft", "#/dependentRequired")}),
    ({"then": {"type": "null"}}, {("idle-keyword", "#/then")}),
    ({"minContains": 2}, {("idle-keyword", "#/minContains")}),
    (DRAFT_7 | {"items": {}, "additionalItems": False}, {("idle-keyword", "#/additionalItems")}),
    (DRAFT_7 | {"items": [{}], "additionalItems": False}, set()),
    ({"type": "integer", "minLength": 2}, {("inapplicable-keyword", "#/minLength")}),
    ({"type": ["integer", "string"], "minLength": 2}, set()),
    ({"type": "integer", "format": "int32"}, {("unknown-format", "#/format")}),
    (DRAFT_7 | {"$ref": "#/definitions/a", "minimum": 3, "title": "t", "definitions": {"a": {"type": "integer"}}}, {
        ("hidden-by-ref", "#/minimum"),
    }),
    ({"$ref": "#/$defs/a", "minimum": 3, "$defs": {"a": {"type": "integer"}}}, set()),
    ({"type": "string", "enum": ["a", 1]}, {("enum-outside-type", "#/enum")}),
    ({"enum": ["a", "bcd"], "maxLength": 2}, {("refused-value", "#/enum")}),
    ({"type": "string", "pattern": "[0-9]{5}"}, {("unanchored-pattern", "#/pattern")}),
    ({"type": "string", "pattern": "^[0-9]{5}"}, {("half-anchored-pattern", "#/pattern")}),
    ({"title": None, "type": ["null", "null"]}, {("off-the-letter", "#/title"), ("off-the-letter", "#/type")}),
    ({"type": "string", "pattern": r"\A{\Z"}, {("off-the-letter", "#/pattern")}),
    ({"type": "string", "pattern": r"^\{$"}, set()),
    ({"$ref": "#/$defs/a b", "$defs": {"a b": {"type": "null"}}}, {("off-the-letter", "#/$ref")}),
    ({"type": "object", "properties": {"name": {"type": "null"}}, "required": ["nmae"]}, {
        ("undeclared-required", "#/required"),
    }),
    ({"type": "object", "additionalProperties": {"type": "null"}, "required": ["a"]}, set()),
    ({"type": "object", "patternProperties": {"^a": {"type": "null"}}, "required": ["ab"]}, set()),
    ({"type": "object", "properties": {"a": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {
        ("undeclared-required", "#/required"),
    }),
    ({"type": "object", "properties": {"a": {"type": "string", "minLength": 2, "maxLength": 1}, "b": False}}, {
        ("pruned-member", "#/properties/a"),
    }),
    ({"allOf": [{"properties": {"a": {}}}], "properties": {"b": {}}, "additionalProperties": False}, {
        ("pruned-member", "#/allOf/0/properties/a"),
    }),
    ({"type": "integer", "anyOf": [{"type": "string"}, {"minimum": 3}]}, {("pruned-branch", "#/anyOf/0")}),
    ({"type": "array", "prefixItems": [{}, {"const": 1, "type": "null"}]}, {
        ("pruned-item", "#/prefixItems/1"), ("enum-outside-type", "#/prefixItems/1/const"),
    }),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}, "b": {"type": "null"}}}, {
        ("unused-definition", "#/$defs/b"),
    }),
    ({"properties": {"requierd": {"enum": ["maxlength"]}}, "default": {"requierd": 1}}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "findings"), FOUND)
def test_findings(schema: Any, findings: set[tuple[str, str]]) -> None:
    assert found(schema) == findings


def lengths(schema: Any, profile: Any = "spec") -> set[tuple[str, str | None]]:
    codes = {"unbounded-string", "unbounded-array", "open-object", "missing-type"}
    return {(f.code, f.pointer) for f in lint(JsonSchema(schema, profile=profile)) if f.code in codes}


LENGTHS: list[tuple[Any, set[tuple[str, str]]]] = [
    ({"type": "string"}, {("unbounded-string", "#")}),
    ({"type": "string", "allOf": [{"maxLength": 3}]}, set()),
    ({"type": "string", "pattern": "^[a-z]{1,3}$"}, set()),
    ({"type": "string", "pattern": "^[a-z]+$"}, {("unbounded-string", "#")}),
    ({"type": "string", "format": "date"}, set()),
    ({"enum": ["a"]}, set()),
    ({}, set()),
    ({"type": "array", "items": {"type": "null"}}, {("unbounded-array", "#")}),
    ({"type": "array", "prefixItems": [{"type": "null"}], "items": False}, set()),
    ({"type": "array", "maxItems": 3, "items": {"type": "null"}}, set()),
    ({"properties": {"a": {"type": "null"}}}, {("missing-type", "#"), ("open-object", "#")}),
    ({"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": True}, set()),
    ({"type": "object"}, set()),
]


@pytest.mark.parametrize(("schema", "findings"), LENGTHS)
def test_what_is_open(schema: Any, findings: set[tuple[str, str]]) -> None:
    assert lengths(schema) == findings


def test_objects_that_a_profile_closes_are_not_open() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "null"}}}
    assert lengths(schema, "spec") == {("open-object", "#")}
    assert lengths(schema, "generation") == set()


@pytest.mark.parametrize(
    ("pattern", "start", "end"),
    [
        ("[0-9]{5}", True, True),
        ("a|b", True, True),
        ("^abc", False, True),
        ("abc$", True, False),
        (r"\^a\$", True, True),
        ("[^a]b", True, True),
    ],
)
def test_open_sides_come_with_a_witness(pattern: str, start: bool, end: bool) -> None:
    sides = open_sides(pattern)
    assert sides is not None
    assert (sides.start, sides.end) == (start, end)
    assert (sides.witness[0] == "~", sides.witness[-1] == "~") == (start, end)


@pytest.mark.parametrize("pattern", ["^a$", "^(?:a|b)$", ".*", r"\S", ".+", "^.*a.*$", ".*abc.*", r"[\s\S]", "^$|^a$"])
def test_patterns_that_are_open_on_purpose_or_not_at_all(pattern: str) -> None:
    assert open_sides(pattern) is None


def test_patterns_of_finitely_many_strings() -> None:
    assert is_bounded("^[a-z]{1,9}$")
    assert not is_bounded("[a-z]{1,9}")
    assert not is_bounded("^a+$")


def test_a_schema_that_does_not_compile_is_linted_all_the_same() -> None:
    schema = {"type": "integer", "minimum": 5, "maximum": 4, "requierd": []}
    assert [f.code for f in lint_schema(schema, dialect_named("2020-12"))] == ["misspelt-keyword"]


def test_each_finding_comes_once_and_the_worst_first() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/s"}, "b": {"$ref": "#/$defs/s"}}, "$defs": {
        "s": {"type": "integer", "maxLength": 1},
    }}  # fmt: skip
    findings = lint(JsonSchema(schema, profile="spec"))
    assert [(f.severity, f.pointer) for f in findings] == [("warning", "#/$defs/s/maxLength"), ("note", "#")]
