"""Grammars as text to print: expressions over bytes led back to characters.

Byte sets that together spell UTF-8 become classes of characters; what only an automaton can say (`And`, `Not`) becomes
a pattern, or the automaton's states as rules where the pattern would be large. Objects and lists are spelled out.

Laws
    1. The language is unchanged.
    2. No node stands for nothing: what no text matches is left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import BudgetExceeded, EmptyLanguage, GrammarSyntaxError, UnsupportedFeature
from .analysis import reachable
from .character_automaton import as_pattern, as_rules, read_characters
from .ir import (
    Alt,
    And,
    Bytes,
    ByteSet,
    Expr,
    Grammar,
    Guarded,
    Lexeme,
    Not,
    Ref,
    Repeat,
    Seq,
    Spelled,
    Token,
    Written,
    over_bytes,
)
from .regular import is_regular
from .spell_out import spell_out
from .spelling import spellings
from .text_node import (
    EMPTY_TEXT,
    NO_TEXT,
    Choose,
    Literal,
    Loop,
    Name,
    Node,
    Sequence,
    Special,
    chars,
    choose,
    in_order,
    loop,
    names_in,
)
from .utf8_products import MAX_PRODUCTS, Products, joined, ranges_of

#: Nodes of a pattern that stands for an automaton; a larger one becomes rules.
PATTERN_SIZE = 60


@dataclass(frozen=True)
class Printable:
    """Rules of text nodes; `lexemes` are the terminals that compete, if the grammar has such."""

    start: str
    rules: dict[str, Node]
    lexemes: dict[str, Lexeme] = field(default_factory=dict)


def printable(grammar: Grammar, largest: int = PATTERN_SIZE) -> Printable:
    """The grammar over characters; an automaton that takes a pattern of more than `largest` nodes becomes rules.

    Raises
    ------
    UnsupportedFeature : it has guards, or bytes that are no UTF-8.
    EmptyLanguage : no text matches.
    BudgetExceeded : objects or automata would take too many rules.
    """
    try:
        rules = spell_out(reachable(grammar.rules, grammar.start))
        lifter = _Lifter(largest)
        for name, body in rules.items():
            lifter.rules[name] = lifter.lift(name, body)
    except KeyError as missing:
        raise GrammarSyntaxError(f"Expected a rule named {missing}; there is none.") from None
    except RecursionError:
        raise BudgetExceeded("nesting of a grammar", sys.getrecursionlimit(), "nest it less deeply") from None
    found = _productive(lifter.rules)
    if grammar.start not in found:
        raise EmptyLanguage("No text matches the grammar, so there is nothing to print.")
    used = _reachable(found, grammar.start)
    return Printable(grammar.start, used, {name: each for name, each in lifter.lexemes.items() if name in used})


@dataclass(frozen=True, slots=True)
class _Part:
    """An expression on its way: text, or bytes that others may complete to text."""

    node: Node | None
    #: The words, if they are few and short.
    products: Products | None
    expr: Expr


@dataclass
class _Lifter:
    """Lifts rules, and writes those that automata need."""

    largest: int
    rules: dict[str, Node] = field(default_factory=dict)
    lexemes: dict[str, Lexeme] = field(default_factory=dict)
    _automata: dict[Expr, Node] = field(default_factory=dict)

    def lift(self, rule: str, expr: Expr) -> Node:
        """The text node of a rule's body.

        Raises
        ------
        UnsupportedFeature : it has guards, or bytes that are no UTF-8.
        """
        if isinstance(expr, Lexeme):
            self.lexemes[rule] = expr
            expr = expr.expr
        part = self._part(rule, expr)
        return part.node if part.node is not None else self._by_automaton(rule, expr)

    def _by_automaton(self, rule: str, expr: Expr) -> Node:
        if not is_regular(expr):
            raise UnsupportedFeature(f"Rule {rule!r} takes characters apart into bytes, which cannot be printed.")
        if expr not in self._automata:
            automaton = read_characters(expr)
            node = NO_TEXT if automaton is None else as_pattern(automaton, self.largest)
            if node is None and automaton is not None:
                name = f"{rule} text {len(self._automata)}"
                self.rules |= as_rules(automaton, name)
                node = Name(name)
            self._automata[expr] = node or NO_TEXT
        return self._automata[expr]

    def _part(self, rule: str, expr: Expr) -> _Part:
        match expr:
            case Bytes(data):
                return _bytes(expr, data)
            case ByteSet(mask):
                return _from_products(((mask,),) if mask else (), expr)
            case Seq(items):
                return self._sequence(expr, [self._part(rule, item) for item in items])
            case Alt(items):
                return self._choice(expr, [self._part(rule, item) for item in items])
            case Repeat(item, low, high):
                node = self._part(rule, item).node
                return _Part(None if node is None else loop(node, low, high), None, expr)
            case Ref(name):
                return _Part(Name(name), None, expr)
            case Token():
                return _Part(Special(expr), None, expr)
            case Spelled(text):
                return self._part(rule, spellings(text))
            case Written():
                return self._part(rule, over_bytes(expr))
            case Lexeme():
                name = f"{rule} lexeme {len(self.lexemes)}"
                self.rules[name] = self.lift(name, expr)
                return _Part(Name(name), None, expr)
            case And() | Not():
                return self._alone(rule, expr)
            case Guarded(_, check):
                what = f"`{check.keyword}` at {check.pointer}"
                raise UnsupportedFeature(f"Expected a grammar without guards, got {what}, which no grammar can say.")
        raise TypeError(expr)

    def _alone(self, rule: str, expr: Expr) -> _Part:
        """What only an automaton knows; no text by itself if some match is not UTF-8."""
        try:
            return _Part(self._by_automaton(rule, expr), None, expr)
        except UnsupportedFeature:
            return _Part(None, None, expr)

    def _sequence(self, expr: Expr, kids: list[_Part]) -> _Part:
        """Text as it is; bytes joined until they are characters."""
        items: list[Node] = []
        pending: Products | None = None
        for kid in kids:
            if pending is None and kid.node is not None:
                items.append(kid.node)
                continue
            for step in _steps(kid):
                pending = step if pending is None else joined(pending, step)
                if not pending:
                    return _Part(None, None, expr)
                if (ranges := ranges_of(pending)) is not None:
                    items.append(chars(ranges))
                    pending = None
        if pending is not None:
            return _Part(None, None if items else pending, expr)
        return _Part(in_order(items), None, expr)

    def _choice(self, expr: Expr, kids: list[_Part]) -> _Part:
        texts = [kid.node for kid in kids if kid.node is not None]
        words = [word for kid in kids if kid.node is None for word in kid.products or ((),)]
        if not words:
            return _Part(choose(texts), None, expr)
        if (ranges := ranges_of(tuple(words))) is not None:
            return _Part(choose([*texts, chars(ranges)]), None, expr)
        every = [kid.products for kid in kids]
        products = None if None in every else tuple(word for some in every for word in some or ())
        return _Part(None, products if products and len(products) <= MAX_PRODUCTS else None, expr)


def _steps(part: _Part) -> Iterator[Products]:
    """The bytes of a part, as small as can be; no words at all if they are unknown."""
    if isinstance(part.expr, Bytes):
        yield from (((1 << byte,),) for byte in part.expr.data)
    else:
        yield part.products or ()


def _bytes(expr: Expr, data: bytes) -> _Part:
    products = (tuple(1 << byte for byte in data),) if len(data) <= 4 else None
    try:
        return _Part(Literal(data.decode()) if data else EMPTY_TEXT, products, expr)
    except UnicodeDecodeError:
        return _Part(None, products, expr)


def _from_products(products: Products, expr: Expr) -> _Part:
    if not products:
        return _Part(NO_TEXT, (), expr)
    ranges = ranges_of(products)
    return _Part(None if ranges is None else chars(ranges), products, expr)


def _productive(rules: Mapping[str, Node]) -> dict[str, Node]:
    """The rules that match some text, without their parts that match none."""
    productive: set[str] = set()
    grown = True
    while grown:
        more = {name for name, node in rules.items() if name not in productive and _pruned(node, productive) != NO_TEXT}
        productive |= more
        grown = bool(more)
    return {name: _pruned(node, productive) for name, node in rules.items() if name in productive}


def _pruned(node: Node, productive: set[str]) -> Node:
    match node:
        case Name(name):
            return node if name in productive else NO_TEXT
        case Sequence(items):
            return in_order(_pruned(item, productive) for item in items)
        case Choose(items):
            return choose(kept for item in items if (kept := _pruned(item, productive)) != NO_TEXT)
        case Loop(item, low, high):
            return loop(_pruned(item, productive), low, high)
    return node


def _reachable(rules: Mapping[str, Node], start: str) -> dict[str, Node]:
    found = {start: rules[start]}
    for name in (queue := [start]):
        for each in names_in(found[name]):
            if each not in found:
                found[each] = rules[each]
                queue.append(each)
    return found
