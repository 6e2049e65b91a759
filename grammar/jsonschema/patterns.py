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
        return jsonschema_rs.Draft202012Validator({"pattern": text})
    except jsonschema_rs.ValidationError:
        return None


@lru_cache(maxsize=4096)
def for_referee(pattern: str) -> str | None:
    """The pattern as the referee takes it; None if it does not."""
    if _is_taken(pattern):
        return pattern
    try:
        text = plain_text(Parser(pattern, "ecma").parse())
    except (GrammarSyntaxError, UnsupportedFeature, BudgetExceeded):
        text = None
    if text is not None and _is_taken(text):
        return text
    return pattern if _matcher(pattern) is not None else None


def _is_taken(pattern: str) -> bool:
    """Whether the referee takes a pattern in all drafts: in the older ones, their meta-schemas look at it besides."""
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": pattern}
    return _matcher(pattern) is not None and bool(jsonschema_rs.meta.is_valid(schema))


def is_regex(pattern: str) -> bool:
    """Whether the referee can be asked for matches of the pattern."""
    return _matcher(pattern) is not None or for_referee(pattern) is not None


def has_match(pattern: str, text: str) -> bool:
    """Whether an ECMA-262 regular expression matches somewhere in a text."""
    matcher = _matcher(for_referee(pattern) or pattern)
    assert matcher is not None, pattern
    return matcher.is_valid(text)
