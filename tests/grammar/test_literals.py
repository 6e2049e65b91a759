"""Choices of literals."""

from __future__ import annotations

import time

import pytest

from syntagma.errors import EmptyLanguage
from syntagma.grammar.ir import Alt, Bytes
from syntagma.grammar.literals import Choice
from syntagma.grammar.regular import accepts, compile_regular


def test_options_keep_their_order_and_come_once() -> None:
    choice = Choice(["b", "é", b"a", "b"])
    grammar = choice.grammar()
    assert grammar.rules[grammar.start] == Alt((Bytes(b"b"), Bytes(b"\xc3\xa9"), Bytes(b"a")))
    assert Choice(["x", b"x"]).grammar().rules["start"] == Bytes(b"x")
    assert choice == Choice([b"b", "é", "a"]) != Choice(["b"])
    assert hash(choice) == hash(Choice([b"b", "é", "a"]))
    assert repr(Choice(list("abcde"))) == "Choice([b'a', b'b', b'c', b'd'] and more)"


def test_wrong_options() -> None:
    with pytest.raises(EmptyLanguage, match="at least one option"):
        Choice([])
    with pytest.raises(TypeError, match="a list of options"):
        Choice("yes")
    with pytest.raises(TypeError, match="got 1"):
        Choice([1])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="lone surrogate"):
        Choice(["\ud800"])


def test_a_hundred_thousand_options() -> None:
    begin = time.perf_counter()
    grammar = Choice([f"item {i * 7919}" for i in range(100_000)]).grammar()
    dfa = compile_regular(grammar.rules["start"])
    assert time.perf_counter() - begin < 20
    assert accepts(dfa, b"item 7919")
    assert not accepts(dfa, b"item 7918")
    assert dfa.n_states < 100_000
