"""Exact law: a hidden-Markov model under a constraint, by dynamic programming.

The product of hidden states z and automaton states q has the future mass

    c_r(q, z) = end(q, z) + sum over arcs (q -> q') of mass(q, q', z) * sum_z' step(z, z') c_{r-1}(q', z')

where r more tokens may be taken, `end` is the model's probability of an end token where q accepts, and `mass` that of
the tokens that lead from q to q'. So everything that samplers estimate is known for languages that nobody can
enumerate: the evidence Z = c(start), every conditional law, exact draws. Plain floats: Z should stay above 1e-290.

A Markov chain over tokens is the case where a hidden state is the token that it emits (`HiddenMarkov.chain`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HiddenMarkov:
    """A hidden-Markov model as a `Model`: hidden state z emits a token, then moves. Every sum over rows is 1."""

    vocabulary: Any
    #: (n_hidden,) probability of the first hidden state.
    first: Floats
    #: (n_hidden, n_hidden) probability of the next one.
    move: Floats
    #: (n_hidden, width) probability of a token.
    emit: Floats
    context: int | None = None

    @classmethod
    def random(cls, vocabulary: Any, n_hidden: int, seed: int, scale: float = 2.0) -> HiddenMarkov:
        """Log-normal weights, normalised."""
        rng = np.random.default_rng(seed)
        rows = [np.exp(scale * rng.standard_normal((n_hidden, n))) for n in (1, n_hidden, vocabulary.width)]
        first, move, emit = (w / w.sum(1 if w.shape[1] > 1 else 0, keepdims=True) for w in rows)
        return cls(vocabulary, first[:, 0], move, emit)

    @classmethod
    def chain(cls, vocabulary: Any, first: Floats, move: Floats) -> HiddenMarkov:
        """The Markov chain over tokens whose next token is drawn from the last one's row of `move`."""
        return cls(vocabulary, first, move, np.eye(vocabulary.width))

    def belief(self, tokens: Sequence[int]) -> Floats:
        """The law of the hidden state that emits the next token, (n_hidden,)."""
        belief = self.first
        for t in tokens:
            belief = belief * self.emit[:, t]
            belief = belief / belief.sum() @ self.move
        return belief

    def logp_next(self, prefixes: Sequence[Any]) -> Floats:
        """The law of the next token, (n, width); a prefix keeps the belief of its first tokens."""
        rows = []
        for p in prefixes:
            known, belief = p.cache or (0, self.first)
            for t in p.tokens[known:]:
                belief = belief * self.emit[:, t]
                belief = belief / belief.sum() @ self.move
            p.cache = (len(p.tokens), belief)
            rows.append(belief @ self.emit)
        with np.errstate(divide="ignore"):
            return np.log(np.stack(rows))


class ExactLaw:
    """What a hidden-Markov model gives to the texts of a constraint of at most `max_tokens` tokens.

    Parameters
    ----------
    auto : an exact constraint with few states; tokens are token ids of the model's vocabulary.
    """

    def __init__(self, model: HiddenMarkov, auto: Any, max_tokens: int) -> None:
        self.model = model
        self.auto = auto
        self.max_tokens = max_tokens
        #: (n_states, width) state behind a token; 0 is dead, 1 finished, 2 the start.
        self.delta = explore(auto)

    @cached_property
    def end(self) -> Floats:
        """(n_states, n_hidden) probability to end here."""
        return np.asarray((self.delta == 1) @ self.model.emit.T)

    @cached_property
    def futures(self) -> list[Floats]:
        """c_r for r = 0 .. max_tokens, (n_states, n_hidden) each."""
        src, dst, mass = self._arcs()
        futures = [self.end]
        for _ in range(self.max_tokens):
            ahead = futures[-1] @ self.model.move.T
            c = self.end.copy()
            np.add.at(c, src, mass * ahead[dst])
            futures.append(c)
        return futures

    def _arcs(self) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
        """Pairs of states and what the tokens between them weigh, (n_arcs, n_hidden)."""
        src, dst, mass = [], [], []
        for q, row in enumerate(self.delta):
            for target in np.unique(row[row > 1]):
                src.append(q)
                dst.append(int(target))
                mass.append(self.model.emit[:, row == target].sum(1))
        return np.array(src, np.intp), np.array(dst, np.intp), np.array(mass)

    @property
    def z(self) -> float:
        """The evidence: the model's probability of the language."""
        return float(self.futures[self.max_tokens][2] @ self.model.first)

    def state(self, tokens: Sequence[int]) -> int:
        """The state behind the tokens."""
        q = 2
        for t in tokens:
            q = int(self.delta[q, t])
        return q

    def future(self, tokens: Sequence[int]) -> float:
        """c(h): the probability that a text of the language comes of the tokens h."""
        c = self.futures[self.max_tokens - len(tokens)]
        return float(c[self.state(tokens)] @ self.model.belief(tokens))

    def law(self, tokens: Sequence[int]) -> Floats:
        """The exact conditional law of the next token, (width,)."""
        return self._law(self.state(tokens), self.model.belief(tokens), self.max_tokens - len(tokens))

    def _law(self, q: int, belief: Floats, left: int) -> Floats:
        after = self.delta[q]
        ahead = np.ones((len(after), 1)) * (after == 1)[:, None] * np.ones(len(belief))
        if left:
            ahead += np.where((after > 1)[:, None], (self.futures[left - 1] @ self.model.move.T)[after], 0.0)
        law = np.einsum("z,zt,tz->t", belief, self.model.emit, ahead)
        return np.asarray(law / law.sum())

    def draw(self, rng: np.random.Generator) -> list[int]:
        """An exact draw, its end token included."""
        tokens: list[int] = []
        q, belief = 2, self.model.first
        while q != 1:
            t = int(rng.choice(self.delta.shape[1], p=self._law(q, belief, self.max_tokens - len(tokens))))
            belief = belief * self.model.emit[:, t]
            belief = belief / belief.sum() @ self.model.move
            q = int(self.delta[q, t])
            tokens.append(t)
        return tokens

    def logp(self, tokens: Sequence[int]) -> float:
        """Log of the exact conditional probability of a text, its end token included; -inf outside the language."""
        if len(tokens) > self.max_tokens + 1 or self.state(tokens) != 1:
            return -np.inf
        row = [np.log(self.model.belief(tokens[:i]) @ self.model.emit[:, t]) for i, t in enumerate(tokens)]
        return float(sum(row) - np.log(self.z))


def explore(auto: Any) -> NDArray[np.int32]:
    """The constraint's transitions as a table, (n_states, width) int32: 0 is dead, 1 finished, 2 the start."""
    number = {0: 0, auto.finished: 1, auto.start: 2}
    width = auto.vocabulary.width
    table = [np.zeros(width, np.int32), np.zeros(width, np.int32)]
    queue = [auto.start]
    with auto.run():
        for state in queue:
            row = np.zeros(width, np.int32)
            bits = np.unpackbits(auto.mask(state).view(np.uint8), bitorder="little")
            for t in np.flatnonzero(bits).tolist():
                after = auto.advance(state, t)
                if after not in number:
                    number[after] = len(number)
                    queue.append(after)
                row[t] = number[after]
            table.append(row)
    return np.array(table)
