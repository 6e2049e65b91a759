"""Benchmark: the tokenizer that o200k.py writes cuts texts as tiktoken does."""

from __future__ import annotations

import base64
import importlib
import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syntagma import Vocabulary

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
PATTERN = r"(?i:'s|'t)|\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
#: Joined in this order; "abab" is "ab" twice, and "aba" and "b".
JOINED = [b"ab", b"ba", b"aba", b"bab", b"abab", b" a", "é".encode(), b"'s", b"00", b"bb"]
RANKS = {bytes(token): rank for rank, token in enumerate([*product(range(256)), *JOINED])}
SPECIAL = {"<|endoftext|>": 268, "<|endofprompt|>": 270}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the script writes for a package with the tokens above, in two runs of ids."""
    package = tmp_path_factory.mktemp("package")
    tokens = [base64.b64encode(token).decode() for token in RANKS]
    lines = f"! 0 {' '.join(tokens[:256])}\n! 256 {' '.join(tokens[256:])}"
    (package / "encoders").mkdir()
    (package / "encoders" / "o200k_base.json").write_text(
        json.dumps({"pat_str": PATTERN, "special_tokens": SPECIAL, "bpe_ranks": lines})
    )
    pytest.importorskip("tokenizers", reason="install syntagma[models]")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        importlib.import_module("o200k").write(package, package / "out")
    return package / "out"


@pytest.fixture(scope="module")
def both(folder: Path) -> tuple[Any, Any]:
    tokenizers, tiktoken = pytest.importorskip("tokenizers"), pytest.importorskip("tiktoken")
    theirs = tiktoken.Encoding("small", pat_str=PATTERN, mergeable_ranks=RANKS, special_tokens=SPECIAL)
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")), theirs


@given(text=st.text(st.sampled_from("ab bé's0\n\t漢")) | st.text())
def test_texts_are_cut_as_by_tiktoken(both: tuple[Any, Any], text: str) -> None:
    ours, theirs = both
    assert ours.encode(text, add_special_tokens=False).ids == theirs.encode(text, disallowed_special=())


def test_special_tokens_keep_their_ids(both: tuple[Any, Any], folder: Path) -> None:
    ours, theirs = both
    text = "ab<|endoftext|>ba<|endofprompt|>"
    assert ours.encode(text, add_special_tokens=False).ids == theirs.encode(text, allowed_special="all")
    assert ours.id_to_token(267) == "<|reserved_267|>"
    vocabulary = Vocabulary.from_pretrained(folder)
    assert vocabulary.width == 271
    assert vocabulary.token_bytes(260) == b"abab"
    assert not any(vocabulary.token_bytes(t) for t in range(266, 271))
    assert 268 in vocabulary.eos_ids
