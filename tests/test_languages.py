"""Benchmark: Lark text with its templates written out is the same language, and llguidance's Lark has the syntax."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

import syntagma as sg
from syntagma.backends.commands.text_check import compile_for_bytes, first_mismatch

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def languages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("languages")


def test_a_rule_for_every_use(languages: ModuleType) -> None:
    text = 'start: pair{A} | pair{B}+\npair{a}: "(" a\n    | a "," a ")"\nA: "x"\nB: "y"\n'
    assert languages.written_out(text) == (
        'start: pair0 | pair1+\npair0: "(" A\n    | A "," A ")"\npair1: "(" B\n    | B "," B ")"\nA: "x"\nB: "y"\n'
    )


def test_only_python_has_templates(languages: ModuleType) -> None:
    texts = {name: (languages.FOLDER / f"{name}.lark").read_text("utf-8") for name in languages.LANGUAGES}
    assert [name for name, text in texts.items() if languages.written_out(text) != text] == ["python"]


def test_python_written_out_is_the_same_language(languages: ModuleType) -> None:
    text = (languages.FOLDER / "python.lark").read_text("utf-8")
    template, plain = (compile_for_bytes(sg.Lark(t).grammar()) for t in (text, languages.written_out(text)))
    sample = languages.long_text("python").encode()
    assert first_mismatch(plain, sample) is None
    broken = [
        sample.replace(*change, 1) for change in [(b"        try", b"      try"), (b"else:", b"elif:"), (b"]", b"")]
    ]
    for each in [*broken, b"if a:\n    b\nelse:\n    try: c\n    finally: d", b"try: a\nelse: b"]:
        assert str(first_mismatch(plain, each)) == str(first_mismatch(template, each))


def test_llguidance_reads_what_is_written_out(languages: ModuleType) -> None:
    llguidance = pytest.importorskip("llguidance", reason="install syntagma[bench]")
    for name in languages.LANGUAGES:
        text = languages.written_out((languages.FOLDER / f"{name}.lark").read_text("utf-8"))
        grammar = llguidance.LLMatcher.grammar_from_lark(text)
        assert not llguidance.LLMatcher.validate_grammar(grammar), name
