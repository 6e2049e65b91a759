"""Reader of BNF dialects: what llama.cpp's GBNF and XGrammar's EBNF have in common.

    name ::= "text" [a-z] (grouped | other)* {2,5} ...      # comment

A dialect says which escapes it knows, what a name may hold and where a rule's body ends, and reads what only it has.
Characters are code points; an expression is made of their UTF-8.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

from ..errors import BudgetExceeded, GrammarSyntaxError, UnsupportedFeature
from .fold import alternation, concatenation, repetition
from .ir import EMPTY, Bytes, Expr, Grammar, Ref
from .unicode import LAST, SURROGATES, CodePoints, any_code_point, code_points, contains, negation, union

_BLANK = re.compile(r"(?:[ \t\r]|\#[^\n]*)*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|\#[^\n]*)*")
_BOUNDS = re.compile(r"\{[ \t]*(\d+)[ \t]*(,[ \t]*(\d*)[ \t]*)?\}")
_OPERATORS: Mapping[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
#: Bounds of repetitions beyond this are refused; XGrammar's and llama.cpp's are lower.
MAX_BOUND = 2**31 - 1


class BnfReader:
    """A place in the text of a grammar, and the reading of what follows. Subclasses are dialects."""

    #: What the dialect is called, for messages.
    dialect = "BNF"
    name_pattern = re.compile(r"[A-Za-z0-9_-]+")
    #: Escapes of one letter, in strings and in classes.
    escapes: Mapping[str, int] = {}
    #: Characters that may be escaped in classes besides.
    class_escapes = ""
    #: Whether strings and classes may go over a line's end.
    multiline = True
    #: Whether a second operator may follow a first: `"a"?*`.
    stacks_operators = True

    def __init__(self, source: str) -> None:
        self.source = source
        self.pos = 0
        #: The name of the rule that is being read.
        self.rule = ""
        self.rules: dict[str, Expr] = {}
        self.places: dict[str, str] = {}
        self._uses: dict[str, int] = {}
        #: A place and its line: lines are counted on from there.
        self._counted = (0, 1)

    def read(self, start: str) -> Grammar:
        """Read the whole text.

        Raises
        ------
        GrammarSyntaxError : the text is not in the dialect, or a rule is missing or defined twice; with the offset.
        UnsupportedFeature : something has no exact translation; with the offset.
        BudgetExceeded : groups are nested too deeply.
        """
        self.skip(lines=True)
        try:
            while self.pos < len(self.source):
                self._definition()
                self.skip(lines=True)
        except RecursionError:
            raise BudgetExceeded("nesting of a grammar", sys.getrecursionlimit(), "nest it less deeply") from None
        for name, offset in self._uses.items():
            if name not in self.rules:
                self.fail(f"Expected a definition of the rule `{name}`; there is none", offset)
        if start not in self.rules:
            known = ", ".join(f"`{name}`" for name in list(self.rules)[:8]) or "no rules"
            self.fail(f"Expected a rule `{start}` to start with, got {known}", 0)
        return Grammar(start, self.rules, self.places)

    # Text

    def fail(self, message: str, offset: int | None = None) -> NoReturn:
        """The text is wrong here, or at the offset."""
        raise GrammarSyntaxError(f"{message}.", source=self.source, offset=self.pos if offset is None else offset)

    def refuse(self, message: str, offset: int) -> NoReturn:
        """The text asks for what cannot be done."""
        raise UnsupportedFeature(f"{message}.", source=self.source, offset=offset)

    def peek(self, text: str) -> bool:
        """Whether the text follows."""
        return self.source.startswith(text, self.pos)

    def take(self, text: str) -> bool:
        """Whether the text follows; then it is behind us."""
        found = self.peek(text)
        self.pos += len(text) * found
        return found

    def expect(self, text: str, why: str) -> None:
        """The text must follow."""
        if not self.take(text):
            self.fail(f"Expected `{text}` {why}, got {self.found()}")

    def found(self) -> str:
        """What follows, for messages."""
        following = self.source[self.pos : self.pos + 1]
        return "the end of the text" if not following else "a new line" if following == "\n" else f"`{following}`"

    def skip(self, *, lines: bool) -> None:
        """Skip blanks and comments, and line ends with them if `lines`."""
        blank = (_BLANK_LINES if lines else _BLANK).match(self.source, self.pos)
        assert blank is not None
        self.pos = blank.end()

    def name(self, what: str) -> str:
        """A name of the dialect."""
        found = self.name_pattern.match(self.source, self.pos)
        if found is None:
            self.fail(f"Expected {what}, got {self.found()}")
        self.pos = found.end()
        return found[0]

    # Rules

    def _definition(self) -> None:
        start = self.pos
        self.rule = self.name("a rule's name")
        if self.rule in self.rules:
            self.fail(f"The rule `{self.rule}` is defined twice, first on {self.places[self.rule]}", start)
        at, line = self._counted
        self._counted = start, line + self.source.count("\n", at, start)
        self.places[self.rule] = f"line {self._counted[1]}"
        self.options()
        self.skip(lines=False)
        self.expect("::=", "behind the rule's name")
        self.skip(lines=True)
        self.rules[self.rule] = self.alternatives(nested=False)
        self.end_of_rule()

    def options(self) -> None:
        """What may stand between a rule's name and `::=`."""

    def end_of_rule(self) -> None:
        """See that a rule's body may end here."""
        if self.pos < len(self.source) and self.source[self.pos] != "\n":
            self.fail(f"Expected a new line or the end behind a rule, got {self.found()}")

    def alternatives(self, *, nested: bool) -> Expr:
        """What `|` separates, up to what ends it."""
        found = [self._sequence(nested=nested)]
        while self.take("|"):
            self.skip(lines=True)
            found.append(self._sequence(nested=nested))
        return alternation(found)

    def _sequence(self, *, nested: bool) -> Expr:
        items: list[Expr] = []
        while (item := self._repeated(nested=nested)) is not None:
            items.append(item)
        return concatenation(items)

    def _repeated(self, *, nested: bool) -> Expr | None:
        """An item with its operators, and the blanks behind it; None at the end of a sequence."""
        start = self.pos
        if self.at_end(nested=nested) or (item := self._item()) is None:
            return None
        self.skip_in_body(nested=nested)
        operators = 0
        while (bounds := self._bounds()) is not None:
            operators += 1
            if operators > 1 and not self.stacks_operators:
                self.fail("Expected one operator behind an item; put the item and the first into parentheses", start)
            item = self.repeated(item, *bounds, start)
            self.skip_in_body(nested=nested)
        return self.once(item, start)

    def at_end(self, *, nested: bool) -> bool:
        """Whether a body ends here for a reason of the dialect's own."""
        return False

    def skip_in_body(self, *, nested: bool) -> None:
        """Skip blanks between the items of a body."""
        self.skip(lines=nested)

    def repeated(self, item: Expr, low: int, high: int | None, offset: int) -> Expr:
        """The item, repeated."""
        return repetition(item, low, high)

    def once(self, item: Expr, offset: int) -> Expr:
        """The item as it stands in a sequence."""
        return item

    def _bounds(self) -> tuple[int, int | None] | None:
        letter = self.source[self.pos : self.pos + 1]
        if letter in _OPERATORS:
            self.pos += 1
            return _OPERATORS[letter]
        if letter != "{":
            return None
        found = _BOUNDS.match(self.source, self.pos)
        if found is None:
            self.fail("Expected bounds such as `{3}`, `{2,}` or `{2,4}`")
        low = int(found[1])
        high = low if found[2] is None else int(found[3]) if found[3] else None
        if max(low, high or 0) > MAX_BOUND:
            self.fail(f"Expected bounds of at most {MAX_BOUND}")
        if high is not None and high < low:
            self.fail(f"Expected bounds that ascend, got {found[0]}")
        self.pos = found.end()
        return low, high

    # Items

    def _item(self) -> Expr | None:
        if (own := self.own_item()) is not None:
            return own
        readers: dict[str, Callable[[], Expr]] = {'"': self._literal, "[": self._class, "(": self._group}
        if (reader := readers.get(self.source[self.pos : self.pos + 1])) is not None:
            return reader()
        start = self.pos
        found = self.name_pattern.match(self.source, self.pos)
        if found is None:
            return None
        self.pos = found.end()
        self.uses(found[0], start)
        return Ref(found[0])

    def uses(self, name: str, offset: int) -> None:
        """Note that a rule is used, which must be there in the end."""
        self._uses.setdefault(name, offset)

    def own_item(self) -> Expr | None:
        """An item that only the dialect has; None if none stands here."""
        return None

    def _literal(self) -> Expr:
        text = self.string()
        return Bytes(text.encode()) if text else EMPTY

    def string(self) -> str:
        """A string in quotes."""
        start = self.pos
        self.expect('"', "to open a string")
        codes: list[int] = []
        while not self.take('"'):
            if self._cut_off():
                self.fail('Expected `"` to close the string that opens here', start)
            codes.append(self._character(""))
        return "".join(map(chr, codes))

    def _cut_off(self) -> bool:
        return self.pos >= len(self.source) or (not self.multiline and self.peek("\n"))

    def _character(self, more: str) -> int:
        """A code point as such or escaped; `more` are characters that may be escaped besides the dialect's."""
        start, letter = self.pos, self.source[self.pos]
        self.pos += 1
        if letter != "\\":
            return ord(letter)
        code = self._escape(self.source[self.pos : self.pos + 1], more)
        if code > LAST or contains(SURROGATES, code):
            self.fail(f"Expected a code point up to 10FFFF that is no surrogate, got {code:X}", start)
        return code

    def _escape(self, letter: str, more: str) -> int:
        if letter in ("x", "u", "U"):
            found = re.compile(self.hex_digits(letter)).match(self.source, self.pos + 1)
            if found is None:
                self.fail(f"Expected hexadecimal digits ({self.hex_digits(letter)}) behind `\\{letter}`", self.pos - 1)
            self.pos = found.end()
            return int(found[0], 16)
        if letter and letter in self.escapes:
            self.pos += 1
            return self.escapes[letter]
        if letter and letter in more:
            self.pos += 1
            return ord(letter)
        self.fail(f"Expected an escape that {self.dialect} knows, got `\\{letter}`", self.pos - 1)

    def hex_digits(self, letter: str) -> str:
        """The pattern of the digits behind `\\x`, `\\u` and `\\U`."""
        return {"x": "[0-9a-fA-F]{2}", "u": "[0-9a-fA-F]{4}", "U": "[0-9a-fA-F]{8}"}[letter]

    def _class(self) -> Expr:
        start = self.pos
        self.pos += 1
        negative = self.take("^")
        ranges: list[tuple[int, int]] = []
        while not self.take("]"):
            low = self._member(start)
            if not self.peek("-") or self.source[self.pos + 1 : self.pos + 2] in ("]", ""):
                ranges.append((low, low))
                continue
            self.pos += 1
            high = self._member(start)
            if high < low:
                self.fail("Expected a range that ascends", start)
            ranges.append((low, high))
        if not ranges:
            return self.empty_class(negative, start)
        members: CodePoints = union(ranges)
        return code_points(negation(members) if negative else members)

    def empty_class(self, negative: bool, offset: int) -> Expr:
        """`[]` or `[^]`."""
        if negative:
            return any_code_point
        self.fail("Expected a member of the class that opens here", offset)

    def _member(self, start: int) -> int:
        if self._cut_off():
            self.fail("Expected `]` to close the class that opens here", start)
        return self._character(self.class_escapes)

    def _group(self) -> Expr:
        start = self.pos
        self.pos += 1
        self.skip(lines=True)
        found = self.alternatives(nested=True)
        if not self.take(")"):
            line = self.source.count("\n", 0, start) + 1
            self.fail(f"Expected `)` to close the group that opens on line {line}, got {self.found()}")
        return found
