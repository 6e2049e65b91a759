"""Alphabet: the bytes that a grammar never tells apart, as classes.

A class is a 256-bit mask; bit b is byte b. The classes are disjoint and cover every byte, so a walk over all strings
needs one step for each class instead of 256.

Law: exchanging bytes of one class anywhere in a text changes nothing about whether the grammar matches it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .analysis import reachable
from .ir import Bytes, ByteSet, Expr, Grammar, Spelled, children
from .machine import ALL_BYTES
from .spelling import spellings


def byte_classes(*grammars: Grammar) -> list[int]:
    """The classes of bytes that no rule of the grammars tells apart, by lowest byte."""
    return refine(
        mask for each in grammars for body in reachable(each.rules, each.start).values() for mask in masks(body)
    )


def refine(parts: Iterable[int]) -> list[int]:
    """The coarsest partition of the bytes into classes that every mask respects, by lowest byte."""
    blocks = [ALL_BYTES]
    for mask in set(parts):
        split = []
        for block in blocks:
            inside = block & mask
            split += [inside, block ^ inside] if inside and inside != block else [block]
        blocks = split
    return sorted(blocks, key=lambda block: block & -block)


def masks(expr: Expr) -> Iterator[int]:
    """The sets of bytes that an expression reads, with repetitions; one byte each where it spells text."""
    stack, seen = [expr], set[int]()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        match node:
            case Bytes(data):
                yield from (1 << byte for byte in set(data))
            case ByteSet(mask):
                yield mask
            case Spelled(text):
                yield from masks(spellings(text))
            case _:
                stack.extend(children(node))


def members(mask: int) -> bytes:
    """The bytes of a class, ascending.

    >>> members(0b1101)
    b'\\x00\\x02\\x03'
    """
    return bytes(byte for byte in range(256) if mask >> byte & 1)
