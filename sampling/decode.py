"""Decoding runs: sequences that grow by a token at a time.

A run holds a batch of `Sample`s. Each has its own prefix, state, budget and random stream, so what it becomes does not
depend on the others of its batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendMismatch, DeadEnd
from .constraint import Constraint
from .ledger import Ledger, Step
from .model import Model, Prefix

#: `stop`: the text ended where the constraint lets it.  `length`: the tokens ran out before.
FinishReason: TypeAlias = Literal["stop", "length"]


@dataclass(slots=True)
class Sample:
    """One sequence, growing until it has a `finish_reason` or is `dead`."""

    #: What the text obeys.
    auto: Constraint
    #: Prompt and tokens.
    prefix: Prefix
    #: The automaton's state after `tokens`; it lives as long as the run.
    state: int
    #: How many more tokens the text may have.
    remaining: int
    rng: np.random.Generator
    ledger: Ledger
    #: The tokens drawn, the one that ended the text included.
    tokens: list[int]
    finish_reason: FinishReason | None = None
    dead: DeadEnd | None = None

    @property
    def done(self) -> bool:
        """Whether nothing more is drawn."""
        return self.finish_reason is not None or self.dead is not None

    def take(self, step: Step, state: int) -> None:
        """Append the step's token, which leads to `state`."""
        self.ledger.steps.append(step)
        self.tokens.append(step.token)
        self.prefix = self.prefix.extend(step.token)
        self.state = state
        self.remaining -= 1
        if self.state == self.auto.finished:
            self.finish_reason = "stop"


class Sampler(Protocol):
    """Draws texts of a constraint from a model."""

    def steps(
        self,
        model: Model,
        auto: Constraint | Sequence[Constraint],
        prompts: Sequence[Sequence[int]],
        max_tokens: int | Sequence[int],
        *,
        seed: int | None = None,
    ) -> Iterator[list[Sample]]:
        """The samples, one per prompt, after every step; the same objects each time.

        Parameters
        ----------
        auto : what the texts obey, for all prompts or for each.
        max_tokens : tokens a text may have at most, for all prompts or for each.
        seed : instead of the sampler's own.
        """


def logp_rows(model: Model, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
    """One step of the model, (n, width) float64.

    Raises
    ------
    BackendMismatch : the rows have another shape than the vocabulary says, or hold NaN.
    """
    rows = np.asarray(model.logp_next(prefixes), np.float64)
    wanted = (len(prefixes), model.vocabulary.width)
    if rows.shape != wanted:
        raise BackendMismatch(f"Expected log-probabilities of shape {wanted}, the model gave {rows.shape}.")
    if np.isnan(rows).any():
        raise BackendMismatch("The model gave NaN instead of log-probabilities; try a wider dtype (float32, bfloat16).")
    return rows
