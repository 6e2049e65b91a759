"""Comparison of languages against enumeration by the definition."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from oracles.naive_grammar import language
from oracles.random_grammars import LETTERS, grammars, regular

import syntagma as sg
from syntagma.automata.comparison import compare
from syntagma.errors import EmptyLanguage, UnsupportedFeature
from syntagma.grammar import regular as dfa
from syntagma.grammar.ir import Expr, Grammar

LONGEST = 5


def first(texts: set[bytes]) -> bytes | None:
    return min(texts, key=lambda text: (len(text), text), default=None)


@settings(max_examples=60, deadline=None)
@given(grammars(), grammars())
def test_witnesses_are_the_shortest_there_are(left: Grammar, right: Grammar) -> None:
    a, b = language(left, LETTERS, LONGEST), language(right, LETTERS, LONGEST)
    try:
        result = compare(left, right, max_length=LONGEST)
    except (EmptyLanguage, UnsupportedFeature):
        assume(False)
    assert (result.only_left, result.only_right, result.common) == (first(a - b), first(b - a), first(a & b))
    assert result.equal == (a == b)
    assert result.included == (a <= b)
    assert result.disjoint == (not a & b)


@settings(max_examples=60, deadline=None)
@given(regular, regular)
def test_regular_grammars_are_compared_exactly(left: Expr, right: Expr) -> None:
    a, b = dfa.compile_regular(left), dfa.compile_regular(right)
    result = compare(Grammar("S", {"S": left}), Grammar("S", {"S": right}))
    assert result.exact
    assert result.equal == (a == b)
    assert result.included == dfa.is_empty(dfa.difference(a, b))
    assert result.only_left == dfa.shortest(dfa.difference(a, b))
    assert result.only_right == dfa.shortest(dfa.difference(b, a))
    assert result.common == dfa.shortest(dfa.intersect(a, b))


def test_differences_far_away_are_found() -> None:
    result = compare(sg.Regex("a{300}|b"), sg.Regex("a{0,300}|b"))
    assert result.exact
    assert result.included
    assert result.only_right == b""
    assert compare(sg.Regex("a{0,299}"), sg.Regex("a{0,300}")).only_right == b"a" * 300


def test_recursive_rules_that_are_regular_are_compared_exactly() -> None:
    left = sg.Lark('start: start "a" | "b"', lexer="dynamic")
    right = sg.Lark('start: "b" more\nmore: "a" more |\n', lexer="dynamic")
    assert compare(left, right).exact
    assert compare(left, right).equal


def test_context_free_grammars_are_compared_up_to_a_bound() -> None:
    nested = sg.Lark('start: "(" start ")" | "x"', lexer="dynamic")
    result = compare(nested, nested, max_length=20)
    assert result.equal
    assert not result.exact
    assert result.length == 20
    assert compare(nested, nested, limit=50).pairs <= 60


def test_guards_are_refused() -> None:
    with pytest.raises(UnsupportedFeature, match="uniqueItems"):
        compare(sg.JsonSchema({"uniqueItems": True}), sg.Regex("a"))
