"""The law of masks: bit t is set if and only if prefix + t can still become a text of the language.

Random grammars and vocabularies, held along random walks against `naive_mask` (viability, from the definition of the IR)
and `naive_grammar` (whole texts, of the grammar before it is normalised).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from oracles.naive_grammar import language, matches
from oracles.naive_mask import NaiveMask, Stack, Symbol, is_empty

from syntagma.automata import Limits, TokenAutomaton, Vocabulary, compile_grammar, tables
from syntagma.errors import EmptyLanguage, UnsupportedFeature
from syntagma.grammar.ir import (
    EMPTY,
    NOTHING,
    Alt,
    And,
    Bytes,
    Expr,
    Grammar,
    Guarded,
    Items,
    Member,
    Members,
    Not,
    OtherMembers,
    Ref,
    Repeat,
    Seq,
    Spelled,
    Token,
    byte_set,
)
from syntagma.grammar.normalize import normalize

A, B = Bytes(b"a"), Bytes(b"b")
LETTER = byte_set((0x61, 0x7A))
#: More stacks than this: the oracle is too slow to go on.
MANY = 60

relaxed = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def vocabulary(
    alphabet: bytes, more: Sequence[bytes] = (), *, seed: int = 0, n: int = 40, width: int = 5
) -> Vocabulary:
    """The bytes of the alphabet, random strings over it (some of them twice), two EOS ids and two special tokens."""
    rng = random.Random(seed)
    drawn = [bytes(rng.choices(alphabet, k=rng.randint(2, width))) for _ in range(n)]
    tokens = [*(bytes((b,)) for b in alphabet), *more, *drawn, *rng.sample(drawn, n // 8), alphabet[:1]]
    rng.shuffle(tokens)
    n = len(tokens)
    return Vocabulary.from_tokens(
        tokens, eos_ids=[n, n + 1], special={"<s>": n, "</s>": n + 1, "<x>": n + 2, "<y>": n + 3}, width=n + 40
    )


def tokens_of(row: np.ndarray) -> set[int]:
    return set(np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist())


def mask_of(auto: TokenAutomaton, state: int) -> set[int]:
    return tokens_of(auto.mask(state))


def filled(auto: TokenAutomaton, state: int) -> set[int]:
    row = np.full(auto.mask_width, -1, np.int32)
    auto.fill_mask(state, row)
    return tokens_of(row)


def symbols(vocab: Vocabulary, token: int) -> list[Symbol]:
    return list(vocab.token_bytes(token)) or [Token(token)]


def allowed(oracle: NaiveMask, stacks: frozenset[Stack], vocab: Vocabulary, ends: Sequence[int]) -> set[int]:
    """The tokens that the oracle allows, one trie of stacks for all."""
    known: dict[bytes, frozenset[Stack]] = {b"": stacks}
    found = set(ends) if oracle.accepts(stacks) else set()
    for token in range(vocab.size):
        text = vocab.token_bytes(token)
        for k in range(len(text)):
            if text[: k + 1] not in known:
                known[text[: k + 1]] = oracle.after(known[text[:k]], text[k : k + 1])
        if known[text] if text else oracle.after(stacks, [Token(token)]):
            found.add(token)
    return found


@dataclass
class Walk:
    """A random walk, held against the oracles at every step."""

    grammar: Grammar
    vocab: Vocabulary
    rng: random.Random
    limits: Limits | None = None

    def __post_init__(self) -> None:
        try:
            self.auto = compile_grammar(self.grammar, self.vocab, limits=self.limits)
        except EmptyLanguage:
            assume(False)
        normal = normalize(self.grammar)
        special = dict(self.vocab.special)
        self.oracle = NaiveMask(normal, special)
        self.lazy = self.oracle if self.auto.exact else NaiveMask(normal, special, eager=False)

    def run(self, steps: int) -> None:
        auto, oracle, lazy, vocab = self.auto, self.oracle, self.lazy, self.vocab
        state, stacks, slack = auto.start, oracle.start, lazy.start
        matcher = auto.matcher()
        text: list[Symbol] = []
        for step in range(steps):
            if len(slack) > MANY:
                return
            expected = allowed(oracle, stacks, vocab, auto.end_ids)
            most = expected if auto.exact else allowed(lazy, slack, vocab, auto.end_ids)
            found = filled(auto, state)
            where = (self.grammar, text)
            self.compare(found, expected, most, where)
            bare = mask_of(auto, state)
            assert found <= bare, where
            assert found == {t for t in range(vocab.width) if auto.check(state, t)}, where
            assert auto.accepts(state) == oracle.accepts(stacks), where
            if len(text) < 14 and (auto.exact or all(isinstance(s, int) for s in text)):
                named = [Token(name=self.name(s.id)) if isinstance(s, Token) else s for s in text]
                assert auto.accepts(state) == (matches(self.grammar, text) or matches(self.grammar, named)), where
            refused = sorted(set(range(vocab.width)) - found)
            assert not matcher.accept(self.rng.choice(refused))
            assert matcher.state == state
            going = sorted(found - set(auto.end_ids))
            if not going:
                return
            token = self.rng.choice(going)
            more = symbols(vocab, token)
            after = auto.advance(state, token)
            assert after != 0
            if isinstance(more[0], int):
                assert after == self.bytewise(state, more), (*where, token)
            fork = matcher.fork()
            assert fork.accept(token)
            assert fork.state == after
            assert matcher.state == state
            fork.rollback(1)
            assert fork.state == state
            assert matcher.accept(token)
            state, text = after, text + more
            stacks, slack = oracle.after(stacks, more), lazy.after(slack, more)
            if step == steps - 1:
                matcher.rollback(matcher.n_tokens)
                assert matcher.state == auto.start

    def compare(self, found: set[int], least: set[int], most: set[int], where: object) -> None:
        text = self.vocab.token_bytes
        assert not least - found, ("missing", [(t, text(t)) for t in least - found], where)
        assert not found - most, ("too many", [(t, text(t)) for t in found - most], where)

    def bytewise(self, state: int, more: Sequence[Symbol]) -> int:
        single = {self.vocab.token_bytes(t): t for t in range(self.vocab.width) if len(self.vocab.token_bytes(t)) == 1}
        for byte in more:
            state = self.auto.advance(state, single[bytes((byte,))])  # type: ignore[arg-type]
        return state

    def name(self, token: int | None) -> str | None:
        return next((n for n, t in self.vocab.special.items() if t == token), None)


@dataclass(frozen=True)
class Even:
    """Whether the text's length is even, or odd."""

    even: bool
    pointer: str = "#"
    keyword: str = "length"

    def __call__(self, text: bytes) -> bool:
        return (len(text) % 2 == 0) == self.even


@dataclass(frozen=True)
class Without:
    """Whether the text lacks a byte string."""

    word: bytes
    pointer: str = "#/a"
    keyword: str = "not"

    def __call__(self, text: bytes) -> bool:
        return self.word not in text


checks = st.one_of(st.builds(Even, st.booleans()), st.builds(Without, st.sampled_from([b"a", b"ab", b"", b"aab"])))

# Random grammars over the letters a and b

BOUNDS = [(0, 17), (17, 17), (0, 20), (18, 20), (17, None), (2, 40), (16, 18)]
LEAVES: list[Expr] = [
    A,
    B,
    A,
    B,
    *map(Ref, "sxyz"),
    Ref("x"),
    EMPTY,
    NOTHING,
    Bytes(b"ab"),
    byte_set(97, 98),
    Token(name="<x>"),
]


def _bounded(words: list[bytes], bound: tuple[int, int | None]) -> Expr:
    """A string of some words whose length is bounded, if there is one."""
    both = And((Repeat(Alt(tuple(map(Bytes, words)))), Repeat(LETTER, *bound)))
    return A if is_empty(both) else Seq((A, both, Bytes(b".")))


def _grown(inner: st.SearchStrategy[Expr], guarded: bool) -> st.SearchStrategy[Expr]:
    some = st.lists(inner, max_size=3).map(tuple)
    few = st.integers(0, 2)
    kinds = [
        some.map(Seq),
        some.map(Seq),
        some.map(Alt),
        some.map(Alt),
        st.builds(Repeat, inner, few, st.sampled_from([None, None, 0, 1, 2, 3])),
        st.builds(lambda item, bound: Repeat(item, *bound), inner, st.sampled_from(BOUNDS)),
        st.builds(
            _bounded,
            st.lists(st.sampled_from([b"a", b"b", b"ab", b"aa", b"aab"]), min_size=1, max_size=3),
            st.sampled_from(BOUNDS),
        ),
        st.builds(Items, some, st.one_of(st.none(), inner), few, st.sampled_from([None, 1, 3]), st.just(B)),
    ]
    if guarded:
        kinds += [st.builds(Guarded, inner, checks)] * 2
    return st.one_of(kinds)


def grammars(guarded: bool) -> st.SearchStrategy[Grammar]:
    expressions = st.recursive(st.sampled_from(LEAVES), lambda inner: _grown(inner, guarded), max_leaves=6)
    return st.builds(lambda *bodies: Grammar("s", dict(zip("sxyz", bodies, strict=True))), *[expressions] * 4)


LETTERS = vocabulary(b"ab.", [b"a" * 17, b"ab" * 10, b"a" * 40])


@relaxed
@given(grammars(False), st.randoms(use_true_random=False))
def test_random_grammars(grammar: Grammar, rng: random.Random) -> None:
    try:
        Walk(grammar, LETTERS, rng).run(10)
    except UnsupportedFeature:
        assume(False)


@relaxed
@given(grammars(True), st.randoms(use_true_random=False))
def test_random_guarded_grammars(grammar: Grammar, rng: random.Random) -> None:
    try:
        Walk(grammar, LETTERS, rng).run(10)
    except UnsupportedFeature:
        assume(False)
