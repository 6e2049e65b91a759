"""Blocks of literals, against the minimal machine that plain Python makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.blocks import states

from syntagma.automata import _layout_kernels as L
from syntagma.automata import literal_block
from syntagma.automata.literal_block import lower_literals
from syntagma.automata.lower import machine_block
from syntagma.automata.spellings import Spellings
from syntagma.errors import BudgetExceeded
from syntagma.grammar.ir import Bytes, Spelled
from syntagma.grammar.spelled import spelled_literals, symbols_of

CHARACTERS = 'ab/"\\\n\u00e9\u00ea\u0e81\uac00\ud7ff\udbff\udc00\ue000\uff08\U00010000\U0001f600'


def check(words: list[Bytes | Spelled]) -> None:
    lowered = lower_literals(words)
    assert lowered is not None
    assert lowered.terminal
    plain = machine_block(spelled_literals(map(symbols_of, words))).finish()
    assert states(lowered) == states(plain)
    assert lowered.block[: L.B_RULE].tolist() == plain.block[: L.B_RULE].tolist()
    assert lowered.block[L.B_RULE : L.B_HEADER].tolist() == plain.block[L.B_RULE : L.B_HEADER].tolist()


@settings(deadline=None)
@given(st.lists(st.text(CHARACTERS, max_size=5), min_size=1, max_size=8, unique=True))
def test_spelled_words(texts: list[str]) -> None:
    check([Spelled(text) for text in texts])


@settings(deadline=None)
@given(st.lists(st.binary(max_size=4) | st.text("ab").map(str.encode), min_size=1, max_size=30, unique=True))
def test_words_of_bytes_which_may_begin_one_another(words: list[bytes]) -> None:
    check([Bytes(word) for word in words])


def test_both_kinds_at_once() -> None:
    check([Bytes(b"null"), Spelled("null"), Bytes(b"17"), Spelled("")])


def test_a_word_given_twice_is_taken_once() -> None:
    twice, once = lower_literals([Bytes(b"ab"), Bytes(b"ab")]), lower_literals([Bytes(b"ab")])
    assert twice is not None
    assert once is not None
    assert twice.block.tobytes() == once.block.tobytes()


def test_words_with_a_spelling_in_common_are_left_to_others() -> None:
    assert lower_literals([Bytes(b'"\\u0061"'), Spelled("a")]) is None


def test_a_state_of_many_bytes_has_a_table() -> None:
    check([Bytes(bytes([b])) for b in range(65, 91)])
    check([Bytes(b"x" + bytes([b])) for b in range(32, 127)])


def test_arrays_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    words: list[Bytes | Spelled] = [Spelled(f"{k:03}") for k in range(300)]
    whole = lower_literals(words)
    monkeypatch.setattr(literal_block, "FEW", 1)
    monkeypatch.setattr(literal_block._SCRATCH, "_room", 0)
    grown = lower_literals(words)
    assert whole is not None
    assert grown is not None
    assert grown.block.tobytes() == whole.block.tobytes()


def test_words_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literal_block, "MAX_STATES", 1 << 13)
    with pytest.raises(BudgetExceeded, match="literals"):
        lower_literals([Spelled("a" * 10_000)])


def test_symbols_that_another_thread_admits_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that holds the ways as they were before is called again."""
    words = [Spelled(chr(0x4E00 + k)) for k in range(30)]
    spellings = Spellings()
    monkeypatch.setattr(literal_block, "SPELLINGS", spellings)
    monkeypatch.setattr("syntagma.automata.spellings.SPELLINGS", spellings)
    spellings.ways = old = np.zeros(8, np.int32)
    laid = literal_block._LAY.call
    calls = []

    def admitted_late(*args: object) -> int:
        symbols, at, numbers, place, _, *rest = args
        if not calls:
            spellings.admit(np.array([0x4E00 + k for k in range(30)] + [~0x22], np.int32))
        calls.append(len(spellings.ways))
        ways = old if len(calls) == 1 else spellings.ways
        return int(laid(symbols, at, numbers, place, ways, *rest))

    monkeypatch.setattr(literal_block._LAY, "call", admitted_late)
    lowered = lower_literals(words)
    assert lowered is not None
    assert len(calls) == 2
    assert states(lowered) == states(machine_block(spelled_literals(map(symbols_of, words))).finish())
