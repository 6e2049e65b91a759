"""Lowering: one rule of the grammar to a block of the pushdown automaton.

Regular rules become byte DFAs (*terminals*; kept process-wide by content, so that every grammar with a JSON string
shares one), rules with calls become deterministic over bytes and calls, and `Members`, `Items`, large repetitions,
guards and lexemes become rules of their own, whose frames carry a payload.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import BudgetExceeded, GrammarError
from ..grammar.fold import alternation
from ..grammar.ir import (
    EMPTY,
    NOTHING,
    Alt,
    And,
    Bytes,
    ByteSet,
    Expr,
    Grammar,
    Guarded,
    Items,
    Lexeme,
    Member,
    Members,
    Ref,
    Repeat,
    Seq,
    Token,
    sequence,
)
from ..grammar.machine import Machine
from ..grammar.merge import merged
from . import _layout_kernels as L
from .block import Block, Lowered
from .counted import counted_parts, lower_counted, lower_items, lower_repeat, spell_out_items
from .literal_block import literal_words, lower_literals
from .machines import machine_of
from .members import lower_members
from .subset import CallNfa, holds_big, is_big, is_plain, lower_calls

#: Terminals kept process-wide, by content.
TERMINALS_KEPT = 4096
#: Times the limit of states that unrolling a repetition after all may take on the way, where the bytes do not tell how
#: an item ends; the minimal machine is far smaller.
UNROLLED_FACTOR = 2
_terminals: OrderedDict[tuple[Expr, int, bool], Lowered] = OrderedDict()
#: The same by identity, for the expressions that front ends share: id -> (expression, kept alive, limit, block).
_terminals_by_id: dict[int, tuple[Expr, int, Lowered]] = {}
#: Parts of a sequence: bytes, or a rule by its place among the different ones, and whether it may be empty.
Shape: TypeAlias = Expr | tuple[int, bool]
#: A block whose calls are places, and where these stand in its list.
Frame: TypeAlias = tuple[Lowered, NDArray[np.intp]]
_frames: OrderedDict[tuple[tuple[Shape, ...], int], Frame] = OrderedDict()
_CALLED = (Ref, Members, Items)
_FRAMED = (Bytes, ByteSet, *_CALLED)


class Lowerer:
    """Numbers the rules of a grammar and lowers them one by one.

    `rule_id(expr)` numbers an expression as a rule; `nullable(expr)` must be exact for every `Ref`.
    """

    def __init__(
        self,
        grammar: Grammar,
        nullable: Callable[[Expr], bool],
        token_id: Callable[[Token], int],
        limit: int,
    ) -> None:
        self.grammar = grammar
        self.nullable = nullable
        self.token_id = token_id
        self.limit = limit
        #: Rule id -> expression; id 0 is the bottom of the stack.
        self.rules: list[Expr] = [Ref("")]
        #: Rule id -> name, for explanations.
        self.names: list[str] = [""]
        self.checks: list[Guarded] = []
        self._ids: dict[Expr | int, int] = {}

    def rule_id(self, expr: Expr, name: str = "") -> int:
        """The rule's number; equal expressions share one, objects and lists if they are the same."""
        key = id(expr) if isinstance(expr, Members | Items) else expr  # kept alive in `rules`
        known = self._ids.get(key)
        if known is None:
            known = self._ids[key] = len(self.rules)
            self.rules.append(expr)
            self.names.append(expr.rule if isinstance(expr, Ref) else name)
        return known

    def body(self, rule: int) -> Expr:
        """The expression of a rule, references followed."""
        return self._followed(self.rules[rule])

    def _followed(self, expr: Expr) -> Expr:
        while isinstance(expr, Ref):
            name = expr.rule
            try:
                expr = self.grammar.rules[name]
            except KeyError:
                raise GrammarError(f"Expected a rule named {name!r}; there is none.") from None
        return expr

    def key_order(self, rule: int) -> list[Member]:
        """The declared keys of a `Members` rule as the automaton numbers them: forbidden ones last."""
        expr = self.body(rule)
        assert isinstance(expr, Members)
        return sorted(expr.keys, key=lambda member: member.value == NOTHING)

    def lower(self, rule: int) -> Lowered:
        """Lower a rule."""
        expr = self.body(rule)
        name = self.names[rule]
        known = _terminals_by_id.get(id(expr))
        if known is not None and known[1] == self.limit:
            return known[2]
        match expr:
            case Members():
                expr = self._solid_members(expr)
                values = [-1 if m.value == NOTHING else self.rule_id(m.value, name) for m in expr.keys]
                others = [self.rule_id(o.value, name) for o in expr.other]
                return lower_members(expr, values, others, self.limit).finish()
            case Items() if any(map(self.nullable, (*expr.prefix, *([expr.rest] if expr.rest is not None else [])))):
                return self._calls(spell_out_items(expr), name)
            case Items():
                prefix = [self.rule_id(item, name) for item in expr.prefix]
                rest = None if expr.rest is None else self.rule_id(expr.rest, name)
                return lower_items(expr, prefix, rest, self.limit).finish()
            case Guarded():
                return self._guarded(expr, name)
            case Lexeme():
                return _terminal(expr, self.limit)
            case Alt(items) if any(isinstance(item, Ref) for item in items):
                ways = merged(items, self._followed)
                expr = expr if len(ways) == len(items) else alternation(ways)
        if is_plain(expr):
            lowered = self._regular(expr, name)
            if lowered is not None:
                if lowered.terminal and len(_terminals_by_id) < TERMINALS_KEPT:
                    _terminals_by_id[id(expr)] = (expr, self.limit, lowered)
                return lowered
        return self._calls(expr, name)

    def _solid_members(self, expr: Members) -> Members:
        """The same members, the colons moved into the values if one of these may be empty: a callee takes a byte."""
        values = [*(m.value for m in expr.keys), *(o.value for o in expr.other)]
        if not any(self.nullable(value) for value in values if value != NOTHING):
            return expr
        keys = tuple(replace(m, value=sequence(expr.colon, m.value)) for m in expr.keys)
        other = tuple(replace(o, value=sequence(expr.colon, o.value)) for o in expr.other)
        return replace(expr, keys=keys, other=other, colon=EMPTY)

    def _guarded(self, expr: Guarded, name: str) -> Lowered:
        block = Block()
        block.guard = len(self.checks)
        self.checks.append(expr)
        start = block.state()
        end = block.state(L.FINAL | L.GUARD)
        block.states[start].calls += ((self.rule_id(expr.expr, name), end),)
        return block.finish()

    def _regular(self, expr: Expr, name: str) -> Lowered | None:
        if counted_parts(expr) is not None:
            try:
                return _terminal(expr, self.limit, counted=True)
            except _Ambiguous:
                pass
        if not holds_big(expr):
            return _terminal(expr, self.limit)
        try:
            return _terminal(expr, UNROLLED_FACTOR * self.limit)
        except BudgetExceeded:
            if isinstance(expr, And):
                raise
        return None

    def _calls(self, expr: Expr, name: str) -> Lowered:
        if isinstance(expr, Repeat) and is_big(expr):
            return lower_repeat(self.rule_id(expr.item, name), expr).finish()
        if isinstance(expr, Seq) and (lowered := self._frame(expr, name)) is not None:
            return lowered
        nfa = CallNfa(lambda part: self.rule_id(part, name), self.nullable, self.token_id, self.limit)
        return lower_calls(nfa, expr).finish()

    def _frame(self, expr: Seq, name: str) -> Lowered | None:
        """The block of a sequence of bytes and rules, from a template; None if it has other parts."""
        plain = [item for item in expr.items if not isinstance(item, _FRAMED)]
        if not all(isinstance(item, Repeat) and is_plain(item) and not holds_big(item) for item in plain):
            return None
        rules = [self.rule_id(item, name) for item in expr.items if isinstance(item, _CALLED)]
        callees = list(dict.fromkeys(rules))
        shape = tuple(
            (callees.index(self.rule_id(item, name)) + 1, self.nullable(item)) if isinstance(item, _CALLED) else item
            for item in expr.items
        )
        frame = _frames.get((shape, self.limit))
        if frame is None:
            frame = _frames[shape, self.limit] = _make_frame(expr, shape, self.limit)
            if len(_frames) > TERMINALS_KEPT:
                _frames.popitem(last=False)
        lowered, calls = frame
        flat = lowered.flat.copy()
        flat[calls] = np.array(callees, np.int32)[flat[calls] - 1]
        return replace(lowered, flat=flat)


def _make_frame(expr: Seq, shape: tuple[Shape, ...], limit: int) -> Frame:
    places = {id(item): part for item, part in zip(expr.items, shape, strict=True) if isinstance(part, tuple)}
    nfa = CallNfa(lambda part: places[id(part)][0], lambda part: places[id(part)][1], _no_token, limit)
    lowered = lower_calls(nfa, expr).finish()
    calls = [at + 2 * k for at, n in lowered.records[:, [L.S_CALLS, L.S_NCALLS]].tolist() for k in range(n)]
    return lowered, np.array(calls, np.intp)


def _no_token(token: Token) -> int:
    raise AssertionError(f"Expected no token in a frame, got {token}.")


class _Ambiguous(Exception):
    """The bytes of a counted terminal do not tell where an item ends."""


def _terminal(expr: Expr, limit: int, counted: bool = False) -> Lowered:
    """The block of a terminal, from the process-wide store if it is there."""
    key = (expr, limit, counted)
    found = _terminals.get(key)
    if found is None:
        found = _lower_counted(expr, limit) if counted else _lower_machine(expr, limit)
        _terminals[key] = found
        while len(_terminals) > TERMINALS_KEPT:
            _terminals.popitem(last=False)
    else:
        _terminals.move_to_end(key)
    return found


def _lower_counted(expr: Expr, limit: int) -> Lowered:
    parts = counted_parts(expr)
    block = lower_counted(*parts, limit) if parts else None
    if block is None:
        raise _Ambiguous
    return block.finish()


def _lower_machine(expr: Expr, limit: int) -> Lowered:
    if words := literal_words(expr):
        return lower_literals(words)
    machine = machine_of((expr,), limit)
    block = machine_block(machine)
    if isinstance(expr, Lexeme):
        block.lexeme = True
        block.priority = expr.priority
    return block.finish()


def machine_block(machine: Machine) -> Block:
    """The block of a byte machine."""
    block = Block()
    for label in machine.labels:
        block.state(L.FINAL if label else 0)
    for q, row in enumerate(machine.rows):
        block.states[q + 1].edges = [(mask, t + 1) for t, mask in row.items()]
    return block
