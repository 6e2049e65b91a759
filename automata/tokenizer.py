"""Tokenizer readers: the bytes of every token, out of other libraries' tokenizers.

A reader gives a `TokenTable`, of which the vocabulary is made, and a live tokenizer's `decode`, against which
`self_test.py` holds the table. Objects are told apart by what they can do, so none of their libraries is imported.

    tokenizers.Tokenizer, fast Hugging Face tokenizers    pieces through their decoder (`decoder.py`)
    slow Hugging Face tokenizers                          GPT-2's byte alphabet, or SentencePiece pieces
    tiktoken.Encoding                                     bytes as they are
    sentencepiece.SentencePieceProcessor                  `▁` and byte fallback
    tokenizer.json                                        read as plain JSON; EOS ids from the files beside it

Special tokens have no bytes: they are marks, not text. Added tokens that are not special are ordinary text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import VocabularyError
from .decoder import byte_level, piece_decoder, sentencepiece
from .self_test import Decode

_MAX_IDS = 1 << 24  # a single absurd id must not allocate the ids below it


@dataclass(frozen=True)
class TokenTable:
    """What a tokenizer says about its ids."""

    #: Bytes by id; empty for special tokens and for ids that stand for nothing.
    tokens: list[bytes]
    #: Ids that end a sequence.
    eos_ids: tuple[int, ...]
    #: Special tokens: name -> id.
    special: Mapping[str, int]


def read_tokenizer(tok: Any, eos: Iterable[int] | None = None) -> tuple[TokenTable, Decode]:
    """The token table of a live tokenizer, and its decode; `eos` replaces the ids that it says end a sequence.

    Raises
    ------
    VocabularyError : the object is no tokenizer that is known, or its decoder gives tokens no bytes of their own.
    """
    if hasattr(tok, "backend_tokenizer"):
        named = _id_list(tok.eos_token_id) if eos is None else eos
        return _read_fast(tok.backend_tokenizer, named), _hugging_face_decode(tok)
    if hasattr(tok, "get_added_tokens_decoder") and hasattr(tok, "decoder"):
        return _read_fast(tok, eos or ()), lambda ids: str(tok.decode(ids, skip_special_tokens=True))
    if hasattr(tok, "decode_single_token_bytes"):
        return _read_tiktoken(tok, eos), lambda ids: bytes(tok.decode_bytes(ids))
    if hasattr(tok, "id_to_piece") and hasattr(tok, "is_control"):
        return _read_sentencepiece(tok, eos), lambda ids: str(tok.decode(ids))
    if hasattr(tok, "convert_ids_to_tokens") and hasattr(tok, "added_tokens_decoder"):
        return _read_slow(tok, eos), _hugging_face_decode(tok)
    raise VocabularyError(
        f"Expected a tokenizer of Hugging Face, tiktoken or sentencepiece, got {type(tok).__module__}."
        f"{type(tok).__qualname__}. Give the bytes of each token to Vocabulary.from_tokens instead."
    )


def read_json(content: bytes, eos: Iterable[int | str]) -> TokenTable:
    """The token table of a tokenizer.json; `eos` names or numbers the ids that end a sequence.

    Raises
    ------
    VocabularyError : not a tokenizer.json, or one whose decoder gives tokens no bytes of their own.
    """
    try:
        data = json.loads(content)
        entries = data["model"]["vocab"]
        pieces = (
            {int(t): piece for piece, t in entries.items()}
            if isinstance(entries, dict)
            else {t: str(entry[0]) for t, entry in enumerate(entries)}
        )
        added = {int(row["id"]): (str(row["content"]), bool(row["special"])) for row in data.get("added_tokens") or ()}
        decoder = data.get("decoder")
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise VocabularyError(f"Expected a tokenizer.json with model.vocab and added_tokens: {error!r}.") from error
    return _table_of_pieces(pieces, added, decoder, eos)


def json_decode(content: bytes) -> Decode | None:
    """The decode of a tokenizer.json, by the library `tokenizers`; None where that is not installed.

    Raises
    ------
    VocabularyError : the library refuses the file.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return None
    try:
        tok = Tokenizer.from_buffer(content)
    except Exception as error:  # the library raises no narrower class
        raise VocabularyError(f"The library tokenizers cannot read this tokenizer.json: {error}.") from error
    return lambda ids: str(tok.decode(ids, skip_special_tokens=True))


def read_eos(folder: Path) -> list[int | str]:
    """The EOS ids and names that the configuration files of a model's folder declare, in order, each once."""
    found: list[int | str] = []
    token = _read_object(folder / "tokenizer_config.json").get("eos_token")
    if token is not None:
        found.append(token["content"] if isinstance(token, dict) else token)
    for name in ("generation_config.json", "config.json"):
        config = _read_object(folder / name)
        found += _id_list(config.get("eos_token_id", (config.get("text_config") or {}).get("eos_token_id")))
    return list(dict.fromkeys(found))


def _read_object(path: Path) -> dict[str, Any]:
    """A file's JSON object; empty where there is no such file."""
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise VocabularyError(f"{path.name} is no JSON: {error}.") from error
    if not isinstance(data, dict):
        raise VocabularyError(f"Expected {path.name} to hold an object, got {type(data).__name__}.")
    return data


def _read_fast(tok: Any, eos: Iterable[int]) -> TokenTable:
    """A `tokenizers.Tokenizer`."""
    pieces = {t: piece for piece, t in tok.get_vocab(with_added_tokens=False).items()}
    added = {t: (row.content, row.special) for t, row in tok.get_added_tokens_decoder().items()}
    decoder = None if tok.decoder is None else json.loads(tok.decoder.__getstate__())
    return _table_of_pieces(pieces, added, decoder, eos)


def _table_of_pieces(
    pieces: dict[int, str],
    added: Mapping[int, tuple[str, bool]],
    decoder: Mapping[str, Any] | None,
    eos: Iterable[int | str],
) -> TokenTable:
    """Pieces by id, added tokens (content, special) over them."""
    decode = piece_decoder(decoder)
    pieces |= {t: content for t, (content, _) in added.items()}
    special = {content: t for t, (content, is_special) in added.items() if is_special}
    names = dict.fromkeys(special.values())
    texts = {t: decode(piece) for t, piece in pieces.items() if t not in names}
    return _table(texts, special, pieces, eos)


def _table(
    texts: Mapping[int, bytes], special: dict[str, int], names: Mapping[int, str], eos: Iterable[int | str]
) -> TokenTable:
    """A table of texts by id; EOS ids become special, under their names, and lose their bytes."""
    if not 0 <= min(names, default=0) <= max(names, default=0) < _MAX_IDS:
        raise VocabularyError(f"Expected token ids in [0, {_MAX_IDS}), got {min(names)} to {max(names)}.")
    eos_ids = []
    for e in eos:
        t = next((t for t, name in names.items() if name == e), None) if isinstance(e, str) else e
        if t is None or t not in names:
            raise VocabularyError(f"The end-of-sequence token {e!r} is not in the vocabulary. Pass eos_ids.")
        eos_ids.append(t)
        if t not in special.values():
            special[names[t]] = t
    tokens = [b""] * (1 + max((*texts, *special.values()), default=-1))
    for t, text in texts.items():
        tokens[t] = text
    for t in special.values():
        tokens[t] = b""
    return TokenTable(tokens, tuple(dict.fromkeys(eos_ids)), special)


def _read_slow(tok: Any, eos: Iterable[int] | None) -> TokenTable:
    """A slow Hugging Face tokenizer: GPT-2's alphabet where it says so, else SentencePiece."""
    if hasattr(tok, "byte_decoder"):
        decode = byte_level
    elif hasattr(tok, "sp_model"):
        decode = sentencepiece
    else:
        raise VocabularyError(
            f"{type(tok).__qualname__} does not say how its pieces become bytes. Use its fast version (AutoTokenizer "
            "with use_fast=True), or give the bytes of each token to Vocabulary.from_tokens."
        )
    names = {t: piece for t, piece in enumerate(tok.convert_ids_to_tokens(list(range(len(tok))))) if piece is not None}
    added = tok.added_tokens_decoder
    special_ids = {t for t, row in added.items() if row.special} | set(tok.all_special_ids)
    texts = {t: piece.encode() if t in added else decode(piece) for t, piece in names.items() if t not in special_ids}
    return _table(
        texts, {names[t]: t for t in sorted(special_ids)}, names, _id_list(tok.eos_token_id) if eos is None else eos
    )


def _read_tiktoken(encoding: Any, eos: Iterable[int] | None) -> TokenTable:
    """A `tiktoken.Encoding`: ids may have holes, special tokens are named."""
    special = {name: encoding.encode_single_token(name) for name in sorted(encoding.special_tokens_set)}
    names = {t: name for name, t in special.items()}
    texts: dict[int, bytes] = {}
    for t in range(encoding.n_vocab):
        if t not in names:
            try:
                texts[t] = encoding.decode_single_token_bytes(t)
            except KeyError:  # a hole
                continue
    default = [special["<|endoftext|>"]] if "<|endoftext|>" in special else []
    return _table(texts, special, names, default if eos is None else eos)


def _read_sentencepiece(processor: Any, eos: Iterable[int] | None) -> TokenTable:
    """A sentencepiece processor: control, unknown and unused pieces have no bytes."""
    names = {t: str(processor.id_to_piece(t)) for t in range(processor.get_piece_size())}
    special = {name: t for t, name in names.items() if processor.is_control(t) or processor.is_unknown(t)}
    texts = {
        t: sentencepiece(name) if processor.is_byte(t) else name.replace("▁", " ").encode()
        for t, name in names.items()
        if name not in special and not processor.is_unused(t)
    }
    default = [processor.eos_id()] if processor.eos_id() >= 0 else []
    return _table(texts, special, names, default if eos is None else eos)


def _hugging_face_decode(tok: Any) -> Decode:
    """A Hugging Face tokenizer's decode, with nothing but the tokens' own text."""

    def decode(ids: list[int]) -> str:
        return str(
            tok.decode(
                ids, skip_special_tokens=True, clean_up_tokenization_spaces=False, spaces_between_special_tokens=False
            )
        )

    return decode


def _id_list(value: Any) -> list[int]:
    """An id, several, or none, as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, int) else list(value)
