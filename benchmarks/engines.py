"""Mask engines behind one face, so that a benchmark treats all alike.

An engine is set up once with a tokenizer folder, a profile ("spec" or "generation") and an order in which declared
members come ("schema" or "any"), as far as it knows such. `compile(schema)` turns JSON text into a `Compiled`, and
`Compiled.start()` begins a sequence: after it `fill()` writes the next mask into `row` (bit t of the row is token t,
int32 words) and `accept(token)` consumes a token. Both are the engine's cheapest calls from Python: they are timed.

Laws
    1. `compile` raises `EmptyLanguage` if the engine proves that nothing satisfies the schema; any other exception is a
       compile error.
    2. Engines that compile lazily go on in `start()` and in the first `fill()`; callers time through to it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

#: The distribution that holds each engine, in the order of the report.
DISTRIBUTIONS = {
    "syntagma": "syntagma",
    "llguidance": "llguidance",
    "xgrammar": "xgrammar",
    "outlines": "outlines_core",
}


class EmptyLanguage(Exception):
    """The engine says that no instance satisfies the schema."""


class CompileError(Exception):
    """The engine cannot compile the schema."""


class Compiled(Protocol):
    """One schema, compiled for one tokenizer."""

    #: Where `fill` writes.
    row: NDArray[np.int32]

    @property
    def facts(self) -> dict[str, Any]:
        """What the engine says of itself, such as whether it decides the schema without guards."""

    def start(self) -> tuple[Callable[[], object], Callable[[int], object]]:
        """Begin a sequence; return `fill` and `accept`."""


class Engine(Protocol):
    """A mask engine, set up for one tokenizer."""

    width: int

    def compile(self, schema: str) -> Compiled:
        """Compile JSON text."""


class Syntagma:
    """This project."""

    def __init__(self, tokenizer: Path, eos: int, width: int, profile: str, order: str) -> None:
        import syntagma
        from syntagma import errors

        self.sg = syntagma
        self.empty = errors.EmptyLanguage
        self.profile, self.order = profile, order
        self.vocabulary = syntagma.Vocabulary.from_pretrained(tokenizer)
        self.width = self.vocabulary.width

    def compile(self, schema: str) -> Compiled:
        try:
            constraint = self.sg.JsonSchema(schema, profile=self.profile, property_order=self.order)
            automaton = self.sg.compile(constraint, self.vocabulary)
        except self.empty as error:
            raise EmptyLanguage(str(error)) from error
        return _Syntagma(automaton, self.width)


class _Syntagma:
    def __init__(self, automaton: Any, width: int) -> None:
        self.automaton = automaton
        self.row = np.zeros((width + 31) // 32, np.int32)

    @property
    def facts(self) -> dict[str, Any]:
        return {"exact": bool(self.automaton.exact)}

    def start(self) -> tuple[Callable[[], object], Callable[[int], object]]:
        matcher = self.automaton.matcher()
        return partial(matcher.fill_mask, self.row), matcher.accept


class Llguidance:
    """llguidance with its slices for JSON, filling by pointer."""

    def __init__(self, tokenizer: Path, eos: int, width: int, profile: str, order: str) -> None:
        from llguidance import LLMatcher, LLTokenizer

        self.matcher = LLMatcher
        self.tokenizer = LLTokenizer(
            str(tokenizer / "tokenizer.json"), n_vocab=width, eos_token=eos, slices=LLTokenizer.json_slices()
        )
        self.width = width

    def compile(self, schema: str) -> Compiled:
        grammar = self.matcher.grammar_from_json_schema(schema)
        matcher = self.matcher(self.tokenizer, grammar, log_level=0)
        if matcher.is_error():
            message = matcher.get_error()
            raise EmptyLanguage(message) if message.startswith("Unsatisfiable schema") else CompileError(message)
        return _Llguidance(matcher, self.width)


class _Llguidance:
    def __init__(self, matcher: Any, width: int) -> None:
        self.matcher = matcher
        self.row = np.zeros((width + 31) // 32, np.int32)
        self.facts: dict[str, Any] = {}
        self.fresh = True

    def start(self) -> tuple[Callable[[], object], Callable[[int], object]]:
        if not self.fresh:
            self.matcher.reset()  # keeps the lexer's tables, which a new matcher would build again
            if self.matcher.is_error():
                raise RuntimeError(self.matcher.get_error())
        self.fresh = False
        fill = partial(self.matcher.unsafe_compute_mask_ptr, self.row.ctypes.data, self.row.nbytes)
        return fill, self.matcher.consume_token


class Xgrammar:
    """xgrammar; `strict_mode` off, as the specification has it."""

    def __init__(self, tokenizer: Path, eos: int, width: int, profile: str, order: str) -> None:
        import xgrammar

        pieces = _pieces(tokenizer, width)
        info = xgrammar.TokenizerInfo(
            pieces, vocab_type=_xgrammar_kind(xgrammar, tokenizer), vocab_size=width, stop_token_ids=[eos]
        )
        self.xgrammar = xgrammar
        self.compiler = xgrammar.GrammarCompiler(info, cache_enabled=False)
        self.any_order = order == "any"
        self.width = width

    def compile(self, schema: str) -> Compiled:
        compiled = self.compiler.compile_json_schema(schema, strict_mode=False, any_order=self.any_order)
        return _Xgrammar(self.xgrammar, compiled, self.width)


class _Xgrammar:
    def __init__(self, xgrammar: Any, compiled: Any, width: int) -> None:
        self.xgrammar = xgrammar
        self.compiled = compiled
        self.bitmask = np.zeros((1, (width + 31) // 32), np.int32)
        self.row = self.bitmask[0]
        self.facts: dict[str, Any] = {}

    def start(self) -> tuple[Callable[[], object], Callable[[int], object]]:
        matcher = self.xgrammar.GrammarMatcher(self.compiled)
        return partial(matcher.fill_next_token_bitmask, self.bitmask), matcher.accept_token


class Outlines:
    """outlines-core: a regular expression's index."""

    def __init__(self, tokenizer: Path, eos: int, width: int, profile: str, order: str) -> None:
        import outlines_core

        self.core = outlines_core
        table: dict[bytes, list[int]] = {}
        for token, data in enumerate(_token_bytes(tokenizer, width)):
            if data and token != eos:
                table.setdefault(data, []).append(token)
        self.vocabulary = outlines_core.Vocabulary(eos, table)
        self.whitespace = r"[ \n\r\t]*" if profile == "spec" else None
        self.width = width

    def compile(self, schema: str) -> Compiled:
        from outlines_core.json_schema import build_regex_from_schema

        index = self.core.Index(build_regex_from_schema(schema, self.whitespace), self.vocabulary)
        return _Outlines(self.core.Guide, index, self.width, self.vocabulary.get_eos_token_id())


class _Outlines:
    def __init__(self, guide: Any, index: Any, width: int, eos: int) -> None:
        self.guide = guide
        self.index = index
        self.eos = eos
        self.row = np.zeros((width + 31) // 32, np.int32)
        self.facts: dict[str, Any] = {}

    def start(self) -> tuple[Callable[[], object], Callable[[int], object]]:
        guide, eos = self.guide(self.index), self.eos

        def accept(token: int) -> object:
            return guide.is_finished() if token == eos else guide.advance(token, False)

        return partial(guide.write_mask_into, self.row.ctypes.data, len(self.row), self.row.itemsize), accept


ENGINES: dict[str, Callable[[Path, int, int, str, str], Engine]] = {
    "syntagma": Syntagma,
    "llguidance": Llguidance,
    "xgrammar": Xgrammar,
    "outlines": Outlines,
}


def version(name: str) -> str | None:
    """The engine's version; None if it cannot be imported."""
    module = DISTRIBUTIONS[name]
    if importlib.util.find_spec(module) is None:
        return None
    return importlib.metadata.version(module)


def _tokenizer(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "tokenizer.json").read_text("utf-8"))  # type: ignore[no-any-return]


def _pieces(folder: Path, width: int) -> list[str]:
    """The spelling of every id in tokenizer.json, holes as empty strings."""
    data = _tokenizer(folder)
    vocab = data["model"]["vocab"]
    pairs = vocab.items() if isinstance(vocab, dict) else ((entry[0], i) for i, entry in enumerate(vocab))
    pieces = [""] * width
    for piece, token in pairs:
        pieces[token] = piece
    for added in data.get("added_tokens", ()):
        pieces[added["id"]] = added["content"]
    return pieces


def _is_byte_level(folder: Path) -> bool:
    return '"ByteLevel"' in json.dumps([_tokenizer(folder).get(part) for part in ("pre_tokenizer", "decoder")])


def _xgrammar_kind(xgrammar: Any, folder: Path) -> Any:
    kinds = xgrammar.VocabType
    return kinds.BYTE_LEVEL if _is_byte_level(folder) else kinds.BYTE_FALLBACK


def _token_bytes(folder: Path, width: int) -> list[bytes]:
    """The bytes of every ordinary token of a byte-level tokenizer; special tokens and holes are empty."""
    if not _is_byte_level(folder):
        raise ValueError("outlines-core is set up here for byte-level tokenizers only")
    special = {added["id"] for added in _tokenizer(folder).get("added_tokens", ())}
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    byte_of = {chr(b): b for b in printable}
    byte_of |= {chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in printable)}
    pieces = _pieces(folder, width)
    return [b"" if t in special else bytes(byte_of[c] for c in piece) for t, piece in enumerate(pieces)]
