"""Lint: what a schema says that its author may not have meant.

Lints of single subschemas (`lint_keywords`, `lint_patterns`, `lint_letter`) look at every place of the document; those
of what subschemas say together (`lint_facts`) need a schema that compiles. Each module's docstring lists its codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from ..finding import Finding, worst_first
from .dialect import Dialect
from .lint_facts import lint_facts
from .lint_keywords import lint_place
from .lint_letter import lint_letter
from .lint_patterns import lint_patterns
from .places import places_of
from .resources import Schema
from .schema import JsonSchema

#: Findings that are listed; of a larger schema, the first ones.
MOST_FINDINGS: Final = 10_000


def lint_schema(schema: Schema, dialect: Dialect) -> list[Finding]:
    """The findings on single subschemas, the worst first; the schema need not compile."""
    return _listed(_single(schema, dialect))


def lint(constraint: JsonSchema) -> list[Finding]:
    """The findings on a schema that compiles, the worst first.

    Raises
    ------
    GrammarError : a reference leads nowhere.
    BudgetExceeded : the schema is too large.
    """
    return _listed(
        chain(_single(constraint.schema, constraint.reader.document.resource.dialect), lint_facts(constraint))
    )


def _single(schema: Schema, dialect: Dialect) -> Iterator[Finding]:
    for place in places_of(schema, dialect):
        yield from lint_place(place)
        yield from lint_patterns(place)
        yield from lint_letter(place)


def _listed(findings: Iterable[Finding]) -> list[Finding]:
    """Each once."""
    found: dict[tuple[str, str | None, str], Finding] = {}
    for finding in findings:
        found.setdefault((finding.code, finding.pointer, finding.message), finding)
        if len(found) >= MOST_FINDINGS:
            break
    return worst_first(found.values())
