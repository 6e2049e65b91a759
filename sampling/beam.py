"""Beam search: the most probable text, as far as a beam of prefixes sees it.

All prefixes in the beam grow by a token at a time; of all that may follow, the `width` best go on. Complete texts take
no place in the beam; the best `width` of them are kept, and the search is over when nothing in the beam is better.
Scores are global (see `hypothesis.py`): masked, renormalised ones would hide what the constraint cost, and prefer texts
that the model finds unlikely behind a mask that leaves no choice.

Groups: the beam is split, and groups choose one after another in every step. A group sees the score of a token less
`diversity` times how often earlier groups chose that token in this step, except where nothing else may follow. The
penalty steers the choice only; texts are ranked by their own scores.

Laws
    1. If the beam holds every prefix of the language (of each length), the first text is the most probable one.
    2. One group is plain beam search; without `diversity` every group is the plain beam of its own width.
    3. No random choice is made.

Source: Vijayakumar et al. 2016 (arXiv 1610.02424), with Hamming diversity, for the groups.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .asking import Asking
from .choices import Choices
from .constraint import Constraint
from .decode import Sample, unended
from .hypothesis import Found, Hypothesis, falling, found
from .job import Job
from .model import Model, Prefix
from .task import Task

#: A prefix, what may follow it, and the model's row.
_Front = tuple[Hypothesis, Choices, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Beam(Asking):
    """Beam search by global scores.

    A sample is a `Found`: `hypotheses` are the complete texts, the best first, at most `width`.

    Parameters
    ----------
    width : prefixes in the beam.
    groups : parts of equal size that keep apart; they divide the width.
    diversity : log-probability that a token loses for each choice of it by an earlier group, nats.
    temperature : divides the log-probabilities; part of the base law.

    >>> Beam(width=8, groups=2, diversity=0.5).width
    8
    """

    width: int = 4
    groups: int = 1
    diversity: float = 0.5
    temperature: float = 1.0

    seed = None
    row_bytes = 0
    _grows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 1 or self.groups < 1 or self.width % self.groups:
            raise ValueError(f"Expected groups to divide the width, got {self.groups} groups of width {self.width}.")
        if not 0 <= self.diversity < np.inf:
            raise ValueError(f"Expected diversity to be finite and at least 0, got {self.diversity}.")

    def search(self, model: Model, auto: Constraint, prompt: Sequence[int], max_tokens: int) -> list[Sample]:
        """The complete texts found for a prompt, the best first.

        Raises
        ------
        SamplingError : no text fits into `max_tokens`.
        DeadEnd : guards refused every token that could follow.
        """
        (sample,) = self.sample(model, auto, [prompt], max_tokens)
        assert isinstance(sample, Found)
        if sample.dead is not None:
            raise sample.dead
        return sample.hypotheses

    def _tasks(self, model: Model, jobs: Sequence[Job]) -> Sequence[Task[None]]:
        return [self._task(job) for job in jobs]

    def _task(self, job: Job) -> Task[None]:
        """Grow all groups until none can find anything better."""
        root = Hypothesis(Prefix(job.prompt), job.auto.start, 0.0)
        groups = [_Group(self.width // self.groups, [root]) for _ in range(self.groups)]
        expanded, last = 0, root
        while live := [h for group in groups for h in group.live]:
            rows = yield [h.prefix for h in live]
            expanded, last = expanded + len(live), live[0]
            fronts = {id(h): (h, h.choices(job, self._base(row)), row) for h, row in zip(live, rows, strict=True)}
            chosen: Counter[int] = Counter()
            for group in groups:
                group.grow([fronts[id(h)] for h in group.live], chosen, self.diversity)
            job.sample.ways = [unended(h.tokens, job.auto) if h.ended else h.tokens for h in _in_question(groups)]
        complete = {h.tokens: h for group in groups for h in group.done}
        best = sorted(complete.values(), key=lambda h: (-h.score, h.tokens))[: self.width]
        job.sample = found(job, best, last, expanded)


def _in_question(groups: Sequence[_Group]) -> list[Hypothesis]:
    """The best complete text, and what may yet become a better one."""
    bar = max((h.score for group in groups for h in group.done), default=-np.inf)
    return [h for group in groups for h in (*group.done, *group.live) if h.score >= bar]


class _Group:
    """A part of the beam."""

    def __init__(self, width: int, live: list[Hypothesis]) -> None:
        self.width = width
        self.live = live
        #: Complete texts, at most `width`, the best first.
        self.done: list[Hypothesis] = []

    def grow(self, fronts: Sequence[_Front], chosen: Counter[int], diversity: float) -> None:
        """Take the best successors of all fronts, and note their tokens in `chosen`."""
        live: list[Hypothesis] = []
        for hypothesis in _successors(fronts, chosen, diversity):
            (self.done if hypothesis.ended else live).append(hypothesis)
            if len(live) == self.width:
                break
        chosen.update(h.tokens[-1] for h in live)
        self.done = sorted(self.done, key=lambda h: (-h.score, h.tokens))[: self.width]
        bar = self.done[-1].score if len(self.done) == self.width else -np.inf
        self.live = [h for h in live if h.score > bar]


def _successors(fronts: Sequence[_Front], chosen: Counter[int], diversity: float) -> Iterator[Hypothesis]:
    """The complete texts behind the fronts, then all others by falling score less penalty.

    Guards are asked as far as is read.
    """
    ended: set[tuple[int, int]] = set()
    for k, (hypothesis, choices, row) in enumerate(fronts):
        if choices.ends:
            yield Hypothesis(hypothesis.prefix, hypothesis.state, hypothesis.score, hypothesis.steps, True)
        for i in choices.where([t for t in choices.auto.end_ids if choices.has(t)]).tolist():
            grown = hypothesis.extended(choices, i, row)
            if grown is not None and grown.ended:
                ended.add((k, i))
                yield grown
    for _, k, i in heapq.merge(*(_ranked(k, front, chosen, diversity) for k, front in enumerate(fronts))):
        hypothesis, choices, row = fronts[k]
        if (k, i) not in ended and (grown := hypothesis.extended(choices, i, row)) is not None:
            yield grown


def _ranked(k: int, front: _Front, chosen: Counter[int], diversity: float) -> Iterator[tuple[float, int, int]]:
    """What may follow the k-th front: the negative value, k, and the choice."""
    hypothesis, choices, _ = front
    values = choices.mass + hypothesis.score
    if chosen and diversity and len(choices.ids) > 1:
        taken = [t for t in chosen if choices.has(t)]
        values[choices.where(taken)] -= diversity * np.array([chosen[t] for t in taken])
    for i in falling(values):
        yield -float(values[i]), k, i
