"""Rules with calls: from an expression to a deterministic block.

A rule's automaton reads bytes, calls (other rules) and special tokens. Thompson's construction and the subset
construction treat a call as one more symbol; so a block is deterministic over bytes and over calls, and what is
ambiguous between the two is left to the configurations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..errors import BudgetExceeded
from ..grammar.ir import (
    Alt,
    Bytes,
    ByteSet,
    CodePointSet,
    Expr,
    Guarded,
    Items,
    Lexeme,
    Members,
    Ref,
    Repeat,
    Seq,
    Spelled,
    Token,
    Written,
    children,
    over_bytes,
)
from . import _layout_kernels as L
from .block import Block
from .machines import machine_of

#: Unrolled copies of a repetition's item that a rule may hold; beyond, it becomes a counted rule.
UNROLL = 16


def is_big(expr: Repeat) -> bool:
    """Whether a repetition is counted instead of unrolled."""
    return max(expr.min, expr.max or 0) > UNROLL


class CallNfa:
    """A nondeterministic automaton over bytes, calls and tokens.

    `call` gives the id of the rule for an expression that becomes a rule of its own, `nullable` tells whether that rule
    matches the empty string, `token_id` finds a special token.
    """

    def __init__(
        self,
        call: Callable[[Expr], int],
        nullable: Callable[[Expr], bool],
        token_id: Callable[[Token], int],
        limit: int,
    ) -> None:
        self.edges: list[list[tuple[int, int]]] = []
        self.calls: list[list[tuple[int, int]]] = []
        self.tokens: list[list[tuple[int, int]]] = []
        self.empty: list[list[int]] = []
        self.call = call
        self.nullable = nullable
        self.token_id = token_id
        self.limit = limit

    def state(self) -> int:
        """Add a state."""
        if len(self.edges) > 8 * self.limit:
            raise BudgetExceeded("states of a rule", self.limit)
        for table in (self.edges, self.calls, self.tokens, self.empty):
            table.append([])
        return len(self.edges) - 1

    def build(self, expr: Expr, start: int) -> int:
        """Read `expr` from `start`; returns the state behind it."""
        match expr:
            case Bytes(data):
                for byte in data:
                    start = self._edge(start, 1 << byte)
                return start
            case ByteSet(mask):
                return self._edge(start, mask)
            case Seq(items):
                for item in items:
                    start = self.build(item, start)
                return start
            case Alt(items):
                if len(items) > 8 and is_plain(expr):
                    return self._regular(expr, start)
                end = self.state()
                for item in items:
                    self.empty[self.build(item, start)].append(end)
                return end
            case Repeat() if not is_big(expr):
                return self._repeat(expr, start)
            case Token():
                end = self.state()
                self.tokens[start].append((self.token_id(expr), end))
                return end
            case Ref() | Lexeme():
                return self._call(expr, start)
            case Written():
                return self.build(over_bytes(expr), start)
        if is_plain(expr) and not isinstance(expr, Repeat) and not holds_big(expr):
            return self._regular(expr, start)
        return self._call(expr, start)

    def _edge(self, start: int, mask: int) -> int:
        end = self.state()
        if mask:
            self.edges[start].append((mask, end))
        return end

    def _call(self, expr: Expr, start: int) -> int:
        end = self.state()
        self.calls[start].append((self.call(expr), end))
        if self.nullable(expr):
            self.empty[start].append(end)
        return end

    def _repeat(self, expr: Repeat, start: int) -> int:
        for _ in range(expr.min):
            start = self.build(expr.item, start)
        if expr.max is None:
            loop = self.state()
            self.empty[start].append(loop)
            self.empty[self.build(expr.item, loop)].append(loop)
            return loop
        end = self.state()
        for _ in range(expr.max - expr.min):
            self.empty[start].append(end)
            start = self.build(expr.item, start)
        self.empty[start].append(end)
        return end

    def _regular(self, expr: Expr, start: int) -> int:
        machine = machine_of((expr,), self.limit)
        base = [self.state() for _ in machine.rows]
        end = self.state()
        self.empty[start].append(base[0])
        for q, row, label in zip(base, machine.rows, machine.labels, strict=True):
            self.edges[q] += [(mask, base[t]) for t, mask in row.items()]
            if label:
                self.empty[q].append(end)
        return end

    def closure(self, states: frozenset[int]) -> frozenset[int]:
        """All states that empty moves reach."""
        seen = set(states)
        stack = list(states)
        while stack:
            for t in self.empty[stack.pop()]:
                if t not in seen:
                    seen.add(t)
                    stack.append(t)
        return frozenset(seen)


def is_plain(expr: Expr) -> bool:
    """Whether an expression is regular and holds no lexeme, so that it may be merged with what stands beside it."""
    return _kind(expr) > 0


def holds_big(expr: Expr) -> bool:
    """Whether a counted repetition lies in a plain expression."""
    return _kind(expr) == _BIG


_LEAVES = frozenset((Bytes, ByteSet, CodePointSet, Spelled))
_NEVER_PLAIN = frozenset((Ref, Token, Lexeme, Guarded, Members, Items))
#: What an expression is at most.
_OTHER, _PLAIN, _BIG = range(3)


def _kind(expr: Expr) -> int:
    """Whether an expression is plain, and whether it holds a counted repetition."""
    if type(expr) in _LEAVES:
        return _PLAIN
    if type(expr) in _NEVER_PLAIN:
        return _OTHER
    known: int | None = getattr(expr, "kind", None)
    if known is not None:
        return known
    kind = _BIG if isinstance(expr, Repeat) and is_big(expr) else _PLAIN
    parts = expr.items if isinstance(expr, Seq | Alt) else (expr.expr,) if isinstance(expr, Written) else children(expr)
    for child in parts:
        if type(child) not in _LEAVES and (inner := _kind(child)) != _PLAIN:
            kind = inner
            if kind == _OTHER:
                break
    object.__setattr__(expr, "kind", kind)
    return kind


def lower_calls(nfa: CallNfa, expr: Expr) -> Block:
    """The deterministic block of an expression that calls other rules."""
    start = nfa.state()
    end = nfa.build(expr, start)
    block = Block()
    known: dict[frozenset[int], int] = {}
    waiting: list[frozenset[int]] = []

    def number(states: frozenset[int]) -> int:
        closed = nfa.closure(states)
        if closed not in known:
            if len(known) > nfa.limit:
                raise BudgetExceeded("states of a rule", nfa.limit)
            known[closed] = block.state(L.FINAL if end in closed else 0)
            waiting.append(closed)
        return known[closed]

    number(frozenset([start]))
    while waiting:
        states = waiting.pop()
        made = block.states[known[states]]
        for mask, targets in split_edges([e for q in states for e in nfa.edges[q]]):
            made.edges.append((mask, number(targets)))
        for symbol, targets in group(e for q in states for e in nfa.calls[q]):
            made.calls += ((symbol, number(targets)),)
        for symbol, targets in group(e for q in states for e in nfa.tokens[q]):
            made.tokens += ((symbol, number(targets)),)
    return block


def group(edges: Iterable[tuple[int, int]]) -> list[tuple[int, frozenset[int]]]:
    """The targets of each symbol, by symbol."""
    found: dict[int, set[int]] = {}
    for symbol, target in edges:
        found.setdefault(symbol, set()).add(target)
    return sorted((symbol, frozenset(targets)) for symbol, targets in found.items())


def split_edges(edges: list[tuple[int, int]]) -> list[tuple[int, frozenset[int]]]:
    """Disjoint byte sets, each with all its targets."""
    if len(edges) == 1:
        return [(edges[0][0], frozenset([edges[0][1]]))]
    parts: list[tuple[int, frozenset[int]]] = []
    for mask, target in edges:
        rest = mask
        split = []
        for part, targets in parts:
            both = part & rest
            if both:
                split.append((both, targets | {target}))
                if part ^ both:
                    split.append((part ^ both, targets))
                rest ^= both
            else:
                split.append((part, targets))
        if rest:
            split.append((rest, frozenset([target])))
        parts = split
    return parts
