"""Vocabulary: the bytes of every token.

Laid out as
    token_data   (n_bytes,)    uint8  the tokens' bytes, one after the other
    token_start  (width + 1,)  int64  token t has token_data[token_start[t] : token_start[t + 1]]
    trie                              the tokens that have bytes, see `trie.py`
Laws
    1. Special tokens, EOS ids, holes and padding ids have no bytes and are not in the trie.
    2. Several ids may have equal bytes; all are kept. 3. Equal fingerprints mean equal content.
    4. A token's bytes are what it adds in the middle of a text, held against the tokenizer's decode (`self_test.py`).
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import VocabularyError
from . import compile_ahead, vocabulary_cache
from .self_test import self_test
from .tokenizer import TokenTable, json_decode, read_eos, read_json, read_tokenizer
from .trie import TokenTrie, frozen

_FORMAT = 1  # of the cached files: raise it when what is derived from a tokenizer changes


@dataclass(frozen=True, eq=False, repr=False)
class Vocabulary:
    """The tokens of a model, as bytes; a frozen value."""

    #: See the module's layout.
    token_data: NDArray[np.uint8]
    token_start: NDArray[np.int64]
    trie: TokenTrie
    #: One more than the highest id that the tokenizer knows; at most `width`.
    size: int
    #: Ids that end a sequence.
    eos_ids: tuple[int, ...]
    #: Special tokens: name -> id.
    special: Mapping[str, int]
    #: SHA-256 over the content, in hex.
    fingerprint: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "token_data", frozen(self.token_data))
        object.__setattr__(self, "token_start", frozen(self.token_start))
        object.__setattr__(self, "special", MappingProxyType(dict(self.special)))

    @classmethod
    def from_tokenizer(cls, tok: Any, width: int | None = None, *, eos_ids: Iterable[int] | None = None) -> Vocabulary:
        """Read a tokenizer of Hugging Face (fast, slow, `tokenizers.Tokenizer`), tiktoken or sentencepiece.

        Parameters
        ----------
        width : the width of the model's logits, where it is larger than the tokenizer's ids need.
        eos_ids : the ids that end a sequence, instead of those that the tokenizer names.

        Raises
        ------
        VocabularyError : the tokenizer's kind cannot be used, or a token's bytes differ from what its decode gives.
        """
        table, decode = read_tokenizer(tok, None if eos_ids is None else list(map(int, eos_ids)))
        content = _Content.of(table, width)
        key = _key("tokenizer", type(tok).__qualname__, content.fingerprint)
        if (found := cls._load(key)) is not None:
            return found
        compile_ahead.start()
        self_test(table.tokens, decode)
        return cls._build(content)._store(key)

    @classmethod
    def from_pretrained(
        cls, path: str | PathLike[str], width: int | None = None, *, eos_ids: Iterable[int] | None = None
    ) -> Vocabulary:
        """Read a model's folder with a tokenizer.json, or that file; neither transformers nor torch is imported.

        The EOS ids are those of tokenizer_config.json, generation_config.json and config.json, where present. What is
        read is held against the library `tokenizers` where that is installed.

        Raises
        ------
        VocabularyError : there is no such file, or it describes a tokenizer that cannot be used.
        """
        file = Path(path) / "tokenizer.json" if Path(path).is_dir() else Path(path)
        try:
            text = file.read_bytes()
        except OSError as error:
            raise VocabularyError(
                f"Cannot read {file}: {error.strerror}. Give a folder with a tokenizer.json, or load the tokenizer and "
                "pass it to Vocabulary.from_tokenizer."
            ) from error
        eos = read_eos(file.parent) if eos_ids is None else list(map(int, eos_ids))
        key = _key("json", hashlib.sha256(text).hexdigest(), eos, width)
        if (found := cls._load(key)) is not None:
            return found
        compile_ahead.start()
        table = read_json(text, eos)
        content = _Content.of(table, width)
        if (decode := json_decode(text)) is not None:
            self_test(table.tokens, decode)
        return cls._build(content)._store(key)

    @classmethod
    def from_tokens(
        cls,
        tokens: Sequence[bytes | None],
        eos_ids: Iterable[int],
        special: Mapping[str, int] | None = None,
        width: int | None = None,
    ) -> Vocabulary:
        """Make a vocabulary of byte strings by id; None or b"" where an id has no text.

        `special` and `eos_ids` may number ids behind the last of `tokens`; those among `tokens` lose their bytes.

        Raises
        ------
        VocabularyError : a token is no byte string; an id is negative, or does not fit into `width`.
        """
        if (odd := next((t for t, text in enumerate(tokens) if not isinstance(text, bytes | None)), None)) is not None:
            raise VocabularyError(f"Expected bytes or None for token {odd}, got {tokens[odd]!r}.")
        named = dict(special or {})
        table = TokenTable([text or b"" for text in tokens], tuple(eos_ids), named)
        return cls._build(_Content.of(table, width))

    @property
    def width(self) -> int:
        """Number of logits: ids lie in [0, width)."""
        return len(self.token_start) - 1

    @property
    def mask_words(self) -> int:
        """int32 words of a mask row."""
        return -(-self.width // 32)

    def token_bytes(self, token: int) -> bytes:
        """The bytes of a token; b"" for special tokens, holes and padding."""
        if not 0 <= token < self.width:
            raise VocabularyError(f"Expected a token id in [0, {self.width}), got {token}.")
        return self.token_data[self.token_start[token] : self.token_start[token + 1]].tobytes()

    def tokens_with_bytes(self, text: bytes) -> tuple[int, ...]:
        """The ids whose bytes are exactly `text`, ascending; none for b""."""
        ids = self.trie.token_ids
        lo = bisect_left(ids, text, key=self.token_bytes)
        return tuple(map(int, ids[lo : bisect_right(ids, text, lo, key=self.token_bytes)]))

    def __eq__(self, other: object) -> bool:
        return self.fingerprint == other.fingerprint if isinstance(other, Vocabulary) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        digest = self.fingerprint[:12]
        return f"Vocabulary(size={self.size}, width={self.width}, eos_ids={self.eos_ids}, fingerprint={digest!r})"

    def __reduce__(self) -> tuple[object, ...]:
        special = dict(self.special)
        fields = (self.token_data, self.token_start, self.trie, self.size, self.eos_ids, special, self.fingerprint)
        return Vocabulary, fields

    @classmethod
    def _build(cls, content: _Content) -> Vocabulary:
        data = np.frombuffer(b"".join(content.tokens), np.uint8)
        trie = TokenTrie.from_tokens(content.tokens)
        return cls(data, content.start, trie, content.size, content.eos_ids, content.special, content.fingerprint)

    @classmethod
    def _load(cls, key: str) -> Vocabulary | None:
        if (found := vocabulary_cache.load(key)) is None:
            return None
        arrays, meta = found
        trie = TokenTrie(**{name: array for name, array in arrays.items() if name not in ("token_data", "token_start")})
        eos_ids = tuple(meta["eos_ids"])
        return cls(
            arrays["token_data"],
            arrays["token_start"],
            trie,
            meta["size"],
            eos_ids,
            meta["special"],
            meta["fingerprint"],
        )

    def _store(self, key: str) -> Vocabulary:
        arrays: vocabulary_cache.Arrays = {
            "token_data": self.token_data,
            "token_start": self.token_start,
            **self.trie.arrays(),
        }
        meta = {
            "size": self.size,
            "eos_ids": self.eos_ids,
            "special": dict(self.special),
            "fingerprint": self.fingerprint,
        }
        vocabulary_cache.store(key, arrays, meta)
        return self


@dataclass(frozen=True)
class _Content:
    """What a vocabulary is made of, checked: `width` byte strings, and what the ids without bytes are."""

    tokens: list[bytes]
    start: NDArray[np.int64]
    size: int
    eos_ids: tuple[int, ...]
    special: dict[str, int]
    fingerprint: str

    @classmethod
    def of(cls, table: TokenTable, width: int | None) -> _Content:
        """Check a table and pad it to `width`."""
        eos = tuple(dict.fromkeys(map(int, table.eos_ids)))
        special = {name: int(t) for name, t in sorted(table.special.items(), key=lambda item: (item[1], item[0]))}
        marks = {*eos, *special.values()}
        if any(t < 0 for t in marks):
            raise VocabularyError(f"Expected token ids of 0 and above, got {min(marks)}.")
        size = max(len(table.tokens), 1 + max(marks, default=-1))
        width = size if width is None else width
        if width < size:
            raise VocabularyError(f"The tokenizer has ids up to {size - 1}, but the logits' width is only {width}.")
        tokens = table.tokens + [b""] * (width - len(table.tokens))
        for t in marks:
            tokens[t] = b""
        start = np.concatenate(([0], np.cumsum(np.fromiter(map(len, tokens), np.int64, width))))
        digest = hashlib.sha256(b"".join(tokens) + start.tobytes())
        digest.update(json.dumps([size, eos, special]).encode())
        return cls(tokens, start, size, eos, special, digest.hexdigest())


def _key(*parts: object) -> str:
    """The name under which a vocabulary made from `parts` is kept."""
    return hashlib.sha256(json.dumps([_FORMAT, *parts]).encode()).hexdigest()
