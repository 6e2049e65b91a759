"""Substrings: every factor of a text, by its suffix automaton.

The automaton of a text of n characters has fewer than 2n states; runs of states without a choice are one rule.

Source: Blumer, Blumer, Haussler, Ehrenfeucht, Chen, Seiferas 1985, The smallest automaton recognizing the subwords of a
text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import BudgetExceeded
from .fold import alternation, concatenation
from .ir import EMPTY, Bytes, Expr, Ref
from .part import Book, Part

#: Pieces of a text whose factors are asked for.
MAX_PIECES = 100_000
#: Steps of a run that one rule spells out.
_RUN = 8


@dataclass(frozen=True, slots=True, repr=False)
class Substring(Part):
    """Any run of the pieces of a text, none included."""

    pieces: tuple[str, ...]
    #: How it was asked for, for its `repr`.
    by: str = "chars"

    def __repr__(self) -> str:
        text = "".join(self.pieces)
        return f"substring({text[:40] + '...' if len(text) > 40 else text!r}, by={self.by!r})"

    def expression(self, book: Book) -> Ref:
        if len(self.pieces) > MAX_PIECES:
            raise BudgetExceeded("pieces of a text for substrings", MAX_PIECES, "give a shorter text or larger pieces")
        names: dict[int, str] = {}
        next_of = suffix_automaton(self.pieces)
        incoming = [0] * len(next_of)
        for row in next_of:
            for t in row.values():
                incoming[t] += 1
        prefix = book.rule("substring", EMPTY).rule
        names[0] = prefix
        for q in (queue := [0]):
            ways: list[Expr] = [EMPTY]
            for piece, t in next_of[q].items():
                run = [piece]
                while len(run) < _RUN and len(next_of[t]) == 1 and incoming[t] == 1:
                    ((piece, t),) = next_of[t].items()
                    ways.append(_bytes(run))
                    run.append(piece)
                if t not in names:
                    names[t] = f"{prefix} at {len(names)}"
                    queue.append(t)
                ways.append(concatenation((_bytes(run), Ref(names[t]))))
            book.rules[names[q]] = alternation(ways)
        return Ref(prefix)


def _bytes(pieces: Sequence[str]) -> Bytes:
    return Bytes("".join(pieces).encode())


def suffix_automaton(pieces: Sequence[str]) -> list[dict[str, int]]:
    """The transitions of the suffix automaton of a sequence, by state; state 0 is the start, every state accepts."""
    next_of: list[dict[str, int]] = [{}]
    length, link = [0], [-1]
    last = 0
    for piece in pieces:
        new = len(next_of)
        next_of.append({})
        length.append(length[last] + 1)
        link.append(0)
        p = last
        while p >= 0 and piece not in next_of[p]:
            next_of[p][piece] = new
            p = link[p]
        if p >= 0:
            q = next_of[p][piece]
            if length[q] == length[p] + 1:
                link[new] = q
            else:
                clone = len(next_of)
                next_of.append(dict(next_of[q]))
                length.append(length[p] + 1)
                link.append(link[q])
                while p >= 0 and next_of[p].get(piece) == q:
                    next_of[p][piece] = clone
                    p = link[p]
                link[q] = link[new] = clone
        last = new
    return next_of
