"""Batch: a file of prompts in, a file of answers out, a JSON object a line.

An input row has a `prompt` (text) or `messages`, and may have an `id` and a `schema` of its own. An output row has the
input's number as `row` and its `id`, and either `text`, `value`, `finish_reason`, `tokens`, `logprob` and `logw`, or an
`error` with its type and message.

Rows run at the same time, batched step by step, and are written in the order of the input, in whole lines. So the file
tells where to go on: an interrupted run repeats nothing and loses nothing. A last line that was cut short goes.

Law: with a seed, each answer is a function of its row and the row's number (up to the model's rounding), so however
often it was interrupted, the finished file is that of one run.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import SyntagmaError
from .constraint import ConstraintOptions, UsageError
from .outcome import FINDINGS, OK, Outcome

if TYPE_CHECKING:
    from ..generation import Generation
    from ..generator import Generator
    from ..prompt import Prompt, TextModel
    from ..server.batcher import Batcher
    from .sampler import SamplerOptions


@dataclass(frozen=True)
class BatchOptions:
    """What the command line says about the files and the run."""

    source: Path
    target: Path
    model: str = "embedded"
    max_tokens: int | None = None
    #: Rows that run at the same time.
    concurrency: int = 16
    hide_schema: bool = False


def batch(constraint: ConstraintOptions | None, options: BatchOptions, sampling: SamplerOptions) -> Outcome:
    """Answer all rows that have no answer yet; exit status 1 if a row has an error.

    Raises
    ------
    UsageError : the output is not one of this input's.
    OSError : a file cannot be read or written.
    """
    from ..load import load

    lines = options.source.read_bytes().splitlines()
    begin = _resume(options.target, len(lines))
    if constraint is not None:
        constraint.constraint()  # a mistake in it shows before the model is loaded
    if begin < len(lines):
        with (
            _running(load(options.model), constraint, options, sampling) as rows,
            options.target.open("ab") as out,
            _progress(len(lines), begin) as advance,
        ):
            for answer in rows.answers(lines, begin):
                out.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
                out.flush()
                advance()
    failed = sum("error" in json.loads(line) for line in options.target.read_bytes().splitlines())
    data = {"rows": len(lines), "resumed_at": begin, "failed": failed, "output": str(options.target)}
    words = f"{len(lines)} rows in {options.target}" + (f", {failed} of them failed" if failed else "") + ".\n"
    return Outcome(data, [("yellow" if failed else "green", words)], FINDINGS if failed else OK)


def _resume(target: Path, n_rows: int) -> int:
    """How many rows the output has already; a line that was cut short is taken away."""
    if not target.exists():
        target.touch()
        return 0
    data = target.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    lines = whole.splitlines()
    try:
        numbers = [json.loads(line)["row"] for line in lines]
    except (ValueError, TypeError, KeyError):
        numbers = [-1]
    if numbers != list(range(len(lines))) or len(lines) > n_rows:
        raise UsageError(f"{target} is not the output of an earlier run over these rows. Name another file.")
    if len(whole) < len(data):
        with target.open("r+b") as file:
            file.truncate(len(whole))
    return len(lines)


@contextmanager
def _running(
    model: TextModel, constraint: ConstraintOptions | None, options: BatchOptions, sampling: SamplerOptions
) -> Iterator[_Rows]:
    from ..server.batcher import Batcher

    batcher = Batcher(model)
    pool = ThreadPoolExecutor(options.concurrency)
    try:
        yield _Rows(batcher, pool, constraint, options, sampling)
    finally:
        batcher.close()
        pool.shutdown(cancel_futures=True)


class _Rows:
    """Rows to answers."""

    def __init__(
        self,
        batcher: Batcher,
        pool: ThreadPoolExecutor,
        constraint: ConstraintOptions | None,
        options: BatchOptions,
        sampling: SamplerOptions,
    ) -> None:
        self._batcher = batcher
        self._pool = pool
        self._constraint = constraint
        self._options = options
        self._sampling = sampling
        self._output = lru_cache(maxsize=256)(self._make_output)

    def answers(self, lines: Sequence[bytes], begin: int) -> Iterator[dict[str, Any]]:
        """The answers to the rows from `begin` on, in order; a few more than run at the same time are under way."""
        waiting: deque[Future[dict[str, Any]]] = deque()
        for number in range(begin, len(lines)):
            waiting.append(self._pool.submit(self._answer, number, lines[number]))
            if len(waiting) > 4 * self._options.concurrency:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _answer(self, number: int, line: bytes) -> dict[str, Any]:
        """The output row; what is wrong with the row stands in it."""
        head: dict[str, Any] = {"row": number}
        self._batcher.count(1)
        try:
            row = _read(line)
            head |= {"id": row["id"]} if "id" in row else {}
            seed = None if self._sampling.seed is None else self._sampling.seed + number
            generator = self._generator(row.get("schema"))
            return head | _answered(generator(_prompt(row), seed=seed), generator.output.is_json)
        except (SyntagmaError, ValueError) as error:
            return head | {"error": {"type": type(error).__name__, "message": str(error)}}
        finally:
            self._batcher.count(-1)

    def _generator(self, schema: Any) -> Generator:
        from ..generator import Generator
        from ..server.batcher import Session

        return Generator(
            Session(self._batcher, math.inf),
            self._output(None if schema is None else json.dumps(schema)),
            self._sampling.sampler(),
            max_tokens=self._options.max_tokens,
            show_schema=False if self._options.hide_schema else None,
        )

    def _make_output(self, schema: str | None) -> Any:
        """The constraint, the same object for the same schema, so that it is compiled once."""
        if schema is not None:
            profile = "generation" if self._constraint is None else self._constraint.profile
            return ConstraintOptions(schema=schema, profile=profile).constraint()
        if self._constraint is None:
            raise UsageError("The row has no schema, and none was given for all.")
        return self._constraint.constraint()


def _read(line: bytes) -> dict[str, Any]:
    """A row.

    Raises
    ------
    UsageError : the line is no JSON object.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"Expected a JSON object: {error}.") from error
    if not isinstance(row, dict):
        raise UsageError("Expected a JSON object.")
    return row


def _prompt(row: dict[str, Any]) -> Prompt:
    """A row's prompt: messages as they are, a text as a user's message."""
    prompt, messages = row.get("prompt"), row.get("messages")
    if isinstance(prompt, str) and messages is None:
        return [{"role": "user", "content": prompt}]
    if isinstance(messages, list) and messages and prompt is None and all(isinstance(m, dict) for m in messages):
        return messages
    raise UsageError("Expected a row with a `prompt` (text) or `messages`.")


def _answered(result: Generation, is_json: bool) -> dict[str, Any]:
    value = {"value": json.loads(result.text)} if is_json and result.finish_reason == "stop" else {}
    counts = {"tokens": len(result.tokens), "logprob": result.logprob, "logw": result.logw}
    return {"text": result.text, "finish_reason": result.finish_reason} | value | counts


@contextmanager
def _progress(total: int, begin: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("rows", total=total, completed=begin)
        yield lambda: bar.advance(task)
