"""Dead ends: what to say of a sample that no token may follow."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import DeadEnd
from .constraint import Constraint, text_of
from .decode import Sample

#: Refused tokens of which it is looked up which guards refuse them.
MOST_EXPLAINED: Final = 8


def dead_end(sample: Sample, ids: NDArray[np.intp], mass: NDArray[np.float64]) -> DeadEnd:
    """The error for a sample of which all `ids`, with log-probabilities `mass`, were refused."""
    likely = ids[np.argsort(-mass, kind="stable")[:MOST_EXPLAINED]]
    by = _refused_by(sample.auto, sample.state, likely.tolist())
    text = text_of(sample.auto.vocabulary, sample.tokens)
    return DeadEnd(text, _reason(mass, by, sample.ledger.taken_back), by)


def _refused_by(auto: Constraint, state: int, tokens: list[int]) -> list[tuple[str, str]]:
    """Pointer and keyword of the guards that refuse the tokens, if the constraint is one of our automata."""
    from ..automata.automaton import TokenAutomaton
    from ..automata.refusal import refusals

    if not isinstance(auto, TokenAutomaton):
        return []
    return list(dict.fromkeys((r.pointer, r.keyword) for t in tokens for r in refusals(auto, state, t)))


def _reason(mass: NDArray[np.float64], by: list[tuple[str, str]], taken_back: int) -> str:
    """Why none of the allowed tokens was taken."""
    n = np.count_nonzero(mass > -np.inf)
    if by:
        guards = ", ".join(f"`{keyword}` at {pointer}" for pointer, keyword in by)
        reason = f"All {n} tokens that the mask allows were refused, by {guards}."
    elif n:
        reason = f"All {n} tokens that the mask allows were refused, by guards or as too long for max_tokens."
    elif len(mass):
        reason = f"The model gives no probability to any of the {len(mass)} allowed tokens."
    else:
        reason = "The mask is empty, or all of its tokens were tried."
    return reason + (f" {taken_back} tokens were taken back before; see `backtrack`." if taken_back else "")
