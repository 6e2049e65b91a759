"""Benchmark: what maskbench counts, on answers made by hand and once from end to end."""

from __future__ import annotations

import importlib
import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("report")


def case(file: str, *labels: bool) -> dict[str, Any]:
    return {"file": file, "labels": list(labels), "lengths": [9] * len(labels)}


def answer(*refused: int | None, status: str = "ok", steps: tuple[int, ...] = (1000, 3000)) -> dict[str, Any]:
    timings = {"ttfm_ns": 5000, "step_ns": list(steps)} if status == "ok" else {}
    return {"status": status, "error": "because", "refused": list(refused), "facts": {}} | timings


CASES = [case("a", True, False), case("b", False), case("c", True), case("d", False, False), case("e")]


def test_what_is_right(report: ModuleType) -> None:
    answers = {
        "a": answer(None, 3),
        "b": answer(None),  # accepts what is invalid
        "c": answer(4),  # rejects what is valid
        "d": answer(0, 0, status="empty"),  # rejects all, and rightly
        "e": answer(status="error"),
    }
    summary = report.summary(CASES, answers)
    assert (summary["compiled"], summary["empty"], summary["right"]) == (4, 1, 2)
    assert summary["accepted_wrongly"] == [{"file": "b", "test": 0}]
    assert summary["rejected_wrongly"] == [{"file": "c", "test": 0, "token": 4, "of": 9}]
    assert summary["errors"] == [{"file": "e", "error": "because"}]
    assert summary["tbm_us"]["n"] == 6
    assert summary["tbm_us"]["p50"] == 2.0


def test_who_refuses_first(report: ModuleType) -> None:
    ours = {"a": answer(None, 3), "b": answer(5), "c": answer(None), "d": answer(2, None), "e": answer()}
    theirs = {"a": answer(None, 3), "b": answer(4), "c": answer(None), "d": answer(None, 8), "e": answer()}
    found = report.refusals(CASES, ours, theirs)
    assert (found["refused_by_them"], found["by_us_no_later"]) == (3, 1)
    assert [(entry["file"], entry["ours"], entry["theirs"]) for entry in found["later"]] == [
        ("b", 5, 4),
        ("d", None, 8),
    ]


def test_timings_are_compared_where_both_compile(report: ModuleType) -> None:
    ours = {c["file"]: answer(*[0] * len(c["labels"])) for c in CASES}
    theirs = ours | {"a": answer(status="error"), "b": answer(0, steps=(4000, 12000))}
    found = report.comparison(CASES, ours, theirs)
    assert found["schemas"] == 4
    assert found["ttfm_us"]["theirs_over_ours"]["p50"] == 1.0
    assert found["tbm_us"]["theirs_over_ours"]["max"] == 4.0


def test_histograms_hold_every_value(report: ModuleType) -> None:
    found = report.histogram([1, 999, 1000, 1100, 9_999_999, 10_000_000])
    edges = 10 ** ((found["first"] + np.arange(len(found["counts"]) + 1)) / found["per_decade"])
    bins = {float(lo.round(3)): n for lo, n in zip(edges, found["counts"], strict=False) if n}
    assert bins == {0.001: 1, 0.891: 1, 1.0: 2, 8912.509: 1, 10000.0: 1}
    assert report.histogram([])["counts"] == []


def test_records_are_drawn(report: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="install syntagma[dev]")
    plot = importlib.import_module("speed_plot")
    for k, (date, profile, cases) in enumerate([("2", "spec", CASES), ("1", "spec", CASES), ("3", "spec", CASES[:1])]):
        answers = {c["file"]: answer(*[0] * len(c["labels"]), steps=(1000 * (k + 1),)) for c in CASES}
        engines = {name: {"version": str(k), "summary": report.summary(cases, answers)} for name in ("syntagma",)}
        record = {"benchmark": "maskbench", "machine": {"date": date}, "profile": profile, "schemas": len(cases)}
        (tmp_path / f"{k}.json").write_text(json.dumps(record | {"engines": engines}))
    (tmp_path / "other.json").write_text("{}")
    for name, change in (("shuffled", {"shuffled": True}), ("larger", {"tokenizer": "o200k"})):
        (tmp_path / f"{name}.json").write_text(json.dumps(record | {"engines": engines, "schemas": 99} | change))
    chosen = plot.latest(tmp_path)
    assert {label: entry["version"] for label, entry in chosen.items()} == {"syntagma, spec": "0"}
    times, shares = plot.survival(chosen["syntagma, spec"]["summary"]["tbm_histogram"], 10)
    assert (times[0], shares) == (1.0, [1.0, 0.5])
    plot.write(tmp_path, tmp_path / "speed.svg")
    assert "schema to first mask" in (tmp_path / "speed.svg").read_text()


def test_keys_are_shuffled_alike_in_every_run(report: ModuleType) -> None:
    maskbench = importlib.import_module("maskbench")
    data = {str(k): [{"a": k, "b": {"c": 1, "d": 2}}] for k in range(20)}
    once, again = (maskbench.shuffled(data, random.Random("name")) for _ in range(2))
    assert once == data
    assert [*once] == [*again] != [*data]
    assert {tuple(items[0]) for items in once.values()} == {("a", "b"), ("b", "a")}
    assert {tuple(items[0]["b"]) for items in once.values()} == {("c", "d"), ("d", "c")}


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """A byte-level tokenizer without merges, and end of sequence."""
    tokenizers = pytest.importorskip("tokenizers")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    made = tokenizers.Tokenizer(tokenizers.models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(["<eos>"])
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<eos>"}')
    return folder


def test_from_end_to_end(tmp_path: Path, tokenizer: Path) -> None:
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    (schemas / "age.json").write_text(
        json.dumps(
            {
                "schema": {"enum": ["ab"]},
                "tests": [{"data": "ab", "valid": True}, {"data": "ac", "valid": False}],
            }
        )
    )
    (schemas / "never.json").write_text(json.dumps({"schema": False, "tests": [{"data": 1, "valid": False}]}))
    (schemas / "broken.json").write_text(json.dumps({"schema": {"type": "integr"}, "tests": []}))
    out = tmp_path / "record.json"
    words = [schemas, "--tokenizer", tokenizer, "--engines", "syntagma", "--skip-first-mask", "--out", out]
    subprocess.run([sys.executable, BENCHMARKS / "maskbench.py", *map(str, words)], check=True, capture_output=True)
    record = json.loads(out.read_text())
    summary = record["engines"]["syntagma"]["summary"]
    assert (summary["schemas"], summary["compiled"], summary["empty"], summary["right"]) == (3, 2, 1, 2)
    assert [entry["file"] for entry in summary["errors"]] == ["broken"]
    assert summary["tbm_us"]["n"] == 8  # `"ab"`, end of sequence; `"ac`
    assert record["exact"]["generation"]["exact"] == 2
