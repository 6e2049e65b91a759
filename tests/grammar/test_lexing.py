"""Lexing taken away: where it is not refused, the language is the engine's with lexemes."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.backends.commands.text_check import compile_for_bytes, first_mismatch
from syntagma.errors import GrammarError, UnsupportedFeature
from syntagma.grammar.convert import convert
from syntagma.grammar.ir import Grammar
from syntagma.grammar.lark import Lark
from syntagma.grammar.lexing import without_lexemes

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "grammars"
#: Texts over what the terminals below read.
TEXTS = ["".join(letters) for n in range(5) for letters in itertools.product("ab ", repeat=n)]


def accepted(grammar: Grammar, texts: list[str]) -> list[str]:
    auto = compile_for_bytes(grammar)
    return [text for text in texts if first_mismatch(auto, text.encode()) is None]


TERMINALS = ['"a"', '"b"', '"ab"', "/a+/", "/b+/", "/[ab]/", "/a+b/", "/ b/", '"a" " "']
IGNORED = ["", '" "', "/ +/", "/  /", "/ ?b/", "/ +| b/"]
BODIES = ["T U", "T+", "(T U)*", "T | U T", 'T ["b"] U', "T U? T", "T ~ 2"]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TERMINALS), st.sampled_from(TERMINALS), st.sampled_from(IGNORED), st.sampled_from(BODIES))
def test_what_is_not_refused_is_the_same_language(one: str, two: str, ignored: str, body: str) -> None:
    text = f"start: {body}\nT: {one}\nU: {two}\n" + (f"%ignore {ignored}\n" if ignored else "")
    try:
        with_lexemes = Lark(text).grammar()
        plain = without_lexemes(with_lexemes)
    except GrammarError:
        return
    assert accepted(plain, TEXTS) == accepted(with_lexemes, TEXTS), text


@pytest.mark.parametrize(
    "ignored", ["/ +/", '" "', "/#[^x]*x/ | / /", "/#[^x12]*/ | /x| /", '"("', "/a?b/ | /a/", "/aa?/ | /aab/"]
)
def test_ignored_text_may_be_cut_in_several_ways(ignored: str) -> None:
    text = f'start: "1" "2"?\n%ignore {ignored}\n'
    grammar = Lark(text).grammar()
    letters = sorted(set(ignored) & set(" #xab(")) or [" "]
    texts = ["1" + "".join(x) + y for n in range(5) for x in itertools.product(letters, repeat=n) for y in ("", "2")]
    try:
        plain = without_lexemes(grammar)
    except UnsupportedFeature:
        plain = without_lexemes(grammar, check=False)
        assert set(accepted(grammar, texts)) <= set(accepted(plain, texts))
        assert ignored == "/aa?/ | /aab/"
        return
    assert accepted(plain, texts) == accepted(grammar, texts)


@pytest.mark.parametrize("name", ["arithmetic", "json", "csv"])
@pytest.mark.parametrize("to", ["gbnf", "lark"])
def test_examples_with_ignored_text_are_converted(name: str, to: str) -> None:
    grammar = Lark((EXAMPLES / f"{name}.lark").read_text()).grammar()
    sample = (EXAMPLES / f"{name}.txt").read_text()
    texts = [sample, *(sample[:k] + sample[k + 1 :] for k in range(0, len(sample), 7)), sample[: len(sample) // 2]]
    again = convert(grammar, to).grammar()  # type: ignore[call-overload]
    assert accepted(again, texts) == accepted(grammar, texts)


def test_refusals_show_a_text_and_a_way() -> None:
    keywords = 'start: "if" NAME | NAME\nNAME: /[a-z]+/\n%ignore " "'
    with pytest.raises(UnsupportedFeature, match=r"compete, see 'if'.*--lexer dynamic"):
        convert(Lark(keywords), "gbnf")
    with pytest.raises(UnsupportedFeature, match="see 'aa'"):
        convert(Lark("start: A A\nA: /a+/"), "regex")
    assert accepted(convert(Lark(keywords), "gbnf", lexer="dynamic").grammar(), ["ifx", "if x", "if"]) == [
        *("ifx", "if x", "if")
    ]
    assert convert(Lark(keywords), "lark", lexer="dynamic").lexer == "dynamic"


def test_a_budget_of_tokens_is_not_printed() -> None:
    with pytest.raises(UnsupportedFeature, match="budget of tokens"):
        convert(Lark("start: x\nx[max_tokens=3]: /[a-z]+/"), "gbnf")


@pytest.mark.parametrize("name", ["sql"])
def test_languages_with_keywords_say_so(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        grammar = Lark((EXAMPLES / f"{name}.lark").read_text()).grammar()
    with pytest.raises(UnsupportedFeature, match="compete"):
        convert(grammar, "gbnf")
    sample = (EXAMPLES / f"{name}.txt").read_text().splitlines(keepends=True)[0]
    assert set(accepted(grammar, [sample])) <= set(
        accepted(convert(grammar, "gbnf", lexer="dynamic").grammar(), [sample])
    )
