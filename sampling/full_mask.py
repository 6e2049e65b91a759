"""Full mask: every token that the mask allows is checked.

The law of a step and its weight are exact, without noise: p(v | h) 1[v may follow h] / Z(h) and Z(h). Right where
checks are cheap, and the yardstick for rejection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chain import StepwiseSampler
from .constraint import Constraint
from .model import logsumexp
from .step import Draw, Random, behind, offers


@dataclass(frozen=True)
class FullMask(StepwiseSampler):
    """Sample token by token with all checks made: weights without noise; a sampler, and a step for `SMC`.

    Parameters
    ----------
    temperature : divides the log-probabilities; part of the base law.
    seed : makes runs repeatable.
    """

    temperature: float = 1.0
    seed: int | None = None

    def draw(
        self, base: NDArray[np.float64], auto: Constraint, state: int, remaining: int, rng: np.random.Generator
    ) -> Draw | int:
        """See `StepSampler.draw`."""
        checks = 0
        for offer in offers(auto, state, remaining):
            mass = base[offer.ids].copy()
            ask = behind(auto, state, remaining, offer)
            if not offer.is_sure:
                live = np.flatnonzero(mass > -np.inf)
                checks += len(live)
                mass[[i for i in live.tolist() if not ask(i)]] = -np.inf
            if (logz := logsumexp(mass)) > -np.inf:
                i = next(Random(rng).order(mass))
                n = int(np.count_nonzero(mass > -np.inf))
                return Draw(int(offer.ids[i]), ask(i), min(logz, 0.0), n, checks, True)
        return checks
