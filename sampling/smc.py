"""SMC: sequential Monte Carlo over particles that grow together.

The target is p(x)^power 1[x in L] r(x): p the model at the step's temperature, L the constraint (closed within the
budget, see `budget.py`), r the critic's `complete`. N particles take a token each by the step sampler, are weighed, and
are resampled when few of them carry the weight. What a particle weighs:

    a step        p^power(v | h) 1[v may follow h], by the step's properly weighted draw;
    the critic    `prefix` of the text so far, raised to the power min(1, tokens / anneal); divided out and replaced
                  after every `block` tokens, and by `complete` in the end. It steers, and never changes the target.

Laws
    1. The mean weight estimates Z without bias: for every N, scheme, threshold, critic, block, and number of moves.
    2. The weighted particles' law tends to the target as N grows.  3. A dead particle counts in the mean.
    4. The text of the sample is drawn by weight, and (text, estimate of Z) is properly weighted: `ledger.logw`.

`lookahead` estimates the critic's word from so many texts completed by the step sampler instead of asking `prefix`.
`moves` follow a resampling: each particle's text is regrown from a random cut and taken or refused by Metropolis and
Hastings, which leaves the weights as they are. `expand` draws several successors of each particle, joins equal ones
and keeps N without replacement.

A step's equal prefixes share one row of the model. Streams show what all particles that weigh something have in common:
whatever comes out begins with it. `moves` may grow texts anew from the start, so under them nothing is shown before the
end.

Source: Del Moral et al. 2006; Lew et al. 2023 (arXiv 2306.03081) for `expand`; Loula et al. 2025 (arXiv 2504.13139) and
Lipkin et al. 2025 (arXiv 2504.05410) for steps under constraints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .awrs import AWRS
from .cloud import Cloud
from .decode import Sample
from .job import Job, JobSampler
from .masking import Masking
from .model import Model
from .potential import Potential
from .report import Report
from .resampling import SCHEMES, Scheme
from .step import AnyStep
from .task import answer, gather


@dataclass(frozen=True)
class SMC(JobSampler):
    """Sample from the target with n particles; see the module for laws and options.

    A sample is a `Drawn`: it holds the posterior and the report. Before the end it has no tokens, but `ways`: those of
    the particles. If all particles of a prompt die, its sample is dead: `AllParticlesDied`.

    Parameters
    ----------
    n : particles.
    step : how a token is drawn: `AWRS`, `FullMask`, `Proposed`, another step sampler, or `Masking` without truncation.
    resampling : the scheme.
    ess_threshold : resample when the effective sample size falls below this share of n; 0 never, and then the critic is
        asked in the end only.
    critic : a potential over bytes or tokens.
    power : exponent of the model in the target.
    block : tokens between weighings by the critic and resamplings.
    anneal : tokens over which the critic's words on unfinished texts grow to their full strength.
    lookahead : texts completed for each word of the critic on an unfinished text; 0: its `prefix` is asked.
    moves : Metropolis-Hastings moves of every particle after a resampling.
    expand : successors of each particle; above 1 particles are kept without replacement after every block, and
        `resampling` and `ess_threshold` are not used.
    pick : the text that a sample shows: drawn by weight ("sample"), or that of the greatest mass ("map").
    progress : called after every step with the report so far.
    seed : makes runs repeatable.

    >>> from syntagma import AWRS, SMC
    >>> SMC(16, step=AWRS()).n
    16
    """

    n: int = 16
    step: AnyStep | Masking = field(default_factory=AWRS)
    resampling: Scheme = "systematic"
    ess_threshold: float = 0.5
    critic: Potential | None = None
    power: float = 1.0
    block: int = 1
    anneal: int = 0
    lookahead: int = 0
    moves: int = 0
    expand: int = 1
    pick: Literal["sample", "map"] = "sample"
    progress: Callable[[Report], None] | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("n", 1), ("block", 1), ("anneal", 0), ("lookahead", 0), ("moves", 0), ("expand", 1)):
            if (value := getattr(self, name)) < least:
                raise ValueError(f"Expected {name} to be at least {least}, got {value}.")
        if self.resampling not in SCHEMES:
            raise ValueError(f"Expected resampling to be one of {', '.join(SCHEMES)}, got {self.resampling!r}.")
        if not 0 <= self.ess_threshold <= 1:
            raise ValueError(f"Expected ess_threshold to be in [0, 1], got {self.ess_threshold}.")
        if not 0 < self.power < np.inf:
            raise ValueError(f"Expected power to be finite and above 0, got {self.power}.")
        if self.pick not in ("sample", "map"):
            raise ValueError(f'Expected pick "sample" or "map", got {self.pick!r}.')
        if self.lookahead and self.critic is None:
            raise ValueError("lookahead needs a critic to look for.")
        if self.expand > 1 and self.moves:
            raise ValueError("moves follow a resampling, and expand draws without one. Choose one of them.")
        _ = self.drawer  # checks the step

    @property
    def drawer(self) -> AnyStep:
        """The step sampler; masking's draws, made by `AWRS`, have the same law."""
        if not isinstance(self.step, Masking):
            return self.step
        if self.step.truncation:
            raise ValueError("Truncated or greedy masking has no proper weights. Give the step AWRS(temperature=...).")
        return AWRS(temperature=self.step.temperature)

    def _run(self, model: Model, jobs: Sequence[Job]) -> Iterator[list[Sample]]:
        clouds = [Cloud(self, job) for job in jobs]
        for _ in answer(model, gather([cloud.run() for cloud in clouds])):
            yield [cloud.sample() for cloud in clouds]
