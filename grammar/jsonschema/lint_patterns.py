"""Lints of patterns: those that match more than they seem to, because `pattern` searches and does not span the value.

unanchored-pattern      matches with anything before and behind, so that it hardly restricts the value
half-anchored-pattern   has one of `^` and `$`; the other side is open
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from ...errors import BudgetExceeded, GrammarError
from ..finding import Finding
from ..ir import Expr, Repeat, children
from ..regular import compile_regular, shortest
from .patterns import has_match
from .places import Place
from .scalars import pattern_body

#: What is put around a match to see whether the pattern minds.
_JUNK: Final = "~"
_SKIPPED: Final = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]", re.DOTALL)
#: Patterns that ask for some character somewhere, and mean it.
_SOMEWHERE: Final = re.compile(r"(?:\.|\\[SWDswd]|\[\\s\\S\])[+*]?")
#: Starts and ends of patterns that are open on purpose.
_ANYTHING: Final = (".*", ".+", "[\\s\\S]*", "[\\s\\S]+")
#: States up to which a pattern is searched for its shortest match.
MOST_STATES: Final = 2_000


class Sides(NamedTuple):
    """Which sides of a pattern's match are open, and a text that shows it."""

    start: bool
    end: bool
    witness: str


def lint_patterns(place: Place) -> Iterator[Finding]:
    """The findings on `pattern`."""
    pattern = place.schema.get("pattern")
    if isinstance(pattern, str):
        sides = open_sides(pattern)
        if sides is not None:
            yield _finding(pattern, sides, f"{place.pointer}/pattern")


def _finding(pattern: str, sides: Sides, where: str) -> Finding:
    message = f"The pattern {pattern!r} also matches {sides.witness!r}, for it may match anywhere in the value."
    if sides.start and sides.end:
        fix = f"Write {f'^(?:{pattern})$'!r} if it is meant to span the value."
        return Finding("unanchored-pattern", "warning", message, fix, where)
    fix = f"Add {'`^` at the start' if sides.start else '`$` at the end'} if it is meant to span the value."
    return Finding("half-anchored-pattern", "note", message, fix, where)


@lru_cache(maxsize=1024)
def open_sides(pattern: str) -> Sides | None:
    """The open sides of a pattern that does not seem to be open on purpose; None if there is none."""
    if _SOMEWHERE.fullmatch(pattern):
        return None
    bare = _SKIPPED.sub("", pattern)
    start = "^" not in bare and "(?<" not in bare and not pattern.startswith(_ANYTHING)
    end = "$" not in bare and not pattern.endswith(_ANYTHING)
    core = _shortest_match(pattern) if start or end else None
    if core is None:
        return None
    start = start and has_match(pattern, _JUNK + core)
    end = end and has_match(pattern, core + _JUNK)
    if not (start or end):
        return None
    witness = (_JUNK if start else "") + core + (_JUNK if end else "")
    return Sides(start, end, witness) if has_match(pattern, witness) else None


def _shortest_match(pattern: str) -> str | None:
    try:
        body = pattern_body(pattern, False)
        found = None if body is None else shortest(compile_regular(body, MOST_STATES))
    except (BudgetExceeded, GrammarError):
        return None
    return None if found is None else _plain(found)


def _plain(spelled: bytes) -> str | None:
    """The text that a body of a JSON string spells."""
    try:
        text: str = json.loads(b'"' + spelled + b'"')
    except ValueError:
        return None
    return text


@lru_cache(maxsize=1024)
def is_bounded(pattern: str) -> bool:
    """Whether only finitely many strings match, as far as that shows."""
    try:
        body = pattern_body(pattern, False)
    except GrammarError:
        return False
    return body is not None and not _repeats_forever(body)


def _repeats_forever(expr: Expr) -> bool:
    stack = [expr]
    while stack:
        top = stack.pop()
        if isinstance(top, Repeat) and top.max is None:
            return True
        stack.extend(children(top))
    return False
