"""Truncation: which of the most probable tokens stay.

Applied after the mask, to the masked law. Each rule but one keeps a head of the tokens in order of falling probability
(ties: the lowest id first), and together they keep the shortest of those heads, so their order does not matter:

    top_k     the k first;
    top_p     the fewest whose share of the law reaches p (Holtzman et al. 2020);
    min_p     those with at least min_p times the greatest probability (Nguyen et al. 2024);
    top_h     as many as keep H(q) <= top_h H(p), where q is what stays, normalised, and H the entropy: the greedy
              solution of Potraghloo et al. 2025 (arXiv 2509.02510), by the rule as stated, not as in their code;
    mirostat  a head whose size follows the surprise of the tokens drawn before (`mirostat.py`).

`typical_p` comes before them: it keeps the fewest tokens whose share reaches typical_p, those first whose surprise is
nearest to the entropy (Meister et al. 2023, arXiv 2202.00666); the heads are then those of what it keeps.

Laws
    1. At least one token stays.  2. Adding a constant to `logp` changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .mirostat import Mirostat

_FIRST = (256, 8192)  # so many tokens are sorted before all are


class Law(NamedTuple):
    """What rules need to know of all tokens."""

    #: Tokens of any probability.
    n: int
    #: The sum of their probabilities, the greatest counted as 1.
    whole: float
    #: Entropy, nats.
    entropy: float

    @classmethod
    def of(cls, logp: NDArray[np.float64]) -> Law:
        """The law of log-probabilities, nats, up to a constant."""
        logp = logp[logp > -np.inf]
        x = logp - logp.max()
        p = np.exp(x)
        whole = float(p.sum())
        return cls(len(p), whole, float(np.log(whole) - (p * x).sum() / whole))


@dataclass(frozen=True, slots=True)
class Truncation:
    """The rules; `None` switches one off."""

    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    top_h: float | None = None
    mirostat: Mirostat | None = None

    def __post_init__(self) -> None:
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"Expected top_k to be at least 1, got {self.top_k}.")
        for name in ("top_p", "min_p", "typical_p", "top_h"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise ValueError(f"Expected {name} to be in (0, 1], got {value}.")

    def __bool__(self) -> bool:
        return any(getattr(self, rule.name) is not None for rule in fields(self))

    def keep(self, logp: NDArray[np.float64], mu: float | None = None) -> NDArray[np.intp]:
        """The indices of the tokens that stay, most probable first.

        Parameters
        ----------
        logp : (n,) float64, n >= 1; nats, up to a constant; one is finite.
        mu : what `mirostat` allows of surprise, bits; by default what it begins with.
        """
        if self.typical_p is None:
            return self._keep(logp, mu)
        some = typical(logp, self.typical_p)
        return some[self._keep(logp[some], mu)]

    def _keep(self, logp: NDArray[np.float64], mu: float | None) -> NDArray[np.intp]:
        needs_law = self.top_p is not None or self.top_h is not None or self.mirostat is not None
        law = Law.of(logp) if needs_law else Law(len(logp), 0.0, 0.0)
        for first in (size for size in _FIRST if size < len(logp)):
            some = np.argpartition(-logp, first)[:first]
            some = some[np.lexsort((some, -logp[some]))]
            n = self.head(logp[some], law, mu)
            if logp[some[n - 1]] > logp[some[-1]]:  # else its equals may not be among `some`
                return some[:n]
        falling = np.argsort(-logp, kind="stable")
        return falling[: self.head(logp[falling], law, mu)]

    def head(self, logp: NDArray[np.float64], law: Law, mu: float | None = None) -> int:
        """How many tokens stay of those in falling order that `logp` begins with, of a whole law."""
        n = len(logp)
        if self.top_k is not None:
            n = min(n, self.top_k)
        if self.min_p is not None:
            n = min(n, int(np.searchsorted(-logp, -(logp[0] + np.log(self.min_p)), side="right")))
        if self.top_p is not None:
            share = np.cumsum(np.exp(logp - logp[0]))
            n = min(n, int(np.searchsorted(share, self.top_p * law.whole)) + 1)
        if self.top_h is not None:
            n = min(n, int(np.searchsorted(head_entropies(logp), self.top_h * law.entropy + 1e-12, side="right")))
        if self.mirostat is not None:
            n = min(n, self.mirostat.head(logp, law.n, law.whole, mu))
        return max(n, 1)


def head_entropies(logp: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) entropy of every head of a falling law, normalised, nats; it rises."""
    x = logp - logp[0]
    p = np.exp(x)
    share = np.cumsum(p)
    return np.asarray(np.log(share) - np.cumsum(p * np.where(p > 0, x, 0.0)) / share)


def typical(logp: NDArray[np.float64], share: float) -> NDArray[np.intp]:
    """The indices of the tokens whose surprise is nearest to the entropy, the fewest that reach a share; ascending."""
    law = Law.of(logp)
    surprise = logp.max() + np.log(law.whole) - logp
    nearest = np.argsort(np.abs(surprise - law.entropy), kind="stable")
    reached = np.cumsum(np.exp(-surprise[nearest]))
    return np.sort(nearest[: int(np.searchsorted(reached, share * reached[-1])) + 1])
