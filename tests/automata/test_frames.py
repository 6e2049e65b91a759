"""Frames: what is shared between rules that differ only in the rules they call, and what is dropped."""

from __future__ import annotations

import pytest

from syntagma.automata import frames
from syntagma.automata.block import Block
from syntagma.automata.frames import Frames
from syntagma.automata.lower import Lowerer
from syntagma.automata.lowered import Lowered
from syntagma.grammar.ir import Alt, Bytes, Expr, Grammar, Items, Member, Members, Ref, Seq, Token

RULES: dict[str, Expr] = {"a": Bytes(b"1"), "b": Bytes(b"2")}


def no_token(token: Token) -> int:
    raise AssertionError(token)


def lowered(body: Expr) -> Lowered:
    lowerer = Lowerer(Grammar("s", {"s": body, **RULES}), lambda expr: False, no_token, 1000)
    return lowerer.lower(lowerer.rule_id(Ref("s")))


def members(first: str, second: str) -> Members:
    return Members((Member(Bytes(b'"x"'), Ref(first), True), Member(Bytes(b'"xy"'), Ref(second))))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (members("a", "b"), members("b", "a")),
        (Items((Ref("a"),), Ref("b")), Items((Ref("b"),), Ref("a"))),
        (Seq((Bytes(b"("), Ref("a"), Ref("b"))), Seq((Bytes(b"("), Ref("b"), Ref("a")))),
        (Alt((Bytes(b"x"), Ref("a"))), Alt((Bytes(b"x"), Ref("b")))),
    ],
)
def test_rules_that_differ_in_what_they_call_share_a_block(one: Expr, other: Expr) -> None:
    first, second = lowered(one), lowered(other)
    assert first.block is second.block
    assert len(first.callees) == len(second.callees) > 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (members("a", "b"), Members(members("a", "b").keys[:1])),
        (members("a", "b"), Members(members("a", "b").keys, order="any")),
        (Items((Ref("a"),), Ref("b")), Items((Ref("a"),), Ref("b"), max=3)),
        (Seq((Ref("a"), Ref("b"))), Seq((Ref("a"), Ref("a")))),
        (Alt((Ref("a"), Ref("b"))), Seq((Ref("a"), Ref("b")))),
    ],
)
def test_other_rules_have_blocks_of_their_own(one: Expr, other: Expr) -> None:
    assert lowered(one).block.tobytes() != lowered(other).block.tobytes()


@pytest.fixture
def few_bytes(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(frames, "MAX_BYTES", 1000)
    return 1000


def test_frames_made_first_are_dropped(few_bytes: int) -> None:
    def make() -> Lowered:
        block = Block()
        block.state()
        return block.finish()

    known = Frames()
    size = known.lowered("first", [], make).block.nbytes
    assert known.lowered("first", [1], make).block is known.lowered("first", [2], make).block
    first = known.lowered("first", [], make).block
    for k in range(few_bytes // size):
        known.lowered(k, [], make)
    assert known.lowered("first", [], make).block is not first
