"""What a regular expression of the IR matches, from the definition: the ends of every match that starts at a place."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

from syntagma.grammar.ir import Alt, And, Bytes, ByteSet, Expr, Lexeme, Not, Repeat, Seq


@lru_cache(maxsize=200_000)
def ends(expr: Expr, data: bytes, start: int) -> frozenset[int]:
    """Every `end` such that `data[start:end]` is a match."""
    match expr:
        case Bytes(word):
            return frozenset({start + len(word)} if data.startswith(word, start) else ())
        case ByteSet(mask):
            return frozenset({start + 1} if start < len(data) and mask >> data[start] & 1 else ())
        case Seq(items):
            places = frozenset({start})
            for item in items:
                places = frozenset(e for s in places for e in ends(item, data, s))
            return places
        case Alt(items):
            return frozenset(e for item in items for e in ends(item, data, start))
        case And(items):
            every = frozenset(range(start, len(data) + 1))
            for item in items:
                every &= ends(item, data, start)
            return every
        case Not(item):
            return frozenset(range(start, len(data) + 1)) - ends(item, data, start)
        case Lexeme(inner):
            return ends(inner, data, start)
        case Repeat(item, low, high):
            return _repeated(item, low, high, data, start)
    raise AssertionError(expr)


def _repeated(item: Expr, low: int, high: int | None, data: bytes, start: int) -> frozenset[int]:
    places, found = frozenset({start}), set()
    # More rounds than bytes add nothing but empty matches.
    for count in range((low if high is None else high) + len(data) + 2):
        if count >= low:
            found |= places
        if count == high or not places:
            break
        places = frozenset(e for s in places for e in ends(item, data, s))
    return frozenset(found)


def matches(expr: Expr, data: bytes) -> bool:
    """Whether all of `data` is a match."""
    return len(data) in ends(expr, data, 0)


def strings(alphabet: bytes, longest: int) -> list[bytes]:
    """Every string over the alphabet up to a length, shorter ones first."""
    return [bytes(word) for n in range(longest + 1) for word in product(alphabet, repeat=n)]
