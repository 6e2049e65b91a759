"""The command `convert`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from syntagma.cli import app

TEXTS = {
    "x.gbnf": 'root ::= "a" [b-d]{2}\n',
    "x.ebnf": 'root ::=\n  "a"\n  [b-d]{2}\n',
    "x.lark": 'start: "a" /[b-d]{2}/\n',
    "x.regex": "a[b-d]{2}\n",
}


def run(*words: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["convert", *words])
    assert result.exit_code == status, result.output
    return result.output


@pytest.mark.parametrize("name", ["x.gbnf", "x.ebnf", "x.regex"])
@pytest.mark.parametrize(
    ("to", "text"),
    [
        ("gbnf", 'root ::= "a" [b-d]{2}\n'),
        ("lark", '// read with lexer="dynamic"\nstart: "a" /[b-d]/~2\n'),
        ("regex", "a[b-d]{2}\n"),
    ],
)
def test_every_dialect_to_every_other(tmp_path: Path, name: str, to: str, text: str) -> None:
    (tmp_path / name).write_text(TEXTS[name])
    assert run(str(tmp_path / name), "--to", to) == text


def test_lark_keeps_its_lexer_and_is_refused_elsewhere_if_terminals_compete(tmp_path: Path) -> None:
    path = tmp_path / "x.lark"
    path.write_text(TEXTS["x.lark"])
    data = json.loads(run(str(path), "--to", "lark", "--json"))
    assert data["lexer"] == "longest"
    assert "[b-d]{2}" in run(str(path), "--to", "gbnf")
    path.write_text('start: "a" /[a-d]+/ /[b-d]/\n')
    assert "compete" in run(str(path), "--to", "gbnf", status=2)
    assert run(str(path), "--to", "regex", "--lexer", "dynamic") == "(?:a)(?:[a-d]+)(?:[b-d])\n"


def test_schemas_convert(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"enum": [1, "a"]}')
    assert run(str(tmp_path / "x.json"), "--to", "gbnf") == 'root ::= "1" | "\\"a\\""\n'


@pytest.mark.parametrize("name", ["x.gbnf", "x.ebnf", "x.lark"])
def test_other_commands_read_the_dialects_too(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TEXTS[name])
    for option in ("--grammar", "--lark"):
        result = CliRunner().invoke(app, ["explain", option, str(tmp_path / name), "a", "--json"])
        assert result.exit_code == 0, result.output


def test_the_kind_may_be_said(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text(TEXTS["x.gbnf"])
    assert "--kind" in run(str(tmp_path / "x.txt"), "--to", "regex", status=2)
    assert run(str(tmp_path / "x.txt"), "--to", "regex", "--kind", "gbnf") == TEXTS["x.regex"]
