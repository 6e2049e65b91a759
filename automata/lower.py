"""Lowering: one rule of the grammar to a block of the pushdown automaton.

Regular rules become byte DFAs (*terminals*; kept process-wide by content, so that every grammar with a JSON string
shares one), rules with calls become deterministic over bytes and calls, and `Members`, `Items`, large repetitions,
guards and lexemes become rules of their own, whose frames carry a payload.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace

from ..errors import BudgetExceeded, GrammarError, UnsupportedFeature
from ..grammar.fold import alternation, concatenation, is_nothing
from ..grammar.ir import (
    EMPTY,
    Alt,
    And,
    Bytes,
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
    Spelled,
    Token,
)
from ..grammar.machine import Machine
from ..grammar.merge import merged
from ..grammar.nfa import words_of
from . import _layout_kernels as L
from .block import Block
from .counted import counted_parts, lower_counted, lower_items, lower_repeat, spell_out_items
from .determinize import MoveTable, machine_or_table
from .enclosure import Enclosure, enclosed
from .frames import Frames
from .literal_block import lower_literals
from .lowered import Lowered
from .members import lower_members
from .subset import CallNfa, holds_big, is_big, is_plain, lower_calls
from .written_block import lower_written, plainly, written_in

#: Terminals kept process-wide, by content.
TERMINALS_KEPT = 4096
#: Times the limit of states that unrolling a repetition after all may take on the way, where the bytes do not tell how
#: an item ends; the minimal machine is far smaller.
UNROLLED_FACTOR = 2
_terminals: OrderedDict[tuple[Expr, int], Lowered] = OrderedDict()
#: The same by identity, for the expressions that front ends share: id -> (expression, kept alive, limit, block).
_terminals_by_id: dict[int, tuple[Expr, int, Lowered]] = {}
#: Loops by what stands before, in and behind them: those that differ in the bounds alone share their tables.
_loops: OrderedDict[tuple[Expr, Expr, Expr, int], Lowered] = OrderedDict()
_numbers = itertools.count()
_frames = Frames()
_CALLED = (Ref, Members, Items, Guarded, Lexeme)


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
        self._ids: dict[Expr | int | str, int] = {}

    def rule_id(self, expr: Expr, name: str = "") -> int:
        """The rule's number; equal expressions share one, objects and lists if they are the same."""
        key: Expr | int | str = expr
        if isinstance(expr, Ref):
            key = expr.rule
        elif isinstance(expr, Members | Items):
            key = id(expr)  # kept alive in `rules`
        known = self._ids.setdefault(key, len(self.rules))
        if known == len(self.rules):
            self.rules.append(expr)
            self.names.append(expr.rule if isinstance(expr, Ref) else name)
        return known

    def heavy_rules(self) -> list[int]:
        """The rules numbered so far of which the grammar says that they take long."""
        return [self._ids[name] for name in self.grammar.heavy if name in self._ids]

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

    def container(self, rule: int) -> Members | Items | None:
        """The members or the items that a rule consists of, what stands around them aside."""
        expr = self.body(rule)
        found = enclosed(expr, self.limit) if isinstance(expr, Seq) else None
        return found[0] if found else expr if isinstance(expr, Members | Items) else None

    def key_order(self, rule: int) -> list[Member]:
        """The declared keys of a rule of members as the automaton numbers them: forbidden ones last."""
        members = self.container(rule)
        assert isinstance(members, Members)
        return sorted(members.keys, key=lambda member: is_nothing(member.value))

    def lower(self, rule: int) -> Lowered:
        """Lower a rule."""
        expr = self.body(rule)
        name = self.names[rule]
        known = _terminals_by_id.get(id(expr))
        if known is not None and known[1] == self.limit:
            return known[2]
        match expr:
            case Members():
                return self._members(expr, name)
            case Items():
                return self._items(expr, name)
            case Seq() if (lowered := self._enclosed(expr, name)) is not None:
                return lowered
            case Guarded():
                return self._guarded(expr, name)
            case Lexeme() if (lexeme := self._regular(expr)) is not None:
                return lexeme
            case Alt(items) if any(isinstance(item, Ref) for item in items):
                ways = merged(items, self._followed)
                expr = expr if len(ways) == len(items) else alternation(ways)
        if is_plain(expr):
            lowered = self._regular(expr)
            if lowered is not None:
                if lowered.terminal and len(_terminals_by_id) < TERMINALS_KEPT:
                    _terminals_by_id[id(expr)] = (expr, self.limit, lowered)
                return lowered
        return self._calls(expr, name)

    def _enclosed(self, expr: Seq, name: str) -> Lowered | None:
        """Members or items, with what stands around them; None if the expression is something else."""
        found = enclosed(expr, self.limit)
        if found is None:
            return None
        body, enclosure = found
        if isinstance(body, Items):
            values = body.prefix if body.rest is None else (*body.prefix, body.rest)
            return None if any(map(self.nullable, values)) else self._items(body, name, enclosure)
        try:
            return self._members(body, name, enclosure)
        except UnsupportedFeature:  # what encloses them begins like a key
            return None

    def _members(self, expr: Members, name: str, enclosure: Enclosure | None = None) -> Lowered:
        values = [m.value for m in expr.keys if not is_nothing(m.value)]
        values += [o.value for o in expr.other]
        if any(map(self.nullable, values)):
            expr = _solid_members(expr)
            values = [m.value for m in expr.keys if not is_nothing(m.value)]
            values += [o.value for o in expr.other]
        keys = tuple([(_text(m.key), m.required, is_nothing(m.value)) for m in expr.keys])
        other = tuple([o.key for o in expr.other])
        key = keys, other, expr.order, expr.colon, expr.comma, expr.min, expr.max, expr.distinct, enclosure, self.limit
        callees = [self.rule_id(value, name) for value in values]
        return _frames.lowered(key, callees, lambda: lower_members(expr, enclosure, self.limit))

    def _items(self, expr: Items, name: str, enclosure: Enclosure | None = None) -> Lowered:
        values = expr.prefix if expr.rest is None else (*expr.prefix, expr.rest)
        if any(map(self.nullable, values)):
            return self._calls(spell_out_items(expr), name)
        key = len(expr.prefix), len(values), expr.min, expr.max, expr.separator, enclosure, self.limit
        callees = [self.rule_id(value, name) for value in values]
        return _frames.lowered(key, callees, lambda: lower_items(expr, enclosure, self.limit).finish())

    def _guarded(self, expr: Guarded, name: str) -> Lowered:
        block = Block()
        block.guard = len(self.checks)
        self.checks.append(expr)
        start = block.state()
        end = block.state(L.FINAL | L.GUARD)
        block.states[start].calls += ((self.rule_id(expr.expr, name), end),)
        return block.finish()

    def _regular(self, expr: Expr) -> Lowered | None:
        """The block of a terminal, from the process-wide store if it is there; None if that takes too many states."""
        key = expr, self.limit
        found = _terminals.get(key)
        if found is not None:
            _terminals.move_to_end(key)
            return found
        found = self._terminal(expr)
        if found is not None:
            _terminals[key] = found
            while len(_terminals) > TERMINALS_KEPT:
                _terminals.popitem(last=False)
        return found

    def _terminal(self, expr: Expr) -> Lowered | None:
        text = written_in(expr)
        if text is not None:
            try:
                found = lower_written(expr, self._room(expr))
            except BudgetExceeded:
                if isinstance(text.expr, And) or not holds_big(expr):
                    raise
                return None
            if found is not None:
                return found
            expr = plainly(expr)
        found = _lower_counted(expr, self.limit)
        if found is not None:
            return found
        try:
            return _lower_machine(expr, self._room(expr))
        except BudgetExceeded:
            if isinstance(expr, And) or not holds_big(expr):
                raise
        return None

    def _room(self, expr: Expr) -> int:
        """The states that a terminal may take on the way."""
        return UNROLLED_FACTOR * self.limit if holds_big(expr) else self.limit

    def _calls(self, expr: Expr, name: str) -> Lowered:
        if isinstance(expr, Repeat) and is_big(expr):
            return lower_repeat(self.rule_id(expr.item, name), expr).finish()
        called: dict[int, tuple[int, bool]] = {}
        places: dict[int, int] = {}
        shape = self._shape(expr, name, called, places)
        if shape is not None:
            return _frames.lowered((shape, self.limit), list(places), lambda: _of_shape(expr, called, self.limit))
        nfa = CallNfa(lambda part: self.rule_id(part, name), self.nullable, self.token_id, self.limit)
        return lower_calls(nfa, expr).finish()

    def _shape(
        self, expr: Expr, name: str, called: dict[int, tuple[int, bool]], places: dict[int, int]
    ) -> Hashable | None:
        """What an expression is but for the rules that it calls; None if it has parts that only these tell apart.

        `called`: by identity of a part, its place among the different rules, and whether it may be empty; `places`: the
        place of each rule.
        """
        if isinstance(expr, _CALLED):
            place = places.setdefault(self.rule_id(expr, name), len(places) + 1)
            called[id(expr)] = place, self.nullable(expr)
            return called[id(expr)]
        if is_plain(expr):
            return None if holds_big(expr) else expr
        if isinstance(expr, Seq | Alt):
            parts: list[Hashable] = [isinstance(expr, Seq)]
            for item in expr.items:
                part = self._shape(item, name, called, places)
                if part is None:
                    return None
                parts.append(part)
            return tuple(parts)
        return None


def _text(key: Bytes | Spelled) -> bytes | str:
    """What makes a key, of which Python knows the hash."""
    return key.data if isinstance(key, Bytes) else key.text


def _solid_members(expr: Members) -> Members:
    """The same members, the colons moved into the values, as one of these may be empty: a callee takes a byte."""
    keys = tuple(replace(m, value=concatenation((expr.colon, m.value))) for m in expr.keys)
    other = tuple(replace(o, value=concatenation((expr.colon, o.value))) for o in expr.other)
    return replace(expr, keys=keys, other=other, colon=EMPTY)


def _of_shape(expr: Expr, called: dict[int, tuple[int, bool]], limit: int) -> Lowered:
    """The block of an expression whose rules are places."""
    nfa = CallNfa(lambda part: called[id(part)][0], lambda part: called[id(part)][1], _no_token, limit)
    return lower_calls(nfa, expr).finish()


def _no_token(token: Token) -> int:
    raise AssertionError(f"Expected no token in a frame, got {token}.")


def _lower_counted(expr: Expr, limit: int) -> Lowered | None:
    """The block of a terminal with a loop that is counted; None if there is none, or the bytes do not tell its end."""
    parts = counted_parts(expr)
    if parts is None:
        return None
    before, loop, patterns, after = parts
    key = before, loop.item, after, limit
    like = None if patterns else _loops.get(key)
    if like is not None:
        return like.within(loop.min, loop.max)
    block = lower_counted(before, loop, patterns, after, limit)
    if block is None:
        return None
    lowered = block.finish()
    if patterns:
        return lowered
    states, number = range(1, len(lowered.records) + 1), next(_numbers)
    lowered = _loops[key] = lowered._replace(regions={state: (number, state) for state in states})
    while len(_loops) > TERMINALS_KEPT:
        _loops.popitem(last=False)
    return lowered


def _lower_machine(expr: Expr, limit: int) -> Lowered:
    if (words := words_of(expr)) and (lowered := lower_literals(words)) is not None:
        return lowered
    machine = machine_or_table(expr, limit)
    if isinstance(machine, MoveTable):
        if not isinstance(expr, Lexeme):
            return machine.lowered()
        machine = machine.machine()
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
