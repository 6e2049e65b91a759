"""Multiples: the plain decimals that a divisor divides, where they are regular.

Write the divisor as a/10^k with the least k. A number is a multiple if at most k digits stand behind its point (but for
zeros) and the digits with the point moved by k are divisible by a. If a divides 10^j, the last j digits decide that.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final

from ..ir import Bytes, Expr, Repeat, byte_set, choice, optional, sequence

#: Endings of digits that are listed.
MOST_ENDINGS: Final = 1_000

_DIGIT: Final = byte_set((0x30, 0x39))
_WHOLE: Final = choice(Bytes(b"0"), sequence(byte_set((0x31, 0x39)), Repeat(_DIGIT)))
_ZEROS: Final = Repeat(Bytes(b"0"))
_ZERO_FRACTION: Final = optional(sequence(Bytes(b".0"), _ZEROS))


@lru_cache(maxsize=256)
def multiples_of(divisor: Decimal) -> Expr | None:
    """Every plain decimal that is a multiple, also with final zeros; None if that is not regular enough."""
    scaled, shift = divisor, 0
    while scaled != scaled.to_integral_value() and shift < 30:
        shift += 1
        scaled = divisor.scaleb(shift)
    a = int(scaled)
    ending = next((j for j in range(7) if 10**j % a == 0), None) if a else None
    if ending is None or 10**ending // a > MOST_ENDINGS or shift >= 30:
        return None
    endings = [f"{r:0{ending}d}" if ending else "" for r in range(0, 10**ending, a)]
    body = _behind_the_point(endings, shift) if ending <= shift else _before_it(endings, shift)
    return sequence(optional(Bytes(b"-")), body)


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
