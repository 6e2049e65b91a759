"""Choices: the tokens that may follow a text, and their law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .budget import fits, support
from .constraint import Constraint
from .dead_end import dead_end
from .decode import Sample
from .model import logsumexp


@dataclass(frozen=True, slots=True)
class Choices:
    """The tokens that may follow a text, as far as the mask tells, and their base law.

    Where all of them are refused the text is at a dead end; the ways out that `masking` knows would not be those of one
    fixed language.
    """

    auto: Constraint
    state: int
    #: How many more tokens the text may have.
    remaining: int
    #: (n,) ascending.
    ids: NDArray[np.intp]
    #: (n,) nats.
    mass: NDArray[np.float64]
    #: Whether each token is to be asked if the text can be closed behind it.
    asks_fit: bool

    @classmethod
    def of(cls, sample: Sample, base: NDArray[np.float64]) -> Choices:
        """What may follow a sample."""
        return cls.at(sample.auto, sample.state, sample.remaining, base)

    @classmethod
    def at(cls, auto: Constraint, state: int, remaining: int, base: NDArray[np.float64]) -> Choices:
        """What may follow in a state."""
        ids, asks_fit = support(auto, state, remaining)
        return cls(auto, state, remaining, ids, base[ids], asks_fit)

    @property
    def sure(self) -> bool:
        """Whether every one of them may follow, so that none needs to be tried."""
        return self.auto.exact and not self.asks_fit

    @property
    def ends(self) -> bool:
        """Whether the text ends here without a token: it is complete, and the vocabulary has none that ends it."""
        return not len(self.ids) and self.auto.accepts(self.state)

    def behind(self, i: int) -> int:
        """The state behind the i-th token, guards and budget asked; 0 is dead."""
        state = self.auto.advance(self.state, int(self.ids[i]))
        return state if state and (not self.asks_fit or fits(self.auto, state, self.remaining - 1)) else 0

    def has(self, token: int) -> bool:
        """Whether the mask allows the token."""
        i = int(np.searchsorted(self.ids, token))
        return i < len(self.ids) and int(self.ids[i]) == token

    def where(self, tokens: Sequence[int]) -> NDArray[np.intp]:
        """The indices of tokens that are all among `ids`."""
        return np.searchsorted(self.ids, np.asarray(tokens, np.intp))

    @property
    def logz(self) -> float:
        """Log of the share of the base law that the mask allows."""
        return min(logsumexp(self.mass), 0.0)

    @property
    def entropy(self) -> float:
        """Entropy of the masked law, nats."""
        logl = self.mass - logsumexp(self.mass)
        return float(-(np.exp(logl) * np.where(logl > -np.inf, logl, 0.0)).sum())


def stuck(sample: Sample, choices: Choices) -> None:
    """Note that no token follows: out of tokens, or in a dead end."""
    if sample.remaining <= 0:
        sample.finish_reason = "length"
    else:
        sample.dead = dead_end(sample, choices.ids, choices.mass)
