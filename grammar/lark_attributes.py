"""Attributes of Lark rules, as in llguidance: `name[lazy]: ...`, `name[suffix="</a>", capture]: ...`.

A rule with `lazy` or `suffix` is one terminal, which ends where it first may: of its matches those count that have no
other match before them. The suffix belongs to the match. A rule with `max_tokens` is one terminal, too, which may end
behind any of its characters: after so many tokens it does. Without a vocabulary that says nothing.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import GrammarSyntaxError, UnsupportedFeature
from .free_text import ends_anywhere
from .ir import ANY_BYTE, EMPTY, And, Expr, Lexeme, Not, Ref, Repeat, Seq, TokenBudget, optional, references, sequence
from .regex import parse_regex
from .regular import is_nullable

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
    max_tokens: int | None = None

    @property
    def needs_terminal(self) -> bool:
        """Whether they are about a terminal."""
        return self.lazy or bool(self.suffix) or self.max_tokens is not None


def read_attributes(head: re.Match[str], text: str) -> Attributes:
    """The attributes of a rule.

    Raises
    ------
    GrammarSyntaxError : they cannot be read; with the offset.
    UnsupportedFeature : one of them has no translation, or is not known; with the offset.
    """
    offset, inner = head.start("attributes") + 1, head["attributes"][1:-1]
    lazy, suffix, max_tokens, at = False, "", None, 0
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
        elif name == "max_tokens" and value and value.isdecimal() and int(value):
            max_tokens = int(value)
        else:
            raise UnsupportedFeature(_not_known(name, head["name"]), source=text, offset=offset + at)
        at = found.end()
    if max_tokens and (lazy or suffix):
        message = f"`max_tokens` of rule `{head['name']}` beside `lazy` or `suffix` is not supported."
        fix = 'Put what ends the text behind it: `rule: text ";"` and `text[max_tokens=9]: /[^;]*/`.'
        raise UnsupportedFeature(f"{message} {fix}", source=text, offset=offset)
    return Attributes(lazy, suffix, offset, max_tokens)


def _not_known(attribute: str, rule: str) -> str:
    if attribute == "stop":
        return f"`stop` of rule `{rule}` would take text back from the model. `suffix` keeps it, as part of the rule."
    known = '`lazy`, `suffix="..."` and `max_tokens=n`, n being at least 1'
    return f"The attribute `{attribute}` of rule `{rule}` is not supported as given; known are {known}."


def apply_attributes(source: LarkText, rules: dict[str, Expr], terminals: dict[str, Lexeme]) -> dict[str, TokenBudget]:
    """Put lazy terminals into the rules that ask for them, in place; the budgets of rules that have one."""
    budgets: dict[str, TokenBudget] = {}
    for name, attributes in source.attributes.items():
        if name not in rules or not attributes.needs_terminal:
            continue
        terminal = _only_terminal(name, attributes, rules, terminals, source)
        behind = [Ref("%ignore")] if "%ignore" in references(rules[name]) else []
        if attributes.max_tokens is not None:
            if not ends_anywhere(terminals[terminal].expr):
                message = f"`max_tokens` of rule `{name}` needs a terminal that may end anywhere, such as /[^;]*/."
                raise UnsupportedFeature(message, source=source.original, offset=attributes.offset)
            text, lexeme = f"{name} text", terminals[terminal]
            budgets[text] = TokenBudget(attributes.max_tokens)
            rules[text], rules[name] = Ref(terminal), sequence(Ref(text), *behind)
            if is_nullable(lexeme.expr):
                some = f"{name} of a character at least"
                terminals[some] = replace(lexeme, expr=And((lexeme.expr, Repeat(ANY_BYTE, 1))), name=name)
                rules[text] = optional(Ref(some))
            continue
        lexeme, lazy_name = terminals[terminal], f"{name} lazy"
        expr = sequence(lexeme.expr, _suffix(attributes, terminals, source))
        first = And((expr, Not(Seq((expr, Repeat(ANY_BYTE, 1))))))
        terminals[lazy_name] = replace(lexeme, expr=first, name=name)
        rules[name] = sequence(Ref(lazy_name), *behind)
    return budgets


def _only_terminal(
    name: str, attributes: Attributes, rules: Mapping[str, Expr], terminals: Mapping[str, Lexeme], source: LarkText
) -> str:
    used = [ref for ref in references(rules[name]) if ref in terminals]
    if len(used) != 1 or any(ref not in (used[0], "%ignore") for ref in references(rules[name])):
        message = f"Rule `{name}` with `lazy`, `suffix` or `max_tokens` must be one terminal. Name it: `NAME: /.../`."
        raise UnsupportedFeature(message, source=source.original, offset=attributes.offset)
    return used[0]


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
