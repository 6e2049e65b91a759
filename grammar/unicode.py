"""Code point sets, and their UTF-8 as byte expressions.

A set is a tuple of inclusive ranges, sorted, disjoint and not adjacent: `((48, 57), (97, 122))`. `code_points` turns
one into an expression over bytes that reads left to right without a choice: at every byte the leads that continue alike
are one `ByteSet`. Properties come from the running Python's `unicodedata`, computed on first use.

Laws
    1. Surrogates (U+D800..DFFF) have no UTF-8 and never appear in an expression.
    2. `union`, `intersection` and `negation` give sets in the form above, whatever the order of their input.

Not chosen: scripts (`\\p{Script=Greek}`), which the standard library does not know.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import groupby
from typing import TypeAlias

from .ir import Bytes, ByteSet, Expr, choice, sequence

#: Inclusive ranges of code points, sorted, disjoint, not adjacent.
CodePoints: TypeAlias = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
SURROGATES: CodePoints = ((0xD800, 0xDFFF),)
ANY: CodePoints = ((0, LAST),)
DIGITS: CodePoints = ((48, 57),)
WORDS: CodePoints = ((48, 57), (65, 90), (95, 95), (97, 122))
SPACES: CodePoints = ((9, 13), (32, 32))
#: White space and line ends of ECMA-262.
ECMA_SPACES: CodePoints = (
    *((9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)),
    *((0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)


def union(*sets: Iterable[tuple[int, int]]) -> CodePoints:
    """The code points of any of the sets; a set may be given as ranges in any order.

    >>> union([(97, 99)], [(100, 101), (65, 65)])
    ((65, 65), (97, 101))
    """
    merged: list[tuple[int, int]] = []
    for lo, hi in sorted(r for ranges in sets for r in ranges):
        if merged and lo <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(hi, merged[-1][1]))
        else:
            merged.append((lo, hi))
    return tuple(merged)


def negation(ranges: CodePoints) -> CodePoints:
    """Every other code point."""
    gaps: list[tuple[int, int]] = []
    start = 0
    for lo, hi in ranges:
        if start < lo:
            gaps.append((start, lo - 1))
        start = hi + 1
    if start <= LAST:
        gaps.append((start, LAST))
    return tuple(gaps)


def intersection(a: CodePoints, b: CodePoints) -> CodePoints:
    """The code points of both sets."""
    return negation(union(negation(a), negation(b)))


def contains(ranges: CodePoints, code: int) -> bool:
    """Whether the set holds the code point."""
    return any(lo <= code <= hi for lo, hi in ranges)


def classify(sets: Iterable[CodePoints]) -> tuple[list[CodePoints], dict[CodePoints, int]]:
    """The coarsest classes of code points of which every set is a union; and the mask of classes of each set.

    >>> classify([((97, 122),), ((97, 99), (120, 122))])
    ([((97, 99), (120, 122)), ((100, 119),)], {((97, 122),): 3, ((97, 99), (120, 122)): 1})
    """
    toggles: defaultdict[int, int] = defaultdict(int)
    each = list(sets)
    for i, ranges in enumerate(each):
        for lo, hi in ranges:
            toggles[lo] ^= 1 << i
            toggles[hi + 1] ^= 1 << i
    members: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    inside, start = 0, 0
    for place in sorted(toggles):
        if inside:
            members[inside].append((start, place - 1))
        inside, start = inside ^ toggles[place], place
    masks = {ranges: sum(1 << k for k, key in enumerate(members) if key >> i & 1) for i, ranges in enumerate(each)}
    return [union(ranges) for ranges in members.values()], masks


@lru_cache(maxsize=4096)
def code_points(ranges: CodePoints) -> Expr:
    r"""The UTF-8 encodings of a set of code points.

    >>> code_points(((0x41, 0x42),)) == ByteSet(1 << 0x41 | 1 << 0x42)
    True
    >>> code_points(((0xE9, 0xE9),))
    Bytes(data=b'\xc3\xa9')
    """
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1] and not contains(SURROGATES, ranges[0][0]):
        return Bytes(chr(ranges[0][0]).encode())
    ranges = intersection(ranges, negation(SURROGATES))
    ways: list[Expr] = []
    for lead, continuations, first, last in (
        (0, 0, 0, 0x7F),
        (0xC0, 1, 0x80, 0x7FF),
        (0xE0, 2, 0x800, 0xFFFF),
        (0xF0, 3, 0x10000, LAST),
    ):
        part = intersection(ranges, ((first, last),))
        if part:
            ways.append(_continued(part, continuations, lead))
    return choice(*ways)


def _continued(ranges: CodePoints, continuations: int, lead: int) -> Expr:
    """A lead (or continuation) byte and what follows it; the bits of `lead` mark the byte's kind."""
    if not continuations:
        return ByteSet(sum((1 << hi + 1) - (1 << lo) for lo, hi in ranges) << lead)
    bits = 6 * continuations
    behind: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for lo, hi in ranges:
        for head in range(lo >> bits, (hi >> bits) + 1):
            base = head << bits
            behind[head].append((max(lo, base) - base, min(hi, base + (1 << bits) - 1) - base))
    leads: defaultdict[CodePoints, int] = defaultdict(int)
    for head, rest in behind.items():
        leads[tuple(rest)] |= 1 << (lead | head)
    return choice(*(sequence(ByteSet(mask), _continued(rest, continuations - 1, 0x80)) for rest, mask in leads.items()))


#: One code point in UTF-8.
any_code_point: Expr = code_points(ANY)


#: The code points that tables of characters tell apart. Those between are unassigned; those behind are for private use,
#: but for the last two of a plane.
_TOLD_APART = (range(0x40000), range(0xE0000, 0xF0000))


@cache
def _spans(pattern: str) -> CodePoints:
    """The code points that a class of Python's `re` matches."""
    found: list[tuple[int, int]] = []
    for part in _TOLD_APART:
        matches = re.finditer(f"{pattern}+", "".join(map(chr, part)))
        found += [(part.start + m.start(), part.start + m.end() - 1) for m in matches]
    return intersection(union(found), negation(SURROGATES))


def digits() -> CodePoints:
    r"""What `\d` matches in Python: decimal digits of every script."""
    return _spans(r"\d")


def words() -> CodePoints:
    r"""What `\w` matches in Python."""
    return _spans(r"\w")


def spaces() -> CodePoints:
    r"""What `\s` matches in Python."""
    return _spans(r"\s")


@cache
def _categories() -> dict[str, CodePoints]:
    """Every two-letter general category."""
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for part in _TOLD_APART:
        start = part.start
        for name, group in groupby(map(unicodedata.category, map(chr, part))):
            end = start + len(list(group))
            found[name].append((start, end - 1))
            start = end
    found["Cn"].append((0x40000, 0xDFFFF))
    for plane in (0xF0000, 0x100000):
        found["Co"].append((plane, plane + 0xFFFD))
        found["Cn"].append((plane + 0xFFFE, plane + 0xFFFF))
    return {name: union(ranges) for name, ranges in found.items()}


_LONG_NAMES = {
    "Letter": "L", "Cased_Letter": "LC", "Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll", "Titlecase_Letter": "Lt",
    "Modifier_Letter": "Lm", "Other_Letter": "Lo", "Mark": "M", "Combining_Mark": "M", "Nonspacing_Mark": "Mn",
    "Spacing_Mark": "Mc", "Enclosing_Mark": "Me", "Number": "N", "Decimal_Number": "Nd", "digit": "Nd",
    "Letter_Number": "Nl", "Other_Number": "No", "Punctuation": "P", "punct": "P", "Connector_Punctuation": "Pc",
    "Dash_Punctuation": "Pd", "Open_Punctuation": "Ps", "Close_Punctuation": "Pe", "Initial_Punctuation": "Pi",
    "Final_Punctuation": "Pf", "Other_Punctuation": "Po", "Symbol": "S", "Math_Symbol": "Sm", "Currency_Symbol": "Sc",
    "Modifier_Symbol": "Sk", "Other_Symbol": "So", "Separator": "Z", "Space_Separator": "Zs", "Line_Separator": "Zl",
    "Paragraph_Separator": "Zp", "Other": "C", "Control": "Cc", "cntrl": "Cc", "Format": "Cf", "Surrogate": "Cs",
    "Private_Use": "Co", "Unassigned": "Cn",
}  # fmt: skip


@lru_cache(maxsize=256)
def unicode_property(name: str) -> CodePoints | None:
    r"""What `\p{name}` matches; None if the name is not known here.

    Known are the general categories by short and long name, alone or as `gc=` and `General_Category=`, and `Any`,
    `ASCII`, `Assigned`.
    """
    if name in ("Any", "ASCII"):
        return ANY if name == "Any" else ((0, 127),)
    if name == "Assigned":
        return negation(_categories()["Cn"])
    kind, _, value = name.rpartition("=")
    if kind not in ("", "gc", "General_Category"):
        return None
    short = _LONG_NAMES.get(value, value)
    wanted = ("Lu", "Ll", "Lt") if short == "LC" else (short,)
    found = [ranges for category, ranges in _categories().items() if category.startswith(wanted)]
    return union(*found) if found and short else None


#: No plane beyond has characters with case.
_LAST_CASED = 0x1FFFF
#: Equal but for case, by a mapping to several letters that they share.
_TWINS = ((0x390, 0x1FD3), (0x3B0, 0x1FE3), (0xFB05, 0xFB06))


def _cased_characters() -> Iterator[str]:
    """All characters with case, and a few near them: a block that no mapping changes has none."""
    for first in range(0, _LAST_CASED, 64):
        block = "".join(map(chr, range(first, first + 64)))
        if not block == block.lower() == block.upper() == block.casefold():
            yield from block


@cache
def _orbits(simple: bool) -> dict[int, tuple[int, ...]]:
    """The code points that differ from a cased one only in case, itself included; in the order of the cased ones."""
    key_of = _folded if simple else _lowered
    members: defaultdict[int, set[int]] = defaultdict(set)
    for char in _cased_characters():
        key = key_of(char)
        if key != ord(char) or char.upper() != char:
            members[key] |= {ord(char), key}
    for one, other in _TWINS:
        members[one] |= {one, other}
    found = {code: tuple(sorted(orbit)) for orbit in members.values() if len(orbit) > 1 for code in orbit}
    return dict(sorted(found.items()))


@cache
def _cased_codes(simple: bool) -> tuple[int, ...]:
    """The code points that `_orbits` knows, ascending."""
    return tuple(_orbits(simple))


def _folded(char: str) -> int:
    """Simple case folding, which is what ECMA-262 compares by."""
    return next((ord(c) for c in (char.casefold(), char.lower()) if len(c) == 1), ord(char))


def _lowered(char: str) -> int:
    """What Python's `re` compares by: the lower case of the upper case."""
    upper = char.upper() if len(char.upper()) == 1 else char
    return ord(upper.lower()[0])


@lru_cache(maxsize=1024)
def fold_case(ranges: CodePoints, *, ascii_only: bool = False, simple: bool = False) -> CodePoints:
    """The set and every code point that differs from a member only in case.

    `ascii_only` folds a-z alone; `simple` is Unicode's simple case folding (ECMA-262) instead of what Python's `re`
    does.
    """
    if ascii_only:
        small, large = intersection(ranges, ((97, 122),)), intersection(ranges, ((65, 90),))
        return union(ranges, [(lo - 32, hi - 32) for lo, hi in small], [(lo + 32, hi + 32) for lo, hi in large])
    orbits, codes = _orbits(simple), _cased_codes(simple)
    inside = (codes[bisect_left(codes, lo) : bisect_right(codes, hi)] for lo, hi in ranges)
    return union(ranges, ((other, other) for part in inside for code in part for other in orbits[code]))
