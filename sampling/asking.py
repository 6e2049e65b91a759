"""Asking: algorithms that ask a model for rows, written for one sequence and run side by side.

An algorithm is a generator: it yields the prefixes whose laws it needs next, gets their rows, and returns what it
found (`particle.Task`). `answer` runs many, with one call of the model for what all of them ask at a time; `RowMemory`
answers from memory what was asked before, for algorithms that come by the same prefixes again.

`Asking` is the sampler that is made of them.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from .budget import fits, support
from .chain import running, streams
from .constraint import Constraint
from .dead_end import dead_end
from .decode import Sample, logp_rows
from .ledger import Ledger, Weights
from .model import Model, Prefix, logsumexp
from .particle import Task
from .step import tempered

T = TypeVar("T")
Rows: TypeAlias = NDArray[np.float64]


class RowMemory:
    """The rows of one model that were asked for last, by prefix; bounded in bytes.

    Rows alone are kept, not what the model keeps of their prefixes.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._rows: OrderedDict[tuple[int, ...], NDArray[np.float64]] = OrderedDict()
        self._bytes = 0

    def rows(self, model: Model, prefixes: Sequence[Prefix]) -> Rows:
        """The rows, (n, width) float64; the model is asked once for each prefix that is not known."""
        unknown = {p.tokens: p for p in prefixes if p.tokens not in self._rows}
        fresh: dict[tuple[int, ...], NDArray[np.float64]] = {}
        if unknown:
            fresh = dict(zip(unknown, logp_rows(model, list(unknown.values())), strict=True))
        found = np.stack([fresh[p.tokens] if p.tokens in fresh else self._recall(p.tokens) for p in prefixes])
        for tokens, row in fresh.items():
            self._keep(tokens, row)
        return found

    def _recall(self, tokens: tuple[int, ...]) -> NDArray[np.float64]:
        self._rows.move_to_end(tokens)
        return self._rows[tokens]

    def _keep(self, tokens: tuple[int, ...], row: NDArray[np.float64]) -> None:
        if row.nbytes > self.max_bytes:
            return
        self._rows[tokens] = row.copy()
        self._bytes += row.nbytes
        while self._bytes > self.max_bytes:
            _, old = self._rows.popitem(last=False)
            self._bytes -= old.nbytes


def gather(tasks: Sequence[Task[T]]) -> Task[list[T]]:
    """Several algorithms as one: it asks what all of them ask, and returns what each of them found."""
    found: dict[int, T] = {}
    asked: dict[int, list[Prefix]] = {}

    def proceed(i: int, rows: Rows | None) -> None:
        try:
            asked[i] = next(tasks[i]) if rows is None else tasks[i].send(rows)
        except StopIteration as stop:
            asked.pop(i, None)
            found[i] = stop.value

    for i in range(len(tasks)):
        proceed(i, None)
    while asked:
        rows = yield [p for prefixes in asked.values() for p in prefixes]
        at = 0
        for i, prefixes in list(asked.items()):
            proceed(i, rows[at : at + len(prefixes)])
            at += len(prefixes)
    return [found[i] for i in range(len(tasks))]


def answer(model: Model, tasks: Sequence[Task[T]], memory: RowMemory) -> list[T]:
    """Run algorithms together and return what they found."""
    together = gather(tasks)
    try:
        asked = next(together)
        while True:
            asked = together.send(memory.rows(model, asked))
    except StopIteration as stop:
        found: list[T] = stop.value
        return found


@dataclass(frozen=True, slots=True)
class Job:
    """A prompt to be continued."""

    #: Its place among the prompts.
    i: int
    auto: Constraint
    prompt: tuple[int, ...]
    max_tokens: int
    rng: np.random.Generator

    def begin(self, weights: Weights, prefix: Prefix | None = None) -> Sample:
        """A sequence without tokens yet; `prefix` is the prompt with what the model keeps of it."""
        prefix = Prefix(self.prompt) if prefix is None else prefix
        return Sample(self.auto, prefix, self.auto.start, self.max_tokens, self.rng, Ledger(weights), [])


class Asking(ABC):
    """A sampler that finishes all sequences before it shows any: what it draws may yet be rejected.

    What it keeps from one call to the next is its own: calls from several threads take turns, and a pickled copy begins
    anew.
    """

    seed: int | None
    temperature: float
    row_bytes: int
    _turn: threading.Lock

    def __post_init__(self) -> None:
        object.__setattr__(self, "_turn", threading.Lock())
        if not 0 < self.temperature < np.inf:
            raise ValueError(f"Expected temperature to be finite and above 0, got {self.temperature}.")
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"Expected seed to be at least 0, got {self.seed}.")
        if self.row_bytes < 0:
            raise ValueError(f"Expected row_bytes to be at least 0, got {self.row_bytes}.")

    @abstractmethod
    def _tasks(self, model: Model, jobs: Sequence[Job]) -> Sequence[Task[dict[int, Sample]]]:
        """Algorithms that together give one sample per job, by its place."""

    def steps(
        self,
        model: Model,
        auto: Constraint | Sequence[Constraint],
        prompts: Sequence[Sequence[int]],
        max_tokens: int | Sequence[int],
        *,
        seed: int | None = None,
    ) -> Iterator[list[Sample]]:
        """The finished samples, once; arguments as in `Sampler.steps`.

        Raises
        ------
        SamplingError : no text fits into `max_tokens`, or the sampler's own budget is spent.
        BackendMismatch : the model's rows do not fit the vocabulary.
        """
        with running(auto, prompts, max_tokens) as tasks:
            rngs = streams(self.seed if seed is None else seed)
            jobs = [Job(i, t.auto, tuple(t.prompt), t.max_tokens, next(rngs)) for i, t in enumerate(tasks)]
            with self._turn:
                parts = answer(model, self._tasks(model, jobs), self._memory(model))
            found = {i: sample for part in parts for i, sample in part.items()}
            yield [found[job.i] for job in jobs]

    def sample(
        self,
        model: Model,
        auto: Constraint | Sequence[Constraint],
        prompts: Sequence[Sequence[int]],
        max_tokens: int | Sequence[int],
        *,
        seed: int | None = None,
    ) -> list[Sample]:
        """One finished sample per prompt; arguments and errors as in `steps`."""
        return next(iter(self.steps(model, auto, prompts, max_tokens, seed=seed)))

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


@dataclass(frozen=True, slots=True)
class Choices:
    """The tokens that may follow a text, as far as the mask tells, and their base law.

    Where all of them are refused the text is at a dead end; the ways out that `masking` knows would not be those of one
    fixed language.
    """

    auto: Constraint
    state: int
    #: How many more tokens the text may have.
    remaining: int
    #: (n,) ascending.
    ids: NDArray[np.intp]
    #: (n,) nats.
    mass: NDArray[np.float64]
    #: Whether each token is to be asked if the text can be closed behind it.
    asks_fit: bool

    @classmethod
    def of(cls, sample: Sample, base: NDArray[np.float64]) -> Choices:
        """What may follow a sample."""
        return cls.at(sample.auto, sample.state, sample.remaining, base)

    @classmethod
    def at(cls, auto: Constraint, state: int, remaining: int, base: NDArray[np.float64]) -> Choices:
        """What may follow in a state."""
        ids, asks_fit = support(auto, state, remaining)
        return cls(auto, state, remaining, ids, base[ids], asks_fit)

    @property
    def sure(self) -> bool:
        """Whether every one of them may follow, so that none needs to be tried."""
        return self.auto.exact and not self.asks_fit

    @property
    def ends(self) -> bool:
        """Whether the text ends here without a token: it is complete, and the vocabulary has none that ends it."""
        return not len(self.ids) and self.auto.accepts(self.state)

    def behind(self, i: int) -> int:
        """The state behind the i-th token, guards and budget asked; 0 is dead."""
        state = self.auto.advance(self.state, int(self.ids[i]))
        return state if state and (not self.asks_fit or fits(self.auto, state, self.remaining - 1)) else 0

    def has(self, token: int) -> bool:
        """Whether the mask allows the token."""
        i = int(np.searchsorted(self.ids, token))
        return i < len(self.ids) and int(self.ids[i]) == token

    def where(self, tokens: Sequence[int]) -> NDArray[np.intp]:
        """The indices of tokens that are all among `ids`."""
        return np.searchsorted(self.ids, np.asarray(tokens, np.intp))

    @property
    def logz(self) -> float:
        """Log of the share of the base law that the mask allows."""
        return min(logsumexp(self.mass), 0.0)

    @property
    def entropy(self) -> float:
        """Entropy of the masked law, nats."""
        logl = self.mass - logsumexp(self.mass)
        return float(-(np.exp(logl) * np.where(logl > -np.inf, logl, 0.0)).sum())


def stuck(sample: Sample, choices: Choices) -> None:
    """Note that no token follows: out of tokens, or in a dead end."""
    if sample.remaining <= 0:
        sample.finish_reason = "length"
    else:
        sample.dead = dead_end(sample, choices.ids, choices.mass)
