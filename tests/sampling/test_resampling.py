"""Resampling keeps weights on average: by every outcome of the uniform numbers."""

import numpy as np
import pytest
from oracles.enumerated_chance import breaks, runs

from syntagma.sampling.resampling import SCHEMES, thin

WEIGHTS = [[1.0], [0.5, 0.5], [0.2, 0.8], [0.0, 1.0], [0.7, 0.0, 0.3], [0.55, 0.25, 0.2], [0.1, 0.1, 0.1, 0.7]]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
def test_offspring_are_right_on_average(scheme, weights):
    weights = np.array(weights)
    n = len(weights)

    def run(rng):
        rng.breaks = breaks(weights, scheme)
        ancestors = SCHEMES[scheme](weights, rng)
        assert len(ancestors) == n
        assert (np.diff(ancestors) >= 0).all()
        return np.bincount(ancestors, minlength=n)

    found = list(runs(run))
    assert sum(p for p, _ in found) == pytest.approx(1)
    assert sum(p * k for p, k in found) == pytest.approx(n * weights, abs=1e-9)
    for _, k in found:
        assert (k[weights == 0] == 0).all()
        if scheme == "systematic":
            assert (np.abs(k - n * weights) < 1 + 1e-9).all()
        if scheme == "residual":
            assert (k >= np.floor(n * weights + 1e-12)).all()


def test_variance_is_at_most_multinomial():
    weights = np.array([0.45, 0.35, 0.2])

    def variance(scheme):
        def run(rng):
            rng.breaks = breaks(weights, scheme)
            return np.bincount(SCHEMES[scheme](weights, rng), minlength=3)

        return sum(p * (k - 3 * weights) ** 2 for p, k in runs(run))

    for scheme in ("stratified", "residual"):
        assert (variance(scheme) <= variance("multinomial") + 1e-12).all()


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_thinning_keeps_weights_on_average(n):
    """Uniform numbers on a fine grid: the mean new weight of every particle is its old one."""
    w = np.array([0.05, 3.0, 0.0, 0.4, 0.4, 0.15])
    grid, mean = 2000, np.zeros(6)
    for u in (np.arange(grid) + 0.5) / grid:
        kept, logw = thin(np.log(w, where=w > 0, out=np.full(6, -np.inf)), n, Fixed(u))
        assert len(kept) == len(set(kept.tolist())) == n
        mean[kept] += np.exp(logw) / grid
    assert mean == pytest.approx(w, abs=5e-3)


def test_thinning_leaves_few_alone():
    kept, logw = thin(np.array([-1.0, -np.inf, -2.0]), 2, Fixed(0.5))
    assert kept.tolist() == [0, 2]
    assert logw.tolist() == [-1.0, -2.0]


class Fixed:
    def __init__(self, u):
        self.u = u

    def random(self):
        return self.u
