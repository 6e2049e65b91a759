"""Check: a report on a schema, whether it can be used or not."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import syntagma as sg
from syntagma.automata import Vocabulary, compile_grammar
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.jsonschema.loading import dialect_for
from syntagma.grammar.jsonschema.places import places_of
from syntagma.grammar.jsonschema.verdicts import STRUCTURE

SCHEMA: dict[str, Any] = {
    "title": "A person",
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "maxItems": 100},
        "age": {"type": "integer", "minimum": 0},
        "born": {"$ref": "#/$defs/date"},
    },
    "required": ["name"],
    "$defs": {"date": {"type": "string", "format": "date"}, "spare": {"type": "null"}},
}


def decisions(report: Any) -> dict[str, str]:
    return {f"{v.pointer}/{v.keyword}": v.decision for v in report.verdicts}


def test_every_keyword_has_a_verdict() -> None:
    found = decisions(sg.check(SCHEMA))
    assert found["#/type"] == found["#/properties"] == found["#/properties/born/$ref"] == "automaton"
    assert found["#/title"] == found["#/$defs/spare/type"] == "annotation"
    assert found["#/$defs/date/format"] == "automaton"
    named = {"$defs"}
    for pointer, schema in [("#", SCHEMA), *((f"#/properties/{k}", v) for k, v in SCHEMA["properties"].items())]:
        assert {f"{pointer}/{keyword}" for keyword in schema if keyword not in named} <= found.keys()


def test_guards_say_why() -> None:
    report = sg.check({"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "maxItems": 9})
    (guard,) = [v for v in report.verdicts if v.decision == "guard"]
    assert (guard.pointer, guard.keyword) == ("#", "uniqueItems")
    assert "compared" in guard.reason
    assert report.residuals == (("#", "uniqueItems"),)
    assert not report.exact


@pytest.mark.parametrize("profile", ["generation", "spec"])
@pytest.mark.parametrize(
    "schema", [SCHEMA, True, {"type": "number", "const": 1}, {"not": {"type": "array"}}, {"type": "integer"}]
)
def test_exactness_and_residuals_are_those_of_the_automaton(schema: Any, profile: Any) -> None:
    report = sg.check(schema, profile=profile)
    vocabulary = Vocabulary.from_tokens([bytes([b]) for b in range(256)], [256])
    auto = compile_grammar(JsonSchema(schema, profile=profile).grammar(), vocabulary)
    assert report.exact == auto.exact
    assert set(report.residuals) == {(r.pointer, r.keyword) for r in auto.residuals}
    guarded = {v.pointer for v in report.verdicts if v.decision == "guard"}
    assert {pointer for pointer, _ in report.residuals} == guarded


def test_costs_and_defaults() -> None:
    report = sg.check(SCHEMA)
    assert report.total_states is not None
    assert {"#", "#/properties/name", "#/properties/tags", "#/properties/age", "#/properties/born"} <= set(
        report.states
    )
    assert "#/$defs/spare" not in report.states
    assert all(n is not None and 0 < n <= report.total_states for n in report.states.values())
    assert report.defaults["profile"] == "generation"
    assert report.defaults["order of members"] == "as declared"
    assert sg.check(SCHEMA, profile="spec", property_order="schema").defaults["order of members"] == "as declared"
    assert sg.check(SCHEMA, whitespace="indent=2").defaults["white space"] == "indent=2"
    assert sg.check(SCHEMA, format="annotation").defaults["formats"] == "annotations"


def test_text_and_json() -> None:
    report = sg.check(SCHEMA)
    data = json.loads(json.dumps(report.json()))
    assert data["usable"]
    assert data["states"]["total"] == report.total_states
    assert [k["keyword"] for k in data["keywords"] if k["pointer"] == "#/properties/age"] == ["type", "minimum"]
    text = str(report)
    assert "#/properties/tags" in text
    assert text.splitlines()[-1].startswith("The schema can be used")


@dataclass
class Point:
    x: int
    y: int = 0


def test_what_may_be_checked() -> None:
    assert sg.check(json.dumps(SCHEMA)).json() == sg.check(SCHEMA).json()
    assert sg.check(JsonSchema(SCHEMA, profile="spec")).json() == sg.check(SCHEMA, profile="spec").json()
    assert "#/properties/x" in sg.check(Point).states
    assert not sg.check(False).usable


#: Schema, code of the finding, its pointer, and what is refused.
REFUSED: list[tuple[Any, str, str, set[str]]] = [
    ({"properties": {"a": {"minimum": "3"}}}, "not-a-schema", "#/properties/a", {"#/properties/a/minimum"}),
    ({"items": {"$ref": "#/$defs/x"}}, "not-a-schema", "#/items", {"#/items/$ref"}),
    ({"type": "null", "const": 1}, "empty-language", "#", {"#/type", "#/const"}),
    (False, "empty-language", "#", {"#/false"}),
    ({"type": "object", "required": ["a"], "properties": {"a": False}}, "empty-language", "#/properties/a", {
        "#/type", "#/required", "#/properties",
    }),
    ("{", "not-a-schema", "#", set()),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "code", "pointer", "refused"), REFUSED)
def test_what_cannot_be_used_says_why(schema: Any, code: str, pointer: str, refused: set[str]) -> None:
    report = sg.check(schema)
    assert not report.usable
    assert not report.exact
    assert (report.findings[0].code, report.findings[0].severity) == (code, "error")
    assert report.findings[0].pointer == pointer
    assert {place for place, decision in decisions(report).items() if decision == "refused"} == refused
    assert str(report).endswith("The schema cannot be used.")


def test_a_schema_that_is_too_deep_gets_a_report() -> None:
    deep: Any = {"type": "string"}
    for _ in range(500):
        deep = {"allOf": [deep]}
    assert sg.check(deep).findings[0].code == "too-large"


def test_real_schemas_have_a_verdict_on_every_keyword(data_dir: Path) -> None:
    paths = sorted((data_dir / "maskbench").glob("*.json"))
    for path in paths[:: max(1, len(paths) // 12)]:
        schema = json.loads(path.read_text())["schema"]
        report = sg.check(schema)
        assert report.usable, path.name
        assert json.loads(json.dumps(report.json()))["keywords"]
        judged = {(verdict.pointer, verdict.keyword) for verdict in report.verdicts}
        for place in places_of(schema, dialect_for(schema, "2020-12", None)):
            assert {(place.pointer, keyword) for keyword in place.schema if keyword not in STRUCTURE} <= judged, (
                path.name
            )


def test_a_rule_beyond_the_limits_is_a_warning() -> None:
    report = sg.check({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a|b)*a(a|b){16}$"}}})
    assert report.states["#/properties/a"] is None
    assert report.total_states is None
    assert ("too-many-states", "#/properties/a") in {(f.code, f.pointer) for f in report.findings}
    assert "many" in str(report)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(sg.GrammarError, match="profile"):
        sg.check({}, profile="strict")  # type: ignore[arg-type]
    with pytest.raises(sg.GrammarError, match="draft"):
        sg.check({}, draft=3)


def test_no_automaton_is_made() -> None:
    code = "import sys, syntagma as sg; sg.check({'type': 'array'}); print('syntagma.automata.pushdown' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_references_that_depend_on_the_way_are_guarded_as_a_whole() -> None:
    report = sg.check({
        "$id": "https://example.com/tree",
        "$dynamicAnchor": "node",
        "type": "object",
        "properties": {"down": {"type": "array", "items": {"$dynamicRef": "#node"}}},
    })  # fmt: skip
    assert decisions(report)["#/properties/down/items/$dynamicRef"] == "guard"
    assert report.residuals == (("#", "$dynamicRef"),)


WORDS = ["type", "enum", "properties", "required", "items", "anyOf", "not", "$ref", "pattern", "minimum", "$id", "typ"]
LEAVES = st.sampled_from(["string", "object", "#", "#/items", "^a", "[", "a", None, True, False, -1, 0, 3])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=4), st.sampled_from(["4", "7", "2020-12"]))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_whatever_is_given_gets_a_report(schema: Any, draft: str) -> None:
    report = sg.check(schema, draft=draft)
    assert report.usable or report.findings[0].severity == "error"
    json.dumps(report.json())
