"""Special tokens that are text in some vocabularies."""

from __future__ import annotations

import pytest

from syntagma.automata import Vocabulary
from syntagma.automata.compile import compile
from syntagma.errors import VocabularyError
from syntagma.grammar.ir import Bytes, Grammar, Seq, Token

LETTERS = [bytes([b]) for b in b"ab<>"]


def accepts(vocabulary: Vocabulary, token: Token, ids: list[int]) -> bool:
    auto = compile(Grammar("start", {"start": Seq((Bytes(b"a"), token, Bytes(b"b")))}), vocabulary)
    matcher = auto.matcher()
    return all(matcher.accept(each) for each in ids) and matcher.accepts_eos


SPECIAL = Vocabulary.from_tokens([*LETTERS, b"", b"<a>"], [4], {"<b>": 6})


@pytest.mark.parametrize("or_text", [False, True])
def test_a_special_token_is_no_text(or_text: bool) -> None:
    token = Token(name="<b>", or_text=or_text)
    assert accepts(SPECIAL, token, [0, 6, 1])
    assert not accepts(SPECIAL, token, [0, 2, 1, 3, 1])
    assert accepts(SPECIAL, Token(id=6), [0, 6, 1])


@pytest.mark.parametrize("token", [Token(name="<a>"), Token(id=5)])
def test_an_ordinary_token_is_its_text(token: Token) -> None:
    assert accepts(SPECIAL, token, [0, 5, 1])
    assert accepts(SPECIAL, token, [0, 2, 0, 3, 1])


def test_a_token_that_is_not_there() -> None:
    assert accepts(SPECIAL, Token(name="<>", or_text=True), [0, 2, 3, 1])
    with pytest.raises(VocabularyError, match="<>"):
        accepts(SPECIAL, Token(name="<>"), [0, 2, 3, 1])
    with pytest.raises(VocabularyError, match="below 7"):
        accepts(SPECIAL, Token(id=99), [0])
