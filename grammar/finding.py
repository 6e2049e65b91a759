"""Findings: what a linter has to say about a grammar or a schema.

A finding has a stable code, a severity, a place (line and column in a text, or a JSON pointer into a schema), a message
that says what was found and why it matters, and a fix. Linters yield findings; only who asked decides what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]

#: Worst first.
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark of a linter."""

    #: What kind of remark it is, in kebab case, such as "unbounded-string"; stable, for filters.
    code: str
    #: "error": the constraint cannot mean what it says; "warning": it probably does not; "note": worth knowing.
    severity: Severity
    #: What was found and why it matters: one sentence.
    message: str
    #: What to do: one sentence; empty if nothing need be done.
    fix: str = ""
    #: Where, in a schema: a JSON pointer such as "#/properties/age".
    pointer: str | None = None
    #: Where, in a text: line and column in characters, both from 1.
    line: int | None = None
    column: int | None = None

    @property
    def place(self) -> str:
        """Where, in words; empty if it is about the whole."""
        if self.pointer is not None:
            return self.pointer
        if self.line is None:
            return ""
        return f"line {self.line}" if self.column is None else f"line {self.line}, column {self.column}"

    def __str__(self) -> str:
        head = f"{self.place}: " if self.place else ""
        return f"{head}{self.severity}: {self.message}{f' {self.fix}' if self.fix else ''} [{self.code}]"

    def json(self) -> dict[str, Any]:
        """For machines: the fields that are set."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in fields.items() if value not in (None, "")}


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by severity; those of one severity in their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
