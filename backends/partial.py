"""Partial JSON: the value that a text shows so far.

A scanner follows the text character by character and remembers where it could be cut and closed: behind a finished
value, an opening bracket, or inside a string that is a member or an item. The value is then `json.loads` of the text up
to there and the closing brackets. Keys without a value, unfinished numbers and literals, half escapes and half
surrogate pairs are left out until they are whole.

Laws, for every prefix of a JSON text of x
    1. `closed` is JSON.  2. Its value is a beginning of x: lists are beginnings, the members of objects are members of
    x, strings are beginnings, anything else is equal.  3. Values only grow.
Cost: linear in the text for all of `feed` together; `closed` copies the text once.
"""

from __future__ import annotations

import io
import json
import re
from typing import Any

_PLAIN = re.compile(r'[^"\\]+')
_SPACE = " \t\r\n"
_LITERALS = ("true", "false", "null")


class PartialJson:
    """A JSON text that grows.

    >>> partial = PartialJson()
    >>> partial.feed('{"name": "Ad')
    >>> partial.value
    {'name': 'Ad'}
    >>> partial.feed('a", "tags": [1, 2')
    >>> partial.value
    {'name': 'Ada', 'tags': [1]}
    """

    def __init__(self) -> None:
        self._text = io.StringIO()
        self._piece = ""  # the text being read, and how much came before it
        self._base = 0
        self._closers: list[str] = []
        self._cut = 0  # the text up to here can be closed
        self._in_string = False
        self._is_key = False  # the string that is open, or comes next, is a key
        self._escape = ""  # an unfinished escape
        self._scalar = ""  # the beginning of an unfinished number or literal

    @property
    def text(self) -> str:
        """The text so far."""
        return self._text.getvalue()

    @property
    def depth(self) -> int:
        """How many values are open, one inside the other, an open string included."""
        return len(self._closers) + (self._in_string and not self._is_key)

    @property
    def closed(self) -> str | None:
        """The text so far, made whole; `None` while it shows no value."""
        if not self._cut:
            return None
        quote = '"' if self._in_string and not self._is_key else ""
        return self.text[: self._cut] + quote + "".join(reversed(self._closers))

    @property
    def value(self) -> Any:
        """The value shown so far; `None` while there is none."""
        closed = self.closed
        return None if closed is None else json.loads(closed)

    def feed(self, text: str) -> None:
        """Go on with `text`."""
        self._text.write(text)
        self._piece = text
        i = 0
        while i < len(text):
            i = self._string(i) if self._in_string else self._structure(i)
        self._base += len(text)

    def _string(self, i: int) -> int:
        """Read a stretch of a string from `i`; returns where it ends."""
        if self._escape:
            return self._escaped(i)
        if found := _PLAIN.match(self._piece, i):
            end = found.end()
        elif self._piece[i] == "\\":
            self._escape = "\\"
            return i + 1
        else:
            end = i + 1
            self._in_string = False
        if not self._is_key:
            self._cut = self._base + end
        return end

    def _escaped(self, i: int) -> int:
        """Read one character of an escape; the first half of a surrogate pair waits for the second."""
        self._escape += self._piece[i]
        is_unicode = self._escape[1] == "u"
        if is_unicode and len(self._escape) < 6:
            return i + 1
        is_half = is_unicode and 0xD800 <= int(self._escape[2:], 16) < 0xDC00
        self._escape = ""
        if not (is_half or self._is_key):
            self._cut = self._base + i + 1
        return i + 1

    def _structure(self, i: int) -> int:
        """Read one character outside of strings."""
        char = self._piece[i]
        here = self._base + i
        if char not in _SPACE + ',:{}[]"':
            self._scalar = (self._scalar + char)[:6]
            if self._scalar in _LITERALS:
                self._cut, self._scalar = here + 1, ""
            return i + 1
        if self._scalar:  # a number ends where something else begins
            self._cut, self._scalar = here, ""
        if char == '"':
            self._in_string = True
            self._cut = self._cut if self._is_key else here + 1
        elif char in "{[":
            self._closers.append("}" if char == "{" else "]")
            self._cut = here + 1
            self._is_key = char == "{"
        elif char in "}]":
            self._closers.pop()
            self._cut = here + 1
            self._is_key = False
        elif char == ",":
            self._is_key = self._closers[-1:] == ["}"]
        elif char == ":":
            self._is_key = False
        return i + 1
