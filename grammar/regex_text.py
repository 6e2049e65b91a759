"""A regular expression in plain words: the same language, in syntax that every engine reads alike.

Groups, counts, classes of characters by number, `^`, `$` and lookarounds are all that is used; what an engine may mean
by `\\w`, `.`, a flag or a lone brace does not show any more.
"""

from __future__ import annotations

from .regex_tree import CharSet, Concat, Edge, Either, Look, Loop, Node
from .unicode import ANY, SURROGATES, CodePoints, intersection, negation

_LOOKS = {(False, False): "?=", (False, True): "?!", (True, False): "?<=", (True, True): "?<!"}


def plain_text(node: Node) -> str | None:
    """The text of a tree; None for atomic groups, which have no plain words.

    >>> from .regex_syntax import Parser
    >>> plain_text(Parser(r"^[a-c_]{2,}\\Z", "ecma").parse())
    '^[\\\\x5fa-c]{2,}$'
    """
    match node:
        case CharSet(ranges):
            return r"[\s\S]" if ranges == ANY else _class(ranges)
        case Concat(items):
            return _joined("", items)
        case Either(items):
            return _grouped(_joined("|", items))
        case Loop(item, low, high):
            text = plain_text(item)
            text = text if isinstance(item, CharSet) else _grouped(text)
            return None if text is None else text + _count(low, high)
        case Edge(side):
            return "^" if side == "start" else "$"
        case Look(item, behind, negative):
            text = plain_text(item)
            return None if text is None else f"({_LOOKS[behind, negative]}{text})"
    return None


def _joined(between: str, items: tuple[Node, ...]) -> str | None:
    texts = [text for text in map(plain_text, items) if text is not None]
    return between.join(texts) if len(texts) == len(items) else None


def _grouped(text: str | None) -> str | None:
    return None if text is None else f"(?:{text})"


def _count(low: int, high: int | None) -> str:
    known = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
    return known or (f"{{{low}}}" if low == high else f"{{{low},{'' if high is None else high}}}")


def _class(ranges: CodePoints) -> str:
    texts = intersection(ranges, negation(SURROGATES))
    if not texts:
        return r"[^\s\S]"
    return (
        "[" + "".join([_character(lo) if lo == hi else f"{_character(lo)}-{_character(hi)}" for lo, hi in texts]) + "]"
    )


def _character(code: int) -> str:
    """A code point inside a class: letters, digits and what is not ASCII as they are."""
    char = chr(code)
    return char if code >= 0xA0 or (char.isascii() and char.isalnum()) else f"\\x{code:02x}"
