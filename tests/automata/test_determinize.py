"""Machines made deterministic by kernels: the same, state by state, as those of the plain constructions."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.automata import _layout_kernels as L
from syntagma.automata import determinize as arrays
from syntagma.automata.determinize import MoveTable, machine_or_table, move_table
from syntagma.automata.lower import Lowerer, machine_block
from syntagma.automata.lowered import Lowered
from syntagma.errors import BudgetExceeded
from syntagma.grammar import nfa as plain
from syntagma.grammar.character_classes import over_classes
from syntagma.grammar.ir import (
    ANY_BYTE,
    EMPTY,
    NOTHING,
    Alt,
    And,
    Bytes,
    ByteSet,
    Expr,
    Grammar,
    Lexeme,
    Not,
    Ref,
    Repeat,
    Seq,
    byte_set,
)
from syntagma.grammar.jsonschema.formats import FORMATS
from syntagma.grammar.jsonschema.scalars import pattern_body, pattern_text
from syntagma.grammar.machine import Machine
from syntagma.grammar.regex import parse_regex

LIMIT = 20_000
FORMATS_READ = sorted(FORMATS)
PATTERNS = [
    r"[a-z]{2,9}(-[a-z0-9]+){0,9}@([a-z]{1,9}\.){1,5}(com|org|net)",
    r"(a|b)*a(a|b){6}",
    r"(é|[ü-ߚ]|🦊)*x",
    "(?:" + "|".join(f"[a-f]{{{n}}}{n}" for n in range(1, 30)) + ")",
]

leaves = st.one_of(
    st.lists(st.sampled_from(b"abc"), max_size=3).map(lambda word: Bytes(bytes(word))),
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=3).map(
        lambda pairs: byte_set(*(tuple(sorted(pair)) for pair in pairs))
    ),
    st.sampled_from([ANY_BYTE, EMPTY, NOTHING]),
)


def _larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    items = st.lists(inner, max_size=4).map(tuple)
    bounds = st.tuples(st.integers(0, 2), st.none() | st.integers(0, 3))
    return st.one_of(
        items.map(Seq),
        items.map(Alt),
        items.filter(bool).map(And),
        inner.map(Not),
        st.tuples(inner, bounds).map(lambda p: Repeat(p[0], p[1][0], None if p[1][1] is None else sum(p[1]))),
    )


expressions = st.recursive(leaves, _larger, max_leaves=14)


def agrees(exprs: tuple[Expr, ...]) -> MoveTable:
    """The machine of the kernels, which is that of the plain constructions, numbers and the order of edges included."""
    nfa, start, n_finals = plain.nfa_of(exprs, LIMIT)
    table = move_table(nfa, start, n_finals)
    wanted, found = plain.construct_plainly(nfa, start, n_finals), table.machine()
    assert found == wanted
    assert [list(row) for row in found.rows] == [list(row) for row in wanted.rows]
    return table


@settings(max_examples=300, deadline=None)
@given(st.lists(expressions, min_size=1, max_size=3).map(tuple))
def test_random_expressions(exprs: tuple[Expr, ...]) -> None:
    agrees(exprs)


@pytest.mark.parametrize("name", FORMATS_READ)
def test_formats(name: str) -> None:
    body = pattern_body(FORMATS[name].sure, False, True)
    assert body is not None
    table = agrees((body,))
    same_block(table.lowered(), machine_block(table.machine()).finish())


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("room", [1, 4])
def test_patterns_from_little_room(pattern: str, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "ROOM", room)
    table = agrees((parse_regex(pattern),))
    same_block(table.lowered(), machine_block(table.machine()).finish())


def same_block(found: Lowered, wanted: Lowered) -> None:
    """Equal but for where nothing lies: calls and tokens of states without any."""
    both = [found.block.copy(), wanted.block.copy()]
    for block in both:
        records = block[L.B_HEADER : L.B_HEADER + block[L.B_STATES] * L.ST].reshape(-1, L.ST)
        assert not records[:, [L.S_NCALLS, L.S_NTOKENS]].any()
        records[:, [L.S_CALLS, L.S_TOKENS]] = 0
    assert np.array_equal(*both)
    assert found.terminal
    assert found[1:-1] == wanted[1:-1]


@pytest.mark.parametrize("limit", [1, 10, 100, 126, 127, 128, 255, 256])
def test_the_same_limit(limit: int) -> None:
    """Both stop at the same number of states: 128 for (a|b)*a(a|b){6}."""
    expr = parse_regex(r"(a|b)*a(a|b){6}")
    verdicts = []
    for construct in (plain.construct_plainly, lambda *args: move_table(*args).machine()):
        try:
            plain.determinize((expr,), limit, construct)
            verdicts.append("done")
        except BudgetExceeded as error:
            verdicts.append(str(error))
    assert verdicts[0] == verdicts[1]
    assert (verdicts[0] == "done") == (limit >= 128)


def test_what_explodes_stops_soon() -> None:
    expr = parse_regex("(a|b)*a(a|b){60}")
    with pytest.raises(BudgetExceeded, match="automaton states"):
        machine_or_table(expr, LIMIT)


def test_steps_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    expr = parse_regex("[ab]{200}")
    assert isinstance(machine_or_table(expr, LIMIT), MoveTable)
    monkeypatch.setattr(arrays, "STEPS", 100)
    with pytest.raises(BudgetExceeded, match="automaton states"):
        machine_or_table(expr, LIMIT)


def test_large_machines_are_made_by_kernels() -> None:
    large, small = parse_regex("[ab]{200}"), parse_regex("[ab]{9}")
    assert isinstance(machine_or_table(large, LIMIT), MoveTable)
    assert isinstance(machine_or_table(small, LIMIT), Machine)
    both = arrays.determinize((And((large, Repeat(byte_set((0x61, 0x7A))))),), LIMIT)
    assert both == plain.determinize((large,), LIMIT)
    assert all(t == q + 1 for q, row in enumerate(both.rows) for t in row)
    assert [len(row) for row in both.rows] == [1] * 200 + [0]


def test_a_large_lexeme_stays_one() -> None:
    lexeme = Lexeme(parse_regex("[ab]{200}"), "x", 3)
    lowerer = Lowerer(Grammar("s", {"s": lexeme}), lambda expr: False, lambda token: 0, LIMIT)
    block = lowerer.lower(lowerer.rule_id(Ref("s")))
    assert (block.records[:, L.S_FLAGS] & L.LEXEME).all()
    assert block.block[L.B_PRIORITY] == 3


def test_classes_are_numbered_by_their_lowest_byte() -> None:
    table = agrees((parse_regex("[b-d]x|[c-z]|\\d"),))
    firsts = [int(np.flatnonzero(table.class_of == c)[0]) for c in range(table.moves.shape[1])]
    assert all(a < b for a, b in pairwise(firsts))


def test_what_few_states_need_long_for_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few states, each with edges on every class of bytes: the work is in looking at these."""
    monkeypatch.setattr(arrays, "STEPS", 1_000_000)
    rng = random.Random(1)
    chain = Seq(tuple(Repeat(ByteSet(rng.getrandbits(256)), 0, 1) for _ in range(200)))
    with pytest.raises(BudgetExceeded, match="automaton states"):
        machine_or_table(chain, LIMIT)


def _one_by_one(self: plain.Nfa, build: Callable[[int], int], then: int, n: int) -> tuple[int, range]:
    for _ in range(n):
        then = build(then)
    return then, range(0)


REPEATED = st.tuples(expressions, st.integers(0, 9), st.none() | st.integers(0, 9)).map(
    lambda parts: Repeat(parts[0], parts[1], None if parts[2] is None else parts[1] + parts[2])
)


@settings(max_examples=200, deadline=None)
@given(st.lists(REPEATED | expressions, min_size=1, max_size=3).map(lambda items: Seq(tuple(items))))
def test_moved_copies_are_those_that_are_built(expr: Expr) -> None:
    """However they nest and overlap: state by state."""
    found, start, _ = plain.nfa_of((Repeat(expr, 6, 8),), LIMIT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain.Nfa, "_copies", _one_by_one)
        wanted, begin, _ = plain.nfa_of((Repeat(expr, 6, 8),), LIMIT)
    assert start == begin
    assert found.edges == wanted.edges
    assert list(map(list, found.empty)) == list(map(list, wanted.empty))


def _optional(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return st.tuples(inner, st.integers(0, 2), st.integers(2, 12)).map(lambda p: Repeat(p[0], p[1], p[1] + p[2]))


#: Many optional copies, in and beside one another, perhaps before a text whose end is of no interest.
DEEP = st.recursive(leaves, lambda inner: st.one_of(_larger(inner), _optional(inner)), max_leaves=6)


@settings(max_examples=300, deadline=None)
@given(st.lists(DEEP, min_size=1, max_size=3).map(tuple), st.lists(st.booleans(), min_size=2, max_size=2))
def test_states_of_higher_rank_stand_for_the_others(parts: tuple[Expr, ...], ends: list[bool]) -> None:
    every = Repeat(ANY_BYTE)
    agrees((Seq((every,) * ends[0] + parts + (every,) * ends[1]),))
    agrees((Alt((Seq((*parts, every)), Seq((parts[0], Repeat(ByteSet(1 << 0x61)))))), *parts))


@pytest.mark.parametrize(
    ("pattern", "most"),
    [
        ("x.{1,60}y", 128),
        ("https?:\\/\\/[-a-z@:%._~#=]{1,256}\\.[a-z()]{1,6}\\b([-a-z()@:%_.~#?&/=]*)", 20_000),
        ("^([^~]*(~[01])*){1,512}$", 4_096),
        ("^(s3://[a-z][a-z-.]{1,61}[a-z]/?((.{1,1024})/)?)?$", 8_192),
    ],
)
def test_few_states_on_the_way(pattern: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ranks these take several times as many."""
    classed = over_classes([pattern_text(pattern) or EMPTY])
    assert classed is not None
    assert isinstance(machine_or_table(classed.exprs[0], most), MoveTable)
    monkeypatch.setattr(plain.Nfa, "_order", lambda *_: None)
    monkeypatch.setattr(plain.Nfa, "_note_tail", lambda *_: None)
    with pytest.raises(BudgetExceeded):
        machine_or_table(classed.exprs[0], 2 * most)
