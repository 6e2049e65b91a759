"""Code point sets against the standard library."""

from __future__ import annotations

import re
import string
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syntagma.grammar import unicode
from syntagma.grammar.ir import NOTHING, ByteSet
from syntagma.grammar.regular import accepts, compile_regular, is_prefix_free, shortest

CHARACTERS = [chr(c) for c in range(unicode.LAST + 1) if not 0xD800 <= c <= 0xDFFF]
#: Ends of the lengths of UTF-8 and of the surrogates.
BORDERS = [0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF]

codes = st.one_of(st.sampled_from(BORDERS), st.integers(0, unicode.LAST))
sets = st.lists(st.tuples(codes, codes).map(sorted).map(tuple), max_size=5)


def members(ranges: unicode.CodePoints) -> set[int]:
    return {code for lo, hi in ranges for code in range(lo, hi + 1)}


def encoded(code: int) -> bytes:
    return chr(code).encode(errors="surrogatepass")


@given(sets, st.lists(codes, max_size=20))
def test_code_points_are_their_utf8(ranges: list[tuple[int, int]], others: list[int]) -> None:
    dfa = compile_regular(unicode.code_points(unicode.union(ranges)))
    assert is_prefix_free(dfa)
    near = {min(max(end + d, 0), unicode.LAST) for r in ranges for end in r for d in (-1, 0, 1)}
    for code in {*near, *others, *BORDERS}:
        inside = any(lo <= code <= hi for lo, hi in ranges) and not 0xD800 <= code <= 0xDFFF
        assert bool(accepts(dfa, encoded(code))) == inside


@given(sets, sets)
def test_set_operations(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    left, right = unicode.union(a), unicode.union(b)
    assert unicode.negation(unicode.negation(left)) == left
    assert unicode.union(left, right) == unicode.union(right, left)
    both = unicode.intersection(left, right)
    for code in {end for r in (*a, *b) for end in r} | set(BORDERS):
        assert unicode.contains(both, code) == (unicode.contains(left, code) and unicode.contains(right, code))
    assert all(one[1] + 1 < other[0] for one, other in pairwise(left))


def test_any_code_point_is_all_of_utf8_and_nothing_else() -> None:
    dfa = compile_regular(unicode.any_code_point)
    assert dfa.n_states == 10
    assert all(accepts(dfa, char.encode()) for char in CHARACTERS[::97])
    for wrong in (
        b"",
        b"\x80",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf5",
    ):
        assert not accepts(dfa, wrong)
    assert shortest(dfa) == b"\x00"
    assert unicode.code_points(unicode.SURROGATES) == NOTHING
    assert unicode.code_points(((0, 127),)) == ByteSet((1 << 128) - 1)


@pytest.mark.parametrize(
    ("ours", "pattern"), [(unicode.words, r"\w"), (unicode.digits, r"\d"), (unicode.spaces, r"\s")]
)
def test_shorthands_are_those_of_re(ours: object, pattern: str) -> None:
    found = members(ours())  # type: ignore[operator]
    assert found == {ord(char) for char in re.findall(pattern, "".join(CHARACTERS))}


def test_categories() -> None:
    upper = unicode.unicode_property("Lu")
    assert upper is not None
    assert members(upper) == {ord(c) for c in CHARACTERS if unicodedata.category(c) == "Lu"}
    assert upper == unicode.unicode_property("gc=Uppercase_Letter")
    letters = unicode.unicode_property("Letter")
    assert letters == unicode.union(*(unicode.unicode_property(n) or () for n in ("Lu", "Ll", "Lt", "Lm", "Lo")))
    assert unicode.unicode_property("Any") == unicode.ANY
    assert unicode.unicode_property("ASCII") == ((0, 127),)
    assigned, unassigned = unicode.unicode_property("Assigned"), unicode.unicode_property("Cn")
    assert assigned is not None
    assert unicode.negation(assigned) == unassigned
    for name in ("Greek", "Script=Greek", "L=Lu", "", "Le", "gc="):
        assert unicode.unicode_property(name) is None


def test_case_folding_is_that_of_re() -> None:
    cased = "".join(char for char in CHARACTERS if char.lower() != char or char.upper() != char)
    for char in cased[::5]:
        folded = unicode.fold_case(((ord(char), ord(char)),))
        assert {chr(code) for code in members(folded)} == {char, *re.findall(f"(?i){char}", cased)}
    assert unicode.fold_case(((0x4B, 0x4B), (0x62, 0x63)), ascii_only=True) == (
        (66, 67),
        (75, 75),
        (98, 99),
        (107, 107),
    )
    assert unicode.contains(unicode.fold_case(((0x4B, 0x4B),), simple=True), 0x212A)
    assert not unicode.contains(unicode.fold_case(((0x69, 0x69),), simple=True), 0x131)


def test_case_folding_of_ascii_letters() -> None:
    """By the definition, over all characters: what `re` matches, and what has the same simple case folding."""
    everything = "".join(CHARACTERS)
    foldings = [(char, folding) for char in CHARACTERS if len(folding := char.casefold()) == 1 and folding.isascii()]
    for char in string.ascii_letters:
        code = ord(char)
        assert members(unicode.fold_case(((code, code),))) == {ord(c) for c in re.findall(f"(?i){char}", everything)}
        alike = {ord(other) for other, folding in foldings if folding == char.lower()}
        assert members(unicode.fold_case(((code, code),), simple=True)) == alike


@pytest.mark.parametrize("simple", [False, True])
def test_case_folding_of_a_set_is_that_of_its_members(simple: bool) -> None:
    ranges = ((0x41, 0x4B), (0x130, 0x180), (0x3A3, 0x3A3), (0x1E900, 0x1E910))
    each = [unicode.fold_case(((code, code),), simple=simple) for code in sorted(members(ranges))]
    assert unicode.fold_case(ranges, simple=simple) == unicode.union(*each)


def test_no_plane_beyond_has_case() -> None:
    beyond = "".join(CHARACTERS[CHARACTERS.index("\U00020000") :])
    assert beyond == beyond.lower() == beyond.upper() == beyond.casefold()
