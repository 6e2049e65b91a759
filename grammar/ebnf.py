r"""EBNF, the grammars of XGrammar.

A relative of GBNF in which line ends do not matter, but for a rule's name, which comes first on its line. The macros
`TagDispatch`, `TokenTagDispatch`, `Token` and `ExcludeToken` are read; tokens become `Token` nodes.

Differences to XGrammar
    1. Free tokens (`ExcludeToken(...)*` and the free part of `TokenTagDispatch`) are text: special tokens may come only
       where the grammar names them. An `ExcludeToken` that is not repeated by `*` or `+` would count tokens of whatever
       text: refused.
    2. Lookahead assertions `(= ...)` are refused.
    3. `[temperature=...]` at a rule has no effect on the language: an `EbnfWarning` says so.
Source: XGrammar, docs/defining_structures/ebnf_grammar.md.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from .bnf_reader import BnfReader
from .fold import alternation, concatenation, repetition
from .free_text import TEXT, dispatch, text_without
from .ir import Expr, Grammar, Ref, Seq, Token

_CONTROLS = {"n": 10, "r": 13, "t": 9, "b": 8, "f": 12, "a": 7, "v": 11, "0": 0, "e": 27}
_HEAD = re.compile(r"[A-Za-z_.-][\w.-]*[ \t]*(?:\[[^\]\n]*\][ \t]*)?::=")
_MACRO = re.compile(r"([A-Z]\w*)[ \t]*\(")
_OPTION = re.compile(r"\[[ \t]*(\w+)[ \t]*=[ \t]*([^\]\s]+)[ \t]*\]")
_NUMBER = re.compile(r"\d+")


class EbnfWarning(UserWarning):
    """Part of an EBNF grammar has no effect on its language."""


@dataclass(frozen=True)
class Ebnf:
    """A constraint: the whole text is derived from a rule of a grammar in XGrammar's EBNF.

    Parameters
    ----------
    text : the grammar.
    start : the rule that the text is derived from.
    """

    text: str
    start: str = "root"

    def grammar(self) -> Grammar:
        """The grammar.

        Raises
        ------
        GrammarSyntaxError : the text is no EBNF, or a rule is missing; with the offset.
        UnsupportedFeature : lookahead, an unknown macro or option, or tokens that are counted; with the offset.
        BudgetExceeded : groups are nested too deeply.

        Warns
        -----
        EbnfWarning : a rule has a temperature, which is ignored.
        """
        return _Reader(self.text).read(self.start)


class _Reader(BnfReader):
    dialect = "EBNF"
    name_pattern = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")
    escapes = _CONTROLS | {letter: ord(letter) for letter in "\"\\/'?"}
    class_escapes = "^$\\.*+?()[]{}|/-"
    stacks_operators = False
    multiline = False

    def __init__(self, source: str) -> None:
        super().__init__(source)
        #: What `ExcludeToken` stands for until its operator is read, by id.
        self._free_tokens: dict[int, Expr] = {}

    def hex_digits(self, letter: str) -> str:
        return "[0-9a-fA-F]+" if letter == "x" else super().hex_digits(letter)

    def skip_in_body(self, *, nested: bool) -> None:
        self.skip(lines=True)

    def at_end(self, *, nested: bool) -> bool:
        start = self.pos
        while start and self.source[start - 1] in " \t\r":
            start -= 1
        at_line_start = start == 0 or self.source[start - 1] == "\n"
        return at_line_start and _HEAD.match(self.source, self.pos) is not None

    def end_of_rule(self) -> None:
        if self.pos < len(self.source) and not self.at_end(nested=False):
            self.fail(f"Expected an item, `|`, or a rule's name at the start of a line, got {self.found()}")

    def options(self) -> None:
        if not self.peek("["):
            return
        found = _OPTION.match(self.source, self.pos)
        if found is None or found[1] != "temperature":
            self.refuse("Expected the option `[temperature=...]` of a rule; others are not known", self.pos)
        self.pos = found.end()
        message = f"The temperature of rule `{self.rule}` is ignored: it has no effect on the language."
        warnings.warn(message, EbnfWarning, stacklevel=6)

    def own_item(self) -> Expr | None:
        if re.compile(r"\([ \t]*=").match(self.source, self.pos):
            self.refuse("Lookahead assertions `(= ...)` are not supported", self.pos)
        found = _MACRO.match(self.source, self.pos)
        if found is None or self.name_pattern.match(self.source, self.pos)[0] != found[1]:  # type: ignore[index]
            return None
        macros: dict[str, Callable[[], Expr]] = {
            "Token": self._token,
            "ExcludeToken": self._exclude_token,
            "TagDispatch": lambda: self._dispatch(self._text_trigger),
            "TokenTagDispatch": lambda: self._dispatch(self._token_trigger),
        }
        if found[1] not in macros:
            if self.source[found.end() - 2] in " \t" or found[1] in self.rules:
                return None
            self.refuse(f"The macro `{found[1]}` is not known; known are {', '.join(macros)}", self.pos)
        self.pos = found.end()
        return macros[found[1]]()

    # Macros

    def _arguments(self, read: Callable[[], None]) -> None:
        """What stands between parentheses, the first of which is behind us, separated by commas."""
        self.skip(lines=True)
        while not self.take(")"):
            read()
            self.skip(lines=True)
            if not self.take(","):
                self.expect(")", "or `,` behind an argument")
                return
            self.skip(lines=True)

    def _number(self) -> int:
        found = _NUMBER.match(self.source, self.pos)
        if found is None:
            self.fail(f"Expected the id of a token, got {self.found()}")
        self.pos = found.end()
        return int(found[0])

    def _ids(self) -> list[int]:
        ids: list[int] = []
        self._arguments(lambda: ids.append(self._number()))
        return ids

    def _token(self) -> Expr:
        start = self.pos
        ids = self._ids()
        if not ids:
            self.fail("Expected the id of a token", start)
        return alternation(Token(id=each) for each in dict.fromkeys(ids))

    def _exclude_token(self) -> Expr:
        self._ids()
        stand_in = Seq((TEXT,))
        self._free_tokens[id(stand_in)] = stand_in
        return stand_in

    def repeated(self, item: Expr, low: int, high: int | None, offset: int) -> Expr:
        if id(item) not in self._free_tokens:
            return super().repeated(item, low, high, offset)
        if low > 1 or high is not None:
            self._refuse_count(offset)
        return text_without((), min_chars=low)

    def once(self, item: Expr, offset: int) -> Expr:
        if id(item) in self._free_tokens:
            self._refuse_count(offset)
        return item

    def _refuse_count(self, offset: int) -> None:
        self.refuse("ExcludeToken may only be repeated by `*` or `+`, which makes it free text", offset)

    def _dispatch(self, trigger: Callable[[], Expr | str]) -> Expr:
        branches: list[tuple[Expr | str, Expr]] = []
        excludes: list[str] = []
        loop = True

        def read() -> None:
            nonlocal loop
            if self.take("("):
                self.skip(lines=True)
                begin = trigger()
                self.skip(lines=True)
                self.expect(",", "between a trigger and its rule")
                self.skip(lines=True)
                branches.append((begin, self._reference()))
                self.skip(lines=True)
                self.expect(")", "behind a trigger and its rule")
                return
            start = self.pos
            option = self.name("a trigger with its rule, or an option")
            self.skip(lines=True)
            self.expect("=", f"behind `{option}`")
            self.skip(lines=True)
            if option == "loop_after_dispatch":
                loop = self._boolean()
            elif option == "excludes":
                self._excludes(excludes, trigger)
            else:
                self.refuse(f"The option `{option}` of a dispatch is not known", start)

        start = self.pos
        self._arguments(read)
        if not branches:
            self.fail("Expected a trigger with its rule", start)
        return self._dispatched(branches, excludes, loop, start)

    def _dispatched(
        self, branches: list[tuple[Expr | str, Expr]], excludes: list[str], loop: bool, offset: int
    ) -> Expr:
        texts = [(begin, body) for begin, body in branches if isinstance(begin, str)]
        for begin, _ in texts:
            if not begin or any(word in begin for word in excludes):
                self.fail(f"Expected triggers that are not empty and hold nothing excluded, got {begin!r}", offset)
        if texts:
            return dispatch(texts, excludes=excludes, loop=loop)
        calls = alternation(concatenation((begin, body)) for begin, body in branches if not isinstance(begin, str))
        if loop:
            return concatenation((repetition(concatenation((TEXT, calls)), 0, None), TEXT))
        return concatenation((TEXT, repetition(calls, 0, 1)))

    def _text_trigger(self) -> str:
        return self.string()

    def _token_trigger(self) -> Expr:
        return Token(id=self._number())

    def _reference(self) -> Ref:
        start = self.pos
        name = self.name("a rule's name")
        self.uses(name, start)
        return Ref(name)

    def _boolean(self) -> bool:
        start = self.pos
        word = self.name("`true` or `false`")
        if word not in ("true", "false"):
            self.fail(f"Expected `true` or `false`, got `{word}`", start)
        return word == "true"

    def _excludes(self, found: list[str], trigger: Callable[[], Expr | str]) -> None:
        """Excluded words; excluded tokens are excluded anyway, as free tokens are text."""
        self.expect("(", "to open the list of what is excluded")

        def read() -> None:
            start, word = self.pos, trigger()
            if word == "":
                self.fail("Expected a word that is not empty", start)
            found.extend([word] if isinstance(word, str) else [])

        self._arguments(read)
