"""Token decoder: the `decoder` of a tokenizer.json, as a function of one piece.

A tokenizer's decoder turns a list of pieces into text. What matters here is what a piece adds in the middle of a text;
steps that only touch a text's ends (Strip behind Fuse, Metaspace on the first piece) leave that alone. Steps whose
effect depends on the neighbours are refused.

    ByteLevel      each character stands for a byte (GPT-2's alphabet); one with any other character stands for itself
    ByteFallback   `<0x0A>` is the byte 0A
    Metaspace      its replacement character is a space
    Replace        one string for another
    Strip          characters off a piece's ends
Source: Radford et al. 2019 (byte alphabet); Kudo and Richardson 2018 (byte fallback, metaspace).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import VocabularyError

#: Turns one piece into the bytes that it adds in the middle of a text.
PieceDecoder = Callable[[str], bytes]
_Step = Callable[[str], str]

_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_REFUSED = {
    "WordPiece": "puts a space before each piece that starts a word, so text cannot be composed byte by byte",
    "BPEDecoder": "turns its end-of-word suffix into a space or into nothing, depending on what follows",
    "CTC": "merges repeated pieces, so a token has no bytes of its own",
}


def _byte_alphabet() -> dict[int, int]:
    """Code point -> byte: printable Latin-1 stands for itself, the other bytes for 0x100, 0x101, ... in order."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in set(printable)]
    return {b: b for b in printable} | {0x100 + i: b for i, b in enumerate(others)}


_ALPHABET = _byte_alphabet()
_NOT_LATIN = 0x10FFFF  # no byte: makes the encoding fail
_TRANSLATION = {cp: _ALPHABET.get(cp, _NOT_LATIN) for cp in range(0x100)} | _ALPHABET


def byte_level(piece: str) -> bytes:
    """Bytes of a piece in GPT-2's alphabet."""
    if piece.isascii():  # what the alphabet has of ASCII stands for itself, and so does a piece with anything else
        return piece.encode()
    try:
        return piece.translate(_TRANSLATION).encode("latin-1")
    except UnicodeEncodeError:
        return piece.encode()


def sentencepiece(piece: str) -> bytes:
    """Bytes of a SentencePiece piece: `▁` is a space, `<0x0A>` a byte."""
    if match := _BYTE_PIECE.fullmatch(piece):
        return bytes.fromhex(match[1])
    return piece.replace("▁", " ").encode()


def piece_decoder(decoder: Mapping[str, Any] | None) -> PieceDecoder:
    """Read a tokenizer.json's `decoder`.

    Raises
    ------
    VocabularyError : there is no decoder, or it has a step that is unknown, malformed, or dependent on neighbours.
    """
    if decoder is None:
        raise VocabularyError(
            "The tokenizer has no decoder, so decoding puts a space between tokens and text cannot be composed byte by "
            "byte. Use a byte-level, byte-fallback or Metaspace tokenizer."
        )
    try:
        return _compose(_flatten(decoder))
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise VocabularyError(f"The tokenizer's decoder is malformed: {error!r}.") from error


def _compose(steps: list[Mapping[str, Any]]) -> PieceDecoder:
    """The steps, one after the other."""
    kinds = [step.get("type") for step in steps]
    if kinds == ["ByteLevel"]:
        return byte_level
    before, bytes_step, after = _split(steps)
    head = [_step(step) for step in before]
    tail = [_step(step) for step in after]

    def decode(piece: str) -> bytes:
        for step in head:
            piece = step(piece)
        if bytes_step == "ByteLevel":
            return byte_level(piece)
        if bytes_step == "ByteFallback" and (match := _BYTE_PIECE.fullmatch(piece)):
            return bytes.fromhex(match[1])
        for step in tail:
            piece = step(piece)
        return piece.encode()

    return decode


def _flatten(decoder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The steps of a decoder, nested sequences opened."""
    if decoder.get("type") != "Sequence":
        return [decoder]
    return [step for inner in decoder["decoders"] for step in _flatten(inner)]


def _split(
    steps: list[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], str, list[Mapping[str, Any]]]:
    """Steps before the one that makes bytes, that one's name ("" if there is none), and those after it."""
    local: list[Mapping[str, Any]] = []
    makes_bytes, at, fused = "", 0, False
    for step in steps:
        kind = step.get("type")
        if kind in ("ByteLevel", "ByteFallback") and not fused:
            if makes_bytes:
                raise VocabularyError(
                    f"The tokenizer's decoder has both {makes_bytes} and {kind}; expected one of them."
                )
            makes_bytes, at, fused = kind, len(local), kind == "ByteLevel"
            continue
        if kind == "Fuse" or (fused and kind == "Strip"):  # behind Fuse, Strip touches the whole text's ends only
            fused = True
            continue
        by_character = kind == "Replace" and len(step["pattern"].get("String", "")) == 1
        if fused and (makes_bytes == "ByteLevel" or not by_character):
            raise VocabularyError(
                f"The tokenizer's decoder has {kind} where pieces are already joined: it acts across tokens."
            )
        local.append(step)
    return local[:at], makes_bytes, local[at:]


def _step(step: Mapping[str, Any]) -> _Step:
    """A step that maps each piece by itself."""
    kind = step.get("type")
    if kind == "Metaspace":
        replacement = str(step["replacement"])
        return lambda piece: piece.replace(replacement, " ")
    if kind == "Replace" and "String" in step["pattern"]:
        old, new = step["pattern"]["String"], step["content"]
        return lambda piece: piece.replace(old, new)
    if kind == "Strip":
        content, start, stop = step["content"], step["start"], step["stop"]
        return lambda piece: _strip(piece, content, start, stop)
    reason = _REFUSED.get(str(kind), "is not among the steps that have a meaning per token")
    raise VocabularyError(
        f"The tokenizer's decoder {kind} {reason}. Use a byte-level, byte-fallback or Metaspace tokenizer."
    )


def _strip(piece: str, content: str, start: int, stop: int) -> str:
    """Up to `start` leading and `stop` trailing characters `content` removed."""
    lo, hi = 0, len(piece)
    while lo < min(start, hi) and piece[lo] == content:
        lo += 1
    while hi > max(lo, len(piece) - stop) and piece[hi - 1] == content:
        hi -= 1
    return piece[lo:hi]
