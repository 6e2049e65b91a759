"""All outcomes: run a random procedure once for every way that chance can go.

A run asks `Chance.choose` for an index and is repeated, with other answers, until every sequence of answers was given.
So expectations are sums, not averages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


@dataclass
class Chance:
    """The answers of one run: those of `script`, then the first possible ones."""

    script: list[int] = field(default_factory=list)
    options: list[list[int]] = field(default_factory=list)
    p: float = 1.0

    def choose(self, weights: Sequence[float]) -> int:
        """An index, drawn by its weight."""
        possible = [i for i, w in enumerate(weights) if w > 0]
        at = len(self.options)
        self.options.append(possible)
        if at == len(self.script):
            self.script.append(possible[0])
        i = self.script[at]
        self.p *= weights[i] / sum(weights)
        return i

    def order(self, mass: Any, rng: object = None) -> Iterator[int]:
        """Indices drawn by their mass, nats, without replacement, as far as they are asked for."""
        weights = np.exp(np.asarray(mass, np.float64))
        for _ in range(np.count_nonzero(weights)):
            i = self.choose(weights.tolist())
            weights[i] = 0
            yield i


def outcomes(run: Callable[[Chance], T]) -> Iterator[tuple[float, T]]:
    """Every outcome of `run` with its probability."""
    script: list[int] = []
    while True:
        chance = Chance(list(script))
        found = run(chance)
        yield chance.p, found
        script = chance.script
        while script and chance.options[len(script) - 1][-1] == script[-1]:
            script.pop()
        if not script:
            return
        options = chance.options[len(script) - 1]
        script[-1] = options[options.index(script[-1]) + 1]
