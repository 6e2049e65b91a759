"""Continuous batching: one model, shared by sequences that come and go.

Every generation runs in a thread of its own, with any sampler, and sees a `Session`, which is a model. What the
sessions ask for at about the same time goes to the real model as one batch; nobody waits for a slower one for longer
than `max_wait`. So throughput grows with the number of sequences, and a new one joins at the next step.

Law: a session's rows are those that the model alone would give (`sampling.laws.check_model`, law 2).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import BackendError
from ...sampling.lookahead import rows_along

if TYPE_CHECKING:
    from ...automata.vocabulary import Vocabulary
    from ...sampling.model import Prefix
    from ..prompt import Message, TextModel

Rows = NDArray[np.floating[Any]]


class Cancelled(BackendError):
    """Nobody waits for the answer any more."""


class TimedOut(BackendError):
    """The answer took longer than the server lets it."""


class _Call(NamedTuple):
    paths: Sequence[Prefix]
    #: How many rows of earlier tokens each path asks for besides its last one.
    ns: Sequence[int]
    rows: Future[Rows]


class Batcher:
    """Runs the model in a thread of its own; `close` ends it.

    Parameters
    ----------
    on_step : told the sequences and the seconds of each step.
    max_rows : sequences in one batch at most; a call with more of them goes alone.
    max_wait : seconds that a batch waits for sequences that are not ready.
    """

    def __init__(
        self,
        model: TextModel,
        on_step: Callable[[int, float], None] = lambda rows, seconds: None,
        *,
        max_rows: int = 64,
        max_wait: float = 0.002,
    ) -> None:
        self.model = model
        self.open = 0
        self._on_step = on_step
        self._max_rows = max_rows
        self._max_wait = max_wait
        self._calls: list[_Call] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="syntagma-batcher", daemon=True)
        self._thread.start()

    def ask(self, paths: Sequence[Prefix], ns: Sequence[int]) -> Rows:
        """The rows behind the last n + 1 tokens of every path, (sum(n + 1), width); waits for a batch."""
        call = _Call(paths, ns, Future())
        with self._changed:
            if self._closed:
                raise Cancelled("The server is closing.")
            self._calls.append(call)
            self._changed.notify_all()
        return call.rows.result()

    def count(self, change: int) -> None:
        """Sessions open, or fewer again."""
        with self._changed:
            self.open += change
            self._changed.notify_all()

    def close(self) -> None:
        """Let those who wait know, and end the thread."""
        with self._changed:
            self._closed = True
            calls, self._calls = self._calls, []
            self._changed.notify_all()
        for call in calls:
            call.rows.set_exception(Cancelled("The server is closing."))
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next_batch():
            began = time.perf_counter()
            self._answer(batch)
            self._on_step(sum(len(call.paths) for call in batch), time.perf_counter() - began)

    def _next_batch(self) -> list[_Call]:
        """The calls of the next batch, once everybody has one or the wait is over; none: closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._closed)
            self._changed.wait_for(lambda: len(self._calls) >= self.open or self._closed, self._max_wait)
            n, rows = 0, 0
            while n < len(self._calls) and (n == 0 or rows + len(self._calls[n].paths) <= self._max_rows):
                rows += len(self._calls[n].paths)
                n += 1
            batch, self._calls = self._calls[:n], self._calls[n:]
            return batch

    def _answer(self, batch: Sequence[_Call]) -> None:
        """Run the model on all; where that fails, on each alone, so that only who is at fault fails."""
        try:
            rows = self._rows([p for call in batch for p in call.paths], [n for call in batch for n in call.ns])
        except Exception as error:  # whatever the model raises goes to who asked
            if len(batch) == 1:
                batch[0].rows.set_exception(error)
            else:
                for call in batch:
                    self._answer([call])
            return
        at = 0
        for call in batch:
            n = len(call.ns) + sum(call.ns)
            call.rows.set_result(rows[at : at + n])
            at += n

    def _rows(self, paths: Sequence[Prefix], ns: Sequence[int]) -> Rows:
        """One call of the model."""
        return np.concatenate(rows_along(self.model, paths, ns)) if any(ns) else self.model.logp_next(paths)


class Session:
    """The model as one generation sees it: batched with others, and at an end when cancelled or too late."""

    def __init__(self, batcher: Batcher, deadline: float) -> None:
        self.vocabulary: Vocabulary = batcher.model.vocabulary
        self.context = batcher.model.context
        #: Token ids of a text alone, where the model says (`sampling.grammar_drafter`).
        self.cut: Callable[[str], list[int]] | None = getattr(batcher.model, "cut", None)
        self.cancelled = False
        self._batcher = batcher
        self._deadline = deadline

    def logp_next(self, prefixes: Sequence[Prefix]) -> Rows:
        """See `Model.logp_next`.

        Raises
        ------
        Cancelled, TimedOut : the generation is to end.
        """
        self.check()
        return self._batcher.ask(prefixes, [0] * len(prefixes))

    def logp_along(self, paths: Sequence[Prefix], ns: Sequence[int]) -> list[Rows]:
        """See `AheadModel.logp_along`; raises as `logp_next` does."""
        self.check()
        return np.split(self._batcher.ask(paths, ns), np.cumsum([n + 1 for n in ns])[:-1])

    def check(self) -> None:
        """Raise if the generation is to end."""
        if self.cancelled:
            raise Cancelled("The client has gone.")
        if time.monotonic() > self._deadline:
            raise TimedOut("The generation took longer than the server allows. Ask for fewer tokens.")

    def encode(self, text: str) -> list[int]:
        """See `TextModel.encode`."""
        return self._batcher.model.encode(text)

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        """See `TextModel.encode_chat`."""
        return self._batcher.model.encode_chat(messages)
