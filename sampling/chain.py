"""Chain: a step sampler, step after step.

The text's weight is the product of its steps' weights, so it is properly weighted for the base law restricted to the
constraint (sequential importance sampling). Sequences do not see each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ..errors import DeadEnd
from .constraint import Constraint, text_of
from .dead_end import refused_by, words_of
from .decode import Sample, logp_rows
from .job import Job, JobSampler
from .ledger import Step
from .model import Model
from .step import AnyStep, Draw, Spot, StepSampler, drawers, tempered


class StepwiseSampler(JobSampler):
    """Makes a sampler (`decode.Sampler`) of a step sampler: to inherit."""

    def _run(self, model: Model, jobs: Sequence[Job]) -> Iterator[list[Sample]]:
        step, samples = cast(AnyStep, self), [job.sample for job in jobs]
        while live := [job for job in jobs if not job.sample.done]:
            rows = logp_rows(model, [job.sample.prefix for job in live])
            bases = [tempered(row, step.temperature) for row in rows]
            spots = [
                Spot(job.auto, job.sample.prefix, len(job.prompt), base) for job, base in zip(live, bases, strict=True)
            ]
            for spot, row, drawer, job in zip(spots, rows, drawers(step, spots), live, strict=True):
                grow(job.sample, row, spot.base, drawer)
            yield samples


def grow(sample: Sample, logp: NDArray[np.float64], base: NDArray[np.float64], step: StepSampler) -> None:
    """Take one token, or say why there is none."""
    if ends_unsaid(sample.auto, sample.state):
        sample.finish_reason = "stop"
        return
    drawn = step.draw(base, sample.auto, sample.state, sample.remaining, sample.rng)
    if isinstance(drawn, Draw):
        if not drawn.exact:
            sample.ledger.weights = "estimated"
        sample.take(step_of(drawn, logp, sample.auto), drawn.state)
    elif sample.remaining <= 0:
        sample.finish_reason = "length"
    else:
        by = refused_by(sample.auto, sample.state, base)
        reason = f"{drawn} tokens were tried and refused, {words_of(by)}."
        sample.dead = DeadEnd(text_of(sample.auto.vocabulary, sample.tokens), reason, by)


def ends_unsaid(auto: Constraint, state: int) -> bool:
    """Whether the text ends here for want of any token, in a vocabulary that has none to say so."""
    return not auto.end_ids and not auto.mask(state).any() and auto.accepts(state)


def step_of(draw: Draw, logp: NDArray[np.float64], auto: Constraint) -> Step:
    """A draw as the ledger has it."""
    checks = 0 if auto.exact else draw.checks
    masked = auto.vocabulary.size - draw.support
    return Step(draw.token, float(logp[draw.token]), draw.logw, draw.support, masked, draw.support == 1, checks)
