"""Enclosures: an object's members or an array's items together with what stands around them.

They are one rule with what opens and closes them, so that a container is one frame. Behind the opening, and behind a
value, an item begins or the container ends; both may begin alike, by white space. So they are one machine, and an edge
asks for the one way (LT: an item may come; GE: it may end) where the other one is left behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import or_
from typing import NamedTuple

from ..errors import BudgetExceeded
from ..grammar.ir import NOTHING, And, Bytes, Expr, Items, Members, Seq, sequence
from . import _layout_kernels as L
from .block import Block
from .machines import machine_of
from .subset import holds_big, is_plain

_ITEM, _END = 1, 2
#: States that what stands around members or items may take; beyond, it is a rule of its own.
MOST_STATES = 500


class Ways(NamedTuple):
    """A machine of two ways, its states numbered from 0 on."""

    #: Whether an item begins at the state, or the container has ended: _ITEM, _END, or 0.
    labels: tuple[int, ...]
    #: By state: byte set, target, and what the edge asks for.
    edges: tuple[tuple[tuple[int, int, int], ...], ...]

    @property
    def going_on(self) -> list[int]:
        """By state: the bytes that do not end the container, as a byte set."""
        return [sum(mask for mask, t, _ in edges if self.labels[t] != _END) for edges in self.edges]

    def lay(self, block: Block, start: int) -> list[int]:
        """Lay it behind a state; returns the states before an item."""
        numbers = [start, *[block.state(L.FINAL if label == _END else 0) for label in self.labels[1:]]]
        for number, edges in zip(numbers, self.edges, strict=True):
            block.states[number].edges += [(mask, numbers[t] | asks) for mask, t, asks in edges]
        return [number for number, label in zip(numbers, self.labels, strict=True) if label == _ITEM]


@dataclass(frozen=True, slots=True, eq=False)
class Enclosure:
    """What stands around some members or items; the same for the same, as far as it is kept."""

    opening: Ways
    #: Behind a value: what separates it from the next one, or the end.
    between: Ways
    #: Behind the last value that may come.
    closing: Ways


def enclosed(expr: Seq, limit: int) -> tuple[Members | Items, Enclosure] | None:
    """The members or items of a rule, and what stands around them; None if it is something else."""
    items = expr.items
    if len(items) < 3 or type(items[0]) is not Bytes or type(items[-1]) is not Bytes:
        return None
    places = [i for i, item in enumerate(items) if isinstance(item, Members | Items)]
    if len(places) != 1:
        return None
    at = places[0]
    body, before, after = items[at], items[:at], items[at + 1 :]
    assert isinstance(body, Members | Items)
    if len(items) > 3 and not all(is_plain(item) and not holds_big(item) for item in (*before, *after)):
        return None
    separator = body.comma if isinstance(body, Members) else body.separator
    enclosure = _enclosure(before, after, separator, limit)
    return None if enclosure is None else (body, enclosure)


@lru_cache(maxsize=256)
def _enclosure(before: tuple[Expr, ...], after: tuple[Expr, ...], separator: Expr, limit: int) -> Enclosure | None:
    end = sequence(*after)
    opening = _ways(sequence(*before), sequence(*before, end), limit, _END)
    between, closing = _ways(separator, end, limit), _ways(NOTHING, end, limit)
    if opening is None or between is None or closing is None:
        return None
    return Enclosure(opening, between, closing)


def _ways(item: Expr, end: Expr, limit: int, behind_item: int = 0) -> Ways | None:
    """The machine of both ways, if each edge can ask for what it needs; else None.

    So neither is empty, no text is both, and behind one there is nothing of the other: but for the end behind an item's
    beginning, if `behind_item` says so, as before the first item no maximum is reached.
    """
    limit = min(limit, MOST_STATES)
    try:
        machine = machine_of((item, end), limit)
        if machine.labels[0] or any(machine_of((And((item, end)),), limit).labels):
            return None
    except BudgetExceeded:
        return None
    ahead = [(1 << label) >> 1 for label in machine.labels]  # the labels that a state may still lead to, as bits
    while (found := [reduce(or_, [ahead[t] for t in row], ahead[q]) for q, row in enumerate(machine.rows)]) != ahead:
        ahead = found
    if any(label and bits & ~(label | behind_item) for label, bits in zip(machine.labels, ahead, strict=True)):
        return None
    edges = []
    for q, row in enumerate(machine.rows):
        asks = {_ITEM: L.LT << L.FLAG_SHIFT, _END: L.GE << L.FLAG_SHIFT} if q == 0 or ahead[q] == _ITEM | _END else {}
        edges.append(tuple([(mask, t, asks.get(ahead[t], 0)) for t, mask in row.items()]))
    return Ways(tuple(machine.labels), tuple(edges))
