"""Vocabularies on disk: found again by all that they were made of, or made anew."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from oracles.small_tokenizers import byte_level, save

from syntagma.automata import vocabulary_cache
from syntagma.automata.vocabulary import Vocabulary

pytestmark = pytest.mark.usefixtures("cache")


def test_cache_hit(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tok = byte_level()
    folder = save(tok, tmp_path / "model", config={"eos_token_id": 0})
    first = Vocabulary.from_pretrained(folder)
    fromed = Vocabulary.from_tokenizer(tok, eos_ids=[0])
    assert len(list(cache.iterdir())) == 2
    monkeypatch.setattr("syntagma.automata.vocabulary.TokenTrie.from_tokens", None)  # must not be called
    for again in (Vocabulary.from_pretrained(folder), Vocabulary.from_tokenizer(tok, eos_ids=[0])):
        assert again == first == fromed
        assert again.eos_ids == (0,)
        assert again.special == first.special
        assert np.array_equal(again.token_data, first.token_data)
        for name, array in again.trie.arrays().items():
            assert array.dtype == first.trie.arrays()[name].dtype
            assert np.array_equal(array, first.trie.arrays()[name])
            assert not array.flags.writeable
    assert pickle.loads(pickle.dumps(again)) == first


def test_cache_key_holds_all_inputs(tmp_path: Path, cache: Path) -> None:
    folder = save(byte_level(), tmp_path / "model", config={"eos_token_id": 0})
    Vocabulary.from_pretrained(folder)
    assert Vocabulary.from_pretrained(folder, width=1000).width == 1000
    assert Vocabulary.from_pretrained(folder, eos_ids=[5]).eos_ids == (5,)
    (folder / "config.json").write_text('{"eos_token_id": 6}')
    assert Vocabulary.from_pretrained(folder).eos_ids == (6,)
    assert len(list(cache.iterdir())) == 4


@pytest.mark.parametrize("spoil", [lambda raw: b"", lambda raw: raw[:-1], lambda raw: raw[:99] + b"!" + raw[100:]])
def test_broken_cache_is_rebuilt(tmp_path: Path, cache: Path, spoil: Callable[[bytes], bytes]) -> None:
    folder = save(byte_level(), tmp_path / "model")
    first = Vocabulary.from_pretrained(folder)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    spoiled = file.with_suffix(".spoiled")  # a new file: `first` may still be mapped
    spoiled.write_bytes(spoil(whole))
    spoiled.rename(file)
    assert Vocabulary.from_pretrained(folder) == first
    assert file.read_bytes() == whole


def test_unwritable_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("SYNTAGMA_CACHE_DIR", str(blocked))
    assert not vocabulary_cache.store("00", {}, {})
    assert Vocabulary.from_tokenizer(byte_level()).size > 0


def test_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTAGMA_CACHE_DIR", "/one")
    monkeypatch.setenv("XDG_CACHE_HOME", "/two")
    assert vocabulary_cache.cache_folder() == Path("/one/vocabularies")
    monkeypatch.delenv("SYNTAGMA_CACHE_DIR")
    assert vocabulary_cache.cache_folder() == Path("/two/syntagma/vocabularies")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert vocabulary_cache.cache_folder() == Path.home() / ".cache/syntagma/vocabularies"
