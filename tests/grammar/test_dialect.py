"""Dialects told from the text."""

from __future__ import annotations

import pytest

from syntagma.errors import GrammarSyntaxError, UnsupportedFeature
from syntagma.grammar.dialect import read_grammar
from syntagma.grammar.ebnf import Ebnf
from syntagma.grammar.gbnf import Gbnf
from syntagma.grammar.lark import Lark

TEXTS = {
    'root ::= "a" | b\nb ::= [x-z]': Ebnf,
    '# a: b\nroot ::= "a"\n  "c"': Ebnf,
    'root ::= TagDispatch(("t", x))\nx ::= "y"': Ebnf,
    'root ::= . "a"': Gbnf,
    "root ::= <think> !</think>* </think>": Gbnf,
    'start: "a" | "b: c"': Lark,
    '?start: x{"a"}\nx{y}: y': Lark,
    "// root ::= x\nstart: A\nA.2: /a/": Lark,
    '%import common.INT\nstart: INT "::="': Lark,
    '%llguidance {}\nstart: "a"': Lark,
}


@pytest.mark.parametrize("text", TEXTS)
def test_the_dialect_is_told_from_the_text(text: str) -> None:
    assert type(read_grammar(text)) is TEXTS[text]


def test_dialect_and_start_may_be_given() -> None:
    assert read_grammar('x ::= "a"', dialect="gbnf", start="x") == Gbnf('x ::= "a"', "x")
    assert read_grammar('x ::= "a"', dialect="ebnf", start="x") == Ebnf('x ::= "a"', "x")
    assert read_grammar('x: "a"', dialect="lark", start="x") == Lark('x: "a"', "x")
    assert read_grammar('x ::= "a"', start="x") == Ebnf('x ::= "a"', "x")


def test_the_error_is_of_the_dialect_that_got_further() -> None:
    with pytest.raises(GrammarSyntaxError) as caught:
        read_grammar('root ::= "a"\n  "b" )')
    assert caught.value.line == 2
    with pytest.raises(UnsupportedFeature, match="Lookahead"):
        read_grammar('root ::= "a" (= "b")')


@pytest.mark.parametrize(
    ("text", "hint"), [("", "Expected a grammar"), ('{"type": "object"}', "JsonSchema"), ("[a-z]+", "Lark")]
)
def test_no_grammar_at_all(text: str, hint: str) -> None:
    with pytest.raises(GrammarSyntaxError, match=hint):
        read_grammar(text)
