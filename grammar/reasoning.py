"""Reasoning: free text between marks, in front of an answer.

reasoning(budget=2000) >> json(Answer)
"""

from __future__ import annotations

from dataclasses import dataclass

from .combinators import FreeText
from .ir import Expr
from .marks import first_mark, marked
from .part import Book, Part, Repeated, Text, in_sequence


@dataclass(frozen=True, slots=True, repr=False)
class Reasoning(Part):
    """Free text up to a mark; see `reasoning`."""

    budget: int | None
    begin: str
    end: str

    def __repr__(self) -> str:
        shown = [] if self.budget is None else [f"budget={self.budget}"]
        shown += [f"begin={self.begin!r}"] if self.begin != "<think>" else []
        shown += [f"end={self.end!r}"] if self.end != "</think>" else []
        return f"reasoning({', '.join(shown)})"

    @property
    def free(self) -> FreeText:
        """The free text."""
        unwanted = dict.fromkeys([first_mark(self.end), *([first_mark(self.begin)] if self.begin else [])])
        return FreeText(tuple(unwanted), self.budget)

    def parts(self) -> tuple[Part, ...]:
        begin = [marked(self.begin).optional()] if self.begin else []
        return (in_sequence(*begin, self.free, marked(self.end), Repeated(Text("\n"), 0, 2)),)

    def expression(self, book: Book) -> Expr:
        return self.parts()[0].expression(book)


def reasoning(budget: int | None = None, *, begin: str = "<think>", end: str = "</think>") -> Part:
    """Free text that a mark ends, and at most two line ends behind it.

    Names such as `<think>` are special tokens where the vocabulary has them, else text, wherever tokens cut it. The
    text inside holds no special token and spells neither mark.

    Parameters
    ----------
    budget : at most so many characters; then nothing but the end is allowed.
    begin : the mark in front, which may be left out: many prompts end with it. "" for none.
    end : the mark that ends the text.

    Raises
    ------
    ValueError : `end` is empty, or the budget negative.
    """
    if not end:
        raise ValueError("Expected a mark that ends the reasoning, got an empty one.")
    if budget is not None and budget < 0:
        raise ValueError(f"Expected a budget of 0 characters and more, got {budget}.")
    return Reasoning(budget, begin, end)
