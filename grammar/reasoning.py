"""Reasoning: free text between marks, in front of an answer.

reasoning(budget=500) >> json(Answer)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .combinators import FreeText
from .fold import concatenation
from .ir import Expr, TokenBudget, optional
from .marks import first_mark, marked
from .part import Book, Part, Repeated, Text, in_sequence

#: What may stand behind the reasoning.
_BLANK = Repeated(Text("\n"), 0, 2)


@dataclass(frozen=True, slots=True, repr=False)
class Reasoning(Part):
    """Free text up to a mark; see `reasoning`."""

    budget: int | None
    begin: str
    end: str
    unit: Literal["tokens", "chars"] = "tokens"

    def __repr__(self) -> str:
        shown = [] if self.budget is None else [f"budget={self.budget}"]
        shown += [f"unit={self.unit!r}"] if self.unit != "tokens" else []
        shown += [f"begin={self.begin!r}"] if self.begin != "<think>" else []
        shown += [f"end={self.end!r}"] if self.end != "</think>" else []
        return f"reasoning({', '.join(shown)})"

    @property
    def free(self) -> FreeText:
        """The free text; a budget of tokens, which no grammar over text can say, bounds it where tokens are known."""
        unwanted = dict.fromkeys([first_mark(self.end), *([first_mark(self.begin)] if self.begin else [])])
        return FreeText(tuple(unwanted), self.budget if self.unit == "chars" or self.budget == 0 else None)

    def parts(self) -> tuple[Part, ...]:
        begin = (marked(self.begin).optional(),) if self.begin else ()
        return (in_sequence(*begin, self.free, marked(self.end), _BLANK),)

    def expression(self, book: Book) -> Expr:
        if not self.budget or self.unit == "chars":
            return self.parts()[0].expression(book)
        begin = book.rule("begin of reasoning", marked(self.begin).expression(book))
        free = book.rule("reasoning", self.free.expression(book))
        end = book.rule("end of reasoning", marked(self.end).expression(book))
        book.budgets[free.rule] = TokenBudget(self.budget, begin.rule, end.rule)
        return concatenation((optional(begin), free, end, _BLANK.expression(book)))


def reasoning(
    budget: int | None = None,
    *,
    unit: Literal["tokens", "chars"] = "tokens",
    begin: str = "<think>",
    end: str = "</think>",
) -> Part:
    """Free text that a mark ends, and at most two line ends behind it.

    Names such as `<think>` are special tokens where the vocabulary has them, else text, wherever tokens cut it. The
    text inside holds no special token and spells neither mark.

    Parameters
    ----------
    budget : at most so many tokens between the marks; then nothing but the end is allowed. A character that has begun
        is completed, which takes at most three more.
    unit : what the budget counts: "tokens", which bounds what is generated, or "chars" (characters), which bounds the
        text whoever wrote it, in a printed grammar, too.
    begin : the mark in front, which may be left out: many prompts end with it. "" for none.
    end : the mark that ends the text.

    Raises
    ------
    ValueError : `end` is empty, the budget negative, or the unit not known.
    """
    if not end:
        raise ValueError("Expected a mark that ends the reasoning, got an empty one.")
    if unit not in ("tokens", "chars"):
        raise ValueError(f'Expected unit to be "tokens" or "chars", got {unit!r}.')
    if budget is not None and budget < 0:
        raise ValueError(f"Expected a budget of 0 {unit} and more, got {budget}.")
    return Reasoning(budget, begin, end, unit)
