"""Checks for guards: small properties of texts that tell apart when they are asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LengthIs:
    """Whether the text's length is even, or odd: it may refuse the empty text, or nothing but it."""

    even: bool
    pointer: str = "#"
    keyword: str = "length"

    def __call__(self, text: bytes) -> bool:
        return (len(text) % 2 == 0) == self.even


@dataclass(frozen=True)
class Without:
    """Whether the text lacks a byte string."""

    word: bytes
    pointer: str = "#/a"
    keyword: str = "not"

    def __call__(self, text: bytes) -> bool:
        return self.word not in text
