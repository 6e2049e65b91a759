"""Generate: a prompt in, text that obeys the constraint out, with its receipt."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from .constraint import ConstraintOptions, UsageError
from .outcome import FINDINGS, OK, Outcome
from .sampler import SamplerOptions

if TYPE_CHECKING:
    from ..generation import Generation
    from ..generator import Generator
    from ..prompt import Prompt

LENGTH = "The tokens ran out before the text could end; raise --max-tokens."


@dataclass(frozen=True)
class GenerateOptions:
    """What the command line says about model, prompt and sampling."""

    model: str = "embedded"
    sampling: SamplerOptions = field(default_factory=SamplerOptions)
    max_tokens: int | None = None
    #: The prompt goes to the model as it is, not as a user's message.
    raw: bool = False
    hide_schema: bool = False


def generate(constraint: ConstraintOptions, options: GenerateOptions, text: str) -> Outcome:
    """Generate once."""
    generator, prompt = _prepare(constraint, options, text, show=sys.stderr.isatty())
    result = generator(prompt)
    _plot(options, result)
    return outcome(result)


def stream(constraint: ConstraintOptions, options: GenerateOptions, text: str) -> Iterator[str | Outcome]:
    """The text in pieces, as it grows; then the outcome, which shows nothing more."""
    generator, prompt = _prepare(constraint, options, text)
    for event in generator.stream(prompt):
        yield event.text
        if event.generation is not None:
            _plot(options, event.generation)
            done = outcome(event.generation)
            yield Outcome(done.data, [("", "\n")], done.status, done.warning, done.note)


def _plot(options: GenerateOptions, result: Generation) -> None:
    """Draw the run, if that was asked for."""
    if options.sampling.plot is not None and result.report is not None:
        result.report.plot(options.sampling.plot)


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
    if result.posterior is not None and result.report is not None:
        data["posterior"] = {
            "texts": result.posterior.by_text(),
            "log_evidence": result.posterior.log_evidence,
            "log_evidence_se": result.posterior.log_evidence_se,
            "ess": result.posterior.ess,
            "kl": result.report.kl,
            "rows_asked": result.report.rows_asked,
            "rows_computed": result.report.rows_computed,
            "checks": result.report.checks,
        }
    note = ""
    if (passes := result.ledger.passes) is not None:
        data["passes"] = asdict(passes)
        note = f"{passes.tokens} tokens in {passes.n} passes of the model: {passes.tokens_per_pass:.2f} a pass; "
        note += f"{passes.accepted} of {passes.drafted} drafted tokens were right."
    pieces = [("", f"{result.text}\n")]
    is_done = result.finish_reason == "stop"
    return Outcome(data, pieces, OK if is_done else FINDINGS, "" if is_done else LENGTH, note)


def _prepare(
    constraint: ConstraintOptions, options: GenerateOptions, text: str, *, show: bool = False
) -> tuple[Generator, Prompt]:
    """Model, constraint and sampler together, and the prompt: a user's message where the model has a chat template."""
    output = constraint.constraint()  # a mistake in it shows before the model is loaded
    from ..generator import Generator
    from ..load import load

    sampler = options.sampling.sampler(show)
    model = load(options.model)
    show_schema = False if options.hide_schema else None
    generator = Generator(model, output, sampler, max_tokens=options.max_tokens, show_schema=show_schema)
    return generator, text if options.raw or not model.has_chat_template else [{"role": "user", "content": text}]
