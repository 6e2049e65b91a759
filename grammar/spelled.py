"""Spelled strings byte by byte: the alternation of many strings without an alternation of their spellings.

A string is a sequence of symbols: a code point, which may be spelled in several ways (`spelling.py`), or ~byte, a byte
that stands for itself. Strings share states symbol by symbol; what lies between two symbols is the same small trie
wherever the same symbols stand.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from operator import invert
from typing import TypeAlias

from ..errors import UnsupportedFeature
from .ir import Bytes, ByteSet, Expr, Seq, Spelled
from .machine import Machine, acyclic, rooted
from .spelling import character

Symbols: TypeAlias = tuple[int, ...]


def symbols_of(key: Bytes | Spelled) -> Symbols:
    """The symbols of a literal, quotes included."""
    if isinstance(key, Bytes):
        return tuple(map(invert, key.data))
    return (~0x22, *map(ord, key.text), ~0x22)


@lru_cache(maxsize=1024)
def _steps(symbols: Symbols) -> tuple[tuple[tuple[int, int], ...], ...]:
    """How any of the symbols is read: a trie, parents before children.

    By state: (byte set, target) pairs; ~k as a target says that symbol k is read.

    Raises
    ------
    UnsupportedFeature : two symbols have a spelling in common.
    """
    rows: list[dict[int, int]] = [{}]
    for k, symbol in enumerate(symbols):
        for spelling in spellings_of(symbol):
            at = 0
            for bytes_ in spelling[:-1]:
                target = rows[at].get(bytes_[0], len(rows))
                if target == len(rows):
                    rows.append({})
                rows[at] |= dict.fromkeys(bytes_, target)
                at = target
                if at < 0:
                    raise _clash()
            if any(byte in rows[at] for byte in spelling[-1]):
                raise _clash()
            rows[at] |= dict.fromkeys(spelling[-1], ~k)
    return tuple(map(_masked, rows))


def _clash() -> UnsupportedFeature:
    return UnsupportedFeature("Expected literals that stand side by side to be spelled in one way.")


def _masked(row: dict[int, int]) -> tuple[tuple[int, int], ...]:
    masks: dict[int, int] = {}
    for byte, target in row.items():
        masks[target] = masks.get(target, 0) | 1 << byte
    return tuple((mask, target) for target, mask in masks.items())


@lru_cache(maxsize=4096)
def spellings_of(symbol: int) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """The ways to write a symbol, each a sequence of sets of bytes."""
    return (((~symbol,),),) if symbol < 0 else tuple(_ways(character(chr(symbol))))


def _ways(expr: Expr) -> list[tuple[tuple[int, ...], ...]]:
    """The ways through an expression of literals and byte sets in sequence and alternation."""
    match expr:
        case Bytes(data):
            return [tuple((byte,) for byte in data)]
        case ByteSet(mask):
            return [(tuple(byte for byte in range(256) if mask >> byte & 1),)]
        case Seq(items):
            return [sum(parts, ()) for parts in product(*map(_ways, items))]
    return [way for item in expr.items for way in _ways(item)]  # type: ignore[union-attr]


def spelled_literals(words: Iterable[Symbols]) -> Machine:
    """The minimal machine of finitely many strings of symbols.

    Raises
    ------
    UnsupportedFeature : two words have a spelling in common.
    """
    rows: list[dict[int, int]] = []
    labels: list[int] = []
    known: dict[tuple[int, frozenset[tuple[int, int]]], int] = {}
    numbers: list[int] = []
    for edges, label in acyclic(words):
        steps = _steps(tuple(symbol for symbol, _ in edges))
        local = [0] * len(steps)
        for i in reversed(range(len(steps))):
            row: dict[int, int] = {}
            for mask, target in steps[i]:
                q = numbers[edges[~target][1]] if target < 0 else local[target]
                row[q] = row.get(q, 0) | mask
            final = label if i == 0 else 0
            local[i] = known.setdefault((final, frozenset(row.items())), len(rows))
            if local[i] == len(rows):
                rows.append(row)
                labels.append(final)
        numbers.append(local[0])
    return rooted(rows, labels)
