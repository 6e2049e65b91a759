"""Batch: a file of prompts in, a file of answers out, a JSON object a line.

What rows and answers have is said in `rows.py`; an answer also has the input's number as `row`.

Rows run at the same time, batched step by step, and are written in the order of the input, in whole lines. So the file
tells where to go on: a run that was interrupted, by whatever, repeats nothing and loses nothing. A last line that was
cut short goes. While a run writes, the file is locked: a second one is refused.

Law: with a seed, each answer is a function of its row and the row's number (up to the model's rounding), so however
often it was interrupted, the finished file is that of one run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from .constraint import ConstraintOptions, UsageError
from .outcome import FINDINGS, OK, Outcome

if TYPE_CHECKING:
    from ..rows import RowAnswerer
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
    UsageError : the output is not one of this input's, or is being written.
    OSError : a file cannot be read or written.
    """
    lines = _lines(options.source.read_bytes())
    with _locked(options.target) as out:
        begin = _resume(out, options.target, lines)
        output = None if constraint is None else constraint.constraint()  # a mistake shows before the model is loaded
        if begin < len(lines):
            with _answerer(output, constraint, options, sampling) as rows, _progress(len(lines), begin) as advance:
                numbered = list(enumerate(lines))[begin:]
                answers = rows.answers(numbered, lambda item: _read(item[1], _seed(sampling.seed, item[0])))
                for (number, _), answer in zip(numbered, answers, strict=True):
                    out.write(_line({"row": number} | answer))
                    out.flush()
                    advance()
    failed = sum("error" in json.loads(line) for line in _lines(options.target.read_bytes()))
    data = {"rows": len(lines), "resumed_at": begin, "failed": failed, "output": str(options.target)}
    words = f"{len(lines)} rows in {options.target}" + (f", {failed} of them failed" if failed else "") + ".\n"
    return Outcome(data, [("yellow" if failed else "green", words)], FINDINGS if failed else OK)


def _answerer(
    output: Any, constraint: ConstraintOptions | None, options: BatchOptions, sampling: SamplerOptions
) -> RowAnswerer:
    from ..load import load
    from ..rows import RowAnswerer

    return RowAnswerer(
        load(options.model),
        output,
        sampling.sampler,
        max_tokens=options.max_tokens,
        show_schema=False if options.hide_schema else None,
        profile="generation" if constraint is None else constraint.profile,
        concurrency=options.concurrency,
    )


def _lines(data: bytes) -> list[bytes]:
    """The lines, with or without a newline at the end."""
    return data.removesuffix(b"\n").split(b"\n") if data else []


@contextmanager
def _locked(target: Path) -> Iterator[BinaryIO]:
    """The output, to be read and appended to, and nobody else's meanwhile."""
    with target.open("a+b") as out:
        if not _lock(out):
            raise UsageError(f"Another run is writing {target}. Wait for its end, or name another file.")
        yield out


def _lock(file: BinaryIO) -> bool:
    """Lock a file until it is closed; False: it is locked. Systems without such locks keep nobody out."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True
    return True


def _resume(out: BinaryIO, target: Path, lines: Sequence[bytes]) -> int:
    """How many rows the output has already; a line that was cut short is taken away.

    Raises
    ------
    UsageError : it is something else than answers to the first of these lines.
    """
    out.seek(0)
    data = out.read()
    whole = data[: data.rfind(b"\n") + 1]
    answers = _lines(whole)
    if len(answers) > len(lines) or not all(map(_is_answer, answers, range(len(answers)), lines)):
        raise UsageError(f"{target} is not the output of an earlier run over these rows. Name another file.")
    if len(whole) < len(data):
        out.truncate(len(whole))
    return len(answers)


def _is_answer(answer: bytes, number: int, line: bytes) -> bool:
    """Whether an answer is that of row `number`, as far as its number and id tell."""
    try:
        found = json.loads(answer)
        if not isinstance(found, dict) or found.get("row") != number:
            return False
    except (ValueError, RecursionError):
        return False
    try:
        wanted = _read(line, None).get("id")
    except UsageError:
        wanted = None
    return bool(found.get("id", wanted if "error" in found else None) == wanted)


def _read(line: bytes, seed: int | None) -> dict[str, Any]:
    """A row, with the seed unless it has its own.

    Raises
    ------
    UsageError : the line is no JSON object.
    """
    try:
        row = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"Expected a JSON object: {error}.") from error
    if not isinstance(row, dict):
        raise UsageError("Expected a JSON object.")
    return {"seed": seed} | row


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _seed(seed: int | None, number: int) -> int | None:
    return None if seed is None else seed + number


def _line(answer: dict[str, Any]) -> bytes:
    """An answer as a line; a value that JSON cannot hold (1e999, half of a surrogate pair) stays in the text alone."""
    try:
        return json.dumps(answer, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (ValueError, RecursionError):
        rest = {key: value for key, value in answer.items() if key != "value"}
        return json.dumps(rest).encode() + b"\n"


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
