"""Best-first search: the most probable text of the language, proven.

Prefixes are looked at in the order of an upper bound of what can come of them: their own probability, which can only
fall, or that times a bound theta of the mass of their continuations, if an `ASAp` has learned one. The first complete
text whose turn comes is the most probable of all: everything else is bounded by less.

Laws
    1. What is found is the arg-max of p(x) over the language (the smallest tokens among equals).  2. No prefix is
    looked at whose bound is below the probability of that text.  3. No random choice is made.

A successor is made when its turn comes, so a step costs one entry of the queue, not one for every token. The number of
prefixes with a high probability can grow with the length without limit; `max_expansions` says when to give up.

Source: Hart, Nilsson and Raphael 1968; Demeter et al. 2021 (arXiv 2108.05857) for exact search of a model's mode.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplingError
from .asap import ASAp
from .asking import Asking
from .choices import Choices
from .future import Node
from .hypothesis import Hypothesis, falling, found
from .job import Job
from .model import Model, Prefix
from .task import Task


@dataclass(frozen=True, eq=False)
class BestFirst(Asking):
    """The most probable text, by best-first search.

    A sample is a `Found`: `hypotheses` are the n most probable texts, or all if there are fewer.

    Parameters
    ----------
    n : how many of the most probable texts to find.
    bound : an `ASAp` of the same temperature that has drawn from the same prompt: what it learned bounds the search.
    max_expansions : prefixes to look at before giving up.
    batch : prefixes to look at together; more than one may look at some in vain.
    temperature : divides the log-probabilities; part of the base law.

    >>> BestFirst(max_expansions=1000).n
    1
    """

    n: int = 1
    bound: ASAp | None = None
    max_expansions: int = 10_000
    batch: int = 1
    temperature: float = 1.0

    seed = None
    row_bytes = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("n", "max_expansions", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"Expected {name} to be at least 1, got {getattr(self, name)}.")
        if self.bound is not None and self.bound.temperature != self.temperature:
            raise ValueError(f"The bound is for temperature {self.bound.temperature}, the search for another.")

    def _tasks(self, model: Model, jobs: Sequence[Job]) -> Sequence[Task[None]]:
        return [self._task(job, self._root(model, job)) for job in jobs]

    def _root(self, model: Model, job: Job) -> Node | None:
        """What is known of the prompt's continuations."""
        bound = self.bound
        return None if bound is None else bound.future(model, job.auto, job.prompt, job.max_tokens).root

    def _task(self, job: Job, node: Node | None) -> Task[None]:
        """The queue holds the best successor not yet made of every prefix that was looked at."""
        complete: list[Hypothesis] = []
        root = Hypothesis(Prefix(job.prompt), job.auto.start, 0.0)
        waiting, queue = [(root, node)], _Queue()
        expanded = 0
        while waiting:
            expanded += len(waiting)
            rows = yield [h.prefix for h, _ in waiting]
            for (hypothesis, known), row in zip(waiting, rows, strict=True):
                queue.open(hypothesis, hypothesis.choices(job, self._base(row)), row, known)
            waiting = queue.next(self.batch, self.n, complete)
            if waiting and expanded + len(waiting) > self.max_expansions:
                raise SamplingError(
                    f"{expanded} prefixes were looked at and the most probable text is not proven yet. Raise "
                    "max_expansions, give a bound, or take Beam, which proves nothing."
                )
        job.sample = found(job, complete, root, expanded)


class _Stream:
    """The successors of a prefix, by falling bound."""

    def __init__(self, hypothesis: Hypothesis, choices: Choices, row: NDArray[np.float64], node: Node | None) -> None:
        self.hypothesis, self.choices, self.row, self.node = hypothesis, choices, row, node
        mass = choices.mass if node is None else node.twisted(choices)
        self.values = mass + hypothesis.score
        self.order: Iterator[int] = falling(self.values)


class _Queue:
    """Successors that wait for their turn, the one with the greatest bound first, then the smallest tokens."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, tuple[int, ...], int, _Stream | Hypothesis]] = []

    def open(self, h: Hypothesis, choices: Choices, row: NDArray[np.float64], node: Node | None) -> None:
        """Let the successors of a prefix wait."""
        if choices.ends:
            done = Hypothesis(h.prefix, h.state, h.score, h.steps, True)
            heapq.heappush(self._heap, (-h.score, h.tokens, -1, done))
        else:
            self._wait(_Stream(h, choices, row, node))

    def _wait(self, stream: _Stream) -> None:
        if (i := next(stream.order, None)) is not None:
            tokens = (*stream.hypothesis.tokens, int(stream.choices.ids[i]))
            heapq.heappush(self._heap, (-float(stream.values[i]), tokens, i, stream))

    def next(self, batch: int, n: int, complete: list[Hypothesis]) -> list[tuple[Hypothesis, Node | None]]:
        """The prefixes to look at next; complete texts whose turn comes are noted, and none follow the n-th."""
        waiting: list[tuple[Hypothesis, Node | None]] = []
        while self._heap and len(waiting) < batch:
            _, tokens, i, what = entry = heapq.heappop(self._heap)
            grown = what if isinstance(what, Hypothesis) else what.hypothesis.extended(what.choices, i, what.row)
            if grown is not None and grown.ended and waiting:
                heapq.heappush(self._heap, entry)  # it may be that something better comes of what waits
                break
            if isinstance(what, _Stream):
                self._wait(what)
            if grown is not None and grown.ended:
                complete.append(grown)
                if len(complete) == n:
                    return []
            elif grown is not None:
                node = what.node.children.get(tokens[-1]) if isinstance(what, _Stream) and what.node else None
                waiting.append((grown, node))
        return waiting
