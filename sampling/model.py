"""Model: a batch of token prefixes -> next-token log-probabilities.

The protocol is one method. What a model keeps of a prefix (a KV cache) hangs on the prefix itself: `Prefix.extend`
hands it on, so a prefix may be forked by using it twice, and a model that keeps nothing looks at the tokens alone.

Laws (checked by `laws.check_model`)
    1. Every row is normalised: logsumexp is 0, over all columns.  2. A row depends on its prefix's tokens alone: not on
    the others of its batch, nor on what was asked before.  3. No NaN; -inf is a token that the model never gives, such
    as a padding column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..automata.vocabulary import Vocabulary


class Prefix:
    """Tokens read so far, and what a model keeps of them. Forking is sharing: `extend` makes a new one.

    `cache` belongs to the model that set it; it covers the first tokens, or nothing (`None`). With a method `cut(n)` it
    can be cut to the first n tokens.
    """

    __slots__ = ("cache", "tokens")

    def __init__(self, tokens: Sequence[int] = (), cache: Any = None) -> None:
        self.tokens = tuple(tokens)
        self.cache = cache

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return f"Prefix({list(self.tokens)})"

    def extend(self, token: int) -> Prefix:
        """The prefix with one more token."""
        return Prefix((*self.tokens, token), self.cache)

    def cut(self, n: int) -> Prefix:
        """The first n tokens, with what can be kept of them."""
        cut = getattr(self.cache, "cut", None)
        return Prefix(self.tokens[:n], cut(n) if callable(cut) else None)


class Model(Protocol):
    """What samplers know of a language model."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens; its width is the number of columns."""

    @property
    def context(self) -> int | None:
        """How many tokens the model can read; `None`: no bound."""

    def logp_next(self, prefixes: Sequence[Prefix]) -> NDArray[np.floating[Any]]:
        """The log-probabilities of the next token, (n, width) float32 or float64, nats."""


def log_softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Normalise the last axis in float64; every row has a finite entry."""
    logits = np.asarray(logits, np.float64)
    top = logits.max(axis=-1, keepdims=True)
    norm: NDArray[np.float64] = logits - top
    norm -= np.log(np.exp(norm).sum(axis=-1, keepdims=True))
    return norm


def logsumexp(logp: NDArray[np.floating[Any]]) -> float:
    """Log of the sum of exponentials in float64; -inf for nothing, or for -inf alone."""
    if not len(logp):
        return -np.inf
    top = float(np.max(logp))
    if top == -np.inf:
        return top
    return top + float(np.log(np.exp(np.asarray(logp, np.float64) - top).sum()))


class TableModel:
    """A Markov chain over tokens: the next token depends on the last one.

    Parameters
    ----------
    logits : (width + 1, width) float. Row t follows token t, the last row an empty prefix; rows are normalised here.

    >>> from types import SimpleNamespace
    >>> model = TableModel.uniform(SimpleNamespace(width=4))
    >>> np.exp(model.logp_next([Prefix(), Prefix([2])])).tolist()
    [[0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]]
    """

    context: int | None = None

    def __init__(self, vocabulary: Vocabulary, logits: NDArray[np.floating[Any]]) -> None:
        width = vocabulary.width
        if np.shape(logits) != (width + 1, width):
            raise ValueError(f"Expected logits of shape {(width + 1, width)}, got {np.shape(logits)}.")
        self.vocabulary = vocabulary
        self.logp = log_softmax(logits)

    @classmethod
    def uniform(cls, vocabulary: Vocabulary) -> TableModel:
        """Every token is as likely as any other."""
        return cls(vocabulary, np.zeros((vocabulary.width + 1, vocabulary.width)))

    def logp_next(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        """The rows of the last tokens, (n, width) float64."""
        return self.logp[[p.tokens[-1] if p.tokens else -1 for p in prefixes]]


class RandomModel:
    """A law drawn anew for every prefix from `seed`: normal logits of standard deviation `scale`, always the same ones.

    For tests and measurements without a trained model.
    """

    context: int | None = None

    def __init__(self, vocabulary: Vocabulary, seed: int = 0, scale: float = 1.0) -> None:
        self.vocabulary = vocabulary
        self.seed = seed
        self.scale = scale

    def logp_next(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        """Rows that depend on all tokens, (n, width) float64."""
        rngs = [np.random.default_rng([self.seed, len(p), *p.tokens]) for p in prefixes]
        return log_softmax(self.scale * np.stack([rng.standard_normal(self.vocabulary.width) for rng in rngs]))
