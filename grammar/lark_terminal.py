"""Lark terminals as expressions.

lark joins a terminal to one regular expression, here read by `parse_terminal`. What a lazy one matches is what Python's
`re` takes whole: of two ways to match, the one that it would try first counts.

Laws
    1. A terminal's expression is not nullable, unless rules use it with a suffix alone.
    2. Of terminals that match the same text the one of higher `Lexeme.priority` wins: by Lark's priority, then literals
       before patterns, then the wider, then the longer pattern, then by name. No two have the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from lark import Tree
from lark.exceptions import GrammarError as LarkGrammarError
from lark.exceptions import VisitError
from lark.lexer import Pattern, PatternStr
from lark.load_grammar import PrepareLiterals, TerminalTreeToPattern
from lark.visitors import Transformer_NonRecursive

from ..errors import BudgetExceeded, GrammarError, GrammarSyntaxError, UnsupportedFeature
from .fold import fold
from .ir import Alt, And, Bytes, Expr, Lexeme, Not, Repeat, Seq
from .lark_algebra import has_algebra, terminal_expression
from .lark_text import LarkText, subtrees
from .regex import parse_terminal
from .regex_syntax import Parser
from .regex_tree import is_lazy
from .regular import is_nullable

#: Nodes of a terminal after the terminals that it uses are put in.
MAX_TERMINAL = 20_000


@dataclass(frozen=True)
class Terminal:
    """A terminal: a named definition of the grammar, or a literal in one of its rules."""

    name: str
    pattern: Pattern
    priority: int
    #: Where it stands in the grammar's text, if there.
    offset: int | None
    #: Its definition, if it has operators that no pattern can say.
    algebra: Tree[Any] | None = None

    @property
    def is_literal(self) -> bool:
        return isinstance(self.pattern, PatternStr) and self.algebra is None

    def expression(self, source: LarkText) -> Expr:
        """What the terminal matches.

        Raises
        ------
        GrammarSyntaxError, UnsupportedFeature : as `parse_regex`.
        """
        if self.algebra is not None:
            return terminal_expression(self.algebra, lambda tokens: self._literal(tokens, source), source, self.name)
        if self.is_literal and not self.pattern.flags and self.pattern.value:
            return Bytes(self.pattern.value.encode())
        pattern = self.pattern.to_regexp()
        try:
            return parse_terminal(pattern)
        except GrammarError as error:
            raise self._located(error, source) from error

    def _literal(self, tokens: list[Any], source: LarkText) -> Expr:
        """What a literal among operators matches."""
        pattern = literal_pattern(tokens, source)
        if is_lazy(Parser(pattern.to_regexp(), "python").parse()):
            raise UnsupportedFeature(
                f"Terminal {self.name} has a lazy quantifier beside `&` or `~`. Write without it.",
                source=source.original,
                offset=self.offset,
            )
        return replace(self, pattern=pattern, algebra=None).expression(source)

    def see_not_empty(self, expr: Expr, source: LarkText) -> None:
        """Refuse the terminal if it may be empty."""
        if is_nullable(expr):
            raise GrammarSyntaxError(
                f"Terminal {self.name} may match the empty string; let rules make it optional instead.",
                source=source.original,
                offset=self.offset,
            )

    def _located(self, error: GrammarError, source: LarkText) -> GrammarError:
        """The error of the joined pattern, placed at the terminal."""
        message = f"Terminal {self.name}, which is /{self.pattern.to_regexp()}/: {error.message}"
        return type(error)(message, source=source.original, offset=self.offset)


def named_terminal(name: str, tree: Tree[Any], priority: int, source: LarkText) -> Terminal:
    """A terminal by its definition, in which other terminals have been put in; raises as `literal_pattern`."""
    algebra = tree if has_algebra(tree, source) else None
    return Terminal(name, terminal_pattern(name, tree, source), priority, source.definition(name), algebra)


def terminal_pattern(name: str, tree: Tree[Any], source: LarkText) -> Pattern:
    """lark's pattern of a terminal's definition; with operators, that of its literals one after the other."""
    sizes: dict[int, int] = {}
    for node in subtrees(tree):
        sizes[id(node)] = 1 + sum(sizes[id(kid)] if isinstance(kid, Tree) else 1 for kid in node.children)
        if node.data in ("literal", "range"):
            literal_pattern(node.children, source)
    if sizes[id(tree)] > MAX_TERMINAL:
        raise BudgetExceeded(f"size of terminal {name}", MAX_TERMINAL, "use rules where terminals repeat")
    copy = Transformer_NonRecursive[Any, Tree[Any]](False).transform(tree)
    pattern: Pattern = (PrepareLiterals() * TerminalTreeToPattern()).transform(copy)
    return pattern


def literal_pattern(tokens: list[Any], source: LarkText) -> Pattern:
    """The pattern of a literal, or of a range of two.

    Raises
    ------
    GrammarSyntaxError, UnsupportedFeature : it is no regular expression; with the offset.
    """
    spelled, offset = "..".join(tokens), source.token_offset(tokens[0])
    try:
        tree: Any = PrepareLiterals().transform(Tree("literal" if len(tokens) == 1 else "range", list(tokens)))
    except LarkGrammarError as error:
        message = f"The literal {spelled} cannot be read: {error}."
        raise GrammarSyntaxError(message, source=source.original, offset=offset) from error
    except VisitError as error:
        message = f'Expected a range of two single characters such as "a".."z", got {spelled}.'
        raise GrammarSyntaxError(message, source=source.original, offset=offset) from error
    pattern: Pattern = tree.children[0]
    if tokens[0].type == "REGEXP":
        try:
            Parser(pattern.value, "python", "".join(pattern.flags)).parse()
        except GrammarError as error:
            if offset is not None and error.offset is not None and tokens[0].startswith(f"/{pattern.value}/"):
                offset += 1 + error.offset
            message = f"In the pattern {spelled}: {error.message}"
            raise type(error)(message, source=source.original, offset=offset) from error
    return pattern


def lexemes(terminals: Iterable[Terminal], source: LarkText) -> dict[str, Lexeme]:
    """The lexemes of the terminals, which compete."""
    found = [(terminal, terminal.expression(source)) for terminal in terminals]
    found.sort(key=lambda pair: pair[0].name, reverse=True)
    found.sort(key=lambda pair: (pair[0].priority, pair[0].is_literal, _width(pair[1]), len(pair[0].pattern.value)))
    return {terminal.name: Lexeme(expr, terminal.name, rank) for rank, (terminal, expr) in enumerate(found)}


def _width(expr: Expr) -> float:
    """The most bytes that a terminal may have."""

    def width(node: Expr, kids: list[float]) -> float:
        match node:
            case Bytes(data):
                return len(data)
            case Seq():
                return sum(kids)
            case Alt():
                return max(kids, default=0)
            case And():
                return min(kids)
            case Repeat(_, _, high):
                return math.inf if high is None else high * kids[0] if high else 0
            case Not():
                return math.inf
            case _:
                return 1

    return fold(expr, width)
