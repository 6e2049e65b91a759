"""Arrays of distinct items out of a few listed values: `uniqueItems` over an `enum`.

So many values, so many items at most. Strings of which none is the beginning of another are the keys of a `Members`,
which has each at most once; of `MOST_PERMUTED` values or fewer all arrangements are spelled out, as one regular
expression.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from ..ir import EMPTY, NOTHING, Bytes, Expr, Member, Members, choice, sequence
from .facts import ARRAY, Arrays, Facts, least
from .values import identity
from .zero_fractions import Written

if TYPE_CHECKING:
    from .reading import Reader

#: Values whose arrangements are spelled out: four have 64 of them.
MOST_PERMUTED: Final = 4


def listed_items(reader: Reader, facts: Facts) -> tuple[Any, ...] | None:
    """The values of which the items must be distinct ones; None if that is not asked for, or they are not listed."""
    arrays = facts.arrays
    if (
        arrays is None
        or arrays.width
        or arrays.counts
        or all(r.keyword != "uniqueItems" or r.node.negated for r in facts.left(ARRAY))
    ):
        return None
    union = reader.conjunction(nodes) if (nodes := arrays.at(0)) else ()
    if not union or any(f.values is None for f in union):
        return None
    if any(reader.written(f, v) is not Written.EITHER for f in union for v in reader.settled(f)):
        return None
    return tuple({identity(v): v for f in union for v in reader.settled(f)}.values())


def bounded(arrays: Arrays, values: tuple[Any, ...]) -> Arrays:
    """The arrays, with no more items than there are values."""
    return replace(arrays, max=least(arrays.max, len(values)))


def arrangements(arrays: Arrays, values: tuple[Any, ...], spell: Callable[[Any], Expr], separator: Expr) -> Expr:
    """The items of the arrays of distinct values, without brackets."""
    most = len(values) if arrays.max is None else min(arrays.max, len(values))
    spelled = [spell(value) for value in values]

    def rest(left: frozenset[int], n: int) -> Expr:
        """What may follow n items, when those of `left` are not used yet."""
        ways: list[Expr] = [EMPTY] if n >= arrays.min else []
        if n < most:
            between = [separator] if n else []
            ways += [sequence(*between, spelled[i], rest(left - {i}, n + 1)) for i in sorted(left)]
        ways = [way for way in ways if way != NOTHING]
        return choice(*ways) if ways else NOTHING

    return rest(frozenset(range(len(values))), 0)


def chosen(arrays: Arrays, texts: Sequence[bytes], separator: Expr) -> Members | None:
    """The items of the arrays of distinct strings out of these JSON texts, without brackets.

    None if one of them, but for its closing quote, is the beginning of another one.
    """
    inside = sorted(text[:-1] for text in texts)
    if any(longer.startswith(text) for text, longer in pairwise(inside)):
        return None
    most = None if arrays.max is None or arrays.max >= len(texts) else arrays.max
    keys = tuple(Member(Bytes(text[:-1]), EMPTY) for text in texts)
    return Members(keys, (), "any", Bytes(b'"'), separator, arrays.min, most)
