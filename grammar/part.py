"""Parts: grammars put together in Python.

A part is a value: it compares, hashes and pickles by content, and is a constraint like any other. `a + b` (or `a >> b`)
is one after the other, `a | b` either; text and other constraints may stand on one side.

Laws
    1. `Book.add` gives equal constraints the same rules.
    2. A name stands for one part in the whole grammar: `part.named("x")` anywhere, `Reference("x")` anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import BudgetExceeded, GrammarSyntaxError
from .analysis import reachable
from .fold import alternation, concatenation, fold, rebuild, repetition
from .ir import Bytes, Expr, Grammar, Ref, Token, TokenBudget


class HasGrammar(Protocol):
    """What every constraint is: something with a grammar."""

    def grammar(self) -> Grammar:
        """The grammar of its texts."""

    def __hash__(self) -> int:
        """Constraints are values."""


@dataclass
class Book:
    """Collects rules while parts become expressions."""

    rules: dict[str, Expr] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    budgets: dict[str, TokenBudget] = field(default_factory=dict)
    _added: dict[HasGrammar, Ref] = field(default_factory=dict)
    #: Names that parts have, and names that are referred to.
    named: dict[str, Part] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def add(self, constraint: HasGrammar, label: str) -> Ref:
        """Write the rules of a constraint under names of their own."""
        if constraint not in self._added:
            grammar = constraint.grammar()
            prefix = f"{label} {len(self._added) + 1}"
            self._added[constraint] = Ref(f"{prefix}:{grammar.start}")
            self.rules |= embedded(grammar, prefix)
            self.budgets |= embedded_budgets(grammar, prefix)
            self.places |= {f"{prefix}:{name}": place for name, place in grammar.places.items()}
        return self._added[constraint]

    def rule(self, label: str, body: Expr) -> Ref:
        """Write one rule, under its label or one like it."""
        name, n = label, 1
        while name in self.rules:
            n += 1
            name = f"{label} {n}"
        self.rules[name] = body
        return Ref(name)


def embedded(grammar: Grammar, prefix: str) -> dict[str, Expr]:
    """The rules that a grammar needs, every name behind `prefix:`."""

    def renamed(node: Expr, kids: list[Expr]) -> Expr:
        return Ref(f"{prefix}:{node.rule}") if isinstance(node, Ref) else rebuild(node, kids)

    found = reachable(grammar.rules, grammar.start)
    return {f"{prefix}:{name}": fold(body, renamed) for name, body in found.items()}


def embedded_budgets(grammar: Grammar, prefix: str) -> dict[str, TokenBudget]:
    """The budgets of a grammar whose rules are put into another by `embedded`."""

    def renamed(rule: str) -> str:
        return rule and f"{prefix}:{rule}"

    return {
        renamed(rule): TokenBudget(budget.tokens, renamed(budget.begin), renamed(budget.end))
        for rule, budget in grammar.budgets.items()
    }


class Part:
    """A part of a grammar, and a constraint of its own. Subclasses are frozen dataclasses."""

    __slots__ = ()

    def expression(self, book: Book) -> Expr:
        """The expression of the part; rules that it needs go into the book."""
        raise NotImplementedError

    def parts(self) -> tuple[Part, ...]:
        """The parts that it is made of."""
        return ()

    def grammar(self) -> Grammar:
        """The grammar.

        Raises
        ------
        GrammarError : a constraint in it cannot be used as given, or a name is used that no part has.
        BudgetExceeded : it nests too deeply.
        """
        book = Book()
        try:
            body = self.expression(book)
        except RecursionError:
            raise BudgetExceeded("nesting of parts", 1000, "nest them less deeply") from None
        if missing := sorted(book.used - book.named.keys()):
            raise GrammarSyntaxError(
                f"Expected a part with the name {missing[0]!r}; `.named({missing[0]!r})` gives it."
            )
        start = book.rule("start", body)
        return Grammar(
            start.rule, {start.rule: book.rules.pop(start.rule), **book.rules}, book.places, budgets=book.budgets
        )

    def __add__(self, other: Any) -> Part:
        return in_sequence(self, as_part(other))

    def __radd__(self, other: Any) -> Part:
        return in_sequence(as_part(other), self)

    __rshift__ = __add__
    __rrshift__ = __radd__

    def __or__(self, other: Any) -> Part:
        return one_of(self, as_part(other))

    def __ror__(self, other: Any) -> Part:
        return one_of(as_part(other), self)

    def repeat(self, min: int = 0, max: int | None = None) -> Part:
        """The part again and again, `min` to `max` times (`None`: no bound)."""
        if min < 0 or (max is not None and max < min):
            raise ValueError(f"Expected bounds 0 <= min <= max, got {min} and {max}.")
        return Repeated(self, min, max)

    def optional(self) -> Part:
        """The part or nothing."""
        return Repeated(self, 0, 1)

    def named(self, name: str) -> Part:
        """The part under a name, which references to it may use, inside the part itself too."""
        return Named(name, self)

    def capture(self, name: str) -> Part:
        """The part, what it matches to be found under the name by `captures`."""
        return Captured(name, self)


@dataclass(frozen=True, slots=True, repr=False)
class Text(Part):
    """A text as it stands."""

    text: str

    def __repr__(self) -> str:
        return f"lit({self.text!r})"

    def expression(self, book: Book) -> Expr:
        return Bytes(self.text.encode()) if self.text else concatenation(())


@dataclass(frozen=True, slots=True, repr=False)
class InSequence(Part):
    """Parts one after the other."""

    items: tuple[Part, ...]

    def __repr__(self) -> str:
        return " + ".join(f"({item!r})" if isinstance(item, OneOf) else repr(item) for item in self.items)

    def parts(self) -> tuple[Part, ...]:
        return self.items

    def expression(self, book: Book) -> Expr:
        return concatenation(item.expression(book) for item in self.items)


@dataclass(frozen=True, slots=True, repr=False)
class OneOf(Part):
    """Any of the parts."""

    items: tuple[Part, ...]

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.items))

    def parts(self) -> tuple[Part, ...]:
        return self.items

    def expression(self, book: Book) -> Expr:
        return alternation(item.expression(book) for item in self.items)


@dataclass(frozen=True, slots=True, repr=False)
class Repeated(Part):
    """A part again and again."""

    item: Part
    min: int
    max: int | None

    def __repr__(self) -> str:
        inner = f"({self.item!r})" if isinstance(self.item, InSequence | OneOf) else repr(self.item)
        if (self.min, self.max) == (0, 1):
            return f"{inner}.optional()"
        return f"{inner}.repeat({self.min}{'' if self.max is None else f', {self.max}'})"

    def parts(self) -> tuple[Part, ...]:
        return (self.item,)

    def expression(self, book: Book) -> Expr:
        return repetition(self.item.expression(book), self.min, self.max)


@dataclass(frozen=True, slots=True, repr=False)
class Named(Part):
    """A part that references may name."""

    name: str
    item: Part

    def __repr__(self) -> str:
        inner = f"({self.item!r})" if isinstance(self.item, InSequence | OneOf) else repr(self.item)
        return f"{inner}.named({self.name!r})"

    def parts(self) -> tuple[Part, ...]:
        return (self.item,)

    def expression(self, book: Book) -> Expr:
        known = book.named.get(self.name)
        if known is None:
            book.named[self.name] = self.item
            book.rules[f"named {self.name}"] = self.item.expression(book)
        elif known != self.item:
            raise GrammarSyntaxError(f"Expected one part with the name {self.name!r}, got two that differ.")
        return Ref(f"named {self.name}")


@dataclass(frozen=True, slots=True, repr=False)
class Reference(Part):
    """What the part of a name matches."""

    name: str

    def __repr__(self) -> str:
        return f"ref({self.name!r})"

    def expression(self, book: Book) -> Expr:
        book.used.add(self.name)
        return Ref(f"named {self.name}")


@dataclass(frozen=True, slots=True, repr=False)
class Captured(Part):
    """A part whose match has a name."""

    name: str
    item: Part

    def __repr__(self) -> str:
        inner = f"({self.item!r})" if isinstance(self.item, InSequence | OneOf) else repr(self.item)
        return f"{inner}.capture({self.name!r})"

    def parts(self) -> tuple[Part, ...]:
        return (self.item,)

    def expression(self, book: Book) -> Expr:
        return self.item.expression(book)


@dataclass(frozen=True, slots=True, repr=False)
class Special(Part):
    """A special token, by name or by id; with `or_text` its text, where the vocabulary has no such token."""

    token: str | int
    or_text: bool = False

    def __repr__(self) -> str:
        return f"special({self.token!r}{', or_text=True' if self.or_text else ''})"

    def expression(self, book: Book) -> Expr:
        if isinstance(self.token, int):
            return Token(id=self.token)
        return Token(name=self.token, or_text=self.or_text)


@dataclass(frozen=True, slots=True, repr=False)
class Embedded(Part):
    """Another constraint as a part."""

    constraint: HasGrammar

    def __repr__(self) -> str:
        return repr(self.constraint)

    def expression(self, book: Book) -> Expr:
        return book.add(self.constraint, type(self.constraint).__name__.lower())


@dataclass(frozen=True)
class _Bare:
    """A bare grammar as a constraint."""

    rules: Grammar

    def grammar(self) -> Grammar:
        return self.rules


def as_part(value: Any) -> Part:
    """A part as it is; text as literal text; a constraint or a grammar embedded.

    Raises
    ------
    TypeError : it is none of these.
    """
    if isinstance(value, Part):
        return value
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, Grammar):
        return Embedded(_Bare(value))
    if callable(getattr(value, "grammar", None)) and not isinstance(value, type):
        return Embedded(value)
    raise TypeError(
        f"Expected a part, text or a constraint, got {value!r}. Write json({value!r}) for a type or schema."
    )


def in_sequence(*items: Part) -> Part:
    """The parts one after the other, flattened."""
    flat = [part for item in items for part in (item.items if isinstance(item, InSequence) else (item,))]
    return flat[0] if len(flat) == 1 else InSequence(tuple(flat))


def one_of(*items: Part) -> Part:
    """Any of the parts, flattened."""
    flat = [part for item in items for part in (item.items if isinstance(item, OneOf) else (item,))]
    return flat[0] if len(flat) == 1 else OneOf(tuple(flat))


def every_part(part: Part) -> Iterator[Part]:
    """The part and all that it is made of."""
    stack = [part]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(top.parts()))
