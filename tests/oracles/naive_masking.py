"""Naive masking: the law of masked sampling, enumerated.

Walks every token sequence that masking can draw and multiplies: the probability of drawing it, the base law's
probability of it, and the shares Z. Only for finite languages over tiny vocabularies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from oracles.naive_automaton import NaiveAutomaton


@dataclass(frozen=True)
class Path:
    """One token sequence, its end token included."""

    #: Probability that masking draws it.
    drawn: float
    #: Probability under the base law.
    p: float
    #: Product of the shares.
    w: float
    ended: bool


def paths(model: Any, auto: NaiveAutomaton, max_tokens: int, temperature: float = 1.0) -> dict[tuple[int, ...], Path]:
    """Every token sequence that masking draws, with guards asked; without budget-aware closing."""
    from syntagma.sampling import Prefix

    found: dict[tuple[int, ...], Path] = {}

    def visit(tokens: tuple[int, ...], state: int, path: Path) -> None:
        row = model.logp_next([Prefix(tokens)])[0] / temperature
        law = np.exp(row - np.logaddexp.reduce(row))
        allowed = [t for t in auto.allowed(state) if auto.check(state, t)]
        if len(tokens) >= max_tokens:
            allowed = [t for t in allowed if t in auto.end_ids]
        z = sum(law[t] for t in allowed)
        if not allowed:
            found[tokens] = path
        for t in allowed:
            ended = t in auto.end_ids
            grown = Path(path.drawn * law[t] / z, path.p * law[t], path.w * z, ended)
            if ended:
                found[(*tokens, t)] = grown
            else:
                visit((*tokens, t), auto.advance(state, t), grown)

    visit((), auto.start, Path(1.0, 1.0, 1.0, False))
    return found
