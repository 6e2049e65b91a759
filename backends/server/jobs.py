"""Jobs: generations that run in threads, as event loops see them.

At most `max_running` run and `max_waiting` wait; one more is refused (`Busy`). A job gives its events to the loop that
began it; a job that is closed early ends at its next step.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from ...errors import BackendError
from ..generation import Event
from ..prompt import TextModel
from .batcher import Batcher, Cancelled, Session
from .metrics import Metrics

Work: TypeAlias = Callable[[Session], Iterator[Event]]


class Busy(BackendError):
    """The queue is full; try again later."""


class Closing(BackendError):
    """The server is closing."""


class Jobs:
    """Runs generations.

    Parameters
    ----------
    seconds : how long a job may take, waiting included.
    """

    def __init__(
        self, model: TextModel, metrics: Metrics, *, max_running: int = 32, max_waiting: int = 128, seconds: float = 120
    ) -> None:
        self._batcher = Batcher(model, metrics.step)
        self._metrics = metrics
        self._seconds = seconds
        self._room = max_running + max_waiting
        self._pool = ThreadPoolExecutor(max_running, thread_name_prefix="syntagma-job")
        self._lock = threading.Lock()
        self._n = 0
        self._closed = False

    def begin(self, work: Work) -> Job:
        """Begin a job, or queue it.

        Raises
        ------
        Busy : too many wait already.
        Closing : the server closes.
        """
        with self._lock:
            if self._closed:
                raise Closing("The server is closing.")
            if self._n >= self._room:
                raise Busy(f"The queue is full: {self._n} generations run or wait. Try again later.")
            self._n += 1
        self._metrics.waiting.inc()
        job = Job(Session(self._batcher, time.monotonic() + self._seconds), asyncio.get_running_loop())
        self._pool.submit(self._run, job, work)
        return job

    def close(self) -> None:
        """End what runs and what waits."""
        with self._lock:
            self._closed = True
        self._batcher.close()
        self._pool.shutdown(cancel_futures=True)

    def _run(self, job: Job, work: Work) -> None:
        self._metrics.waiting.dec()
        self._metrics.running.inc()
        self._batcher.count(1)
        end = None
        try:
            job.session.check()
            for event in work(job.session):
                job.put(event)
                job.session.check()
        except Exception as error:  # who asked is told, whatever it is
            end = error
        finally:
            self._batcher.count(-1)
            self._metrics.running.dec()
            with self._lock:
                self._n -= 1
        if not isinstance(end, Cancelled):
            job.put(end)  # last: who has the whole answer finds the place free


class Job:
    """One generation; iterate over its events, and close it in any case."""

    def __init__(self, session: Session, loop: asyncio.AbstractEventLoop) -> None:
        self.session = session
        self._loop = loop
        self._events: asyncio.Queue[Event | Exception | None] = asyncio.Queue()

    def put(self, event: Event | Exception | None) -> None:
        """Hand an event to the loop, from the job's thread; `None` is the end."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def events(self) -> AsyncIterator[Event]:
        """The events; raises what the generation raised."""
        while (event := await self._events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    def close(self) -> None:
        """Nobody waits any more."""
        self.session.cancelled = True
