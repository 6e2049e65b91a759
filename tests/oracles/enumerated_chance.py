"""Enumerated chance: every outcome of a randomised function, with its probability.

The function is run again and again; each run follows a script of choices, and at the script's end takes the first
choice and notes the others, which become scripts of their own. Probabilities are exact fractions of the weights given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
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
