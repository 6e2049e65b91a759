"""Masking: draw each token from the model's law, restricted to the tokens that may follow.

The law of a text x is l(x) = p(x) / prod_t Z(x_<t) on the language, where p is the base law (the model at the sampler's
temperature) and Z(h) the allowed share of p(. | h): the constraint's own distortion. Its weight w(x) = prod_t Z(x_<t)
undoes that: l(x) w(x) = p(x), and E[w] is the probability that the base law gives to the language.

Where guards remain (`auto.exact` is False) tokens are drawn in order without replacement, and the first that passes is
taken: this is a draw from the law restricted to what passes, at the price of a few checks. Its share Z is estimated
without bias from one more check: the order's next token passes -> Z is the mass not yet refused, else -> p(token).

A dead end, where all tokens are refused, is backed out of (`backtrack`, see `decode.py`): the text then has another law
than l, and its weight is improper. Counted as dead, as it would be without, it leaves the other weights proper.

Truncation and greedy choice come after the mask and make the weights improper. Only tokens are taken after which the
text can still be closed within `max_tokens` (see `budget.py`); the language is then that of the texts so reachable.

Source: Lipkin et al. 2025 (arXiv 2504.05410) for rejection, with the estimator in its recursive form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .budget import closing, fits, support
from .constraint import Constraint
from .dead_end import dead_end
from .decode import Sample
from .drafter import Drafter
from .job import Job, JobSampler
from .ledger import Step, Weights
from .lookahead import Lookahead
from .mirostat import Mirostat
from .model import Model, log_softmax, logsumexp
from .truncation import Truncation

_HEADS = 8  # heads that are cut off anew
_TRIED = 512  # tokens tried one by one near the end of the budget, before those that surely fit are taken instead
_INVERTED = 8  # draws of a step that are made by inversion; sorting Gumbel keys pays after that


@dataclass(frozen=True)
class Masking(JobSampler):
    """Sample token by token under the mask.

    Parameters
    ----------
    temperature : divides the log-probabilities before the mask; part of the base law. 0 is `greedy`.
    top_k, top_p, min_p, typical_p, top_h, mirostat : truncation, after the mask; see `truncation.py`.
    greedy : take the most probable token, the lowest id among equals.
    backtrack : how many tokens of a sequence may be taken back in all, to get out of dead ends; 0 for none. Only where
        guards remain: nothing is ever taken back of an exact constraint's texts. A stream holds back as many tokens.
    seed : makes runs repeatable: sequence i of a batch draws from a stream of (seed, i). `None`: fresh each time.
    draft : guesses the next tokens, so that the model reads several in one pass: a drafter, or several, the first that
        has an idea goes on. Texts, law and weights are those without, see `lookahead.py`; `ledger.passes` counts.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    top_h: float | None = None
    mirostat: Mirostat | None = None
    greedy: bool = False
    backtrack: int = 64
    seed: int | None = None
    draft: Drafter | Sequence[Drafter] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < np.inf:
            raise ValueError(f"Expected temperature to be finite and at least 0, got {self.temperature}.")
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"Expected seed to be at least 0, got {self.seed}.")
        if self.backtrack < 0:
            raise ValueError(f"Expected backtrack to be at least 0, got {self.backtrack}.")
        _ = self.truncation  # checks its options

    @property
    def truncation(self) -> Truncation:
        """The truncation rules; greedy choice keeps one token."""
        if self.greedy or self.temperature == 0:
            return Truncation(top_k=1)
        return Truncation(self.top_k, self.top_p, self.min_p, self.typical_p, self.top_h, self.mirostat)

    def weights(self, auto: Constraint) -> Weights:
        """What the weights of this sampler are worth."""
        return "improper" if self.truncation else "exact" if auto.exact else "estimated"

    def _run(self, model: Model, jobs: Sequence[Job]) -> Iterator[list[Sample]]:
        samples = [job.begin(self.weights(job.auto), backtrack=0 if job.auto.exact else self.backtrack) for job in jobs]
        ahead = Lookahead(model, self.draft if isinstance(self.draft, Sequence) else [self.draft])
        while live := [s for s in samples if not s.done]:
            for sample, rows in ahead.along(live):
                for row in rows:
                    self._grow(sample, row)
            yield samples

    def _grow(self, sample: Sample, logp: NDArray[np.float64]) -> None:
        """Take one token, or go back, or say why there is none."""
        auto = sample.auto
        ids, asks_fit = support(auto, sample.state, sample.remaining)
        if not len(ids) and auto.accepts(sample.state):  # the vocabulary has no token that ends a sequence
            sample.finish_reason = "stop"
            return
        ids = sample.untried(ids)
        base = logp if self.temperature in (0, 1) else log_softmax(logp / self.temperature)
        drawn = self._draw(sample, ids, base[ids], asks_fit)
        if drawn is None and asks_fit:
            sample.ledger.weights = "estimated" if sample.ledger.weights == "exact" else sample.ledger.weights
            ids = sample.untried(closing(auto, sample.state, sample.remaining))
            drawn = self._draw(sample, ids, base[ids], asks_fit=False)
        if drawn is not None:
            step, state = drawn
            if self.mirostat is not None:
                self._follow(sample, base[ids], int(np.searchsorted(ids, step.token)))
            sample.take(step._replace(logp=float(logp[step.token])), state)
        elif sample.remaining <= 0:
            sample.finish_reason = "length"
        elif not sample.go_back():
            sample.dead = dead_end(sample, ids, base[ids])

    def _draw(
        self, sample: Sample, ids: NDArray[np.intp], mass: NDArray[np.float64], asks_fit: bool
    ) -> tuple[Step, int] | None:
        """One token of `ids`, whose base law is `mass`, nats, and the state behind it; `None`: all are refused."""
        auto = sample.auto
        tried = 0

        def state_behind(i: int) -> int:
            nonlocal tried
            tried += 1
            state = auto.advance(sample.state, int(ids[i]))
            return state if state and (not asks_fit or fits(auto, state, sample.remaining - 1)) else 0

        refused: list[int] = []
        order = self._offers(mass, sample)
        for i in order:
            if state := state_behind(i):
                break
            refused.append(i)
            if asks_fit and tried >= _TRIED:
                return None
        else:
            sample.ledger.lost_checks += 0 if auto.exact else tried
            return None
        left = np.delete(mass, refused) if refused else mass
        logz = min(logsumexp(left), 0.0)
        is_sure = bool(self.truncation) or (auto.exact and not asks_fit)
        if not is_sure and (j := next(order, None)) is not None and not state_behind(j):
            logz = float(mass[i])
            refused.append(j)
        if refused and sample.ledger.weights == "exact":
            sample.ledger.weights = "estimated"
        n = len(left)
        checks = 0 if auto.exact else tried
        return Step(int(ids[i]), 0.0, logz, n, auto.vocabulary.size - n, n == 1, checks), state

    def _follow(self, sample: Sample, mass: NDArray[np.float64], i: int) -> None:
        """Tell mirostat the token that was drawn."""
        assert self.mirostat is not None
        kept = len(self._head(mass, sample.mu))
        sample.mu = self.mirostat.update(sample.mu, mass, i, kept)

    def _offers(self, mass: NDArray[np.float64], sample: Sample) -> Iterator[int]:
        """Indices into `mass` in the order in which they are offered: drawn by their mass, without replacement.

        Under truncation the head of what is left is offered to its end before the next head is taken; after some heads,
        which only guards bring about, what is left comes in falling order.
        """
        if not self.truncation:
            yield from draws(mass, sample.rng)
            return
        mass = mass.copy()
        for _ in range(_HEADS):
            if mass.max(initial=-np.inf) == -np.inf:
                return
            head = self._head(mass, sample.mu)
            yield from (int(head[i]) for i in draws(mass[head], sample.rng))
            mass[head] = -np.inf
        yield from np.argsort(-mass, kind="stable")[: np.count_nonzero(mass > -np.inf)].tolist()

    def _head(self, mass: NDArray[np.float64], mu: float | None) -> NDArray[np.intp]:
        """Indices of what truncation keeps."""
        if self.truncation.top_k == 1:
            return np.array([mass.argmax()])
        return self.truncation.keep(mass, mu)


def draws(mass: NDArray[np.float64], rng: np.random.Generator) -> Iterator[int]:
    """Indices drawn by their mass without replacement: the first few by inversion, the others by Gumbel keys."""
    top = mass.max(initial=-np.inf)
    if top == -np.inf:
        return
    p = np.exp(mass - top)
    share = np.cumsum(p)
    taken: list[int] = []
    left = whole = float(share[-1])
    while len(taken) < min(_INVERTED, len(mass)) and left > 1e-6 * whole:
        u = rng.random() * left
        for t in sorted(taken):
            u += p[t] if u >= share[t] - p[t] else 0.0
        i = int(np.searchsorted(share, u, side="right"))
        if i < len(mass) and i not in taken:  # else rounding led astray
            yield i
            taken.append(i)
            left -= float(p[i])
    keys = mass + rng.gumbel(size=len(mass))
    keys[taken] = -np.inf
    yield from np.argsort(-keys)[: np.count_nonzero(keys > -np.inf)].tolist()
