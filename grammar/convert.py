"""Conversion: a constraint's grammar in another dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from .ir import Grammar

if TYPE_CHECKING:
    from .gbnf import Gbnf
    from .lark import Lark
    from .regex import Regex


@overload
def convert(constraint: Any, to: Literal["lark"]) -> Lark: ...


@overload
def convert(constraint: Any, to: Literal["gbnf"]) -> Gbnf: ...


@overload
def convert(constraint: Any, to: Literal["regex"]) -> Regex: ...


def convert(constraint: Any, to: Literal["lark", "gbnf", "regex"]) -> Lark | Gbnf | Regex:
    """The same language in another dialect; `.text` is what to print.

    Parameters
    ----------
    constraint : an object with `.grammar()`, or a `Grammar`.
    to : "lark", "gbnf" (which XGrammar reads too) or "regex".

    Raises
    ------
    UnsupportedFeature : it has guards or else what the dialect cannot say.
    EmptyLanguage : no text matches.
    BudgetExceeded : objects or automata would take too many rules.

    >>> from .regex import Regex
    >>> convert(Regex("[a-c]+x?"), "gbnf").text
    'root ::= [a-c]+ "x"?\\n'
    """
    grammar = constraint if isinstance(constraint, Grammar) else constraint.grammar()
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
