"""Multiples: the plain decimals that a divisor divides, or does not.

Write the divisor as a/10^k with the least k. A number is a multiple if at most k digits stand behind its point (but for
zeros) and the digits with the point moved by k are divisible by a. If a divides 10^j, the last j digits decide that:
`multiples_of` is a regular expression of them. Else a machine keeps the remainder of the digits so far, which is no
small expression: `restrict` meets numbers with such machines.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache, reduce
from typing import Final

from ...errors import BudgetExceeded
from ..ir import Bytes, Expr, Repeat, byte_set, choice, optional, sequence
from ..machine import Machine, complement, minimise, product
from ..nfa import determinize

#: Endings of digits that are listed.
MOST_ENDINGS: Final = 1_000
#: States of a machine that keeps a remainder.
MOST_REMAINDERS: Final = 1_000
#: States of numbers met with such machines, and pairs of states on the way to them.
MOST_STATES: Final = 1_000
MOST_PAIRS: Final = 8_000

_DIGIT: Final = byte_set((0x30, 0x39))
_WHOLE: Final = choice(Bytes(b"0"), sequence(byte_set((0x31, 0x39)), Repeat(_DIGIT)))
_ZEROS: Final = Repeat(Bytes(b"0"))
_ZERO_FRACTION: Final = optional(sequence(Bytes(b".0"), _ZEROS))


def is_multiple(number: Decimal, divisor: Decimal) -> bool:
    """Whether a number is a whole multiple of a divisor, exactly and however far their exponents lie apart.

    >>> is_multiple(Decimal("0.3"), Decimal("0.1")), is_multiple(Decimal("1e-3000"), Decimal(15))
    (True, False)
    """
    if not number or not divisor:
        return not number
    (_, digits, exponent), (_, divided_by, shift) = number.as_tuple(), divisor.as_tuple()
    n, d = (int(Decimal((0, part, 0))) for part in (digits, divided_by))  # Python's limit of digits is for texts
    apart = int(exponent) - int(shift)
    if apart >= 0:
        return n * pow(10, apart, d) % d == 0
    return -apart <= len(digits) and n % (d * 10**-apart) == 0


@lru_cache(maxsize=256)
def multiples_of(divisor: Decimal) -> Expr | None:
    """Every plain decimal that is a multiple, also with final zeros; None if that is not regular enough."""
    a, shift = _as_fraction(divisor)
    ending = next((j for j in range(7) if 10**j % a == 0), None) if a else None
    if ending is None or 10**ending // a > MOST_ENDINGS or shift >= 30:
        return None
    endings = [f"{r:0{ending}d}" if ending else "" for r in range(0, 10**ending, a)]
    body = _behind_the_point(endings, shift) if ending <= shift else _before_it(endings, shift)
    return sequence(optional(Bytes(b"-")), body)


def _as_fraction(divisor: Decimal) -> tuple[int, int]:
    """The integer a and the least k (at most 30) such that the divisor is a/10^k."""
    scaled, shift = divisor, 0
    while scaled != scaled.to_integral_value() and shift < 30:
        shift += 1
        scaled = divisor.scaleb(shift)
    return int(scaled), shift


@lru_cache(maxsize=256)
def restrict(numbers: Expr, multiples: tuple[tuple[Decimal, bool], ...]) -> Machine | None:
    """Those of the plain decimals that are multiples of each divisor (True) or not (False); None if too costly."""
    try:
        machines = [_remainders(divisor) if holds else _others(divisor) for divisor, holds in multiples]
        if None in machines:
            return None
        parts = [*filter(None, machines), determinize([numbers], MOST_STATES)]
        found = reduce(lambda a, b: minimise(product(a, b, MOST_PAIRS)), parts)
    except BudgetExceeded:
        return None
    return found if len(found.rows) <= MOST_STATES else None


def _others(divisor: Decimal) -> Machine | None:
    """The texts that `_remainders` does not accept."""
    remainders = _remainders(divisor)
    return None if remainders is None else complement(remainders)


@lru_cache(maxsize=256)
def _remainders(divisor: Decimal) -> Machine | None:
    """The texts of digits with at most one point and a sign that spell a multiple; None if too many remainders.

    A state is the remainder of the digits so far, and how many of them stand behind the point: -1 before it, at most
    `shift`, of which there is one state with a further zero.
    """
    a, shift = _as_fraction(divisor)
    if not a or a * (shift + 2) > MOST_REMAINDERS or shift >= 30:
        return None
    number = {(0, -1): 0}
    order = [(0, -1)]
    rows: list[dict[int, int]] = []
    for remainder, behind in order:
        row: dict[int, int] = {}
        for byte, after in _steps(remainder, behind, a, shift):
            target = number.setdefault(after, len(order))
            if target == len(order):
                order.append(after)
            row[target] = row.get(target, 0) | 1 << byte
        rows.append(row)
    rows[0][0] = rows[0].get(0, 0) | 1 << 0x2D
    labels = [int(r * 10 ** (shift - max(behind, 0)) % a == 0) for r, behind in order]
    return minimise(Machine(rows, labels))


def _steps(remainder: int, behind: int, a: int, shift: int) -> list[tuple[int, tuple[int, int]]]:
    """Byte and next state."""
    if behind == shift:
        return [(0x30, (remainder, behind))]
    after = behind + (behind >= 0)
    steps = [(0x30 + digit, ((10 * remainder + digit) % a, after)) for digit in range(10)]
    return steps if behind >= 0 else [*steps, (0x2E, (remainder, 0))]


def _behind_the_point(endings: list[str], shift: int) -> Expr:
    """The endings stand within the first `shift` digits of the fraction."""
    free = shift - len(endings[0])
    ways: list[Expr] = [_ZERO_FRACTION]
    if free:
        ways.append(sequence(Bytes(b"."), Repeat(_DIGIT, 1, free), _ZEROS))
    free_digits = Repeat(_DIGIT, free, free)
    trimmed = filter(None, (ending.rstrip("0") for ending in endings))
    ways += [sequence(Bytes(b"."), free_digits, Bytes(text.encode()), _ZEROS) for text in trimmed]
    return sequence(_WHOLE, choice(*ways))


def _before_it(endings: list[str], shift: int) -> Expr:
    """The endings reach `len(ending) - shift` digits to the left of the point."""
    ways: list[Expr] = []
    for ending in endings:
        cut = len(ending) - shift
        left, right = ending[:cut], ending[cut:].rstrip("0")
        longer = sequence(byte_set((0x31, 0x39)), Repeat(_DIGIT), Bytes(left.encode()))
        whole = choice(Bytes(str(int(left)).encode()), longer)
        ways.append(sequence(whole, sequence(Bytes(b"." + right.encode()), _ZEROS) if right else _ZERO_FRACTION))
    return choice(*ways)
