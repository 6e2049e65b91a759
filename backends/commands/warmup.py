"""Warm-up: compile the kernels and keep vocabularies, ahead of time (images, read-only containers)."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .outcome import Outcome

if TYPE_CHECKING:
    from ...automata import Vocabulary

#: A schema whose masks, with a pattern over bytes, visit every kernel.
SCHEMA = """{
  "type": "object", "required": ["name", "tags"], "additionalProperties": {"type": "integer", "maximum": 99},
  "properties": {
    "name": {"type": "string", "minLength": 2, "maxLength": 40, "pattern": "^[a-z ]*$"},
    "code": {"type": "string", "pattern": "^([a-z]{1,9}-){1,16}[0-9]{2,4}$"},
    "title": {"type": "string", "maxLength": 40, "pattern": "^[a-z]+( [a-z]+)*$"},
    "kind": {"enum": ["one", "two", 3, null]},
    "size": {"anyOf": [{"type": "number"}, {"type": "string", "format": "date"}]},
    "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 5, "uniqueItems": true}
  }
}"""
PATTERN = "([a-z]{1,9}-){1,16}[0-9]{2,4}"
#: Tokens enough that tables serve as models of others.
BYTES = [bytes([b]) for b in range(256)]
PAIRS = [bytes(pair) for pair in product(range(32, 127), repeat=2)]
TEXT = b'{"name": "ab c", "kind": "two", "size": 1.5, "tags": ["a", "b"], "x": 7}'


def warm_up(tokenizers: Sequence[Path], model: str | None) -> Outcome:
    """Compile all kernels into the cache folder; build and keep the vocabularies of tokenizers and of a model."""
    from ...automata import Vocabulary
    from ...automata.kernel_cache import CACHE_DIR

    begin = time.perf_counter()
    _exercise(Vocabulary.from_tokens([*BYTES, *PAIRS, *(b"e" + pair for pair in PAIRS)], [len(BYTES) + 2 * len(PAIRS)]))
    if importlib.util.find_spec("torch"):
        _mask_logits()
    kept = []
    for folder in tokenizers:
        vocabulary = Vocabulary.from_pretrained(folder)
        _exercise(vocabulary)
        kept.append({"tokenizer": str(folder), "tokens": vocabulary.size, "fingerprint": vocabulary.fingerprint})
    if model is not None:
        from ..load import load

        vocabulary = load(model).vocabulary
        _exercise(vocabulary)
        kept.append({"model": model, "tokens": vocabulary.size, "fingerprint": vocabulary.fingerprint})
    seconds = time.perf_counter() - begin
    data: dict[str, Any] = {
        "cache": None if CACHE_DIR is None else str(CACHE_DIR),
        "kernels": 0 if CACHE_DIR is None else sum(1 for _ in CACHE_DIR.rglob("*.nbi")),
        "vocabularies": kept,
        "seconds": round(seconds, 3),
    }
    pieces = [("green", f"{data['kernels']} kernels are ready"), ("", f" in {data['cache']} ({seconds:.1f} s).\n")]
    if CACHE_DIR is None:
        pieces = [("red", "No folder can be written: set SYNTAGMA_CACHE_DIR to one that can.\n")]
    elif "SYNTAGMA_CACHE_DIR" not in os.environ:
        pieces.append(("dim", "Set SYNTAGMA_CACHE_DIR to choose the folder.\n"))
    pieces += [("", f"{e.get('tokenizer') or e.get('model')}: {e['tokens']} tokens kept.\n") for e in kept]
    return Outcome(data, pieces, 2 if CACHE_DIR is None else 0)


def _mask_logits() -> None:
    """Mask logits of every size, and weigh them."""
    import torch

    from ..logit_mask import apply_masks

    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        for logz in (False, True):
            apply_masks(torch.zeros((1, 40), dtype=dtype), np.zeros((1, 2), np.int32), logz=logz)


def _exercise(vocabulary: Vocabulary) -> None:
    """Fill masks, step, roll back and fork, over a schema and under both profiles; once with a pool that is full."""
    from ...automata import Limits, compile_grammar, fill_masks
    from ...automata.arenas import Moved
    from ...automata.states import States
    from ...automata.tables import tables_of
    from ...grammar.jsonschema import JsonSchema
    from ...grammar.jsonschema.schema import Profile
    from ...grammar.regex import Regex

    row = np.zeros(vocabulary.mask_words, np.int32)
    runs: list[tuple[Profile, Limits]] = [("spec", Limits()), ("generation", Limits())]
    runs.append(("generation", Limits(mask_bytes=0)))
    for profile, limits in runs:
        auto = compile_grammar(JsonSchema(SCHEMA, profile=profile).grammar(), vocabulary, limits=limits)
        matcher = auto.matcher()
        for byte in TEXT:
            matcher.fill_mask(row)
            matcher.forced_tokens()
            for token in vocabulary.tokens_with_bytes(bytes([byte]))[:1]:
                matcher.accept(token)
        with auto.run():
            auto.mask_within(auto.start, 100)
        fill_masks([matcher], row[None])
        matcher.fork().rollback(1)
        if matcher.accepts_eos:
            matcher.accept(auto.end_ids[0])
    compile_grammar(Regex(PATTERN).grammar(), vocabulary)
    states = States(tables_of(vocabulary), Limits().bytes, Moved())
    for _ in range(2):  # the keys of long texts need more room, and are dropped now and then
        states.grow()
    states.keep(())
