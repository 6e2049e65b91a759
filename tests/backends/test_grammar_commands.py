"""The commands that show a grammar: sample, diff, draw, explain, and the formats of findings."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from syntagma.cli import app

SUM = 'start: e\ne: e "+" t | t\nt: "(" e ")" | N\nN: /[0-9]{1,3}/\n'


def run(*words: str, status: int | None = 0) -> Result:
    result = CliRunner().invoke(app, words)
    assert status is None or result.exit_code == status, result.output
    return result


def machine(*words: str, status: int | None = 0) -> Any:
    return json.loads(run(*words, "--json", status=status).stdout)


@pytest.fixture
def grammar(tmp_path: Path) -> str:
    path = tmp_path / "sum.lark"
    path.write_text(SUM)
    return str(path)


def test_samples_are_repeatable_and_belong_to_the_grammar(grammar: str, tmp_path: Path) -> None:
    drawn = machine("sample", grammar, "-n", "30", "--max-length", "12", "--seed", "3")["texts"]
    assert len(drawn) == 30
    assert drawn == machine("sample", grammar, "-n", "30", "--max-length", "12", "--seed", "3")["texts"]
    assert drawn != machine("sample", grammar, "-n", "30", "--max-length", "12", "--seed", "4")["texts"]
    lines = run("sample", grammar, "-n", "30", "--max-length", "12", "--seed", "3", "--jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == drawn
    texts = tmp_path / "texts"
    texts.write_text("\n".join(drawn))
    assert machine("validate", grammar, "--input", str(texts), "--jsonl", status=None)["instances"][-1]["valid"]


def test_samples_of_a_length_that_only_rejection_reaches(grammar: str) -> None:
    data = machine("sample", grammar, "-n", "3", "--length", "60", "--seed", "1")
    assert [len(text) for text in data["texts"]] == [60, 60, 60]
    assert int(data["lengths"]["60"]) > 10**30


def test_a_length_that_no_text_has_is_unusable(tmp_path: Path) -> None:
    path = tmp_path / "two.regex"
    path.write_text("..\n")
    assert "3 readable ASCII bytes" in machine("sample", str(path), "--length", "3", status=2)["error"]["message"]


def test_differences(grammar: str, tmp_path: Path) -> None:
    more = tmp_path / "more.lark"
    more.write_text(SUM.replace("| N", '| N | "-" t'))
    data = machine("diff", grammar, str(more), "--length", "6", status=1)
    assert (data["only_left"], data["only_right"], data["common"]) == (None, "-0", "0")
    shown = run("diff", grammar, str(more), "--limit", "99", status=1).stdout
    assert f"'-0' is in {more} but not in {grammar}." in shown.replace("\n", "")
    a, b = tmp_path / "a.regex", tmp_path / "b.regex"
    a.write_text("(a|b)*abb")
    b.write_text("(b|a)*ab{2}")
    assert run("diff", str(a), str(b)).stdout == "Equal.\n"
    assert machine("diff", grammar, grammar, "--length", "6") | {"pairs": 0, "common": ""} == {
        "equal": True, "exact": False, "compared_up_to": 6, "only_left": None, "only_right": None,
        "pairs": 0, "common": "",
    }  # fmt: skip


def test_railroad_diagrams_are_svg(grammar: str, tmp_path: Path) -> None:
    pytest.importorskip("railroad")
    out = tmp_path / "rules.svg"
    run("draw", grammar, "-o", str(out))
    root = ET.fromstring(out.read_text("utf-8"))
    assert root.tag.endswith("svg")
    assert [text.text for text in root.iter() if text.get("class") == "rule"] == ["start", "e", "t", "N"]


def test_the_automaton_as_dot_and_a_missing_program(grammar: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dot = run("draw", grammar, "--what", "automaton", "--format", "dot").stdout
    assert dot.startswith("digraph")
    assert 'label="e", style=dashed' in dot
    monkeypatch.setattr("shutil.which", lambda name: None)
    message = machine("draw", grammar, "--what", "automaton", status=2)["error"]["message"]
    assert "--format mermaid" in message
    assert "--format dot" in message
    assert "SVG only" in machine("draw", grammar, "--format", "dot", status=2)["error"]["message"]


def test_the_automaton_as_mermaid(grammar: str) -> None:
    lines = run("draw", grammar, "--what", "automaton", "--format", "mermaid").stdout.splitlines()
    assert lines[0] == "flowchart LR"
    assert '  subgraph R0["start"]' in lines
    assert sum(line.strip() == "end" for line in lines) == sum("subgraph" in line for line in lines)
    assert any(' -. "e" .-> ' in line for line in lines)
    assert any("#34;#43;#34;" in line for line in lines)  # "+"
    nodes = {line.strip().split("(")[0] for line in lines if "((" in line}
    edges = [line.split() for line in lines if "->" in line]
    assert {name for words in edges for name in (words[0], words[-1])} <= nodes


@pytest.mark.parametrize(
    "words",
    [
        ("validate", "{0}"), ("explain", "--schema", "{0}", "x"), ("explain", "--grammar", "{0}", "x"),
        ("diff", "{0}", "{0}"), ("sample", "{0}"), ("draw", "{0}"), ("convert", "{0}", "--to", "gbnf"),
        ("validate", "{1}", "--input", "{0}"),
        ("draw", "{1}", "-o", "{2}/none/x.svg"),
    ],
)  # fmt: skip
def test_files_that_are_not_there(words: tuple[str, ...], grammar: str, tmp_path: Path) -> None:
    if words[-1].endswith("svg"):
        pytest.importorskip("railroad")
    error = machine(*(word.format(tmp_path / "no.lark", grammar, tmp_path) for word in words), status=2)["error"]
    assert error["type"] == "UsageError"
    assert "there is no " in error["message"]


def test_a_grammar_imports_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "words.lark").write_text("WORD: /[a-z]+/\n")
    path = tmp_path / "main.lark"
    path.write_text("%import .words.WORD\nstart: WORD\n")
    assert machine("sample", str(path), "-n", "2", "--seed", "1")["texts"]


def test_explain_tells_where_a_text_stands(grammar: str) -> None:
    data = machine("explain", "--lark", grammar, "(1+(2")
    assert data["nearest_end"] == "))"
    assert data["stacks"][0].count("t") >= 1
    assert data["by_rule"]["N"] == ["0-9"]
    shown = run("explain", "--lark", grammar, "(1+(2").stdout
    assert "open rules: " in shown
    assert "nearest end: '))'" in shown


def test_findings_for_machines(tmp_path: Path) -> None:
    path = tmp_path / "bad.lark"
    path.write_text('start: start start | "a"\nspare: "b"\n')
    log = json.loads(run("validate", str(path), "--format", "sarif", status=1).stdout)
    results = log["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["ambiguity", "unreachable-rule"]
    assert results[1]["locations"][0]["physicalLocation"]["region"] == {"startLine": 2, "startColumn": 1}
    lines = run("validate", str(path), "--format", "github", status=1).stdout.splitlines()
    assert lines[1].startswith(f"::warning file={path},line=2,col=1,title=unreachable-rule::")
    assert json.loads(run("validate", str(path), "--format", "json", status=1).stdout)["findings"][0]["fix"]
    path.write_text("start: (\n")
    (line,) = run("validate", str(path), "--format", "github", status=2).output.splitlines()
    assert line.startswith(f"::error file={path},line=1,")
