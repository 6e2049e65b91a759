"""Lengths beside patterns: what a pattern still needs counts, wherever a token leaves it."""

from __future__ import annotations

import random

import numpy as np
import pytest
from oracles.mask_bits import tokens_of

from syntagma.automata import Vocabulary, compile_grammar
from syntagma.automata import _layout_kernels as L
from syntagma.grammar.jsonschema import JsonSchema

WORDS = [
    "a",
    "b",
    "Z",
    "-",
    " ",
    ".",
    "ab",
    "a b",
    "b-",
    "Zab",
    "aaaa",
    "a b a",
    "-a-a",
    "é",
    "aé",
    ' "',
    '"',
    "ab.",
    "a" * 9,
]
VOCABULARY = Vocabulary.from_tokens([word.encode() for word in WORDS], eos_ids=[len(WORDS)])
PATTERNS = [
    "^[a-zA-Z]+( [a-zA-Z]+)*$",
    "^[^ Z]*(Z.{9})?$",
    "^([^.]{3}\\.)*[^.]*$",
    "^[^-]*(-[^-]{2})*$",
    "^([^ ]{2})+$",
    "^(Z?[^Z]{4})*$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(("low", "high"), [(0, 11), (4, 19), (0, 64), (50, 64), (40, 200)])
def test_masks_are_single_steps(pattern: str, low: int, high: int) -> None:
    schema = {"type": "string", "pattern": pattern, "minLength": low, "maxLength": high}
    auto = compile_grammar(JsonSchema(schema).grammar(), VOCABULARY)
    rng = random.Random(f"{pattern} {low} {high}")
    for _ in range(12):
        matcher, text = auto.matcher(), ""
        row = np.zeros(auto.mask_width, np.int32)
        for _ in range(80):
            matcher.fill_mask(row)
            allowed = sorted(tokens_of(row))
            assert allowed == [t for t in range(len(WORDS) + 1) if auto.check(matcher.state, t)], text
            assert allowed, f"a dead end behind {text!r}"
            token = rng.choice(allowed)
            assert matcher.accept(token)
            if matcher.finished:
                assert low <= len(text) - 2 <= high
                break
            text += WORDS[token]


def test_such_states_have_tables() -> None:
    schema = {"type": "string", "pattern": "^[a-z]+( [a-z]+)*$", "maxLength": 64}
    auto = compile_grammar(JsonSchema(schema).grammar(), VOCABULARY)
    G = auto.pushdown.G
    flags = G[G[L.G_ST] : G[L.G_ST] + auto.stats.states * L.ST].reshape(-1, L.ST)[:, L.S_FLAGS]
    assert (flags & L.CEILING).any()
    targets = [state for state in range(auto.stats.states) if flags[state] & L.TABLED]
    assert targets, "letters lead to the space behind which another one is needed"
