"""Batch runs: rows in order, errors in their rows, and interruptions that leave no trace."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from oracles.byte_model import ByteModel
from typer.testing import CliRunner

import syntagma.backends.load
from syntagma.backends.commands.batch import _line, _lines, _locked, _resume
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


#: The command in a process of its own, with a slow model.
PROCESS = """
import sys
sys.path.insert(0, {tests!r})
import syntagma.backends.load
from oracles.byte_model import ByteModel
from syntagma.cli import main
syntagma.backends.load.load = lambda name: ByteModel(0.02)
main()
"""


def process(folder, target, *more):
    code = PROCESS.format(tests=str(Path(__file__).resolve().parents[1]))
    words = ["batch", str(folder / "in.jsonl"), str(folder / target), "--temperature", "1", "--seed", "3", *more]
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def lines_of(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def kill_behind(child, path, n):
    """SIGKILL once the file has more than n lines."""
    end = time.monotonic() + 240
    try:
        while lines_of(path) <= n and child.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
    finally:
        child.kill()
        _, complaint = child.communicate()
    assert child.returncode == -signal.SIGKILL, complaint.decode()
    assert lines_of(path) > n


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_again_and_again_no_row_is_lost_or_repeated(folder):
    run(folder, "--regex", "[ab]{12}")
    whole = (folder / "out.jsonl").read_bytes()
    target, n = folder / "killed.jsonl", 0
    for _ in range(2):
        kill_behind(process(folder, target.name, "--regex", "[ab]{12}", "--concurrency", "2"), target, n)
        assert whole.startswith(target.read_bytes())
        n = lines_of(target) + 3
    result = run(folder, "--regex", "[ab]{12}", target=target.name)
    assert 0 < json.loads(result.stdout)["resumed_at"] == n - 3 < 26
    assert target.read_bytes() == whole


def test_a_second_run_over_the_same_output_is_refused(folder):
    with _locked(folder / "out.jsonl"):
        result = run(folder, "--regex", "[ab]{12}")
    assert result.exit_code == 2
    assert "Another run is writing" in result.output
    assert answers(folder) == []


HOSTILE = [
    ("surrogate", '{"prompt": "\\ud800"}', "surrogates not allowed"),
    ("surrogate id", '{"prompt": "a", "id": "\\udfff"}', "surrogates not allowed"),
    ("no number", '{"prompt": "a", "id": NaN}', "NaN is no JSON"),
    ("too large", '{"prompt": "a", "id": 1e999}', "not JSON compliant"),
    ("deep", '{"prompt": ' + "[" * 9999 + "]" * 9999 + "}", "recursion"),
    ("bytes", b'{"prompt": "\xff"}', "JSON object"),
    ("blank", "", "JSON object"),
    ("schema a list", '{"prompt": "a", "schema": []}', "JSON Schema"),
    ("schema a file", '{"prompt": "a", "schema": "in.jsonl"}', "JSON"),
    ("another constraint", '{"prompt": "a", "regex": "b"}', "takes no `regex`"),
    ("a seed", '{"prompt": "a", "seed": -1}', "seed"),
    ("two prompts", '{"prompt": "a", "messages": [{"role": "user", "content": "b"}]}', "`messages`"),
]


def test_a_hostile_row_is_an_error_of_its_own(folder):
    rows = [line if isinstance(line, bytes) else line.encode() for _, line, _ in HOSTILE]
    (folder / "in.jsonl").write_bytes(b"\n".join([*rows, b'{"prompt": "last"}']))
    result = run(folder, "--regex", "[ab]{3}")
    assert json.loads(result.stdout)["failed"] == len(HOSTILE)
    for (name, _, words), answer in zip(HOSTILE, answers(folder), strict=False):
        assert words in answer["error"]["message"], name
    assert answers(folder)[-1]["finish_reason"] == "stop"
    whole = (folder / "out.jsonl").read_bytes()
    assert json.loads(run(folder, "--regex", "[ab]{3}").stdout)["resumed_at"] == len(HOSTILE) + 1
    assert (folder / "out.jsonl").read_bytes() == whole


@pytest.mark.parametrize("value", [float("inf"), "\ud800"])
def test_a_value_that_json_cannot_hold_stays_in_the_text(value):
    assert json.loads(_line({"row": 0, "text": "1e999", "value": value})) == {"row": 0, "text": "1e999"}


def test_a_row_may_have_a_seed_of_its_own(folder):
    rows = [{"prompt": "same", "seed": 5}, {"prompt": "other"}, {"prompt": "same", "seed": 5}]
    (folder / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run(folder, "--regex", "[ab]{12}")
    one, other, same = (answer["text"] for answer in answers(folder))
    assert one == same != other


OTHERS = [b"something else\n", b'{"row": 1}\n', b'{"row": 0}\n{"row": 1}\n', b"[0]\n", b'{"row": 0, "id": 2}\n']


@pytest.mark.parametrize("text", OTHERS)
def test_another_file_is_not_written_over(tmp_path, text):
    target = tmp_path / "out"
    target.write_bytes(text)
    with _locked(target) as out, pytest.raises(UsageError, match="not the output"):
        _resume(out, target, [b'{"id": 1}'])
    assert target.read_bytes() == text


def test_lines_end_with_newlines_only():
    assert _lines(b"") == []
    assert _lines(b"a\r b\n\nc\n") == _lines(b"a\r b\n\nc") == [b"a\r b", b"", b"c"]


def test_rows_without_a_schema_need_one_for_all(folder):
    result = run(folder)
    assert result.exit_code == 1
    found = answers(folder)
    assert "value" in found[2]
    assert "no schema" in found[0]["error"]["message"]
