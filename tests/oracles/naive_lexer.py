"""Naive lexing: the longest match among the lexemes that may stand at a place, then the grammar.

A grammar over lexemes reads a text from left to right. At each place those lexemes compete that the grammar allows
there; the longest match wins, of equally long ones the highest priority; what the winner leaves over is read the same
way. A text is in the language if that ends with the text, at a place where the grammar may end.
"""

from __future__ import annotations

from itertools import product

from oracles.naive_regular import ends

from syntagma.grammar.ir import Alt, Expr, Grammar, Lexeme, Ref, Repeat, Seq

Stack = tuple[Expr, ...]


def next_lexemes(grammar: Grammar, stack: Stack) -> set[tuple[Lexeme | None, Stack]]:
    """The lexemes that may come first, each with what is left behind it; None where the stack may end."""
    if not stack:
        return {(None, ())}
    goal, rest = stack[0], stack[1:]
    match goal:
        case Lexeme():
            return {(goal, rest)}
        case Ref(name):
            return next_lexemes(grammar, (grammar.rules[name], *rest))
        case Seq(items):
            return next_lexemes(grammar, (*items, *rest))
        case Alt(items):
            return {found for item in items for found in next_lexemes(grammar, (item, *rest))}
        case Repeat(item, low, high):
            found = next_lexemes(grammar, rest) if low == 0 else set()
            if high != 0:
                more = Repeat(item, max(low - 1, 0), None if high is None else high - 1)
                found |= next_lexemes(grammar, (item, more, *rest))
            return found
    raise TypeError(goal)


def matches(grammar: Grammar, text: bytes) -> bool:
    """Whether the text is in the language."""
    stacks: set[Stack] = {(Ref(grammar.start),)}
    at = 0
    while True:
        found = {each for stack in stacks for each in next_lexemes(grammar, stack)}
        if at == len(text):
            return any(lexeme is None for lexeme, _ in found)
        length, priority = 0, 0
        for lexeme, _ in found:
            longest = max(ends(lexeme.expr, text, at) - {at}, default=at) - at if lexeme else 0
            if lexeme and longest and (longest, lexeme.priority) >= (length, priority):
                length, priority = longest, lexeme.priority
        if not length:
            return False
        stacks = {
            rest
            for lexeme, rest in found
            if lexeme and lexeme.priority == priority and at + length in ends(lexeme.expr, text, at)
        }
        at += length


def words(grammar: Grammar, alphabet: bytes, longest: int) -> set[bytes]:
    """All texts of the language up to a length."""
    return {text for n in range(longest + 1) for w in product(alphabet, repeat=n) if matches(grammar, text := bytes(w))}
