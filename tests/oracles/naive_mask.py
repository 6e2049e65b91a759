"""Naive viability: which symbols may follow a prefix, from stacks of expressions.

A stack is a tuple of goals, first one next; what may still follow is what the goals match, one after the other. A
symbol (a byte, or a special token) moves every stack in every way that the IR's definition allows; a regular goal moves
to its Brzozowski derivative and is dropped if that matches nothing. A text is viable if a stack is left, for grammars
in the normal form of `syntagma.grammar.normalize`: there every rule matches something and no rule is left-recursive.

A guard rides along as a goal that holds the text of its value so far. `eager` asks it as soon as nothing can be added
to the value; otherwise it is asked when the next symbol, or the end, comes behind the value. Either is right.

A lexeme counts as its expression; `naive_lexer` has the longest match. Source: Brzozowski 1964.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from oracles.naive_grammar import _followers, _may_end, _Seen

from syntagma.grammar.ir import (
    EMPTY,
    NOTHING,
    Alt,
    And,
    Bytes,
    ByteSet,
    Check,
    Expr,
    Grammar,
    Guarded,
    Items,
    Lexeme,
    Members,
    Not,
    Ref,
    Repeat,
    Seq,
    Spelled,
    Token,
    byte_set,
)


@dataclass(frozen=True)
class Close:
    """The end of a guarded value, with its text so far."""

    check: Check
    text: bytes = b""


@dataclass(frozen=True)
class Rest:
    """The rest of an object or a list."""

    node: Members | Items
    seen: _Seen


Goal = Expr | Close | Rest
Stack = tuple[Goal, ...]
#: A byte, or the id of a special token.
Symbol = int | Token


class TooManyStacks(Exception):
    """The grammar is too ambiguous for the oracle."""


#: Stacks that a symbol may lead to.
MANY = 2000


class NaiveMask:
    """The stacks of one grammar in normal form."""

    def __init__(self, grammar: Grammar, ids: dict[str, int] | None = None, *, eager: bool = True) -> None:
        self.rules = grammar.rules
        self.ids = ids or {}
        self.eager = eager
        self.start = frozenset([(Ref(grammar.start),)])

    def after(self, stacks: Iterable[Stack], symbols: Iterable[Symbol]) -> frozenset[Stack]:
        """The stacks behind some more symbols."""
        here = frozenset(stacks)
        for symbol in symbols:
            every = (_grown(there, symbol) for stack in here for there in self.moves(stack, symbol))
            moved = list(islice(every, MANY))
            if len(moved) == MANY:
                raise TooManyStacks
            here = frozenset(settled for stack in moved if (settled := self.settle(stack)) is not None)
        return here

    def accepts(self, stacks: Iterable[Stack]) -> bool:
        """Whether the text may end here."""
        return any(all(self.nullable(goal) for goal in stack) for stack in stacks)

    def settle(self, stack: Stack) -> Stack | None:
        """The stack without goals that can match nothing more; None if a guard among them refuses."""
        while self.eager and stack:
            goal = stack[0]
            if isinstance(goal, Close):
                if not goal.check(goal.text):
                    return None
            elif not self.nullable(goal) or self.starts(goal):
                break
            stack = stack[1:]
        return stack

    def starts(self, goal: Goal) -> bool:
        """Whether anything but the empty text can match."""
        match goal:
            case Rest(node, seen):
                return any(True for _ in _choices(node, seen))
            case Ref(name):
                return self.starts(self.rules[name])
            case Token():
                return True
            case Items() | Members():
                return self.starts(Rest(goal, _Seen()))
            case Guarded(inner):
                return self.starts(inner)
            case _ if is_regular(goal):
                return any(not is_empty(derivative(goal, b)) for b in _bytes_of(goal))
            case Seq(items) | Alt(items):
                return any(map(self.starts, items))
            case Repeat(item, _, most):
                return most != 0 and self.starts(item)
        raise TypeError(goal)

    def nullable(self, goal: Goal) -> bool:
        match goal:
            case Close(check, text):
                return check(text)
            case Rest(node, seen):
                return _may_end(node, seen)
            case Ref(name):
                return self.nullable(self.rules[name])
            case Guarded(inner, check):
                return self.nullable(inner) and check(b"")
            case Items() | Members():
                empty = isinstance(goal, Items) and _first_empty(goal, self)
                return _may_end(goal, _Seen()) or empty
            case Token():
                return False
            case Seq(items):
                return all(map(self.nullable, items))
            case Alt(items):
                return any(map(self.nullable, items))
            case Repeat(item, low):
                return low == 0 or self.nullable(item)
            case _:
                return nullable(goal)

    def moves(self, stack: Stack, symbol: Symbol) -> Iterator[Stack]:
        """All stacks that the symbol leads to."""
        if not stack:
            return
        goal, rest = stack[0], stack[1:]
        match goal:
            case Close(check, text):
                if check(text):
                    yield from self.moves(rest, symbol)
            case Rest(node, seen):
                for pieces, after in _choices(node, seen):
                    yield from self.moves((*pieces, Rest(node, after), *rest), symbol)
                if _may_end(node, seen):
                    yield from self.moves(rest, symbol)
            case Ref(name):
                yield from self.moves((self.rules[name], *rest), symbol)
            case Guarded(inner, check):
                yield from self.moves((inner, Close(check), *rest), symbol)
            case Items() | Members():
                yield from self.moves((Rest(goal, _Seen()), *rest), symbol)
            case Token(id, name):
                mine = id if id is not None else self.ids[name or ""]
                if isinstance(symbol, Token) and symbol.id == mine:
                    yield rest
            case _ if is_regular(goal):
                if isinstance(symbol, int):
                    left = derivative(goal, symbol)
                    if not is_empty(left):
                        yield (left, *rest)
                if nullable(goal):
                    yield from self.moves(rest, symbol)
            case Seq(items):
                yield from self.moves((*items, *rest), symbol)
            case Alt(items):
                for item in items:
                    yield from self.moves((item, *rest), symbol)
            case Repeat(item, low, high):
                if high != 0:
                    more = Repeat(item, max(low - 1, 0), None if high is None else high - 1)
                    yield from self.moves((item, more, *rest), symbol)
                if low == 0:
                    yield from self.moves(rest, symbol)
            case _:
                raise TypeError(goal)


def _first_empty(node: Items, oracle: NaiveMask) -> bool:
    """Whether a list of one empty item is legal."""
    item = node.prefix[0] if node.prefix else node.rest
    one = _Seen(1)
    return item is not None and node.max != 0 and _may_end(node, one) and oracle.nullable(item)


def _grown(stack: Stack, symbol: Symbol) -> Stack:
    added = bytes((symbol,)) if isinstance(symbol, int) else b""
    return tuple(Close(goal.check, goal.text + added) if isinstance(goal, Close) else goal for goal in stack)


def _choices(node: Members | Items, seen: _Seen) -> Iterator[tuple[tuple[Expr, ...], _Seen]]:
    """The ways to go on behind which the rest can still be completed."""
    for pieces, after in _followers(node, seen):
        possible = all(piece != NOTHING and not (is_regular(piece) and is_empty(piece)) for piece in pieces)
        if possible and can_end(node, after):
            yield pieces, after


def can_end(node: Members | Items, seen: _Seen) -> bool:
    """Whether some legal list begins with what has been seen, counted: only numbers of members matter."""
    if isinstance(node, Items):
        most = None if node.rest is not None else len(node.prefix)
        needed = max(0, node.min - seen.total)
    else:
        follow = [
            k
            for k, m in enumerate(node.keys)
            if k not in seen.declared
            and m.value != NOTHING
            and (node.order == "any" or (not seen.others and k > max(seen.declared, default=-1)))
        ]
        missing = [k for k, m in enumerate(node.keys) if m.required and k not in seen.declared]
        if not set(missing) <= set(follow):
            return False
        endless = any(other_possible(node, k) for k in range(len(node.other)))
        most = None if endless else seen.total + len(follow)
        needed = max(len(missing), node.min - seen.total)
    highest = min((bound for bound in (most, node.max) if bound is not None), default=None)
    return highest is None or seen.total + needed <= highest


@lru_cache(maxsize=4096)
def other_possible(node: Members, k: int) -> bool:
    """Whether there is an undeclared key of a kind at all."""
    undeclared = Not(Alt(tuple(member.key for member in node.keys)))
    return node.other[k].value != NOTHING and not is_empty(And((node.other[k].key, undeclared)))


# Regular expressions by derivatives

_REGULAR = (Bytes, ByteSet, And, Not, Spelled, Lexeme)


@lru_cache(maxsize=1 << 16)
def is_regular(expr: Goal) -> bool:
    match expr:
        case Seq(items) | Alt(items) | And(items):
            return all(map(is_regular, items))
        case Repeat(item) | Not(item) | Lexeme(item):
            return is_regular(item)
    return isinstance(expr, _REGULAR)


@lru_cache(maxsize=1 << 16)
def nullable(expr: Expr) -> bool:
    match expr:
        case Bytes(data):
            return not data
        case ByteSet() | Spelled():
            return False
        case Seq(items) | And(items):
            return all(map(nullable, items))
        case Alt(items):
            return any(map(nullable, items))
        case Repeat(item, low, high):
            return (low == 0 or nullable(item)) and (high is None or low <= high)
        case Not(item):
            return not nullable(item)
        case Lexeme(item):
            return nullable(item)
    raise TypeError(expr)


@lru_cache(maxsize=1 << 18)
def derivative(expr: Expr, byte: int) -> Expr:
    """What must follow the byte for `expr` to match."""
    match expr:
        case Bytes(data):
            return Bytes(data[1:]) if data[:1] == bytes((byte,)) else NOTHING
        case ByteSet(mask):
            return EMPTY if mask >> byte & 1 else NOTHING
        case Seq(items):
            if not items:
                return NOTHING
            head = _seq(derivative(items[0], byte), *items[1:])
            return _alt(head, derivative(_seq(*items[1:]), byte)) if nullable(items[0]) else head
        case Alt(items):
            return _alt(*(derivative(item, byte) for item in items))
        case Repeat(item, low, high):
            if high is not None and (high == 0 or low > high):
                return NOTHING
            more = Repeat(item, max(low - 1, 0), None if high is None else high - 1)
            return _seq(derivative(item, byte), EMPTY if more.max == 0 else more)
        case And(items):
            parts = dict.fromkeys(derivative(item, byte) for item in items)
            return NOTHING if NOTHING in parts else And(tuple(parts))
        case Not(item):
            return Not(derivative(item, byte))
        case Lexeme(item):
            return derivative(item, byte)
        case Spelled(text):
            return derivative(spellings(text), byte)
    raise TypeError(expr)


def _seq(*items: Expr) -> Expr:
    flat: list[Expr] = []
    for item in items:
        if item == NOTHING:
            return NOTHING
        flat += item.items if isinstance(item, Seq) else [] if item == Bytes(b"") else [item]
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def _alt(*items: Expr) -> Expr:
    flat: dict[Expr, None] = {}
    for item in items:
        flat.update(dict.fromkeys(item.items if isinstance(item, Alt) else (item,)))
    return next(iter(flat)) if len(flat) == 1 else Alt(tuple(sorted(flat, key=repr)))


@lru_cache(maxsize=1 << 16)
def is_empty(expr: Expr) -> bool:
    """Whether nothing matches: no expression that derivatives lead to is nullable."""
    seen, waiting = {expr}, [expr]
    while waiting:
        top = waiting.pop()
        if nullable(top):
            return False
        for byte in _bytes_of(top):
            left = derivative(top, byte)
            if left not in seen:
                seen.add(left)
                waiting.append(left)
    return True


def _bytes_of(expr: Expr) -> set[int]:
    """One byte of each class that the expression tells apart, and more."""
    found = {0}
    stack = [expr]
    while stack:
        match stack.pop():
            case Bytes(data):
                found.update(data[:1])
            case ByteSet(mask):
                edges = mask ^ (mask << 1)
                found.update(b for b in range(256) if edges >> b & 1)
            case Spelled(text):
                stack.append(spellings(text))
            case Seq(items) | Alt(items) | And(items):
                stack += items
            case Repeat(item) | Not(item) | Lexeme(item):
                stack.append(item)
    return found | {255}


_SHORT = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}


@lru_cache(maxsize=1024)
def spellings(text: str) -> Expr:
    """Every JSON spelling of a text, from RFC 8259 section 7."""
    return _seq(Bytes(b'"'), *(_alt(*_char(char)) for char in text), Bytes(b'"'))


def _char(char: str) -> Iterator[Expr]:
    units = char.encode("utf-16-be", "surrogatepass")
    pairs = [units[i : i + 2].hex() for i in range(0, len(units), 2)]
    hexes = [byte_set(ord(c.lower()), ord(c.upper())) for pair in pairs for c in pair]
    parts = [Seq((Bytes(b"\\u"), *hexes[i : i + 4])) for i in range(0, len(hexes), 4)]
    yield _seq(*parts)
    if char in _SHORT:
        yield Bytes(b"\\" + _SHORT[char].encode())
    if json.dumps(char, ensure_ascii=False)[1:-1] == char:
        yield Bytes(char.encode("utf-8", "surrogatepass"))
