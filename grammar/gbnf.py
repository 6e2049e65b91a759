"""GBNF, the grammars of llama.cpp.

Everything that llama.cpp reads is read. Its token terminals are `Token` nodes: `<[1000]>` by id, `<think>` by name.

Differences to llama.cpp
    1. Left recursion is allowed.
    2. `!<think>*` and `!<think>+` are text that neither holds the token nor spells its name; other special tokens are
       excluded too, where llama.cpp lets them pass. On its own, or with other bounds, `!<think>` would count tokens of
       whatever text, which no grammar over text can: refused.
    3. A rule that is defined twice is refused, where llama.cpp takes the last definition.
Source: llama.cpp, grammars/README.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .bnf_reader import BnfReader
from .free_text import text_without
from .ir import Expr, Grammar, Seq, Token
from .unicode import any_code_point

_TOKEN = re.compile(r"<\[(\d+)\]>|<[^<>\s]+>")


@dataclass(frozen=True)
class Gbnf:
    """A constraint: the whole text is derived from a rule of a GBNF grammar.

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
        GrammarSyntaxError : the text is no GBNF, or a rule is missing; with the offset.
        UnsupportedFeature : a negated token counts tokens; with the offset.
        BudgetExceeded : groups are nested too deeply.
        """
        return _Reader(self.text).read(self.start)


class _Reader(BnfReader):
    dialect = "GBNF"
    escapes = {"n": 10, "r": 13, "t": 9, "\\": 92, '"': 34, "[": 91, "]": 93, "-": 45, "^": 94, "/": 47, "'": 39}  # noqa: RUF012

    def __init__(self, source: str) -> None:
        super().__init__(source)
        #: Negated tokens wait for their operator: id of the stand-in -> what the text may not spell.
        self._negated: dict[int, tuple[Expr, list[str]]] = {}

    def own_item(self) -> Expr | None:
        if self.take("."):
            return any_code_point
        if self.peek("!"):
            return self._negation()
        return self._token() if self.peek("<") else None

    def _token(self) -> Token:
        found = _TOKEN.match(self.source, self.pos)
        if found is None:
            self.fail("Expected a token such as `<think>` or `<[1000]>`")
        self.pos = found.end()
        return Token(id=int(found[1])) if found[1] else Token(name=found[0])

    def _negation(self) -> Expr:
        self.pos += 1
        token = self._token()
        stand_in = Seq((token,))
        self._negated[id(stand_in)] = stand_in, [token.name] if token.name else []
        return stand_in

    def repeated(self, item: Expr, low: int, high: int | None, offset: int) -> Expr:
        if id(item) not in self._negated:
            return super().repeated(item, low, high, offset)
        if low > 1 or high is not None:
            self._refuse_negation(offset)
        return text_without(self._negated[id(item)][1], min_chars=low)

    def once(self, item: Expr, offset: int) -> Expr:
        if id(item) in self._negated:
            self._refuse_negation(offset)
        return item

    def _refuse_negation(self, offset: int) -> None:
        self.refuse("A negated token may only be repeated by `*` or `+`, which makes it free text", offset)
