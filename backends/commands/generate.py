"""Generate: a prompt in, text that obeys the constraint out, with its receipt."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from .constraint import ConstraintOptions, UsageError
from .outcome import FINDINGS, OK, Outcome


@dataclass(frozen=True)
class SamplerOptions:
    """What the command line says about sampling; temperature 0 takes the most probable token."""

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    seed: int | None = None
    max_tokens: int = 256


def generator(constraint: ConstraintOptions, model: str, options: SamplerOptions) -> Any:
    """The model bound to the constraint and a sampler.

    Raises
    ------
    UsageError : truncation is asked for, but temperature 0 leaves nothing to truncate.
    """
    truncated = any(value is not None for value in (options.top_k, options.top_p, options.min_p))
    if options.temperature == 0 and truncated:
        raise UsageError("--top-k, --top-p and --min-p need --temperature above 0.")
    from ...sampling import Masking
    from .. import Generator, load

    sampler = Masking(options.temperature, options.top_k, options.top_p, options.min_p, seed=options.seed)
    return Generator(load(model), constraint.constraint(), sampler=sampler)


def read_prompt(prompt: str | None) -> str:
    """The argument, or standard input where it is "-" or left out.

    Raises
    ------
    UsageError : standard input is a terminal.
    """
    if prompt is not None and prompt != "-":
        return prompt
    if prompt is None and sys.stdin.isatty():
        raise UsageError("Give a prompt as an argument or on standard input.")
    return sys.stdin.read()


def generate(constraint: ConstraintOptions, model: str, options: SamplerOptions, prompt: str) -> Outcome:
    """Generate once."""
    result = generator(constraint, model, options)(prompt, max_tokens=options.max_tokens)
    return outcome(result)


def stream(constraint: ConstraintOptions, model: str, options: SamplerOptions, prompt: str) -> Iterator[str]:
    """The text in pieces, as it grows."""
    yield from generator(constraint, model, options).stream(prompt, max_tokens=options.max_tokens)


def outcome(result: Any) -> Outcome:
    """A generation: its text for people, everything for machines; exit status 1 if tokens ran out before its end."""
    data = {
        "text": result.text,
        "finish_reason": result.finish_reason,
        "logprob": result.logprob,
        "tokens": len(result.ledger.steps),
        "receipt": asdict(result.receipt),
    }
    return Outcome(data, [("", result.text + "\n")], OK if result.finish_reason == "stop" else FINDINGS)
