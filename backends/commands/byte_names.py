"""Byte sets in words: "0-9", "any byte but ...", for people who ask what may come next."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise

_NAMES = {0x20: "space", 0x09: "tab", 0x0A: "newline", 0x0D: "carriage return", 0x7F: "delete"}


def byte_name(byte: int) -> str:
    """One byte for people.

    >>> [byte_name(b) for b in b'a" \\x00\\xc3']
    ['a', '"', 'space', '0x00', '0xC3']
    """
    if byte in _NAMES:
        return _NAMES[byte]
    return chr(byte) if 0x20 < byte < 0x7F else f"0x{byte:02X}"


def byte_names(allowed: Collection[int]) -> list[str]:
    """A set of bytes for people; runs of three and more of one kind become ranges.

    >>> byte_names(b'"-0123456789')
    ['"', '-', '0-9']
    >>> byte_names(set(range(256)) - set(b'"'))
    ['any byte but', '"']
    >>> byte_names(range(256))
    ['any byte']
    """
    missing = set(range(256)) - set(allowed)
    if not missing:
        return ["any byte"]
    if len(missing) <= 40:
        return ["any byte but", *byte_names(missing)]
    names = []
    for lo, hi in _runs(sorted(set(allowed))):
        names += [f"{byte_name(lo)}-{byte_name(hi)}"] if hi - lo > 1 else [byte_name(b) for b in range(lo, hi + 1)]
    return names


def _kind(byte: int) -> str:
    char = chr(byte)
    if byte >= 0x80:
        return "high"
    if byte < 0x20:
        return "control"
    return "digit" if char.isdigit() else "lower" if char.islower() else "upper" if char.isupper() else "other"


def _runs(values: list[int]) -> Iterator[tuple[int, int]]:
    """Inclusive ranges of neighbours of one kind."""
    if not values:
        return
    lo = values[0]
    for a, b in pairwise(values):
        if b != a + 1 or _kind(a) != _kind(b) or _kind(a) == "other":
            yield lo, a
            lo = b
    yield lo, values[-1]
