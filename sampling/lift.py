"""Lift: potentials from bytes to tokens, and from tokens to bytes; constraints and models as potentials.

A potential over bytes reads a token as its bytes, so prefixes and complete texts carry over as they are; what a step
may weigh (`next_logw`) is read off the vocabulary's trie, where tokens share their beginnings.

A potential over tokens reads bytes by a tokenizer. That is no homomorphism: the tokens of a longer text need not begin
with those of a shorter one. So only complete texts are scored, and unfinished ones weigh nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplingError
from .constraint import Constraint
from .decode import logp_rows
from .model import Model, Prefix, logsumexp
from .potential import Potential, State

if TYPE_CHECKING:
    from ..automata.vocabulary import Vocabulary


class OverTokens(Potential):
    """A potential over bytes that reads tokens; those without bytes leave its state as it is."""

    alphabet = "tokens"

    def __init__(self, base: Potential, vocabulary: Vocabulary) -> None:
        if base.alphabet != "bytes":
            raise ValueError(f"Expected a potential over bytes, got one over {base.alphabet}.")
        self.base, self.vocabulary, self.start = base, vocabulary, base.start

    def advance(self, state: State, symbol: int) -> State:
        """The state after the token's bytes."""
        return self.base.read(self.vocabulary.token_bytes(symbol), state)

    def prefix(self, states: Sequence[State]) -> NDArray[np.float64]:
        """The base's."""
        return self.base.prefix(states)

    def complete(self, states: Sequence[State]) -> NDArray[np.float64]:
        """The base's."""
        return self.base.complete(states)


class OverBytes(Potential):
    """A potential over tokens that reads bytes; see the module.

    Parameters
    ----------
    encode : text -> tokens, a tokenizer's encoding.
    """

    start: State = b""

    def __init__(self, base: Potential, encode: Callable[[bytes], Sequence[int]]) -> None:
        if base.alphabet != "tokens":
            raise ValueError(f"Expected a potential over tokens, got one over {base.alphabet}.")
        self.base, self.encode = base, encode

    def advance(self, state: Any, symbol: int) -> State:
        """The text with one more byte."""
        text: bytes = state + bytes((symbol,))
        return text

    def prefix(self, states: Sequence[State]) -> NDArray[np.float64]:
        """Zeros."""
        return np.zeros(len(states))

    def complete(self, states: Sequence[Any]) -> NDArray[np.float64]:
        """The base's word on the text's tokens."""
        return self.base.complete([self.base.read(self.encode(text)) for text in states])


class Language(Potential):
    """A constraint as a potential over tokens: 0 in its language, -inf outside. Its run must be open."""

    alphabet = "tokens"

    def __init__(self, auto: Constraint) -> None:
        self.auto, self.start = auto, auto.start

    def advance(self, state: Any, symbol: int) -> State:
        """The constraint's state."""
        return self.auto.advance(state, symbol) if state else 0

    def prefix(self, states: Sequence[Any]) -> NDArray[np.float64]:
        """0 where the state lives."""
        return np.where(np.array(states, np.int64) != 0, 0.0, -np.inf)

    def complete(self, states: Sequence[Any]) -> NDArray[np.float64]:
        """0 where the text may end."""
        auto = self.auto
        ends = [s == auto.finished or (s != 0 and auto.accepts(s)) for s in states]
        return np.where(np.array(ends, bool), 0.0, -np.inf)


class Likelihood(Potential):
    """A model as a potential over tokens: the log-probability of the text after a prompt.

    `complete` ends with any end-of-sequence token. As a critic it makes the target a product of two models.
    """

    alphabet = "tokens"
    start: State = ()

    def __init__(self, model: Model, prompt: Sequence[int]) -> None:
        self.model, self.prompt = model, tuple(prompt)
        self._known: dict[Any, tuple[float, NDArray[np.float64]]] = {}

    def advance(self, state: Any, symbol: int) -> State:
        """One more token."""
        tokens: tuple[int, ...] = (*state, symbol)
        return tokens

    def prefix(self, states: Sequence[Any]) -> NDArray[np.float64]:
        """Log-probability of the tokens."""
        return np.array([logp for logp, _ in self._scored(states)])

    def complete(self, states: Sequence[Any]) -> NDArray[np.float64]:
        """The same, and of the end."""
        ends = list(self.model.vocabulary.eos_ids)
        return np.array([logp + logsumexp(row[ends]) for logp, row in self._scored(states)])

    def _scored(self, states: Sequence[Any]) -> list[tuple[float, NDArray[np.float64]]]:
        """Log-probability of each, and the law of what comes next; all prefixes that are new in one call a length."""
        wanted = {state[:i] for state in states for i in range(len(state) + 1)} - self._known.keys()
        for n in sorted({len(state) for state in wanted}):
            new = [state for state in wanted if len(state) == n]
            rows = logp_rows(self.model, [Prefix([*self.prompt, *state]) for state in new])
            for state, row in zip(new, rows, strict=True):
                before, last = self._known[state[:-1]] if state else (0.0, row)
                self._known[state] = before + (float(last[state[-1]]) if state else 0.0), row
        return [self._known[state] for state in states]


def over_tokens(potential: Potential, vocabulary: Vocabulary) -> Potential:
    """The potential, reading tokens."""
    return potential if potential.alphabet == "tokens" else OverTokens(potential, vocabulary)


def over_bytes(potential: Potential, encode: Callable[[bytes], Sequence[int]]) -> Potential:
    """The potential, reading bytes."""
    return potential if potential.alphabet == "bytes" else OverBytes(potential, encode)


def next_logw(potential: Potential, state: State, vocabulary: Vocabulary) -> NDArray[np.float64]:
    """What each token would add: log weight of the longer text less that of this one, (width,) float64, nats.

    End-of-sequence tokens add `complete` less `prefix`; other tokens without bytes add 0 over bytes.

    Raises
    ------
    SamplingError : the text so far has weight 0, so that nothing can be said of what follows.
    """
    (here,) = potential.prefix([state])
    if here == -np.inf:
        raise SamplingError("The text so far has weight 0. Nothing may follow it.")
    tokens, states = _successors(potential, state, vocabulary)
    out = np.full(vocabulary.width, 0.0 if potential.alphabet == "bytes" else -np.inf)
    out[vocabulary.size :] = -np.inf
    if len(tokens):
        out[tokens] = potential.prefix(states) - here
    out[list(vocabulary.eos_ids)] = potential.complete([state])[0] - here
    return out


def _successors(potential: Potential, state: State, vocabulary: Vocabulary) -> tuple[list[int], list[State]]:
    """Tokens and the states behind them; over bytes by one walk of the trie."""
    if potential.alphabet == "tokens":
        ends = set(vocabulary.eos_ids)
        tokens = [t for t in range(vocabulary.size) if t not in ends]
        return tokens, [potential.advance(state, t) for t in tokens]
    trie = vocabulary.trie
    tokens, states, path = [], [], [state]
    for node in range(1, trie.n_nodes):
        depth = int(trie.node_depth[node])
        del path[depth:]
        path.append(potential.advance(path[depth - 1], int(trie.node_byte[node])))
        here = trie.token_ids[trie.token_indptr[node] : trie.token_indptr[node + 1]].tolist()
        tokens += here
        states += [path[-1]] * len(here)
    return tokens, states
