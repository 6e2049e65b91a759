"""Lint: what a constraint says that its author may not have meant, and what a vocabulary cannot do with it."""

from __future__ import annotations

import re
from typing import Any

from ..grammar.finding import Finding, worst_first
from ..grammar.ir import Grammar
from ..grammar.lint_grammar import lint_grammar
from .lint_tokens import lint_tokens
from .vocabulary import Vocabulary
from .walk import grammar_of

_IGNORED = re.compile(r"^[ \t]*%ignore[ \t]+(.*)$", re.MULTILINE)


def lint(constraint: Any, vocabulary: Vocabulary | None = None) -> list[Finding]:
    """The findings on a constraint, the worst first; each has a code, a severity, a place and a fix.

    Parameters
    ----------
    constraint : whatever `compile` takes.
    vocabulary : if given, also what its tokens can and cannot do under the constraint.

    Raises
    ------
    GrammarError : the constraint cannot be read.

    >>> from syntagma.grammar.lark import Lark
    >>> [finding.code for finding in lint(Lark('start: start start | "a"'))]
    ['ambiguity']
    """
    from ..grammar.jsonschema import JsonSchema
    from ..grammar.jsonschema.lint import lint as lint_schema
    from ..grammar.lark import Lark

    if not isinstance(constraint, Grammar) and not callable(getattr(constraint, "grammar", None)):
        constraint = JsonSchema(constraint)
    grammar = grammar_of(constraint)
    if isinstance(constraint, JsonSchema):
        findings = lint_schema(constraint)
    else:
        findings = lint_grammar(grammar)
        if isinstance(constraint, Lark):
            findings += _unreachable(constraint.text, constraint.start)
    if vocabulary is not None and not any(finding.code == "empty-language" for finding in findings):
        findings += lint_tokens(grammar, vocabulary)
    return worst_first(findings)


def _unreachable(text: str, start: str) -> list[Finding]:
    """The definitions of a Lark text that neither the start nor ignored text needs."""
    from ..grammar.lark_text import read_text

    source = read_text(text)
    uses = source.uses_by_definition()
    needed = {start, *(name for line in _IGNORED.findall(text) for name in re.findall(r"\w+", line))}
    queue = list(needed)
    while queue:
        fresh = set(uses.get(queue.pop(), ())) - needed
        needed |= fresh
        queue += fresh
    found = []
    for name in uses:
        offset = source.definition(name)
        if name not in needed and offset is not None:
            line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
            message = f"Nothing that is needed refers to `{name}`."
            fix = "Remove it, or refer to it."
            found.append(Finding("unreachable-rule", "warning", message, fix, line=line, column=column))
    return found
