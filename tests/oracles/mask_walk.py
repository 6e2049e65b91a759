"""Random walks along masks, held at every step against `naive_mask` and `naive_grammar`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import assume
from oracles.mask_bits import tokens_of
from oracles.naive_grammar import matches
from oracles.naive_mask import NaiveMask, Stack, Symbol, TooManyStacks

from syntagma.automata import Limits, TokenAutomaton, Vocabulary, compile_grammar
from syntagma.errors import BudgetExceeded, EmptyLanguage, UnsupportedFeature
from syntagma.grammar.ir import Grammar, Token
from syntagma.grammar.normalize import normalize


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
            first = self.rng.choice(sorted({vocab.token_bytes(t)[:1] for t in going}))
            token = self.rng.choice([t for t in going if vocab.token_bytes(t)[:1] == first])
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


def keeps_the_law(grammar: Grammar, rng: random.Random, vocab: Vocabulary, steps: int) -> None:
    """Walk through the grammar, as far as the oracle can."""
    try:
        Walk(grammar, vocab, rng).run(steps)
    except (BudgetExceeded, UnsupportedFeature):
        assume(False)
    except TooManyStacks:
        return
