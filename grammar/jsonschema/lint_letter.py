"""Lint: where a schema breaks the letter of its meta-schema, which other validators may refuse.

off-the-letter  note  what `tolerance.py` passes over or reads in another way
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from ..finding import Finding
from .places import Place, step
from .tolerance import LEFT, edits_of

_FIX: Final = "Write what it takes, for validators that are strict."


def lint_letter(place: Place) -> Iterator[Finding]:
    """The findings on keywords whose values a meta-schema does not take."""
    for keyword, value in edits_of(place.schema).items():
        message = f"The meta-schema does not take `{keyword}` {_shown(place.schema[keyword])}; "
        message += "it is passed over." if value is LEFT else f"it is read as {_shown(value)}."
        yield Finding("off-the-letter", "note", message, _FIX, f"{place.pointer}/{step(keyword)}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):  # of `patternProperties`, the patterns matter
        value = list(value)
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 80 else text[:77] + "..."
