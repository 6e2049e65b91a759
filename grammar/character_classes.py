"""Character classes: expressions over code points as such over bytes, where byte k stands for a class of them.

The code points that no set of the expressions tells apart are one class. So there are few, and an automaton over
classes has no states inside a character.

Law: replacing each byte by the code points of its class gives the language back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .fold import fold, rebuild
from .ir import Alt, Bytes, ByteSet, CodePointSet, Expr, Seq, children, choice, sequence
from .unicode import SURROGATES, CodePoints, classify, intersection, negation

#: Classes that there may be: as many as there are bytes.
MOST_CLASSES = 256
_SCALARS = negation(SURROGATES)


class OverClasses(NamedTuple):
    """Expressions over classes; byte k stands for the k-th one."""

    exprs: tuple[Expr, ...]
    classes: tuple[CodePoints, ...]


def over_classes(exprs: Sequence[Expr]) -> OverClasses | None:
    """Expressions over code points as such over their classes; None if these are too many.

    Surrogates, which stand for no character, are in no class.

    >>> from .ir import Repeat
    >>> digit, letter = CodePointSet(((48, 57),)), CodePointSet(((48, 57), (97, 122)))
    >>> over_classes([Seq((digit, Repeat(letter)))])
    OverClasses(exprs=(Seq(items=(Bytes(data=b'\\x00'), Repeat(item=ByteSet(mask=3), min=0, max=None))),), \
classes=(((48, 57),), ((97, 122),)))
    """
    kinds, masks = classify(_sets(exprs))
    bits, classes = list[int](), list[CodePoints]()
    for ranges in kinds:
        scalars = ranges if not _holds_surrogates(ranges) else intersection(ranges, _SCALARS)
        bits.append(1 << len(classes) if scalars else 0)
        classes += [scalars] if scalars else []
    if len(classes) > MOST_CLASSES:
        return None
    named = {ranges: _one_of(sum(bits[k] for k in _members(mask))) for ranges, mask in masks.items()}

    def put(node: Expr, kids: list[Expr]) -> Expr:
        match node:
            case CodePointSet(ranges):
                return named[ranges]
            case Seq():
                return sequence(*kids)
            case Alt():
                return choice(*kids)
        return rebuild(node, kids)

    return OverClasses(tuple([fold(expr, put) for expr in exprs]), tuple(classes))


def _sets(exprs: Sequence[Expr]) -> dict[CodePoints, None]:
    """The sets of code points in expressions."""
    found: dict[CodePoints, None] = {}
    stack, seen = [*exprs], set[int]()
    while stack:
        node = stack.pop()
        if isinstance(node, CodePointSet):
            found[node.ranges] = None
        elif id(node) not in seen:
            seen.add(id(node))
            stack.extend(children(node))
    return found


def _holds_surrogates(ranges: CodePoints) -> bool:
    return any(lo <= SURROGATES[0][1] and hi >= SURROGATES[0][0] for lo, hi in ranges)


def _members(mask: int) -> list[int]:
    """The bits of a mask."""
    found = []
    while mask:
        found.append((mask & -mask).bit_length() - 1)
        mask &= mask - 1
    return found


def _one_of(mask: int) -> Expr:
    """One byte out of a set; a literal if there is but one."""
    return Bytes(bytes((mask.bit_length() - 1,))) if mask.bit_count() == 1 else ByteSet(mask)
