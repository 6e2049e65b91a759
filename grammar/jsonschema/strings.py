"""JSON strings: how the characters of a value are spelled.

A `Spelling` turns code points into what may stand for them between the quotes of a JSON string:
    shortest   the character itself in UTF-8, or its shortest escape where JSON asks for one
    every      besides, every escape that JSON knows, hexadecimal digits of either case, surrogate pairs
Lone surrogates have no spelling: no Unicode text holds them. Source: RFC 8259, section 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Final

from ..character_trie import CharacterTrie, Form, Place, character_trie, literal, utf8_of
from ..ir import Bytes, ByteSet, CodePointSet, Expr, Repeat, Spelled, choice, sequence
from ..unicode import ANY, SURROGATES, CodePoints, code_points, intersection, negation, union

QUOTE: Final = Bytes(b'"')
_SHORT: Final = {0x08: b"b", 0x09: b"t", 0x0A: b"n", 0x0C: b"f", 0x0D: b"r", 0x22: b'"', 0x5C: b"\\"}
_MUST_ESCAPE: CodePoints = union([(0, 0x1F), (0x22, 0x22), (0x5C, 0x5C)])
_PLAIN: CodePoints = intersection(negation(_MUST_ESCAPE), negation(SURROGATES))


@dataclass(frozen=True, slots=True)
class Spelling:
    """Which spellings of a string are in the language."""

    #: Code points to the expression of one of them.
    characters: Callable[[CodePoints], Expr]
    #: Whether all spellings count, of numbers too.
    every: bool

    def trie(self, classes: tuple[CodePoints, ...]) -> CharacterTrie:
        """How the code points of disjoint classes are written."""
        return _trie(self.every, classes)

    @property
    def any_character(self) -> Expr:
        """One character, whichever."""
        return self.characters(ANY)

    @property
    def any_string(self) -> Expr:
        """Every string, quotes included."""
        return quoted(Repeat(self.any_character))

    def literal(self, text: str) -> Bytes | Spelled:
        """One string, quotes included."""
        return Spelled(text) if self.every else _shortest_literal(text)


def quoted(body: Expr) -> Expr:
    """The body between quotes."""
    return sequence(QUOTE, body, QUOTE)


def shortest(text: str) -> bytes:
    r"""The shortest JSON spelling of a string.

    >>> shortest('a"\n\x1fé')
    b'"a\\"\\n\\u001f\xc3\xa9"'
    """
    return encode_basestring(text).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=4096)
def _shortest_literal(text: str) -> Bytes:
    """The same object for the same text: keys come again and again."""
    return Bytes(shortest(text))


@lru_cache(maxsize=4096)
def character(ranges: CodePoints) -> Expr:
    """One of the code points, however it is spelled."""
    return CodePointSet(ranges)


@lru_cache(maxsize=1024)
def shortest_characters(ranges: CodePoints) -> Expr:
    """One of the code points, in its shortest spelling."""
    ways = [code_points(plain)] if (plain := intersection(ranges, _PLAIN)) else []
    for lo, hi in intersection(ranges, _MUST_ESCAPE):
        ways += [Bytes(b"\\" + _SHORT.get(code, b"u%04x" % code)) for code in range(lo, hi + 1)]
    return choice(*ways)


@lru_cache(maxsize=1024)
def every_character(ranges: CodePoints) -> Expr:
    """One of the code points, in every spelling."""
    ways: list[Expr] = [shortest_characters(ranges)]
    if intersection(ranges, ((0x2F, 0x2F),)):
        ways.append(Bytes(b"\\/"))
    basic = intersection(intersection(ranges, ((0, 0xFFFF),)), negation(SURROGATES))
    ways += [sequence(Bytes(b"\\u"), _hex(lo, hi, 4)) for lo, hi in basic]
    for lo, hi in intersection(ranges, ((0x10000, 0x10FFFF),)):
        ways += _pairs(lo - 0x10000, hi - 0x10000)
    return choice(*ways)


def _pairs(lo: int, hi: int) -> list[Expr]:
    """The surrogate pairs of the astral code points `0x10000 + lo ..= 0x10000 + hi`."""
    (top, start), (bottom, end) = divmod(lo, 0x400), divmod(hi, 0x400)
    if top == bottom:
        return [_pair(top, top, start, end)]
    middle = [_pair(top + 1, bottom - 1, 0, 0x3FF)] if top + 1 < bottom else []
    return [_pair(top, top, start, 0x3FF), *middle, _pair(bottom, bottom, 0, end)]


def _pair(high_lo: int, high_hi: int, low_lo: int, low_hi: int) -> Expr:
    high, low = _hex(0xD800 + high_lo, 0xD800 + high_hi, 4), _hex(0xDC00 + low_lo, 0xDC00 + low_hi, 4)
    return sequence(Bytes(b"\\u"), high, Bytes(b"\\u"), low)


def _hex(lo: int, hi: int, width: int) -> Expr:
    """The numbers `lo ..= hi`, in so many hexadecimal digits of either case."""
    if width == 1:
        return ByteSet(sum({1 << ord(c) for d in range(lo, hi + 1) for c in (f"{d:x}", f"{d:X}")}))
    block = 16 ** (width - 1)
    (first, start), (last, end) = divmod(lo, block), divmod(hi, block)
    if first == last:
        return sequence(_hex(first, first, 1), _hex(start, end, width - 1))
    ways: list[Expr] = []
    if start:
        ways.append(sequence(_hex(first, first, 1), _hex(start, block - 1, width - 1)))
        first += 1
    if end < block - 1:
        ways.append(sequence(_hex(last, last, 1), _hex(0, end, width - 1)))
        last -= 1
    if first <= last:
        ways.append(sequence(_hex(first, last, 1), _hex(0, block - 1, width - 1)))
    return choice(*ways)


def _hex_digits(*kinds: str) -> Place:
    """A place of hexadecimal digits, written in any of the kinds."""
    return tuple(sum({1 << ord(digit) for digit in ways}) for ways in zip(*kinds, strict=True))


_LOWER = _hex_digits("0123456789abcdef")
_EITHER = _hex_digits("0123456789abcdef", "0123456789ABCDEF")
_D: Final = (_EITHER[13:14],)
_SHORT_FORMS = tuple(Form(((code, code),), code, literal(b"\\" + short)) for code, short in _SHORT.items())
_NUMBERED: CodePoints = intersection(_MUST_ESCAPE, negation(union([(code, code) for code in _SHORT])))
_HIGH: Final = (*literal(b"\\u"), *_D, _EITHER[8:12], _EITHER, _EITHER)
_LOW: Final = (*literal(b"\\u"), *_D, _EITHER[12:], _EITHER, _EITHER)
_SHORTEST_FORMS: Final = (*utf8_of(_PLAIN), *_SHORT_FORMS, Form(_NUMBERED, 0, (*literal(b"\\u"), *[_LOWER] * 4)))
_EVERY_FORMS: Final = (
    *utf8_of(_PLAIN),
    *_SHORT_FORMS,
    Form(((0x2F, 0x2F),), 0x2F, literal(b"\\/")),
    Form(((0, 0xD7FF), (0xE000, 0xFFFF)), 0, (*literal(b"\\u"), *[_EITHER] * 4)),
    Form(((0x10000, 0x10FFFF),), 0x10000, (*_HIGH, *_LOW)),
)


@lru_cache(maxsize=1024)
def _trie(every: bool, classes: tuple[CodePoints, ...]) -> CharacterTrie:
    return character_trie(_EVERY_FORMS if every else _SHORTEST_FORMS, classes)


SHORTEST: Final = Spelling(shortest_characters, every=False)
EVERY: Final = Spelling(every_character, every=True)
