"""Parser of regular expressions, in the flavours of Python and of ECMA-262.

Recursive descent over the text, with the offset of every fault. `interegular` has a parser too, but of ASCII: it
refuses `^`, `$`, `\\b`, `\\uXXXX` and `\\p`, its classes are sets of single characters, and its errors carry no
positions. It serves as a referee in the tests.

The flavours differ in
    `$`             ends the text; in Python also stands before a final line feed
    `.`             Python: all but LF; ECMA: all but LF, CR, U+2028, U+2029
    `\\d \\w \\s \\b`   Python: Unicode; ECMA: ASCII (`\\s`: ECMA's white space)
    `[]` `[^]`      Python: `]` is the first member; ECMA: nothing, anything
    `{,n}`          Python: at most n times; ECMA: literal text
`\\B` matches the empty text in both, as Python's does from 3.14 on.
    `(?i)`          Python: at the start only; ECMA has none, so it means what it does elsewhere: up to the group's end
    `\\A \\Z`         in both, and in ECMA `\\z`, the start and the end of the text: ECMA gives them no meaning
Named groups `(?<n>..)` and `(?P<n>..)` are read in both, and an unpaired `{`, `}` or `]` is literal.

Sources: the Python Library Reference, `re`; ECMA-262 (2025), section 22.2 and Annex B.1.2.
"""

from __future__ import annotations

import re

from ..errors import BudgetExceeded, GrammarSyntaxError
from .regex_member import Flags, Flavour, MemberReader
from .regex_threads import atomic
from .regex_tree import CharSet, Edge, Look, Loop, Node, concat, either, loop, lower
from .regular import compile_regular, is_prefix_free
from .unicode import CodePoints, code_points, negation

#: Groups in groups; deeper patterns are hostile.
MAX_DEPTH = 64
#: The largest count of a repetition.
MAX_COUNT = 10**9

_QUANTIFIER = {
    "python": re.compile(r"\{(?!\})([0-9]*)(?:(,)([0-9]*))?\}"),
    "ecma": re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}"),
}
_REPEATS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1), "{": (0, 0)}
_NAME = re.compile(r"\w+")
_FLAGS = re.compile(r"([a-zA-Z]*)(?:(-)([a-zA-Z]*))?")
_SWITCH = re.compile(r"\(\?(?=[imsu-]*[imsu])([imsu]*)(?:-([imsu]+))?\)")
_KNOWN_FLAGS = {"python": frozenset("aimsux"), "ecma": frozenset("imsu")}
_LINE_ENDS: dict[str, CodePoints] = {
    "python": ((10, 10),),
    "ecma": ((10, 10), (13, 13), (0x2028, 0x2029)),
}


class Parser(MemberReader):
    """One pattern being read."""

    def __init__(self, source: str, flavour: Flavour, flags: str = "") -> None:
        super().__init__(source, flavour)
        self.depth = 0
        self.names: set[str] = set()
        unknown = set(flags) - _KNOWN_FLAGS[flavour]
        if unknown:
            known = "".join(sorted(_KNOWN_FLAGS[flavour]))
            raise GrammarSyntaxError(f"Expected flags out of {known!r}, got {''.join(sorted(unknown))!r}")
        self.flags: Flags = frozenset(flags)

    def parse(self) -> Node:
        """The tree of the whole pattern.

        Raises
        ------
        GrammarSyntaxError, UnsupportedFeature : with the source and the offset.
        BudgetExceeded : groups nest deeper than `MAX_DEPTH`, or a count exceeds `MAX_COUNT`.
        """
        flags = self.flags
        while self.flavour == "python" and (found := re.compile(r"\(\?([a-zA-Z]+)\)").match(self.source, self.pos)):
            flags |= self._flags(found[1], self.pos + 2)
            self.pos = found.end()
        if {"a", "u"} <= flags:
            self._fail("Expected one of the flags 'a' and 'u', found both", 0)
        node = self._alternatives(flags)
        if self.pos < len(self.source):
            self._fail("Found ')' without a '(' before it; write '\\)' for the character", self.pos)
        return node

    def _flags(self, letters: str, offset: int) -> Flags:
        for i, letter in enumerate(letters):
            if letter not in _KNOWN_FLAGS[self.flavour]:
                known = ", ".join(sorted(_KNOWN_FLAGS[self.flavour]))
                self._fail(f"Expected a flag ({known}), found {letter!r}", offset + i)
        return frozenset(letters)

    # Structure

    def _alternatives(self, flags: Flags) -> Node:
        branches: list[Node] = []
        while not branches or self._take("|"):
            branch, flags = self._sequence(flags)
            branches.append(branch)
        return either(branches)

    def _sequence(self, flags: Flags) -> tuple[Node, Flags]:
        """The items up to the end of an alternative, and the flags there."""
        items: list[Node] = []
        while True:
            self._skip_layout(flags)
            if self.flavour == "ecma" and (found := _SWITCH.match(self.source, self.pos)):
                flags = (flags | set(found[1])) - set(found[2] or "")
                self.pos = found.end()
            elif self._peek() in ("", "|", ")"):
                return concat(items), flags
            else:
                items.append(self._term(flags))

    def _skip_layout(self, flags: Flags) -> None:
        """Pass over comments and, in verbose mode, white space."""
        while self._peek() == "(" or "x" in flags:
            if self.flavour == "python" and self.source.startswith("(?#", self.pos):
                end = self.source.find(")", self.pos)
                if end < 0:
                    self._fail("Expected ')' to close the comment", self.pos)
                self.pos = end + 1
            elif "x" in flags and self._peek() == "#":
                end = self.source.find("\n", self.pos)
                self.pos = len(self.source) if end < 0 else end + 1
            elif "x" in flags and self._peek() and self._peek() in " \t\n\r\f\v":
                self.pos += 1
            else:
                return

    def _term(self, flags: Flags) -> Node:
        start = self.pos
        if self._counts() is not None:
            self._fail(f"Expected something to repeat before {self._peek()!r}; write '\\{self._peek()}' for it", start)
        atom = self._atom(flags)
        self._skip_layout(flags)
        at = self.pos
        counts = self._counts()
        if counts is None:
            return atom
        if self.source[start] in "^$\\" and not atom.plain:
            self._fail("Expected something to repeat, found an anchor", at)
        low, high, self.pos = counts
        if high is not None and high < low:
            self._fail(f"Expected a repetition's maximum to be at least its minimum {low}, found {high}", at)
        lazy = self._take("?")
        atom = loop(atom, low, high, lazy=lazy)
        if not lazy and self.flavour == "python" and self._take("+"):
            atom = self._atomic(atom, at)
        if self._counts() is not None:
            self._fail(
                "Expected one repetition, found another right behind it; group the first with '(?:..)'", self.pos
            )
        return atom

    def _counts(self) -> tuple[int, int | None, int] | None:
        """Minimum, maximum and end of a quantifier that stands here."""
        char = self._peek()
        if char not in _REPEATS:
            return None
        if char != "{":
            return (*_REPEATS[char], self.pos + 1)
        found = _QUANTIFIER[self.flavour].match(self.source, self.pos)
        if found is None:
            return None
        low, comma, high = found.groups()
        if max(len(low), len(high or "")) > 9:
            raise BudgetExceeded("the count of a repetition", MAX_COUNT, "write a smaller one")
        least = int(low or 0)
        return least, least if not comma else int(high) if high else None, found.end()

    def _atomic(self, node: Node, offset: int) -> Node:
        """An atomic group: harmless where a match has one end only, and a lookahead behind a run of one set."""
        if isinstance(node, Loop) and isinstance(node.item, CharSet) and not node.lazy:
            stop = Look(node.item, False, True, offset)
            if node.max is None:
                return concat([node, stop])
            fewer = [concat([loop(node.item, node.min, node.max - 1), stop])] if node.min < node.max else []
            return either([loop(node.item, node.max, node.max), *fewer])
        if not node.plain:
            self._refuse("An atomic group or possessive repetition with an assertion in it has no translation", offset)
        try:
            if is_prefix_free(compile_regular(lower(node, code_points), 1000)):
                return node
            return atomic(node, self.source, offset)
        except BudgetExceeded:
            self._refuse("An atomic group or possessive repetition takes too many states", offset)

    # Atoms

    def _atom(self, flags: Flags) -> Node:
        at = self.pos
        char = self.source[at]
        self.pos += 1
        match char:
            case "(":
                return self._group(flags, at)
            case "[":
                return CharSet(self._class(flags, at))
            case ".":
                return CharSet(negation(() if "s" in flags else _LINE_ENDS[self.flavour]))
            case "^":
                return self._line_start(flags, at)
            case "$":
                return self._line_end(flags, at)
            case "\\":
                return self._escape(flags, at)
        return self._literal(ord(char), flags)

    def _line_start(self, flags: Flags, at: int) -> Node:
        start = Edge("start", at)
        return either([start, Look(CharSet(_LINE_ENDS[self.flavour]), True, False, at)]) if "m" in flags else start

    def _line_end(self, flags: Flags, at: int) -> Node:
        end = Edge("end", at)
        line_end = CharSet(_LINE_ENDS[self.flavour])
        if "m" in flags:
            return Look(either([end, line_end]), False, False, at)
        return Look(concat([loop(line_end, 0, 1), end]), False, False, at) if self.flavour == "python" else end

    def _boundary(self, flags: Flags, at: int, *, inside: bool) -> Node:
        word = CharSet(self._words(flags))

        def both(behind: bool, ahead: bool) -> Node:
            return concat([Look(word, True, not behind, at), Look(word, False, not ahead, at)])

        return either([both(True, inside), both(False, not inside)])

    # Groups

    def _group(self, flags: Flags, at: int) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BudgetExceeded("groups nested in a pattern", MAX_DEPTH, "nest fewer")
        node = self._extension(flags, at) if self._take("?") else self._body(flags, at)
        self.depth -= 1
        return node

    def _body(self, flags: Flags, at: int) -> Node:
        node = self._alternatives(flags)
        if not self._take(")"):
            self._fail("Expected ')' to close the group that opens here", at)
        return node

    def _extension(self, flags: Flags, at: int) -> Node:
        for mark, behind, negative in (("=", 0, 0), ("!", 0, 1), ("<=", 1, 0), ("<!", 1, 1)):
            if self._take(mark):
                return Look(self._body(flags, at), bool(behind), bool(negative), at)
        if self._take(":"):
            return self._body(flags, at)
        if self._take("P<") or self._take("<"):
            self._name()
            return self._body(flags, at)
        if self.flavour == "python" and self._take(">"):
            return self._atomic(self._body(flags, at), at)
        if self._peek() == "(":
            self._refuse("Conditional groups depend on what a group matched, which no automaton remembers", at)
        if self.source.startswith("P=", self.pos):
            self._refuse("Backreferences are not regular", at)
        return self._body(self._modifiers(flags, at), at)

    def _name(self) -> None:
        start = self.pos
        found = _NAME.match(self.source, start)
        if not found or not found[0].isidentifier() or not self.source.startswith(">", found.end()):
            self._fail("Expected the name of a group and '>'", start)
        if found[0] in self.names:
            self._fail(f"Expected a new name, found {found[0]!r} again", start)
        self.names.add(found[0])
        self.pos = found.end() + 1

    def _modifiers(self, flags: Flags, at: int) -> Flags:
        start = self.pos
        found = _FLAGS.match(self.source, start)
        assert found is not None  # it matches the empty text
        self.pos = found.end()
        if self._peek() == ")" and found[1] and not found[2]:
            self._fail("Expected flags for the whole pattern at its start; write '(?i:..)' for a part of it", at)
        if found.end() == start or not self._take(":"):
            self._fail("Expected ':', '=', '!', '<=', '<!', '<name>' or flags after '(?'", start)
        added = self._flags(found[1], start)
        removed = self._flags(found[3] or "", start + len(found[1]) + 1)
        if added & removed or removed & set("au"):
            self._fail("Expected each flag to be switched once, and 'a' and 'u' to stay on", start)
        return (flags | added) - removed - ({"a"} if "u" in added else set())

    def _escape(self, flags: Flags, at: int) -> Node:
        letter = self._peek()
        if letter in ("b", "B"):
            self.pos += 1
            return self._boundary(flags, at, inside=letter == "B")
        if letter and letter in ("AZ" if self.flavour == "python" else "AZz"):
            self.pos += 1
            return Edge("start" if letter == "A" else "end", at)
        if letter == "k" and self.flavour == "ecma":
            self._refuse("Backreferences are not regular", at)
        if letter and letter in "123456789" and not self._octal_follows():
            self._refuse("Backreferences are not regular", at)
        member = self._member(flags, at)
        return CharSet(member) if isinstance(member, tuple) else self._literal(member, flags)

    def _octal_follows(self) -> bool:
        return self.flavour == "python" and re.compile(r"[0-7]{3}").match(self.source, self.pos) is not None
