"""Step: one token with a properly weighted log weight.

A step sampler draws a token v after h and a weight w such that, for every v,

    E[w 1{v drawn}] = p(v | h) 1[v may follow h]

where p is the base law (the model at the sampler's temperature). A chain of steps then is properly weighted for the
product: w may be noisy, and any number of choices may hide in it. That is all that drivers (a chain, SMC, moves of a
Markov chain) know of a step.

What may follow: the tokens that mask and `check` allow and that leave a text which can still be closed within the
budget (`budget.py`). So the length cap is part of the language, and no text is ever cut. Where no token is left that
fits, those that lead to the end soonest are taken instead; which, is a function of the state and the budget alone.

Source: the composition theorem is that of random-weight particle filters (Fearnhead et al. 2010).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .budget import closing, fits, support
from .constraint import Constraint
from .model import Prefix, log_softmax


class Draw(NamedTuple):
    """One token, drawn."""

    token: int
    #: The constraint's state behind it.
    state: int
    #: Log weight, nats.
    logw: float
    #: How many tokens were left when it was drawn, refused ones not counted.
    support: int
    #: How often tokens were checked.
    checks: int
    #: Whether `logw` is a function of text and state alone.
    exact: bool


class StepSampler(Protocol):
    """Draws single tokens, properly weighted."""

    @property
    def temperature(self) -> float:
        """Divides the model's log-probabilities; part of the base law."""

    def draw(
        self, base: NDArray[np.float64], auto: Constraint, state: int, remaining: int, rng: np.random.Generator
    ) -> Draw | int:
        """A token after `state`, or the number of checks after which there was none (weight 0).

        Parameters
        ----------
        base : (width,) the base law, nats.
        remaining : how many more tokens the text may have.
        """


class Spot(NamedTuple):
    """Where a text stands that is to grow."""

    auto: Constraint
    #: Prompt and tokens.
    prefix: Prefix
    #: Where the tokens begin.
    begin: int
    #: (width,) the base law of the next token, nats.
    base: NDArray[np.float64]


@runtime_checkable
class Informed(Protocol):
    """Makes a step sampler for each spot, from more than the base law (`proposal.Proposed`)."""

    @property
    def temperature(self) -> float:
        """As of a `StepSampler`."""

    def drawers(self, spots: Sequence[Spot]) -> Sequence[StepSampler]:
        """The step sampler of each spot; those of one call are worked out together."""


#: What drivers take.
AnyStep: TypeAlias = StepSampler | Informed


def drawers(step: AnyStep, spots: Sequence[Spot]) -> Sequence[StepSampler]:
    """The step sampler of each spot."""
    return step.drawers(spots) if isinstance(step, Informed) else [step] * len(spots)


class Chance(Protocol):
    """Where randomness comes from; tests put every outcome in its place."""

    def order(self, mass: NDArray[np.float64]) -> Iterator[int]:
        """Indices drawn by their mass (nats, not normalised) without replacement; those of mass 0 never come."""

    def failures(self, log_success: float) -> float:
        """How many failures precede the first success of probability exp(log_success)."""


@dataclass(frozen=True, slots=True)
class Random:
    """Chance from a generator: Gumbel keys in float64, sorted as far as they are asked for."""

    rng: np.random.Generator
    #: How many keys are sorted at first, behind the first two.
    first: int = 64

    def order(self, mass: NDArray[np.float64]) -> Iterator[int]:
        """Indices by falling key."""
        keys = mass - np.log(self.rng.standard_exponential(len(mass)))
        n = int(np.count_nonzero(mass > -np.inf))
        for _ in range(min(n, 2)):  # a search each: most callers need no more
            i = int(keys.argmax())
            keys[i] = -np.inf
            yield i
        n = max(0, n - 2)
        if n > self.first:
            head = np.argpartition(-keys, self.first)[: self.first]
            yield from head[np.argsort(-keys[head])].tolist()
        live = np.flatnonzero(keys > -np.inf) if n else np.array([], np.intp)
        yield from live[np.argsort(-keys[live])][self.first if n > self.first else 0 :].tolist()

    def failures(self, log_success: float) -> float:
        """Geometric, by inversion; infinite in float64 only where a success is impossible."""
        if log_success >= 0:
            return 0.0
        log_failure = np.log(-np.expm1(log_success)) if log_success > -0.69 else np.log1p(-np.exp(log_success))
        return float(np.floor(-self.rng.exponential() / log_failure)) if log_failure < 0 else np.inf


class Offer(NamedTuple):
    """The tokens that may follow, as far as the mask tells."""

    #: Ascending.
    ids: NDArray[np.intp]
    #: Whether each has to be asked if it fits the budget.
    asks_fit: bool
    #: Whether each has to be asked at all.
    is_sure: bool


def offers(auto: Constraint, state: int, remaining: int) -> Iterator[Offer]:
    """The sets to draw from, each to be tried only where all of the one before were refused."""
    ids, asks_fit = support(auto, state, remaining)
    yield Offer(ids, asks_fit, auto.exact and not asks_fit)
    if asks_fit:
        yield Offer(closing(auto, state, remaining), False, auto.exact)


def behind(auto: Constraint, state: int, remaining: int, offer: Offer) -> Callable[[int], int]:
    """Index into the offer -> the state behind that token, 0 where it may not follow."""

    def ask(i: int) -> int:
        after = auto.advance(state, int(offer.ids[i]))
        return after if after and (not offer.asks_fit or fits(auto, after, remaining - 1)) else 0

    return ask


def tempered(logp: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """The base law of a row of the model."""
    return logp if temperature == 1 else log_softmax(logp / temperature)
