"""Remembered: a model that keeps all its rows, and counts those that it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class Remembered:
    """The same law, faster."""

    context = None

    def __init__(self, model: Any) -> None:
        self.vocabulary = model.vocabulary
        self.model = model
        self.rows: dict[tuple[int, ...], Any] = {}
        self.asked = 0

    def logp_next(self, prefixes: Sequence[Any]) -> Any:
        self.asked += len(prefixes)
        for p in prefixes:
            if p.tokens not in self.rows:
                self.rows[p.tokens] = self.model.logp_next([p])[0]
        return np.stack([self.rows[p.tokens] for p in prefixes])
