"""MCMC: texts refined by Metropolis-Hastings moves; always valid, and closer to the conditional after every move.

A chain begins with a text drawn by masking. A move cuts the text x before its i-th token, draws what comes behind anew
by masking, and takes the new text y with probability

    min(1, p(y) q(y -> x) / (p(x) q(x -> y))),    q(x -> y) = sum over i <= lcp(x, y) of cut_x(i) prod_{t >= i} l(y_t)

where lcp is the number of tokens that the texts share from the left, and l(y_t) the masked law p(y_t | y_<t) / Z(y_<t)
of a token. The sum runs over all cuts that could have given y, not just the one that did.

    restart     i = 0;
    prefix      i uniform over the tokens, the one that ends the text included;
    priority    i drawn by exp(H_i) - 1 with H_i the entropy of the masked law at i: where there is something to choose.

Laws
    1. The kernel is in detailed balance with p(x) 1[x in L].  2. So the law of a chain's text tends to the conditional,
    from that of masking, and its distance never grows.  3. The last text with the weight of the *first* one is properly
    weighted: moves leave the target as it is.

Where guards remain, l is the law under the mask alone: a proposal that a guard refuses has target 0 and is not taken.
The first text is then drawn until one passes, and unless the first draw did, its weight is improper.

Source: MCMC-constrained sampling (arXiv 2506.05754), algorithm 1, and its three ways to cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplingError
from .asking import Asking
from .choices import Choices
from .constraint import Constraint, text_of
from .job import Job
from .ledger import Ledger, Step
from .masking import draws
from .model import Model, Prefix, logsumexp
from .particle import Drawn
from .posterior import Posterior, WeightedSample
from .task import Task, gather

Kernel: TypeAlias = Literal["restart", "prefix", "priority"]
KERNELS: tuple[Kernel, ...] = ("restart", "prefix", "priority")


@dataclass(frozen=True)
class Text:
    """A text of the language and what kernels need to know of it; arrays are by token, the end token included."""

    steps: tuple[Step, ...]
    #: The constraint's states before each token, and behind the last.
    states: tuple[int, ...]
    #: (n,) log-probability under the base law, nats.
    logp: NDArray[np.float64]
    #: (n,) entropy of the masked law that the token was drawn from, nats.
    entropy: NDArray[np.float64]
    #: Prompt and tokens, with what the model keeps of them.
    prefix: Prefix

    @cached_property
    def tokens(self) -> tuple[int, ...]:
        """The tokens."""
        return tuple(step.token for step in self.steps)

    @cached_property
    def logw(self) -> float:
        """Log of the product of the shares: the weight that makes masking's draw right, nats."""
        return float(sum(step.logz for step in self.steps))

    @cached_property
    def log_tails(self) -> NDArray[np.float64]:
        """(n,) log-probability of the tokens from i on under the masked law, nats."""
        logl = self.logp - np.array([step.logz for step in self.steps])
        return np.asarray(np.cumsum(logl[::-1])[::-1])

    def log_cuts(self, kernel: Kernel) -> NDArray[np.float64]:
        """(n,) log-probability to be cut before each token."""
        n = len(self.steps)
        weights = np.ones(n)
        if kernel == "restart":
            weights[1:] = 0.0
        elif kernel == "priority" and (chosen := np.expm1(self.entropy)).sum() > 0:
            weights = chosen
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(weights / weights.sum()))


def log_proposal(x: Text, y: Text, kernel: Kernel) -> float:
    """log q(x -> y) of two texts that differ, nats."""
    shared = next(i for i, (a, b) in enumerate(zip(x.tokens, y.tokens, strict=False)) if a != b)
    return logsumexp(x.log_cuts(kernel)[: shared + 1] + y.log_tails[: shared + 1])


def log_acceptance(x: Text, y: Text, kernel: Kernel) -> float:
    """Log of the probability to go from x to y once it is proposed, nats."""
    if x.tokens == y.tokens:
        return 0.0
    there, back = log_proposal(x, y, kernel), log_proposal(y, x, kernel)
    return min(0.0, float(y.logp.sum() - x.logp.sum()) + back - there)


@dataclass(slots=True)
class Chain:
    """What one chain did."""

    #: Its texts: the first one, and that after every move.
    texts: list[Text]
    #: Draws until the first text passed.
    starts: int = 1
    #: Moves to another text, proposals that were the text itself, and those that a guard or the budget refused.
    accepted: int = 0
    same: int = 0
    refused: int = 0
    #: How often guards were asked.
    checks: int = 0

    @property
    def n_moves(self) -> int:
        """Moves made."""
        return len(self.texts) - 1

    @property
    def acceptance(self) -> float:
        """The share of moves that led to another text."""
        return self.accepted / max(1, self.n_moves)


@dataclass(slots=True)
class Refined(Drawn):
    """The last text of the first chain, with the posterior of all chains."""

    chains: list[Chain] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class MCMC(Asking):
    """Masked samples, refined by Metropolis-Hastings moves.

    The text shown is the first chain's last. `Refined.posterior` holds the texts of all chains after the burn-in, with
    equal weights: the mean weight of the chains' first texts, which estimates the evidence.

    Parameters
    ----------
    moves : moves of each chain.
    kernel : how texts are cut, see the module.
    chains : independent chains, side by side.
    burn_in : moves of each chain before its texts count in the posterior; fewer than `moves`.
    max_starts : draws for a first text before giving up; more than one only where guards remain.
    temperature : divides the log-probabilities before the mask; part of the base law.
    seed : makes runs repeatable: sequence i of a batch draws from streams of (seed, i). `None`: fresh each time.
    row_bytes : what may be remembered of the model's rows, so that prefixes met again cost no call.

    >>> MCMC(moves=20, kernel="prefix").chains
    1
    """

    moves: int = 20
    kernel: Kernel = "priority"
    chains: int = 1
    burn_in: int = 10
    max_starts: int = 100
    temperature: float = 1.0
    seed: int | None = None
    row_bytes: int = 1 << 26

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel not in KERNELS:
            raise ValueError(f"Expected kernel to be one of {', '.join(KERNELS)}, got {self.kernel!r}.")
        for name in ("moves", "chains", "max_starts"):
            if getattr(self, name) < 1:
                raise ValueError(f"Expected {name} to be at least 1, got {getattr(self, name)}.")
        if not 0 <= self.burn_in < self.moves:
            raise ValueError(f"Expected burn_in to be at least 0 and below moves={self.moves}, got {self.burn_in}.")

    def posterior(
        self,
        model: Model,
        auto: Constraint,
        prompt: Sequence[int],
        max_tokens: int,
        *,
        seed: int | None = None,
    ) -> Posterior:
        """The texts of all chains of one prompt after the burn-in, of equal weight."""
        (sample,) = self.sample(model, auto, [prompt], max_tokens, seed=seed)
        assert isinstance(sample, Refined)
        assert sample.posterior is not None
        return sample.posterior

    def _tasks(self, model: Model, jobs: Sequence[Job]) -> Sequence[Task[None]]:
        return [self._task(job) for job in jobs]

    def _task(self, job: Job) -> Task[None]:
        """All chains of a prompt."""
        rngs = [job.rng, *job.rng.spawn(self.chains - 1)]
        chains = yield from gather([self._chain(job, rng) for rng in rngs])
        job.sample = self._refined(job, chains)

    def _chain(self, job: Job, rng: np.random.Generator) -> Task[Chain]:
        """A text drawn by masking, and its moves."""
        chain = Chain([])
        while (text := (yield from self._regrown(job, None, 0, rng, chain))) is None:
            if chain.starts == self.max_starts:
                raise SamplingError(
                    f"Masking met {chain.starts} dead ends and found no text to begin a chain with. "
                    "Raise max_starts, or take ASAp, which learns from dead ends."
                )
            chain.starts += 1
        chain.texts.append(text)
        for _ in range(self.moves):
            chain.texts.append((yield from self._moved(job, chain.texts[-1], rng, chain)))
        return chain

    def _moved(self, job: Job, x: Text, rng: np.random.Generator, chain: Chain) -> Task[Text]:
        """The text after one move."""
        if not x.steps:
            chain.same += 1
            return x
        cut = int(rng.choice(len(x.steps), p=np.exp(x.log_cuts(self.kernel))))
        y = yield from self._regrown(job, x, cut, rng, chain)
        if y is None:
            chain.refused += 1
        elif y.tokens == x.tokens:
            chain.same += 1
        elif -rng.exponential() < log_acceptance(x, y, self.kernel):
            chain.accepted += 1
            return y
        return x

    def _regrown(self, job: Job, x: Text | None, cut: int, rng: np.random.Generator, chain: Chain) -> Task[Text | None]:
        """A text drawn by masking behind the first `cut` tokens of x; `None`: it met a dead end."""
        steps = [] if x is None else list(x.steps[:cut])
        states = [job.auto.start] if x is None else list(x.states[: cut + 1])
        logp, entropy = ([], []) if x is None else (x.logp[:cut].tolist(), x.entropy[:cut].tolist())
        prefix = Prefix(job.prompt + tuple(s.token for s in steps), None if x is None else x.prefix.cache)
        while states[-1] != job.auto.finished:
            (row,) = yield [prefix]
            choices = Choices.at(job.auto, states[-1], job.max_tokens - len(steps), self._base(row))
            if choices.ends:
                break
            i = next(draws(choices.mass, rng), None)
            state = 0 if i is None else choices.behind(i)
            chain.checks += 0 if job.auto.exact or i is None else 1
            if i is None or not state:
                return None
            steps.append(_step(choices, i, row))
            states.append(state)
            logp.append(float(choices.mass[i]))
            entropy.append(choices.entropy)
            prefix = prefix.extend(steps[-1].token)
        return Text(tuple(steps), tuple(states), np.array(logp), np.array(entropy), prefix)

    def _refined(self, job: Job, chains: list[Chain]) -> Refined:
        """The sample of a prompt."""
        n_starts = sum(chain.starts for chain in chains)
        log_z = logsumexp(np.array([chain.texts[0].logw for chain in chains])) - float(np.log(n_starts))
        last, first = chains[0].texts[-1], chains[0].texts[0]
        is_proper = chains[0].starts == 1
        ledger = Ledger("estimated" if is_proper else "improper", list(last.steps))
        ledger.correction = first.logw - last.logw
        ledger.lost_checks = sum(chain.checks for chain in chains) - sum(step.checks for step in last.steps)
        left = job.max_tokens - len(last.steps)
        tokens = list(last.tokens)
        sample = Refined(job.auto, last.prefix, last.states[-1], left, job.rng, ledger, tokens, "stop", chains=chains)
        kept = [(k, text) for k, chain in enumerate(chains) for text in chain.texts[self.burn_in + 1 :]]
        weighted = [_weighted(job, text, log_z) for _, text in kept]
        sample.posterior = Posterior(weighted, "estimated", [k for k, _ in kept])
        return sample


def _step(choices: Choices, i: int, row: NDArray[np.float64]) -> Step:
    """A choice as the ledger has it."""
    token, n, auto = int(choices.ids[i]), len(choices.ids), choices.auto
    masked, checks = auto.vocabulary.size - n, 0 if auto.exact else 1
    return Step(token, float(row[token]), choices.logz, n, masked, n == 1, checks)


def _weighted(job: Job, text: Text, log_weight: float) -> WeightedSample:
    """A text of the posterior."""
    ended = bool(text.tokens) and text.tokens[-1] in job.auto.end_ids
    words = text_of(job.auto.vocabulary, text.tokens[:-1] if ended else text.tokens)
    return WeightedSample(text.tokens, words, log_weight, "stop", float(sum(step.logp for step in text.steps)))
