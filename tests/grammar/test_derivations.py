"""Derivations by length, and intersection with a regular language, against enumeration by the definition."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from oracles.naive_grammar import language
from oracles.naive_regular import matches as regular_matches
from oracles.random_grammars import LETTERS, grammars, regular

import syntagma as sg
from syntagma.errors import BudgetExceeded, EmptyLanguage, UnsupportedFeature
from syntagma.grammar.derivations import Derivations
from syntagma.grammar.intersection import intersect, shortest_common
from syntagma.grammar.ir import Expr, Grammar

LONGEST = 4


@settings(max_examples=80, deadline=None)
@given(grammars())
def test_derivations_add_up_to_the_strings(grammar: Grammar) -> None:
    texts = language(grammar, LETTERS, LONGEST)
    try:
        ways = Derivations(grammar)
    except (EmptyLanguage, UnsupportedFeature):
        assume(False)
    for length in range(LONGEST + 1):
        several = {text: ways.multiplicity(text) for text in texts if len(text) == length}
        assert all(several.values())
        assert ways.count(length) == sum(several.values())
        if ways.count(length) <= 200:
            found = Counter(ways.unrank(length, i) for i in range(ways.count(length)))
            assert found == several
        for text, number in several.items():
            if number == 1:
                assert ways.unrank(length, ways.rank(text)) == text
    assert ways.multiplicity(b"abc") == 0


@settings(max_examples=80, deadline=None)
@given(grammars(), regular)
def test_intersection_is_the_definition(grammar: Grammar, expr: Expr) -> None:
    expected = {text for text in language(grammar, LETTERS, LONGEST) if regular_matches(expr, text)}
    both = intersect(grammar, expr)
    if len(both.rules) < 80:
        assert language(both, LETTERS, LONGEST) == expected
    shortest = shortest_common(grammar, expr)
    if expected:
        assert shortest is not None
        assert len(shortest) == min(map(len, expected))
        assert shortest in expected
    elif shortest is not None:
        assert len(shortest) > LONGEST


def test_nested_text_that_is_deep_is_found_at_once() -> None:
    nested = sg.Lark('start: "(" start ")" | "x"', lexer="dynamic").grammar()
    wanted = sg.Regex(r"\({60}.*").grammar()
    assert shortest_common(nested, wanted.rules[wanted.start]) == b"(" * 60 + b"x" + b")" * 60
    unbalanced = sg.Regex(r"\({3}x\){2}").grammar()
    assert shortest_common(nested, unbalanced.rules[unbalanced.start]) is None
    with pytest.raises(BudgetExceeded):
        intersect(nested, wanted.rules[wanted.start], limit=10)


def test_counts_stay_polynomial_where_stacks_do_not() -> None:
    brackets = sg.Lark('start: ("(" start ")" | "[" start "]")*', lexer="dynamic").grammar()
    ways = Derivations(brackets)
    catalan = [1, 1, 2, 5, 14, 42]
    assert [ways.count(2 * n) for n in range(6)] == [c * 2**n for n, c in enumerate(catalan)]
    assert ways.count(120) > 10**40
    text = ways.unrank(120, ways.count(120) // 3)
    assert ways.rank(text) == ways.count(120) // 3


def test_draws_from_an_ambiguous_grammar_are_uniform_over_strings() -> None:
    """16 strings, 2,000 draws: a count off by 75 has probability below 6e-9 (Bernstein), each."""
    grammar = sg.Lark('start: start start | "a" | "b"', lexer="dynamic").grammar()
    ways = Derivations(grammar)
    rng = random.Random(5)
    draws = Counter(ways.sample(rng, 4) for _ in range(2000))
    assert len(draws) == 16
    assert all(abs(count - 125) < 75 for count in draws.values())


def test_draws_can_be_filtered_and_give_up() -> None:
    ways = Derivations(sg.Regex("[ab]*").grammar(), alphabet=b"b")
    assert ways.sample(random.Random(0), 3) == b"bbb"
    with pytest.raises(BudgetExceeded, match="draws"):
        ways.sample(random.Random(0), 3, keep=lambda text: False, tries=10)
    with pytest.raises(ValueError, match="exactly one"):
        Derivations(sg.Lark('start: start start | "a"', lexer="dynamic").grammar()).rank(b"aaaa")
    with pytest.raises(IndexError):
        ways.unrank(2, 1)
