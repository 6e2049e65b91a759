"""Lint of terminals that compete: those that never win, and those that match the same text.

Which terminals may stand at the same place is read off the states that the search for ambiguities visits.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from .ambiguity import Search
from .dfa import Dfa
from .finding import Finding
from .ir import Bytes, Lexeme
from .regular import difference, intersect, is_empty, shortest


def lint_terminals(search: Search) -> Iterator[tuple[str, Finding]]:
    """Findings on the lexemes of a grammar that was searched."""
    terminals = search.net.terminals
    together = {frozenset(symbols) for symbols in search.readable()}
    lexemes = [each for each in terminals if isinstance(each, Lexeme)]
    shadowed: set[Lexeme] = set()
    for lexeme in lexemes:
        rivals = [
            {each for s in symbols if isinstance(each := terminals[s], Lexeme) and each.priority > lexeme.priority}
            for symbols in together
            if any(terminals[s] == lexeme for s in symbols)
        ]
        if rivals and all(_covered(search, lexeme, above) for above in rivals):
            met = {each.name for above in rivals for each in above if _meet(search, lexeme, each)}
            names = ", ".join(f"`{name}`" for name in sorted(met))
            message = f"Terminal `{lexeme.name}` never matches: wherever it may stand, its texts are taken by {names}."
            shadowed.add(lexeme)
            fix = "Give it a higher priority (`NAME.1: ...`), or remove it."
            yield lexeme.name, Finding("shadowed-terminal", "warning", message, fix)
    yield from _overlaps(
        search, [[terminals[s] for s in symbols if terminals[s] not in shadowed] for symbols in together]
    )


def _overlaps(search: Search, together: list[list[int | Lexeme]]) -> Iterator[tuple[str, Finding]]:
    pairs = {
        (a, b) if a.priority > b.priority else (b, a)
        for symbols in together
        for a, b in combinations([each for each in symbols if isinstance(each, Lexeme)], 2)
        if not isinstance(a.expr, Bytes) and not isinstance(b.expr, Bytes)
    }
    for winner, loser in sorted(pairs, key=lambda pair: (pair[0].name, pair[1].name)):
        text = _meet(search, winner, loser)
        if text is not None:
            shown = text.decode(errors="replace")
            message = (
                f"{shown!r} is both `{winner.name}` and `{loser.name}` where both may stand; `{winner.name}` wins."
            )
            fix = "Give the one that should win a priority (`NAME.1: ...`), or make them differ."
            yield loser.name, Finding("terminal-overlap", "note", message, fix)


def _covered(search: Search, lexeme: Lexeme, above: set[Lexeme]) -> bool:
    """Whether lexemes match every text of another."""
    rest: Dfa | None = search.spelling.dfa(lexeme)
    for each in above:
        other = search.spelling.dfa(each)
        if rest is not None and other is not None:
            rest = difference(rest, other)
    return rest is not None and is_empty(rest)


def _meet(search: Search, a: Lexeme, b: Lexeme) -> bytes | None:
    """A shortest text of both."""
    first, second = search.spelling.dfa(a), search.spelling.dfa(b)
    return None if first is None or second is None else shortest(intersect(first, second))
