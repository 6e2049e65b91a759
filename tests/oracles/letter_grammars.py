"""Random grammars over the letters a and b, with bounds, guards, special tokens and intersections."""

from __future__ import annotations

from hypothesis import strategies as st
from oracles.checks import LengthIs, Without
from oracles.naive_mask import is_empty

from syntagma.grammar.ir import (
    EMPTY,
    NOTHING,
    Alt,
    And,
    Bytes,
    Expr,
    Grammar,
    Guarded,
    Items,
    Ref,
    Repeat,
    Seq,
    Token,
    byte_set,
)

A, B = Bytes(b"a"), Bytes(b"b")
LETTER = byte_set((0x61, 0x7A))

checks = st.one_of(st.builds(LengthIs, st.booleans()), st.builds(Without, st.sampled_from([b"a", b"ab", b"", b"aab"])))

BOUNDS = [(0, 17), (17, 17), (0, 20), (18, 20), (17, None), (2, 40), (16, 18)]
LEAVES: list[Expr] = [
    A,
    B,
    A,
    B,
    *map(Ref, "sxyz"),
    Ref("x"),
    EMPTY,
    NOTHING,
    Bytes(b"ab"),
    byte_set(97, 98),
    Token(name="<x>"),
]


def _bounded(words: list[bytes], bound: tuple[int, int | None]) -> Expr:
    """A string of some words whose length is bounded, if there is one."""
    both = And((Repeat(Alt(tuple(map(Bytes, words)))), Repeat(LETTER, *bound)))
    return A if is_empty(both) else Seq((A, both, Bytes(b".")))


def _grown(inner: st.SearchStrategy[Expr], guarded: bool) -> st.SearchStrategy[Expr]:
    some = st.lists(inner, max_size=3).map(tuple)
    few = st.integers(0, 2)
    kinds = [
        some.map(Seq),
        some.map(Seq),
        some.map(Alt),
        some.map(Alt),
        st.builds(Repeat, inner, few, st.sampled_from([None, None, 0, 1, 2, 3])),
        st.builds(lambda item, bound: Repeat(item, *bound), inner, st.sampled_from(BOUNDS)),
        st.builds(
            _bounded,
            st.lists(st.sampled_from([b"a", b"b", b"ab", b"aa", b"aab"]), min_size=1, max_size=3),
            st.sampled_from(BOUNDS),
        ),
        st.builds(Items, some, st.one_of(st.none(), inner), few, st.sampled_from([None, 1, 3]), st.just(B)),
    ]
    if guarded:
        kinds += [st.builds(Guarded, inner, checks)] * 2
    return st.one_of(kinds)


def grammars(guarded: bool) -> st.SearchStrategy[Grammar]:
    expressions = st.recursive(st.sampled_from(LEAVES), lambda inner: _grown(inner, guarded), max_leaves=6)
    return st.builds(lambda *bodies: Grammar("s", dict(zip("sxyz", bodies, strict=True))), *[expressions] * 4)
