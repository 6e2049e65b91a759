"""Free text, by the definition of its words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.grammar.free_text import dispatch, text_up_to, text_without
from syntagma.grammar.ir import Bytes
from syntagma.grammar.regular import accepts, compile_regular

WORDS = st.lists(st.text("abé", min_size=1, max_size=3), min_size=1, max_size=3)
TEXTS = st.lists(st.text("abé", max_size=8), min_size=1, max_size=20)


@settings(max_examples=80, deadline=None)
@given(WORDS, TEXTS, st.integers(0, 3), st.integers(0, 6))
def test_text_without_words(words: list[str], texts: list[str], low: int, more: int) -> None:
    dfa = compile_regular(text_without(words, low + more, low))
    for text in texts:
        expected = low <= len(text) <= low + more and not any(word in text for word in words)
        assert bool(accepts(dfa, text.encode())) == expected


@settings(max_examples=80, deadline=None)
@given(WORDS, TEXTS)
def test_text_up_to_a_word(words: list[str], texts: list[str]) -> None:
    dfa = compile_regular(text_up_to(words[0], words))
    for text in [*texts, *(text + words[0] for text in texts)]:
        expected = text.endswith(words[0]) and not any(word in text[:-1] for word in words)
        assert bool(accepts(dfa, text.encode())) == expected


@settings(max_examples=80, deadline=None)
@given(TEXTS)
def test_dispatch_reads_from_the_left(texts: list[str]) -> None:
    """`ab` must be followed by `é`, `bb` by `a`."""
    dfa = compile_regular(dispatch([("ab", Bytes("é".encode())), ("bb", Bytes(b"a"))]))
    for text in texts:
        rest = text
        while (found := min((at for w in ("ab", "bb") if (at := rest.find(w)) >= 0), default=-1)) >= 0:
            wanted = {"ab": "é", "bb": "a"}[rest[found : found + 2]]
            if rest[found + 2 : found + 3] != wanted:
                break
            rest = rest[found + 3 :]
        assert bool(accepts(dfa, text.encode())) == (found < 0)


def test_no_text_is_no_utf8_and_no_word_is_empty() -> None:
    assert not accepts(compile_regular(text_without(["a"])), b"\xff")
    with pytest.raises(ValueError, match="at least one character"):
        text_without([""])
