"""Posterior: weighted samples, and what they say together.

A sample (x, w) is properly weighted for an unnormalised target g if E[w 1{x = y}] = g(y) for every text y. Then

    the mean weight estimates Z = sum g without bias (`log_evidence` is its log);
    normalised weights estimate the law g / Z: `by_text`, `expectation`, `argmax`, `resample`.

Draws that came to nothing stay in the list with weight 0 (`log_weight` -inf): leaving them out would bias Z.

Standard error: samples that descend from one ancestor (`families`, after resampling) are dependent. With F_k the sum of
the normalised weights over family k of n, the relative variance of the mean weight is estimated by

    n / (n - 1) (sum_k F_k^2 - 1 / n)

which is the sample variance of independent weights where each is its own family. Near 1 it says only that the families
have merged, and that more particles, or several runs, are needed.

Source: Chan and Lai 2013, section 2; Lee and Whiteley 2018 (arXiv 1509.00394) for a discussion.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplingError
from .constraint import text_of
from .decode import FinishReason, Sample
from .ledger import Weights
from .model import logsumexp

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class WeightedSample:
    """One text with its weight."""

    #: The tokens drawn, the one that ended the text included.
    tokens: tuple[int, ...]
    #: Their text; what is not UTF-8 is replaced.
    text: str
    #: Natural log of the weight; -inf: the draw came to nothing.
    log_weight: float
    #: `None`: a dead end.
    finish_reason: FinishReason | None
    #: Log-probability of the tokens under the model at temperature 1, nats.
    logp: float

    @classmethod
    def of(cls, sample: Sample, log_weight: float | None = None) -> WeightedSample:
        """A sequence with its own weight, or another one; only a text that has ended weighs anything."""
        ended = sample.finish_reason == "stop"
        tokens = sample.tokens[:-1] if ended and _ends(sample) else sample.tokens
        weight = sample.ledger.logw if log_weight is None else log_weight
        text = text_of(sample.auto.vocabulary, tokens)
        return cls(tuple(sample.tokens), text, weight if ended else -np.inf, sample.finish_reason, sample.ledger.logp)


@dataclass(frozen=True, eq=False, repr=False)
class Posterior(Sequence[WeightedSample]):
    """Weighted samples of one target.

    Parameters
    ----------
    samples : at least one; those of weight 0 included.
    kind : what the weights are worth, see `ledger.Weights`.
    families : the ancestor that each sample descends from; each its own by default.

    >>> p = Posterior([WeightedSample((), t, w, "stop", 0.0) for t, w in [("a", 0.0), ("b", 0.0), ("a", 0.0)]])
    >>> p.by_text()
    {'a': 0.6666666666666666, 'b': 0.3333333333333333}
    """

    samples: Sequence[WeightedSample]
    kind: Weights = "estimated"
    families: Sequence[int] | None = None

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError("Expected at least one sample.")
        object.__setattr__(self, "samples", tuple(self.samples))

    def __repr__(self) -> str:
        return f"Posterior({len(self)} samples, kind={self.kind!r}, log_evidence={self.log_evidence:.4g})"

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Posterior:
        """Independent sequences, such as `Masking.sample` gives, with their own weights."""
        kinds = {s.ledger.weights for s in samples}
        kind: Weights = "improper" if "improper" in kinds else "exact" if kinds == {"exact"} else "estimated"
        return cls([WeightedSample.of(s) for s in samples], kind)

    @classmethod
    def join(cls, runs: Sequence[Posterior]) -> Posterior:
        """Independent runs as one; each counts by its number of samples."""
        families, n = [], 0
        for run in runs:
            mine = range(len(run)) if run.families is None else run.families
            families += [n + f for f in mine]
            n += len(run)
        kinds = {run.kind for run in runs}
        if len(kinds) > 1 and "improper" in kinds:
            raise SamplingError("Improper weights cannot be joined with proper ones.")
        kind = kinds.pop() if len(kinds) == 1 else "estimated"
        return cls([s for run in runs for s in run], kind, families)

    def reread(self, text_of: Callable[[Sequence[int]], str], end_ids: Sequence[int]) -> Posterior:
        """The same samples with texts read anew from their tokens, less the one that ended each."""

        def read(s: WeightedSample) -> WeightedSample:
            ends = s.finish_reason == "stop" and s.tokens[-1:] and s.tokens[-1] in end_ids
            return replace(s, text=text_of(s.tokens[:-1] if ends else s.tokens))

        return replace(self, samples=[read(s) for s in self.samples])

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, i: Any) -> Any:
        return self.samples[i]

    def __iter__(self) -> Iterator[WeightedSample]:
        return iter(self.samples)

    @cached_property
    def log_weights(self) -> NDArray[np.float64]:
        """(n,) float64, nats."""
        return np.array([s.log_weight for s in self.samples], np.float64)

    @property
    def log_evidence(self) -> float:
        """Log of the mean weight: the estimate of log Z, nats; -inf if every weight is 0."""
        return logsumexp(self.log_weights) - float(np.log(len(self)))

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """The normalised weights, (n,) float64.

        Raises
        ------
        SamplingError : every weight is 0, or the weights are improper.
        """
        if self.kind == "improper":
            raise SamplingError("The weights are improper: truncation or greedy choice has no law to return to.")
        if not np.isfinite(total := logsumexp(self.log_weights)):
            raise SamplingError(f"All {len(self)} samples have weight 0. Take more, or loosen the constraint.")
        w: NDArray[np.float64] = np.exp(self.log_weights - total)
        w /= w.sum()
        return w

    @property
    def ess(self) -> float:
        """Effective sample size, 1 to n: how many independent draws of the target weigh as much."""
        return float(1 / (self.weights**2).sum())

    @property
    def log_evidence_se(self) -> float:
        """Standard error of `log_evidence`, nats (relative, of the mean weight); NaN for one sample."""
        n = len(self)
        if n == 1:
            return float("nan")
        family = np.arange(n) if self.families is None else np.unique(self.families, return_inverse=True)[1]
        share = np.bincount(family, self.weights)
        return float(np.sqrt(max(0.0, (n * (share**2).sum() - 1) / (n - 1))))

    def by(self, key: Callable[[WeightedSample], K]) -> dict[K, float]:
        """Probability of each key, the most probable first."""
        law: dict[K, float] = {}
        for sample, w in zip(self.samples, self.weights.tolist(), strict=True):
            if w > 0:
                k = key(sample)
                law[k] = law.get(k, 0.0) + w
        return dict(sorted(law.items(), key=lambda item: -item[1]))

    def by_text(self) -> dict[str, float]:
        """Probability of each text, over all its tokenisations, the most probable first."""
        return self.by(lambda s: s.text)

    def by_value(self, decode: Callable[[str], Any]) -> list[tuple[Any, float]]:
        """Probability of each parsed value, the most probable first; values are told apart by ==.

        Parameters
        ----------
        decode : text -> value, such as `json.loads`; asked once per text.
        """
        law: list[tuple[Any, float]] = []
        for text, p in self.by_text().items():
            value = decode(text)
            i = next((i for i, (other, _) in enumerate(law) if type(other) is type(value) and other == value), None)
            if i is None:
                law.append((value, p))
            else:
                law[i] = (law[i][0], law[i][1] + p)
        return sorted(law, key=lambda item: -item[1])

    def expectation(self, f: Callable[[WeightedSample], float]) -> float:
        """The mean of f under the target; samples of weight 0 are not asked."""
        return float(sum(w * f(s) for s, w in zip(self.samples, self.weights.tolist(), strict=True) if w > 0))

    def argmax(self) -> WeightedSample:
        """A sample of the text that has most of the mass."""
        best = next(iter(self.by_text()))
        return max((s for s in self.samples if s.text == best), key=lambda s: s.log_weight)

    def resample(self, n: int = 1, *, seed: int | np.random.Generator | None = None) -> list[WeightedSample]:
        """n samples drawn by their weights: nearly draws of the target, dependent ones."""
        rng = np.random.default_rng(seed)
        return [self.samples[i] for i in rng.choice(len(self), size=n, p=self.weights)]


def _ends(sample: Sample) -> bool:
    """Whether the last token is the one that ended the text."""
    return bool(sample.tokens) and sample.tokens[-1] in sample.auto.end_ids
