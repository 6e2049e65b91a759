"""Patterns as the referee reads them.

`jsonschema-rs` refuses some that authors write and other validators take: a lone brace, `\\A` and `\\Z`, `[\\w-.]`. It
gets these in plain words (`regex_text.py`).
"""

from __future__ import annotations

from functools import lru_cache

import jsonschema_rs

from ...errors import BudgetExceeded, GrammarSyntaxError, UnsupportedFeature
from ..regex_syntax import Parser
from ..regex_text import plain_text


@lru_cache(maxsize=1024)
def _matcher(text: str) -> jsonschema_rs.Validator | None:
    try:
        return jsonschema_rs.Draft7Validator({"pattern": text})  # the strictest reader of patterns
    except jsonschema_rs.ValidationError:
        return None


@lru_cache(maxsize=4096)
def for_referee(pattern: str) -> str | None:
    """The pattern as the referee takes it; None if it does not."""
    if _matcher(pattern) is not None:
        return pattern
    try:
        text = plain_text(Parser(pattern, "ecma").parse())
    except (GrammarSyntaxError, UnsupportedFeature, BudgetExceeded):
        return None
    return text if text is not None and _matcher(text) is not None else None


def is_regex(pattern: str) -> bool:
    """Whether the referee can be asked for matches of the pattern."""
    return for_referee(pattern) is not None


def has_match(pattern: str, text: str) -> bool:
    """Whether an ECMA-262 regular expression matches somewhere in a text."""
    matcher = _matcher(for_referee(pattern) or pattern)
    assert matcher is not None, pattern
    return matcher.is_valid(text)
