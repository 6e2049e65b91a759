"""Chain: a step sampler, step after step.

The text's weight is the product of its steps' weights, so it is properly weighted for the base law restricted to the
constraint (sequential importance sampling). Sequences do not see each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DeadEnd
from .budget import require_closable
from .constraint import Constraint, text_of
from .decode import Sample, logp_rows
from .ledger import Ledger, Step
from .model import Model, Prefix
from .step import Draw, StepSampler, tempered


class Task(NamedTuple):
    """A prompt to continue."""

    auto: Constraint
    prompt: Sequence[int]
    max_tokens: int


class StepwiseSampler:
    """Makes a sampler (`decode.Sampler`) of a step sampler: the two methods to inherit."""

    seed: int | None = None

    def steps(
        self: StepSampler,
        model: Model,
        auto: Constraint | Sequence[Constraint],
        prompts: Sequence[Sequence[int]],
        max_tokens: int | Sequence[int],
        *,
        seed: int | None = None,
    ) -> Iterator[list[Sample]]:
        """The samples after every step, see `Sampler.steps`; a `DeadEnd` ends its own sample, kept in `Sample.dead`.

        Raises
        ------
        SamplingError : no text fits into `max_tokens`.
        BackendMismatch : the model's rows do not fit the vocabulary.
        """
        own: int | None = getattr(self, "seed", None)
        with running(auto, prompts, max_tokens) as tasks:
            rngs = streams(own if seed is None else seed)
            samples = [new_sample(task, next(rngs)) for task in tasks]
            while live := [s for s in samples if not s.done]:
                for sample, row in zip(live, logp_rows(model, [s.prefix for s in live]), strict=True):
                    grow(sample, row, self)
                yield samples

    def sample(
        self: StepSampler,
        model: Model,
        auto: Constraint | Sequence[Constraint],
        prompts: Sequence[Sequence[int]],
        max_tokens: int | Sequence[int],
        *,
        seed: int | None = None,
    ) -> list[Sample]:
        """One finished sample per prompt; arguments and errors as in `steps`."""
        samples: list[Sample] = []
        for samples in StepwiseSampler.steps(self, model, auto, prompts, max_tokens, seed=seed):  # noqa: B007
            pass
        return samples


@contextmanager
def running(
    auto: Constraint | Sequence[Constraint], prompts: Sequence[Sequence[int]], max_tokens: int | Sequence[int]
) -> Iterator[list[Task]]:
    """The tasks of a run, while the constraints' states live.

    Raises
    ------
    SamplingError : no text fits into `max_tokens`.
    """
    budgets = [max_tokens] * len(prompts) if isinstance(max_tokens, int) else max_tokens
    autos = auto if isinstance(auto, Sequence) else [auto] * len(prompts)
    tasks = [Task(*task) for task in zip(autos, prompts, budgets, strict=True)]
    with ExitStack() as runs:
        for one in dict.fromkeys(autos):
            runs.enter_context(one.run())
        for one, budget in dict.fromkeys((t.auto, t.max_tokens) for t in tasks):
            require_closable(one, budget)
        yield tasks


def streams(seed: int | None) -> Iterator[np.random.Generator]:
    """Random streams of a run, one for each sequence, that do not depend on their number."""
    entropy, i = secrets.randbits(64) if seed is None else seed, 0
    while True:
        yield np.random.default_rng([entropy, i])
        i += 1


def new_sample(task: Task, rng: np.random.Generator) -> Sample:
    """The sequence before its first token."""
    ledger = Ledger("exact" if task.auto.exact else "estimated")
    return Sample(task.auto, Prefix(task.prompt), task.auto.start, task.max_tokens, rng, ledger, [])


def grow(sample: Sample, logp: NDArray[np.float64], step: StepSampler) -> None:
    """Take one token, or say why there is none."""
    if ends_unsaid(sample.auto, sample.state):
        sample.finish_reason = "stop"
        return
    base = tempered(logp, step.temperature)
    drawn = step.draw(base, sample.auto, sample.state, sample.remaining, sample.rng)
    if isinstance(drawn, Draw):
        if not drawn.exact:
            sample.ledger.weights = "estimated"
        sample.take(step_of(drawn, logp, sample.auto), drawn.state)
    elif sample.remaining <= 0:
        sample.finish_reason = "length"
    else:
        reason = f"{drawn} tokens were tried and refused, by guards or as too long for max_tokens."
        sample.dead = DeadEnd(text_of(sample.auto.vocabulary, sample.tokens), reason)


def ends_unsaid(auto: Constraint, state: int) -> bool:
    """Whether the text ends here for want of any token, in a vocabulary that has none to say so."""
    return not auto.end_ids and not auto.mask(state).any() and auto.accepts(state)


def step_of(draw: Draw, logp: NDArray[np.float64], auto: Constraint) -> Step:
    """A draw as the ledger has it."""
    checks = 0 if auto.exact else draw.checks
    masked = auto.vocabulary.size - draw.support
    return Step(draw.token, float(logp[draw.token]), draw.logw, draw.support, masked, draw.support == 1, checks)
