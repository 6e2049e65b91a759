"""Batch runs: rows in order, errors in their rows, and interruptions that leave no trace."""

from __future__ import annotations

import json

import pytest
from oracles.byte_model import ByteModel
from typer.testing import CliRunner

import syntagma.backends.load
from syntagma.backends.commands.batch import _resume
from syntagma.backends.commands.constraint import UsageError
from syntagma.cli import app

ROWS = [
    {"prompt": "one", "id": "first"},
    {"messages": [{"role": "user", "content": "two"}]},
    {"prompt": "own schema", "schema": {"const": [1]}},
    {"prompt": "bad schema", "schema": {"type": "nonsense"}},
    {"text": "no prompt"},
    *({"prompt": f"more {i}"} for i in range(20)),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(syntagma.backends.load, "load", lambda name: ByteModel())
    text = "\n".join(map(json.dumps, ROWS)) + "\nnot json\n"
    (tmp_path / "in.jsonl").write_text(text, "utf-8")
    return tmp_path


def run(folder, *more, target="out.jsonl"):
    words = ["batch", str(folder / "in.jsonl"), str(folder / target), "--temperature", "1", "--seed", "3", *more]
    return CliRunner().invoke(app, [*words, "--json"])


def answers(folder, target="out.jsonl"):
    return [json.loads(line) for line in (folder / target).read_text("utf-8").splitlines()]


def test_every_row_has_an_answer_or_an_error(folder):
    result = run(folder, "--regex", "[ab]{12}")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["failed"] == 3
    found = answers(folder)
    assert [a["row"] for a in found] == list(range(26))
    assert found[0]["id"] == "first"
    assert found[0]["finish_reason"] == "stop"
    assert len({a["text"] for a in found if "text" in a}) > 20
    assert found[2]["value"] == [1]
    assert "nonsense" in found[3]["error"]["message"]
    assert "prompt" in found[4]["error"]["message"]
    assert found[25]["error"]["type"] == "UsageError"


@pytest.mark.parametrize("cut", [0, 1, 300, 1500])
def test_an_interrupted_run_ends_like_an_uninterrupted_one(folder, cut):
    run(folder, "--regex", "[ab]{12}")
    whole = (folder / "out.jsonl").read_bytes()
    (folder / "again.jsonl").write_bytes(whole[:cut])
    result = run(folder, "--regex", "[ab]{12}", "--concurrency", "3", target="again.jsonl")
    assert json.loads(result.stdout)["resumed_at"] == whole[:cut].count(b"\n")
    assert (folder / "again.jsonl").read_bytes() == whole
    again = run(folder, "--regex", "[ab]{12}", target="again.jsonl")
    assert json.loads(again.stdout)["resumed_at"] == 26
    assert (folder / "again.jsonl").read_bytes() == whole


def test_another_file_is_not_written_over(tmp_path):
    target = tmp_path / "out"
    for text in (b"something else\n", b'{"row": 1}\n', b'{"row": 0}\n{"row": 1}\n'):
        target.write_bytes(text)
        with pytest.raises(UsageError, match="not the output"):
            _resume(target, 1)
        assert target.read_bytes() == text


def test_rows_without_a_schema_need_one_for_all(folder):
    result = run(folder)
    assert result.exit_code == 1
    found = answers(folder)
    assert "value" in found[2]
    assert "no schema" in found[0]["error"]["message"]
