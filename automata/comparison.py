"""Comparison of languages: equality, inclusion, common strings, with a shortest witness for each.

Two languages are walked side by side, breadth-first over pairs of states, so the first string found is a shortest one
(the first bytewise among those). If the walk runs out of new pairs it has seen everything: the verdict is exact for
all lengths, which it always is for regular grammars, whose states are finite in number. For context-free ones, where
equality is undecidable, the walk stops at a length or a number of pairs, and says so.

Source: Hopcroft and Karp 1971, A linear algorithm for testing equivalence of finite automata (walking pairs).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..grammar.alphabet import byte_classes
from .walk import DEAD, Walk, grammar_of

#: Pairs of states that a comparison may visit unless told otherwise.
DEFAULT_PAIRS = 50_000
#: A pair behind so many bytes counts twice, behind twice as many three times: states of ambiguous texts grow with them.
FAR = 16

#: A pair of states.
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two languages have in common, and what sets them apart."""

    #: A shortest string that is in one but not in the other; None: there is none among those that were compared.
    only_left: bytes | None
    only_right: bytes | None
    #: A shortest string that is in both.
    common: bytes | None
    #: Whether all strings were compared.
    exact: bool
    #: Otherwise those of at most so many bytes were.
    length: int
    #: Pairs of states that were visited.
    pairs: int

    @property
    def equal(self) -> bool:
        """Whether no string of those compared is in one but not in the other."""
        return self.only_left is None and self.only_right is None

    @property
    def included(self) -> bool:
        """Whether every string of the left, of those compared, is in the right."""
        return self.only_left is None

    @property
    def disjoint(self) -> bool:
        """Whether no string of those compared is in both."""
        return self.common is None


def compare(left: Any, right: Any, max_length: int | None = None, limit: int = DEFAULT_PAIRS) -> Comparison:
    """Compare two languages: equal, included, disjoint, and the shortest strings that show the contrary.

    Parameters
    ----------
    left, right : whatever `compile` takes, without guards and special tokens.
    max_length : compare strings of at most so many bytes; None: of all lengths, as far as `limit` goes.
    limit : pairs of states to visit at most; one behind n bytes counts as 1 + n / 16 of them.

    Raises
    ------
    UnsupportedFeature : a language has guards or special tokens.

    >>> from syntagma.grammar.regex import Regex
    >>> result = compare(Regex("a*"), Regex("(aa)*"))
    >>> result.exact, result.equal, result.only_left, result.only_right, result.common
    (True, False, b'a', None, b'')
    """
    return _Pairs(grammar_of(left), grammar_of(right)).search(max_length, limit)


class _Pairs:
    """A walk over two grammars at once."""

    def __init__(self, left: Any, right: Any) -> None:
        classes = byte_classes(left, right)
        self.walks = Walk(left, classes), Walk(right, classes)
        start = self.walks[0].start, self.walks[1].start
        self.came_from: dict[Pair, tuple[Pair, int]] = {start: (start, -1)}
        self.start = start

    def search(self, max_length: int | None, limit: int) -> Comparison:
        """Visit pairs until all is known, or nothing is left, or a bound is met."""
        found: dict[tuple[bool, bool], bytes] = {}
        level, length, exact, left = [self.start], 0, False, limit
        while True:
            for pair in level:
                verdict = self.walks[0].accepts(pair[0]), self.walks[1].accepts(pair[1])
                if any(verdict):
                    found.setdefault(verdict, self._spell(pair))
            if len(found) == 3:
                exact = True
                break
            left -= len(level) * (1 + length // FAR)
            if length == max_length or left <= 0:
                break
            level = self._next(level, self._wanted(found), limit)
            if not level:
                exact = len(self.came_from) <= limit
                break
            length += 1
        only_left, only_right = found.get((True, False)), found.get((False, True))
        return Comparison(only_left, only_right, found.get((True, True)), exact, length, len(self.came_from))

    @staticmethod
    def _wanted(found: dict[tuple[bool, bool], bytes]) -> Callable[[Pair], bool]:
        """Whether a pair may show something that is not known yet."""
        left, right = (True, False) in found, (False, True) in found

        def wanted(pair: Pair) -> bool:
            if pair[1] == DEAD:
                return pair[0] != DEAD and not left
            return pair[0] != DEAD or not right

        return wanted

    def _next(self, level: list[Pair], wanted: Callable[[Pair], bool], limit: int) -> list[Pair]:
        """The new pairs that one more byte leads to, in the order of the bytes; none beyond the limit."""
        after: list[Pair] = []
        for pair in level:
            rows = dict(self.walks[0].row(pair[0])), dict(self.walks[1].row(pair[1]))
            for c in sorted(rows[0].keys() | rows[1].keys()):
                target = rows[0].get(c, DEAD), rows[1].get(c, DEAD)
                if target not in self.came_from and wanted(target):
                    self.came_from[target] = pair, c
                    after.append(target)
            if len(self.came_from) > limit:
                return []
        return after

    def _spell(self, pair: Pair) -> bytes:
        text = bytearray()
        while pair != self.start:
            pair, c = self.came_from[pair]
            text.append(self.walks[0].classes[c][0])
        return bytes(reversed(text))
