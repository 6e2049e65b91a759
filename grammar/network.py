"""Rule network: every rule a deterministic automaton over symbols, with nothing rewritten.

A symbol is a terminal (a class of bytes, or a lexeme) or a call of a rule. Rules stay as their author wrote them: left
recursion, ambiguity and all. Laid out as
    terminals  n_terminals       mask of bytes, or a `Lexeme`; the masks are disjoint
    rows       rule -> state -> {symbol: next state}
    final      rule -> state -> whether the rule may end there
Symbol s >= 0 is terminal s; s < 0 is a call of rule ~s. State 0 is the start of its rule; rule 0 that of the grammar.

Laws
    1. A sequence of symbols that a rule may consist of is one path: two derivations of a text differ in rules, places
       or lexemes, never in which way a regular expression was read.
    2. With `whole_lexemes` lexemes are symbols; without, they are read byte by byte, and nothing is munched.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..errors import BudgetExceeded, UnsupportedFeature
from .alphabet import refine
from .analysis import reachable
from .ir import Alt, And, Bytes, ByteSet, Expr, Grammar, Lexeme, Not, Ref, Repeat, Seq, Spelled, Written, over_bytes
from .machine import Machine
from .nfa import determinize

#: States that one rule may need unless told otherwise.
DEFAULT_STATES = 50_000

#: What a state of a rule reads: a mask of bytes, a lexeme, or the name of a rule.
Label = int | Lexeme | str


@dataclass(frozen=True)
class Network:
    """The rules of a grammar as automata; see the module for the layout."""

    names: list[str]
    terminals: list[int | Lexeme]
    rows: list[list[dict[int, int]]]
    final: list[list[bool]]

    @cached_property
    def nullable(self) -> list[bool]:
        """Whether each rule matches the empty string."""
        found = [False] * len(self.names)
        changed = True
        while changed:
            changed = False
            for rule, known in enumerate(found):
                if not known and any(self.final[rule][q] for q in self.silent(rule, 0, found)):
                    found[rule] = changed = True
        return found

    def silent(self, rule: int, state: int, nullable: list[bool]) -> list[int]:
        """The states that calls of nullable rules lead to, `state` first."""
        seen = [state]
        for q in seen:
            seen += [t for s, t in self.rows[rule][q].items() if s < 0 and nullable[~s] and t not in seen]
        return seen


def network(grammar: Grammar, *, whole_lexemes: bool = False, limit: int = DEFAULT_STATES) -> Network:
    """The network of the rules that the start needs.

    Raises
    ------
    UnsupportedFeature : a rule holds a guard, a special token, or the members or items of a JSON value.
    BudgetExceeded : a rule needs more than `limit` states.
    """
    rules = reachable(grammar.rules, grammar.start)
    number = {name: k for k, name in enumerate(rules)}
    drafts = [_Draft(name, body, whole_lexemes, limit).rows() for name, body in rules.items()]
    labels = {label for rows, _ in drafts for row in rows for label, _ in row}
    classes = refine(label for label in labels if isinstance(label, int))
    used = [mask for mask in classes if any(mask & label for label in labels if isinstance(label, int))]
    lexemes = sorted((label for label in labels if isinstance(label, Lexeme)), key=lambda each: each.name)
    symbols: dict[Label, list[int]] = {name: [~k] for name, k in number.items()}
    symbols |= {lexeme: [len(used) + k] for k, lexeme in enumerate(lexemes)}
    symbols |= {m: [k for k, each in enumerate(used) if each & m] for m in labels if isinstance(m, int)}
    rows = [[{s: t for label, t in row for s in symbols[label]} for row in states] for states, _ in drafts]
    return Network(list(rules), [*used, *lexemes], rows, [final for _, final in drafts])


class _Draft:
    """One rule under construction: a nondeterministic automaton over labels."""

    def __init__(self, name: str, body: Expr, whole_lexemes: bool, limit: int) -> None:
        self.name, self.whole_lexemes, self.limit = name, whole_lexemes, limit
        self.edges: list[list[tuple[Label, int]]] = []
        self.empty: list[list[int]] = []
        self.start = self.state()
        self.end = self.build(body, self.start)

    def state(self) -> int:
        if len(self.edges) > 8 * self.limit:
            raise BudgetExceeded(f"states of rule {self.name}", self.limit)
        self.edges.append([])
        self.empty.append([])
        return len(self.edges) - 1

    def read(self, label: Label, start: int) -> int:
        end = self.state()
        self.edges[start].append((label, end))
        return end

    def build(self, expr: Expr, start: int) -> int:
        """Read `expr` from `start`; returns the state behind it."""
        match expr:
            case Bytes(data):
                for byte in data:
                    start = self.read(1 << byte, start)
                return start
            case ByteSet(mask):
                return self.read(mask, start)
            case Ref(rule):
                return self.read(rule, start)
            case Lexeme(inner):
                return self.read(expr, start) if self.whole_lexemes else self.build(inner, start)
            case Seq(items):
                for item in items:
                    start = self.build(item, start)
                return start
            case Alt(items):
                end = self.state()
                for item in items:
                    self.empty[self.build(item, start)].append(end)
                return end
            case Repeat():
                return self.repeat(expr, start)
            case And() | Not() | Spelled():
                return self.splice(determinize([expr], self.limit), start)
            case Written():
                return self.build(over_bytes(expr), start)
        kind = type(expr).__name__
        raise UnsupportedFeature(f"Rule `{self.name}` holds a part of kind {kind}, which is no rule over text alone.")

    def repeat(self, expr: Repeat, start: int) -> int:
        for _ in range(expr.min):
            start = self.build(expr.item, start)
        end = self.state()
        if expr.max is None:
            loop = self.state()
            self.empty[start].append(loop)
            self.empty[self.build(expr.item, loop)].append(loop)
            self.empty[loop].append(end)
            return end
        for _ in range(expr.max - expr.min):
            self.empty[start].append(end)
            start = self.build(expr.item, start)
        self.empty[start].append(end)
        return end

    def splice(self, machine: Machine, start: int) -> int:
        base = [self.state() for _ in machine.rows]
        end = self.state()
        self.empty[start].append(base[0])
        for q, row, label in zip(base, machine.rows, machine.labels, strict=True):
            self.edges[q] += [(mask, base[t]) for t, mask in row.items()]
            if label:
                self.empty[q].append(end)
        return end

    def closure(self, states: frozenset[int]) -> frozenset[int]:
        seen, stack = set(states), list(states)
        while stack:
            fresh = [t for t in self.empty[stack.pop()] if t not in seen]
            seen.update(fresh)
            stack += fresh
        return frozenset(q for q in seen if self.edges[q] or q == self.end)

    def rows(self) -> tuple[list[list[tuple[Label, int]]], list[bool]]:
        """The subset construction: for each state its labelled moves, and whether it is final."""
        first = self.closure(frozenset([self.start]))
        number = {first: 0}
        rows: list[list[tuple[Label, int]]] = []
        for states in (order := [first]):
            row = []
            for label, targets in _moves([edge for q in states for edge in self.edges[q]]):
                after = self.closure(targets)
                if after not in number:
                    number[after] = len(order)
                    order.append(after)
                row.append((label, number[after]))
            rows.append(row)
            if len(order) > self.limit:
                raise BudgetExceeded(f"states of rule {self.name}", self.limit)
        return rows, [self.end in states for states in order]


def _moves(edges: list[tuple[Label, int]]) -> list[tuple[Label, frozenset[int]]]:
    """The labels, those of bytes cut into disjoint masks, each with all that it leads to."""
    reached: dict[Hashable, set[int]] = {}
    masks: list[tuple[int, set[int]]] = []
    for label, target in edges:
        if not isinstance(label, int):
            reached.setdefault(label, set()).add(target)
            continue
        masks = _cut(masks, label, target)
    merged: Mapping[frozenset[int], int] = {}
    for mask, targets in masks:
        merged = {**merged, frozenset(targets): merged.get(frozenset(targets), 0) | mask}
    found: list[tuple[Label, frozenset[int]]] = [(mask, targets) for targets, mask in merged.items()]
    return found + [(label, frozenset(targets)) for label, targets in reached.items()]  # type: ignore[misc]


def _cut(parts: list[tuple[int, set[int]]], mask: int, target: int) -> list[tuple[int, set[int]]]:
    """Disjoint masks with their targets, after one more edge."""
    split: list[tuple[int, set[int]]] = []
    for part, targets in parts:
        both = part & mask
        if both:
            split.append((both, targets | {target}))
        if part != both:
            split.append((part & ~both, targets))
        mask &= ~both
    return [*split, (mask, {target})] if mask else split
