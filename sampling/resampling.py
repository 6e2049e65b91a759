"""Resampling: which particles go on, and how often.

From normalised weights W, n ancestors are drawn such that particle i has n W_i offspring on average:

    multinomial  n independent draws;
    stratified   one draw in each of n equal strata of [0, 1);
    systematic   the same place in each stratum: floor or ceil of n W_i offspring;
    residual     floor(n W_i) offspring each, the rest multinomial over what is left.

Stratified and residual never vary more than multinomial; systematic mostly varies least, but has no such theorem.

`thin` draws without replacement, for particles that are worth most when they differ: it keeps at most n of them, the
heavy ones at their weight and some light ones at a common weight 1 / c, such that every particle's weight is kept on
average.

Laws
    1. E[offspring of i] = n W_i.  2. A particle of weight 0 has none.

Source: Douc and Cappe 2005 for the four; Fearnhead and Clifford 2003, section 3, for `thin`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .model import logsumexp

Weights: TypeAlias = NDArray[np.float64]
Ancestors: TypeAlias = NDArray[np.intp]
#: The names of the schemes.
Scheme: TypeAlias = Literal["multinomial", "stratified", "systematic", "residual"]


def multinomial(weights: Weights, rng: np.random.Generator) -> Ancestors:
    """Independent draws, ascending."""
    return _at(weights, np.sort(rng.random(len(weights))))


def stratified(weights: Weights, rng: np.random.Generator) -> Ancestors:
    """One draw a stratum."""
    n = len(weights)
    return _at(weights, (np.arange(n) + rng.random(n)) / n)


def systematic(weights: Weights, rng: np.random.Generator) -> Ancestors:
    """One draw for all strata."""
    n = len(weights)
    return _at(weights, (np.arange(n) + rng.random()) / n)


def residual(weights: Weights, rng: np.random.Generator) -> Ancestors:
    """Whole offspring first, the rest drawn."""
    n = len(weights)
    whole = np.floor(n * weights + 1e-12).astype(np.intp)
    rest = np.clip(n * weights - whole, 0, None)
    sure = np.repeat(np.arange(n), whole)
    if len(sure) == n:
        return sure
    drawn = _at(rest / rest.sum(), np.sort(rng.random(n - len(sure))))
    return np.sort(np.concatenate((sure, drawn)))


SCHEMES: Mapping[Scheme, Callable[[Weights, np.random.Generator], Ancestors]] = {
    "multinomial": multinomial,
    "stratified": stratified,
    "systematic": systematic,
    "residual": residual,
}


def thin(logw: Weights, n: int, rng: np.random.Generator) -> tuple[Ancestors, Weights]:
    """At most n of the particles, and their new log weights.

    Parameters
    ----------
    logw : (m,) nats, not normalised; one is finite.
    """
    live = np.flatnonzero(logw > -np.inf)
    if len(live) <= n:
        return live, logw[live]
    total = logsumexp(logw)
    order = live[np.argsort(-logw[live], kind="stable")]
    w = np.exp(logw[order] - total)
    behind = np.cumsum(w[::-1])[::-1]  # mass from here on
    kept = next(k for k in range(n) if (n - k) * w[k] < behind[k] or k == n - 1)
    c = (n - kept) / behind[kept]
    marks = np.cumsum(c * w[kept:])
    marks[-1] = n - kept
    chosen = kept + np.searchsorted(marks, np.arange(n - kept) + rng.random(), side="right")
    weights = np.concatenate((logw[order[:kept]], np.full(n - kept, total - np.log(c))))
    return np.concatenate((order[:kept], order[chosen])), weights


def _at(weights: Weights, u: NDArray[np.float64]) -> Ancestors:
    """The particles in whose share of [0, 1) the points lie; never one of weight 0."""
    share = np.cumsum(weights)
    share[np.flatnonzero(weights)[-1] :] = 1.0
    return np.searchsorted(share, u, side="right")
