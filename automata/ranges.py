"""Byte ranges: byte sets as the edges of a state hold them."""

from __future__ import annotations

from functools import lru_cache

#: From so many byte ranges on, a state's edges become a row of 256 codes.
DENSE_FROM = 7


@lru_cache(maxsize=8192)
def byte_ranges(mask: int) -> tuple[tuple[int, int], ...]:
    """The inclusive ranges of a 256-bit byte set.

    >>> byte_ranges(0b1101)
    ((0, 0), (2, 3))
    """
    ranges = []
    lo = 0
    while mask:
        skip = (mask & -mask).bit_length() - 1
        lo += skip
        mask >>= skip
        run = (~mask & (mask + 1)).bit_length() - 1
        ranges.append((lo, lo + run - 1))
        mask >>= run
        lo += run
    return tuple(ranges)
