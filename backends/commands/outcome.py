"""Outcome of a command: what it found, once for machines and once for people.

Exit status: 0 all is well, 1 findings or an invalid instance, 2 the request, grammar or schema cannot be used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...errors import BudgetExceeded, GrammarError, SyntagmaError

OK, FINDINGS, UNUSABLE = 0, 1, 2


@dataclass(frozen=True)
class Outcome:
    """The result of one command."""

    #: What `--json` prints.
    data: dict[str, Any]
    #: The same for people: (style, text) pieces, printed one after the other; "" is plain.
    pieces: list[tuple[str, str]] = field(default_factory=list)
    status: int = OK
    #: For people, on standard error.
    warning: str = ""
    #: The same, of what is well.
    note: str = ""


def failure(error: Exception) -> Outcome:
    """An error as an outcome: its message, and where it stands."""
    data: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, GrammarError):
        data |= {"message": error.message, "line": error.line, "column": error.column, "pointer": error.pointer}
    elif isinstance(error, BudgetExceeded):
        data |= {"what": error.what, "limit": error.limit}
    name = type(error).__name__ if isinstance(error, SyntagmaError) else "Error"
    return Outcome({"error": data}, [("red", f"{name}: "), ("", f"{error}\n")], UNUSABLE)
