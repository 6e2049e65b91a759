"""Benchmark: random texts of real schemas are valid by another validator; and how texts are judged."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
N_SCHEMAS = 24


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("generation_check")


@pytest.mark.parametrize(
    ("schema", "text", "outcome"),
    [
        ({"type": "integer"}, "1", "valid"),
        ({"type": "integer"}, '"a"', "invalid"),
        ({"multipleOf": 0.01}, "0.07", "settled"),
        ({}, '{"a": 1, "\\u0061": 2}', "repeated"),
        ({"format": "date"}, '"2023-02-29"', "invalid"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "format": "ipv4"}, '"1.2.3.4"', "valid"),
    ],
)
def test_how_texts_are_judged(check: ModuleType, schema: object, text: str, outcome: str) -> None:
    assert check.judge(schema, text)[0] == outcome


def test_uniform_texts_are_valid(check: ModuleType, data_dir: Path) -> None:
    paths = sorted((data_dir / "maskbench").glob("*.json"))
    if not paths:
        pytest.skip(f"no MaskBench at {data_dir / 'maskbench'}; put its files there")
    schemas = {p.stem: json.loads(p.read_text("utf-8"))["schema"] for p in paths[5 :: len(paths) // N_SCHEMAS]}
    vocabulary, _ = importlib.import_module("schema_suite").small_vocabulary()
    model = importlib.import_module("walks").Uniform(vocabulary)
    options = argparse.Namespace(profile="generation", texts=2, max_tokens=200, seconds=60.0)
    result = check.run("uniform", model, [], schemas, options)
    assert check.passes([result]), result["listed"]
    assert result["valid"] > N_SCHEMAS
