"""Regular expressions of the IR as byte DFAs.

`compile_regular` and `compile_labelled` turn expressions into minimal `Dfa` tables; the rest asks them questions or
combines them. Regular are `Bytes`, `ByteSet`, `Seq`, `Alt`, `Repeat`, `And`, `Not`, `Spelled`, `Written` and
`Lexeme` (which counts as its expression).

Laws
    1. A result is minimal and canonical: two expressions have the same language if and only if their `Dfa` are equal.
    2. A `limit` bounds the states, and thereby time and memory, of everything built on the way. The states of an
       alternation of literals, linear in its text, do not count.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..errors import BudgetExceeded
from .dfa import Dfa, from_machine, to_machine
from .ir import Alt, And, Bytes, ByteSet, CodePointSet, Expr, Lexeme, Not, Repeat, Seq, Spelled, Written, children
from .machine import complement as _complement
from .machine import minimise, product
from .nfa import determinize

__all__ = [
    "DEFAULT_LIMIT",
    "Dfa",
    "accepts",
    "compile_labelled",
    "compile_regular",
    "complement",
    "difference",
    "intersect",
    "is_empty",
    "is_nullable",
    "is_prefix_free",
    "is_regular",
    "shortest",
]

#: States that a compilation may need unless told otherwise.
DEFAULT_LIMIT = 20_000

_REGULAR = (Bytes, ByteSet, Seq, Alt, Repeat, And, Not, Spelled, Written, Lexeme)


def compile_regular(expr: Expr, limit: int = DEFAULT_LIMIT) -> Dfa:
    """The minimal DFA of a regular expression; it accepts with 1.

    Raises
    ------
    BudgetExceeded : more than `limit` states are needed on the way.
    GrammarError : the expression is not regular.

    >>> dfa = compile_regular(Repeat(Bytes(b"ab"), 1))
    >>> accepts(dfa, b"abab"), accepts(dfa, b"aba")
    (1, 0)
    """
    return compile_labelled([expr], limit)


def compile_labelled(exprs: Sequence[Expr], limit: int = DEFAULT_LIMIT) -> Dfa:
    """The minimal DFA of several expressions: a state accepts with 1 + the index of the first expression that matches.

    Raises as `compile_regular`.
    """
    try:
        return from_machine(determinize(exprs, limit))
    except RecursionError:
        raise BudgetExceeded("nesting of an expression", sys.getrecursionlimit(), "nest it less deeply") from None


def is_regular(expr: Expr) -> bool:
    """Whether the expression has regular nodes only."""
    stack = [expr]
    while stack:
        top = stack.pop()
        if not isinstance(top, _REGULAR):
            return False
        stack.extend(children(top))
    return True


def is_nullable(expr: Expr) -> bool:
    """Whether a regular expression matches the empty string.

    Raises
    ------
    TypeError : the expression is not regular.
    """
    match expr:
        case Bytes(data):
            return not data
        case ByteSet() | Spelled() | CodePointSet():
            return False
        case Seq(items) | And(items):
            return all(map(is_nullable, items))
        case Alt(items):
            return any(map(is_nullable, items))
        case Repeat(item, low):
            return low == 0 or is_nullable(item)
        case Not(item):
            return not is_nullable(item)
        case Lexeme(inner) | Written(inner):
            return is_nullable(inner)
    raise TypeError(f"Expected a regular expression, got a part of kind {type(expr).__name__}.")


def intersect(a: Dfa, b: Dfa, limit: int = DEFAULT_LIMIT) -> Dfa:
    """What both accept, with the labels of `a`.

    Raises
    ------
    BudgetExceeded : more than `limit` pairs of states are reachable.
    """
    return from_machine(minimise(product(to_machine(a), to_machine(b), limit)))


def complement(dfa: Dfa) -> Dfa:
    """Every byte string that `dfa` does not accept."""
    return from_machine(minimise(_complement(to_machine(dfa))))


def difference(a: Dfa, b: Dfa, limit: int = DEFAULT_LIMIT) -> Dfa:
    """What `a` accepts and `b` does not, with the labels of `a`.

    Raises
    ------
    BudgetExceeded : more than `limit` pairs of states are reachable.
    """
    return from_machine(minimise(product(to_machine(a), _complement(to_machine(b)), limit)))


def is_empty(dfa: Dfa) -> bool:
    """Whether it accepts no string."""
    return not dfa.accept.any()


def accepts(dfa: Dfa, data: bytes) -> int:
    """0 if `data` is not accepted, else 1 + its label."""
    q = 1
    for byte in data:
        q = int(dfa.trans[q, dfa.class_of_byte[byte]])
        if not q:
            return 0
    return int(dfa.accept[q])


def shortest(dfa: Dfa) -> bytes | None:
    """A shortest accepted string, the first of them in byte order; None if there is none."""
    first_byte = [dfa.class_of_byte.tolist().index(c) for c in range(dfa.n_classes)]
    came_from = {1: (0, 0)}
    order = [1]
    for q in order:
        if dfa.accept[q]:
            return _spell(came_from, q)
        for c, t in enumerate(dfa.trans[q].tolist()):
            if t and t not in came_from:
                came_from[t] = (q, first_byte[c])
                order.append(t)
    return None


def _spell(came_from: dict[int, tuple[int, int]], q: int) -> bytes:
    path = bytearray()
    while q != 1:
        q, byte = came_from[q]
        path.append(byte)
    return bytes(reversed(path))


def is_prefix_free(dfa: Dfa) -> bool:
    """Whether no accepted string is a proper prefix of another."""
    return not dfa.trans[dfa.accept > 0].any()
