"""Convert: a grammar or schema in another dialect."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ...grammar.convert import convert as converted
from .constraint import constraint_of_file
from .outcome import OK, Outcome


def convert(
    path: Path,
    kind: str | None,
    to: Literal["lark", "gbnf", "regex"],
    profile: Literal["spec", "generation"],
    lexer: Literal["dynamic"] | None = None,
) -> Outcome:
    """Print the file's grammar in the dialect `to`; for Lark, say which lexer it is written for."""
    result = converted(constraint_of_file(path, kind, profile), to, lexer=lexer)
    data = {"file": str(path), "to": to, "text": result.text}
    text = result.text.rstrip("\n") + "\n"
    if to == "lark":
        data["lexer"] = reads = getattr(result, "lexer", "")
        text = f'// read with lexer="{reads}"\n{text}'
    return Outcome(data, [("", text)], OK)
