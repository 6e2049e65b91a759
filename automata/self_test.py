"""Self-test: a tokenizer's own decode against the bytes read out of it.

Each token is decoded between anchors, words of ASCII letters, so that what decoders do to the ends of a text does not
show; thousands in one call, since decoding 128k tokens one by one would take seconds. A token that is no UTF-8 stands
between single-byte tokens that complete it; where nothing does, both sides are compared with U+FFFD for what is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, compress, count
from operator import not_

from ..errors import VocabularyError

#: Ids -> text (or its bytes), special tokens skipped: a tokenizer's own decode.
Decode = Callable[[list[int]], str | bytes]

_CHUNK = 4096  # tokens decoded in one call
# What completes a token that begins inside a character, and one that ends inside a character.
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
    VocabularyError : names the first token found whose bytes differ from what decode gives.
    """
    anchor = _anchor(tokens)
    single = {tokens[t]: t for t in compress(count(), map((1).__eq__, map(len, tokens)))}
    broken = [t for t in compress(count(), map(not_, map(bytes.isascii, tokens))) if not _is_utf8(tokens[t])]
    others = set(broken)
    whole = [t for t in compress(count(), tokens) if t not in others]
    for at in range(0, len(whole), _CHUNK):
        chunk = whole[at : at + _CHUNK]
        ids = [anchor] * (2 * len(chunk) + 1)
        ids[1::2] = chunk
        if not _agrees(tokens, decode, ids):
            raise _disagreement(tokens, decode, [[anchor, t] for t in chunk], anchor)
    cases = [[anchor, *_complete(tokens[t], t, single)] for t in broken]
    if cases and not _agrees(tokens, decode, [*chain.from_iterable(cases), anchor]):
        raise _disagreement(tokens, decode, cases, anchor)


def _anchor(tokens: Sequence[bytes]) -> int:
    """A word of ASCII letters (one letter may be a byte piece, and join broken ones), else a letter, else any."""
    words = (t for t, text in enumerate(tokens) if len(text) > 1 and text.isalpha())
    letters = (t for t, text in enumerate(tokens) if text.isalpha())
    texts = (t for t, text in enumerate(tokens) if text)
    return next((t for choice in (words, letters, texts) for t in choice), 0)


def _complete(text: bytes, token: int, single: dict[bytes, int]) -> list[int]:
    """The token between single bytes that make it UTF-8; by itself where there are none."""
    for before in _BEFORE:
        for behind in _BEHIND:
            if _is_utf8(before + text + behind):
                ids = [single.get(before[i : i + 1], -1) for i in range(len(before))] + [token]
                ids += [single.get(behind[i : i + 1], -1) for i in range(len(behind))]
                if min(ids) >= 0:
                    return ids
    return [token]


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _agrees(tokens: Sequence[bytes], decode: Decode, ids: list[int]) -> bool:
    """Whether decoding the ids gives their bytes."""
    text = decode(ids)
    expected = b"".join([tokens[t] for t in ids])
    return text == expected if isinstance(text, bytes) else text == expected.decode("utf-8", "replace")


def _disagreement(tokens: Sequence[bytes], decode: Decode, chunk: list[list[int]], anchor: int) -> VocabularyError:
    """The error that names the token by which a chunk differs."""
    hint = "Its decode does not follow its own decoder; give the bytes of each token to Vocabulary.from_tokens."
    for case in chunk:
        ids = [*case, anchor]
        if not _agrees(tokens, decode, ids):
            token = max(case[1:], key=lambda t: len(tokens[t]))
            return VocabularyError(
                f"Token {token} of the tokenizer should have the bytes {tokens[token]!r}, but decoding {ids} gives "
                f"{decode(ids)!r}, and decoding {[anchor, anchor]} gives {decode([anchor, anchor])!r}. {hint}"
            )
    first, last = chunk[0][1], chunk[-1][1]
    return VocabularyError(
        f"Tokens {first} to {last} of the tokenizer decode to their bytes one by one, but not in one text. {hint}"
    )
