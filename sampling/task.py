"""Task: an algorithm that asks a model for rows, written for one text and run beside others.

It is a generator: it yields the prefixes whose laws it needs next, gets their rows, and returns what it found. `gather`
makes one of many, and `answer` runs it: one call of the model for what all of them ask at a time, equal prefixes asked
once. `RowMemory` answers from memory what was asked before, for algorithms that come by the same prefixes again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from .decode import logp_rows
from .model import Model, Prefix

T = TypeVar("T")
#: (n, width) float64 log-probabilities, nats.
Rows: TypeAlias = NDArray[np.float64]
#: Yields prefixes, gets their rows, and returns a T.
Task: TypeAlias = Generator[list[Prefix], Rows, T]


class RowMemory:
    """The rows of one model that were asked for last, by prefix; bounded in bytes, 0 for none.

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
        for p in prefixes:
            if p.tokens in fresh:
                p.cache = unknown[p.tokens].cache
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


def answer(model: Model, task: Task[T], memory: RowMemory | None = None) -> Iterator[T | None]:
    """Run an algorithm: `None` after every call of the model but the last, and then what it found."""
    memory = RowMemory(0) if memory is None else memory
    try:
        asked = next(task)
        while True:
            asked = task.send(memory.rows(model, asked))
            yield None
    except StopIteration as stop:
        yield stop.value
