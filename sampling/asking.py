"""Asking: samplers made of tasks (`task.py`), which may remember what they learned from one call to the next."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from .decode import Sample
from .job import Job, JobSampler
from .model import Model
from .step import tempered
from .task import RowMemory, Task, answer, gather


class Asking(JobSampler):
    """A sampler made of tasks.

    What it keeps from one call to the next is its own: calls from several threads take turns, and a pickled copy begins
    anew.
    """

    seed: int | None
    temperature: float
    row_bytes: int
    _turn: threading.Lock
    #: Whether texts are shown as they grow, and turns are calls of the model; else a turn is a whole run, at the end of
    #: which all are shown: what such a sampler draws may yet be rejected.
    _grows: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "_turn", threading.Lock())
        if not 0 < self.temperature < np.inf:
            raise ValueError(f"Expected temperature to be finite and above 0, got {self.temperature}.")
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"Expected seed to be at least 0, got {self.seed}.")
        if self.row_bytes < 0:
            raise ValueError(f"Expected row_bytes to be at least 0, got {self.row_bytes}.")

    @abstractmethod
    def _tasks(self, model: Model, jobs: Sequence[Job]) -> Sequence[Task[None]]:
        """Algorithms that together give every job its sample."""

    def _run(self, model: Model, jobs: Sequence[Job]) -> Iterator[list[Sample]]:
        calls = self._calls(model, jobs)
        while self._take_turn(calls):
            yield [job.sample for job in jobs]

    def _calls(self, model: Model, jobs: Sequence[Job]) -> Iterator[object]:
        yield from answer(model, gather(self._tasks(model, jobs)), self._memory(model))

    def _take_turn(self, calls: Iterator[object]) -> bool:
        """Go on to what is shown next; False: nothing was left."""
        with self._turn:
            return sum(1 for _ in islice(calls, 1 if self._grows else None)) > 0

    def __getstate__(self) -> dict[str, Any]:
        return {option.name: getattr(self, option.name) for option in fields(cast(Any, self)) if option.init}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    def _memory(self, model: Model) -> RowMemory:
        """What is remembered of the model's rows; of one model at a time, across calls."""
        kept: tuple[Any, RowMemory] | None = self.__dict__.get("_kept_rows")
        if kept is None or kept[0] is not model:
            kept = (model, RowMemory(self.row_bytes))
            object.__setattr__(self, "_kept_rows", kept)
        return kept[1]

    def _base(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """The base law of a row of the model: at this sampler's temperature."""
        return tempered(row, self.temperature)
