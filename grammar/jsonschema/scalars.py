"""Strings and numbers: from facts to regular expressions.

A function that builds an expression says whether it is exact; where not, it accepts too much and a guard decides.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from ...errors import BudgetExceeded, GrammarSyntaxError, UnsupportedFeature
from ..ir import And, Bytes, Expr, Not, Repeat, Written, choice, over_bytes, sequence
from ..machine import Machine
from ..regex import between_ends, parse_regex
from ..regex_tree import CharSet, Concat, Edge, Look, Loop, Node, widths
from ..unicode import ANY
from . import decimals
from .facts import FRACTION, INTEGER, Numbers, Strings
from .formats import FORMATS
from .multiples import multiples_of, restrict
from .patterns import is_regex
from .strings import EVERY, SHORTEST, Spelling, character
from .values import exact


@lru_cache(maxsize=4096)
def pattern_text(pattern: str, anchored: bool = False) -> Expr | None:
    """What an ECMA-262 pattern matches, over code points; None if no automaton can tell.

    Raises
    ------
    GrammarSyntaxError, UnsupportedFeature : it is no regular expression, or none of use, and the referee agrees.
    """
    try:
        return parse_regex(pattern, flavour="ecma", anchored=anchored, char=character)
    except (UnsupportedFeature, BudgetExceeded, GrammarSyntaxError):
        if is_regex(pattern):
            return None
        raise


@lru_cache(maxsize=4096)
def pattern_body(pattern: str, every: bool, anchored: bool = False) -> Expr | None:
    """The same over bytes, spelled between quotes. Raises as `pattern_text`."""
    text = pattern_text(pattern, anchored)
    return text and over_bytes(Written(text, EVERY if every else SHORTEST))


class StringBody(NamedTuple):
    """Strings between their quotes."""

    #: Those that the facts admit (or more, if not exact); None if they are among the unsure ones.
    sure: Expr | None
    #: Those of a format of which the referee must be asked.
    unsure: Expr | None
    exact: bool


def string_body(strings: Strings | None, excluded: tuple[str, ...], spelling: Spelling) -> StringBody:
    """The strings that satisfy the facts."""
    strings = strings or Strings()
    low, high = strings.min, strings.max
    bodies: list[tuple[Expr | None, bool]] = []
    for pattern, holds in strings.patterns:
        body = _within(pattern, low, high) if holds and (low or high is not None) else None
        if body is not None:
            low, high = 0, None
        bodies.append((pattern_text(pattern) if body is None else body, holds))
    exact = not any(body is None for body, _ in bodies)
    parts: list[Expr] = [body if holds else Not(body) for body, holds in bodies if body is not None]
    if excluded:
        parts.append(Not(choice(*map(_characters, excluded))))
    sure: list[Expr] = []
    wide: list[Expr] = []
    covered = False
    for name, holds in strings.formats:
        known = FORMATS[name]
        body = _format_text(known.sure)
        more = _format_text(known.unsure) if known.unsure and holds else None
        exact = exact and (holds or known.unsure is None)
        covered = covered or (more is not None and not known.apart)
        sure.append(body if holds else Not(body))
        wide.append(
            sure[-1] if more is None else more if not known.apart or len(strings.formats) == 1 else choice(body, more)
        )
    positive = any(holds and body is not None for body, holds in bodies) or any(holds for _, holds in strings.formats)
    if low or high is not None or not positive:
        parts.insert(0, Repeat(character(ANY), low, high))
    unsure = _spelled(parts + wide, spelling) if wide != sure and spelling.every else None
    return StringBody(None if covered and spelling.every else _spelled(parts + sure, spelling), unsure, exact)


def _spelled(parts: list[Expr], spelling: Spelling) -> Expr:
    """The strings that are in all parts; a loop over bytes by itself, since its tables do not depend on its bounds."""
    expr = Written(_all(parts), spelling)
    return over_bytes(expr) if isinstance(expr.expr, Repeat) else expr


def _characters(text: str) -> Expr:
    return sequence(*(character(((ord(c), ord(c)),)) for c in text))


def _within(pattern: str, low: int, high: int | None) -> Expr | None:
    """What a pattern matches within the bounds, where no counting beside it is needed; None for other patterns."""
    inner = _between_ends(pattern)
    if inner is None:
        return None
    least, most = _lengths(inner)
    if least >= low and (high is None or (most is not None and most <= high)):
        return pattern_text(pattern)
    if not (isinstance(inner, Loop) and isinstance(inner.item, CharSet)):
        return None
    low, high = max(low, least), min([bound for bound in (high, most) if bound is not None], default=None)
    return None if high is not None and high < low else Repeat(character(inner.item.ranges), low, high)


def has_length(pattern: str, low: int, high: int | None) -> bool:
    """Whether a pattern may match strings of such a length, as far as its form tells."""
    inner = _between_ends(pattern)
    least, most = (0, None) if inner is None else _lengths(inner)
    return (high is None or least <= high) and (most is None or low <= most)


def _lengths(inner: Node) -> tuple[int, int | None]:
    """Least and greatest length of what a node matches from end to end, as far as lookaheads at its start tell."""
    bounds = [widths(inner)]
    for item in inner.items if isinstance(inner, Concat) else ():
        if not isinstance(item, Look):
            break
        match item:
            case Look(item=Concat(items=(*_, Edge(side="end"))), behind=False, negative=False):
                bounds.append(widths(item.item))
    return max(low for low, _ in bounds), min([high for _, high in bounds if high is not None], default=None)


@lru_cache(maxsize=4096)
def _between_ends(pattern: str) -> Node | None:
    try:
        return between_ends(pattern, flavour="ecma")
    except (UnsupportedFeature, BudgetExceeded, GrammarSyntaxError):
        return None


def _format_text(pattern: str) -> Expr:
    text = pattern_text(pattern, True)
    assert text is not None, pattern
    return text


def _all(parts: list[Expr]) -> Expr:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def characters_of(text: str, spelling: Spelling) -> Expr:
    """The spellings of a string without its quotes."""
    return over_bytes(Written(_characters(text), spelling))


class PlainNumbers(NamedTuple):
    """Numbers without exponent."""

    #: Those within the bounds.
    bounded: Expr
    #: Divisors of which they must be multiples (True) or not.
    multiples: tuple[tuple[Decimal, bool], ...]
    #: The numbers that the facts admit, or more: `left` are the divisors that it does not heed.
    expr: Expr
    left: tuple[tuple[Decimal, bool], ...]
    #: Whether expression and divisors are all that there is to it.
    exact: bool

    @property
    def machine(self) -> Machine | None:
        """An automaton that heeds all divisors; None if it is too large."""
        return restrict(self.bounded, self.multiples) or restrict(self.expr, self.left)


def decimal_numbers(
    numbers: Numbers | None, types: int, excluded: tuple[Any, ...], every: bool, draft_4: bool
) -> PlainNumbers:
    """The numbers without exponent that satisfy the facts."""
    numbers = numbers or Numbers()
    bounds, is_exact = numbers.range, True
    if not bounds.is_short:
        bounds, is_exact = decimals.Range(), False
    whole, fractional = bool(types & INTEGER), bool(types & FRACTION)
    bounded = decimals.decimals(bounds, whole=whole, fractional=fractional, every=every, zero_fraction=not draft_4)
    out = [Not(choice(*(decimal_literal(value, every=True) for value in excluded)))] if excluded else []
    parts: list[Expr] = []
    left = []
    for divisor, holds in numbers.multiples:
        multiples = multiples_of(divisor)
        if multiples is None:
            left.append((divisor, holds))
        else:
            parts.append(multiples if holds else Not(multiples))
    expr = _all([bounded, *parts, *out])
    return PlainNumbers(_all([bounded, *out]), numbers.multiples, expr, tuple(left), is_exact)


def decimal_literal(value: Any, *, every: bool, zero_fraction: bool = True) -> Expr:
    """One number without exponent: its plain spelling, or every one, perhaps none with a fraction of zeros."""
    number = exact(value)
    text = format(number.copy_abs(), "f")
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    plain = whole + ("." + fraction if fraction else "")
    if not every:
        sign = "-" if number < 0 else ""
        own = repr(value) if isinstance(value, float) and "e" not in repr(value) and zero_fraction else sign + plain
        return choice(Bytes((sign + plain).encode()), Bytes(own.encode()))
    zeros = Repeat(Bytes(b"0"))
    tail = zeros if fraction else Repeat(sequence(Bytes(b".0"), zeros), 0, int(zero_fraction))
    sign_expr: Expr = Bytes(b"-") if number < 0 else Repeat(Bytes(b"-"), 0, 0 if number else 1)
    return sequence(sign_expr, Bytes(plain.encode()), tail)


#: Every number with an exponent.
with_exponent: Expr = sequence(
    decimals.decimals(decimals.Range(), whole=True, fractional=True, every=True), decimals.EXPONENT
)
