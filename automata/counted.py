"""Counted rules: large bounds as a counter in the frame instead of unrolled states.

A counted terminal is `before item{min,max} after`, all regular and the item prefix-free (a code point, an escape); so
the byte that ends an item is known when it comes. Edges into an item ask whether the count is below the maximum (LT),
edges that complete one count it (INC), edges that leave the loop ask for the minimum (GE).

Together with a pattern (`And` of a pattern and a repetition) a state knows at which counts the pattern can still end
within the bounds (`feasible.py`), and a transition is allowed only into a feasible count. States that are feasible at
every count need no such test; a pattern all of whose texts are within the bounds needs no counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

from ..errors import BudgetExceeded
from ..grammar.ir import EMPTY, Alt, And, ByteSet, Expr, Items, Repeat, Seq, optional, sequence
from ..grammar.machine import Machine
from . import _layout_kernels as L
from .block import Block
from .enclosure import Enclosure
from .feasible import Counts, Loop
from .lowered import bounds
from .machines import machine_of
from .subset import holds_big, is_big

#: Unrolled copies of an item that may begin with any of `WIDE_FROM` bytes; beyond, they are counted.
WIDE_UNROLL = 2
WIDE_FROM = 48


def counted_parts(expr: Expr) -> tuple[Expr, Repeat, tuple[Expr, ...], Expr] | None:
    """Split a regular expression into (before, repetition, patterns beside it, after); None if it has another shape."""
    items = expr.items if isinstance(expr, Seq) else (expr,)
    big = [i for i, item in enumerate(items) if holds_big(item)]
    big = big or [i for i, item in enumerate(items) if isinstance(item, Repeat) and is_wide(item)]
    if len(big) != 1:
        return None
    middle = items[big[0]]
    patterns: tuple[Expr, ...] = ()
    if isinstance(middle, And):
        loops = [item for item in middle.items if isinstance(item, Repeat) and is_big(item)]
        if len(loops) != 1:
            return None
        patterns = tuple(item for item in middle.items if item is not loops[0])
        middle = loops[0]
    if not isinstance(middle, Repeat) or holds_big(middle.item):
        return None
    return Seq(items[: big[0]]), middle, patterns, Seq(items[big[0] + 1 :])


def is_wide(expr: Repeat) -> bool:
    """Whether a repetition is counted for the many bytes that an item may begin with: one table serves all counts."""
    return max(expr.min, expr.max or 0) > WIDE_UNROLL and _heads(expr.item).bit_count() >= WIDE_FROM


def _heads(expr: Expr) -> int:
    """The bytes that an expression begins with, as far as that is plain to see."""
    match expr:
        case ByteSet(mask):
            return mask
        case Seq((first, *_)):
            return _heads(first)
        case Alt(items):
            return reduce(or_, map(_heads, items), 0)
    return 0


def lower_counted(before: Expr, loop: Repeat, patterns: Sequence[Expr], after: Expr, limit: int) -> Block | None:
    """The block of a counted terminal, or None if its bytes do not tell where an item ends."""
    item = machine_of((loop.item,), limit)
    if item.labels[0] or any(label and row for label, row in zip(item.labels, item.rows, strict=True)):
        return None
    pattern = machine_of((And(tuple(patterns)),), limit) if len(patterns) > 1 else None
    if len(patterns) == 1:
        pattern = machine_of(tuple(patterns), limit)
    block = Block(L.COUNTED)
    block.min, block.max = bounds(loop.min, loop.max)
    head = machine_of((before,), limit)
    tail = machine_of((after,), limit)
    maker = _LoopMaker(block, item, pattern, tail, limit)
    return block if maker.make(head) else None


class _LoopMaker:
    """Joins head, loop and tail into one deterministic block; a clash of two readings of a byte gives up."""

    def __init__(self, block: Block, item: Machine, pattern: Machine | None, tail: Machine, limit: int) -> None:
        self.block = block
        self.item = item
        self.pattern = pattern
        self.tail = tail
        self.limit = limit
        self.loop: dict[tuple[int, int], int] = {}
        self.numbers: set[int] = set()
        self.waiting: list[tuple[int, int]] = []
        self.after: dict[int, int] = {}

    def make(self, head: Machine) -> bool:
        numbers = [self.block.state() if not head.labels[q] or row else -1 for q, row in enumerate(head.rows)]
        if head.labels[0] and not head.rows[0]:
            self._loop_state(0, 0)
        else:
            if any(label and row for label, row in zip(head.labels, head.rows, strict=True)):
                return False
            entry = self._loop_state(0, 0)
            for q, row in enumerate(head.rows):
                if numbers[q] > 0:
                    state = self.block.states[numbers[q]]
                    state.edges += [(m, numbers[t] if numbers[t] > 0 else entry) for t, m in row.items()]
        if self.block.states and (0, 0) in self.loop and head.labels[0] and self.loop[0, 0] != 1:
            return False
        while self.waiting:
            if not self._expand(*self.waiting.pop()):
                return False
        if self.pattern is not None:
            self._bind_counts()
        return True

    def _loop_state(self, q: int, i: int) -> int:
        if (q, i) not in self.loop:
            if len(self.loop) > self.limit:
                raise BudgetExceeded("states of a rule", self.limit)
            self.loop[q, i] = self.block.state(L.INSIDE if i else 0)
            self.numbers.add(self.loop[q, i])
            self.waiting.append((q, i))
        return self.loop[q, i]

    def _tail_state(self, t: int) -> int:
        if t not in self.after:
            number = self.after[t] = self.block.state(L.FINAL if self.tail.labels[t] else 0)
            self.block.states[number].edges = [(m, self._tail_state(u)) for u, m in self.tail.rows[t].items()]
        return self.after[t]

    def _expand(self, q: int, i: int) -> bool:
        state = self.block.states[self.loop[q, i]]
        rows = self.pattern.rows[q].items() if self.pattern else [(0, (1 << 256) - 1)]
        used = 0
        for j, item_mask in self.item.rows[i].items():
            done = bool(self.item.labels[j])
            flags = (L.LT if i == 0 else 0) | (L.INC if done else 0)
            for q2, mask in rows:
                both = item_mask & mask
                if both:
                    target = self._loop_state(q2, 0 if done else j)
                    state.edges.append((both, target | flags << L.FLAG_SHIFT))
                    used |= both
        if i == 0 and (self.pattern is None or self.pattern.labels[q]):
            for t, mask in self.tail.rows[0].items():
                if used & mask:
                    return False
                state.edges.append((mask, self._tail_state(t) | L.GE << L.FLAG_SHIFT))
            if self.tail.labels[0]:
                state.flags |= L.FINAL | L.COND
        return True

    def _bind_counts(self) -> None:
        """Have the counts tested where the pattern could not end within the bounds otherwise; not at all if it must."""
        loop = Loop(*self._steps(), self.loop[0, 0])
        low, high = self.block.min, None if self.block.max < 0 else self.block.max
        if loop.is_within(low, high):
            self._forget_counts()
            return
        top = low if high is None else high
        counts, reached = loop.feasible(low, high), loop.reached()
        self.block.needed = 1
        for (_, i), number in self.loop.items():
            least, most = reached[number]
            beyond = top if i == 0 or high is None else top - 1
            found = asked(counts[number], least, beyond if most is None else min(most, beyond))
            if found is None:
                continue
            state = self.block.states[number]
            state.words = found.words()
            has_ceiling = high is not None and found.first == 0 and found.bits is None
            state.flags |= L.FEASIBLE | (L.CEILING if has_ceiling else 0)
            self.block.needed = max(self.block.needed, top - found.last if has_ceiling else top)

    def _steps(self) -> tuple[dict[int, list[tuple[int, bool]]], list[int]]:
        """The edges of the loop, and the states in which the pattern may be complete."""
        steps = {
            number: [
                (code & L.TARGET, bool(code >> L.FLAG_SHIFT & L.INC))
                for _, code in self.block.states[number].edges
                if code & L.TARGET in self.numbers
            ]
            for number in self.loop.values()
        }
        return steps, [n for (q, i), n in self.loop.items() if i == 0 and self.pattern and self.pattern.labels[q]]

    def _forget_counts(self) -> None:
        """Have a plain terminal: the pattern sees to the bounds."""
        self.block.kind, self.block.min, self.block.max = L.PLAIN, 0, -1
        for state in self.block.states:
            state.flags &= ~(L.COND | L.INSIDE)
            state.edges = [(mask, code & L.TARGET) for mask, code in state.edges]


def asked(counts: Counts, least: int, most: int) -> Counts | None:
    """What a state reached with counts from `least` to `most` has to ask for; None if it need not ask at all."""
    if counts.bits is not None:
        return counts
    first = 0 if counts.first <= least else counts.first
    return None if first == 0 and counts.last >= most else Counts(first, counts.last)


def lower_repeat(callee: int, loop: Repeat) -> Block:
    """The counted block of a rule repeated."""
    block = Block(L.COUNTED)
    block.min, block.max = bounds(loop.min, loop.max)
    state = block.state(L.FINAL | L.COND)
    block.states[state].calls += ((callee, state | (L.LT | L.INC) << L.FLAG_SHIFT),)
    return block


def lower_items(expr: Items, enclosure: Enclosure | None, limit: int) -> Block:
    """The counted block of an array's items, with what stands around them, if that is given.

    It calls the k-th item as rule k + 1, that of the rest behind them.
    """
    n = len(expr.prefix)
    rest = expr.rest is not None
    top = expr.max if rest else n if expr.max is None else min(n, expr.max)
    block = Block(L.COUNTED)
    block.min, block.max = bounds(expr.min, top)
    separator = machine_of((expr.separator,), limit)
    end = 0 if enclosure else L.FINAL | L.COND
    at = block.state(end)

    def before(k: int) -> list[int]:
        """The states before item k, behind a value or the opening."""
        if enclosure is not None:
            return (enclosure.between if k else enclosure.opening).lay(block, at)
        return block.lay(separator, at, L.LT) if k else [at]

    width = n + rest if top is None else min(n + rest, top)
    for k in range(width):
        ready, at = before(k), block.state(end)
        for state in ready:
            block.states[state].calls = ((k + 1, at | L.INC << L.FLAG_SHIFT),)
    if rest and (top is None or top > n):
        for state in before(n + 1):
            block.states[state].calls = ((n + 1, at | L.INC << L.FLAG_SHIFT),)
    elif enclosure is not None:
        (enclosure.closing if width else enclosure.opening).lay(block, at)
    return block


def spell_out_items(expr: Items) -> Expr:
    """The same list without `Items`: items that may be empty need the alternatives of a plain rule."""
    n = len(expr.prefix)

    def bound(k: int) -> int | None:
        return None if expr.max is None else max(expr.max - k, 0)

    def item(k: int, one: Expr) -> Expr:
        return sequence(expr.separator, one) if k else one

    tail: Expr = EMPTY
    if expr.rest is not None and n:
        tail = Repeat(item(n, expr.rest), max(expr.min - n, 0), bound(n))
    elif expr.rest is not None and expr.max != 0:
        tail = sequence(expr.rest, Repeat(item(1, expr.rest), max(expr.min - 1, 0), bound(1)))
        tail = tail if expr.min else optional(tail)
    for k in reversed(range(n if expr.max is None else min(n, expr.max))):
        tail = sequence(item(k, expr.prefix[k]), tail)
        tail = tail if k < expr.min else optional(tail)
    return tail
