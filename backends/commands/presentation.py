"""Presentation of an outcome: one JSON object for machines, coloured text for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.text import Text

from ...errors import SyntagmaError
from .outcome import UNUSABLE, Outcome, failure


def present(command: Callable[[], Outcome | Iterator[str | Outcome]], as_json: bool) -> int:
    """Run a command, print its outcome and give its exit status; errors on purpose become messages.

    A command that streams yields pieces of text, printed at once, and its outcome last.
    """
    try:
        result = command()
        for piece in [result] if isinstance(result, Outcome) else result:
            if isinstance(piece, Outcome):
                outcome = piece
            else:
                print(piece, end="", flush=True)
    except (SyntagmaError, OSError) as error:
        outcome = failure(error)
    if as_json:
        print(json.dumps(outcome.data, ensure_ascii=False, default=str))
    else:
        _print(outcome.pieces, to_stderr=outcome.status == UNUSABLE)
        if outcome.warning:
            _print([("yellow", f"{outcome.warning}\n")], to_stderr=True)
        if outcome.note:
            _print([("dim", f"{outcome.note}\n")], to_stderr=True)
    return outcome.status


def _print(pieces: list[tuple[str, str]], *, to_stderr: bool) -> None:
    """Coloured on a terminal, plain in a pipe."""
    console = Console(stderr=to_stderr, soft_wrap=True, highlight=False)
    console.print(Text.assemble(*((text, style) for style, text in pieces)), end="")
