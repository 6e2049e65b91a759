"""Generate: a prompt in, text that obeys the constraint out, with its receipt."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .constraint import ConstraintOptions, UsageError
from .outcome import FINDINGS, OK, Outcome

if TYPE_CHECKING:
    from ..generation import Generation
    from ..generator import Generator
    from ..prompt import Prompt

LENGTH = "The tokens ran out before the text could end; raise --max-tokens."


@dataclass(frozen=True)
class GenerateOptions:
    """What the command line says about model, prompt and sampling; temperature 0 takes the most probable token."""

    model: str = "embedded"
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    seed: int | None = None
    max_tokens: int | None = None
    #: The prompt goes to the model as it is, not as a user's message.
    raw: bool = False
    hide_schema: bool = False

    def __post_init__(self) -> None:
        truncated = any(value is not None for value in (self.top_k, self.top_p, self.min_p))
        if self.temperature == 0 and truncated:
            raise UsageError("--top-k, --top-p and --min-p need --temperature above 0.")


def generate(constraint: ConstraintOptions, options: GenerateOptions, text: str) -> Outcome:
    """Generate once."""
    generator, prompt = _prepare(constraint, options, text)
    return outcome(generator(prompt))


def stream(constraint: ConstraintOptions, options: GenerateOptions, text: str) -> Iterator[str | Outcome]:
    """The text in pieces, as it grows; then the outcome, which shows nothing more."""
    generator, prompt = _prepare(constraint, options, text)
    for event in generator.stream(prompt):
        yield event.text
        if event.generation is not None:
            done = outcome(event.generation)
            yield Outcome(done.data, [("", "\n")], done.status, done.warning)


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


def outcome(result: Generation) -> Outcome:
    """A generation: its text for people, everything for machines; exit status 1 if tokens ran out before its end."""
    data: dict[str, Any] = {
        "text": result.text,
        "finish_reason": result.finish_reason,
        "logprob": result.logprob,
        "tokens": len(result.tokens),
        "receipt": asdict(result.receipt),
    }
    pieces = [("", f"{result.text}\n")]
    is_done = result.finish_reason == "stop"
    return Outcome(data, pieces, OK if is_done else FINDINGS, "" if is_done else LENGTH)


def _prepare(constraint: ConstraintOptions, options: GenerateOptions, text: str) -> tuple[Generator, Prompt]:
    """Model, constraint and sampler together, and the prompt: a user's message where the model has a chat template."""
    output = constraint.constraint()  # a mistake in it shows before the model is loaded
    from ...sampling import Masking
    from ..generator import Generator
    from ..load import load

    try:
        sampler = Masking(options.temperature, options.top_k, options.top_p, options.min_p, seed=options.seed)
    except ValueError as error:
        raise UsageError(str(error)) from error
    model = load(options.model)
    show_schema = False if options.hide_schema else None
    generator = Generator(model, output, sampler, max_tokens=options.max_tokens, show_schema=show_schema)
    has_template = getattr(model.tokenizer, "chat_template", None) is not None
    return generator, text if options.raw or not has_template else [{"role": "user", "content": text}]
