"""Random grammars of JSON-like texts: strings, numbers, lists and objects, with or without guards."""

from __future__ import annotations

from hypothesis import strategies as st
from oracles.letter_grammars import LETTER, checks

from syntagma.grammar.ir import (
    NOTHING,
    Alt,
    Bytes,
    Expr,
    Grammar,
    Guarded,
    Items,
    Member,
    Members,
    OtherMembers,
    Ref,
    Repeat,
    Seq,
    Spelled,
    byte_set,
)

CHAR = byte_set((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E))
QUOTE = Bytes(b'"')


def quoted(*inside: Expr) -> Expr:
    return Seq((QUOTE, *inside, QUOTE))


ANY_STRING = quoted(Repeat(Alt((CHAR, Seq((Bytes(b"\\"), byte_set(0x22, 0x5C, 0x61)))))))
NUMBER = Seq(
    (
        byte_set((0x30, 0x39)),
        Repeat(byte_set((0x30, 0x39))),
        Repeat(Seq((Bytes(b"."), Repeat(byte_set((0x30, 0x39)), 1))), 0, 1),
    )
)
SPACE = Bytes(b" ")
COMMAS: list[Expr] = [
    Bytes(b","),
    Seq((Bytes(b","), Repeat(SPACE))),
    Seq((Repeat(SPACE), Bytes(b","), Repeat(SPACE, 0, 1))),
]
COLONS: list[Expr] = [Bytes(b":"), Seq((Bytes(b":"), Repeat(SPACE))), Seq((Repeat(SPACE, 0, 1), Bytes(b":")))]
NAMES = ["", "a", "b", "ab", "aa", "ba", "bb", "aab", "abb", "/", '"', "1"]
OTHERS: list[Expr] = [
    ANY_STRING,
    quoted(Repeat(byte_set((0x61, 0x7A)))),
    quoted(Bytes(b"a"), Repeat(CHAR)),
    quoted(Repeat(Bytes(b"b"), 1), Repeat(CHAR)),
]
ATOMS: list[Expr] = [
    Bytes(b"1"),
    Bytes(b"null"),
    NUMBER,
    ANY_STRING,
    quoted(Repeat(LETTER, 0, 20)),
    quoted(Repeat(LETTER, 2, 18)),
    Ref("s"),
    Ref("x"),
    Ref("y"),
]
bounds = st.sampled_from(
    [(0, None), (0, None), (0, None), (1, None), (0, 2), (1, 2), (2, 3), (0, 1), (2, None), (0, 0)]
)


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[Expr], closed: bool = False) -> Expr:
    """The members of an object: declared, required, forbidden and other keys, in some order and number."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=5, unique=True))
    spelled = draw(st.booleans())
    keys = []
    for name in names:
        plain = b'"' + name.replace('"', '\\"').encode() + b'"'
        required = draw(st.sampled_from([False, False, True]))
        value = NOTHING if not required and draw(st.integers(0, 7)) == 0 else draw(values)
        keys.append(Member(Spelled(name) if spelled else Bytes(plain), value, required))
    kinds = [] if closed else draw(st.sampled_from([[], [], OTHERS[:1], OTHERS[1:2], OTHERS[2:], OTHERS[2:3]]))
    other = tuple(OtherMembers(kind, draw(values)) for kind in kinds)
    low, high = draw(bounds)
    order = draw(st.sampled_from(["schema", "any"]))
    colon, comma = draw(st.sampled_from(COLONS)), draw(st.sampled_from(COMMAS))
    return Seq((Bytes(b"{"), Members(tuple(keys), other, order, colon, comma, low, high), Bytes(b"}")))


@st.composite
def lists(draw: st.DrawFn, values: st.SearchStrategy[Expr]) -> Expr:
    prefix = tuple(draw(st.lists(values, max_size=3)))
    rest = draw(st.one_of(st.none(), values))
    low, high = draw(bounds)
    return Seq((Bytes(b"["), Items(prefix, rest, low, high, draw(st.sampled_from(COMMAS))), Bytes(b"]")))


def values(guarded: bool) -> st.SearchStrategy[Expr]:
    def grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
        kinds = [
            objects(inner),
            objects(inner),
            lists(inner),
            st.lists(inner, min_size=2, max_size=3).map(lambda x: Alt(tuple(x))),
        ]
        if guarded:
            kinds += [st.builds(Guarded, inner, checks)] * 2
        return st.one_of(kinds)

    return st.recursive(st.sampled_from(ATOMS), grown, max_leaves=8)


def documents(guarded: bool) -> st.SearchStrategy[Grammar]:
    return st.builds(
        lambda s, x, y: Grammar("s", {"s": s, "x": x, "y": y}),
        objects(values(guarded)),
        values(guarded),
        values(guarded),
    )
