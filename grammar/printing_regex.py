"""Regular expressions from grammars that are regular.

Rules are put into each other; those that call themselves are solved where that leaves a loop (`inline`), else refused.
"""

from __future__ import annotations

import re

from ..errors import UnsupportedFeature
from .analysis import call_graph, cyclic_components
from .ir import Grammar
from .normalize import normalize
from .printable import printable
from .printer import Printer, escaped
from .regex import Regex
from .text_node import Node, Special, names_in, size

#: Nodes of a pattern, when all rules have been put in.
MAX_SIZE = 50_000
#: Nodes of a pattern that stands for an automaton: rules that call each other, which others print, no pattern can say.
AUTOMATON_SIZE = 300
_CONTROLS = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def as_regex(grammar: Grammar) -> Regex:
    """The grammar as a regular expression of Python's.

    Raises
    ------
    UnsupportedFeature : it is not regular as far as can be seen; or as `as_gbnf`.
    EmptyLanguage : no text matches.
    BudgetExceeded : the pattern would be too large.

    >>> from .ir import Bytes, Ref, Repeat
    >>> as_regex(Grammar("start", {"start": Repeat(Ref("x"), 1), "x": Bytes(b"a.")})).text
    '(?:a\\\\.)+'
    """
    if cyclic_components(call_graph(grammar.rules)):
        grammar = normalize(grammar)
    found = printable(grammar, AUTOMATON_SIZE)
    if found.lexemes:
        raise UnsupportedFeature(f"Expected a grammar without lexemes, got {next(iter(found.lexemes))}.")
    return Regex(pattern_of(found.rules, found.start))


def pattern_of(rules: dict[str, Node], start: str) -> str:
    """The pattern of a rule, the others put in."""
    order, sizes = _callees_first(rules, start), dict[str, int]()
    printer = _Printer({})
    printed: dict[str, str] = {}
    printer.names = printed
    for name in order:
        sizes[name] = size(rules[name]) + sum(sizes[each] for each in names_in(rules[name]))
        if sizes[name] > MAX_SIZE:
            raise UnsupportedFeature(f"The pattern would have more than {MAX_SIZE} parts.")
        printed[name] = printer.print(rules[name])
    return printed[start]


def _callees_first(rules: dict[str, Node], start: str) -> list[str]:
    graph: dict[str, list[str]] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in graph:
            graph[name] = list(dict.fromkeys(names_in(rules[name])))
            waiting += graph[name]
    if cycles := cyclic_components(graph):
        raise UnsupportedFeature(f"Rule {cycles[0][0]!r} calls itself in a way that no pattern can say.")
    done: dict[str, None] = {}
    stack = [(start, False)]
    while stack:
        name, ready = stack.pop()
        if ready:
            done[name] = None
        elif name not in done:
            stack.append((name, True))
            stack += [(each, False) for each in graph[name] if each not in done]
    return list(done)


class _Printer(Printer):
    dialect = "a regular expression"
    empty = "(?:)"
    space, bar = "", "|"
    group = "(?:", ")"

    def literal(self, text: str, depth: int) -> str:
        printed = "".join(_CONTROLS.get(char) or _quoted(char) for char in text)
        return self.grouped(printed, depth == 2 and len(text) > 1)

    def member(self, code: int) -> str:
        return _CONTROLS.get(chr(code)) or ("\\" + chr(code) if chr(code) in "\\]^-[&~|/" else escaped(code))

    def name(self, name: str, depth: int) -> str:
        return f"(?:{self.names[name]})"

    def special(self, node: Special) -> str:
        raise UnsupportedFeature("A regular expression cannot hold special tokens.")


def _quoted(char: str) -> str:
    if char == "/":
        return "\\/"
    return re.escape(char) if char.isascii() and char.isprintable() else escaped(ord(char))
