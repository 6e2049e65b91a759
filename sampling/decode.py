"""Decoding runs: sequences that grow by a token at a time.

A run holds a batch of `Sample`s. Each has its own prefix, state, budget and random stream, so what it becomes does not
depend on the others of its batch.

A sample in a dead end may go back (`Sample.go_back`): some of its last tokens are taken back, and the first of those is
not taken again at that place. The k-th time 2^(k-1) tokens go, or more, up to one that had an alternative, so that few
dead ends suffice to leave a large trap; all in all no more than the sample's budget. What was taken back weighs
nothing: the weights of such a sample are improper, and if it counts as dead those of the others stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendMismatch, DeadEnd
from .constraint import Constraint
from .ledger import Ledger, Step
from .model import Model, Prefix

#: `stop`: the text ended where the constraint lets it.  `length`: the tokens ran out before.
FinishReason: TypeAlias = Literal["stop", "length"]
#: What samplers are given: for all prompts one, or one for each.
Constraints: TypeAlias = Constraint | Sequence[Constraint]
Budgets: TypeAlias = int | Sequence[int]
Prompts: TypeAlias = Sequence[Sequence[int]]


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
    #: How many tokens may yet be taken back.
    backtrack: int = 0
    #: The states before each of `tokens`.
    states: list[int] = field(default_factory=list)
    #: Tokens that led to dead ends and are not taken again, by their place in `tokens`.
    avoided: dict[int, set[int]] = field(default_factory=dict)
    #: How often the sample went back.
    returns: int = 0
    #: The state of `mirostat`, bits; `None`: what it begins with.
    mu: float | None = None
    #: Of several texts that grow, one of which the sample will show: the tokens of each; `None`: `tokens` themselves.
    ways: Sequence[Sequence[int]] | None = None

    @property
    def done(self) -> bool:
        """Whether nothing more is drawn."""
        return self.finish_reason is not None or self.dead is not None

    @property
    def settled(self) -> int:
        """How many of the tokens will never be taken back; it only grows."""
        return len(self.tokens) if self.done else max(0, len(self.tokens) - self.backtrack)

    @property
    def text_tokens(self) -> list[int]:
        """The tokens without the one that ended the text."""
        return unended(self.tokens, self.auto) if self.finish_reason == "stop" else self.tokens

    @property
    def prospects(self) -> Sequence[Sequence[int]]:
        """Token sequences: the finished text begins with one of them. So what they share may be shown at once."""
        return [self.text_tokens[: self.settled]] if self.ways is None or self.done else self.ways

    def take(self, step: Step, state: int) -> None:
        """Append the step's token, which leads to `state`."""
        self.ledger.steps.append(step)
        self.states.append(self.state)
        self.tokens.append(step.token)
        self.prefix = self.prefix.extend(step.token)
        self.state = state
        self.remaining -= 1
        if self.state == self.auto.finished:
            self.finish_reason = "stop"

    def untried(self, ids: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those of the tokens that did not lead to a dead end from here."""
        avoided = self.avoided.get(len(self.tokens))
        return ids[~np.isin(ids, list(avoided))] if avoided else ids

    def go_back(self) -> bool:
        """Leave a dead end for an earlier place; False if none with an alternative is within the budget."""
        steps = self.ledger.steps
        most = min(len(steps), self.backtrack)
        least = min(2**self.returns, most)
        reach = (*range(least, most + 1), *range(least - 1, 0, -1))
        n = next((n for n in reach if n and steps[-n].support > 1), 0)
        if not n:
            return False
        at = len(self.tokens) - n
        self.avoided = {place: tokens for place, tokens in self.avoided.items() if place <= at}
        self.avoided.setdefault(at, set()).add(self.tokens[at])
        self.state = self.states[at]
        self.prefix = self.prefix.cut(len(self.prefix) - n)
        self.ledger.take_back(n)
        del self.tokens[at:], self.states[at:]
        self.remaining += n
        self.backtrack -= n
        self.returns += 1
        return True


class Sampler(Protocol):
    """Draws texts of a constraint from a model."""

    def steps(
        self, model: Model, auto: Constraints, prompts: Prompts, max_tokens: Budgets, *, seed: int | None = None
    ) -> Iterator[list[Sample]]:
        """The samples, one per prompt, after every step; the last ones are finished. See `Sample.prospects` before.

        Parameters
        ----------
        auto : what the texts obey, for all prompts or for each.
        max_tokens : tokens a text may have at most, for all prompts or for each.
        seed : instead of the sampler's own.
        """


def unended(tokens: Sequence[int], auto: Constraint) -> list[int]:
    """The tokens of a text that has ended, without the one that ended it, if one did."""
    ended = len(tokens) and tokens[-1] in auto.end_ids
    return list(tokens[:-1] if ended else tokens)


def logp_rows(model: Model, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
    """One step of the model, (n, width) float64.

    Raises
    ------
    BackendMismatch : the rows have another shape than the vocabulary says, or hold NaN.
    """
    return checked_rows(model, model.logp_next(prefixes), len(prefixes))


def checked_rows(model: Model, rows: NDArray[np.floating[Any]], n: int) -> NDArray[np.float64]:
    """The n rows that a model gave, float64; raises as `logp_rows` does."""
    given = np.asarray(rows, np.float64)
    wanted = (n, model.vocabulary.width)
    if given.shape != wanted:
        raise BackendMismatch(f"Expected log-probabilities of shape {wanted}, the model gave {given.shape}.")
    if np.isnan(given).any():
        raise BackendMismatch("The model gave NaN instead of log-probabilities; try a wider dtype (float32, bfloat16).")
    return given
