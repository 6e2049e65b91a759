"""Deterministic byte machines as rows of masked edges.

The working form behind `Dfa`: small rows of big edges, so that a state costs its edges and not its bytes. Laid out as
    rows    n_states dicts  target -> mask      bit b of the 256-bit mask is byte b; masks of one row are disjoint
    labels  n_states ints   0 (not accepting) or 1 + label
State 0 is the start; a missing byte is dead. Every state is reachable.

Source: `minimise` is partition refinement that re-reads only the predecessors of what changed, the larger part keeping
its block (Dorsch, Milius, Schröder, Wißmann 2017). It starts from (label, distance to acceptance, bytes read), which
separates the states of a literal at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import BudgetExceeded

ALL_BYTES = (1 << 256) - 1


@dataclass(frozen=True, slots=True)
class Machine:
    """A deterministic machine; see the module for its layout."""

    rows: list[dict[int, int]]
    labels: list[int]


def empty_machine() -> Machine:
    """The machine that accepts nothing."""
    return Machine([{}], [0])


def _distances(machine: Machine, preds: list[list[int]]) -> list[int]:
    """Fewest bytes from each state to an accepting one, -1 where there is no way."""
    distance = [0 if label else -1 for label in machine.labels]
    frontier = [q for q, label in enumerate(machine.labels) if label]
    steps = 0
    while frontier:
        steps += 1
        reached = []
        for q in frontier:
            for p in preds[q]:
                if distance[p] < 0:
                    distance[p] = steps
                    reached.append(p)
        frontier = reached
    return distance


def _predecessors(machine: Machine) -> list[list[int]]:
    preds: list[list[int]] = [[] for _ in machine.rows]
    for q, row in enumerate(machine.rows):
        for t in row:
            preds[t].append(q)
    return preds


def minimise(machine: Machine) -> Machine:
    """The smallest machine of the same labelled language, numbered breadth-first in byte order.

    States that reach no accepting one are gone; machines of equal languages come out equal.
    """
    preds = _predecessors(machine)
    distance = _distances(machine, preds)
    if distance[0] < 0:
        return empty_machine()
    return _number(machine, _Partition(machine, distance).refine(preds), distance)


#: The edges between blocks, as block and mask; the only one alone.
Signature: TypeAlias = frozenset[tuple[int, int]] | tuple[int, int]


class _Partition:
    """Blocks of states, split until the states of a block have equal edges between blocks."""

    def __init__(self, machine: Machine, distance: list[int]) -> None:
        self.rows = machine.rows
        #: The block of each state, -1 for those that reach no accepting one.
        self.block = [-1] * len(machine.rows)
        self.members: list[set[int]] = []
        first: dict[tuple[int, int, int], int] = {}
        for q, steps in enumerate(distance):
            if steps >= 0:
                reads = 0
                for t, mask in machine.rows[q].items():
                    if distance[t] >= 0:
                        reads |= mask
                b = self.block[q] = first.setdefault((machine.labels[q], steps, reads), len(first))
                if b == len(self.members):
                    self.members.append(set())
                self.members[b].add(q)
        #: What the untouched states of a block had in common when it was last looked at.
        self.known: list[Signature] = [frozenset()] * len(self.members)

    def refine(self, preds: list[list[int]]) -> list[int]:
        """Split as far as needed; the blocks."""
        dirty = {q for q, b in enumerate(self.block) if b >= 0}
        while dirty:
            touched: defaultdict[int, list[int]] = defaultdict(list)
            for q in dirty:
                touched[self.block[q]].append(q)
            moved = [q for b, states in touched.items() if len(self.members[b]) > 1 for q in self._split(b, states)]
            dirty = {p for q in moved for p in preds[q] if self.block[p] >= 0}
        return self.block

    def _split(self, b: int, touched: list[int]) -> list[int]:
        """Split block `b` by the edges that its touched states have now; the states that left it."""
        groups: defaultdict[Signature, set[int]] = defaultdict(set)
        for q in touched:
            groups[self._signature(q)].add(q)
        if len(touched) < len(self.members[b]):
            groups[self.known[b]] |= self.members[b].difference(touched)
        stays = max(groups, key=lambda signature: len(groups[signature]))
        self.known[b], self.members[b] = stays, groups.pop(stays)
        for signature, group in groups.items():
            for q in group:
                self.block[q] = len(self.members)
            self.members.append(group)
            self.known.append(signature)
        return [q for group in groups.values() for q in group]

    def _signature(self, q: int) -> Signature:
        merged: dict[int, int] = {}
        block = self.block
        for t, mask in self.rows[q].items():
            b = block[t]
            if b >= 0:
                merged[b] = merged[b] | mask if b in merged else mask
        return merged.popitem() if len(merged) == 1 else frozenset(merged.items())


def renumber(machine: Machine) -> Machine:
    """A minimal machine with its states breadth-first in byte order."""
    return _number(machine, list(range(len(machine.rows))), [0] * len(machine.rows))


def _number(machine: Machine, blocks: list[int], distance: list[int]) -> Machine:
    """The quotient by `blocks`, breadth-first from the start, edges in the order of their lowest byte."""
    number = {blocks[0]: 0}
    order = [0]
    rows: list[dict[int, int]] = []
    labels: list[int] = []
    for q in order:
        merged: dict[int, tuple[int, int]] = {}
        for t, mask in machine.rows[q].items():
            if distance[t] >= 0:
                b = blocks[t]
                merged[b] = (merged[b][0] | mask if b in merged else mask), t
        edges = merged.values()
        row: dict[int, int] = {}
        for mask, t in sorted(edges, key=_lowest) if len(edges) > 1 else edges:
            k = number.setdefault(blocks[t], len(order))
            if k == len(order):
                order.append(t)
            row[k] = mask
        rows.append(row)
        labels.append(machine.labels[q])
    return Machine(rows, labels)


def _lowest(edge: tuple[int, int]) -> int:
    """The lowest byte of an edge, as a bit."""
    return edge[0] & -edge[0]


def complement(machine: Machine) -> Machine:
    """Accepts (label 0) exactly the byte strings that `machine` does not."""
    sink = len(machine.rows)
    rows = []
    for row in machine.rows:
        rest = ALL_BYTES
        for mask in row.values():
            rest &= ~mask
        rows.append({**row, sink: rest} if rest else dict(row))
    rows.append({sink: ALL_BYTES})
    return Machine(rows, [0 if label else 1 for label in machine.labels] + [1])


def product(a: Machine, b: Machine, limit: int) -> Machine:
    """Accepts what both accept, with the labels of `a`.

    Raises
    ------
    BudgetExceeded : more than `limit` pairs of states are reachable.
    """
    number = {(0, 0): 0}
    order = [(0, 0)]
    rows: list[dict[int, int]] = []
    labels: list[int] = []
    for p, q in order:
        row: dict[int, int] = {}
        other = b.rows[q]
        for s, mask in a.rows[p].items():
            for t, mask_of_b in other.items():
                both = mask & mask_of_b
                if both:
                    pair = number.setdefault((s, t), len(order))
                    if pair == len(order):
                        order.append((s, t))
                    row[pair] = both
        rows.append(row)
        labels.append(a.labels[p] if b.labels[q] else 0)
        if len(order) > limit:
            raise BudgetExceeded("automaton states", limit)
    return Machine(rows, labels)


def literals(words: Iterable[bytes]) -> Machine:
    """The minimal machine of finitely many byte strings, in time linear in their length (after sorting them).

    Its states are numbered from the ends; `renumber` makes it canonical.
    """
    states = acyclic(words)
    rows = [_row(edges) for edges, _ in states]
    return rooted(rows, [label for _, label in states])


def acyclic(words: Iterable[bytes] | Iterable[tuple[int, ...]]) -> list[tuple[list[tuple[int, int]], int]]:
    """The states of the minimal machine of finitely many words over any symbols: edges (symbol, state) and label.

    A state stands behind all it leads to; the start is the last.

    Source: Daciuk, Mihov, Watson, Watson 2000, the algorithm for sorted data.
    """
    states: list[tuple[list[tuple[int, int]], int]] = []
    known: dict[tuple[int, tuple[tuple[int, int], ...]], int] = {}
    # The open path: for each depth, the finished edges (symbol, state) and whether a word ends there.
    path: list[list[tuple[int, int]]] = [[]]
    ends: list[int] = [0]
    previous: Sequence[int] = ()

    def close(depth: int) -> None:
        for d in range(len(path) - 1, depth, -1):
            edges, label = path.pop(), ends.pop()
            state = known.setdefault((label, tuple(edges)), len(states))
            if state == len(states):
                states.append((edges, label))
            path[-1].append((previous[d - 1], state))

    distinct: set[Any] = set(words)
    for word in sorted(distinct):
        common = _common_prefix(previous, word)
        close(common)
        for _ in range(common, len(word)):
            path.append([])
            ends.append(0)
        ends[-1] = 1
        previous = word
    close(0)
    return [*states, (path[0], ends[0])]


def _row(edges: list[tuple[int, int]]) -> dict[int, int]:
    row: dict[int, int] = {}
    for byte, state in edges:
        row[state] = row.get(state, 0) | 1 << byte
    return row


def _common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    length = min(len(a), len(b))
    return next((i for i in range(length) if a[i] != b[i]), length)


def rooted(rows: list[dict[int, int]], labels: list[int]) -> Machine:
    """The machine that starts in the last of the states, to which nothing leads; it becomes state 0."""
    shifted = [{t + 1: mask for t, mask in row.items()} for row in (rows[-1], *rows[:-1])]
    return Machine(shifted, [labels[-1], *labels[:-1]])
