"""The oracle itself: known languages, and its two readings against each other."""

import re
from dataclasses import dataclass

import pytest
from oracles.naive_grammar import language, matches, viable, viable_prefixes

from syntagma.grammar.ir import (
    ANY_BYTE,
    EMPTY,
    NOTHING,
    Alt,
    And,
    Bytes,
    Expr,
    Grammar,
    Guarded,
    Items,
    Lexeme,
    Member,
    Members,
    Not,
    OtherMembers,
    Ref,
    Repeat,
    Seq,
    Spelled,
    Token,
    byte_set,
)

A, B = Bytes(b"a"), Bytes(b"b")
S = Ref("s")


def grammar(s: Expr, **rules: Expr) -> Grammar:
    return Grammar("s", {"s": s, **rules})


def seq(*items: Expr) -> Seq:
    return Seq(items)


def alt(*items: Expr) -> Alt:
    return Alt(items)


@dataclass(frozen=True)
class EvenLength:
    pointer: str = "#"
    keyword: str = "even"

    def __call__(self, text: bytes) -> bool:
        return len(text) % 2 == 0


REGULAR = [
    (alt(seq(S, S), A), r"a+"),
    (alt(seq(Repeat(S, 0, 1), A), EMPTY), r"a*"),
    (alt(Ref("x"), A), r"a|b"),
    (Repeat(Repeat(A, 0, 1), 2, 3), r"a{0,3}"),
    (Repeat(Bytes(b"ab"), 2, None), r"(ab){2,}"),
    (Repeat(EMPTY, 5, None), r""),
    (Repeat(A, 3, 2), r"(?!)"),
    (And((Repeat(alt(A, B)), Not(seq(Repeat(ANY_BYTE), Bytes(b"bb"), Repeat(ANY_BYTE))))), r"(?!.*bb)[ab]*"),
    (Guarded(Repeat(A, 1), EvenLength()), r"(aa)+"),
    (seq(Lexeme(Repeat(A), "X"), A), r"a+"),
    (NOTHING, r"(?!)"),
    (seq(), r""),
    (Items((A,), B, 1, 3, Bytes(b"b")), r"a(bb){0,2}"),
    (Items((A, Bytes(b"aa")), None, 0, None, B), r"|a|abaa"),
    (Items((), Repeat(A, 0, 1), 2, None, B), r"a?(ba?)+"),
]


@pytest.mark.parametrize(("expr", "pattern"), REGULAR, ids=lambda x: x if isinstance(x, str) else "")
def test_known_languages(expr: Expr, pattern: str) -> None:
    rules = grammar(expr, x=alt(Ref("y"), B), y=Ref("s"))
    words = language(rules, b"ab", 6)
    every = language(grammar(Repeat(byte_set(97, 98))), b"ab", 6)
    assert len(every) == 127
    assert words == {w for w in every if re.fullmatch(pattern, w.decode())}
    assert words == {w for w in every if matches(rules, w)}


def test_palindromes_and_prefixes() -> None:
    rules = grammar(alt(seq(A, S, A), seq(B, S, B), EMPTY))
    words = language(rules, b"ab", 6)
    assert len(words) == 1 + 2 + 4 + 8
    assert all(w == w[::-1] for w in words)
    assert b"aba" in viable_prefixes(rules, b"ab", 6)
    assert b"abab" not in viable_prefixes(rules, b"ab", 6)
    assert viable(rules, b"abb", b"ab", 1)
    assert not viable(rules, b"aba", b"ab", 2)


def test_spellings() -> None:
    rules = grammar(Spelled("a/"))
    good = [b'"a/"', rb'"a\/"', rb'"\u0061/"', rb'"a\u002F"']
    bad = [b'"a"', b'"a/" ', b"a/", b' "a/"', rb'"\u61/"', b'"a/', b'"A/"', b'""']
    assert [matches(rules, text) for text in good + bad] == [True] * 4 + [False] * 8


@pytest.mark.parametrize("order", ["schema", "any"])
def test_members(order: str) -> None:
    a, b = Member(Bytes(b"a"), Bytes(b"1"), True), Member(Bytes(b"b"), Bytes(b"2"))
    other = OtherMembers(byte_set((97, 99)), Bytes(b"3"))
    node = Members((a, b), (other,), "any" if order == "any" else "schema", max=3)
    accepted = {"a:1", "a:1,b:2", "a:1,c:3", "a:1,b:2,c:3", "a:1,c:3,c:3"}
    if order == "any":
        accepted |= {"b:2,a:1", "c:3,a:1", "c:3,a:1,b:2", "b:2,c:3,a:1"}
    refused = {"", "b:2", "a:3", "a:1,a:1", "a:1,a:3", "a:1,b:3", "a:1,b:2,c:3,c:3", "a:1,", "c:3,b:2"}
    for text in accepted | refused:
        assert matches(grammar(node), text.encode()) == (text in accepted), text
    words = language(grammar(node), b"abc:,123", 5)
    assert words == {b"a:1"}


def test_tokens_are_symbols_of_their_own() -> None:
    end = Token(name="end")
    rules = grammar(seq(Repeat(ANY_BYTE), end, A))
    assert matches(rules, (98, end, 97))
    assert not matches(rules, (98, Token(id=3), 97))
    assert not matches(rules, b"ba")
    assert language(rules, b"ab", 3) == set()
