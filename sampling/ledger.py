"""Ledger: what a sampler did, token by token.

From it: the log-probability under the model, the log weight, the share of the model's mass that the constraint took at
each step (how much masking distorts), and the work spent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: `exact`: logw is a function of the text.  `estimated`: exp(logw) is right on average (guards were asked of some
#: tokens only).  `improper`: truncation, greedy choice, or tokens taken back out of a dead end; logw says what the
#: constraint cost, and weighs nothing.
Weights: TypeAlias = Literal["exact", "estimated", "improper"]


class Step(NamedTuple):
    """One token."""

    #: The token taken.
    token: int
    #: Its log-probability under the model at temperature 1, nats.
    logp: float
    #: Log of the allowed share of the base law (the model at the sampler's temperature), nats.
    logz: float
    #: How many tokens were allowed, less those that guards refused.
    support: int
    #: How many tokens of the vocabulary were not.
    masked: int
    #: Whether only one was.
    forced: bool
    #: How often guards were asked.
    checks: int


@dataclass(slots=True)
class Passes:
    """Passes of the model that a sequence took, where some read tokens that were only guessed."""

    #: Passes.
    n: int = 0
    #: Tokens drawn from what they read.
    tokens: int = 0
    #: Tokens guessed.
    drafted: int = 0
    #: Guesses that were right.
    accepted: int = 0

    @property
    def tokens_per_pass(self) -> float:
        """Tokens that a pass gave on average; 1 without drafts."""
        return self.tokens / self.n if self.n else 0.0


@dataclass(slots=True, repr=False)
class Ledger:
    """The steps of one sequence."""

    weights: Weights
    steps: list[Step] = field(default_factory=list)
    #: Tokens that were drawn and taken back out of dead ends; they are in no other figure but `checks`.
    taken_back: int = 0
    #: Checks that led to no token of the text.
    lost_checks: int = 0
    #: Whole attempts that came to nothing before this text.
    rejected: int = 0
    #: What the log weight has beyond the steps' shares, nats: of samplers whose law is not that of masking.
    correction: float = 0.0
    #: What drafts were worth; `None`: there were none.
    passes: Passes | None = None

    def __repr__(self) -> str:
        return f"Ledger({len(self)} steps, weights={self.weights!r}, logp={self.logp:.4g}, logw={self.logw:.4g})"

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def column(self, name: str) -> NDArray[np.float64]:
        """One field of every step, (n_steps,) float64."""
        return np.array([getattr(step, name) for step in self.steps], np.float64)

    @property
    def logp(self) -> float:
        """Log-probability of the tokens under the model at temperature 1, nats."""
        return float(sum(step.logp for step in self.steps))

    @property
    def logw(self) -> float:
        """Log weight against the base law, nats."""
        return float(sum(step.logz for step in self.steps)) + self.correction

    @property
    def masked(self) -> int:
        """Tokens masked, over all steps."""
        return sum(step.masked for step in self.steps)

    @property
    def checks(self) -> int:
        """How often guards were asked, over all steps, those taken back included."""
        return sum(step.checks for step in self.steps) + self.lost_checks

    def take_back(self, n: int) -> None:
        """Drop the last n >= 1 steps, which makes the weights improper."""
        self.lost_checks += sum(step.checks for step in self.steps[-n:])
        self.taken_back += n
        self.weights = "improper"
        del self.steps[-n:]
