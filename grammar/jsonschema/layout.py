"""Layout: the white space between the parts of a JSON text.

White space may stand in four kinds of gaps: around the whole text, inside braces and brackets, around colons and around
commas. A `Layout` holds one regular expression for each. An indented layout depends on the depth, too; below
`DEEPEST` levels it goes on in one line, so that recursive schemas have finitely many rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ...errors import GrammarError
from ..fold import is_nothing
from ..ir import EMPTY, Bytes, Expr, Items, Members, Repeat, byte_set, choice, optional, sequence

#: The depth at which an indented layout goes on in one line.
DEEPEST: Final = 16
_SPACE: Final = byte_set(0x20, 0x09, 0x0A, 0x0D)
_ANY: Final = Repeat(_SPACE)
_COLON, _COMMA, _COMMA_SPACE = Bytes(b":"), Bytes(b","), Bytes(b", ")


@dataclass(frozen=True, slots=True)
class Layout:
    """The gaps of a JSON text, as regular expressions."""

    #: The option it was made from; part of a constraint's fingerprint.
    name: str
    colon: Expr
    comma: Expr
    #: Inside braces and brackets, at either end.
    inner: Expr = EMPTY
    #: Before and after the whole text.
    outer: Expr = EMPTY
    #: Spaces per level, for indented layouts.
    indent: int | None = None

    def enclosed(self, opening: bytes, body: Members | Items, closing: bytes, depth: int) -> Expr:
        """A body in braces or brackets."""
        if self.indent is None or depth >= DEEPEST:
            return sequence(Bytes(opening), self.inner, body, self.inner, Bytes(closing))
        inside, outside = (b"\n" + b" " * (self.indent * level) for level in (depth + 1, depth))
        full = sequence(Bytes(opening + inside), replace(body, min=max(body.min, 1)), Bytes(outside + closing))
        if body.max == 0 or not _parts(body):
            return Bytes(opening + closing)
        return full if body.min else choice(Bytes(opening + closing), full)

    def separator(self, depth: int) -> Expr:
        """What stands between two members or items."""
        if self.indent is None or depth >= DEEPEST:
            return self.comma
        return Bytes(b",\n" + b" " * (self.indent * (depth + 1)))

    def below(self, depth: int) -> int:
        """The depth of what a container at this depth holds; 0 where depth does not matter."""
        return 0 if self.indent is None else min(depth + 1, DEEPEST)


def _parts(body: Members | Items) -> tuple[object, ...]:
    """What may stand in a container."""
    if isinstance(body, Members):
        return (*[key for key in body.keys if not is_nothing(key.value)], *body.other)
    return body.prefix if body.rest is None else (*body.prefix, body.rest)


GENERATION: Final = Layout(
    "generation", sequence(_COLON, optional(Bytes(b" "))), sequence(_COMMA, optional(Bytes(b" ")))
)
COMPACT: Final = Layout("compact", _COLON, _COMMA)


def gaps(name: str, gap: Expr) -> Layout:
    """The layout with the same expression in every gap."""
    return Layout(name, sequence(gap, _COLON, gap), sequence(gap, _COMMA, gap), gap, gap)


ANY: Final = gaps("any", _ANY)


def parse_layout(whitespace: str | int | None, profile: str, pattern: Callable[[str], Expr]) -> Layout:
    """The layout for the option `whitespace`.

    Parameters
    ----------
    whitespace : None (the profile's own), "any", "compact", "indent=2" with any number of spaces, at most so many bytes
        in each gap, or a regular expression for a gap.
    pattern : compiles a regular expression that spans the whole gap.

    Raises
    ------
    GrammarError : a negative number, or a gap that holds more than JSON's white space.
    """
    if whitespace is None:
        return ANY if profile == "spec" else GENERATION
    if isinstance(whitespace, int):
        if whitespace < 0:
            raise GrammarError(f"Expected `whitespace` to be at least 0 bytes, got {whitespace}.")
        return gaps(str(whitespace), Repeat(_SPACE, 0, whitespace)) if whitespace else COMPACT
    if whitespace in ("any", "compact"):
        return ANY if whitespace == "any" else COMPACT
    if whitespace.startswith("indent="):
        width = whitespace.removeprefix("indent=")
        if not width.isdecimal():
            raise GrammarError(f'Expected `whitespace` such as "indent=2", got {whitespace!r}.')
        return Layout(whitespace, Bytes(b": "), _COMMA_SPACE, indent=int(width))
    return gaps(whitespace, pattern(whitespace))
