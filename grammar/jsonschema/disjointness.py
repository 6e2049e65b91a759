"""Disjointness and emptiness: what facts together admit nothing.

`is_inhabited` says whether anything may satisfy some facts. It looks through the items and members that must be there;
what it cannot decide counts as inhabited. Recursion without end, such as an object that requires itself, is empty: a
finite instance is wanted (the least fixpoint).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final
from weakref import ref

from .distinct import listed_items
from .document import Node
from .facts import ARRAY, BOOLEAN, NULL, NUMBER, OBJECT, STRING, Arrays, Count, Facts, Objects, meet
from .keys import at_key
from .values import identity
from .witnesses import has_number, has_string

if TYPE_CHECKING:
    from .reading import Reader

#: The types of which every value is admitted.
PLAIN: Final = NULL | BOOLEAN
#: Pairs of branches that are compared.
MOST_PAIRS: Final = 2_000
#: Overlaps of two branches that are looked at closely.
MOST_SHARED: Final = 16
#: How deep required members are followed.
DEEPEST: Final = 60


class Inhabitation:
    """Remembers which schemas are inhabited."""

    def __init__(self, reader: Reader) -> None:
        self._its_reader = ref(reader)  # which keeps this, so that nothing of both is left to the garbage collector
        self._known: dict[tuple[Node, ...], bool] = {}
        self._open: dict[tuple[Node, ...], int] = {}
        self._lowest_cut = DEEPEST

    @property
    def _reader(self) -> Reader:
        reader = self._its_reader()
        assert reader is not None
        return reader

    def admits(self, nodes: tuple[Node, ...]) -> bool:
        """Whether anything may satisfy all the nodes' schemas."""
        if not nodes:
            return True
        known = self._known.get(nodes)
        if known is not None:
            return known
        depth = len(self._open)
        if nodes in self._open:
            self._lowest_cut = min(self._lowest_cut, self._open[nodes])
            return False
        if depth >= DEEPEST or (len(nodes) == 1 and self._reader.bare(nodes[0])):
            return True
        self._open[nodes] = depth
        try:
            found = self.any_inhabited(self._reader.conjunction(nodes))
        finally:
            del self._open[nodes]
        if found or self._lowest_cut >= depth:
            self._known[nodes] = found
        if self._lowest_cut >= depth:
            self._lowest_cut = DEEPEST
        return found

    def any_inhabited(self, union: Iterable[Facts]) -> bool:
        """Whether anything may satisfy some of the alternatives."""
        return any(map(self.inhabits, union))

    def inhabits(self, facts: Facts) -> bool:
        """Whether anything may satisfy the facts."""
        if facts.values is not None:
            return bool(self._reader.settled(facts))
        types = facts.types
        if types & PLAIN or (types & STRING and facts.strings is None) or (types & NUMBER and facts.numbers is None):
            return True
        if types & NUMBER and facts.numbers is not None and not has_number(facts.numbers, types):
            types &= ~NUMBER
        if types & STRING and facts.strings is not None and not has_string(facts.strings):
            types &= ~STRING
        if types & (NUMBER | STRING):
            return True
        if types & ARRAY and (facts.arrays is None or (self._has_array(facts.arrays) and self._has_enough(facts))):
            return True
        return bool(types & OBJECT) and (facts.objects is None or self._has_object(facts.objects))

    def _has_array(self, arrays: Arrays) -> bool:
        """Whether every item that must be there can be."""
        for i in range(arrays.min and min(arrays.min, arrays.width + 1)):
            if not self.admits(arrays.at(i)):
                return False
        return all(self._has_so_many(arrays, count) for count in arrays.counts)

    def _has_so_many(self, arrays: Arrays, count: Count) -> bool:
        """Whether as many items as there must be can be of the kind."""
        most = arrays.width + count.min if arrays.max is None else arrays.max
        n = sum(self.admits((*arrays.at(i), count.node)) for i in range(min(arrays.width, most)))
        if n < count.min and most > arrays.width and self.admits((*arrays.at(arrays.width), count.node)):
            n += most - arrays.width
        return n >= count.min

    def _has_enough(self, facts: Facts) -> bool:
        """Whether there are as many values as there must be distinct items."""
        values = listed_items(self._reader, facts)
        return values is None or facts.arrays is None or facts.arrays.min <= len(values)

    def _has_object(self, objects: Objects) -> bool:
        """Whether every member that must be there can be."""
        for key in objects.required:
            if not self.admits(at_key(objects, key)) or not self._may_be_called(objects, key):
                return False
        if objects.min <= len(objects.required) or not _is_closed(objects):
            return True
        declared = {key for view in objects.views for key in view.properties}
        return sum(self.admits(at_key(objects, key)) for key in declared) >= objects.min

    def _may_be_called(self, objects: Objects, key: str) -> bool:
        """Whether `propertyNames` lets a key be."""
        if not objects.names and not objects.some_name:
            return True
        referee = self._reader.referee
        return self._reader.document.dynamic or all(referee.is_valid(node, key) for node in objects.every_name)


def _is_closed(objects: Objects) -> bool:
    """Whether only declared members can be."""
    no_patterns = not any(view.patterns for view in objects.views)
    return no_patterns and any(
        view.additional is not None and view.additional.schema is False for view in objects.views
    )


def overlaps(reader: Reader, unions: Sequence[tuple[Facts, ...]], node: Node) -> list[list[int]] | None:
    """For each union, a branch of a node, the others that it may overlap with; None if there are too many."""
    found: list[list[int]] = [[] for _ in unions]
    if len(unions) < 2 or _told_apart_by_types(unions) or _told_apart_by_key(reader, unions):
        return found
    if len(unions) ** 2 > 2 * MOST_PAIRS:
        return None
    for i, left in enumerate(unions):
        for j in range(i):
            reader.clock.check("comparing the branches of `oneOf`", node)
            if any(
                (both := meet(a, b)) is not None and reader.inhabitation.inhabits(both) for a in left for b in unions[j]
            ):
                found[i].append(j)
                found[j].append(i)
    return found


def _told_apart_by_types(unions: Sequence[tuple[Facts, ...]]) -> bool:
    seen = 0
    for union in unions:
        mask = 0
        for facts in union:
            mask |= facts.types
        if mask & seen:
            return False
        seen |= mask
    return True


def _told_apart_by_key(reader: Reader, unions: Sequence[tuple[Facts, ...]]) -> bool:
    """Whether all are objects with one required key whose listed values differ."""
    first = unions[0][0].objects
    if first is None or any(f.types != OBJECT or f.objects is None for union in unions for f in union):
        return False
    for key in first.required:
        seen: dict[object, int] = {}
        for i, union in enumerate(unions):
            for facts in union:
                values = _listed(reader, facts.objects, key)
                if values is None or any(seen.setdefault(identity(v), i) != i for v in values):
                    break
            else:
                continue
            break
        else:
            return True
    return False


def _listed(reader: Reader, objects: Objects | None, key: str) -> tuple[object, ...] | None:
    """The values that a required member may have, if they are listed."""
    if objects is None or key not in objects.required:
        return None
    nodes = tuple(view.properties[key] for view in objects.views if key in view.properties)
    union = reader.conjunction(nodes) if nodes else ()
    values: tuple[object, ...] = ()
    for facts in union:
        if facts.values is None:
            return None
        values += facts.values
    return values if union else None


def telling_key(union: Sequence[Facts], other: Sequence[Facts], own: Facts) -> str | None:
    """A key that the objects of the other union must have and those of the first do not declare, nor `own` does."""
    if any(facts.types != OBJECT or facts.objects is None for facts in (*union, *other)):
        return None
    wanted = [facts.objects.required for facts in other if facts.objects is not None]
    mine = [facts.objects for facts in (*union, own) if facts.objects is not None]
    if any(objects.explicit for objects in mine):
        return None
    for key in wanted[0]:
        if all(key in keys for keys in wanted[1:]) and not any(_declares(objects, key) for objects in mine):
            return key
    return None


def _declares(objects: Objects, key: str) -> bool:
    return key in objects.required or any(key in view.properties or view.patterns for view in objects.views)


def beyond_empty(reader: Reader, union: Sequence[Facts], other: Sequence[Facts]) -> Facts | None:
    """Non-empty containers, if two unions overlap in the empty array or the empty object alone."""
    shared: list[Facts] = []
    types = 0
    for both in filter(None, (meet(a, b) for a in union for b in other)):
        if reader.inhabitation.inhabits(both):
            types |= both.types
            shared.append(both)
            if types & ~(ARRAY | OBJECT) or len(shared) > MOST_SHARED:
                return None
    nonempty = Facts(
        arrays=Arrays(min=1) if types & ARRAY else None, objects=Objects(min=1) if types & OBJECT else None
    )
    for facts in shared:
        more = meet(facts, nonempty)
        if more is not None and reader.inhabitation.inhabits(more):
            return None
    return nonempty
