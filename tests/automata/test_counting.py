"""Strings by length: counts, numbers and draws against enumeration by the definition."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from oracles.naive_grammar import language
from oracles.naive_lexer import words
from oracles.random_grammars import LETTERS, grammars

import syntagma as sg
from syntagma.automata.counting import Strings
from syntagma.errors import BudgetExceeded, EmptyLanguage, UnsupportedFeature
from syntagma.grammar.ir import Grammar

LONGEST = 6


def shortlex(texts: set[bytes]) -> list[bytes]:
    return sorted(texts, key=lambda text: (len(text), text))


def tail_of_chi_square(statistic: float, freedom: int) -> float:
    """An upper bound of the upper tail: Laurent and Massart 2000, lemma 1, solved for the probability."""
    excess = statistic - freedom
    if excess <= 0:
        return 1.0
    root = (math.sqrt(freedom + 2 * excess) - math.sqrt(freedom)) / 2
    return math.exp(-root * root)


@settings(max_examples=60, deadline=None)
@given(grammars())
def test_strings_are_those_of_the_definition_in_order(grammar: Grammar) -> None:
    expected = shortlex(language(grammar, LETTERS, LONGEST))
    try:
        strings = Strings(grammar, LONGEST)
    except (EmptyLanguage, UnsupportedFeature):
        assume(False)
    assert len(strings) == len(expected)
    assert [strings.unrank(i) for i in range(len(expected))] == expected
    assert [strings.rank(text) for text in expected] == list(range(len(expected)))
    with pytest.raises(IndexError):
        strings.unrank(len(expected))


def test_maximal_munch_counts() -> None:
    lark = sg.Lark('start: (A | B | "ab")*\nA: "a"+\nB: "ba"\n')
    strings = Strings(lark, 7)
    expected = shortlex(words(lark.grammar(), LETTERS, 7))
    assert [strings.unrank(i) for i in range(len(strings))] == expected


def test_counts_are_exact_big_integers() -> None:
    assert Strings(sg.Regex("[ab]*"), 200).count(200) == 2**200
    catalan = Strings(sg.Lark('start: ("(" start ")")*', lexer="dynamic"), 24)
    assert [catalan.count(2 * n) for n in range(13)] == [math.comb(2 * n, n) // (n + 1) for n in range(13)]


def test_json_schemas_count_too() -> None:
    schema = sg.JsonSchema({"type": "array", "items": {"enum": [0, 1]}, "maxItems": 20}, whitespace="compact")
    strings = Strings(schema, 41)
    assert len(strings) == 2**21 - 1
    assert strings.rank(b"[]") == 0


@pytest.mark.parametrize("length", [None, 5])
def test_draws_are_uniform(length: int | None) -> None:
    """Chi-square against the enumeration; false alarm below 1e-6 by the bound on the tail."""
    strings = Strings(sg.Lark('start: start start | "a" | "b" | "(" start ")"', lexer="dynamic"), 5)
    rng = random.Random(17)
    draws = Counter(strings.sample(rng, length) for _ in range(20_000))
    every = [strings.unrank(i) for i in range(len(strings))]
    share = {
        text: 1 / strings.count(len(text)) / (1 if length else len(strings.lengths))
        for text in every
        if length in (None, len(text))
    }
    assert set(draws) <= set(share)
    statistic = sum((draws[t] - 20_000 * p) ** 2 / (20_000 * p) for t, p in share.items())
    assert tail_of_chi_square(statistic, len(share) - 1) > 1e-6


def test_an_alphabet_keeps_to_its_bytes() -> None:
    strings = Strings(sg.Regex("[^x]{3}|é"), 3, alphabet=b"ab")
    assert len(strings) == 8
    assert strings.unrank(0) == b"aaa"


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(UnsupportedFeature, match="uniqueItems"):
        Strings(sg.JsonSchema({"type": "array", "uniqueItems": True}), 10)
    with pytest.raises(UnsupportedFeature, match="special token"):
        Strings(sg.Lark("start: <|end|>"), 10)
    with pytest.raises(BudgetExceeded, match="states of a count"):
        Strings(sg.Lark('start: "(" start ")" | "[" start "]" | "x"'), 41, limit=1000)
    strings = Strings(sg.Regex("aa?"), 9)
    for wrong in (b"b", b"", b"aaa", b"a" * 10):
        with pytest.raises(ValueError, match="Expected"):
            strings.rank(wrong)
    with pytest.raises(ValueError, match="has 3 bytes"):
        strings.sample(random.Random(0), 3)
    with pytest.raises(ValueError, match="0 to 9"):
        strings.count(10)
