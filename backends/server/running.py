"""Running plans: pieces of several choices as they come, and an end when the client goes away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import Request

from ..generation import Event
from .answers import Collected
from .batcher import Cancelled, Session
from .jobs import Job, Jobs
from .metrics import Metrics
from .plan import Plan

if TYPE_CHECKING:
    from ...automata.pushdown import Limits


class Piece(NamedTuple):
    """Text that was added to a choice."""

    choice: int
    text: str


@dataclass
class Run:
    """The choices of one request."""

    plans: Sequence[Plan]
    jobs: Jobs
    limits: Limits
    metrics: Metrics
    done: list[Collected] = field(default_factory=list)

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the prompts; the choices of one prompt count it once."""
        counts = {id(one.plan.prompt): one.prompt_tokens for one in self.done}
        return sum(counts.values())

    @property
    def completion_tokens(self) -> int:
        """Tokens generated."""
        return sum(one.n_tokens for one in self.done)

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """The choices' pieces as they come. Closing the iterator ends the jobs; the first error ends all.

        Raises whatever a generation raises, `Busy` and `Closing`.
        """
        self.done = [Collected(plan) for plan in self.plans]
        queue: asyncio.Queue[Piece | BaseException | None] = asyncio.Queue()
        began = time.perf_counter()
        jobs: list[Job] = []
        tasks: list[asyncio.Task[None]] = []
        try:
            jobs.extend(self.jobs.begin(self._work(one)) for one in self.done)
            tasks += [asyncio.create_task(self._drain(i, job, queue)) for i, job in enumerate(jobs)]
            left, is_first = len(tasks), True
            while left:
                item = await queue.get()
                if isinstance(item, BaseException):
                    raise item
                if item is None:
                    left -= 1
                    continue
                if is_first:
                    self.metrics.first.observe(time.perf_counter() - began)
                    is_first = False
                yield item
            self._count()
        finally:
            for job in jobs:
                job.close()
            for task in tasks:
                task.cancel()

    def _work(self, one: Collected) -> _Work:
        return _Work(one, self.limits)

    async def _drain(self, index: int, job: Job, queue: asyncio.Queue[Piece | BaseException | None]) -> None:
        one = self.done[index]
        try:
            async for event in job.events():
                if text := one.add(event.text, event.generation):
                    queue.put_nowait(Piece(index, text))
                if one.stopped:
                    job.close()
                    break
            queue.put_nowait(None)
        except Exception as error:  # goes to who reads the pieces
            queue.put_nowait(error)

    def _count(self) -> None:
        self.metrics.tokens.labels("prompt").inc(self.prompt_tokens)
        self.metrics.tokens.labels("generated").inc(self.completion_tokens)
        for one in self.done:
            self.metrics.finished.labels(one.reason).inc()
            if one.generation is not None:
                self.metrics.masked.inc(one.generation.receipt.tokens_masked)
                self.metrics.checks.inc(one.generation.receipt.checks)


@dataclass
class _Work:
    """A job: the prompt counted, then the events."""

    one: Collected
    limits: Limits

    def __call__(self, session: Session) -> Iterator[Event]:
        self.one.prompt_tokens = self.one.plan.count_prompt(session)
        yield from self.one.plan.run(session, self.limits)


@asynccontextmanager
async def while_connected(request: Request) -> AsyncIterator[None]:
    """Cancel what runs inside when the client goes away.

    Raises
    ------
    Cancelled : it has.
    """
    task = asyncio.current_task()
    gone = False

    async def watch() -> None:
        nonlocal gone
        while not await request.is_disconnected():
            await asyncio.sleep(0.1)
        gone = True
        if task is not None:
            task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if gone:
            raise Cancelled("The client has gone.") from None
        raise
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
