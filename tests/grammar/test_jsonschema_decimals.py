"""Ranges and multiples of plain decimals: the regular expressions against exact arithmetic."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import referencing
import referencing.jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_grammar import matches

from syntagma.errors import EmptyLanguage
from syntagma.grammar.dfa import from_machine
from syntagma.grammar.ir import Expr
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.jsonschema.decimals import Range, decimals
from syntagma.grammar.jsonschema.multiples import is_multiple, multiples_of, restrict
from syntagma.grammar.jsonschema.scalars import decimal_literal
from syntagma.grammar.regular import accepts, compile_regular

_BOUNDS = st.none() | st.sampled_from(
    [Decimal(x) for x in ["0", "1", "-1", "10", "99", "-100", "0.5", "-0.5", "1.25", "-12.34", "0.05", "100.5"]]
)
_DIGITS = st.text("0159", min_size=1, max_size=3)
_TEXTS = st.builds(
    lambda sign, whole, fraction: sign + (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else ""),
    st.sampled_from(["", "-"]),
    _DIGITS,
    st.just("") | _DIGITS,
)


@settings(max_examples=150, deadline=None)
@given(_BOUNDS, _BOUNDS, st.booleans(), st.booleans(), st.lists(_TEXTS, min_size=8, max_size=20))
def test_every_spelling_within_bounds(
    low: Decimal | None, high: Decimal | None, low_open: bool, high_open: bool, texts: list[str]
) -> None:
    bounds = Range(low, high, low is not None and low_open, high is not None and high_open)
    if bounds.is_empty:
        return
    dfa = compile_regular(decimals(bounds, whole=True, fractional=True, every=True))
    for text in texts:
        assert bool(accepts(dfa, text.encode())) == (Decimal(text) in bounds), text


@settings(max_examples=60, deadline=None)
@given(_BOUNDS, _BOUNDS, st.booleans(), st.lists(_TEXTS, min_size=8, max_size=20))
def test_short_spellings_within_bounds(
    low: Decimal | None, high: Decimal | None, whole: bool, texts: list[str]
) -> None:
    bounds = Range(low, high)
    if bounds.is_empty:
        return
    dfa = compile_regular(decimals(bounds, whole=True, fractional=not whole, every=False))
    for text in texts:
        value = Decimal(text)
        right = value in bounds and not (text.startswith("-") and value == 0) and not (whole and "." in text)
        assert bool(accepts(dfa, text.encode())) == right, text


def test_short_numbers_have_at_most_twenty_digits() -> None:
    dfa = compile_regular(decimals(Range(), whole=True, fractional=True, every=False))
    for text in ("1" * 20, "-" + "9" * 20, "0." + "1" * 19, "1" * 10 + "." + "1" * 10):
        assert accepts(dfa, text.encode())
    for text in ("1" * 21, "0." + "1" * 20, "1" * 11 + "." + "1" * 10, "1e5", "01", "1.", ".5"):
        assert not accepts(dfa, text.encode())


def test_fractions_alone_and_integers_of_draft_4() -> None:
    fractions = compile_regular(decimals(Range(), whole=False, fractional=True, every=True))
    assert accepts(fractions, b"1.50")
    assert not accepts(fractions, b"1.0")
    assert not accepts(fractions, b"2")
    integers = compile_regular(decimals(Range(), whole=True, fractional=False, every=True, zero_fraction=False))
    assert accepts(integers, b"-0")
    assert not accepts(integers, b"1.0")


@pytest.mark.parametrize(
    "divisor",
    ["1", "2", "5", "10", "4", "8", "25", "100", "1000", "0.1", "0.01", "0.5", "0.25", "0.125", "2.5", "20", "0.02"],
)
def test_multiples(divisor: str) -> None:
    expr = multiples_of(Decimal(divisor))
    assert isinstance(expr, Expr)
    dfa = compile_regular(expr)
    for n in range(0, 60_000, 7):
        for text in (str(n), f"{n // 1000}.{n % 1000:03d}", f"-{n // 100}.{n % 100:02d}00"):
            right = (Fraction(text) / Fraction(divisor)).denominator == 1
            assert bool(accepts(dfa, text.encode())) == right, text


@pytest.mark.parametrize("divisor", ["3", "7", "0.3", "2.1", "0.33", "333", "12", "384"])
def test_remainders(divisor: str) -> None:
    """Machines of remainders agree with fractions, for multiples and for all else."""
    assert multiples_of(Decimal(divisor)) is None
    plain = decimals(Range(), whole=True, fractional=True, every=True)
    yes, no = (restrict(plain, ((Decimal(divisor), holds),)) for holds in (True, False))
    assert yes is not None
    assert no is not None
    of, other = from_machine(yes), from_machine(no)
    for n in (*range(0, 3_000, 7), *range(333, 30_000, 333)):
        for text in (str(n), f"{n // 100}.{n % 100:02d}", f"-{n}.000", f"{n // 10}.{n % 10}0"):
            right = (Fraction(text) / Fraction(divisor)).denominator == 1
            assert (bool(accepts(of, text.encode())), bool(accepts(other, text.encode()))) == (right, not right), text
    assert not accepts(of, b"1.") | accepts(of, b"") | accepts(of, b"-") | accepts(of, b"00")


_NUMBERS = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(digits), exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=25),
    st.integers(-60, 60),
)


@settings(max_examples=500, deadline=None)
@given(_NUMBERS, _NUMBERS.filter(bool), st.integers(0, 10**12))
def test_multiples_agree_with_fractions(number: Decimal, divisor: Decimal, times: int) -> None:
    assert is_multiple(number, divisor) == ((Fraction(number) / Fraction(divisor)).denominator == 1)
    product = Decimal(times) * Decimal((0, divisor.as_tuple().digits[:12], int(divisor.as_tuple().exponent)))
    factor = Decimal((1, divisor.as_tuple().digits[:12], int(divisor.as_tuple().exponent)))
    assert not factor or is_multiple(product, factor)


@pytest.mark.parametrize(
    ("number", "divisor", "right"),
    [
        ("0e999999999", "7", True),
        ("1e999999999999", "15", False),
        ("3e999999999999", "15", True),
        ("1e-999999999999", "1e-999999999999", True),
        ("1e-999999999999", "1e999999999999", False),
        ("9" * 10_000, "9", True),
        ("9" * 9_999 + "8", "9", False),
        ("0", "0", True),
        ("1", "0", False),
    ],
)
def test_multiples_of_extreme_size(number: str, divisor: str, right: bool) -> None:
    assert is_multiple(Decimal(number), Decimal(divisor)) == right


#: What a float takes for zero, a multiple with an exponent, and a number that is no multiple.
_SMALL, _YES, _NO = b"5.4e-3423", b"3e1", b"3.1e1"
_META = {
    "$id": "https://example.com/no-validation",
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/core": True},
}
_REGISTRY = referencing.Registry[Any]().with_resources(
    (str(schema["$id"]), referencing.jsonschema.DRAFT202012.create_resource(schema))
    for schema in (
        _META,
        {"$id": "https://example.com/multiples", "$defs": {"m": {"multipleOf": 15}}},
        {
            "$id": "https://example.com/draft-4",
            "$schema": "http://json-schema.org/draft-04/schema#",
            "definitions": {"m": {"multipleOf": 15}},
        },
    )
)


@pytest.mark.parametrize(
    "schema",
    [
        {"multipleOf": 15},
        {"$ref": "https://example.com/multiples#/$defs/m"},
        {"$ref": "https://example.com/draft-4#/definitions/m"},
        {"$ref": "#/$defs/inner", "$defs": {"inner": {"$id": "https://example.com/inner", "multipleOf": 15}}},
        {"$dynamicRef": "#m", "$defs": {"m": {"$dynamicAnchor": "m", "multipleOf": 15}}},
        {"not": {"not": {"allOf": [{"multipleOf": 15}]}}},
        {"$schema": "http://json-schema.org/draft-04/schema#", "multipleOf": 15},
    ],
    ids=str,
)
def test_the_validator_divides_exactly_wherever_the_keyword_stands(schema: Any) -> None:
    constraint = JsonSchema(schema, "spec", registry=_REGISTRY)
    assert [constraint.validates(text) for text in (_SMALL, _YES, _NO, b"0", b"true", b'"x"')] == [
        *(False, True, False, True, True, True)
    ]


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": _META["$id"], "multipleOf": 15},
        {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/x", "multipleOf": 15}
        | {"definitions": {"x": {}}},
        {"properties": {"multipleOf": {"type": "integer"}}},
    ],
    ids=["vocabulary left out", "beside draft 7's $ref", "as a member"],
)
def test_where_it_is_no_keyword_nothing_is_divided(schema: Any) -> None:
    constraint = JsonSchema(schema, "spec", registry=_REGISTRY)
    assert constraint.validates(_NO)
    assert constraint.validates(b'{"multipleOf":31}')


def test_the_validator_names_the_keyword() -> None:
    (error,) = JsonSchema({"properties": {"a": {"multipleOf": 0.01}}}).errors({"a": Decimal("0.075")})
    assert list(error.schema_path) == ["properties", "a", "multipleOf"]
    assert "0.075 is not a multiple of 0.01" in error.message


@pytest.mark.parametrize("divisor", ["1e-40", "100003", "1024"])
def test_multiples_that_are_left_to_guards(divisor: str) -> None:
    plain = decimals(Range(), whole=True, fractional=True, every=True)
    assert multiples_of(Decimal(divisor)) is None
    assert restrict(plain, ((Decimal(divisor), True),)) is None


def test_divisors_that_exclude_each_other() -> None:
    for schema in ({"multipleOf": 3, "not": {"multipleOf": 1}}, {"multipleOf": 6, "not": {"multipleOf": 3}}):
        with pytest.raises(EmptyLanguage):
            JsonSchema({"type": "number", **schema})
    assert JsonSchema({"type": "number", "oneOf": [{"multipleOf": 3}, {"multipleOf": 5}]}).residuals == []


@pytest.mark.parametrize(
    ("value", "yes", "no"),
    [(1, "1 1.0 1.000", "1.01 -1 10"), (-2.5, "-2.5 -2.500", "2.5 -2.51 -2"), (0, "0 -0 0.0 -0.00", "0.1 00")],
)
def test_literals(value: float, yes: str, no: str) -> None:
    dfa = compile_regular(decimal_literal(value, every=True))
    assert all(accepts(dfa, text.encode()) for text in yes.split())
    assert not any(accepts(dfa, text.encode()) for text in no.split())


def test_big_bounds_are_exact() -> None:
    big = Decimal("123456789012345678901234567890123.5")
    dfa = compile_regular(decimals(Range(low=big.copy_negate()), whole=True, fractional=True, every=True))
    assert accepts(dfa, b"-123456789012345678901234567890123.5")
    assert not accepts(dfa, b"-123456789012345678901234567890123.51")


def test_guards_divide_exactly() -> None:
    grammar = JsonSchema({"multipleOf": 3}, "spec").grammar()
    assert matches(grammar, b"9719921704197600.6e1")
    assert not matches(grammar, b"9719921704197600.6e0")
