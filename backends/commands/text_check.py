"""Text check: a text against a constraint, byte by byte, without any tokenizer.

The vocabulary is the 256 bytes, an end of sequence, and the special tokens that the grammar names; a special token is
matched where its name stands in the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...grammar.ir import Expr, Grammar, Token, children
from .byte_names import byte_name, byte_names

if TYPE_CHECKING:
    from ...automata import Matcher, TokenAutomaton, Vocabulary

EOS = 256


@dataclass(frozen=True)
class Mismatch:
    """The first place where a text leaves the language; or its end, if it must not end there."""

    #: Bytes before it, and the same place as line and column (in characters, from 1).
    offset: int
    line: int
    column: int
    #: The byte that does not fit; None at the end of the text.
    found: int | None
    #: The bytes that would fit.
    expected: tuple[int, ...]
    #: Whether the text might have ended here.
    may_end: bool
    #: The rules in which the text stands with what each expects, and the guards that refuse the byte, if any did.
    rules: tuple[tuple[str, str], ...]
    guard: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.difference}"

    @property
    def difference(self) -> str:
        """What was found and what was expected."""
        found = "the end of the text" if self.found is None else byte_name(self.found)
        return f"found {found}, expected {self.expectation}"

    @property
    def expectation(self) -> str:
        """What would fit, in words."""
        names = byte_names(self.expected) if self.expected else []
        return ", ".join(names + ["the end of the text"] * self.may_end) or "nothing (no byte passes the guards)"

    def as_data(self) -> dict[str, Any]:
        """For `--json`."""
        expected = {"bytes": list(self.expected), "text": byte_names(self.expected), "end": self.may_end}
        place = {"offset": self.offset, "line": self.line, "column": self.column, "found": self.found}
        return place | {"expected": expected, "rules": [list(rule) for rule in self.rules], "guard": self.guard}

    @property
    def reason(self) -> str:
        """Why the byte does not fit, in words."""
        if self.guard:
            return f"This completes a value that is refused by {self.guard}."
        return "\n".join(f"  in {rule}: {what}" for rule, what in self.rules)


def byte_vocabulary(grammar: Grammar) -> Vocabulary:
    """The single bytes (id = byte), end of sequence (256), and the grammar's special tokens by name."""
    from ...automata import Vocabulary

    names = sorted({name for body in grammar.rules.values() for name in _token_names(body)})
    special = {name: EOS + 1 + i for i, name in enumerate(names)}
    return Vocabulary.from_tokens([bytes([b]) for b in range(256)], [EOS], special)


def _token_names(expr: Expr) -> Iterator[str]:
    stack = [expr]
    while stack:
        top = stack.pop()
        if isinstance(top, Token) and top.name is not None and not top.or_text:
            yield top.name
        stack.extend(children(top))


def compile_for_bytes(grammar: Grammar) -> TokenAutomaton:
    """The automaton of a grammar over the vocabulary of its bytes; budgets of tokens do not count there."""
    from ...automata import compile_grammar

    return compile_grammar(replace(grammar, budgets={}), byte_vocabulary(grammar))


def first_mismatch(auto: TokenAutomaton, text: bytes) -> Mismatch | None:
    """Where the text leaves the language of `auto`, which is over a `byte_vocabulary`; None if it belongs to it."""
    matcher = auto.matcher()
    offset = follow(matcher, auto.vocabulary, text)
    if offset == len(text) and matcher.accepts_eos:
        return None
    expected, may_end = what_fits(matcher, auto.vocabulary)
    before = text[:offset]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
    found = text[offset] if offset < len(text) else None
    why = matcher.explain(EOS if found is None else found)
    rules = tuple((e.rule.strip(), _in_words(e.ranges)) for e in why.expected if e.rule)
    return Mismatch(offset, line, column, found, expected, may_end, rules, why.guard)


def _in_words(ranges: Sequence[tuple[int, int]]) -> str:
    return ", ".join(byte_names({b for lo, hi in ranges for b in range(lo, hi + 1)}))


def follow(matcher: Matcher, vocabulary: Vocabulary, text: bytes) -> int:
    """Feed bytes and special tokens until one does not fit; return how many bytes were taken."""
    special = [(name.encode(), token) for name, token in vocabulary.special.items()]
    offset = 0
    while offset < len(text):
        if matcher.accept(text[offset]):
            offset += 1
            continue
        for name, token in special:
            if text.startswith(name, offset) and matcher.accept(token):
                offset += len(name)
                break
        else:
            return offset
    return offset


def what_fits(matcher: Matcher, vocabulary: Vocabulary) -> tuple[tuple[int, ...], bool]:
    """The bytes that may come next, and whether the text may end."""
    row = np.zeros(vocabulary.mask_words, np.int32)
    matcher.fill_mask(row)
    bits = np.unpackbits(row.view(np.uint8), bitorder="little")
    return tuple(map(int, np.flatnonzero(bits[:256]))), bool(matcher.accepts_eos)
