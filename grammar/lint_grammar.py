"""Lint of grammars: what a grammar says that its author may not have meant, or that a model can trip over.

    empty-language          error    no text matches
    useless-rule            warning  a rule that matches nothing is used
    unreachable-rule        warning  nothing that is needed refers to a rule
    cycle-without-progress  warning  a rule derives itself with nothing read
    ambiguity               warning  a text has two parses (both are shown); the rule at which they part
    shadowed-terminal       warning  other terminals take every text of a terminal, wherever it may stand
    terminal-overlap        note     two patterns match the same text where both may stand
    unbounded-whitespace    warning  white space may go on forever
    unbounded-loop          note     a few characters may be repeated forever
    large-rule              warning  a rule or terminal needs very many states

Searches are bounded (`ambiguity.DEFAULT_LIMIT`): that no ambiguity is found is no proof that there is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain

from ..errors import BudgetExceeded, EmptyLanguage, UnsupportedFeature
from .ambiguity import Search
from .analysis import min_length, reachable
from .finding import Finding, worst_first
from .ir import Expr, Grammar
from .lint_loops import lint_cycles, lint_loops, lint_sizes
from .lint_terminals import lint_terminals
from .normalize import normalize

_LINE = re.compile(r"line (\d+)")


def lint_grammar(grammar: Grammar, ambiguity_limit: int | None = None) -> list[Finding]:
    """The findings on a grammar, the worst first.

    Parameters
    ----------
    ambiguity_limit : items that the search for ambiguities may make; 0 leaves it out.

    Raises
    ------
    GrammarSyntaxError : a rule refers to one that does not exist.
    """
    try:
        normalize(grammar)
    except EmptyLanguage as error:
        return [Finding("empty-language", "error", error.message, "Give every rule an alternative that ends.")]
    except (BudgetExceeded, UnsupportedFeature) as error:
        blame = Finding("large-rule", "error", f"The grammar cannot be compiled: {error}", "Simplify it.")
        return worst_first([blame, *_placed(_of_rules(grammar), grammar.places)])
    searched = _of_search(grammar, ambiguity_limit) if ambiguity_limit != 0 else ()
    return worst_first(_placed(chain(_of_rules(grammar), searched), grammar.places))


def _of_rules(grammar: Grammar) -> Iterator[tuple[str, Finding]]:
    """Findings on each rule, with the rule's name."""
    rules = reachable(grammar.rules, grammar.start)
    yield from _useless(rules)
    for name in grammar.rules.keys() - rules.keys():
        message = f"Nothing that is needed refers to `{name}`."
        yield name, Finding("unreachable-rule", "warning", message, "Remove it, or refer to it.")
    yield from lint_loops(rules)
    yield from lint_sizes(rules)
    yield from lint_cycles(grammar)


def _useless(rules: Mapping[str, Expr]) -> Iterator[tuple[str, Finding]]:
    for name, least in min_length(rules).items():
        if least == math.inf:
            message = f"`{name}` matches no text, so whatever needs it can never be used."
            yield name, Finding("useless-rule", "warning", message, "Give it an alternative that ends.")


def _of_search(grammar: Grammar, limit: int | None) -> Iterator[tuple[str, Finding]]:
    """Findings that need a look at what may follow what."""
    try:
        search = Search(grammar) if limit is None else Search(grammar, limit)
        found = search.run().ambiguity
    except (UnsupportedFeature, BudgetExceeded):
        return  # JSON values and the like are read by automata of their own, where nothing of this can happen
    if found is not None:
        first, second = found.parses
        shown = found.text.decode(errors="replace")
        part = first.text.decode(errors="replace")
        message = f"{shown!r} has two parses; `{found.rule}` over {part!r} is {first} or {second}."
        fix = "Where the structure matters, give the alternatives a precedence, or join them; masks are not affected."
        yield found.rule, Finding("ambiguity", "warning", message, fix)
    yield from lint_terminals(search)


def _placed(findings: Iterator[tuple[str, Finding]], places: Mapping[str, str]) -> Iterator[Finding]:
    """The findings with the lines of their rules."""
    for name, finding in findings:
        line = _LINE.fullmatch(places.get(name.removeprefix("%ignore "), ""))
        yield replace(finding, line=int(line[1])) if line else finding
