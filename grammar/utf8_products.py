"""UTF-8 products: what byte sets one behind the other spell, as code points.

A *product* is a tuple of byte masks, at most four: every word takes one byte out of each. `ranges_of` is the inverse of
`unicode.code_points`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TypeAlias

from .unicode import LAST, SURROGATES, CodePoints, intersection, union

Product: TypeAlias = tuple[int, ...]
Products: TypeAlias = tuple[Product, ...]

#: Products that one expression may have.
MAX_PRODUCTS = 512
_CONTINUATIONS = ((1 << 0xC0) - 1) ^ ((1 << 0x80) - 1)
#: Length of a code point's UTF-8 -> its leads, the bits of a lead that count, the least code point.
_LEADS = {
    1: (0, 0x7F, 0x7F, 0),
    2: (0xC2, 0xDF, 0x1F, 0x80),
    3: (0xE0, 0xEF, 0x0F, 0x800),
    4: (0xF0, 0xF4, 0x07, 0x10000),
}


def joined(a: Products, b: Products) -> Products | None:
    """Words of the one followed by words of the other; None if they are too many or too long."""
    if len(a) * len(b) > MAX_PRODUCTS or max(map(len, a), default=0) + max(map(len, b), default=0) > 4:
        return None
    return tuple(first + second for first in a for second in b)


def ranges_of(products: Products) -> CodePoints | None:
    """The code points that the words spell, one each; None if some word is not the UTF-8 of one code point."""
    found: list[CodePoints] = []
    for product in products:
        if (ranges := _ranges(product)) is None:
            return None
        found.append(ranges)
    return union(*found)


def _ranges(product: Product) -> CodePoints | None:
    length = len(product)
    if length not in _LEADS:
        return None
    first, last, bits, least = _LEADS[length]
    leads = ((1 << last + 1) - 1) ^ ((1 << first) - 1)
    if product[0] & ~leads or any(mask & ~_CONTINUATIONS for mask in product[1:]):
        return None
    spans = [(lo & bits, hi & bits) for lo, hi in runs(product[0])]
    for mask in product[1:]:
        tails = [(lo & 0x3F, hi & 0x3F) for lo, hi in runs(mask)]
        whole = tails == [(0, 63)]
        heads = spans if whole else [(code, code) for lo, hi in spans for code in range(lo, hi + 1)]
        if len(heads) * len(tails) > 70_000:
            return None
        spans = [((lo << 6) + low, (hi << 6) + high) for lo, hi in heads for low, high in tails]
    ranges = union(spans)
    if not ranges or ranges[0][0] < least or ranges[-1][1] > LAST or intersection(ranges, SURROGATES):
        return None
    return ranges


def runs(mask: int) -> Iterator[tuple[int, int]]:
    """The runs of set bits, first and last."""
    at = 0
    for bit, group in groupby(f"{mask:b}"[::-1]):
        n = len(list(group))
        if bit == "1":
            yield at, at + n - 1
        at += n
