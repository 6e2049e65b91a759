"""Command line: what it prints, for people and machines, and its exit status (0 well, 1 findings, 2 unusable)."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from syntagma.backends.commands.byte_names import byte_names
from syntagma.cli import app

SCHEMA = '{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}'


def run(*words: str, input: str | None = None) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, list(words), input=input)


def machine(*words: str, status: int = 0, input: str | None = None) -> dict[str, Any]:
    """What a command prints under --json; its exit status must be `status`."""
    result = run(*words, "--json", input=input)
    assert result.exit_code == status, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    return data


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.json"
    path.write_text(SCHEMA)
    return path


def children_cpu() -> float:
    """Processor seconds of the processes that have ended: unlike the clock, no matter of what else runs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    probe = (
        "import sys; from syntagma.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numba', 'torch', 'transformers', 'lark') if m in sys.modules], file=sys.stderr)"
    )
    seconds = []
    for _ in range(3):
        before = children_cpu()
        done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
        seconds.append(children_cpu() - before)
        assert "generate" in done.stdout
        assert done.stderr.strip() == "[]"
    assert min(seconds) < 0.5


def test_version() -> None:
    assert run("--version").stdout == f"syntagma {version('syntagma')}\n"


def test_module_runs() -> None:
    done = subprocess.run([sys.executable, "-m", "syntagma", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("syntagma ")


def test_a_good_schema_is_well(schema: Path) -> None:
    result = run("validate", str(schema))
    assert result.exit_code == 0, result.output
    assert "can be used" in result.stdout


def test_a_broken_schema_names_its_pointer(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"type": "object", "properties": {"age": {"type": "integr"}}}')
    error = machine("validate", str(path), status=2)["error"]
    assert error["pointer"].startswith("#/properties/age")
    result = run("validate", str(path))
    assert result.exit_code == 2
    assert "#/properties/age" in result.stderr
    assert "Traceback" not in result.output


def test_a_broken_regex_shows_a_caret(tmp_path: Path) -> None:
    path = tmp_path / "broken.regex"
    path.write_text("ab(c\n")
    error = machine("validate", str(path), status=2)["error"]
    assert (error["type"], error["line"]) == ("GrammarSyntaxError", 1)
    assert "^" in run("validate", str(path)).stderr


def test_a_broken_grammar_names_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "broken.lark"
    path.write_text('start: "a" b\n\nb: "x" |||\n  ( "y"\n')
    error = machine("validate", str(path), status=2)["error"]
    assert error["line"] >= 3
    assert error["column"] >= 1


def test_an_empty_language_is_unusable(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text('{"type": "integer", "minimum": 5, "maximum": 4}')
    assert machine("validate", str(path), status=2)["error"]["type"] == "EmptyLanguage"


def test_a_rule_that_nothing_reaches_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "spare.lark"
    path.write_text('start: "a"\nspare: "b"\n')
    findings = machine("validate", str(path), status=1)["findings"]
    assert any("spare" in finding["message"] for finding in findings)


def test_a_guard_is_a_note_and_no_finding(tmp_path: Path) -> None:
    path = tmp_path / "guarded.json"
    path.write_text('{"type": "array", "uniqueItems": true}')
    data = machine("validate", str(path))
    assert not data["exact"]
    assert data["residuals"] == [{"pointer": "#", "keyword": "uniqueItems"}]
    assert {finding["severity"] for finding in data["findings"]} == {"note"}
    decisions = {keyword["keyword"]: keyword["decision"] for keyword in data["keywords"]}
    assert decisions == {"type": "automaton", "uniqueItems": "guard"}


def test_the_report_on_a_schema(schema: Path) -> None:
    data = machine("validate", str(schema), "--profile", "generation")
    assert data["usable"]
    assert data["exact"]
    assert data["states"]["total"] >= data["states"]["subschemas"]["#/properties/age"] > 0
    assert data["defaults"]["order of members"] == "as declared"
    shown = run("validate", str(schema), "--profile", "generation").stdout
    assert "#/properties/age  type" in shown
    assert "the automaton decides everything" in shown


def test_a_lint_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text('{"type": "object", "requierd": ["a"], "additionalProperties": false}')
    (finding,) = machine("validate", str(path), status=1)["findings"]
    assert (finding["code"], finding["pointer"]) == ("misspelt-keyword", "#/requierd")
    assert "misspelt-keyword" in run("validate", str(path)).stdout
    brief = run("validate", str(path), "--input", "-", input="{}").stdout
    assert "misspelt-keyword" in brief
    assert "states" not in brief


def test_a_schema_is_reported_without_an_automaton(schema: Path) -> None:
    probe = (
        "import sys; from syntagma.cli import app\n"
        f"try: app(['validate', {str(schema)!r}])\n"
        "except SystemExit: print('syntagma.automata.pushdown' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_samples_of_a_schema(tmp_path: Path) -> None:
    path = tmp_path / "age.json"
    path.write_text('{"type": "integer", "minimum": 1, "maximum": 120}')
    data = machine("validate", str(path), "--sample", "4", "--seed", "1")
    samples = data["samples"]
    assert all(1 <= json.loads(text) <= 120 for text in samples["valid"])
    assert len(samples["valid"]) == len(samples["near_misses"]) == 4
    assert {miss["keyword"] for miss in samples["near_misses"]} == {"type", "minimum", "maximum"}
    assert machine("validate", str(path), "--sample", "4", "--seed", "1") == data
    shown = run("validate", str(path), "--sample", "2", "--seed", "1").stdout
    assert "Valid, at random:" in shown
    assert "Not valid, by one keyword:" in shown


def test_samples_of_a_grammar(tmp_path: Path) -> None:
    path = tmp_path / "few.regex"
    path.write_text("a{3}b?")
    assert sorted(machine("validate", str(path), "--sample", "5")["samples"]["valid"]) == ["aaa", "aaab"]


def test_a_valid_text(schema: Path, tmp_path: Path) -> None:
    text = tmp_path / "good.json"
    text.write_text('{\n  "age": 36\n}\n')
    assert machine("validate", str(schema), "--input", str(text))["input"] == {"line": 1, "valid": True}


def test_the_first_byte_that_fails(schema: Path, tmp_path: Path) -> None:
    text = tmp_path / "bad.json"
    text.write_text('{\n  "age": "old"\n}\n')
    mismatch = machine("validate", str(schema), "--input", str(text), status=1)["input"]["mismatch"]
    assert (mismatch["offset"], mismatch["line"], mismatch["column"]) == (11, 2, 10)
    assert mismatch["found"] == ord('"')
    assert ord("3") in mismatch["expected"]["bytes"]
    assert ord('"') not in mismatch["expected"]["bytes"]
    assert not mismatch["expected"]["end"]
    shown = run("validate", str(schema), "--input", str(text)).stdout
    assert 'line 2, column 10: found ", expected' in shown
    assert "\n  " + " " * 9 + "^\n" in shown


def test_a_text_that_ends_too_early(schema: Path) -> None:
    mismatch = machine("validate", str(schema), "--input", "-", status=1, input='{"age": 3')["input"]["mismatch"]
    assert mismatch["found"] is None
    assert mismatch["offset"] == 9
    assert ord("}") in mismatch["expected"]["bytes"]


def test_json_lines(schema: Path) -> None:
    lines = '{"age": 1}\n\n{"age": true}\n{"age": 2}\n{"agee": 2}\n'
    data = machine("validate", str(schema), "--input", "-", "--jsonl", status=1, input=lines)
    assert [(entry["line"], entry["valid"]) for entry in data["instances"]] == [
        (1, True), (3, False), (4, True), (5, False)
    ]  # fmt: skip
    shown = run("validate", str(schema), "--input", "-", "--jsonl", "--limit", "1", input=lines).stdout
    assert "line 3, column 9" in shown
    assert "line 5" not in shown
    assert "and 1 more" in shown
    assert "2 of 4 instances valid" in shown


def test_special_tokens_are_matched_by_name(tmp_path: Path) -> None:
    path = tmp_path / "call.lark"
    path.write_text('start: <|call|> "go"\n')
    assert machine("validate", str(path), "--input", "-", input="<|call|>go")["input"]["valid"]
    assert not machine("validate", str(path), "--input", "-", input="call go", status=1)["input"]["valid"]


def test_what_may_come_next() -> None:
    data = machine("explain", "ye", "--choice", "yes", "--choice", "yeah", "--choice", "no")
    assert data["fits"]
    assert bytes(data["expected"]["bytes"]) == b"as"
    assert not data["expected"]["end"]


def test_what_is_certain() -> None:
    assert machine("explain", "n", "--choice", "yes", "--choice", "nothing")["forced"] == "othing"


def test_a_prefix_that_does_not_fit() -> None:
    data = machine("explain", "yx", "--choice", "yes", status=1)
    assert (data["fits"], data["offset"]) == (False, 1)
    assert bytes(data["expected"]["bytes"]) == b"e"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explain", "x"], "Expected one of"),
        (["explain", "x", "--choice", "a", "--regex", "b"], "--regex and --choice"),
        (["explain", "x", "--choice", "a", "--token", "a"], "--token needs --tokenizer"),
        (["explain", "x", "--type", "json"], "MODULE:NAME"),
        (["explain", "x", "--type", "json:Nothing"], "Cannot find the type"),
        (["validate", "/no/such/file.json"], "there is no folder"),
        (["validate", __file__], "say --kind"),
        (["generate", "x", "--choice", "a", "--top-k", "3"], "--temperature above 0"),
    ],
)
def test_requests_that_cannot_be_met(words: list[str], message: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ")
    assert message in machine(*words, status=2)["error"]["message"]


@pytest.mark.parametrize("words", [["validate", "x.json", "--jsonl"], ["generate", "x", "--stream", "--json"]])
def test_options_that_exclude_each_other(words: list[str]) -> None:
    assert run(*words).exit_code == 2


def test_a_type_of_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "my_types.py").write_text(
        "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int\n    y: int\n"
    )
    words = [sys.executable, "-m", "syntagma", "explain", '{"x":1,', "--type", "my_types:Point", "--json"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True, env=os.environ)
    assert json.loads(done.stdout)["fits"]


def test_warmup_says_where_the_kernels_are() -> None:
    data = machine("warmup")
    assert data["kernels"] > 0
    assert Path(data["cache"]).is_dir()


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        (b"", []),
        (b"ab", ["a", "b"]),
        (b"abcxyz", ["a-c", "x-z"]),
        (b"89:;", ["8", "9", ":", ";"]),
        (bytes(range(0x80, 0xC0)), ["0x80-0xBF"]),
        (bytes(b for b in range(256) if b != 0x0A), ["any byte but", "newline"]),
    ],
)
def test_byte_sets_in_words(allowed: bytes, names: list[str]) -> None:
    assert byte_names(allowed) == names


PERSON = Path(__file__).resolve().parent.parent / "examples" / "person.json"
SENTENCE = "Our new programmer is Ada Lovelace, who is 36 years old and lives in London."
ANSWER = {"name": "Ada Lovelace", "age": 36, "city": "London"}


@pytest.fixture
def model() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")


@pytest.mark.usefixtures("model")
def test_generate_answers_with_a_receipt() -> None:
    data = machine("generate", "--schema", str(PERSON), SENTENCE)
    assert json.loads(data["text"]) == ANSWER
    assert data["finish_reason"] == "stop"
    assert data["receipt"]["accepted"]
    assert data["receipt"]["exact"]
    assert data["receipt"]["tokens_masked"] > 0
    assert data["logprob"] < 0


@pytest.mark.usefixtures("model")
def test_generate_streams_the_same_text_from_standard_input() -> None:
    result = run("generate", "--schema", str(PERSON), "--stream", input=SENTENCE)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == ANSWER


@pytest.mark.usefixtures("model")
def test_a_seed_repeats() -> None:
    words = ["generate", "--regex", "[a-z]{8}", "--temperature", "1", "--seed", "7", "Say something."]
    texts = {run(*words).stdout for _ in range(2)}
    assert len(texts) == 1


@pytest.mark.usefixtures("model")
def test_too_few_tokens_are_unusable() -> None:
    error = machine("generate", "--choice", "a" * 200, "--max-tokens", "2", "x", status=2)["error"]
    assert error["type"] == "SamplingError"


def test_references_lead_to_files_beside_the_schema(tmp_path: Path) -> None:
    (tmp_path / "person.json").write_text('{"type": "object", "properties": {"age": {"$ref": "parts/age.json"}}}')
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "age.json").write_text('{"type": "integer", "minimum": 0}')
    valid, invalid = tmp_path / "valid.jsonl", tmp_path / "invalid.jsonl"
    valid.write_text('{"age": 3}\n')
    invalid.write_text('{"age": -3}\n')
    path = str(tmp_path / "person.json")
    machine("validate", path, "--profile", "generation", "--input", str(valid), "--jsonl")
    machine("validate", path, "--profile", "generation", "--input", str(invalid), "--jsonl", status=1)
    texts = machine("sample", path, "-n", "3", "--seed", "1")["texts"]
    assert all(json.loads(text).get("age", 0) >= 0 for text in texts)
    (tmp_path / "parts" / "age.json").unlink()
    assert "beside the schema's file" in machine("validate", path, status=2)["error"]["message"]
