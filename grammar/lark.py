"""Lark grammars.

lark reads the text, imports and all; its rules and terminals become rules of the IR. Inline aliases, `?`, `!` and `_`
shape lark's trees only and change nothing here. Beyond lark's own syntax, as in llguidance, a rule may hold `%json
{...}` (what an inline JSON Schema accepts), `%regex {"substring_words": ...}` (any piece of a text), `<|name|>` (a
special token by name), `<[12,30-40]>` (special tokens by id), `@name` (one of the `grammars` given), `x{2,3}` for
`x~2..3`, names with dashes, and attributes: `name[lazy]:` and `name[suffix="..."]:` end a terminal where it first may,
`name[max_tokens=9]:` after so many tokens. Terminals may be intersected, `A & B`, and complemented,
`~A` (`lark_algebra`). `stop` is refused; `capture` and `temperature` have no effect and a `LarkWarning` says so.
`%llguidance {}` is allowed.

Differences to lark
    1. `lexer="longest"`: the longest match wins, as in most lexers. lark's basic and contextual lexers take the first
       match in the order of priority, width and length of the pattern. They agree where no terminal matches a proper
       prefix of what a later one matches; among matches of the same length the order is lark's, among those terminals
       that may stand there (as in lark's contextual lexer).
    2. `lexer="dynamic"`: as lark's `dynamic_complete`, every way to cut the text counts, but for ignored terminals,
       which match greedily.
    3. A terminal without lazy quantifiers is a set of texts. In lark `/a|ab/` matches `a` alone, as Python's `re`
       prefers it; here both. With a lazy quantifier it is what `re` finds first, as in lark (`parse_terminal`).
    4. A terminal's lookaround sees the terminal's own text only.
    5. Priorities of rules choose between trees, not strings: ignored, with a `LarkWarning`.
    6. Terminals that are only declared (`%declare`), such as those of lark's `Indenter`, are refused where they are
       used. Terminals that no rule needs are not looked at.
"""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from lark.exceptions import GrammarError as LarkGrammarError
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError
from lark.load_grammar import GrammarBuilder

from ..errors import BudgetExceeded, GrammarError, GrammarSyntaxError
from .analysis import components, reachable
from .fold import concatenation
from .ir import Expr, Grammar, Ref, references
from .lark_attributes import LarkWarning, apply_attributes
from .lark_rule import Definition, RuleBook, ignored_rule
from .lark_terminal import MAX_TERMINAL, lexemes
from .lark_text import Embeddable, LarkText, Nested, Schema, read_text
from .lexing import IGNORE
from .part import Book, HasGrammar, embedded, embedded_budgets
from .substring import Substring

#: What lark calls its own tokens, for people.
_EXPECTED = {
    "COLON": "`:`",
    "COMMA": "`,`",
    "DOT": "`.`",
    "DOTDOT": "`..`",
    "END": "the end",
    "LBRA": "`[`",
    "LBRACE": "`{`",
    "LPAR": "`(`",
    "NL": "a new line",
    "NUMBER": "a number",
    "OP": "`?`, `*` or `+`",
    "OR": "`|`",
    "RBRA": "`]`",
    "RBRACE": "`}`",
    "REGEXP": "a pattern",
    "RPAR": "`)`",
    "RULE": "a rule's name",
    "STRING": "a string",
    "TERMINAL": "a terminal's name",
    "TILDE": "`~`",
    "TO": "`->`",
}


#: Nodes of all terminals together, after terminals are put into each other.
MAX_TERMINALS = 500_000


@dataclass(frozen=True)
class Lark:
    """A constraint: the whole text is derived from a rule of a Lark grammar.

    Parameters
    ----------
    text : the grammar.
    start : the rule that the text is derived from.
    lexer : "longest" (terminals match greedily and compete, see `Lexeme`) or "dynamic" (they match as rules would).
    base_path : the folder from which other grammars are imported; without it only lark's own (`%import common.X`).
    grammars : constraints by name, for rules that use them as `@name`. Kept as pairs, so that grammars are values.
    """

    text: str
    start: str = "start"
    lexer: Literal["longest", "dynamic"] = "longest"
    base_path: str | Path | None = None
    grammars: Mapping[str, HasGrammar] | tuple[tuple[str, HasGrammar], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "grammars", tuple(dict(self.grammars).items()))
        if self.lexer not in ("longest", "dynamic"):
            raise ValueError(f'Expected lexer to be "longest" or "dynamic", got {self.lexer!r}.')

    def __repr__(self) -> str:
        fields = [f"{name}={getattr(self, name)!r}" for name in ("text", "start", "lexer", "base_path")]
        fields += [f"grammars={dict(self.grammars)!r}"] if self.grammars else []
        return f"Lark({', '.join(fields)})"

    def grammar(self) -> Grammar:
        """The grammar.

        Raises
        ------
        GrammarSyntaxError : the text is no Lark grammar, or uses what it does not define; with the offset.
        UnsupportedFeature : a terminal or an attribute has no exact translation; with the offset.
        BudgetExceeded : templates or terminals grow without end.
        EmptyLanguage, GrammarError : as `JsonSchema`, for inline schemas.

        Warns
        -----
        LarkWarning : a rule has a priority, a capture or a temperature, which is ignored.
        """
        source = read_text(self.text)
        _refuse_explosions(source)
        try:
            start = source.name(self.start)
            book = self._load(source, start)
            book.lower(start)
            terminals = lexemes(book.terminals.values(), source)
            budgets = apply_attributes(source, book.rules, terminals)
            used = {ref for body in book.rules.values() for ref in references(body)} | set(book.ignored)
            for name in sorted(used & book.terminals.keys()):
                book.terminals[name].see_not_empty(terminals[name].expr, source)
        except (LarkGrammarError, UnexpectedInput, VisitError, OSError) as error:
            raise _translated(error, source) from error
        except RecursionError:
            raise BudgetExceeded("nesting of a Lark grammar", 1000, "nest it less deeply") from None
        rules: dict[str, Expr] = {**book.rules, **{ignored_rule(name): terminals[name] for name in book.ignored}}
        if self.lexer == "longest":
            rules |= terminals
        else:  # ignored text is greedy, but beats nothing: it may start inside of what rules read
            rules |= {ignored_rule(name): replace(terminals[name], priority=0) for name in book.ignored}
            rules |= {name: each.expr for name, each in terminals.items()}
        for name, what in source.embedded.items():
            inner = self._embedded_grammar(what, source)
            rules |= {name: Ref(f"{name}:{inner.start}"), **embedded(inner, name)}
            budgets |= embedded_budgets(inner, name)
        top = start
        if book.ignored:
            top = f"{start} with ignored text"
            rules = {top: concatenation((Ref(IGNORE), Ref(start))), **rules}
        rules = reachable(rules, top)
        return Grammar(top, rules, _places(rules, source), budgets={n: budgets[n] for n in budgets if n in rules})

    def _load(self, source: LarkText, start: str) -> RuleBook:
        folder = None if self.base_path is None else Path(self.base_path)
        relative = re.search(r"^[ \t]*%import\s+\.", self.text, re.M)
        if folder is None and relative:
            message = (
                "Expected `base_path=` for a relative import; without it only lark's own grammars can be imported."
            )
            raise GrammarSyntaxError(message, source=self.text, offset=relative.start())
        builder = GrammarBuilder(import_paths=[] if folder is None else [str(folder)])
        builder.load_grammar(source.plain, "<text>" if folder is None else str(folder / "<text>"))
        loaded = builder.build()
        definitions = {n: Definition(n, tuple(parameters), tree) for n, parameters, tree, _ in loaded.rule_defs}
        for rule, _, _, options in loaded.rule_defs:
            if options is not None and options.priority is not None:
                warnings.warn(
                    f"The priority of rule `{rule}` is ignored: it has no effect on the language.", LarkWarning, 3
                )
        if start not in definitions or definitions[start].parameters:
            raise GrammarSyntaxError(f"Expected a rule `{self.start}` to start with, got {_list(definitions)}.")
        return RuleBook(source, definitions, dict(loaded.term_defs), tuple(loaded.ignore))

    def _embedded_grammar(self, what: Embeddable, source: LarkText) -> Grammar:
        """The grammar of what a stand-in stands for."""
        match what:
            case Schema():
                return _of_schema(what, source)
            case Nested():
                return self._nested_grammar(what, source)
            case Substring():
                book = Book()
                body = what.expression(book)
                return Grammar(body.rule, book.rules)
        return Grammar("tokens", {"tokens": what})

    def _nested_grammar(self, what: Nested, source: LarkText) -> Grammar:
        given = dict(self.grammars)
        if (constraint := given.get(what.name)) is None:
            known = ", ".join(f"`@{name}`" for name in given) or "none"
            message = f"Expected a grammar `{what.name}` in `grammars=`, known there: {known}."
            raise GrammarSyntaxError(message, source=source.original, offset=what.offset)
        try:
            return constraint.grammar()
        except GrammarError as error:
            message = f"In the grammar `@{what.name}`: {error.message}"
            raise type(error)(message, source=source.original, offset=what.offset, pointer=error.pointer) from error


def _refuse_explosions(source: LarkText) -> None:
    """Terminals that repeat each other grow without end when lark puts them into each other."""
    uses = source.uses_by_definition()
    graph = {name: set(uses[name]) & uses.keys() for name in uses}
    sizes: dict[str, int] = {}
    for component in components(graph):
        for name in component:
            sizes[name] = 1 + sum(sizes.get(use, 1) for use in uses[name] if use.isupper())
        if sum(sizes[name] for name in component if name.isupper()) > MAX_TERMINAL:
            raise BudgetExceeded(f"size of terminal {component[0]}", MAX_TERMINAL, "use rules where terminals repeat")
    if sum(size for name, size in sizes.items() if name.isupper()) > MAX_TERMINALS:
        raise BudgetExceeded("size of all terminals", MAX_TERMINALS, "use rules where terminals repeat")


def _list(definitions: dict[str, Definition]) -> str:
    names = [f"`{name}`" for name, definition in definitions.items() if definition.tree is not None]
    return "no rules" if not names else ", ".join(names[:8]) + (" and more" if len(names) > 8 else "")


def _of_schema(schema: Schema, source: LarkText) -> Grammar:
    """The grammar of an inline schema."""
    from .jsonschema import JsonSchema

    try:
        return JsonSchema(schema.value).grammar()
    except GrammarError as error:
        message = f"In the inline schema: {error.message}"
        raise type(error)(message, source=source.original, offset=schema.offset, pointer=error.pointer) from error


def _places(rules: dict[str, Expr], source: LarkText) -> dict[str, str]:
    places: dict[str, str] = {}
    for name in rules:
        what = source.embedded.get(name)
        offset = what.offset if isinstance(what, Schema | Nested) else source.definition(name.partition("{")[0])
        if offset is not None:
            places[name] = f"line {source.original.count(chr(10), 0, offset) + 1}"
    return places


def _translated(error: Exception, source: LarkText) -> GrammarError:
    """lark's error with a position in the text."""
    if isinstance(error, VisitError):
        error = error.orig_exc
    imported = any(frame.f_code.co_name == "do_import" for frame, _ in traceback.walk_tb(error.__traceback__))
    if isinstance(error, OSError):
        message = f"Expected a grammar to import, found no `{error.filename}`."
        return GrammarSyntaxError(message, source=source.original, offset=_find(r"%import", source))
    cause = error if isinstance(error, UnexpectedInput) else error.__context__
    if isinstance(cause, UnexpectedInput) and not imported:
        return _syntax_error(error, cause, source)
    message = re.sub(r"NonTerminal\('(.*?)'\)", r"`\1`", source.restored(str(error))).strip()
    if imported:
        return GrammarSyntaxError(
            f"In an imported grammar: {message}", source=source.original, offset=_find("%import", source)
        )
    placed = (what.offset for name, what in source.embedded.items() if isinstance(what, Nested) and name in str(error))
    offset = next(placed, None)
    offset = _named_offset(str(error), source) if offset is None else offset
    return GrammarSyntaxError(message.rstrip(".") + ".", source=source.original, offset=offset)


def _syntax_error(error: Exception, cause: UnexpectedInput, source: LarkText) -> GrammarSyntaxError:
    if isinstance(cause, UnexpectedToken):
        at_end = cause.token.type == "$END"
        offset = len(source.plain) if at_end or cause.pos_in_stream is None else cause.pos_in_stream
        found = "the end of the text" if at_end else "a new line" if cause.token.type == "_NL" else f"`{cause.token}`"
        names: Iterable[str] = cause.accepts or cause.expected
    else:
        offset = cause.pos_in_stream or 0
        names, found = (), f"{source.plain[offset : offset + 1]!r}"
        found = {'"': "a string without its closing quote", "/": "a pattern without its closing `/`"}.get(
            source.plain[offset : offset + 1], found
        )
    expected = sorted({_EXPECTED[name.strip("_$")] for name in names if name.strip("_$") in _EXPECTED})
    hint, _, _ = str(error).partition(", at line")
    reason = "" if error is cause or isinstance(cause, UnexpectedCharacters) else f"{hint}: "
    wanted = f"expected {' or '.join(expected) or 'Lark syntax'}, "
    message = f"{reason}{wanted}got {source.restored(found)}."
    return GrammarSyntaxError(message[0].upper() + message[1:], source=source.original, offset=source.offset(offset))


def _find(pattern: str, source: LarkText) -> int | None:
    found = re.search(pattern, source.original)
    return found.start() if found else None


def _named_offset(message: str, source: LarkText) -> int | None:
    """Where the first name in a message of lark's stands; in the rule that is named next, if there is one."""
    names = [name for name in re.findall(r"\w+", message) if source.use(name) is not None and not _is_word(name)]
    if not names:
        return None
    if "more than once" in message:
        return source.definition(names[0], 1)
    return source.use(names[0], names[1] if len(names) > 1 else None)


def _is_word(name: str) -> bool:
    """Whether lark's messages use the name as an English word."""
    return name.lower() in {"rule", "rules", "terminal", "terminals", "template", "used", "but", "not", "defined", "in"}
