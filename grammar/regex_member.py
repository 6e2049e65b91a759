"""Reader of what stands for a character in a regular expression: escapes and classes.

A member is a code point or a set of them. In Python's flavour the flag `i` widens characters and ranges but not
`\\d`, `\\w` and the like, in ECMA's everything.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, NoReturn, TypeAlias

from ..errors import GrammarSyntaxError, UnsupportedFeature
from .regex_tree import CharSet
from .unicode import (
    DIGITS,
    ECMA_SPACES,
    LAST,
    SPACES,
    WORDS,
    CodePoints,
    digits,
    fold_case,
    negation,
    spaces,
    unicode_property,
    union,
    words,
)

Flavour: TypeAlias = Literal["python", "ecma"]
Flags: TypeAlias = frozenset[str]

_CONTROLS = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11}
_HEX_LENGTH = {"x": 2, "u": 4, "U": 8}


class MemberReader:
    """A place in a pattern, and the reading of members there."""

    def __init__(self, source: str, flavour: Flavour) -> None:
        self.source = source
        self.flavour: Flavour = flavour
        self.pos = 0

    def _fail(self, message: str, offset: int) -> NoReturn:
        raise GrammarSyntaxError(message, source=self.source, offset=offset)

    def _refuse(self, message: str, offset: int) -> NoReturn:
        raise UnsupportedFeature(message, source=self.source, offset=offset)

    def _peek(self) -> str:
        return self.source[self.pos : self.pos + 1]

    def _take(self, text: str) -> bool:
        found = self.source.startswith(text, self.pos)
        if found:
            self.pos += len(text)
        return found

    def _literal(self, code: int, flags: Flags) -> CharSet:
        return CharSet(self._fold(((code, code),), flags))

    def _fold(self, ranges: CodePoints, flags: Flags) -> CodePoints:
        if "i" not in flags:
            return ranges
        return fold_case(ranges, ascii_only="a" in flags, simple=self.flavour == "ecma")

    def _words(self, flags: Flags) -> CodePoints:
        if self.flavour == "ecma":
            return self._fold(WORDS, flags)
        return WORDS if "a" in flags else words()

    def _shorthand(self, letter: str, flags: Flags) -> CodePoints:
        """What `\\d`, `\\s` or `\\w` (lower case) matches."""
        if letter == "w":
            return self._words(flags)
        if self.flavour == "ecma":
            return DIGITS if letter == "d" else ECMA_SPACES
        if "a" in flags:
            return DIGITS if letter == "d" else SPACES
        return digits() if letter == "d" else spaces()

    def _member(self, flags: Flags, at: int) -> int | CodePoints:
        """The code point or set of an escape, behind its backslash; in and out of classes."""
        letter = self._peek()
        self.pos += 1
        if letter and letter in "dDsSwW":
            ranges = self._shorthand(letter.lower(), flags)
            return ranges if letter.islower() else negation(ranges)
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter in _HEX_LENGTH and (letter != "U" or self.flavour == "python"):
            return self._hexadecimal(letter, at)
        if letter and letter in "01234567":
            return self._octal(at)
        if letter and letter in "pP":
            return self._property(flags, at, negative=letter == "P")
        if self.flavour == "python" and letter == "a":
            return 7
        if self.flavour == "python" and letter == "N" and self._take("{"):
            return self._named(at)
        if self.flavour == "ecma" and letter == "c" and re.match("[A-Za-z]", self._peek()):
            self.pos += 1
            return ord(self.source[self.pos - 1]) % 32
        if not letter:
            self._fail("Expected a character after '\\', found the end of the pattern", at)
        if letter.isascii() and letter.isalnum():
            self._fail(f"Expected a known escape, found '\\{letter}'", at)
        return ord(letter)

    def _hexadecimal(self, letter: str, at: int) -> int:
        length = _HEX_LENGTH[letter]
        found = re.compile(f"[0-9a-fA-F]{{{length}}}").match(self.source, self.pos)
        if found is None and letter == "u" and self.flavour == "ecma":
            found = re.compile(r"\{0*([0-9a-fA-F]{1,6})\}").match(self.source, self.pos)
        if found is None or int(found[found.re.groups], 16) > LAST:
            self._fail(f"Expected {length} hexadecimal digits of a code point after '\\{letter}'", at)
        self.pos = found.end()
        code = int(found[found.re.groups], 16)
        low = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})").match(self.source, self.pos)
        if self.flavour == "ecma" and 0xD800 <= code < 0xDC00 and found.re.groups == 0 and low:
            self.pos = low.end()
            code = 0x10000 + ((code - 0xD800) << 10) + int(low[1], 16) - 0xDC00
        return code

    def _octal(self, at: int) -> int:
        pattern = r"[0-7]{1,3}" if self.flavour == "python" else r"0(?![0-9])"
        found = re.compile(pattern).match(self.source, self.pos - 1)
        if found is None or int(found[0], 8) > 255:
            self._fail("Expected an octal escape of at most '\\377' (ECMA: only '\\0')", at)
        self.pos = found.end()
        return int(found[0], 8)

    def _property(self, flags: Flags, at: int, *, negative: bool) -> CodePoints:
        found = re.compile(r"\{(\^?)([\w=]+)\}").match(self.source, self.pos)
        if found is None:
            self._fail("Expected a property in braces, such as '\\p{Lu}'", at)
        ranges = unicode_property(found[2])
        if ranges is None:
            self._refuse(f"Expected a general category such as L or Lu, Any, ASCII or Assigned, got {found[2]!r}", at)
        self.pos = found.end()
        return negation(ranges) if negative != bool(found[1]) else ranges

    def _named(self, at: int) -> int:
        end = self.source.find("}", self.pos)
        try:
            code = ord(unicodedata.lookup(self.source[self.pos : max(end, self.pos)]))
        except (KeyError, TypeError):
            self._fail("Expected the name of a character in braces, such as '\\N{EM DASH}'", at)
        self.pos = end + 1
        return code

    def _class(self, flags: Flags, at: int) -> CodePoints:
        """The members of a class, behind its '['."""
        negative = self._take("^")
        literal: list[tuple[int, int]] = []
        sets: list[CodePoints] = []
        first = self.flavour == "python"
        while first or not self._take("]"):
            first = False
            low = self._class_member(flags, at)
            start = self.pos
            if self._peek() == "-" and self.source[start + 1 : start + 2] not in ("", "]"):
                self.pos += 1
                high = self._class_member(flags, at)
                if isinstance(low, int) and isinstance(high, int):
                    if high < low:
                        self._fail("Expected a range of a class to end behind its start", start)
                    literal.append((low, high))
                    continue
                if self.flavour == "python":
                    self._fail("Expected a range of a class to have characters for ends; write '\\-' for '-'", start)
                for part in (low, high, 45):
                    _add(part, literal, sets)
            else:
                _add(low, literal, sets)
        ranges = union(self._fold(union(literal), flags), *sets)
        if self.flavour == "ecma":
            ranges = self._fold(ranges, flags)
        return negation(ranges) if negative else ranges

    def _class_member(self, flags: Flags, at: int) -> int | CodePoints:
        start, char = self.pos, self._peek()
        if not char:
            self._fail("Expected ']' to close the class that opens here", at)
        self.pos += 1
        if char != "\\":
            return ord(char)
        if self._take("b"):
            return 8
        return self._member(flags, start)


def _add(member: int | CodePoints, literal: list[tuple[int, int]], sets: list[CodePoints]) -> None:
    if isinstance(member, int):
        literal.append((member, member))
    else:
        sets.append(member)
