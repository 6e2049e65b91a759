"""Vocabularies: values made of tokens or of a folder's files, and what is refused."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracles.small_tokenizers import byte_level, save

from syntagma.automata.vocabulary import Vocabulary
from syntagma.errors import VocabularyError

pytestmark = pytest.mark.usefixtures("cache")


def test_from_tokens() -> None:
    tokens = [b"a", None, b"b", b"", b"a", b"</s>", b"<|x|>", b"\0", b"a\0"]
    vocabulary = Vocabulary.from_tokens(tokens, eos_ids=[5, 9, 5], special={"<|x|>": 6}, width=40)
    assert (vocabulary.size, vocabulary.width, vocabulary.mask_words) == (10, 40, 2)
    assert vocabulary.eos_ids == (5, 9)
    assert [vocabulary.token_bytes(t) for t in range(10)] == [b"a", b"", b"b", b"", b"a", b"", b"", b"\0", b"a\0", b""]
    assert vocabulary.tokens_with_bytes(b"a") == (0, 4)
    assert vocabulary.tokens_with_bytes(b"") == vocabulary.tokens_with_bytes(b"c") == ()
    assert vocabulary.trie.token_ids.tolist() == [7, 0, 4, 8, 2]
    assert vocabulary.token_start.shape == (41,)
    for token in (-1, 40):
        with pytest.raises(VocabularyError, match=r"in \[0, 40\)"):
            vocabulary.token_bytes(token)


def test_empty() -> None:
    vocabulary = Vocabulary.from_tokens([], eos_ids=[])
    assert (vocabulary.width, vocabulary.size, vocabulary.mask_words, vocabulary.trie.n_nodes) == (0, 0, 0, 1)


def test_value() -> None:
    make: Callable[..., Vocabulary] = Vocabulary.from_tokens
    vocabulary = make([b"a", b"bc"], eos_ids=[2])
    assert vocabulary == make([b"a", b"bc"], [2])
    assert hash(vocabulary) == hash(make([b"a", b"bc"], [2]))
    assert vocabulary == make([b"a", b"bc"], np.array([2]))
    others = [
        make([b"ab", b"c"], [2]),
        make([b"a", b"bc", None], [3]),
        make([b"a", b"bc"], [2], width=4),
        make([b"a", b"bc"], [2], special={"x": 2}),
    ]
    assert len({vocabulary, *others}) == 5
    copy = pickle.loads(pickle.dumps(vocabulary))
    assert copy == vocabulary
    assert copy.trie.token_ids.tolist() == [0, 1]
    for array in (copy.token_data, copy.token_start, vocabulary.token_data):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(TypeError):
        vocabulary.special["x"] = 1  # type: ignore[index]
    with pytest.raises(AttributeError):
        vocabulary.size = 3  # type: ignore[misc]


def test_width_too_small() -> None:
    with pytest.raises(VocabularyError, match="ids up to 3, but the logits' width is only 3"):
        Vocabulary.from_tokens([b"a"], eos_ids=[3], width=3)


def test_negative_id() -> None:
    with pytest.raises(VocabularyError, match="got -1"):
        Vocabulary.from_tokens([b"a"], eos_ids=[-1])


@pytest.mark.parametrize(
    "decoder", [{}, 3, {"type": "Sequence"}, {"type": "Replace"}, {"type": "Strip", "content": "a"}, {"type": "New"}]
)
def test_malformed_decoder(decoder: Any, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"a": 0}}, "decoder": decoder}))
    with pytest.raises(VocabularyError, match="decoder"):
        Vocabulary.from_pretrained(tmp_path)


@pytest.mark.parametrize("token", [-1, 1 << 40])
def test_absurd_id(token: int, tmp_path: Path) -> None:
    model = {"model": {"vocab": {"a": 0, "b": token}}, "decoder": {"type": "ByteLevel"}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(model))
    with pytest.raises(VocabularyError, match=r"Expected token ids in \[0, 16777216\), got"):
        Vocabulary.from_pretrained(tmp_path)


def test_text_instead_of_bytes() -> None:
    with pytest.raises(VocabularyError, match="bytes or None for token 1, got 'b'"):
        Vocabulary.from_tokens([b"a", "b"], eos_ids=[])  # type: ignore[list-item]


def test_broken_files(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"Cannot read .*tokenizer\.json: No such file"):
        Vocabulary.from_pretrained(tmp_path)
    file = tmp_path / "tokenizer.json"
    for text in (
        "",
        "[]",
        "{}",
        '{"model": {}}',
        '{"model": {"vocab": 3}}',
        '{"model": {"vocab": [[]]}}',
        "[" * 100_000,
    ):
        file.write_text(text)
        with pytest.raises(VocabularyError, match=r"Expected a tokenizer\.json"):
            Vocabulary.from_pretrained(tmp_path)
    save(byte_level(), tmp_path, config={"eos_token_id": [0, 9999]})
    with pytest.raises(VocabularyError, match=r"9999 is not in the vocabulary\. Pass eos_ids"):
        Vocabulary.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(VocabularyError, match=r"config\.json is no JSON"):
        Vocabulary.from_pretrained(tmp_path)


def test_eos_of_all_files(tmp_path: Path) -> None:
    folder = save(
        byte_level(),
        tmp_path / "model",
        tokenizer_config={"eos_token": "<tool call>"},
        generation_config={"eos_token_id": [0, 5]},
        config={"text_config": {"eos_token_id": 0}},
    )
    vocabulary = Vocabulary.from_pretrained(folder)
    assert vocabulary.eos_ids == (vocabulary.special["<tool call>"], 0, 5)
    assert all(vocabulary.token_bytes(t) == b"" for t in vocabulary.eos_ids)


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(byte_level(), tmp_path / "model")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert Vocabulary.from_pretrained(folder).tokens_with_bytes(b"the") != ()
