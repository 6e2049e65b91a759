"""Distances in an object's members: to the end of the key, of the member, of what the object still owes, of the object.

Owed are the required members that are missing and, up to `min`, the cheapest of the others. Every member costs the same
whenever it comes, so what is owed is a sum; only inside a key is a path searched, among the keys that may still come.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from . import _layout_kernels as L
from ._payload_kernels import key_available, other_available
from .frame_distance import END, Node, States, shortest
from .pushdown import Pushdown


@dataclass(frozen=True, slots=True)
class Left:
    """What an object may and must still have, by its payload; sets of declared keys are bits."""

    #: Declared keys that are neither seen nor passed by.
    unseen: int
    #: Declared keys that may come next.
    may_come: int
    #: Whether an undeclared key may come next.
    may_be_other: bool
    #: Members owed beyond the required ones.
    fill: int


class MemberDistances:
    """Distances in one rule of an object's members."""

    def __init__(self, pda: Pushdown, states: States, rule: int) -> None:
        self._pda, self._states, self._rule = pda, states, rule
        self._kind, self._n, self._low = (states.rule_field(rule, c) for c in (L.R_KIND, L.R_NKEYS, L.R_MIN))
        self._after = states.rule_field(rule, L.R_START) + 1
        self._required = sum(1 << k for k, m in enumerate(pda.lowerer.key_order(rule)[: self._n]) if m.required)
        self._tails: dict[Node, float] = {}
        self._leads: dict[Node, float] = {}
        self._ends: dict[Node, float] = {}
        self._keys: dict[Node, float] = {}
        self._comma = self._lead(self._after)
        self._close = self._end(self._after)
        self._between = self._states_between()
        #: Declared key -> bytes of its member; absent: it is forbidden.
        self._costs: dict[int, float] = {}
        self._other_cost = math.inf
        self._measure_members()
        self._left = cache(self._look)
        self._owed = cache(self._add_up)
        self._key_bits = cache(self._keys_under)

    def least(self, state: int, payload: int) -> float:
        """Least bytes to the end of the rule."""
        left = self._left(payload)
        owed = self._owed_by(left.unseen, left.fill)
        if state in self._between:
            more = self._lead(state) + self._member(left, owed) + self._close
            return more if owed else min(more, self._end(state))
        if self._states.field(state, L.S_FLAGS) & L.KEYCHECK:
            known = self._keys.get((state, payload))
            inside = shortest((state, payload), self._key_moves, self._keys) if known is None else known
            return inside + self._close
        return self._tail(state) + owed + self._close

    def _member(self, left: Left, owed: float) -> float:
        """Bytes from a key's start to the end of the last member: what is owed, or one more member."""
        if owed:
            return owed - self._comma
        cheapest = min((self._costs[k] for k in _bits(left.may_come)), default=math.inf)
        return min(cheapest, self._other_cost if left.may_be_other else math.inf)

    # What is owed

    def _look(self, payload: int) -> Left:
        """What a payload leaves."""
        pda, rule = self._pda, self._rule
        at = int(pda.G[L.G_RT]) + rule * L.RT
        full = (1 << self._n) - 1
        count = 0
        if self._kind == L.KEYS:
            unseen = full & ~payload
        elif self._kind == L.KEYSEQ:
            unseen = full & ~((1 << (payload & 0xFFFF)) - 1)
            count = payload >> 16
        else:
            n = (self._n + 31) // 32
            lo = int(pda.A[L.H_SET]) + payload
            *words, count = pda.A[lo : lo + n + 1].tolist()
            unseen = full & ~sum((word & 0xFFFFFFFF) << 32 * k for k, word in enumerate(words))
        may = [k for k in _bits(unseen) if k in self._costs and key_available(pda.G, pda.A, at, payload, k)]
        fill = max(0, self._low - count - (unseen & self._required).bit_count())
        return Left(unseen, sum(1 << k for k in may), bool(other_available(pda.G, pda.A, at, payload)), fill)

    def _owed_by(self, unseen: int, fill: int) -> float:
        return self._owed(unseen & self._required, unseen & ~self._required if fill else 0, fill)

    def _add_up(self, required: int, optional: int, fill: int) -> float:
        """Bytes of the members owed, a comma before each."""
        costs = [self._costs.get(k, math.inf) for k in _bits(required)]
        spare = (self._costs.get(k, math.inf) for k in _bits(optional))
        costs += sorted(cost for cost in spare if cost < self._other_cost)[:fill]
        others = fill + required.bit_count() - len(costs)
        owed = sum([cost + self._comma for cost in costs])  # without any, no comma may lead to a key
        return owed + others * (self._other_cost + self._comma) if others else owed

    def _owed_after(self, left: Left, key: int) -> float:
        """Bytes owed once key `key` has come (-1: an undeclared one)."""
        unseen = left.unseen & ~(1 << key) if key >= 0 else left.unseen
        if self._kind == L.KEYSEQ:
            unseen = left.unseen >> key + 1 << key + 1 if key >= 0 else 0
        is_owed = key >= 0 and self._required >> key & 1
        return self._owed_by(unseen, left.fill if is_owed else max(0, left.fill - 1))

    # Inside a key

    def _key_moves(self, node: Node) -> Iterator[tuple[float, Node]]:
        state, payload = node
        left = self._left(payload)
        for code in self._states.codes(state):
            target = code & L.TARGET
            if code >> L.FLAG_SHIFT & L.ADD:
                key = self._states.field(target, L.S_AUX)
                if left.may_come >> key & 1 if key >= 0 else left.may_be_other:
                    yield 1 + self._tail(target) + self._owed_after(left, key), END
            elif self._key_bits(target) & left.may_come or (left.may_be_other and self._may_be_other(target)):
                yield 1, (target, payload)

    def _may_be_other(self, state: int) -> bool:
        return bool(self._states.field(state, L.S_FLAGS) & L.OTHER)

    def _keys_under(self, state: int) -> int:
        """The declared keys that a key's state may still become, as bits."""
        at = self._states.field(state, L.S_AUX)
        return sum(1 << k for k in self._states.words(at + 1, self._states.words(at, 1)[0]))

    # Between keys

    def _tail(self, state: int) -> float:
        """Bytes from a state behind a key to the member's end."""
        node = (state, 0)
        return self._tails[node] if node in self._tails else shortest(node, self._tail_moves, self._tails)

    def _tail_moves(self, node: Node) -> Iterator[tuple[float, Node]]:
        for cost, code in self._states.moves(node[0]):
            target = code & L.TARGET
            yield cost, END if target == self._after else (target, 0)

    def _lead(self, state: int) -> float:
        """Bytes from a state between members to a key's start."""
        node = (state, 0)
        return self._leads[node] if node in self._leads else shortest(node, self._lead_moves, self._leads)

    def _lead_moves(self, node: Node) -> Iterator[tuple[float, Node]]:
        for code in self._states.codes(node[0]):
            yield (0.0, END) if self._is_key(code) else (1.0, (code & L.TARGET, 0))

    def _end(self, state: int) -> float:
        """Bytes from a state between members to the end of the rule without a further member."""
        node = (state, 0)
        return self._ends[node] if node in self._ends else shortest(node, self._end_moves, self._ends)

    def _end_moves(self, node: Node) -> Iterator[tuple[float, Node]]:
        if self._states.field(node[0], L.S_FLAGS) & L.FINAL:
            yield 0.0, END
        for code in self._states.codes(node[0]):
            if not self._is_key(code):
                yield 1.0, (code & L.TARGET, 0)

    def _is_key(self, code: int) -> bool:
        """Whether an edge leads into a key, or is a key by itself."""
        flags = self._states.field(code & L.TARGET, L.S_FLAGS)
        return bool(code >> L.FLAG_SHIFT & L.ADD or flags & L.KEYCHECK)

    def _states_between(self) -> set[int]:
        """The states outside keys and values: before the first member, between two, behind the last."""
        found = {self._after - 1, self._after}
        waiting = list(found)
        while waiting:
            targets = {c & L.TARGET for c in self._states.codes(waiting.pop()) if not self._is_key(c)} - found
            found |= targets
            waiting += targets
        return found

    def _measure_members(self) -> None:
        """Find what each member costs, by breadth through the keys."""
        codes = dict.fromkeys(c for state in self._between for c in self._states.codes(state) if self._is_key(c))
        seen, n = set[int](), 0
        while codes:
            n += 1
            level = []
            for code in codes:
                target = code & L.TARGET
                if target in seen:
                    continue
                seen.add(target)
                if not code >> L.FLAG_SHIFT & L.ADD:
                    level.append(target)
                elif (key := self._states.field(target, L.S_AUX)) >= 0:
                    self._costs[key] = n + self._tail(target)
                else:
                    self._other_cost = min(self._other_cost, n + self._tail(target))
            codes = dict.fromkeys(code for state in level for code in self._states.codes(state))


def _bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
