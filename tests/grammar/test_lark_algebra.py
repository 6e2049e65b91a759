"""Terminals of Lark with `&` and `~` against sets of texts, and what they refuse."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.backends.commands.text_check import compile_for_bytes, first_mismatch
from syntagma.errors import BudgetExceeded, GrammarError, GrammarSyntaxError, UnsupportedFeature
from syntagma.grammar.ir import Lexeme
from syntagma.grammar.lark import Lark
from syntagma.grammar.regular import accepts, compile_regular

WORDS = ["".join(letters) for n in range(5) for letters in itertools.product("ab", repeat=n)]
ALL = frozenset(WORDS)

#: A terminal's expression, as nested tuples.
Tree = tuple[Any, ...]


def trees() -> st.SearchStrategy[Tree]:
    leaves = st.sampled_from([("lit", "a"), ("lit", "ab"), ("re", "[ab]"), ("re", "a*b"), ("re", "[ab]{2,3}")])

    def more(kids: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        binary = st.tuples(st.sampled_from(["|", "&", "."]), kids, kids)
        return binary | st.tuples(st.sampled_from(["~", "*", "?", "~+"]), kids)

    return st.recursive(leaves, more, max_leaves=6)


def written(tree: Tree) -> str:
    match tree:
        case ("lit", text):
            return f'"{text}"'
        case ("re", pattern):
            return f"/{pattern}/"
        case ("|" | "&" as operator, left, right):
            return f"({written(left)} {operator} {written(right)})"
        case (".", left, right):
            return f"({written(left)} {written(right)})"
        case ("~", kid):
            return f"~{written(kid)}" if kid[0] in ("lit", "re") else f"~({written(kid)})"
        case ("~+", kid):
            return f"(~({written(kid)})+)"
        case (operator, kid):
            return f"({written(kid)}){operator}"
    raise AssertionError(tree)


def language(tree: Tree) -> frozenset[str]:
    """The words of at most four letters."""
    match tree:
        case ("lit", text):
            return frozenset([text])
        case ("re", "[ab]"):
            return frozenset("ab")
        case ("re", "a*b"):
            return frozenset("a" * n + "b" for n in range(4))
        case ("re", _):
            return frozenset(word for word in WORDS if 2 <= len(word) <= 3)
        case ("|", left, right):
            return language(left) | language(right)
        case ("&", left, right):
            return language(left) & language(right)
        case (".", left, right):
            return product(language(left), language(right))
        case ("~", kid):
            return ALL - language(kid)
        case ("?", kid):
            return language(kid) | {""}
        case ("~+", kid):
            return plus(ALL - language(kid))
        case ("*", kid):
            return plus(language(kid)) | {""}
    raise AssertionError(tree)


def product(left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    return frozenset(a + b for a in left for b in right if len(a + b) <= 4)


def plus(words: frozenset[str]) -> frozenset[str]:
    found = words
    while (more := found | product(found, words)) != found:
        found = more
    return found


@settings(max_examples=150, deadline=None)
@given(trees())
def test_operators_are_those_of_sets(tree: Tree) -> None:
    # The mark in front keeps the terminal from being empty.
    grammar = Lark(f'start: T\nT: "<" ({written(tree)})').grammar()
    terminal = grammar.rules["T"]
    assert isinstance(terminal, Lexeme)
    dfa = compile_regular(terminal.expr)
    found = {word for word in WORDS if accepts(dfa, b"<" + word.encode())}
    assert found == language(tree), written(tree)


CASES = {
    "start: W\nW: /[a-z]+/ & ~/if|else/": (["ifs", "a"], ["if", "else", ""]),
    'start: A\nA: "a" "b" & /../ | "c"': (["ab", "c"], ["abc", "a"]),
    'start: A\nA: "x" ~"a"+': (["x", "xab", "xaa"], ["y"]),
    'start: "<" A ">"\nA: /[a-z \\n]+/ & ~/(?s:.*)\\n\\n(?s:.*)/': (["<a\nb>"], ["<a\n\nb>", "<>"]),
    'start: A "b"\nA: B & C\nB: /[a-z]+/\nC: /.{2}/\n%ignore " "': (["aa b", "  xyb"], ["a b", "aaa b"]),
    'start: A\nA: "q" %regex {"substring_chars": "abc"} & /.{2,3}/': (["qa", "qbc"], ["q", "qac", "qabc"]),
    'start: A\nA: "q" %regex {"substring_words": "to be"} "!"': (["qto!", "q be!", "q!"], ["qt!"]),
    "start: A\nA: /é+/ & ~/éé/": (["é", "ééé"], ["éé"]),
    "start: A | B\nA: /[ab]+/ & ~B\nB: /a+/": (["ab", "a"], [""]),
    'start: "a"~2 A~1..2\nA: "b"': (["aab", "aabb"], ["aa"]),
    "%import common.LETTER\nstart: A\nA: LETTER & ~/[aeiou]/": (["b"], ["a", "1"]),
}


@pytest.mark.parametrize("text", CASES)
def test_accepted_and_rejected(text: str) -> None:
    for lexer in ("longest", "dynamic"):
        auto = compile_for_bytes(Lark(text, lexer=lexer).grammar())
        accepted, rejected = CASES[text]
        assert [each for each in accepted if first_mismatch(auto, each.encode()) is not None] == []
        assert [each for each in rejected if first_mismatch(auto, each.encode()) is None] == []


def test_as_llguidance() -> None:
    llguidance = pytest.importorskip("llguidance")
    text = 'start: A ";"\nA: /[a-c]+/ & ~/(?s:.*)bb(?s:.*)/ | "x" & /./ | ~/[^;]{2,}|[a-c]?/ & /[d-f]+/'
    tokenizer = llguidance.LLTokenizer("byte")
    auto = compile_for_bytes(Lark(text, lexer="dynamic").grammar())
    for word in ["abc;", "abbc;", "x;", "xx;", "dd;", "d;", ";", "a;"]:
        matcher = llguidance.LLMatcher(tokenizer, llguidance.LLMatcher.grammar_from_lark(text))
        theirs = all(matcher.consume_token(byte) for byte in word.encode()) and matcher.is_accepting()
        assert (first_mismatch(auto, word.encode()) is None) == theirs, word


WRONG = {
    'start: A & B\nA: "a"\nB: "b"': (UnsupportedFeature, "`&` works on terminals only", 1, 10),
    'start: ~"a"': (UnsupportedFeature, "`~` works on terminals only", 1, 8),
    'start: A\nA: "a" &': (GrammarSyntaxError, "both sides of `&`", 2, 1),
    'start: A\nA: "a" ~': (GrammarSyntaxError, "behind `~`", 2, 1),
    'start: A\nA: & "a"': (GrammarSyntaxError, "both sides of `&`", 2, 1),
    'start: A\nA: ~"a"': (GrammarSyntaxError, "may match the empty string", 2, 1),
    "start: A\nA: /a*?b/ & /.*/": (UnsupportedFeature, "lazy quantifier", 2, 1),
    'start: A\nA: "a" & @b': (GrammarSyntaxError, "Rules aren't allowed inside terminals (`@b`", 2, 10),
    'start: "a" @b': (GrammarSyntaxError, "Expected a grammar `b` in `grammars=`, known there: none", 1, 12),
}


@pytest.mark.parametrize("text", WRONG)
def test_errors_have_a_position(text: str) -> None:
    kind, message, line, column = WRONG[text]
    with pytest.raises(kind) as caught:
        Lark(text).grammar()
    assert isinstance(caught.value, GrammarError)
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_long_substring_is_for_a_rule() -> None:
    with pytest.raises(BudgetExceeded, match="use it in a rule"):
        Lark(f'start: A\nA: "q" %regex {{"substring_chars": "{"abc" * 100}"}}').grammar()
