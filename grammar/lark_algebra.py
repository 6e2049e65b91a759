"""Algebra of Lark terminals, as in llguidance: `A & B` (both match), `~A` (any text but A), `%regex` inside a terminal.

`&` binds tighter than `|` and looser than a sequence; `~` binds tighter than `*`. lark knows neither, so `lark_text`
puts string literals that stand for them into what lark reads, and this reads them back from lark's tree.

Laws
    1. A terminal's language is what the operators say of sets of texts. 2. `~A` is a set of texts: UTF-8 throughout (in
    llguidance it holds other byte strings, too).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lark import Token, Tree

from ..errors import BudgetExceeded, GrammarSyntaxError, UnsupportedFeature
from .fold import alternation, concatenation, repetition
from .free_text import TEXT
from .ir import EMPTY, And, Bytes, Expr, Not, Repeat, optional
from .lark_text import UNBOUNDED, LarkText, subtrees
from .substring import Substring

#: Pieces of a substring inside a terminal; a rule takes far more.
MAX_PIECES = 200


def has_algebra(tree: Tree[Any], source: LarkText) -> bool:
    """Whether a terminal's tree, other terminals put in, holds an operator that lark does not know."""
    return bool(source.operators) and any(_operator(node, source) for node in subtrees(tree))


def stands_for_operator(tokens: list[Any], source: LarkText) -> str | None:
    """The operator, as written, that a literal stands for; None if it is a literal."""
    return source.operators.get(tokens[0].strip('"')) if len(tokens) == 1 else None


def terminal_expression(tree: Tree[Any], literal: Callable[[list[Token]], Expr], source: LarkText, name: str) -> Expr:
    """What a terminal with operators matches.

    Parameters
    ----------
    literal : what a literal, or a range of two, matches.

    Raises
    ------
    GrammarSyntaxError : an operator lacks an operand; with the offset.
    BudgetExceeded : a substring has more than `MAX_PIECES` pieces.
    """
    done: dict[int, Expr] = {}

    def of(node: Tree[Any], kids: list[Any]) -> Expr:
        match node.data:
            case "expansions":
                return alternation(done[id(kid)] for kid in kids)
            case "expansion":
                return _conjunction(kids, done, source, name)
            case "maybe":
                return optional(done[id(kids[0])])
            case "expr":
                return _repeated(done[id(kids[0])], kids[1], kids[2:])
            case "literal" | "range":
                operator = stands_for_operator(kids, source)
                return EMPTY if operator in ("&", "~") else _pieces(kids, source) if operator else literal(kids)
        return done[id(kids[0])]

    for node in subtrees(tree):
        done[id(node)] = of(node, node.children)
    return done[id(tree)]


def _operator(node: Any, source: LarkText) -> str | None:
    """The operator that a node stands for; None for anything else."""
    while isinstance(node, Tree) and node.data in ("value", "expansions", "expansion") and len(node.children) == 1:
        node = node.children[0]
    return stands_for_operator(node.children, source) if isinstance(node, Tree) and node.data == "literal" else None


def _conjunction(kids: list[Any], done: Mapping[int, Expr], source: LarkText, name: str) -> Expr:
    """Sequences between `&`, in which `~` stands before its operand."""
    parts: list[list[Expr]] = [[]]
    negations = 0
    for kid in kids:
        operator = _operator(kid, source)
        if operator == "&":
            if negations or not parts[-1]:
                raise _lacks_operand(name, source)
            parts.append([])
        elif operator == "~":
            negations += 1
        else:
            parts[-1].append(_negated(kid, done, negations))
            negations = 0
    if negations or (len(parts) > 1 and not parts[-1]):
        raise _lacks_operand(name, source)
    sequences = [concatenation(part) for part in parts]
    return sequences[0] if len(sequences) == 1 else And(tuple(sequences))


def _negated(kid: Any, done: Mapping[int, Expr], times: int) -> Expr:
    """The operand of so many `~`; a quantifier behind it applies to the complement."""
    if not times:
        return done[id(kid)]
    if kid.data == "expr":
        return _repeated(_complement(done[id(kid.children[0])], times), kid.children[1], kid.children[2:])
    return _complement(done[id(kid)], times)


def _complement(expr: Expr, times: int) -> Expr:
    for _ in range(times):
        expr = And((TEXT, Not(expr)))
    return expr


def _repeated(item: Expr, operator: Token, bounds: list[Token]) -> Expr:
    if operator != "~":
        return Repeat(item, *{"?": (0, 1), "*": (0, None), "+": (1, None)}[operator])
    least, most = int(bounds[0]), int(bounds[-1])
    if not 0 <= least <= most:
        raise GrammarSyntaxError(f"Expected bounds `~ least..most` with 0 <= least <= most, got {least}..{most}.")
    return repetition(item, least, None if most >= UNBOUNDED else most)


def _lacks_operand(name: str, source: LarkText) -> GrammarSyntaxError:
    message = f"Expected terminals on both sides of `&` and behind `~` in terminal {name}."
    return GrammarSyntaxError(message, source=source.original, offset=source.definition(name))


def _pieces(tokens: list[Token], source: LarkText) -> Expr:
    """Any run of the pieces of a text, as a regular expression."""
    what = source.embedded[tokens[0].strip('"')]
    if not isinstance(what, Substring):
        raise UnsupportedFeature("Expected `%regex` with a text inside a terminal.", source=source.original)
    if len(what.pieces) > MAX_PIECES:
        raise BudgetExceeded("pieces of `%regex` inside a terminal", MAX_PIECES, "use it in a rule")
    tail: Expr = EMPTY
    ways: list[Expr] = []
    for piece in reversed(what.pieces):
        tail = concatenation((Bytes(piece.encode()), optional(tail) if ways else EMPTY))
        ways.append(tail)
    return alternation((EMPTY, *ways))
