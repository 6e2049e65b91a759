"""Truncation: which of the most probable tokens stay.

Applied after the mask, to the masked law. Each rule keeps a head of the tokens in order of falling probability (ties:
the lowest id first), and together they keep the shortest of those heads, so their order does not matter:

    top_k   the k first;
    top_p   the fewest whose share of the law reaches p (Holtzman et al. 2020);
    min_p   those with at least min_p times the greatest probability (Nguyen et al. 2024).

Laws
    1. At least one token stays.  2. Adding a constant to `logp` changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FIRST = (256, 8192)  # so many tokens are sorted before all are


@dataclass(frozen=True, slots=True)
class Truncation:
    """The three rules; `None` switches one off."""

    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None

    def __post_init__(self) -> None:
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"Expected top_k to be at least 1, got {self.top_k}.")
        for name in ("top_p", "min_p"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise ValueError(f"Expected {name} to be in (0, 1], got {value}.")

    def __bool__(self) -> bool:
        return not (self.top_k is self.top_p is self.min_p is None)

    def keep(self, logp: NDArray[np.float64]) -> NDArray[np.intp]:
        """The indices of the tokens that stay, most probable first.

        Parameters
        ----------
        logp : (n,) float64, n >= 1; nats, up to a constant; one is finite.
        """
        whole = float(np.exp(logp - logp.max()).sum()) if self.top_p is not None else 0.0
        for first in (size for size in _FIRST if size < len(logp)):
            some = np.argpartition(-logp, first)[:first]
            some = some[np.lexsort((some, -logp[some]))]
            n = self.head(logp[some], whole)
            if logp[some[n - 1]] > logp[some[-1]]:  # else its equals may not be among `some`
                return some[:n]
        falling = np.argsort(-logp, kind="stable")
        return falling[: self.head(logp[falling], whole)]

    def head(self, logp: NDArray[np.float64], whole: float) -> int:
        """How many tokens stay of those in falling order, of which `whole` is the sum, the first counted as 1."""
        n = len(logp)
        if self.top_k is not None:
            n = min(n, self.top_k)
        if self.min_p is not None:
            n = min(n, int(np.searchsorted(-logp, -(logp[0] + np.log(self.min_p)), side="right")))
        if self.top_p is not None:
            share = np.cumsum(np.exp(logp - logp[0]))
            n = min(n, int(np.searchsorted(share, self.top_p * whole)) + 1)
        return max(n, 1)
