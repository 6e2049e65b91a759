"""Naive parses: every derivation tree of a text, from the definition.

A tree is (rule, start, end, children), the children being trees and bytes in order. What a regular expression inside a
rule did is not part of it. Where rules derive themselves over the same text there are infinitely many; those with
more than two such turns are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from syntagma.grammar.ir import Alt, Bytes, ByteSet, Expr, Grammar, Lexeme, Ref, Repeat, Seq

Children = tuple[object, ...]


class TooLong(Exception):
    """The listing takes too many steps."""


def parses(grammar: Grammar, text: bytes, most: int = 2, steps: int = 10_000) -> set[object]:
    """Distinct trees of the text, `most` of them at most; `TooLong` if that takes too many steps."""
    found: set[object] = set()
    left = iter(range(steps))
    for tree, end in _rule(grammar, grammar.start, text, 0, (), left):
        if end == len(text):
            found.add(tree)
        if len(found) >= most:
            break
    return found


def _rule(
    grammar: Grammar, name: str, text: bytes, i: int, above: tuple[tuple[str, int], ...], left: Iterator[int]
) -> Iterator[tuple[object, int]]:
    if next(left, None) is None:
        raise TooLong
    if above.count((name, i)) > len(text) + 2 - i:
        return
    seen: set[tuple[Children, int]] = set()
    for children, end in _parts(grammar, grammar.rules[name], text, i, (*above, (name, i)), left):
        if (children, end) not in seen:
            seen.add((children, end))
            yield (name, i, end, children), end


def _parts(
    grammar: Grammar, expr: Expr, text: bytes, i: int, above: tuple[tuple[str, int], ...], left: Iterator[int]
) -> Iterator[tuple[Children, int]]:
    """What the expression may read from a place: its children, and where it ends."""
    match expr:
        case Bytes(data):
            if text.startswith(data, i):
                yield tuple(data), i + len(data)
        case ByteSet(mask):
            if i < len(text) and mask >> text[i] & 1:
                yield (text[i],), i + 1
        case Ref(name):
            for tree, end in _rule(grammar, name, text, i, above, left):
                yield (tree,), end
        case Lexeme(inner):
            for _, end in _parts(grammar, inner, text, i, above, left):
                yield (text[i:end],), end
        case Seq(items):
            yield from _sequence(grammar, items, text, i, above, left)
        case Alt(items):
            for item in items:
                yield from _parts(grammar, item, text, i, above, left)
        case Repeat(item, low, high):
            top = max(low, len(text) - i + 2) if high is None else min(high, max(low, len(text) - i + 2))
            for count in range(low, top + 1):
                yield from _sequence(grammar, (item,) * count, text, i, above, left)
        case _:
            raise TypeError(expr)


def _sequence(
    grammar: Grammar,
    items: tuple[Expr, ...],
    text: bytes,
    i: int,
    above: tuple[tuple[str, int], ...],
    left: Iterator[int],
) -> Iterator[tuple[Children, int]]:
    if not items:
        yield (), i
        return
    for head, middle in _parts(grammar, items[0], text, i, above, left):
        for rest, end in _sequence(grammar, items[1:], text, middle, above, left):
            yield head + rest, end
