"""Witnesses: whether some number or some string satisfies facts.

Numbers are reckoned with. Strings are guessed, short ones out of what a pattern or a format says, and tried. Where that
does not tell, automata do; what is too costly to tell counts as satisfied.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache, partial
from math import ceil, floor, lcm
from typing import Final, TypeAlias

from ...errors import BudgetExceeded, GrammarSyntaxError
from ..character_classes import over_classes
from ..fold import fold
from ..ir import Alt, And, Bytes, ByteSet, Expr, Repeat, Seq, Written, byte_set
from ..regular import compile_regular, is_empty
from .decimals import Range
from .facts import FRACTION, INTEGER, NUMBER, Numbers, Strings
from .formats import FORMATS
from .guards import has_format
from .patterns import has_match, is_regex
from .scalars import decimal_numbers, has_length, pattern_body, string_body
from .strings import SHORTEST

#: Patterns or formats to match (True) or to miss.
Facets: TypeAlias = tuple[tuple[str, bool], ...]
#: The bytes that an expression may start with, and whether it may be empty.
Start: TypeAlias = tuple[int, bool]
#: A text that an expression matches, and whether a loop was gone through for it.
Guess: TypeAlias = tuple[bytes, bool]

#: Lengths, patterns and states of automata up to which strings are searched for one that satisfies all facts.
MOST_COUNTED: Final = 64
MOST_FACETS: Final = 16
MOST_STATES: Final = 2_000
#: Multiples that are tried.
TRIED: Final = 32
#: Bytes of a guess.
LONGEST: Final = 1_000
_LETTERS: Final = byte_set((0x61, 0x7A)).mask
_ANY_START: Final = ((1 << 256) - 1, True)


def has_number(numbers: Numbers, types: int) -> bool:
    """Whether some number of the types lies between the bounds and has the divisors."""
    low, high = numbers.range.low, numbers.range.high
    if not all(_multiple_in(numbers.range, Fraction(divisor)) for divisor, holds in numbers.multiples if holds):
        return False
    if numbers.multiples:
        known = _reckoned(numbers, types)
        if known is False or (known is None and not _has_spelling(numbers, types)):
            return False
    if types & FRACTION or low is None or high is None:
        return not (types & NUMBER == FRACTION and low is not None and low == high and low == low.to_integral_value())
    return bool(types & INTEGER) and _multiple_in(numbers.range, Fraction(1))


def _multiple_in(bounds: Range, divisor: Fraction) -> bool:
    """Whether some multiple of the divisor lies between the bounds."""
    if bounds.low is None or bounds.high is None or not bounds.is_short or not divisor:
        return True
    low, high = Fraction(bounds.low) / divisor, Fraction(bounds.high) / divisor
    first = floor(low) + 1 if bounds.low_open else ceil(low)
    last = ceil(high) - 1 if bounds.high_open else floor(high)
    return first <= last


def _reckoned(numbers: Numbers, types: int) -> bool | None:
    """Whether some number has the divisors; None if that does not show soon."""
    holding = [Fraction(divisor) for divisor, holds in numbers.multiples if holds]
    failing = [Fraction(divisor) for divisor, holds in numbers.multiples if not holds]
    if not all((*holding, *failing)):
        return None
    scale = lcm(*(divisor.denominator for divisor in holding))
    step = Fraction(lcm(*(int(divisor * scale) for divisor in holding)), scale)
    if holding and any((step / divisor).denominator == 1 for divisor in failing):
        return False
    if not types & INTEGER:
        return None
    whole = step.numerator
    bounds = numbers.range if numbers.range.is_short else Range()
    start, sign = (bounds.low, 1) if bounds.low is not None or bounds.high is None else (bounds.high, -1)
    first = sign * ceil(sign * Fraction(start or 0) / whole)
    for number in range(first * whole, (first + sign * TRIED) * whole, sign * whole):
        if Decimal(number) in bounds and all(number * d.denominator % d.numerator for d in failing):
            return True
    return None


def _has_spelling(numbers: Numbers, types: int) -> bool:
    """Whether an automaton finds a number."""
    found = decimal_numbers(numbers, types, (), True, False).machine
    return found is None or any(found.labels)


def has_string(strings: Strings) -> bool:
    """Whether some string satisfies the facts."""
    n = len(strings.patterns) + len(strings.formats)
    if n + bool(strings.min or strings.max is not None) < 2 or n > MOST_FACETS:
        return True
    if not all(has_length(pattern, strings.min, strings.max) for pattern, holds in strings.patterns if holds):
        return False
    if strings.min > MOST_COUNTED or (strings.max or 0) > MOST_COUNTED:
        return True
    if any(FORMATS[name].unsure for name, _ in strings.formats):
        return True
    return _has_string(strings.min, strings.max, strings.patterns, strings.formats)


@lru_cache(maxsize=1024)
def _has_string(low: int, high: int | None, patterns: Facets, formats: Facets) -> bool:
    strings = Strings(low, high, patterns, formats)
    try:
        if any(_satisfies(text, strings) for text in _guesses(strings)):
            return True
        body = string_body(strings, (), SHORTEST).sure
        classed = over_classes([body.expr]) if isinstance(body, Written) else None
        expr = body if classed is None else classed.exprs[0]
        return expr is None or (fold(expr, _start) != (0, False) and not is_empty(compile_regular(expr, MOST_STATES)))
    except (BudgetExceeded, GrammarSyntaxError):
        return True


def _guesses(strings: Strings) -> Iterator[str]:
    """Strings that a pattern or a format matches, some as long as they have to be."""
    bodies = [pattern_body(pattern, False) for pattern, holds in strings.patterns if holds]
    bodies += [pattern_body(FORMATS[name].sure, False, True) for name, holds in strings.formats if holds]
    for body in bodies:
        for rounds in dict.fromkeys((0, max(1, strings.min))):
            guess = None if body is None else fold(body, partial(_guess, rounds))
            if guess is not None:
                yield json.loads(b'"' + guess[0] + b'"')


def _guess(rounds: int, node: Expr, kids: list[Guess | None]) -> Guess | None:
    """A text of an expression, given those of its parts; so many rounds of a loop without loops inside."""
    known = [kid for kid in kids if kid is not None]
    match node:
        case Bytes(data):
            return data, False
        case ByteSet(mask) if mask:
            best = mask & _LETTERS or mask
            return bytes([(best & -best).bit_length() - 1]), False
        case Seq() if len(known) == len(kids):
            found = b"".join(text for text, _ in known), any(looped for _, looped in known)
        case Alt() if known:
            found = (max if rounds else min)(known, key=lambda kid: len(kid[0]))
        case Repeat(_, low, high) if known:
            text, looped = known[0]
            loops = high is None and not looped
            found = text * (max(low, rounds) if loops else low), looped or loops
        case _:
            return None
    return found if len(found[0]) <= LONGEST else None


def _satisfies(text: str, strings: Strings) -> bool:
    """Whether a string satisfies the facts."""
    if len(text) < strings.min or (strings.max is not None and len(text) > strings.max):
        return False
    if any(has_format(name, text) != holds for name, holds in strings.formats):
        return False
    return all(is_regex(pattern) and has_match(pattern, text) == holds for pattern, holds in strings.patterns)


def _start(node: Expr, kids: list[Start]) -> Start:
    """How the texts of an expression start, given how those of its parts do."""
    match node:
        case Bytes(data):
            return (1 << data[0], False) if data else (0, True)
        case ByteSet(mask):
            return mask, False
        case Repeat(_, low):
            return kids[0][0], not low or kids[0][1]
        case Written():
            return kids[0]
        case Seq():
            mask = 0
            for first, is_nullable in kids:
                mask |= first
                if not is_nullable:
                    return mask, False
            return mask, True
        case Alt():
            return _either(kids)
        case And():
            mask, is_nullable = _ANY_START
            for first, may_be_empty in kids:
                mask, is_nullable = mask & first, is_nullable and may_be_empty
            return mask, is_nullable
        case _:
            return _ANY_START


def _either(kids: list[Start]) -> Start:
    mask, is_nullable = 0, False
    for first, may_be_empty in kids:
        mask, is_nullable = mask | first, is_nullable or may_be_empty
    return mask, is_nullable
