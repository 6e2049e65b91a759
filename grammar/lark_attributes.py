"""Attributes of Lark rules, as in llguidance: `name[lazy]: ...`, `name[suffix="</a>", capture]: ...`.

A rule with `lazy` or `suffix` is one terminal, which ends where it first may: of its matches those count that have no
other match before them. The suffix belongs to the match.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import GrammarSyntaxError, UnsupportedFeature
from .ir import ANY_BYTE, EMPTY, And, Expr, Lexeme, Not, Ref, Repeat, Seq, references, sequence
from .regex import parse_regex

if TYPE_CHECKING:
    from .lark_text import LarkText

#: A rule's name with attributes behind it.
HEAD = re.compile(
    r"""^[ \t]*[?!]*(?P<name>[a-z_]\w*)
    (?P<attributes>\[ (?: [^\]"/\n] | "(?:\\.|[^"\\\n])*" | /(?:\\.|[^/\\\n])+/ )* \])[ \t]*:""",
    re.MULTILINE | re.VERBOSE,
)
_ATTRIBUTE = re.compile(r"""\s*(\w+)\s*(?:=\s*("(?:\\.|[^"\\])*"|/(?:\\.|[^/\\])+/|[\w.]+)\s*)?(,|$)""")
_WITHOUT_EFFECT = ("capture", "temperature")


class LarkWarning(UserWarning):
    """Part of a Lark grammar has no effect on its language."""


@dataclass(frozen=True)
class Attributes:
    """Attributes of a rule that change its language."""

    lazy: bool
    #: As written: a string, a pattern or a terminal's name; "" for none.
    suffix: str
    offset: int


def read_attributes(head: re.Match[str], text: str) -> Attributes:
    """The attributes of a rule.

    Raises
    ------
    GrammarSyntaxError : they cannot be read; with the offset.
    UnsupportedFeature : one of them has no translation, or is not known; with the offset.
    """
    offset, inner = head.start("attributes") + 1, head["attributes"][1:-1]
    lazy, suffix, at = False, "", 0
    while at < len(inner):
        found = _ATTRIBUTE.match(inner, at)
        if found is None:
            message = 'Expected attributes such as `[lazy]` or `[suffix="</a>"]`.'
            raise GrammarSyntaxError(message, source=text, offset=offset + at)
        name, value = found[1], found[2]
        if name in _WITHOUT_EFFECT:
            warnings.warn(
                f"`{name}` of rule `{head['name']}` has no effect on the language.", LarkWarning, stacklevel=5
            )
        elif name == "lazy" and value is None:
            lazy = True
        elif name == "suffix" and value:
            suffix = value
        else:
            message = (
                f"The attribute `{name}` of rule `{head['name']}` is not supported; known are `lazy` and `suffix`."
            )
            raise UnsupportedFeature(message, source=text, offset=offset + at)
        at = found.end()
    return Attributes(lazy, suffix, offset)


def apply_attributes(source: LarkText, rules: dict[str, Expr], terminals: dict[str, Lexeme]) -> None:
    """Put lazy terminals into the rules that ask for them, in place."""
    for name, attributes in source.attributes.items():
        if name in rules and (attributes.lazy or attributes.suffix):
            used = [ref for ref in references(rules[name]) if ref in terminals]
            if len(used) != 1 or any(ref not in (used[0], "%ignore") for ref in references(rules[name])):
                message = f"Rule `{name}` with `lazy` or `suffix` must be one terminal. Name it: `NAME: /.../`."
                raise UnsupportedFeature(message, source=source.original, offset=attributes.offset)
            lexeme, lazy_name = terminals[used[0]], f"{name} lazy"
            expr = sequence(lexeme.expr, _suffix(attributes, terminals, source))
            first = And((expr, Not(Seq((expr, Repeat(ANY_BYTE, 1))))))
            terminals[lazy_name] = replace(lexeme, expr=first, name=name)
            behind = [Ref("%ignore")] if "%ignore" in references(rules[name]) else []
            rules[name] = sequence(Ref(lazy_name), *behind)


def _suffix(attributes: Attributes, terminals: Mapping[str, Lexeme], source: LarkText) -> Expr:
    text = attributes.suffix
    if not text:
        return EMPTY
    if text.startswith("/"):
        return parse_regex(text[1:-1])
    if text.startswith('"'):
        return parse_regex(re.escape(_unquoted(text)))
    if text in terminals:
        return terminals[text].expr
    message = f"Expected a suffix in quotes, a pattern, or a terminal that some rule uses, got `{text}`."
    raise GrammarSyntaxError(message, source=source.original, offset=attributes.offset)


def _unquoted(text: str) -> str:
    import ast

    return str(ast.literal_eval(text))
