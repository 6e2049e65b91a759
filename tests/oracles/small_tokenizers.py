"""Small tokenizers of every family, and folders to keep them in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

LINES = [
    "Überall hört man: naïve cafés, 日本語 und 😀!",
    'a line  of "text"\n\twith {1: 23}',
    "the thin then this that",
] * 4


def train_byte_level(lines: Iterable[str], vocab_size: int, special: Sequence[str]) -> Any:
    """A byte-level BPE tokenizer with every byte, trained on some lines."""
    tokenizers = pytest.importorskip("tokenizers")
    tok = tokenizers.Tokenizer(tokenizers.models.BPE())
    tok.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special),
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tok.train_from_iterator(lines, trainer)
    return tok


def byte_level() -> Any:
    """A byte-level BPE tokenizer with special and plain added tokens."""
    tok = train_byte_level(LINES, 400, ["<eos>"])
    tok.add_tokens(["<tool call>"])
    return tok


def metaspace(model: str) -> Any:
    """A Unigram or BPE tokenizer with byte fallback, decoded as Llama 2's."""
    tokenizers = pytest.importorskip("tokenizers")
    alphabet = [f"<0x{b:02X}>" for b in range(256)]
    words = ["▁", "▁the", "t", "h", "e", "é", "▁▁", "日", "A", " ", "th", "he", "▁t"]
    pieces = ["<unk>", "<s>", "</s>", *alphabet, *words]
    if model == "unigram":
        tok = tokenizers.Tokenizer(tokenizers.models.Unigram([(p, -1.0) for p in pieces], 0, byte_fallback=True))
    else:
        vocab = {p: i for i, p in enumerate(pieces)}
        bpe = tokenizers.models.BPE(vocab, [("t", "h"), ("h", "e")], unk_token="<unk>", byte_fallback=True)
        tok = tokenizers.Tokenizer(bpe)
    tok.add_special_tokens(["<unk>", "<s>", "</s>"])
    d = tokenizers.decoders
    tok.decoder = d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    return tok


def save(tok: Any, folder: Path, **configs: dict[str, Any]) -> Path:
    """A model's folder with the tokenizer and the configurations given."""
    folder.mkdir(exist_ok=True)
    tok.save(str(folder / "tokenizer.json"))
    for name, config in configs.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    return folder
