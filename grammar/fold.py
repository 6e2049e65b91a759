"""Folds: evaluating and rebuilding expressions, without recursion.

Laws
    1. Depth of nesting is bounded by memory alone, and no expression is hashed or compared as a whole.
    2. A sub-expression that occurs several times as the same object is visited once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from .ir import (
    EMPTY,
    NOTHING,
    Alt,
    And,
    Bytes,
    ByteSet,
    CodePointSet,
    Expr,
    Guarded,
    Items,
    Lexeme,
    Members,
    Not,
    Ref,
    Repeat,
    Seq,
    Spelled,
    Token,
    Written,
    children,
)

T = TypeVar("T")

_LEAVES = (Bytes, ByteSet, CodePointSet, Ref, Token, Spelled)

#: Longer sequences and alternations are kept as they are inside others, so that building stays linear.
_SHORT = 16


def fold(expr: Expr, combine: Callable[[Expr, list[T]], T]) -> T:
    """Evaluate bottom-up: `combine(node, results of children(node))` for each node, shared nodes once."""
    return fold_all(expr, combine)[id(expr)]


def fold_all(expr: Expr, combine: Callable[[Expr, list[T]], T]) -> dict[int, T]:
    """As `fold`, with the results of all sub-expressions by `id`; valid while `expr` lives."""
    done: dict[int, T] = {}
    stack = [expr]
    while stack:
        node = stack[-1]
        if id(node) in done:
            stack.pop()
            continue
        kids = () if isinstance(node, _LEAVES) else tuple(children(node))
        waiting = False
        for kid in kids:
            if id(kid) in done:
                continue
            if isinstance(kid, _LEAVES):
                done[id(kid)] = combine(kid, [])
            else:
                stack.append(kid)
                waiting = True
        if not waiting:
            stack.pop()
            done[id(node)] = combine(node, [done[id(kid)] for kid in kids])
    return done


def rebuild(node: Expr, kids: Sequence[Expr]) -> Expr:
    """The node with other children, given in the order of `children`; the node itself if they are the same objects."""
    if all(new is old for new, old in zip(kids, children(node), strict=True)):
        return node
    match node:
        case Seq() | Alt() | And():
            return replace(node, items=tuple(kids))
        case Repeat() | Not():
            return replace(node, item=kids[0])
        case Guarded() | Lexeme():
            return replace(node, expr=kids[0])
        case Written():
            return kids[0]
        case Members():
            n = len(node.keys)
            values, others = kids[1 : 2 * n : 2], kids[2 * n : -2]
            return replace(
                node,
                keys=tuple(replace(member, value=value) for member, value in zip(node.keys, values, strict=True)),
                other=tuple(
                    replace(other, key=key, value=value)
                    for other, key, value in zip(node.other, others[::2], others[1::2], strict=True)
                ),
                colon=kids[-2],
                comma=kids[-1],
            )
        case Items():
            n = len(node.prefix)
            rest = None if node.rest is None else kids[n]
            return replace(node, prefix=tuple(kids[:n]), rest=rest, separator=kids[-1])
        case _:
            return node


def size(expr: Expr) -> int:
    """The number of nodes, as a tree; a long `Bytes` counts one for every 8 bytes begun."""
    return fold(expr, lambda node, kids: sum(kids) + (1 + len(node.data) // 8 if isinstance(node, Bytes) else 1))


def concatenation(items: Iterable[Expr]) -> Expr:
    """As `ir.sequence`: short ones flattened, neighbouring `Bytes` joined, `NOTHING` absorbs."""
    flat: list[Expr] = []
    for item in items:
        for part in item.items if isinstance(item, Seq) and len(item.items) <= _SHORT else (item,):
            if is_nothing(part):
                return NOTHING
            if isinstance(part, Bytes) and flat and isinstance(flat[-1], Bytes):
                flat[-1] = Bytes(flat[-1].data + part.data)
            elif not (isinstance(part, Bytes) and not part.data):
                flat.append(part)
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def alternation(items: Iterable[Expr]) -> Expr:
    """As `ir.choice`: short ones flattened; of repeated alternatives only leaves and same objects are recognised."""
    flat: dict[Expr | int, Expr] = {}
    for item in items:
        for part in item.items if isinstance(item, Alt) and len(item.items) <= _SHORT else (item,):
            flat.setdefault(
                part if isinstance(part, Bytes | ByteSet | Ref | Token) or is_empty(part) else id(part), part
            )
    return next(iter(flat.values())) if len(flat) == 1 else Alt(tuple(flat.values()))


def repetition(item: Expr, low: int, high: int | None) -> Expr:
    """`Repeat`, or something simpler where the bounds or the item allow it."""
    if high is not None and high < low:
        return NOTHING
    if high == 0 or is_empty(item):
        return EMPTY
    if is_nothing(item):
        return NOTHING if low else EMPTY
    if isinstance(item, Repeat) and item.max is None and high is None and item.min <= 1:
        return Repeat(item.item, item.min * low, None)
    return item if low == high == 1 else Repeat(item, low, high)


def is_empty(expr: Expr) -> bool:
    """Whether it is the empty string as written: `EMPTY` or `Bytes(b"")`."""
    return (isinstance(expr, Seq) and not expr.items) or (isinstance(expr, Bytes) and not expr.data)


def is_nothing(expr: Expr) -> bool:
    """Whether it is the empty language as written: `NOTHING` or an empty `ByteSet`."""
    return (isinstance(expr, Alt) and not expr.items) or (isinstance(expr, ByteSet) and not expr.mask)
