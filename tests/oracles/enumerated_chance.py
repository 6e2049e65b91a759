"""Enumerated chance: every outcome of a randomised function, with its probability.

The function is run again and again; each run follows a script of choices, and at the script's end takes the first
choice and notes the others, which become scripts of their own. Probabilities are exact fractions of the weights given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np


class EnumeratedChance:
    """One run; `order` and `failures` follow the script."""

    def __init__(self, weights: list[Fraction], script: list[int], limit: int) -> None:
        self.weights = weights
        self.script = script
        self.limit = limit
        self.taken: list[int] = []
        self.open: list[list[int]] = []
        self.probability = Fraction(1)

    def choose(self, options: list[tuple[int, Fraction]]) -> int:
        """One of (value, probability), by its position in the script."""
        options = [(v, p) for v, p in options if p]
        k = self.script[len(self.taken)] if len(self.taken) < len(self.script) else 0
        if len(self.taken) >= len(self.script):
            self.open += [[*self.taken, other] for other in range(1, len(options))]
        self.taken.append(k)
        value, p = options[k]
        self.probability *= p
        return value

    def order(self, mass: np.ndarray) -> Iterator[int]:
        pool = [i for i in range(len(mass)) if mass[i] > -np.inf]
        while pool:
            total = sum(self.weights[i] for i in pool)
            i = self.choose([(i, self.weights[i] / total) for i in pool])
            yield i
            pool.remove(i)

    def failures(self, log_success: float) -> float:
        """Cut at the limit, where nothing depends on the number any more."""
        total = sum(self.weights)
        success = min(
            (
                sum(self.weights[i] for i in range(len(self.weights)) if bits >> i & 1) / total
                for bits in self.subsets()
            ),
            key=lambda share: abs(math.log(share) - log_success),
        )
        tail = (1 - success) ** self.limit
        return self.choose([(n, (1 - success) ** n * success) for n in range(self.limit)] + [(self.limit, tail)])

    def subsets(self) -> range:
        return range(1, 2 ** len(self.weights))


def outcomes(
    weights: list[Fraction], run: Callable[[EnumeratedChance], Any], limit: int = 4
) -> Iterator[tuple[Fraction, Any]]:
    """Every outcome of `run`, each with its probability; they sum to 1."""
    scripts: list[list[int]] = [[]]
    while scripts:
        chance = EnumeratedChance(weights, scripts.pop(), limit)
        result = run(chance)
        scripts += chance.open
        yield chance.probability, result


class EnumeratedRng(EnumeratedChance):
    """A generator whose uniform numbers take one value in each piece between `breaks`."""

    def __init__(self, script: list[int]) -> None:
        super().__init__([], script, 0)
        self.breaks: list[float] = []
        self.probability = 1.0

    def random(self, size: int | None = None) -> Any:
        if size is None:
            return self._uniform()
        return np.array([self._uniform() for _ in range(size)])

    def _uniform(self) -> float:
        ends = sorted({0.0, 1.0, *(b for b in self.breaks if 0 < b < 1)})
        pieces = [(i, hi - lo) for i, (lo, hi) in enumerate(pairwise(ends)) if hi - lo > 1e-12]
        i = self.choose(pieces)
        return (ends[i] + ends[i + 1]) / 2

    def integers(self, n: int) -> int:
        return self.choose([(i, 1 / n) for i in range(n)])

    def choice(self, n: int, p: np.ndarray) -> int:
        """Which of the particles is shown does not matter."""
        return int(np.argmax(p))


def runs(run: Callable[[EnumeratedRng], Any]) -> Iterator[tuple[float, Any]]:
    """Every outcome of `run`, with its probability."""
    scripts: list[list[int]] = [[]]
    while scripts:
        rng = EnumeratedRng(scripts.pop())
        result = run(rng)
        scripts += rng.open
        yield rng.probability, result


def breaks(weights: np.ndarray, scheme: str) -> list[float]:
    """Where a scheme's outcome changes as one of its uniform numbers grows."""
    n = len(weights)
    if scheme == "multinomial":
        return np.cumsum(weights).tolist()
    if scheme == "residual":
        rest = np.maximum(n * weights - np.floor(n * weights + 1e-12), 0)
        return np.cumsum(rest / rest.sum()).tolist() if rest.sum() > 1e-9 else []
    return (n * np.cumsum(weights) % 1).tolist()
