"""Mirostat: truncation by feedback, so that the mean surprise of a text comes to a target.

A sequence has a state mu, bits, which begins at 2 tau. Before a token is drawn, mu cuts the law; afterwards

    mu <- mu - eta (S - tau),    S = -log2 p(token)

with p the masked law before the cut, as in the paper (some programs take it after the cut).

    version 1   keeps the k most probable, k from the law's exponent s as Zipf's law would have it:
                t_i = ln((i + 2) / (i + 1)), b_i = ln(p_i / p_{i+1}), s = sum t b / sum t^2 over the `first` tokens,
                e = s - 1, k = (e 2^mu / (1 - n^-e))^(1/s);
    version 2   keeps the tokens with -log2 p <= mu, and the first.

Under a mask many tokens are forced, and a controller that counted them would wind up: their surprise of 0 says nothing
of the cut, and would open it further and further. So mu stays as it is where there was nothing to choose, where the cut
already keeps everything and S is below tau, or keeps one token and S is above it; and it stays within [0, 3 tau].

Source: Basu et al. 2021 (arXiv 2007.14966), algorithms 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_LEAST_ENTROPY = 1e-3  # nats; below there is nothing to choose


@dataclass(frozen=True, slots=True)
class Mirostat:
    """A target of surprise.

    Parameters
    ----------
    tau : the target, bits per token.
    eta : the share of the error that is corrected at every token.
    version : 1 or 2, see the module.
    first : tokens from which version 1 estimates the exponent.

    >>> Mirostat(tau=3).begin
    6
    """

    tau: float = 5.0
    eta: float = 0.1
    version: Literal[1, 2] = 2
    first: int = 100

    def __post_init__(self) -> None:
        if not 0 < self.tau < np.inf or not 0 < self.eta < np.inf:
            raise ValueError(f"Expected tau and eta to be finite and above 0, got {self.tau} and {self.eta}.")
        if self.version not in (1, 2):
            raise ValueError(f"Expected version 1 or 2, got {self.version}.")
        if self.first < 2:
            raise ValueError(f"Expected first to be at least 2, got {self.first}.")

    @property
    def begin(self) -> float:
        """The state of a sequence without tokens, bits."""
        return 2 * self.tau

    def head(self, logp: NDArray[np.float64], n: int, whole: float, mu: float | None = None) -> int:
        """How many tokens stay of those in falling order that `logp` begins with.

        Parameters
        ----------
        n, whole : tokens of any probability, and the sum of all probabilities, the first counted as 1.
        mu : the sequence's state; `begin` by default.
        """
        mu = self.begin if mu is None else mu
        if self.version == 2:
            surprise = (logp[0] + np.log(whole) - logp) / np.log(2)
            return max(1, int(np.searchsorted(surprise, mu, side="right")))
        return min(len(logp), zipf_head(logp, n, mu, self.first))

    def update(self, mu: float | None, logp: NDArray[np.float64], i: int, kept: int) -> float:
        """The state after a token.

        Parameters
        ----------
        logp : (n,) the masked law before the cut, nats, up to a constant.
        i : the token, as an index into it.
        kept : how many tokens the cut kept.
        """
        mu = self.begin if mu is None else mu
        x = logp - logp.max()
        p = np.exp(x)
        norm = np.log(p.sum())
        entropy = norm - float((p * np.where(p > 0, x, 0.0)).sum() / p.sum())
        if entropy < _LEAST_ENTROPY:
            return mu
        error = float(norm - x[i]) / np.log(2) - self.tau
        if (error < 0 and kept >= np.count_nonzero(p)) or (error > 0 and kept <= 1):
            return mu
        return float(np.clip(mu - self.eta * error, 0.0, 3 * self.tau))


def zipf_head(logp: NDArray[np.float64], n: int, mu: float, first: int) -> int:
    """How many of n tokens keep the mean surprise at mu / 2 bits or so if probabilities fall by Zipf's law."""
    head = logp[:first][logp[:first] > -np.inf]
    if n < 2 or len(head) < 2:
        return 1
    i = np.arange(len(head) - 1)
    t, b = np.log((i + 2) / (i + 1)), head[:-1] - head[1:]
    s = max(float((t * b).sum() / (t * t).sum()), 1e-6)
    e = s - 1
    log_n = float(np.log(n))
    scale = 1 / log_n if abs(e * log_n) < 1e-9 else e / -np.expm1(-e * log_n)
    log_k = (np.log(scale) + mu * np.log(2)) / s
    return int(np.clip(np.rint(np.exp(min(log_k, log_n))), 1, n))
