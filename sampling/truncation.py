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

    def head(self, logp: NDArray[np.float64]) -> int:
        """How many tokens stay of a law in falling order.

        Parameters
        ----------
        logp : (n,) float64, n >= 1, falling; nats, up to a constant; the first is finite.
        """
        n = len(logp)
        if self.top_k is not None:
            n = min(n, self.top_k)
        if self.min_p is not None:
            n = min(n, int(np.searchsorted(-logp, -(logp[0] + np.log(self.min_p)), side="right")))
        if self.top_p is not None:
            share = np.cumsum(np.exp(logp - logp[0]))
            n = min(n, int(np.searchsorted(share, self.top_p * share[-1])) + 1)
        return max(n, 1)
