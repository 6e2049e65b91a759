"""Conversion: a constraint's grammar in another dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from ..errors import UnsupportedFeature
from .ir import Grammar
from .lexing import has_lexemes, without_lexemes

if TYPE_CHECKING:
    from .gbnf import Gbnf
    from .lark import Lark
    from .regex import Regex


@overload
def convert(constraint: Any, to: Literal["lark"], *, lexer: Literal["dynamic"] | None = ...) -> Lark: ...


@overload
def convert(constraint: Any, to: Literal["gbnf"], *, lexer: Literal["dynamic"] | None = ...) -> Gbnf: ...


@overload
def convert(constraint: Any, to: Literal["regex"], *, lexer: Literal["dynamic"] | None = ...) -> Regex: ...


def convert(
    constraint: Any, to: Literal["lark", "gbnf", "regex"], *, lexer: Literal["dynamic"] | None = None
) -> Lark | Gbnf | Regex:
    """The same language in another dialect; `.text` is what to print. Ignored text is spelled out where it may stand.

    Parameters
    ----------
    constraint : an object with `.grammar()`, or a `Grammar`.
    to : "lark", "gbnf" (which XGrammar reads too) or "regex".
    lexer : "dynamic" prints what matches however the text is cut into terminals, which may be more than the terminals
        of a Lark grammar that compete let through. By default that is printed only where it is the same.

    Raises
    ------
    UnsupportedFeature : it has guards, a budget of tokens, terminals that compete, or else what the dialect cannot say.
    EmptyLanguage : no text matches.
    BudgetExceeded : objects or automata would take too many rules.

    >>> from .regex import Regex
    >>> convert(Regex("[a-c]+x?"), "gbnf").text
    'root ::= [a-c]+ "x"?\\n'
    """
    grammar = constraint if isinstance(constraint, Grammar) else constraint.grammar()
    if grammar.budgets:
        raise UnsupportedFeature('A budget of tokens cannot be printed; one of characters can: unit="chars".')
    if lexer == "dynamic" or (to in ("gbnf", "regex") and has_lexemes(grammar)):
        grammar = without_lexemes(grammar, check=lexer is None)
    if to == "lark":
        from .printing_lark import as_lark

        return as_lark(grammar)
    if to == "gbnf":
        from .printing_gbnf import as_gbnf

        return as_gbnf(grammar)
    if to == "regex":
        from .printing_regex import as_regex

        return as_regex(grammar)
    raise ValueError(f'Expected "lark", "gbnf" or "regex", got {to!r}.')
