"""Lark grammar text: what it holds beyond Lark's own syntax, and where its names stand.

`%json {...}`, `%regex {...}`, `@name`, `<|name|>` and `<[12,30-40]>` are replaced by rules that are only declared, so
that lark reads the rest; the operators of terminals, `&` and `~`, and `%regex` inside a terminal by string literals;
`{2,3}` becomes `~2..3`, and `%llguidance {...}` and the attributes of rules, `name[lazy]:`, are taken out; `my-rule`
becomes `my_rule`. Offsets into the text that lark sees are led back to the original.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from lark import Token as LarkToken
from lark import Tree

from ..errors import BudgetExceeded, GrammarSyntaxError, UnsupportedFeature
from .fold import alternation
from .ir import Expr, Token
from .lark_attributes import HEAD, Attributes, read_attributes
from .substring import Substring

#: Ids that the token sets of one grammar may list.
MAX_TOKEN_IDS = 4096

_PIECE = re.compile(
    r"""
    (?P<comment> //[^\n]* | \#[^\n]* )
  | (?P<string> "(?:\\"|\\\\|[^"\n])*?"i? )
  | (?P<regexp> /(?!/)(?:\\/|\\\\|[^/])*?/[imslux]* )
  | (?P<json> %(?:json|regex|llguidance)\b )
  | (?P<token> <[^<>\s]+> )
  | (?P<grammar> @[\w-]+ )
  | (?P<operator> & | ~(?!\s*\d) )
  | (?P<bounds> \{\s*(?:\d+\s*(?:,\s*\d*)?|,\s*\d+)\s*\} )
  | (?P<name> [A-Za-z_]\w*(?:-\w+)+ | \w+ )
    """,
    re.VERBOSE,
)
_DEFINITION = re.compile(
    r"^[ \t]*(?:%override\s+|%extend\s+)?[?!]*(\w+)[ \t]*(?:\{[^}\n]*\})?(?:\[[^\n]*\])?[ \t]*(?:\.\s*-?\d+)?[ \t]*:",
    re.M,
)
_BLANK = re.compile(r"\s*")
#: Stands for "no upper bound" in what lark gets to see.
UNBOUNDED = 2**31 - 1
#: Options of `%llguidance` that have no effect on the language.
_HARMLESS = {"no_forcing", "allow_initial_skip"}
_TOKEN_IDS = re.compile(r"<\[(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)\]>")


@dataclass(frozen=True)
class Schema:
    """An inline JSON Schema, and where it stands."""

    value: Any
    offset: int


@dataclass(frozen=True)
class Nested:
    """A grammar that is used by its name, and where."""

    name: str
    offset: int


#: What a stand-in may stand for.
Embeddable: TypeAlias = Schema | Nested | Substring | Expr


@dataclass(frozen=True)
class LarkText:
    """A grammar's text, and what lark gets to see of it."""

    original: str
    #: The same, letter by letter, but for names with dashes.
    text: str
    #: The text for lark.
    plain: str
    #: Stand-in -> what it stands for: a schema, a grammar, a substring, or an expression of special tokens.
    embedded: dict[str, Embeddable]
    #: Text of a string literal -> the operator of terminals that it stands for: `&`, `~` or `%regex`.
    operators: dict[str, str]
    #: Rule -> its attributes.
    attributes: dict[str, Attributes]
    #: Names as lark sees them -> as they stand in the original, where they have dashes.
    dashed: dict[str, str]
    #: Offsets in `plain` from which on the original is so far ahead, both ascending.
    starts: tuple[int, ...]
    shifts: tuple[int, ...]

    def offset(self, plain_offset: int) -> int:
        """Where an offset into `plain` stands in the original."""
        k = bisect_right(self.starts, plain_offset) - 1
        return min(plain_offset + (self.shifts[k] if k >= 0 else 0), len(self.original))

    def token_offset(self, token: LarkToken) -> int | None:
        """Where a token of lark's tree stands in the original; None if it comes from an imported grammar."""
        at = token.start_pos
        return self.offset(at) if at is not None and self.plain.startswith(token, at) else None

    def name(self, given: str) -> str:
        """A name as lark sees it."""
        return next((name for name, original in self.dashed.items() if original == given), given)

    def restored(self, message: str) -> str:
        """A message about `plain`, with the stand-ins written as in the original."""
        for name, what in self.embedded.items():
            message = message.replace(name, _shown(what))
        for name, operator in self.operators.items():
            message = message.replace(f'"{name}"', operator)
        return re.sub(r"\w+", lambda name: self.dashed.get(name[0], name[0]), message) if self.dashed else message

    def definition(self, name: str, which: int = 0) -> int | None:
        """Offset of the definition of a rule or terminal (the `which`-th of several)."""
        found = self._definitions.get(name)
        return found[min(which, len(found) - 1)] if found else None

    @cached_property
    def _definitions(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for definition in _DEFINITION.finditer(self.text):
            found.setdefault(definition[1], []).append(definition.start(1))
        return found

    def use(self, name: str, within: str | None = None) -> int | None:
        """Offset of the first use of a name, in the definition of another if that is given."""
        after = -1 if within is None else self.definition(within) or -1
        own = self.definition(name)
        uses = [m.start() for m in _pieces(self.text) if m.lastgroup == "name" and m[0] == name]
        return next((at for at in uses if at > after and at != own), own)

    def uses_by_definition(self) -> dict[str, list[str]]:
        """Rule or terminal -> the names in its definition, with repetitions."""
        heads = {offset for offsets in self._definitions.values() for offset in offsets}
        uses: dict[str, list[str]] = {}
        here: list[str] = []
        for piece in _pieces(self.text):
            if piece.start() in heads:
                here = uses.setdefault(piece[0], [])
            elif piece.lastgroup == "name":
                here.append(piece[0])
        return uses


def _shown(what: Embeddable) -> str:
    match what:
        case Schema():
            return "%json"
        case Nested(name):
            return f"@{name}"
        case Substring():
            return "%regex"
    return "<token>"


def _without_dashes(text: str) -> tuple[str, dict[str, str]]:
    """The text with another letter for each dash in a name, and what the names were."""
    names = {piece[0] for piece in _pieces(text) if piece.lastgroup == "name"}
    given: dict[str, str] = {}
    for name in sorted(name for name in names if "-" in name):
        free = (name.replace("-", letter) for letter in "_0123456789")
        given[name] = next((each for each in free if each not in names), name)
        names.add(given[name])
    if not given:
        return text, {}
    parts, done = [], 0
    for piece in _pieces(text):
        if piece[0] in given:
            parts += [text[done : piece.start()], given[piece[0]]]
            done = piece.end()
    return "".join([*parts, text[done:]]), {new: old for old, new in given.items()}


def read_text(text: str) -> LarkText:
    """Find what lark does not know and put stand-ins in its place.

    Raises
    ------
    GrammarSyntaxError : `%json` is not followed by a JSON value; with the offset.
    UnsupportedFeature : an attribute, a `%regex` or an option has no exact translation; with the offset.
    BudgetExceeded : more than `MAX_TOKEN_IDS` ids are listed, or JSON is nested too deeply to read.
    """
    original = text
    text, dashed = _without_dashes(text)
    prefix = "embedded"
    while prefix in text:
        prefix += "_"
    parts: list[str] = []
    embedded: dict[str, Embeddable] = {}
    operators = {f"{prefix} and": "&", f"{prefix} not": "~"}
    attributes: dict[str, Attributes] = {}
    heads = {head.start("attributes"): head for head in HEAD.finditer(text)}
    definitions = {found.start(1) for found in _DEFINITION.finditer(text)}
    starts, shifts = [], []
    done, length = 0, 0
    in_terminal = False
    for piece in _pieces(text):
        at, end = piece.start(), piece.end()
        if at < done:
            continue
        in_terminal = piece[0].isupper() if at in definitions else in_terminal
        shown = f"{prefix}_{len(embedded)}"
        if piece.lastgroup == "name" and end in heads:
            head = heads[end]
            attributes[piece[0]] = read_attributes(head, text)
            at, end, shown = end, head.end("attributes"), ""
        elif piece.lastgroup == "bounds":
            shown = _bounds(piece[0])
        elif piece.lastgroup == "token":
            embedded[shown] = _special_tokens(piece, text)
        elif piece.lastgroup == "grammar":
            embedded[shown] = Nested(piece[0][1:], at)
        elif piece.lastgroup == "operator":
            shown = f'"{prefix} {"and" if piece[0] == "&" else "not"}" '
        elif piece.lastgroup == "json":
            schema, end = _schema(text, end)
            if piece[0] == "%llguidance":
                _see_options(schema, text)
                shown = ""
            else:
                embedded[shown] = schema if piece[0] == "%json" else _substring(schema, text)
                if piece[0] == "%regex" and in_terminal:
                    operators[shown] = "%regex"
                    shown = f'"{shown}"'
        else:
            continue
        parts += [text[done:at], shown]
        length += at - done + len(shown)
        starts.append(length)
        shifts.append(end - length)
        done = end
    rules = [name for name in embedded if name not in operators]
    declared = f"\n%declare {' '.join(rules)}" if rules else ""
    plain = "".join([*parts, text[done:], declared])
    return LarkText(original, text, plain, embedded, operators, attributes, dashed, tuple(starts), tuple(shifts))


def _bounds(bounds: str) -> str:
    """`{2,3}` as lark writes it."""
    low, comma, high = bounds.strip("{}").partition(",")
    least = int(low) if low.strip() else 0
    if not comma:
        return f"~{least}"
    return f"~{least}..{int(high) if high.strip() else UNBOUNDED}"


def _see_options(options: Schema, text: str) -> None:
    """Refuse the options of `%llguidance` that would change the language."""
    given = options.value if isinstance(options.value, dict) else {"": options.value}
    if unknown := sorted(given.keys() - _HARMLESS):
        message = f"The option {unknown[0]!r} of `%llguidance` is not supported."
        raise UnsupportedFeature(message, source=text, offset=options.offset)


def _substring(node: Schema, text: str) -> Substring:
    """What a `%regex {...}` asks for: a run of the pieces of a text."""
    value = node.value if isinstance(node.value, dict) else {}
    match list(value.items()):
        case [("substring_chars", str(whole))]:
            return Substring(tuple(whole))
        case [("substring_words", str(whole))]:
            return Substring(tuple(re.findall(r"\w+|\W", whole)), "words")
        case [("substring_chunks", list(chunks))] if all(isinstance(chunk, str) and chunk for chunk in chunks):
            return Substring(tuple(chunks), "chunks")
    message = "Expected `%regex` with one of substring_chars, substring_words and substring_chunks."
    raise UnsupportedFeature(message, source=text, offset=node.offset)


def _pieces(text: str) -> Iterator[re.Match[str]]:
    """Comments, literals, names and extensions; a JSON value is skipped if it can be read."""
    at = 0
    while piece := _PIECE.search(text, at):
        yield piece
        at = piece.end()
        if piece.lastgroup == "json":
            at = _schema(text, at)[1]


def _schema(text: str, at: int) -> tuple[Schema, int]:
    """The schema behind `%json`, and where it ends."""
    blank = _BLANK.match(text, at)
    begin = blank.end() if blank else at
    try:
        value, end = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text, begin)
    except json.JSONDecodeError as error:
        message = f"Expected a JSON Schema behind `%json`: {error.msg}."
        raise GrammarSyntaxError(message, source=text, offset=error.pos) from None
    except ValueError as error:
        raise GrammarSyntaxError(
            f"Expected a JSON Schema behind `%json`: {error}.", source=text, offset=begin
        ) from None
    except RecursionError:
        raise BudgetExceeded("nesting of an inline JSON Schema", 1000, "nest it less deeply") from None
    return Schema(value, begin), end


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _special_tokens(piece: re.Match[str], text: str) -> Expr:
    """One token by name, or any of a set of ids."""
    listed = _TOKEN_IDS.fullmatch(piece[0])
    if not listed:
        if piece[0].startswith(("<[^", "<[*")):
            message = f"The token set `{piece[0]}` is all tokens but some, which no grammar over text can say."
            raise UnsupportedFeature(message, source=text, offset=piece.start())
        if piece[0].startswith("<["):
            message = f"Expected token ids such as `<[12]>` or `<[12,30-40]>`, got `{piece[0]}`."
            raise GrammarSyntaxError(message, source=text, offset=piece.start())
        return Token(name=piece[0])
    ids: dict[int, None] = {}
    for part in listed[1].split(","):
        low, _, high = part.partition("-")
        span = range(int(low), int(high or low) + 1)
        if len(ids) + len(span) > MAX_TOKEN_IDS:
            raise BudgetExceeded("token ids listed in a Lark grammar", MAX_TOKEN_IDS, "list fewer")
        ids.update(dict.fromkeys(span))
    if not ids:
        raise GrammarSyntaxError(f"The token set `{piece[0]}` is empty.", source=text, offset=piece.start())
    return alternation(Token(id=i) for i in ids)


def subtrees(tree: Tree[Any]) -> Iterator[Tree[Any]]:
    """The tree's nodes, each once and after its children; children may be shared."""
    seen: set[int] = set()
    stack: list[tuple[Tree[Any], bool]] = [(tree, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((kid, False) for kid in node.children if isinstance(kid, Tree))
