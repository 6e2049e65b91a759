"""Witnesses: what is reckoned and guessed agrees with automata."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.grammar.fold import fold
from syntagma.grammar.jsonschema import witnesses
from syntagma.grammar.jsonschema.decimals import Range
from syntagma.grammar.jsonschema.facts import FRACTION, INTEGER, NUMBER, Numbers, Strings
from syntagma.grammar.jsonschema.scalars import string_body
from syntagma.grammar.jsonschema.strings import SHORTEST
from syntagma.grammar.regular import compile_regular, is_empty

_DIVISORS = st.sampled_from(["1", "2", "3", "4", "5", "0.5", "0.1", "1.5", "7", "0.25", "10"]).map(Decimal)
_BOUNDS = st.none() | st.integers(-30, 30).map(Decimal) | st.integers(-99, 99).map(lambda n: Decimal(n) / 4)
_RANGES = st.builds(Range, _BOUNDS, _BOUNDS, st.booleans(), st.booleans()).filter(lambda r: not r.is_empty)
_MULTIPLES = st.lists(st.tuples(_DIVISORS, st.booleans()), min_size=1, max_size=3).map(tuple)


@settings(max_examples=60, deadline=None)
@given(st.builds(Numbers, _RANGES, _MULTIPLES), st.sampled_from([INTEGER, FRACTION, NUMBER]))
def test_numbers_that_are_reckoned_with_are_those_that_automata_find(numbers: Numbers, types: int) -> None:
    assert witnesses._reckoned(numbers, types) in (None, witnesses._has_spelling(numbers, types))


def test_divisors_of_which_one_is_a_multiple_of_another_are_reckoned_with() -> None:
    multiples = ((Decimal(3), True), (Decimal(8), True), (Decimal("0.5"), False))
    assert not witnesses.has_number(Numbers(Range(), multiples), NUMBER)
    assert witnesses.has_number(Numbers(Range(Decimal(1)), ((Decimal(11), True), (Decimal(8), False))), NUMBER)


def _anchored(*patterns: tuple[str, bool], low: int = 0, high: int | None = None) -> Strings:
    return Strings(low, high, patterns)


@pytest.mark.parametrize(
    "strings",
    [
        _anchored(("^[a-z0-9_]+$", True), high=50),
        _anchored((r"^[a-zA-Z0-9\-]+(\s[a-zA-Z0-9\-]+)*$", True), low=1, high=64),
        _anchored((r"^[a-z]+$", True), low=7),
        _anchored((r"^[a-z]{3}$", True), low=4),
        _anchored((r"^(ab)*$", True), low=3, high=3),
        _anchored((r"^\./.+$", True), (r"^https?://.+$", True)),
        _anchored((r"^[0-7]{3,4}$", True), (r"^[0-4]?[0-7]{3}$", False)),
        _anchored((r"\.(json|png) *$", True), (r"\.\.[/]", False)),
        _anchored((r"^a", True), (r"a$", False), high=1),
        Strings(7, None, (), (("uri", True),)),
        Strings(0, None, (("^https?://", True),), (("uri", True),)),
        Strings(0, None, (), (("date", True), ("date", False))),
    ],
    ids=str,
)
def test_strings_are_found_where_automata_find_some(strings: Strings) -> None:
    body = string_body(strings, (), SHORTEST).sure
    assert body is not None
    found = not is_empty(compile_regular(body))
    assert witnesses.has_string(strings) == found
    assert found or not any(witnesses._satisfies(text, strings) for text in witnesses._guesses(strings))
    assert not found or fold(body, witnesses._start) != (0, False)
