"""Character tries: how the code points of several classes are written, byte by byte, and where one of each is complete.

A `Form` is one way to write code points: as numbers whose digits stand for sets of bytes. UTF-8 takes four of them, a
JSON escape one more.

Laws
    1. The ways from the root that end at ~k are the writings of the code points of class k, each once.
    2. No two nodes read alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import mul, or_
from typing import TypeAlias

from .unicode import LAST, CodePoints, intersection

#: First and last code point, and their class.
Part: TypeAlias = tuple[int, int, int]
#: What a node reads: byte set and what follows, a node or ~k where a code point of class k is complete.
Row: TypeAlias = tuple[tuple[int, int], ...]
#: The rows of a trie, those that read alike joined. A node stands behind all that it leads to; the root is the last.
CharacterTrie: TypeAlias = tuple[Row, ...]
#: The byte sets of the digits that may stand in one place.
Place: TypeAlias = tuple[int, ...]


class Form:
    """One way to write some code points.

    Parameters
    ----------
    domain : the code points that are written so.
    base : the code point whose digits are all 0.
    places : the digits that may stand in each place.
    """

    def __init__(self, domain: CodePoints, base: int, places: tuple[Place, ...]) -> None:
        self.domain, self.base, self.places = domain, base, places
        #: For each place the bytes of the digits before each one.
        self.before = [(0, *accumulate(place, or_)) for place in places]
        #: How many numbers the places from each one on spell.
        self.sizes = [*accumulate(map(len, reversed(places)), mul, initial=1)][::-1]


def literal(text: bytes) -> tuple[Place, ...]:
    """Places with one digit each."""
    return tuple((1 << byte,) for byte in text)


def digits(first: int, n: int) -> Place:
    """A place of n digits that are consecutive bytes."""
    return tuple(1 << byte for byte in range(first, first + n))


_FOLLOWING = digits(0x80, 64)
UTF8: tuple[Form, ...] = (
    Form(((0, 0x7F),), 0, (digits(0, 128),)),
    Form(((0x80, 0x7FF),), 0, (digits(0xC0, 32), _FOLLOWING)),
    Form(((0x800, 0xD7FF), (0xE000, 0xFFFF)), 0, (digits(0xE0, 16), _FOLLOWING, _FOLLOWING)),
    Form(((0x10000, 0x10FFFF),), 0, (digits(0xF0, 8), _FOLLOWING, _FOLLOWING, _FOLLOWING)),
)


def utf8_of(domain: CodePoints) -> tuple[Form, ...]:
    """The forms of UTF-8, of some code points only."""
    return tuple(Form(intersection(form.domain, domain), form.base, form.places) for form in UTF8)


def character_trie(forms: Sequence[Form], classes: Sequence[CodePoints]) -> CharacterTrie:
    """The trie of classes of code points, which are disjoint, written in any of the forms.

    No writing in one form begins one in another. Without any writing, there is the root alone.
    """
    nodes = _Nodes()
    row: Row = ()
    parts = sorted((lo, hi, k) for k, ranges in enumerate(classes) for lo, hi in ranges)
    for form in forms:
        inside = _within(parts, form.domain)
        if inside:
            row = nodes.joined(row, nodes.rows[_Laid(nodes, form, inside).root])
    return nodes.reached(row)


def _within(parts: list[Part], domain: CodePoints) -> list[Part]:
    """The parts of sorted ranges that lie in a domain."""
    found = []
    for first, last in domain:
        i = max(bisect_right(parts, (first, LAST, 0)) - 1, 0)
        while i < len(parts) and parts[i][0] <= last:
            lo, hi, k = parts[i]
            if hi >= first:
                found.append((max(lo, first), min(hi, last), k))
            i += 1
    return found


@dataclass
class _Nodes:
    """Nodes, each once."""

    rows: list[Row] = field(default_factory=list)
    _numbers: dict[Row, int] = field(default_factory=dict)

    def number(self, masks: dict[int, int]) -> int:
        """The node that reads these byte sets, by what follows."""
        row = tuple(sorted((mask, target) for target, mask in masks.items()))
        known = self._numbers.setdefault(row, len(self.rows))
        if known == len(self.rows):
            self.rows.append(row)
        return known

    def joined(self, a: Row, b: Row) -> Row:
        """What either row reads; where both do, two nodes follow, and these are joined."""
        masks: dict[int, int] = {}
        for mask, target in a:
            for other, its in b:
                if mask & other:
                    both = self.joined(self.rows[target], self.rows[its])
                    node = self.number({t: m for m, t in both})
                    masks[node] = masks.get(node, 0) | mask & other
        seen = 0
        for mask in masks.values():
            seen |= mask
        for mask, target in (*a, *b):
            if mask & ~seen:
                masks[target] = masks.get(target, 0) | mask & ~seen
        return tuple((mask, target) for target, mask in masks.items())

    def reached(self, root: Row) -> CharacterTrie:
        """The rows that a root leads to, and its own; children first."""
        numbers: dict[int, int] = {}
        rows: list[Row] = []

        def visit(row: Row) -> Row:
            for _, target in row:
                if target >= 0 and target not in numbers:
                    found = visit(self.rows[target])
                    numbers[target] = len(rows)
                    rows.append(found)
            return tuple(sorted((mask, target if target < 0 else numbers[target]) for mask, target in row))

        last = visit(root)
        return (*rows, last)


class _Laid:
    """A form laid out as nodes."""

    def __init__(self, nodes: _Nodes, form: Form, parts: Iterable[Part]) -> None:
        self._nodes, self._form = nodes, form
        #: Where the numbers of one class begin, and which one that is, -1 for none.
        self._starts, self._kinds = [0], [-1]
        for lo, hi, k in parts:
            self._begin(lo - form.base, k)
            self._begin(hi + 1 - form.base, -1)
        self._uniform: dict[tuple[int, int], int] = {}
        root = self._node(0, 0)
        assert root is not None
        self.root = root

    def _begin(self, number: int, k: int) -> None:
        if self._starts[-1] == number:
            self._kinds[-1] = k
        else:
            self._starts.append(number)
            self._kinds.append(k)

    def _node(self, first: int, place: int) -> int | None:
        """The node that reads the numbers from `first` on, as many as the places from `place` on spell.

        None if none is of a class.
        """
        step, before, masks = self._form.sizes[place + 1], self._form.before[place], dict[int, int]()
        digit, n = 0, len(self._form.places[place])
        while digit < n:
            at = first + digit * step
            i = bisect_right(self._starts, at) - 1
            alike = (self._starts[i + 1] - at) // step if i + 1 < len(self._starts) else n
            size = min(max(alike, 1), n - digit)
            target = self._same(place + 1, self._kinds[i]) if alike else self._node(at, place + 1)
            if target is not None:
                masks[target] = masks.get(target, 0) | before[digit + size] & ~before[digit]
            digit += size
        return self._nodes.number(masks) if masks else None

    def _same(self, place: int, k: int) -> int | None:
        """What reads all the numbers that the places from `place` on spell, all of class k."""
        if k < 0:
            return None
        if place == len(self._form.places):
            return ~k
        known = self._uniform.get((place, k))
        if known is None:
            target = self._same(place + 1, k)
            assert target is not None
            known = self._uniform[place, k] = self._nodes.number({target: self._form.before[place][-1]})
        return known
