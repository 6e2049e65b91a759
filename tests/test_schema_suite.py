"""Benchmark: the JSON Schema Test Suite, replayed token by token through the engine on a small vocabulary."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
DRAFTS = ("4", "6", "7", "2019-09", "2020-12")
QUICK = ("7", "2020-12")


@pytest.fixture
def schema_suite(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("schema_suite")


@pytest.mark.parametrize("draft", [pytest.param(d, marks=[] if d in QUICK else pytest.mark.slow) for d in DRAFTS])
def test_a_draft_is_right(schema_suite: ModuleType, data_dir: Path, draft: str) -> None:
    suite = data_dir / "json-schema-test-suite"
    if not suite.is_dir():
        pytest.skip(f"no JSON-Schema-Test-Suite at {suite}; clone it there")
    vocabulary, encode = schema_suite.small_vocabulary()
    registry = schema_suite.remotes(suite, draft)
    found = [
        answer
        for case in schema_suite.cases(suite, draft)
        for answer in schema_suite.answers(case, vocabulary, encode, registry)
    ]
    assert len(found) > 600
    assert schema_suite.passes(schema_suite.summary(found)), [a for a in found if a.outcome != "right" and not a.reason]


def test_what_fails(schema_suite: ModuleType) -> None:
    vocabulary, encode = schema_suite.small_vocabulary()
    tests = [{"description": str(value), "data": value, "valid": valid} for value, valid in ((1, True), ("a", True))]
    schemas = ({"type": "integer"}, False, {"$ref": "http://localhost:1234/nowhere"})
    cases = [schema_suite.Case("7", "core", "a.json", "a case", schema, tests) for schema in schemas]
    answers = [a for case in cases for a in schema_suite.answers(case, vocabulary, encode, None)]
    assert [a.outcome for a in answers] == ["right", *["rejected valid"] * 3, *["declined"] * 2]
    assert not schema_suite.passes(schema_suite.summary(answers))
    assert schema_suite.passes(schema_suite.summary(answers[:1]))
