"""What an automaton tells of itself."""

from __future__ import annotations

from dataclasses import dataclass

from ..grammar.analysis import reachable
from ..grammar.ir import Grammar, Guarded, children


@dataclass(frozen=True, slots=True)
class Residual:
    """What the automaton leaves to a guard."""

    pointer: str
    keyword: str


def residuals_of(grammar: Grammar) -> list[Residual]:
    """The guards that a grammar's texts may meet."""
    found: dict[Residual, None] = {}
    for expr in reachable(grammar.rules, grammar.start).values():
        stack = [expr]
        while stack:
            top = stack.pop()
            if isinstance(top, Guarded):
                found[Residual(top.check.pointer, top.check.keyword)] = None
            stack.extend(children(top))
    return list(found)


@dataclass(frozen=True, slots=True)
class Stats:
    """Sizes and counters of an automaton."""

    states: int
    rules: int
    rules_lowered: int
    configurations: int
    arena_bytes: int
    masks: int
    mask_bytes: int
    mask_hits: int
    mask_misses: int
    mask_evictions: int
    guards_asked: int
    tables: int
    table_bytes: int
