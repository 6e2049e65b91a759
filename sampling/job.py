"""Job: a prompt to be continued, and samplers that continue a batch of them."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np

from .budget import require_closable
from .constraint import Constraint
from .decode import Budgets, Constraints, Prompts, Sample
from .ledger import Ledger, Weights
from .model import Model, Prefix


@dataclass(slots=True, eq=False)
class Job:
    """A prompt to be continued."""

    #: Its place among the prompts.
    i: int
    auto: Constraint
    prompt: tuple[int, ...]
    max_tokens: int
    rng: np.random.Generator
    #: What has come of it so far.
    sample: Sample = field(init=False)

    def __post_init__(self) -> None:
        self.sample = self.begin("exact" if self.auto.exact else "estimated")

    def begin(self, weights: Weights, prefix: Prefix | None = None, backtrack: int = 0) -> Sample:
        """A sequence without tokens yet; `prefix` is the prompt with what the model keeps of it."""
        prefix, ledger = Prefix(self.prompt) if prefix is None else prefix, Ledger(weights)
        return Sample(self.auto, prefix, self.auto.start, self.max_tokens, self.rng, ledger, [], backtrack=backtrack)


class JobSampler(ABC):
    """A sampler (`decode.Sampler`) that is written over jobs."""

    seed: int | None = None

    @abstractmethod
    def _run(self, model: Model, jobs: Sequence[Job]) -> Iterator[list[Sample]]:
        """The samples, one per job, after every step."""

    def steps(
        self, model: Model, auto: Constraints, prompts: Prompts, max_tokens: Budgets, *, seed: int | None = None
    ) -> Iterator[list[Sample]]:
        """The samples after every step, see `Sampler.steps`; a `DeadEnd` ends its own sample, kept in `Sample.dead`.

        Raises
        ------
        SamplingError : no text fits into `max_tokens`, or the sampler's own budget is spent.
        BackendMismatch : the model's rows do not fit the vocabulary.
        """
        with running(auto, prompts, max_tokens, self.seed if seed is None else seed) as jobs:
            yield from self._run(model, jobs)

    def sample(
        self, model: Model, auto: Constraints, prompts: Prompts, max_tokens: Budgets, *, seed: int | None = None
    ) -> list[Sample]:
        """One finished sample per prompt; arguments and errors as in `steps`."""
        samples: list[Sample] = []
        for samples in self.steps(model, auto, prompts, max_tokens, seed=seed):  # noqa: B007
            pass
        return samples


@contextmanager
def running(auto: Constraints, prompts: Prompts, max_tokens: Budgets, seed: int | None) -> Iterator[list[Job]]:
    """The jobs of a run, while the constraints' states live; each has a random stream that its number decides.

    Raises
    ------
    SamplingError : no text fits into `max_tokens`.
    """
    budgets = [max_tokens] * len(prompts) if isinstance(max_tokens, int) else max_tokens
    autos = auto if isinstance(auto, Sequence) else [auto] * len(prompts)
    entropy = secrets.randbits(64) if seed is None else seed
    with ExitStack() as runs:
        for one in dict.fromkeys(autos):
            runs.enter_context(one.run())
        for one, budget in dict.fromkeys(zip(autos, budgets, strict=True)):
            require_closable(one, budget)
        yield [
            Job(i, one, tuple(prompt), budget, np.random.default_rng([entropy, i]))
            for i, (one, prompt, budget) in enumerate(zip(autos, prompts, budgets, strict=True))
        ]
