"""Particle: a text that grows among others, with its weight.

Where a particle stands is immutable and linked to where it stood before, so forking one is sharing it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .constraint import Constraint
from .decode import Sample
from .ledger import Step
from .model import Prefix
from .potential import Potential, State

if TYPE_CHECKING:
    from .posterior import Posterior
    from .report import Report


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A text so far."""

    #: Before the last token; `None` at the start.
    before: Place | None
    step: Step | None
    #: The constraint's state.
    state: int
    #: The critic's state, end token not read.
    mark: State
    #: Tokens taken.
    depth: int
    #: How many more the text may have.
    remaining: int
    #: Log weight of the steps from the start on, nats.
    logw: float
    #: Whether the text has ended.
    ended: bool = False

    def past(self) -> Iterator[Place]:
        """This place and those before it, the start last."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.before

    def at(self, depth: int) -> Place:
        """Where the text stood after `depth` tokens."""
        return next(place for place in self.past() if place.depth == depth)

    @property
    def steps(self) -> list[Step]:
        """The steps from the start on."""
        return [place.step for place in self.past() if place.step is not None][::-1]

    @property
    def tokens(self) -> tuple[int, ...]:
        """The tokens taken."""
        return tuple(step.token for step in self.steps)


@dataclass(frozen=True, slots=True, eq=False)
class Particle:
    """A place, reached by a model's prefix, and what it weighs."""

    place: Place
    prefix: Prefix
    #: Log weight among the particles, nats; -inf: dead.
    logw: float
    #: The part of it that the critic lent, to be given back when it says more.
    twist: float
    #: The particle of the beginning that this one descends from.
    family: int

    @property
    def live(self) -> bool:
        """Whether it goes on."""
        return self.logw > float("-inf") and not self.place.ended

    def weighed(self, critic: float) -> Particle:
        """With the critic's last word in the place of the one before."""
        return replace(self, logw=self.logw - self.twist + critic, twist=critic)


def advanced(place: Place, step: Step, state: int, logw: float, auto: Constraint, critic: Potential | None) -> Place:
    """The place behind one more token."""
    ended = state == auto.finished
    mark = place.mark
    if critic is not None and not ended:
        tokens: Sequence[int] = (step.token,)
        mark = critic.read(tokens if critic.alphabet == "tokens" else auto.vocabulary.token_bytes(step.token), mark)
    return Place(place, step, state, mark, place.depth + 1, place.remaining - 1, place.logw + logw, ended)


@dataclass(slots=True)
class Drawn(Sample):
    """A text drawn from a posterior, with that posterior."""

    posterior: Posterior | None = None
    report: Report | None = None
