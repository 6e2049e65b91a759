"""Self-test: a tokenizer's own decode against the bytes read out of it.

Each token is decoded behind an anchor, a token that is plain ASCII, so that what decoders do to the start of a text does not show; many at a time,
since decoding 128k tokens one by one would take seconds. A token that is no UTF-8 by itself is set between single-byte tokens that complete it; where
nothing completes it, both sides are compared with U+FFFD in place of what is broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import VocabularyError
from .tokenizer import Decode

_CHUNK = 4096  # tokens decoded in one call
# What may stand before a token that begins inside a character, and behind one that ends inside a character.
_BEFORE = (b"", b"\xc3", b"\xe1", b"\xf1")
_BEHIND = tuple(first + rest for first in (b"", b"\x80", b"\xa0", b"\x90") for rest in (b"", b"\x80", b"\x80\x80"))


def self_test(tokens: Sequence[bytes], decode: Decode) -> None:
    """Check that decoding gives every token's bytes.

    Parameters
    ----------
    tokens : bytes by id; ids with none are not tested.
    decode : the tokenizer's decode of a list of ids.

    Raises
    ------
    VocabularyError : names the first token whose bytes differ from what decode gives.
    """
    by_bytes = {text: t for t, text in enumerate(tokens) if len(text) == 1}
    anchor = _anchor(tokens)
    ids = [t for t, text in enumerate(tokens) if text]
    for at in range(0, len(ids), _CHUNK):
        chunk = [[anchor, *_complete(tokens, t, by_bytes)] for t in ids[at : at + _CHUNK]]
        sequence = [t for part in chunk for t in part]
        if not _agrees(tokens, decode, sequence):
            _blame(tokens, decode, ids[at : at + _CHUNK], chunk)


def _anchor(tokens: Sequence[bytes]) -> int:
    """A token whose text no decoder changes: an ASCII letter, else the first word of ASCII letters, else any token."""
    words = (t for t, text in enumerate(tokens) if text.isalpha())
    letters = (t for t, text in enumerate(tokens) if len(text) == 1 and text.isalpha())
    return next(letters, next(words, 0))


def _complete(tokens: Sequence[bytes], token: int, by_bytes: dict[bytes, int]) -> Iterator[int]:
    """The token, between single bytes that make it UTF-8 where it is not."""
    text = tokens[token]
    if _is_utf8(text):
        return iter((token,))
    for before in _BEFORE:
        for behind in _BEHIND:
            if _is_utf8(before + text + behind):
                around = [by_bytes.get(bytes((b,))) for b in before + behind]
                if None not in around:
                    whole = [*around[: len(before)], token, *around[len(before) :]]
                    return iter([t for t in whole if t is not None])
    return iter((token,))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _agrees(tokens: Sequence[bytes], decode: Decode, sequence: list[int]) -> bool:
    """Whether decoding the ids gives their bytes."""
    text = decode(sequence)
    expected = b"".join([tokens[t] for t in sequence])
    return text == expected if isinstance(text, bytes) else text == expected.decode("utf-8", "replace")


def _blame(tokens: Sequence[bytes], decode: Decode, ids: list[int], chunk: list[list[int]]) -> None:
    """Name the token that makes a chunk's text differ."""
    for t, sequence in zip(ids, chunk, strict=True):
        if not _agrees(tokens, decode, sequence):
            raise VocabularyError(
                f"Token {t} should have the bytes {tokens[t]!r}, but decoding {sequence} gives {decode(sequence)!r} and decoding "
                f"{sequence[:1]} gives {decode(sequence[:1])!r}. The tokenizer's decode does not follow its decoder; give the bytes "
                "of each token to Vocabulary.from_tokens."
            )
    raise VocabularyError(
        f"Tokens {ids[0]} to {ids[-1]} decode to their bytes one by one, but not in one text: the tokenizer's decode depends on "
        "neighbouring tokens. Give the bytes of each token to Vocabulary.from_tokens."
    )
