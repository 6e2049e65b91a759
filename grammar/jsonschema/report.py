"""Report: what becomes of a schema, keyword by keyword.

A report holds the verdict on every keyword, what each subschema costs, the guards, the findings of the linter, and what
the options decide where the schema is silent. Of a schema that cannot be used it says why, at the keyword.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from ...errors import BudgetExceeded, EmptyLanguage, GrammarError, SyntagmaError
from ..finding import Finding, worst_first
from .places import places_of
from .schema import JsonSchema
from .verdicts import STRUCTURE, Verdict

#: What a line of a report is about, for colours.
Kind: TypeAlias = Literal["head", "row", "guard", "error", "warning", "note", "dim", "good"]
_UNREACHED: Final = "nothing refers to this subschema"
_KEYWORD: Final = re.compile(r"`(\$?\w+)`")
_WHITESPACE: Final = {"generation": "at most one space behind commas and colons, else none", "compact": "none"}
#: Stands for what is left open, where pointers stand.
ANY: Final = "any JSON value"
#: Findings of one code that are shown one by one.
MOST_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class SchemaReport:
    """What `check` says of a schema."""

    #: Draft, profile and options: what holds where the schema is silent, in words, by name.
    defaults: dict[str, str]
    #: How every keyword of every subschema is decided, by pointer.
    verdicts: tuple[Verdict, ...] = ()
    #: States of the automaton, as it would run, that belong to a subschema: those of its own rules, without the
    #: subschemas of members and items, which have entries of their own. Rules that several share count at each. Under
    #: `ANY`: those of any JSON value, which all share that leave something open.
    #: None: too many to count. Applicators in place (`allOf`, ...) are part of the subschema they stand in.
    states: dict[str, int | None] = field(default_factory=dict)
    #: States of all rules, each counted once; None as above, and for a schema that cannot be used.
    total_states: int | None = None
    #: Pointer and keyword of every guard.
    residuals: tuple[tuple[str, str], ...] = ()
    #: What the linter found, the worst first.
    findings: tuple[Finding, ...] = ()
    #: Why the schema cannot be used.
    error: SyntagmaError | None = None

    @property
    def usable(self) -> bool:
        """Whether the schema compiles."""
        return self.error is None

    @property
    def exact(self) -> bool:
        """Whether the automaton alone decides: the schema compiles, and no guard is left."""
        return self.usable and not self.residuals

    @property
    def has_warnings(self) -> bool:
        """Whether some finding is more than a note."""
        return any(finding.severity != "note" for finding in self.findings)

    def json(self) -> dict[str, Any]:
        """The report as a JSON value."""
        return {
            "usable": self.usable,
            "exact": self.exact,
            "defaults": self.defaults,
            "states": {"total": self.total_states, "subschemas": self.states},
            "keywords": [verdict._asdict() for verdict in self.verdicts],
            "residuals": [{"pointer": pointer, "keyword": keyword} for pointer, keyword in self.residuals],
            "findings": [finding.json() for finding in self.findings],
        }

    def __str__(self) -> str:
        return "\n".join(text for _, text in self.lines())

    def lines(self) -> Iterator[tuple[Kind, str]]:
        """The report for people, line by line."""
        yield "head", f"{'states':>8}  subschema and its keywords"
        for pointer, verdicts in _by_pointer(self.verdicts).items():
            yield from self._subschema(pointer, verdicts)
        if ANY in self.states:
            yield "row", f"{_shown(self.states[ANY]):>8}  {ANY}"
        if self.total_states is not None:
            yield "head", f"{self.total_states:>8}  in all"
        for name, value in self.defaults.items():
            yield "dim", f"{name}: {value}"
        yield from self._found()
        yield self._summary()

    def _subschema(self, pointer: str, verdicts: list[Verdict]) -> Iterator[tuple[Kind, str]]:
        states = _shown(self.states[pointer]) if pointer in self.states else ""
        automaton = ", ".join(v.keyword for v in verdicts if v.decision == "automaton")
        yield "row", f"{states:>8}  {pointer}  {automaton}".rstrip()
        for verdict in verdicts:
            if verdict.decision in ("guard", "refused"):
                kind: Kind = "guard" if verdict.decision == "guard" else "error"
                yield kind, f"{'':8}    {verdict.decision}: {verdict.keyword} ({verdict.reason})"
        idle = [v for v in verdicts if v.decision == "annotation"]
        for reason in dict.fromkeys(v.reason for v in idle):
            keywords = ", ".join(v.keyword for v in idle if v.reason == reason)
            yield "dim", f"{'':8}    annotation: {keywords}{f' ({reason})' if reason else ''}"

    def _found(self) -> Iterator[tuple[Kind, str]]:
        shown: dict[str, int] = {}
        for finding in self.findings:
            shown[finding.code] = shown.get(finding.code, 0) + 1
            if shown[finding.code] <= MOST_SHOWN:
                yield finding.severity, str(finding)
        for code, n in shown.items():
            if n > MOST_SHOWN:
                yield "dim", f"... and {n - MOST_SHOWN} more of [{code}]."

    def _summary(self) -> tuple[Kind, str]:
        if not self.usable:
            return "error", "The schema cannot be used."
        if self.exact:
            return "good", "The schema can be used: the automaton decides everything."
        n = len(self.residuals)
        return "good", f"The schema can be used, with {n} guard{'s' if n > 1 else ''} for what the automaton leaves."


def _shown(states: int | None) -> str:
    return "many" if states is None else str(states)


def _by_pointer(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.pointer, []).append(verdict)
    return found


def all_verdicts(constraint: JsonSchema) -> tuple[Verdict, ...]:
    """The verdicts on all keywords, those of subschemas that nothing reaches as annotations."""
    found = list(constraint.verdicts)
    reached = {verdict.pointer for verdict in found}
    for place in places_of(constraint.schema, constraint.reader.document.resource.dialect):
        if place.pointer not in reached:
            words = (keyword for keyword in place.schema if keyword not in STRUCTURE)
            found += [Verdict(place.pointer, keyword, "annotation", _UNREACHED) for keyword in words]
    return tuple(found)


def refusal(error: SyntagmaError) -> tuple[tuple[Verdict, ...], Finding]:
    """An error as verdicts on the keywords that it names, and as a finding."""
    pointer = error.pointer if isinstance(error, GrammarError) else None
    message = error.message if isinstance(error, GrammarError) else str(error)
    if isinstance(error, EmptyLanguage):
        found = Finding("empty-language", "error", message + ".", "Relax one of these keywords.", pointer)
        places = [(at, keyword.partition("/")[0] or "false") for at, keyword in error.conflict]
        reason = "it contradicts the others" if len(places) > 1 else "nothing satisfies it"
        return tuple(dict.fromkeys(Verdict(at, keyword, "refused", reason) for at, keyword in places)), found
    if isinstance(error, BudgetExceeded):
        return (), Finding("too-large", "error", message, pointer="#")
    keyword = _KEYWORD.search(message)
    verdicts = (Verdict(pointer or "#", keyword[1], "refused", message),) if keyword else ()
    return verdicts, Finding("not-a-schema", "error", message + ".", pointer=pointer or "#")


def failed(error: SyntagmaError, findings: Iterable[Finding], defaults: dict[str, str]) -> SchemaReport:
    """The report of a schema that cannot be used."""
    verdicts, finding = refusal(error)
    return SchemaReport(defaults, verdicts, findings=tuple(worst_first([finding, *findings])), error=error)


def defaults_of(constraint: JsonSchema) -> dict[str, str]:
    """What the options decide where a schema is silent, in words."""
    style, reader = constraint.style, constraint.reader
    spec = style.spelling.every
    closed = "closed if they declare members and no keyword speaks of others"
    return {
        "draft": reader.document.resource.dialect.name,
        "profile": "spec" if spec else "generation",
        "objects": closed if style.closed else "open unless a keyword closes them",
        "order of members": "as declared" if style.order == "schema" else "any",
        "white space": _WHITESPACE.get(style.layout.name, style.layout.name),
        "spelling": "every one that JSON has" if spec else "the shortest of strings, numbers of at most 20 digits",
        "formats": "asserted" if reader.asserts_formats else "annotations",
    }
