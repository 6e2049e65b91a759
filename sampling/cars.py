"""CARS: exact independent samples, by rejection that never makes the same mistake twice.

Plain rejection draws texts from the model until one is in the language. CARS remembers what it was rejected for: when
an attempt has visited a prefix, all tokens that may not follow there are excluded from later attempts, and the bounds
theta of `future.py` make the draw the model's law conditioned on what is not excluded. An attempt goes

    at a prefix that an earlier attempt visited     by p(v | h) theta(hv);
    at one that none did                            by p(v | h), the mask unseen: a token that may not follow ends it.

Laws
    1. Texts are independent draws from the conditional p(x | language), exactly, from the first: an attempt draws from
    p given "not excluded", and nothing excluded is in the language. So each weighs 1.
    2. The chance that an attempt succeeds, Z / theta(root), never falls.
    3. The mean of theta(root) 1{success} over the attempts estimates Z without bias.

The mask must not be used at a prefix before its parents know of it: that is ASAp, which is quicker and not exact. For
the same reason attempts that are made side by side learn at the end of their round only.

Law 1 holds for a text given all earlier ones, however often it was rejected. Memory is bounded by forgetting all, which
is correct, too.
Source: CARS (arXiv 2510.01902), algorithm 1; rejection that excludes is Park et al. 2024 seen from the other side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplingError
from .asking import Asking
from .choices import Choices
from .constraint import Constraint
from .decode import Sample
from .future import Future, Futures, Node
from .job import Job
from .ledger import Step
from .masking import draws
from .model import Model, logsumexp
from .posterior import Posterior, WeightedSample
from .task import Task


class Exclusions(Future):
    """What attempts were rejected for, and what they came to."""

    def __init__(self, prompt: Sequence[int] = ()) -> None:
        super().__init__(prompt)
        self.n_accepted = 0
        self._mass = 0.0

    @property
    def n_attempts(self) -> int:
        """How many attempts were made."""
        return self.n_samples

    @property
    def log_evidence(self) -> float:
        """Log of the estimate of the language's probability under the base law, nats; -inf before the first text."""
        return float(np.log(self._mass / self.n_attempts)) if self._mass else -np.inf

    def take_in(self, attempt: _Attempt) -> None:
        """Learn from an attempt."""
        if attempt.refused is not None:
            attempt.refused.log_theta = -np.inf
        self.learn(attempt.path)
        if attempt.sample.finish_reason == "stop":
            self.n_accepted += 1
            self._mass += float(np.exp(attempt.log_n))


@dataclass(slots=True)
class _Attempt:
    """A text that is being drawn."""

    sample: Sample
    #: Where it stands.
    node: Node
    #: The nodes passed, from the root.
    path: list[Node] = field(default_factory=list)
    #: Log of theta(root) as it was drawn by.
    log_n: float = 0.0
    failed: bool = False
    #: The child that a guard or the budget refused.
    refused: Node | None = None


@dataclass(frozen=True, eq=False)
class CARS(Asking):
    """Exact independent samples of the model's law given the constraint; each weighs 1.

    What was excluded stays with this object, for each model, constraint, prompt and budget.

    Parameters
    ----------
    max_attempts : attempts for each text before giving up.
    batch : attempts made side by side, at most; they share the model's calls, and are learned from afterwards.
    temperature : divides the log-probabilities; part of the base law.
    seed : makes runs repeatable, given the same earlier calls. `None`: fresh each time.
    max_nodes : prefixes that all tables may hold; beyond, tables not used for the longest time are dropped, and the
        last one begins anew.
    row_bytes : what may be remembered of the model's rows, so that prefixes met again cost no call.

    >>> CARS().max_attempts
    1000
    """

    max_attempts: int = 1000
    batch: int = 8
    temperature: float = 1.0
    seed: int | None = None
    max_nodes: int = 100_000
    row_bytes: int = 1 << 26
    _tables: Futures[Exclusions] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("max_attempts", "batch", "max_nodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"Expected {name} to be at least 1, got {getattr(self, name)}.")
        object.__setattr__(self, "_tables", Futures(Exclusions, self.max_nodes))

    def posterior(
        self,
        model: Model,
        auto: Constraint,
        prompt: Sequence[int],
        n: int,
        max_tokens: int,
        *,
        seed: int | None = None,
    ) -> Posterior:
        """n exact samples of one prompt, of equal weight: the estimate of the evidence from all attempts so far.

        They share that one estimate, so its standard error cannot be told from them, and reads 1.
        """
        samples = self.sample(model, auto, [prompt] * n, max_tokens, seed=seed)
        log_z = self.exclusions(model, auto, prompt, max_tokens).log_evidence
        return Posterior([WeightedSample.of(s, log_z) for s in samples], "estimated", [0] * n)

    def exclusions(self, model: Model, auto: Constraint, prompt: Sequence[int], max_tokens: int) -> Exclusions:
        """What was excluded so far about a prompt, the number of attempts, and their estimate of the evidence."""
        return self._tables.of(model, auto, prompt, max_tokens)

    def _tasks(self, model: Model, jobs: Sequence[Job]) -> Sequence[Task[None]]:
        groups: dict[Exclusions, list[Job]] = {}
        for job in jobs:
            groups.setdefault(self.exclusions(model, job.auto, job.prompt, job.max_tokens), []).append(job)
        return [self._task(table, group) for table, group in groups.items()]

    def _task(self, table: Exclusions, jobs: list[Job]) -> Task[None]:
        """One text per job, in rounds of attempts."""
        rejected = dict.fromkeys((job.i for job in jobs), 0)
        checks = dict(rejected)
        while waiting := [job for job in jobs if not job.sample.done][: self.batch]:
            if table.n_nodes > self.max_nodes:
                table.clear()
            attempts = yield from self._round(table, waiting)
            for job, attempt in zip(waiting, attempts, strict=True):
                table.take_in(attempt)
                ledger = attempt.sample.ledger
                if attempt.sample.finish_reason == "stop":
                    ledger.rejected = rejected[job.i]
                    ledger.lost_checks += checks[job.i]
                    job.sample = attempt.sample
                    continue
                rejected[job.i] += 1
                checks[job.i] += ledger.checks
                if rejected[job.i] >= self.max_attempts or table.root.log_theta == -np.inf:
                    raise _spent(table, rejected[job.i])

    def _round(self, table: Exclusions, jobs: list[Job]) -> Task[list[_Attempt]]:
        """One attempt per job, side by side, by the table as it is."""
        attempts = [_Attempt(job.begin("exact", table.prefix), table.root) for job in jobs]
        while live := [a for a in attempts if not (a.failed or a.sample.done)]:
            rows = yield [a.sample.prefix for a in live]
            for attempt, logp in zip(live, rows, strict=True):
                self._grow(attempt, logp)
        return attempts

    def _grow(self, attempt: _Attempt, logp: NDArray[np.float64]) -> None:
        """Draw a token; the attempt fails if it may not follow."""
        sample, node = attempt.sample, attempt.node
        base = self._base(logp)
        choices = Choices.of(sample, base)
        token = None if choices.ends else _token(attempt, choices, base)
        attempt.path.append(node)
        if choices.ends:
            sample.finish_reason = "stop"
        elif token is None or not choices.has(token):
            attempt.failed = True
        else:
            self._enter(attempt, choices, token, logp)
        node.settle(choices)

    def _enter(self, attempt: _Attempt, choices: Choices, token: int, logp: NDArray[np.float64]) -> None:
        """Take a token that the mask allows; the attempt fails if a guard or the budget refuses it."""
        sample, auto, n = attempt.sample, attempt.sample.auto, len(choices.ids)
        i = int(choices.where([token])[0])
        state = choices.behind(i)
        checks = 0 if auto.exact else 1
        if not state:
            attempt.failed = True
            attempt.refused = attempt.node.child(token, float(choices.mass[i]))
            sample.ledger.lost_checks += checks
            return
        if state != auto.finished:
            attempt.node = attempt.node.child(token, float(choices.mass[i]))
        step = Step(token, float(logp[token]), 0.0, n, auto.vocabulary.size - n, n == 1, checks)
        sample.take(step, state)


def _token(attempt: _Attempt, choices: Choices, base: NDArray[np.float64]) -> int | None:
    """A token by the model's law given that it is not excluded; `None`: all are."""
    node = attempt.node
    is_root = not attempt.path
    if not (node.known or is_root):
        return next(draws(base, attempt.sample.rng), None)
    twisted = node.twisted(choices)
    if is_root:
        attempt.log_n = logsumexp(twisted)
    i = next(draws(twisted, attempt.sample.rng), None)
    return None if i is None else int(choices.ids[i])


def _spent(table: Exclusions, n: int) -> SamplingError:
    """Why no text was found."""
    share = float(np.exp(table.root.log_theta))
    if not share:
        return SamplingError("The model gives no probability to any text that the constraint allows within max_tokens.")
    return SamplingError(
        f"None of {n} attempts gave a text: the model gives the constraint at most {share:.3g} of its probability. "
        "Raise max_attempts, or take ASAp or SMC, whose samples carry weights instead of being rejected."
    )
