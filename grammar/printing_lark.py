"""Lark from grammars.

A grammar whose terminals compete (`Lexeme`) is printed for `lexer="longest"`, with their ranks as priorities; any other
for `lexer="dynamic"`. A grammar that mixes the two is refused.
"""

from __future__ import annotations

import re

from ..errors import UnsupportedFeature
from .ir import Grammar, Lexeme
from .lark import Lark
from .printable import Printable, printable
from .printer import ESCAPES, Printer, escaped, rule_names
from .printing_regex import pattern_of
from .text_node import Chars, Literal, Loop, Name, Node, kids_of


def as_lark(grammar: Grammar) -> Lark:
    r"""The grammar in Lark's syntax, and the lexer to read it with.

    Raises
    ------
    UnsupportedFeature : it has guards, bytes that are no UTF-8, a token that Lark cannot name, or text beside lexemes.
    EmptyLanguage : no text matches.
    BudgetExceeded : objects or automata would take too many rules.

    >>> from .ir import Bytes, Repeat
    >>> as_lark(Grammar("start", {"start": Repeat(Bytes(b"ab"), 1)})).text
    'start: "ab"+\n'
    """
    found = printable(grammar)
    names = rule_names(found, "start", _legal, "_")
    terminals, inner = _terminals(found)
    printer = _Printer(names | terminals)
    lines: dict[str, None] = {}
    for rule, node in found.rules.items():
        if rule in terminals:
            lines[f"{terminals[rule]}.{found.lexemes[rule].priority}: /{pattern_of(found.rules, rule)}/\n"] = None
        elif rule not in inner:
            if found.lexemes and any(isinstance(part, Literal | Chars) for part in _parts(node)):
                raise UnsupportedFeature(f"Expected text in lexemes only, as the grammar has such, got rule {rule!r}.")
            lines[f"{names[rule]}: {printer.print(node)}\n"] = None
    if found.start in terminals:
        lines = {f"start: {terminals[found.start]}\n": None, **lines}
    return Lark("".join(lines), lexer="longest" if found.lexemes else "dynamic")


def _terminals(found: Printable) -> tuple[dict[str, str], set[str]]:
    """The lexemes' names, equal ones sharing one, and the rules that only lexemes use."""
    by_lexeme: dict[Lexeme, str] = {}
    used: set[str] = set()
    for lexeme in found.lexemes.values():
        if lexeme not in by_lexeme:
            base = re.sub(r"\W+", "_", lexeme.name).strip("_").upper() if lexeme.name.isascii() else ""
            name = base = base if base[:1].isalpha() else f"T{len(by_lexeme)}"
            while name in used:
                name = f"{base}_{len(used)}"
            by_lexeme[lexeme] = name
            used.add(name)
    inner: set[str] = set()
    for rule in found.lexemes:
        inner |= _inner_rules(found, rule)
    return {rule: by_lexeme[lexeme] for rule, lexeme in found.lexemes.items()}, inner


def _inner_rules(found: Printable, rule: str) -> set[str]:
    seen: set[str] = set()
    stack = [rule]
    while stack:
        for part in _parts(found.rules[stack.pop()]):
            if isinstance(part, Name) and part.name not in seen:
                seen.add(part.name)
                stack.append(part.name)
    return seen


def _parts(node: Node) -> list[Node]:
    parts = [node]
    for part in parts:
        parts += kids_of(part)
    return parts


def _legal(name: str) -> str:
    legal = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return legal if legal[:1].isalpha() else f"rule_{legal}".rstrip("_")


class _Printer(Printer):
    dialect = "Lark"
    empty = "()"

    def member(self, code: int) -> str:
        return ESCAPES.get(chr(code)) or ("\\" + chr(code) if chr(code) in "[]^-/&~|" else escaped(code))

    def class_of(self, ranges: tuple[tuple[int, int], ...], negative: bool) -> str:
        return f"/{super().class_of(ranges, negative)}/"

    def loop(self, node: Loop, depth: int) -> str:
        if node.max is None and node.min > 1:
            item = self.print(node.item, 2)
            return self.grouped(f"{item}~{node.min} {item}*", depth == 2)
        return super().loop(node, depth)

    def bounds(self, low: int, high: int | None) -> str:
        if (low, high) in ((0, None), (1, None), (0, 1)):
            return super().bounds(low, high)
        return f"~{low}" if low == high else f"~{low}..{high}"
