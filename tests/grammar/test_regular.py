"""Byte DFAs of regular expressions: the language, the canonical form, the limits."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracles.naive_regular import matches, strings

from syntagma.errors import BudgetExceeded, GrammarError
from syntagma.grammar import regular
from syntagma.grammar.ir import (
    ANY_BYTE,
    EMPTY,
    NOTHING,
    Alt,
    And,
    Bytes,
    ByteSet,
    Expr,
    Lexeme,
    Not,
    Ref,
    Repeat,
    Seq,
    Spelled,
    byte_set,
    optional,
)
from syntagma.grammar.regular import compile_labelled, compile_regular

WORDS = strings(b"abc", 4)

leaves = st.one_of(
    st.lists(st.sampled_from(b"abc"), max_size=3).map(lambda word: Bytes(bytes(word))),
    st.sets(st.sampled_from(b"abc"), max_size=3).map(lambda s: byte_set(*s)),
    st.just(ANY_BYTE),
)


def _larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    items = st.lists(inner, max_size=3).map(tuple)
    bounds = st.tuples(st.integers(0, 2), st.none() | st.integers(0, 2))
    return st.one_of(
        items.map(Seq),
        items.map(Alt),
        items.filter(bool).map(And),
        inner.map(Not),
        inner.map(lambda e: Lexeme(e, "x")),
        st.tuples(inner, bounds).map(lambda p: Repeat(p[0], p[1][0], None if p[1][1] is None else sum(p[1]))),
    )


expressions = st.recursive(leaves, _larger, max_leaves=8)


def language(dfa: regular.Dfa) -> list[int]:
    return [regular.accepts(dfa, word) for word in WORDS]


@settings(deadline=None)
@example(Repeat(Repeat(Bytes(b"a"), 0, 0)))
@given(expressions)
def test_the_dfa_accepts_what_the_definition_says(expr: Expr) -> None:
    dfa = compile_regular(expr)
    assert language(dfa) == [matches(expr, word) for word in WORDS]
    assert regular.is_nullable(expr) == matches(expr, b"")
    assert regular.is_regular(expr)


@settings(deadline=None)
@given(st.lists(expressions, max_size=4))
def test_labels_are_those_of_the_first_expression_that_matches(exprs: list[Expr]) -> None:
    dfa = compile_labelled(exprs)
    want = [next((i for i, e in enumerate(exprs, 1) if matches(e, word)), 0) for word in WORDS]
    assert language(dfa) == want


@settings(deadline=None)
@given(expressions, expressions)
def test_set_operations_and_the_canonical_form(a: Expr, b: Expr) -> None:
    left, right = compile_regular(a), compile_regular(b)
    assert regular.intersect(left, right) == compile_regular(And((a, b)))
    assert regular.difference(left, right) == compile_regular(And((a, Not(b))))
    assert regular.complement(left) == compile_regular(Not(a))
    assert compile_regular(Alt((a, b))) == compile_regular(Not(And((Not(a), Not(b)))))
    assert regular.is_empty(left) == (regular.shortest(left) is None)


@settings(deadline=None)
@given(expressions)
def test_the_table_is_trim_and_minimal(expr: Expr) -> None:
    dfa = compile_regular(expr)
    assert dfa.trans.dtype == dfa.accept.dtype == np.int32
    assert dfa.class_of_byte.dtype == np.uint8
    assert dfa.trans.flags.c_contiguous
    assert not dfa.trans.flags.writeable
    assert not dfa.trans[0].any()
    assert dfa.accept[0] == 0
    assert len(np.unique(dfa.trans, axis=1).T) == dfa.n_classes == dfa.class_of_byte.max() + 1
    if regular.is_empty(dfa):
        assert dfa.n_states == 2
        return
    assert len(set(_blocks(dfa))) == dfa.n_states


def _blocks(dfa: regular.Dfa) -> list[int]:
    """Moore's partition: states of one block accept the same strings; DEAD alone accepts none."""
    block = dfa.accept
    for _ in range(dfa.n_states):
        rows = np.column_stack([dfa.accept, block, block[dfa.trans]])
        block = np.unique(rows, axis=0, return_inverse=True)[1].ravel()
    return block.tolist()


@settings(deadline=None)
@given(expressions)
def test_shortest_and_prefix_freedom(expr: Expr) -> None:
    dfa = compile_regular(expr)
    accepted = [word for word in WORDS if matches(expr, word)]
    shortest = regular.shortest(dfa)
    if accepted:
        assert shortest is not None
        assert len(shortest) <= len(accepted[0])
        assert matches(expr, shortest)
    if regular.is_prefix_free(dfa):
        assert not any(a != b and b.startswith(a) for a in accepted for b in accepted)


def test_prefix_freedom() -> None:
    assert regular.is_prefix_free(compile_regular(Alt((Bytes(b"ab"), Bytes(b"ba")))))
    assert not regular.is_prefix_free(compile_regular(Alt((Bytes(b"ab"), Bytes(b"abc")))))
    assert regular.is_prefix_free(compile_regular(NOTHING))
    assert regular.is_prefix_free(compile_regular(EMPTY))


def test_spelled_accepts_every_json_spelling() -> None:
    dfa = compile_regular(Spelled('a"\n/😀é'))
    for head in ("a", r"\u0061"):
        for quote in (r"\"", r"\u0022"):
            for line in (r"\n", r"\u000a", r"\u000A"):
                for slash in ("/", r"\/", r"\u002f"):
                    for face in ("😀", r"\ud83d\uDE00"):
                        assert regular.accepts(dfa, f'"{head}{quote}{line}{slash}{face}é"'.encode())
    for wrong in ('"a"', '"a"\n/😀é"', r'"\a\"\n/😀é"', r'"a\"\n/\u1f600é"'):
        assert not regular.accepts(dfa, wrong.encode())


def test_many_literals_share_prefixes_and_suffixes() -> None:
    rng = random.Random(1)
    words = [bytes(rng.choices(b"abcdef", k=rng.randint(0, 9))) for _ in range(3000)]
    dfa = compile_regular(Alt(tuple(map(Bytes, words))), limit=10)
    assert all(regular.accepts(dfa, word) for word in words)
    others = [bytes(rng.choices(b"abcdef", k=rng.randint(0, 9))) for _ in range(3000)]
    assert [bool(regular.accepts(dfa, w)) for w in others] == [w in set(words) for w in others]
    quoted = Seq((Bytes(b'"'), Alt((*map(Bytes, words), Repeat(Bytes(b"z"), 1))), Bytes(b'"')))
    dfa = compile_regular(quoted, limit=100)
    assert all(regular.accepts(dfa, b'"' + word + b'"') for word in words)
    assert regular.accepts(dfa, b'"zzz"')
    assert not regular.accepts(dfa, b'"zzza"')


AB = byte_set(97, 98)
HOSTILE = {
    "exponential": Seq((Repeat(AB), Bytes(b"a"), Repeat(AB, 20, 20))),
    "long": Repeat(Bytes(b"a"), 10**9, 10**9),
    "quadratic": Repeat(Alt((Bytes(b"a"), Seq((AB, AB, AB)))), 0, 10**6),
    "squared": Repeat(Repeat(Repeat(Alt((Bytes(b"a"), Bytes(b"bc"))), 1, 1000), 1, 1000), 1, 1000),
    "negated": And((Repeat(AB), Not(Seq((Repeat(ANY_BYTE), Bytes(b"a"), Repeat(AB, 30, 30)))))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_limit_holds_promptly(name: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(BudgetExceeded, match="automaton states"):
        compile_regular(HOSTILE[name])
    assert time.perf_counter() - begin < 5


def test_products_keep_the_limit() -> None:
    rings = [compile_regular(Repeat(Bytes(b"a" * n))) for n in (97, 101)]
    assert regular.intersect(*rings).n_states == 97 * 101 + 1
    with pytest.raises(BudgetExceeded):
        regular.intersect(*rings, limit=1000)


def test_deep_nesting_is_an_error() -> None:
    expr: Expr = Bytes(b"a")
    for _ in range(100_000):
        expr = Seq((expr, Bytes(b"b")))
    with pytest.raises(BudgetExceeded, match="nesting"):
        compile_regular(expr)


def test_collapsing_repetitions_need_no_states() -> None:
    a = Bytes(b"a")
    star = compile_regular(Repeat(a))
    for expr in (Repeat(Repeat(a), 5, 10**9), Repeat(optional(a), 10**6), Repeat(Repeat(a, 0, 9), 3)):
        assert compile_regular(expr) == star
    assert compile_regular(Repeat(Repeat(a), 0, 0)) == compile_regular(EMPTY)
    assert compile_regular(ByteSet(0)) == compile_regular(NOTHING)


def test_irregular_parts_are_refused() -> None:
    expr = Seq((Bytes(b"a"), Ref("x")))
    assert not regular.is_regular(expr)
    with pytest.raises(GrammarError, match="kind Ref"):
        compile_regular(expr)
    with pytest.raises(TypeError, match="kind Ref"):
        regular.is_nullable(Ref("x"))
    with pytest.raises(GrammarError, match="at least its minimum 3"):
        compile_regular(Repeat(Bytes(b"a"), 3, 2))
