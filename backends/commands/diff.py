"""Diff: what two grammars or schemas have in common, and what sets them apart."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

from ...automata.comparison import Comparison, compare
from .constraint import constraint_of_file
from .outcome import FINDINGS, OK, Outcome


def diff(
    left: Path, right: Path, kind: str | None, profile: Literal["spec", "generation"], length: int | None, limit: int
) -> Outcome:
    """The shortest text in one but not in the other, each way.

    Raises
    ------
    UnsupportedFeature : one has guards or special tokens.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = compare(
            constraint_of_file(left, kind, profile), constraint_of_file(right, kind, profile), length, limit
        )
    data: dict[str, Any] = {
        "equal": result.equal,
        "exact": result.exact,
        "compared_up_to": None if result.exact else result.length,
        "only_left": _text(result.only_left),
        "only_right": _text(result.only_right),
        "common": _text(result.common),
        "pairs": result.pairs,
    }
    pieces = [("bold", f"{_verdict(result)}\n")]
    for name, other, text in ((left, right, result.only_left), (right, left, result.only_right)):
        if text is not None:
            pieces.append(("red", f"{_text(text)!r} is in {name} but not in {other}.\n"))
    if not result.equal and result.common is None:
        pieces.append(("", "No text is in both.\n"))
    return Outcome(data, pieces, OK if result.equal else FINDINGS)


def _text(text: bytes | None) -> str | None:
    return None if text is None else text.decode(errors="replace")


def _verdict(result: Comparison) -> str:
    scope = "" if result.exact else f" up to {result.length} bytes, as far as was compared"
    if result.equal:
        return f"Equal{scope}."
    if result.only_left is not None and result.only_right is not None:
        return "Different."
    more = "left" if result.only_left is not None else "right"
    return f"The {more} one has more{scope and f' (compared{scope})'}."
