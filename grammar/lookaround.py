"""Lookarounds and anchors of a regular expression, compiled away.

The tree is written as branches, each a row of plain nodes with assertions between them, that spell the whole text. In a
branch
    the start   empties the plain nodes before it (where they may be empty; else the branch matches nothing);
    the end     does so with the rest;
    lookahead   cuts the rest of the text, all of it, with what it asks: `rest & ahead.*`. That is exact, since the rest
                does not depend on how the text before was matched;
    lookbehind  cuts the nodes before it with `.*behind`, as many nodes as are sure to hold what it sees.
What is not covered (an assertion inside an unbounded loop, a lookbehind that reaches across a lookahead) is refused
here and left to `regex_threads`, which knows no counts. The one exception is the loop `((?!a)b)*` before the end of the
text, which is `b*` without `.*a.*`.

Law: the language is that of a backtracking matcher, except for atomic groups, which never come here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NoReturn

from ..errors import BudgetExceeded, UnsupportedFeature
from .ir import EMPTY, NOTHING, And, Expr, Not, Repeat, choice, sequence
from .regex_tree import (
    EVERY,
    CharSet,
    Concat,
    Edge,
    Either,
    Look,
    Loop,
    Meet,
    Node,
    Spell,
    assertions,
    concat,
    either,
    loop,
    lower,
    nullable,
    outer,
    widths,
)
from .regular import is_nullable
from .unicode import ANY, CodePoints, intersection, negation

#: Branches of one pattern, those of its lookarounds included.
MAX_BRANCHES = 512
#: Rounds of a loop over assertions that are written out.
MAX_ROUNDS = 8


class Lowering:
    """Turns trees of one pattern into expressions."""

    def __init__(self, source: str, spell: Spell) -> None:
        self.source = source
        self.spell = spell
        self.every = Repeat(spell(ANY))
        self.written = 0

    def whole(self, node: Node, *, open_left: bool = False, open_right: bool = False) -> Expr:
        """The texts that the node spells from start to end.

        Where a side is open there is more text that is not known here, so nothing may ask for it.
        """
        if node.plain:
            return lower(node, self.spell)
        settled = [row for branch in self._branches(node) for row in self._settle(branch, open_left)]
        self.written += len(settled)
        self._check(self.written)
        return choice(*(self._fold(row, open_right) for row in settled))

    def _refuse(self, message: str, at: Edge | Look) -> NoReturn:
        raise UnsupportedFeature(message, source=self.source, offset=at.offset)

    def _check(self, branches: int) -> None:
        if branches > MAX_BRANCHES:
            raise BudgetExceeded("ways through the assertions of a pattern", MAX_BRANCHES, "write fewer of them")

    # Branches

    def _branches(self, node: Node) -> list[tuple[Node, ...]]:
        """Rows of plain nodes, assertions and tempered loops whose union is the node."""
        if node.plain:
            return [(node,)]
        match node:
            case Concat(items):
                rows: list[tuple[Node, ...]] = [()]
                for item in items:
                    rows = [row + more for more in self._branches(item) for row in rows]
                    self._check(len(rows))
                return rows
            case Either(items):
                plain = [item for item in items if item.plain]
                rows = [(either(plain),)] if plain else []
                rows += [row for item in items if not item.plain for row in self._branches(item)]
                self._check(len(rows))
                return rows
            case Loop():
                return self._rounds(node)
            case Look(item, behind=False, negative=False) if not item.plain:
                return [row for branch in self._branches(item) for row in [_hoist(branch, node)]]
        return [(node,)]

    def _rounds(self, node: Loop) -> list[tuple[Node, ...]]:
        """The rounds of a loop over assertions, written out."""
        if widths(node.item)[1] == 0:
            return [()] if node.min == 0 else self._branches(node.item)
        if node.max is not None and node.max <= MAX_ROUNDS:
            counts = range(node.min, node.max + 1)
            return [row for n in counts for row in self._branches(concat([node.item] * n))]
        if _tempered(node) is not None:
            return [(node,)]
        self._refuse("An assertion in a loop cannot be compiled away", next(assertions(node)))

    # What is behind

    def _settle(self, branch: Iterable[Node], open_left: bool) -> Iterator[list[Node]]:
        """The branch without assertions on the text before: rows of plain nodes, ends, lookaheads, tempered loops."""
        rows: list[list[Node]] = [[]]
        for node in branch:
            if isinstance(node, Edge) and node.side == "start":
                if open_left:
                    self._refuse("A lookahead cannot ask for the start of the text", node)
                rows = [[n for n in row if not _consumes(n)] for row in rows if all(map(_may_be_empty, row))]
            elif isinstance(node, Look) and node.behind:
                rows = [done for row in rows for done in self._behind(row, node, open_left)]
            else:
                rows = [[*row, node] for row in rows]
        yield from rows

    def _behind(self, row: list[Node], look: Look, open_left: bool) -> Iterator[list[Node]]:
        """The row, with its last nodes cut down to what the lookbehind asks."""
        if isinstance(look.item, CharSet):
            yield from self._after_one_of(row, look, look.item.ranges, open_left)
            return
        width = widths(look.item)[1] if look.item.plain else None
        cut, least = len(row), 0
        while cut and (width is None or least < width):
            cut -= 1
            least += widths(row[cut])[0]
        if open_left and (width is None or least < width):
            self._refuse("A lookbehind reaches out of its lookahead", look)
        lo, hi = cut, len(row)
        while lo < hi and not _consumes(row[lo]):
            lo += 1
        while lo < hi and not _consumes(row[hi - 1]):
            hi -= 1
        if not all(node.plain for node in row[lo:hi]):
            self._refuse("A lookbehind cannot reach across another assertion", look)
        asked = self.whole(concat([EVERY, look.item]), open_right=True)
        yield [*row[:lo], Meet(concat(row[lo:hi]), Not(asked) if look.negative else asked), *row[hi:]]

    def _after_one_of(self, row: list[Node], look: Look, ranges: CodePoints, open_left: bool) -> Iterator[list[Node]]:
        """The row, where the last code point before its end is (not) one of the ranges."""
        wanted = negation(ranges) if look.negative else ranges
        row = list(row)
        for i in range(len(row) - 1, -1, -1):
            node = row[i]
            if not _consumes(node):
                continue
            if not node.plain:
                self._refuse("A lookbehind cannot follow a loop with a lookahead", look)
            yield from self._ending(row, i, wanted)
            if not nullable(node):
                return
            row[i] = Concat((), True)
        if open_left:
            self._refuse("A lookbehind reaches out of its lookahead", look)
        if look.negative:
            yield row

    def _ending(self, row: list[Node], i: int, wanted: CodePoints) -> Iterator[list[Node]]:
        """The row, where its node `i` is not empty and ends with a code point of `wanted`."""
        node = row[i]
        possible = outer(node, last=True)
        if not intersection(possible, wanted):
            return
        if node == EVERY:
            row = [*row[:i], EVERY, CharSet(wanted), *row[i + 1 :]]
        elif nullable(node) or intersection(possible, negation(wanted)):
            ending = sequence(self.every, self.spell(wanted))
            row = [*row[:i], Meet(node, ending), *row[i + 1 :]]
        yield list(row)

    # What is ahead

    def _fold(self, row: list[Node], open_right: bool) -> Expr:
        """The expression of a settled row, from its end."""
        rest: Expr = EMPTY
        for i in range(len(row) - 1, -1, -1):
            node = row[i]
            if node.plain:
                rest = sequence(lower(node, self.spell), rest)
            elif isinstance(node, Loop):
                rest = self._temper(node, rest)
            elif open_right:
                assert isinstance(node, Edge | Look)
                self._refuse("A lookbehind cannot ask for what follows it", node)
            elif isinstance(node, Edge):
                rest = EMPTY if is_nullable(rest) else NOTHING
            elif isinstance(node, Look):
                decided = _decided(node, row[i + 1 :])
                rest = self._ahead(node, rest) if decided is None else rest if decided else NOTHING
            if rest == NOTHING:
                return NOTHING
        return rest

    def _ahead(self, look: Look, rest: Expr) -> Expr:
        asked = self.whole(concat([look.item, EVERY]), open_left=True)
        if rest == EMPTY:
            return EMPTY if is_nullable(asked) != look.negative else NOTHING
        if look.negative:
            return _meet(rest, Not(asked))
        return asked if rest == self.every else _meet(rest, asked)

    def _temper(self, node: Loop, rest: Expr) -> Expr:
        """The loop `((?!a)b)*` and the rest: no `a` starts within the loop."""
        if rest == self.every and node.min == 0:
            return rest
        parts = _tempered(node)
        assert parts is not None  # `_rounds` lets no other loop through
        look, item = parts
        if rest != EMPTY:
            self._refuse("A lookahead in a loop is exact only before the end of the text", look)
        asked = self.whole(concat([look.item, EVERY]), open_left=True)
        begun = _meet(asked, sequence(self.spell(ANY), self.every))
        within = lower(loop(item, node.min, node.max), self.spell)
        return _meet(within, Not(sequence(self.every, begun)))


def _meet(a: Expr, b: Expr) -> Expr:
    return And((*(a.items if isinstance(a, And) else (a,)), b))


def _consumes(node: Node) -> bool:
    return node.plain or isinstance(node, Loop)


def _may_be_empty(node: Node) -> bool:
    return nullable(node) if node.plain else not isinstance(node, Loop) or node.min == 0


def _hoist(branch: tuple[Node, ...], look: Look) -> tuple[Node, ...]:
    """A positive lookahead for one branch, with the start of the text that it begins with before it."""
    starts = 0
    while starts < len(branch) and isinstance(node := branch[starts], Edge) and node.side == "start":
        starts += 1
    return (*branch[:starts], Look(concat(branch[starts:]), False, False, look.offset))


def _tempered(node: Loop) -> tuple[Look, CharSet] | None:
    """The negative lookahead and the set of a loop `((?!a)b)*`."""
    match node.item:
        case Concat((Look(behind=False, negative=True) as look, CharSet() as item)):
            return look, item
    return None


def _decided(look: Look, following: list[Node]) -> bool | None:
    """Whether a lookahead for one code point always holds before these nodes, or never (None: it depends)."""
    if not isinstance(look.item, CharSet):
        return None
    ranges = look.item.ranges
    met: set[bool] = set()
    for node in following:
        if not node.plain:
            return None
        first = outer(node, last=False)
        if intersection(first, ranges):
            met.add(not look.negative)
        if intersection(first, negation(ranges)):
            met.add(look.negative)
        if not nullable(node):
            break
    else:
        met.add(look.negative)
    return met.pop() if len(met) == 1 else None
