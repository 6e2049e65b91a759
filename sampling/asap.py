"""ASAp: sampling with approximate expected futures, which learns from its own samples what masking cannot see.

Masking asks of a token only whether *some* text of the constraint goes on from it, not how likely the model is to get
there. ASAp keeps a bound theta on the mass of those texts (`future.py`) and draws v with p(v | h) theta(hv) under the
mask. The bound begins at 1, so the first sample is masking's, and every sample lowers it along its path.

Laws
    1. The first sample has the law of masking; for the same seed it is the same sample.
    2. As samples go on, their law tends to the conditional p(x | language). No single one has it exactly, and they
       depend on each other.
    3. Every sample, the first included, is properly weighted by  w = prod_t N(h_t) / theta(h_t v_t)  with
       N(h) = sum over allowed v of p(v | h) theta(hv): E[w 1{x = y}] = p(y) on the language. So averages of weighted
       samples are right without waiting, and mean w estimates the mass of the language without bias.

Law 3 holds for every table that does not look ahead; where guards remain, N is estimated by one more check, without
bias, as in `masking.py`. Guards' refusals and dead ends are learned like everything else.

Not chosen: what the paper's code does beyond the paper. It shares one trie between all prompts, keeps theta = 1 at dead
ends, and divides by the temperature what was multiplied by theta; here tables belong to prompts, dead ends get theta 0,
and the temperature is part of p.
Source: Park et al. 2024 (arXiv 2405.21047), algorithm 1; the weights are those of importance sampling with theta as
twist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .asking import Asking
from .choices import Choices, stuck
from .constraint import Constraint
from .decode import Sample
from .future import Future, Futures, Node
from .job import Job
from .ledger import Step
from .masking import draws
from .model import Model, logsumexp
from .posterior import Posterior
from .task import Task


@dataclass(frozen=True, eq=False)
class ASAp(Asking):
    """Sample token by token under the mask, with futures learned from earlier samples of the same prompt.

    What was learned stays with this object: for each model, constraint, prompt and budget there is one table, bounded
    in size, from one call to the next.

    Parameters
    ----------
    temperature : divides the log-probabilities before the mask; part of the base law.
    seed : makes runs repeatable, given the same earlier calls. `None`: fresh each time.
    max_nodes : prefixes that all tables may hold; beyond, tables not used for the longest time are dropped, and of the
        last one the prefixes not visited for the longest time lose their details.
    row_bytes : what may be remembered of the model's rows, so that prefixes met again cost no call.

    >>> ASAp().temperature
    1.0
    """

    temperature: float = 1.0
    seed: int | None = None
    max_nodes: int = 100_000
    row_bytes: int = 1 << 26
    _futures: Futures[Future] = field(init=False, repr=False)
    _grows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_nodes < 1:
            raise ValueError(f"Expected max_nodes to be at least 1, got {self.max_nodes}.")
        object.__setattr__(self, "_futures", Futures(Future, self.max_nodes))

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
        """n samples, one after the other, each properly weighted."""
        rng = np.random.default_rng(self.seed if seed is None else seed)
        seeds = rng.integers(2**63, size=n).tolist()
        return Posterior.of([self.sample(model, auto, [prompt], max_tokens, seed=s)[0] for s in seeds])

    def future(self, model: Model, auto: Constraint, prompt: Sequence[int], max_tokens: int) -> Future:
        """What was learned so far about a prompt: upper bounds of the mass of prefixes' continuations."""
        return self._futures.of(model, auto, tuple(prompt), max_tokens)

    def _tasks(self, model: Model, jobs: Sequence[Job]) -> Sequence[Task[None]]:
        return [self._task(job, self._futures.of(model, job.auto, job.prompt, job.max_tokens)) for job in jobs]

    def _task(self, job: Job, future: Future) -> Task[None]:
        """One sample, from which the table learns."""
        future.trim(self.max_nodes)
        job.sample = sample = job.begin("estimated", future.prefix)
        node, path = future.root, []
        while not sample.done:
            (logp,) = yield [sample.prefix]
            path.append(node)
            node = self._grow(sample, node, logp)
        future.learn(path)

    def _grow(self, sample: Sample, node: Node, logp: NDArray[np.float64]) -> Node:
        """Take one token, or note why there is none; returns the node behind it."""
        choices = Choices.of(sample, self._base(logp))
        if choices.ends:
            sample.finish_reason = "stop"
            return node
        offer = _offer(choices, node, sample.rng)
        ledger, auto = sample.ledger, sample.auto
        if offer.state:
            token, n = int(choices.ids[offer.i]), offer.support
            behind = Node() if offer.state == auto.finished else node.child(token, float(choices.mass[offer.i]))
            step = Step(token, float(logp[token]), offer.logz, n, auto.vocabulary.size - n, n == 1, offer.checks)
            ledger.correction += offer.log_n - behind.log_theta - offer.logz
            sample.take(step, offer.state)
        else:
            behind = node
            ledger.lost_checks += offer.checks
            stuck(sample, choices)
        node.settle(choices)
        return behind


class _Offer(NamedTuple):
    """A token that passed; state 0: none did."""

    i: int
    state: int
    #: Log of N(h), and of the allowed share Z(h), each estimated without bias where tokens had to be tried.
    log_n: float
    logz: float
    support: int
    checks: int


def _offer(choices: Choices, node: Node, rng: np.random.Generator) -> _Offer:
    """Draw a token by p(v | h) theta(hv); the node learns what was refused."""
    twisted = node.twisted(choices)
    plain = np.where(twisted > -np.inf, choices.mass, -np.inf)
    tried = 0

    def passes(i: int) -> int:
        nonlocal tried
        tried += 1
        if not (state := choices.behind(i)):
            node.refuse(int(choices.ids[i]), float(choices.mass[i]))
        return state

    refused: list[int] = []
    order = draws(twisted, rng)
    i = state = 0
    for i in order:
        if state := passes(i):
            break
        refused.append(i)
    n = int(np.count_nonzero(plain > -np.inf)) - len(refused)
    log_n, logz = (logsumexp(np.delete(mass, refused)) for mass in (twisted, plain))
    if state and not choices.sure and (j := next(order, None)) is not None and not passes(j):
        log_n, logz = float(twisted[i]), float(plain[i])
    checks = 0 if choices.auto.exact else tried
    return _Offer(i, state, log_n, min(logz, 0.0), n, checks)
