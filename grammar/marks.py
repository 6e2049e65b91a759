"""Marks: text in which names of special tokens stand, such as `<|channel|>final<|message|>`, as parts."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .part import Part, Special, Text, in_sequence

#: What looks like a special token, where it is not said what is one.
_LOOKS_SPECIAL = re.compile(r"<[^<>\s]+>")


def marked(text: str, special: Iterable[str] | None = None) -> Part:
    """The text, each name of a special token being that token, or its text where the vocabulary has no such token.

    Parameters
    ----------
    special : the names; all that looks like `<name>` unless given.

    >>> marked("<think>a")
    special('<think>', or_text=True) + lit('a')
    """
    pieces: list[Part] = []
    at = 0
    for found in _names(special).finditer(text):
        pieces += [Text(text[at : found.start()])] * (found.start() > at)
        pieces.append(Special(found[0], or_text=True))
        at = found.end()
    pieces += [Text(text[at:])] * (at < len(text))
    return in_sequence(*pieces) if pieces else Text("")


def first_mark(text: str, special: Iterable[str] | None = None) -> str:
    """What a text must not hold to end where these marks begin: the name of the first token, else all the text."""
    found = _names(special).match(text)
    return found[0] if found else text


def pattern_of_marks(text: str, special: Iterable[str]) -> str:
    """A pattern that finds the marks again, also in text from which special tokens have been dropped."""
    pieces = [(re.escape(text[lo:hi]), is_name) for lo, hi, is_name in _spans(text, special)]
    return "".join(f"(?:{piece})?" if is_name else piece for piece, is_name in pieces)


def _spans(text: str, special: Iterable[str]) -> list[tuple[int, int, bool]]:
    spans, at = [], 0
    for found in _names(special).finditer(text):
        spans += [(at, found.start(), False), (found.start(), found.end(), True)]
        at = found.end()
    return [*spans, (at, len(text), False)]


def _names(special: Iterable[str] | None) -> re.Pattern[str]:
    if special is None:
        return _LOOKS_SPECIAL
    names = sorted(special, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, names)) if names else "(?!)")
