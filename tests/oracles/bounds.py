"""Bounds: what a statistic of n independent draws exceeds with probability at most alpha, for every n.

So that a test may state its false-alarm rate: none of these is an approximation for large n.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def l1_bound(n_cells: int, n: int, alpha: float) -> float:
    """Of the L1 distance of frequencies from their law.

    Weissman et al. 2003: P(L1 >= e) <= (2^K - 2) exp(-n e^2 / 2).
    """
    return math.sqrt(2 * (n_cells * math.log(2) - math.log(alpha)) / n)


def mean_bound(n: int, alpha: float) -> float:
    """Of what the mean of draws in [0, 1] misses by (Hoeffding 1963)."""
    return math.sqrt(math.log(2 / alpha) / (2 * n))


def bernstein(values: Sequence[float], alpha: float, top: float | None = None) -> float:
    """Of what the mean of draws in [0, top] misses by (Maurer and Pontil 2009); top is the greatest of them."""
    n, log = len(values), math.log(2 / alpha)
    return math.sqrt(2 * float(np.var(values, ddof=1)) * log / n) + 7 * (top or max(values)) * log / (3 * (n - 1))


def chi_square(counts: Mapping[Any, int], law: Mapping[Any, float]) -> float:
    """The chi-square statistic as a likelihood ratio, 2 sum k log(k / (n p)); infinite where the law has nothing."""
    n = sum(counts.values())
    if any(k and not law.get(x, 0.0) for x, k in counts.items()):
        return math.inf
    return 2 * sum(k * math.log(k / (n * law[x])) for x, k in counts.items() if k)


def chi_square_bound(n_cells: int, alpha: float) -> float:
    """Of `chi_square`, for every law over so many cells.

    Half the statistic is n times the relative entropy of the frequencies, whose moment generating function is at most
    that of a gamma variable of shape K - 1 (Agrawal 2020, theorem 1.2): P(half >= t) <= e^-t (e t / (K - 1))^(K - 1)
    for t > K - 1. The bound is the root t, doubled.
    """
    df, low, high = n_cells - 1, n_cells - 1.0, 1000.0 * n_cells - math.log(alpha)
    for _ in range(100):
        t = (low + high) / 2
        low, high = (t, high) if -t + df * (1 + math.log(t / df)) > math.log(alpha) else (low, t)
    return 2 * high
