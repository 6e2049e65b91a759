"""XGrammar's EBNF: what differs from GBNF, its macros, and what is refused by name."""

from __future__ import annotations

import pytest
from oracles.naive_grammar import matches

from syntagma.errors import GrammarSyntaxError, UnsupportedFeature
from syntagma.grammar.ebnf import Ebnf, EbnfWarning
from syntagma.grammar.ir import Token

#: Text of a grammar -> texts that it accepts, texts that it rejects.
PIECES = {
    'root ::= "a" |\n "b"\n  "c"\n': (["a", "bc"], ["b"]),
    'root ::= "a"\n\n"b" # c\n| "d"': (["ab", "d"], ["a"]),
    'root ::= a-b.c\n  a-b.c ::= "x"': (["x"], [""]),
    'root ::= x\nx ::= "a" y\ny ::= ""': (["a"], [""]),
    r'root ::= "\x1F600\/\?" "\e\0\'"': (["\U0001f600/?\x1b\0'"], ["a"]),
    r"root ::= [\-\]a\.] [^]": (["-x", "]\n", "a🙂", "..."[:2]], ["x", "b-"]),
    'root ::= ( ) "a"': (["a"], [""]),
    'root ::= ("a"+)+': (["a", "aa"], [""]),
    'root ::= "a" {2,3}': (["aa", "aaa"], ["a"]),
    'root ::= root "a" | "a"': (["a", "aaa"], [""]),
}


@pytest.mark.parametrize("text", PIECES)
def test_the_syntax(text: str) -> None:
    accepted, rejected = PIECES[text]
    grammar = Ebnf(text).grammar()
    assert [each for each in accepted if not matches(grammar, each.encode())] == []
    assert [each for each in rejected if matches(grammar, each.encode())] == []


CALLS = '(("<t>", x), ("<u>", y){})\nx ::= "X"\ny ::= "Y"'


def test_tag_dispatch() -> None:
    grammar = Ebnf("root ::= TagDispatch" + CALLS.format("")).grammar()
    for text in ["", "free <t", "a<t>X b<u>Y", "<t>X<t>X<", "é<u>Y"]:
        assert matches(grammar, text.encode()), text
    for text in ["<t>", "<t>Y", "a<u>X", "<t>X<u>"]:
        assert not matches(grammar, text.encode()), text


def test_tag_dispatch_once_and_with_words_excluded() -> None:
    once = Ebnf("root ::= TagDispatch" + CALLS.format(", loop_after_dispatch=false")).grammar()
    assert matches(once, b"a<t>X")
    assert matches(once, b"a<")
    assert not matches(once, b"a<t>X.")
    without = Ebnf("root ::= TagDispatch" + CALLS.format(', excludes=("</a>", "bad",)')).grammar()
    assert matches(without, b"ba<t>X</a")
    assert not matches(without, b"bad<t>X")
    assert not matches(without, b"<t>X</a>")


def test_tokens() -> None:
    grammar = Ebnf("root ::= Token(1, 2, 1) ExcludeToken(3)* Token(3)").grammar()
    one, two, three = (Token(id=i) for i in (1, 2, 3))
    assert matches(grammar, [one, *b"text", three])
    assert matches(grammar, [two, three])
    assert not matches(grammar, [one, two, three])


def test_token_dispatch() -> None:
    text = 'root ::= TokenTagDispatch((1, x), loop_after_dispatch=%s, excludes=(2,))\nx ::= "X"'
    one, two = Token(id=1), Token(id=2)
    loop, once = Ebnf(text % "true").grammar(), Ebnf(text % "false").grammar()
    assert matches(loop, [*b"a", one, *b"X b", one, *b"X"])
    assert matches(once, [*b"a", one, *b"X"])
    assert not matches(once, [one, *b"X b"])
    assert not matches(loop, [two])
    assert not matches(loop, [one, *b"Y"])


#: Text -> what the message says, line, column.
REFUSED = {
    'root ::= "a" (= "b")': ("Lookahead", 1, 14),
    'root ::= Foo("x")': ("macro `Foo`", 1, 10),
    'root[lazy=1] ::= "x"': ("option", 1, 5),
    "root ::= ExcludeToken(1)": ("free text", 1, 10),
    "root ::= ExcludeToken(1){2,3}": ("free text", 1, 10),
    'root ::= TagDispatch(("a", root), stop_eos=true)': ("`stop_eos`", 1, 35),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_by_name(text: str) -> None:
    message, line, column = REFUSED[text]
    with pytest.raises(UnsupportedFeature) as caught:
        Ebnf(text).grammar()
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


ERRORS = {
    'root ::= "a"++': "parentheses",
    'root ::= "a\n"': "close the string",
    r"root ::= [\d]": r"got `\d`",
    'root ::= "a" root ::= "b"': "the start of a line",
    'root ::= "a" {,4}': "bounds such as",
    'root ::= TagDispatch(("", root))': "triggers that are not empty",
    'root ::= TagDispatch(("ab", root), excludes=("a"))': "hold nothing excluded",
    "root ::= TagDispatch()": "a trigger with its rule",
    'root ::= TagDispatch(("a", b))': "definition of the rule `b`",
    "root ::= Token()": "id of a token",
    "root ::= Token(a)": "id of a token",
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    with pytest.raises(GrammarSyntaxError, match=ERRORS[text].replace("\\", r"\\")):
        Ebnf(text).grammar()


def test_a_temperature_is_ignored_with_a_warning() -> None:
    with pytest.warns(EbnfWarning, match="temperature of rule `root`"):
        grammar = Ebnf('root[temperature=0.7] ::= "a"').grammar()
    assert matches(grammar, b"a")
