"""Lengths beside patterns: what a pattern still needs counts, wherever a token leaves it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator

import numpy as np
import pytest
from oracles.mask_bits import tokens_of

from syntagma.automata import TokenAutomaton, Vocabulary, compile_grammar
from syntagma.automata import _layout_kernels as L
from syntagma.grammar.ir import And, Grammar, Repeat
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.regex import parse_regex

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
    "aé",
    ' "',
    '"',
    "ab.",
    "a" * 9,
]
#: Tokens that begin or end inside a character or an escape.
PARTS = [
    b"\\",
    b"n",
    b"naa",
    b'n"',
    b"\\u00",
    b"0",
    b"0aa",
    b"\xc3",
    b"\xa9",
    b'\xa9"',
    b"\xa9aa",
    b"aa\xc3",
    b"\xf0\x9f",
    b"\xa6\x8a",
]
TOKENS = [word.encode() for word in WORDS] + PARTS + [bytes((byte,)) for byte in b"!?19\xe2\x80\x94u"]
VOCABULARY = Vocabulary.from_tokens(TOKENS, eos_ids=[len(TOKENS)])
PATTERNS = [
    "^[a-zA-Z]+( [a-zA-Z]+)*$",
    "^[^ Z]*(Z.{9})?$",
    "^([^.]{3}\\.)*[^.]*$",
    "^[^-]*(-[^-]{2})*$",
    "^([^ ]{2})+$",
    "^(Z?[^Z]{4})*$",
    "^a.*b.*$",
    "^[^-]*-[^-]*-[^é]{3,}$",
    "Zab|b-.*b",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(("low", "high"), [(0, 11), (4, 19), (0, 64), (50, 64), (40, 200)])
def test_masks_are_single_steps(pattern: str, low: int, high: int) -> None:
    schema = {"type": "string", "pattern": pattern, "minLength": low, "maxLength": high}
    auto = compile_grammar(JsonSchema(schema).grammar(), VOCABULARY)
    for text in walks(auto, f"{pattern} {low} {high}"):
        assert low <= len(json.loads(text)) <= high


def walks(auto: TokenAutomaton, seed: str) -> Iterator[bytes]:
    """The texts of random walks; every mask on the way is what single steps say."""
    rng = random.Random(seed)
    row = np.zeros(auto.mask_width, np.int32)
    for _ in range(10):
        matcher, text = auto.matcher(), b""
        for _ in range(90):
            matcher.fill_mask(row)
            allowed = sorted(tokens_of(row))
            assert allowed == [t for t in range(len(TOKENS) + 1) if auto.check(matcher.state, t)], text
            assert allowed, f"a dead end behind {text!r}"
            token = rng.choice(allowed)
            assert matcher.accept(token)
            if matcher.finished:
                yield text
                break
            text += TOKENS[token]


@pytest.mark.parametrize("bounds", [(1, 1), (3, 3), (3, 5), (0, 3), (2, None), (30, None), (0, 40), (37, 40)])
def test_lengths_alone(bounds: tuple[int, int | None]) -> None:
    schema = {"type": "string", "minLength": bounds[0]} | ({} if bounds[1] is None else {"maxLength": bounds[1]})
    for text in walks(compile_grammar(JsonSchema(schema).grammar(), VOCABULARY), str(bounds)):
        assert bounds[0] <= len(json.loads(text)) <= (bounds[1] or 10**6)


@pytest.mark.parametrize(
    "pattern",
    [
        r"[a-zA-Z0-9]{5,40}!\?",
        r"[^!]{3,20}!\?",
        r'([a-z]é{14,54}[ -~])"',
        r"([a-zA-Z0-9][0-9a-z]){3,40}!",
        r"-[a-z -]{4,80}(19?)?!",
        r"([^!]{2}){30,60}",
        r"[^!?]{20,90}(!\?)+1",
    ],
)
def test_what_follows_a_loop(pattern: str) -> None:
    """It asks for the minimum, wherever in a token it begins."""
    auto = compile_grammar(Grammar("s", {"s": parse_regex(pattern)}), VOCABULARY)
    for text in walks(auto, pattern):
        assert re.fullmatch(pattern, text.decode(), re.DOTALL)


def test_a_loop_that_cannot_end_allows_nothing() -> None:
    """Nothing stands before it whose last byte would be refused instead."""
    pattern, item = parse_regex("([^Z]Z){20}[^Z]*", flavour="ecma"), parse_regex("[^Q]", flavour="ecma")
    auto = compile_grammar(Grammar("s", {"s": And((pattern, Repeat(item, 0, 30)))}), VOCABULARY)
    row = np.zeros(VOCABULARY.mask_words, np.int32)
    auto.matcher().fill_mask(row)
    assert tokens_of(row) == set()
    assert not any(auto.check(auto.start, t) for t in range(len(TOKENS) + 1))


def test_such_states_have_tables() -> None:
    schema = {"type": "string", "pattern": "^[a-z]+( [a-z]+)*$", "maxLength": 64}
    auto = compile_grammar(JsonSchema(schema).grammar(), VOCABULARY)
    G = auto.pushdown.G
    flags = G[G[L.G_ST] : G[L.G_ST] + auto.stats.states * L.ST].reshape(-1, L.ST)[:, L.S_FLAGS]
    assert (flags & L.CEILING).any()
    targets = [state for state in range(auto.stats.states) if flags[state] & L.TABLED]
    assert targets, "letters lead to the space behind which another one is needed"
