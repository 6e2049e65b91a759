"""Programs of regular expressions: all ways through a pattern, in the order in which a backtracking matcher tries them.

The tree is compiled backwards, each part in front of what follows it, into instructions that name each other by number:
    End                         a match
    Read(ranges, then)          one code point of a set
    Fork(ways)                  any of the ways, the first preferred
    Round(loop, body, after)    another round of a loop or what is after it; the loop ends where a round was empty
    Enter(loop, then)           the loop begins anew
    Assert(look, then)          a lookaround holds here
Instruction 0 is `End`. The ends of the text are lookarounds, too: no code point is ahead, or behind. Lookarounds are
numbered from the inside out.

Source: the rules for empty rounds are those of Python's `re` (Modules/_sre/sre_lib.h, `MAX_UNTIL` and `MIN_UNTIL`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..errors import BudgetExceeded, UnsupportedFeature
from .regex_tree import CharSet, Concat, Edge, Either, Look, Loop, Node, widths
from .unicode import ANY, CodePoints

END = 0
#: Instructions of one pattern, after counted loops are written out.
MAX_INSTRUCTIONS = 5000


@dataclass(frozen=True, slots=True)
class End:
    """A match of the pattern, or of a lookaround."""


@dataclass(frozen=True, slots=True)
class Read:
    """One code point of a set."""

    ranges: CodePoints
    then: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Any of the ways, the first preferred."""

    ways: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """Another round of a loop whose rounds may be empty, or what is after it."""

    loop: int
    body: int
    after: int
    lazy: bool


@dataclass(frozen=True, slots=True)
class Enter:
    """A loop whose rounds may be empty begins anew."""

    loop: int
    then: int


@dataclass(frozen=True, slots=True)
class Assert:
    """A lookaround holds here."""

    look: int
    then: int


Instruction: TypeAlias = End | Read | Fork | Round | Enter | Assert


@dataclass(frozen=True, slots=True)
class LookCode:
    """A lookaround: where its instructions start."""

    start: int
    behind: bool
    negative: bool


class Program:
    """The instructions of a pattern.

    Raises
    ------
    UnsupportedFeature : a lookbehind asks for what follows it.
    BudgetExceeded : more than `MAX_INSTRUCTIONS` are needed.
    """

    def __init__(self, node: Node, source: str) -> None:
        self.source = source
        self.code: list[Instruction] = [End()]
        self.looks: list[LookCode] = []
        #: The number of a lookaround by its identity; the tree keeps them alive.
        self._known: dict[int, int] = {}
        self._edges: dict[str, Look] = {}
        self._n_loops = 0
        self._inside_behind = False
        self.start = self._build(node, END)

    def _add(self, instruction: Instruction) -> int:
        if len(self.code) >= MAX_INSTRUCTIONS:
            raise BudgetExceeded("instructions of a pattern", MAX_INSTRUCTIONS, "write smaller counts")
        self.code.append(instruction)
        return len(self.code) - 1

    def _build(self, node: Node, then: int) -> int:
        """The instruction that matches `node` and goes on as `then`."""
        match node:
            case CharSet(ranges):
                return self._add(Read(ranges, then))
            case Concat(items):
                for item in reversed(items):
                    then = self._build(item, then)
                return then
            case Either(items):
                return self._add(Fork(tuple(self._build(item, then) for item in items)))
            case Loop():
                return self._loop(node, then)
            case Edge(side, offset):
                outside = self._edges.setdefault(side, Look(CharSet(ANY), side == "start", True, offset))
                return self._add(Assert(self._look(outside), then))
            case Look():
                return self._add(Assert(self._look(node), then))
        raise TypeError(f"Expected a node that the parser makes, got {node}.")

    def _loop(self, node: Loop, then: int) -> int:
        least, most = widths(node.item)
        if most == 0:  # more rounds add nothing
            return self._build(node.item, then) if node.min else then
        loop, may_be_empty = self._n_loops, least == 0
        self._n_loops += 1

        def fork(body: int, after: int) -> Instruction:
            if may_be_empty:
                return Round(loop, body, after, node.lazy)
            return Fork((after, body) if node.lazy else (body, after))

        after = then
        if node.max is None:
            then = self._add(End())
            self.code[then] = fork(self._build(node.item, then), after)
        else:
            for _ in range(node.max - node.min):
                then = self._add(fork(self._build(node.item, then), after))
        if may_be_empty:
            then = self._add(Enter(loop, then))
        for _ in range(node.min):
            then = self._build(node.item, then)
        return then

    def _look(self, look: Look) -> int:
        known = self._known.get(id(look))
        if known is not None:
            return known
        if self._inside_behind and not look.behind:
            message = "A lookbehind cannot ask for what follows it"
            raise UnsupportedFeature(message, source=self.source, offset=look.offset)
        outer, self._inside_behind = self._inside_behind, self._inside_behind or look.behind
        start = self._build(look.item, END)
        self._inside_behind = outer
        self.looks.append(LookCode(start, look.behind, look.negative))
        self._known[id(look)] = len(self.looks) - 1
        return len(self.looks) - 1
