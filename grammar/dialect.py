"""Dialects: which language a grammar's text is in.

Lark defines with `name:`, GBNF and EBNF with `name ::=`. These two are so close that the text decides by being
one: EBNF first, as serving stacks send it, then GBNF. A `%llguidance {...}` at the top says Lark.
"""

from __future__ import annotations

import re
import warnings
from typing import Literal, TypeAlias

from ..errors import GrammarSyntaxError, UnsupportedFeature
from .ebnf import Ebnf
from .gbnf import Gbnf
from .lark import Lark

Dialect: TypeAlias = Literal["lark", "gbnf", "ebnf"]

_BNF = re.compile(r"^[ \t]*[A-Za-z_.-][\w.-]*[ \t]*(?:\[[^\]\n]*\][ \t]*)?::=", re.M)
_LARK = re.compile(
    r"^[ \t]*(?:%\w+|[?!]*[A-Za-z_][\w-]*(?:\{[^}\n]*\})?(?:\[[^\]\n]*\])?[ \t]*(?:\.\s*-?\d+)?[ \t]*:)", re.M
)


def read_grammar(text: str, *, dialect: Dialect | None = None, start: str | None = None) -> Lark | Gbnf | Ebnf:
    """The constraint of a grammar's text, in whichever dialect it is.

    Parameters
    ----------
    dialect : "lark", "gbnf" or "ebnf", where the text shall not be asked.
    start : the rule to start with; "start" for Lark and "root" for the others unless given.

    Raises
    ------
    GrammarSyntaxError : the text is in none of the dialects; with the offset where the likeliest gave up.
    UnsupportedFeature : what it asks for has no exact translation; with the offset.

    >>> read_grammar('root ::= "a"*')
    Ebnf(text='root ::= "a"*', start='root')
    >>> read_grammar('start: "a"*')
    Lark(text='start: "a"*', start='start', lexer='longest', base_path=None)
    """
    found = dialect or _dialect_of(text)
    if found == "lark":
        return Lark(text, start or "start")
    if found == "gbnf":
        return Gbnf(text, start or "root")
    if found == "ebnf":
        return Ebnf(text, start or "root")
    return _either(text, start or "root")


def _dialect_of(text: str) -> Dialect | Literal["bnf"]:
    if re.match(r"\s*%llguidance\b", text):
        return "lark"
    if _BNF.search(text):
        return "bnf"
    if _LARK.search(text):
        return "lark"
    hint = " This looks like JSON: give a JSON Schema to JsonSchema." if text.lstrip()[:1] in ("{", "[") else ""
    message = f"Expected a grammar with rules `name: ...` (Lark) or `name ::= ...` (GBNF, EBNF).{hint}"
    raise GrammarSyntaxError(message, source=text, offset=0)


def _either(text: str, start: str) -> Gbnf | Ebnf:
    """EBNF if it is that, else GBNF if it is that, else the error of the one that got further."""
    found: list[GrammarSyntaxError | UnsupportedFeature] = []
    for constraint in (Ebnf(text, start), Gbnf(text, start)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                constraint.grammar()
        except (GrammarSyntaxError, UnsupportedFeature) as error:
            found.append(error)
        else:
            return constraint
    raise max(found, key=lambda error: (isinstance(error, UnsupportedFeature), error.offset or 0))
