"""Nearest: tokens in the order of what they leave to do, and paths to the end that make few states."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from laws.test_masks import LETTERS, relaxed
from oracles.letter_grammars import grammars
from oracles.mask_bits import vocabulary
from oracles.mask_walk import mask_of

import syntagma as sg
from syntagma.automata import TokenAutomaton, Vocabulary, compile_grammar
from syntagma.errors import EmptyLanguage, SamplingError, UnsupportedFeature
from syntagma.grammar.ir import Alt, Bytes, Grammar
from syntagma.sampling.budget import closing_path, require_closable

DOCUMENT = vocabulary(
    b'{}":,0123456789abcdefghijklmnopqrstuvwxyz', [b'{"', b'":', b',"', b'"}', b'first":', b"irst", b"000"], n=90
)


def by_definition(auto: TokenAutomaton, state: int) -> list[tuple[int, int]]:
    """What `nearest` promises, from `advance` and `least_bytes` alone."""
    vocab, least = auto.vocabulary, auto.least_bytes(state)
    after = {t: auto.advance(state, t) for t in mask_of(auto, state) - set(auto.end_ids)}
    left = {t: auto.least_bytes(q) for t, q in after.items()}
    begins = {vocab.token_bytes(t) for t, bytes_left in left.items() if bytes_left < least}
    nearer = sorted((n, t) for t, n in left.items() if n < least and vocab.token_bytes(t)[:1] in begins)
    return nearer + sorted({(n, t) for t, n in left.items()} - set(nearer))


@relaxed
@given(grammars(False), st.randoms(use_true_random=False))
def test_the_order_is_that_of_what_is_left(grammar: Grammar, rng: random.Random) -> None:
    try:
        auto = compile_grammar(grammar, LETTERS)
    except (EmptyLanguage, UnsupportedFeature):
        assume(False)
    state = auto.start
    for _ in range(8):
        assert list(auto.nearest(state)) == by_definition(auto, state)
        going = sorted(mask_of(auto, state) - set(auto.end_ids))
        if not going:
            break
        state = auto.advance(state, rng.choice(going))


def two_numbers(profile: str, **bounds: float) -> sg.JsonSchema:
    """`bounds` hold for the first one."""
    properties = {"first": {"type": "number"} | bounds, "second": {"type": "number"}}
    required = {"required": ["first", "second"], "additionalProperties": False}
    return sg.JsonSchema({"type": "object", "properties": properties} | required, profile)


def test_a_path_takes_the_longest_tokens_that_lead_to_the_end() -> None:
    auto = sg.compile(two_numbers("generation"), DOCUMENT)
    path = closing_path(auto, auto.start, 100)
    assert path is not None
    assert len(b"".join(map(DOCUMENT.token_bytes, path))) == len('{"first":0,"second":0}')
    assert [DOCUMENT.token_bytes(t) for t in path][:2] == [b'{"', b'first":']


def test_a_path_around_a_guard_makes_few_states() -> None:
    """What a guard refuses is passed over, and no state is made of what is not taken."""
    words = [bytes((a, b)) for a in b"0123456789" for b in b"0123456789"]
    vocab = Vocabulary.from_tokens([bytes((b,)) for b in range(256)] + words, eos_ids=[400])
    auto = sg.compile(two_numbers("spec", minimum=70), vocab)
    assert not auto.exact
    before = auto.stats.arena_bytes
    path = closing_path(auto, auto.start, 100)
    assert path is not None
    assert b"".join(map(vocab.token_bytes, path)) == b'{"first":70,"second":0}'
    assert auto.stats.arena_bytes - before < 10_000  # a state of each token that is allowed takes 100,000


def test_a_budget_for_larger_tokens_is_enough() -> None:
    auto = sg.compile(two_numbers("generation"), DOCUMENT)
    path = closing_path(auto, auto.start, 100)
    assert path is not None
    assert len(path) < auto.least_bytes(auto.start)
    require_closable(auto, len(path))
    with pytest.raises(SamplingError, match=f"takes {len(path)} tokens"):
        require_closable(auto, len(path) - 1)


def test_a_vocabulary_that_does_not_spell_the_shortest_text() -> None:
    """What leads away from the shortest text is taken where nothing else is."""
    for tokens in ([b"bcdefgh"], [b"b", b"cdefgh"]):
        vocab = Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
        auto = compile_grammar(Grammar("s", {"s": Alt((Bytes(b"aaaa"), Bytes(b"bcdefgh")))}), vocab)
        assert auto.least_bytes(auto.start) == 4
        assert closing_path(auto, auto.start, 4) == list(range(len(tokens)))
        require_closable(auto, len(tokens))
