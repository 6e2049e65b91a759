"""JSON spellings of strings, as expressions.

A character may stand for itself, as a short escape, or as `\\uXXXX` with hexadecimal digits of either case; beyond the
basic plane as a pair of those. Source: RFC 8259, section 7.
"""

from __future__ import annotations

from functools import lru_cache

from .ir import Bytes, ByteSet, Expr, Seq, choice, sequence

_SHORT = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}


def _hex_digit(value: int) -> Expr:
    lower, upper = f"{value:x}".encode(), f"{value:X}".encode()
    return Bytes(lower) if lower == upper else ByteSet(1 << lower[0] | 1 << upper[0])


def unit(value: int) -> Expr:
    """The spellings `\\uXXXX` of one UTF-16 code unit."""
    return sequence(Bytes(b"\\u"), *(_hex_digit(value >> shift & 15) for shift in (12, 8, 4, 0)))


@lru_cache(maxsize=1024)
def character(char: str) -> Expr:
    """Every spelling of one character inside a JSON string."""
    code = ord(char)
    ways: list[Expr] = []
    if code >= 0x20 and char not in '"\\' and not 0xD800 <= code <= 0xDFFF:
        ways.append(Bytes(char.encode()))
    if char in _SHORT:
        ways.append(Bytes(b"\\" + _SHORT[char].encode()))
    if code > 0xFFFF:
        high, low = divmod(code - 0x10000, 0x400)
        ways.append(sequence(unit(0xD800 + high), unit(0xDC00 + low)))
    else:
        ways.append(unit(code))
    return choice(*ways)


def spellings(text: str) -> Expr:
    """Every spelling of a string, quotes included."""
    return Seq((Bytes(b'"'), *map(character, text), Bytes(b'"')))
