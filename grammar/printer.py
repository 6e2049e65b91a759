"""Printers: text nodes as text, but for what each dialect spells its own way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ..errors import UnsupportedFeature
from .printable import Printable
from .text_node import EMPTY_TEXT, Chars, Choose, Literal, Loop, Name, Node, Sequence, Special
from .unicode import SURROGATES, CodePoints, negation, union

#: Characters with an escape of their own, in quotes and in classes.
ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}
#: Special tokens that a dialect can name: `<think>`.
_TOKEN = re.compile(r"<[^<>\s\[][^<>\s]*>")


class Printer:
    """Prints nodes; subclasses are dialects. `names` are the rules' names in the dialect."""

    dialect = ""
    empty = '""'
    #: What stands between the items of a sequence, and between alternatives.
    space, bar = " ", " | "
    group = "(", ")"

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def print(self, node: Node, depth: int = 0) -> str:
        """The node; `depth` is 0 where alternatives may stand, 1 in a sequence, 2 before an operator."""
        match node:
            case Literal(text):
                return self.literal(text, depth)
            case Chars(ranges):
                return self.chars(ranges)
            case Name(name):
                return self.name(name, depth)
            case Special():
                return self.special(node)
            case Loop():
                return self.loop(node, depth)
            case Sequence(items):
                if node == EMPTY_TEXT:
                    return self.empty
                return self.grouped(self.space.join(self.print(item, 1) for item in items), depth == 2)
            case Choose(items):
                return self.grouped(self.bar.join(self.print(item, 0) for item in items), depth > 0)

    def loop(self, node: Loop, depth: int) -> str:
        """An item with its operator; no operator follows another."""
        return self.grouped(self.print(node.item, 2) + self.bounds(node.min, node.max), depth == 2)

    def grouped(self, text: str, needed: bool) -> str:
        """The text in parentheses, if they are needed."""
        return self.group[0] + text + self.group[1] if needed else text

    def literal(self, text: str, depth: int) -> str:
        """A literal, in quotes unless the dialect has another way."""
        return '"' + "".join('\\"' if char == '"' else ESCAPES.get(char) or escaped(ord(char)) for char in text) + '"'

    def chars(self, ranges: CodePoints) -> str:
        """A class of characters, written by its members or by all others, whichever is shorter."""
        inverse = negation(union(ranges, SURROGATES))
        negative = 0 < len(inverse) < len(ranges)
        return self.class_of(inverse if negative else ranges, negative)

    def class_of(self, ranges: CodePoints, negative: bool) -> str:
        """The class of the ranges, or of all else."""
        parts = [self.member(lo) if lo == hi else f"{self.member(lo)}-{self.member(hi)}" for lo, hi in ranges]
        return f"[{'^' * negative}{''.join(parts)}]"

    def member(self, code: int) -> str:
        """A member of a class."""
        raise NotImplementedError

    def name(self, name: str, depth: int) -> str:
        """A reference to a rule."""
        return self.names[name]

    def special(self, node: Special) -> str:
        """A special token."""
        token = node.token
        if token.id is not None:
            return f"<[{token.id}]>"
        if token.name is None or not _TOKEN.fullmatch(token.name):
            message = (
                f"The special token {token.name!r} cannot be written in {self.dialect}, which knows `<name>` only."
            )
            raise UnsupportedFeature(message)
        return token.name

    def bounds(self, low: int, high: int | None) -> str:
        """The operator of a loop."""
        bounds = f"{low}" if low == high else f"{low},{'' if high is None else high}"
        return {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high), f"{{{bounds}}}")


def rule_names(
    found: Printable, start: str, legal: Callable[[str], str], joint: str, taken: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Rule -> its name in the dialect; `legal` makes a name legal, `joint` and a number tell equal ones apart."""
    names, used = {found.start: start}, {start, *taken}
    for rule in found.rules:
        if rule not in names:
            base = name = legal(rule)
            n = 1
            while name in used:
                n += 1
                name = f"{base}{joint}{n}"
            names[rule] = name
            used.add(name)
    return names


def escaped(code: int) -> str:
    """A character as `\\uXXXX` or `\\UXXXXXXXX` unless it is printable ASCII."""
    if 32 <= code < 127:
        return chr(code)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
