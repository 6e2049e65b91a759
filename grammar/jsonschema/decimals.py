"""JSON numbers: ranges and multiples of plain decimals as regular expressions.

A plain decimal is a number without exponent: `-0.50`. Its value is compared with a bound digit by digit, so ranges are
regular, for any bound. Two number languages:
    short      no exponent, at most `MOST_DIGITS` digits, no negative zero, integers without fraction
    every      leading to every spelling: fractions of zeros (`1.0` is an integer unless the draft says otherwise) and
               negative zero too; exponents are the caller's
Multiples are regular where the divisor divides a power of ten (up to a factor that shifts the point).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from ..ir import And, Bytes, ByteSet, Expr, Not, Repeat, byte_set, choice, optional, sequence

MOST_DIGITS: Final = 20
#: Bounds with more digits than this are left to guards.
MOST_BOUND_DIGITS: Final = 400

_DIGIT: Final = byte_set((0x30, 0x39))
_ANY: Final = Repeat(_DIGIT)
_ONE_TO_NINE: Final = byte_set((0x31, 0x39))
_ZEROS: Final = Repeat(Bytes(b"0"))
_POINT: Final = Bytes(b".")
_WHOLE: Final = choice(Bytes(b"0"), sequence(_ONE_TO_NINE, _ANY))
_FRACTION: Final = sequence(_POINT, Repeat(_DIGIT, 1))
_ZERO_FRACTION: Final = sequence(_POINT, Repeat(Bytes(b"0"), 1))
_NONZERO_FRACTION: Final = sequence(_POINT, _ANY, _ONE_TO_NINE, _ANY)
_SHORT_MAGNITUDE: Final = choice(
    Repeat(_DIGIT, 1, MOST_DIGITS),
    And(
        (
            sequence(Repeat(_DIGIT, 1), _POINT, Repeat(_DIGIT, 1)),
            Repeat(byte_set(0x2E, (0x30, 0x39)), 3, MOST_DIGITS + 1),
        )
    ),
)
EXPONENT: Final = sequence(ByteSet(1 << 0x45 | 1 << 0x65), optional(byte_set(0x2B, 0x2D)), Repeat(_DIGIT, 1))


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers between two bounds, where given."""

    low: Decimal | None = None
    high: Decimal | None = None
    #: Whether the bound itself is out.
    low_open: bool = False
    high_open: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no number lies between the bounds."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    @property
    def is_everything(self) -> bool:
        """Whether there are no bounds."""
        return self.low is None and self.high is None

    @property
    def is_short(self) -> bool:
        """Whether the bounds have few enough digits for an automaton."""
        return all(
            b is None or abs(b.adjusted()) + len(b.as_tuple().digits) < MOST_BOUND_DIGITS for b in (self.low, self.high)
        )

    def meet(self, other: Range) -> Range:
        """The numbers in both."""
        low, low_open = max(
            (b for b in ((self.low, self.low_open), (other.low, other.low_open)) if b[0] is not None),
            default=(None, False),
        )
        high, high_open = min(
            (b for b in ((self.high, not self.high_open), (other.high, not other.high_open)) if b[0] is not None),
            default=(None, True),
        )
        return Range(low, high, low_open, not high_open)

    def __contains__(self, value: Decimal) -> bool:
        """Whether the number lies between the bounds."""
        return not self.meet(Range(value, value)).is_empty


@lru_cache(maxsize=4096)
def decimals(bounds: Range, *, whole: bool, fractional: bool, every: bool, zero_fraction: bool = True) -> Expr:
    """The plain decimals within bounds.

    Parameters
    ----------
    bounds : must be short (`Range.is_short`).
    whole, fractional : whether numbers that are integers, and others, are in.
    every : every spelling instead of the short ones.
    zero_fraction : whether `1.0` counts as an integer (it does not in draft 4); matters only with `every` or
        without `whole`.
    """
    low, high = bounds.low, bounds.high
    zero = Decimal(0)
    ways: list[Expr] = []
    if high is None or high > 0 or (high == 0 and not bounds.high_open):
        start, start_open = (zero, False) if low is None or low < 0 else (low, bounds.low_open)
        ways.append(_magnitudes(start, start_open, high, bounds.high_open))
    if low is None or low < 0 or (low == 0 and not bounds.low_open):
        start, start_open = (zero, not every) if high is None or high > 0 else (high.copy_abs(), bounds.high_open)
        if start == 0 and not every:
            start_open = True
        if low is None or low < 0 or not start_open:
            end = None if low is None else low.copy_abs()
            ways.append(sequence(Bytes(b"-"), _magnitudes(start, start_open, end, bounds.low_open)))
    return _shaped(choice(*ways), bounds, whole, fractional, every, zero_fraction)


def _shaped(numbers: Expr, bounds: Range, whole: bool, fractional: bool, every: bool, zero_fraction: bool) -> Expr:
    """Those of the numbers that are integers or not, and short."""
    parts: list[Expr] = [numbers]
    sign = optional(Bytes(b"-"))
    if not (whole and fractional):
        tail = optional(_ZERO_FRACTION) if zero_fraction and (every or not whole) else Bytes(b"")
        integers = sequence(sign, _WHOLE, tail)
        parts.append(integers if whole else Not(integers))
    bounded = (
        bounds.low is not None
        and bounds.high is not None
        and max(bounds.low.copy_abs(), bounds.high.copy_abs()) < 10**MOST_DIGITS
    )
    if not every and not (bounded and whole and not fractional):
        parts.append(sequence(sign, _SHORT_MAGNITUDE))
    return And(tuple(parts)) if len(parts) > 1 else numbers


def _magnitudes(low: Decimal, low_open: bool, high: Decimal | None, high_open: bool) -> Expr:
    """The unsigned plain decimals from `low` to `high`."""
    parts: list[Expr] = []
    if low or low_open:
        parts.append(_from(low, low_open))
    if high is not None:
        parts.append(_up_to(high, high_open))
    if not parts:
        return sequence(_WHOLE, optional(_FRACTION))
    return And(tuple(parts)) if len(parts) > 1 else parts[0]


def _digits(bound: Decimal) -> tuple[str, str]:
    """The digits before and behind the point, the latter without final zeros."""
    whole, _, fraction = format(bound, "f").partition(".")
    return whole.lstrip("0") or "0", fraction.rstrip("0")


def _from(bound: Decimal, is_open: bool) -> Expr:
    """At least the bound (more, if open)."""
    whole, fraction = _digits(bound)
    longer = sequence(_ONE_TO_NINE, Repeat(_DIGIT, len(whole)))
    greater = choice(longer, *_of_equal_length(whole, greater=True))
    ways = [sequence(greater, optional(_FRACTION))]
    equal = Bytes(whole.encode())
    if not fraction:
        ways.append(sequence(equal, _NONZERO_FRACTION if is_open else optional(_FRACTION)))
    else:
        rest = sequence(_ANY, _ONE_TO_NINE, _ANY) if is_open else _ANY
        above = [sequence(way, _ANY) for way in _prefixes(fraction, greater=True)]
        ways.append(sequence(equal, _POINT, choice(*above, sequence(Bytes(fraction.encode()), rest))))
    return choice(*ways)


def _up_to(bound: Decimal, is_open: bool) -> Expr:
    """At most the bound (less, if open)."""
    whole, fraction = _digits(bound)
    ways: list[Expr] = []
    if len(whole) > 1:
        ways.append(
            sequence(
                choice(Bytes(b"0"), sequence(_ONE_TO_NINE, Repeat(_DIGIT, 0, len(whole) - 2))), optional(_FRACTION)
            )
        )
    ways += [sequence(way, optional(_FRACTION)) for way in _of_equal_length(whole, greater=False)]
    equal = Bytes(whole.encode())
    if fraction:
        below = [sequence(way, _ANY) for way in _prefixes(fraction, greater=False)]
        below += [Bytes(fraction[:n].encode()) for n in range(1, len(fraction))]
        if not is_open:
            below.append(sequence(Bytes(fraction.encode()), _ZEROS))
        ways.append(sequence(equal, optional(sequence(_POINT, choice(*below)))))
    elif not is_open:
        ways.append(sequence(equal, optional(_ZERO_FRACTION)))
    return choice(*ways)


def _of_equal_length(digits: str, *, greater: bool) -> list[Expr]:
    """Greater or lesser integers of as many digits."""
    return [sequence(way, Repeat(_DIGIT, n, n)) for n, way in _first_difference(digits, greater=greater, leading=True)]


def _prefixes(digits: str, *, greater: bool) -> list[Expr]:
    """The prefixes that decide that a fraction is greater or lesser."""
    return [way for _, way in _first_difference(digits, greater=greater, leading=False)]


def _first_difference(digits: str, *, greater: bool, leading: bool) -> list[tuple[int, Expr]]:
    """Equal digits and then a greater (lesser) one, and how many digits are left; no leading zero, if `leading`."""
    found: list[tuple[int, Expr]] = []
    for k, digit in enumerate(digits):
        code = ord(digit)
        least = 0x31 if leading and k == 0 and len(digits) > 1 else 0x30
        lo, hi = (code + 1, 0x39) if greater else (least, code - 1)
        if lo <= hi:
            found.append((len(digits) - k - 1, sequence(Bytes(digits[:k].encode()), byte_set((lo, hi)))))
    return found
