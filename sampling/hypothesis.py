"""Hypothesis: a prefix that a search holds, with its score.

The score is global: the log-probability of the tokens under the base law, with nothing divided out by masks. It never
rises as a text grows, which is what lets a search know that it is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .choices import Choices
from .dead_end import dead_end
from .decode import FinishReason, Sample
from .job import Job
from .ledger import Ledger, Step
from .model import Prefix

_FIRST = 64  # so many choices are sorted before all are


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Tokens, and where they lead."""

    prefix: Prefix
    #: The constraint's state.
    state: int
    #: Log-probability under the base law, nats.
    score: float
    steps: tuple[Step, ...] = ()
    #: Whether the text is complete.
    ended: bool = False

    @property
    def tokens(self) -> tuple[int, ...]:
        """The tokens behind the prompt."""
        return tuple(step.token for step in self.steps)

    def choices(self, job: Job, base: NDArray[np.float64]) -> Choices:
        """What may follow."""
        return Choices.at(job.auto, self.state, job.max_tokens - len(self.steps), base)

    def extended(self, choices: Choices, i: int, logp: NDArray[np.float64]) -> Hypothesis | None:
        """With the i-th choice; `None` if guards or the budget refuse it."""
        state = choices.behind(i)
        if not state:
            return None
        auto, token, n = choices.auto, int(choices.ids[i]), len(choices.ids)
        checks = 0 if auto.exact else 1
        step = Step(token, float(logp[token]), choices.logz, n, auto.vocabulary.size - n, n == 1, checks)
        score = self.score + float(choices.mass[i])
        return Hypothesis(self.prefix.extend(token), state, score, (*self.steps, step), state == auto.finished)


@dataclass(slots=True)
class Found(Sample):
    """The best text of a search, with all that it found."""

    #: Complete texts, the best first: the sample itself, then the others.
    hypotheses: list[Sample] = field(default_factory=list)
    #: Prefixes whose next tokens were looked at.
    expanded: int = 0


def falling(values: NDArray[np.float64]) -> Iterator[int]:
    """Indices from the greatest value down, ties by index; those of -inf never come."""
    live = np.flatnonzero(values > -np.inf)
    if len(live) > _FIRST:
        bar = np.partition(values[live], -_FIRST)[-_FIRST]
        head = live[values[live] > bar]
        yield from head[np.argsort(-values[head], kind="stable")].tolist()
        live = live[values[live] <= bar]
    yield from live[np.argsort(-values[live], kind="stable")].tolist()


def found(job: Job, complete: Sequence[Hypothesis], last: Hypothesis, expanded: int) -> Found:
    """The result of a search: complete texts, the best first; without any, the dead end behind `last`."""
    samples = [_sample(job, hypothesis) for hypothesis in complete]
    best = samples[0] if samples else _sample(job, last)
    result = Found(
        best.auto, best.prefix, best.state, best.remaining, best.rng, best.ledger, best.tokens, best.finish_reason
    )
    result.hypotheses, result.expanded = samples, expanded
    if not samples:
        nothing = np.empty(0)
        result.dead = dead_end(result, nothing.astype(np.intp), nothing)
    return result


def _sample(job: Job, hypothesis: Hypothesis) -> Sample:
    left = job.max_tokens - len(hypothesis.steps)
    ledger = Ledger("improper", list(hypothesis.steps))
    reason: FinishReason | None = "stop" if hypothesis.ended else None
    tokens = list(hypothesis.tokens)
    return Sample(job.auto, hypothesis.prefix, hypothesis.state, left, job.rng, ledger, tokens, reason)
