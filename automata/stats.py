"""What an automaton tells of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Residual:
    """What the automaton leaves to a guard."""

    pointer: str
    keyword: str


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
