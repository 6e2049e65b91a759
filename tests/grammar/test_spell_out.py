"""Objects and lists spelled out accept what the nodes mean by definition."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_grammar import language

from syntagma.errors import BudgetExceeded
from syntagma.grammar.ir import NOTHING, Bytes, Expr, Grammar, Items, Member, Members, OtherMembers, Repeat, byte_set
from syntagma.grammar.spell_out import spell_out

VALUES = st.sampled_from([Bytes(b"1"), Bytes(b"2"), Repeat(Bytes(b"1"), 0, 2)])
BOUNDS = st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(0, 4)))


@st.composite
def members(draw: st.DrawFn) -> Members:
    """Objects with keys of one letter."""
    names = draw(st.permutations([b"a", b"b", b"c"]))[: draw(st.integers(0, 3))]
    values = st.one_of(VALUES, st.just(NOTHING))
    keys = tuple(Member(Bytes(name), draw(values), draw(st.booleans())) for name in names)
    other = (OtherMembers(byte_set((97, 100)), draw(VALUES)),) if draw(st.booleans()) else ()
    low, high = draw(BOUNDS)
    order = draw(st.sampled_from(["schema", "any"]))
    return Members(keys, other, order, Bytes(b"1"), min=low, max=high)


@st.composite
def items(draw: st.DrawFn) -> Items:
    """Lists of short items."""
    low, high = draw(BOUNDS)
    rest = draw(st.one_of(st.none(), VALUES))
    return Items(tuple(draw(st.lists(VALUES, max_size=3))), rest, low, high)


@settings(max_examples=60, deadline=None)
@given(items())
def test_lists_are_unchanged(node: Expr) -> None:
    rules = {"start": node}
    expected = language(Grammar("start", rules), b"12,", 6)
    assert language(Grammar("start", spell_out(rules)), b"12,", 6) == expected


@settings(max_examples=40, deadline=None)
@given(members())
def test_objects_are_unchanged(node: Expr) -> None:
    rules = {"start": node}
    alphabet, longest = b"ad1,", 7
    expected = language(Grammar("start", rules), alphabet, longest)
    assert language(Grammar("start", spell_out(rules)), alphabet, longest) == expected


def test_too_many_orders_are_refused() -> None:
    keys = tuple(Member(Bytes(bytes([97 + k])), Bytes(b"1")) for k in range(20))
    with pytest.raises(BudgetExceeded, match="members of objects"):
        spell_out({"start": Members(keys, order="any")})
