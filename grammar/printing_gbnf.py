r"""GBNF from grammars: a text that GBNF's readers and XGrammar's understand alike.

Characters beyond ASCII are written as `\uXXXX` and `\UXXXXXXXX`, and an operator never follows another.
"""

from __future__ import annotations

import re

from ..errors import UnsupportedFeature
from .gbnf import Gbnf
from .ir import Grammar
from .printable import printable
from .printer import ESCAPES, Printer, escaped, rule_names


def as_gbnf(grammar: Grammar) -> Gbnf:
    r"""The grammar in GBNF.

    Raises
    ------
    UnsupportedFeature : it has guards, lexemes that compete, bytes that are no UTF-8, or a token that GBNF cannot name.
    EmptyLanguage : no text matches.
    BudgetExceeded : objects or automata would take too many rules.

    >>> from .ir import Bytes, Repeat
    >>> as_gbnf(Grammar("start", {"start": Repeat(Bytes(b"ab"), 1)})).text
    'root ::= "ab"+\n'
    """
    found = printable(grammar)
    if found.lexemes:
        raise UnsupportedFeature(f"Expected a grammar without lexemes, got {next(iter(found.lexemes))}.")
    printer = _Printer(rule_names(found, "root", _legal, "-"))
    return Gbnf("".join(f"{printer.names[rule]} ::= {printer.print(node)}\n" for rule, node in found.rules.items()))


def _legal(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "rule"


class _Printer(Printer):
    dialect = "GBNF"

    def member(self, code: int) -> str:
        return ESCAPES.get(chr(code)) or (f"\\u{code:04X}" if chr(code) in "[]^-" else escaped(code))
