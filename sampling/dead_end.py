"""Dead ends: what to say of a sample that no token may follow."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import DeadEnd, Refusal
from .constraint import Constraint, ids_of, text_of
from .decode import Sample
from .predicate import Filtered

#: Refused tokens of which it is looked up what refuses them.
MOST_EXPLAINED: Final = 8


def dead_end(sample: Sample, ids: NDArray[np.intp], mass: NDArray[np.float64]) -> DeadEnd:
    """The error for a sample of which all `ids`, with log-probabilities `mass`, were refused."""
    by = _refused_by(sample.auto, sample.state, ids, mass)
    text = text_of(sample.auto.vocabulary, sample.tokens)
    return DeadEnd(text, _reason(mass, by, sample.ledger.taken_back), by)


def refused_by(auto: Constraint, state: int, base: NDArray[np.float64]) -> list[Refusal]:
    """What refuses the most probable tokens that the mask allows, see `DeadEnd`; `base` is the law of the next one."""
    ids = ids_of(auto.mask(state))
    return _refused_by(auto, state, ids, base[ids])


def words_of(refusals: list[Refusal]) -> str:
    """By whom, as part of a sentence."""
    if not refusals:
        return "by guards or as too long for max_tokens"
    return "by " + ", ".join(f"`{what}`" + (f" at {at}" if at.startswith("#") else "") for at, what in refusals)


def _refused_by(auto: Constraint, state: int, ids: NDArray[np.intp], mass: NDArray[np.float64]) -> list[Refusal]:
    likely = ids[np.argsort(-mass, kind="stable")[:MOST_EXPLAINED]]
    return list(dict.fromkeys(refusal for t in likely.tolist() for refusal in _refusals(auto, state, t)))


def _refusals(auto: Constraint, state: int, token: int) -> list[Refusal]:
    """What refuses a token, of predicates and of the guards of our automata."""
    from ..automata.automaton import TokenAutomaton
    from ..automata.refusal import refusals

    if isinstance(auto, Filtered):
        predicate = auto.refusing(state, token)
        return [("where", predicate.name)] if predicate else _refusals(auto.auto, auto.inner(state), token)
    return [(r.pointer, r.keyword) for r in refusals(auto, state, token)] if isinstance(auto, TokenAutomaton) else []


def _reason(mass: NDArray[np.float64], by: list[Refusal], taken_back: int) -> str:
    """Why none of the allowed tokens was taken."""
    n = np.count_nonzero(mass > -np.inf)
    if n:
        reason = f"All {n} tokens that the mask allows were refused, {words_of(by)}."
    elif len(mass):
        reason = f"The model gives no probability to any of the {len(mass)} allowed tokens."
    else:
        reason = "The mask is empty, or all of its tokens were tried."
    return reason + (f" {taken_back} tokens were taken back before; see `backtrack`." if taken_back else "")
