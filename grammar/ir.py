"""Grammar IR: immutable expressions over bytes, and rules that name them.

Every front end lowers to these nodes. The IR speaks bytes (UTF-8); Unicode is the front ends' business. Nodes compare
and hash by content, so a grammar is a value.

Laws
    1. `Seq(())` is the empty string (`EMPTY`), `Alt(())` the empty language (`NOTHING`).
    2. `And` and `Not` hold regular expressions only: no `Ref`, `Token`, `Guarded`, `Members`, `Items`, `Lexeme` inside.
       `Not(x)` is the complement over *all* byte strings, so it is used inside an `And`.
    3. A `Guarded` expression's language is that of its expression; its check refuses some of the strings.
    4. A `CodePointSet` stands inside a `Written` only, under `Seq`, `Alt`, `Repeat`, `And` and `Not`, which is the
       complement over all texts there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Literal, Protocol, TypeAlias, TypeVar

T = TypeVar("T")


class _Node:
    """Has room for its hash, as expressions are looked up again and again, and for what those who lower it find."""

    __slots__ = ("_hash", "kind", "over_bytes")


def _hashed_once(node: type[T]) -> type[T]:
    """Have a class of nodes compute their hash, which goes through all that they hold, once each."""
    content = attrgetter(*node.__slots__)  # type: ignore[attr-defined]

    def hash_of(self: T) -> int:
        try:
            return self._hash  # type: ignore[attr-defined, no-any-return]
        except AttributeError:
            found = hash(content(self))
            object.__setattr__(self, "_hash", found)
            return found

    node.__hash__ = hash_of  # type: ignore[assignment]
    return node


@dataclass(frozen=True, slots=True)
class Bytes:
    """One byte string."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ByteSet:
    """One byte out of a set; bit b of `mask` is byte b."""

    mask: int


@_hashed_once
@dataclass(frozen=True, slots=True)
class Seq(_Node):
    """The items one after the other."""

    items: tuple[Expr, ...]


@_hashed_once
@dataclass(frozen=True, slots=True)
class Alt(_Node):
    """Any one of the items (unordered)."""

    items: tuple[Expr, ...]


@_hashed_once
@dataclass(frozen=True, slots=True)
class Repeat(_Node):
    """`item` at least `min` and at most `max` times (`None`: no bound)."""

    item: Expr
    min: int = 0
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Ref:
    """What the named rule matches."""

    rule: str


@dataclass(frozen=True, slots=True)
class Token:
    """One special token, matched as a token and never as text. Exactly one of `id` and `name` is set.

    For a token that the vocabulary has as ordinary text its text stands, however it is cut into tokens.
    """

    id: int | None = None
    name: str | None = None
    #: Whether the name stands as text, too, where the vocabulary has no such token.
    or_text: bool = False


@_hashed_once
@dataclass(frozen=True, slots=True)
class And(_Node):
    """What every item matches; regular items only."""

    items: tuple[Expr, ...]


@_hashed_once
@dataclass(frozen=True, slots=True)
class Not(_Node):
    """Every byte string that the regular item does not match."""

    item: Expr


@dataclass(frozen=True, slots=True)
class Spelled:
    """Every JSON spelling of one string, quotes included: `"a"`, `"\\u0061"`."""

    text: str


@_hashed_once
@dataclass(frozen=True, slots=True)
class CodePointSet(_Node):
    """One code point out of a set; see `unicode.py` for its form."""

    ranges: tuple[tuple[int, int], ...]


class Writing(Protocol):
    """How code points are written in bytes. Hashable; no writing of one begins another's."""

    @property
    def characters(self) -> Callable[[tuple[tuple[int, int], ...]], Expr]:
        """Every writing of one code point out of a set, as an expression over bytes."""

    def trie(self, classes: tuple[tuple[tuple[int, int], ...], ...]) -> tuple[tuple[tuple[int, int], ...], ...]:
        """How the code points of disjoint classes are written; see `character_trie.py` for its rows."""

    def __hash__(self) -> int: ...


@_hashed_once
@dataclass(frozen=True, slots=True)
class Written(_Node):
    """The texts of a regular expression over code points, each code point written as `writing` has it."""

    expr: Expr
    writing: Writing


@_hashed_once
@dataclass(frozen=True, slots=True)
class Lexeme(_Node):
    """A terminal matched as a lexer would: the longest match wins, then the higher `priority`.

    `expr` is regular. Lexemes that may start at the same place compete; an ended one is given up if the text goes on to
    complete a longer one.
    """

    expr: Expr
    name: str
    priority: int = 0


class Check(Protocol):
    """An exact test on the text of a finished value. Hashable; equal checks decide alike."""

    #: Where the constraint stands (a JSON pointer such as "#/properties/a"), for reports.
    pointer: str
    #: What is checked, for reports: "uniqueItems", "not".
    keyword: str

    def __call__(self, text: bytes) -> bool:
        """Return whether the value spelled by `text` is valid."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """`expr`, of which only those strings count that `check` accepts."""

    expr: Expr
    check: Check


@_hashed_once
@dataclass(frozen=True, slots=True)
class Member(_Node):
    """A declared member of an object."""

    #: The spelling of the key, quotes included: `Bytes` (one spelling) or `Spelled` (every JSON spelling).
    key: Bytes | Spelled
    value: Expr
    required: bool = False


@dataclass(frozen=True, slots=True)
class OtherMembers:
    """Members whose key is none of the declared ones and matches `key` (regular, quotes included)."""

    key: Expr
    value: Expr


@_hashed_once
@dataclass(frozen=True, slots=True)
class Members(_Node):
    """The members of an object, without its braces: `key colon value`, separated by `comma`.

    Each declared key comes at most once and, if required, exactly once. In order "schema" the declared keys come in
    the order of `keys`, and after them the others; in order "any" all come in any order. The `other` key languages
    are disjoint from each other; a declared key always counts as declared, whatever `other` says. No declared key is
    empty or begins another one: the longer one would never be read. `colon` and `comma` are regular and not nullable;
    they hold the layout around them. `distinct` says that these are the members of a JSON object, and that no
    undeclared key comes twice either, however it is spelled.
    """

    keys: tuple[Member, ...]
    other: tuple[OtherMembers, ...] = ()
    order: Literal["schema", "any"] = "schema"
    colon: Expr = Bytes(b":")
    comma: Expr = Bytes(b",")
    #: At least and at most so many members in all.
    min: int = 0
    max: int | None = None
    distinct: bool = False


@_hashed_once
@dataclass(frozen=True, slots=True)
class Items(_Node):
    """The items of an array, without its brackets: first `prefix` in order, then `rest` again and again.

    At least `min` and at most `max` items in all (`rest=None`: at most `len(prefix)`). A shorter list ends inside the
    prefix. `separator` is regular and not nullable.
    """

    prefix: tuple[Expr, ...]
    rest: Expr | None
    min: int = 0
    max: int | None = None
    separator: Expr = Bytes(b",")


Expr: TypeAlias = (
    Bytes
    | ByteSet
    | Seq
    | Alt
    | Repeat
    | Ref
    | Token
    | And
    | Not
    | Spelled
    | CodePointSet
    | Written
    | Lexeme
    | Guarded
    | Members
    | Items
)

EMPTY = Seq(())
NOTHING = Alt(())
ANY_BYTE = ByteSet((1 << 256) - 1)


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """How many tokens the text of a rule may take: a bound that only a vocabulary gives a meaning.

    The rule may end behind any of its characters; where the budget is spent it does, and nothing but `end` follows.
    """

    tokens: int
    #: The rules in front and behind, each literal text or a special token; "" for none in particular.
    begin: str = ""
    end: str = ""


@dataclass(frozen=True)
class Grammar:
    """Named rules and the one to start with.

    `rules` may compute a body on first look-up; it is never changed afterwards.
    """

    start: str
    rules: Mapping[str, Expr]
    #: Where a rule stands in its source, for messages: rule -> "line 3" or a JSON pointer.
    places: Mapping[str, str] = field(default_factory=dict)
    #: Whether the front end promises that there is no left recursion, no useless rule and no rule that matches "".
    is_normal: bool = False
    #: Rules whose text may take so many tokens only; without a vocabulary they are unbounded.
    budgets: Mapping[str, TokenBudget] = field(default_factory=dict)
    #: Rules that take long to make an automaton of; more of them may come to light as rules are looked up.
    heavy: Sequence[str] = field(default=(), compare=False)

    def __hash__(self) -> int:
        return hash((self.start, tuple(sorted(self.rules))))


def byte_set(*ranges: int | tuple[int, int]) -> ByteSet:
    """The set of the given bytes and inclusive byte ranges.

    >>> bin(byte_set(0, (2, 3)).mask)
    '0b1101'
    """
    mask = 0
    for r in ranges:
        lo, hi = (r, r) if isinstance(r, int) else r
        mask |= ((1 << (hi - lo + 1)) - 1) << lo
    return ByteSet(mask)


def sequence(*items: Expr) -> Expr:
    """The concatenation, flattened, with neighbouring `Bytes` joined; `NOTHING` absorbs."""
    flat: list[Expr] = []
    for item in items:
        for part in item.items if isinstance(item, Seq) else (item,):
            if isinstance(part, Bytes):
                if flat and isinstance(last := flat[-1], Bytes):
                    flat[-1] = Bytes(last.data + part.data)
                elif part.data:
                    flat.append(part)
            elif isinstance(part, Alt) and not part.items:
                return NOTHING
            else:
                flat.append(part)
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def choice(*items: Expr) -> Expr:
    """The alternation, flattened, without repeated alternatives."""
    flat: dict[Expr, None] = {}
    for item in items:
        for part in item.items if isinstance(item, Alt) else (item,):
            flat[part] = None
    return next(iter(flat)) if len(flat) == 1 else Alt(tuple(flat))


def over_bytes(expr: Written) -> Expr:
    """The same as an expression over bytes; found once."""
    try:
        return expr.over_bytes  # type: ignore[attr-defined, no-any-return]
    except AttributeError:
        found = _over_bytes(expr.expr, expr.writing.characters)
        object.__setattr__(expr, "over_bytes", found)
        return found


def _over_bytes(expr: Expr, characters: Callable[[tuple[tuple[int, int], ...]], Expr]) -> Expr:
    match expr:
        case CodePointSet(ranges):
            return characters(ranges)
        case Seq(items):
            return sequence(*[_over_bytes(item, characters) for item in items])
        case Alt(items):
            return choice(*[_over_bytes(item, characters) for item in items])
        case Repeat(item, low, high):
            return Repeat(_over_bytes(item, characters), low, high)
        case And(items):
            return And(tuple([_over_bytes(item, characters) for item in items]))
        case Not(item):
            return Not(_over_bytes(item, characters))
    raise TypeError(f"Expected an expression over code points, got a part of kind {type(expr).__name__}.")


def optional(item: Expr) -> Expr:
    """The item or nothing."""
    return Repeat(item, 0, 1)


def children(expr: Expr) -> Iterator[Expr]:
    """The direct sub-expressions; of a `Written`, the same over bytes."""
    match expr:
        case Seq(items) | Alt(items) | And(items):
            yield from items
        case Repeat(item) | Not(item):
            yield item
        case Guarded(inner) | Lexeme(inner):
            yield inner
        case Written():
            yield over_bytes(expr)
        case Members():
            for member in expr.keys:
                yield member.key
                yield member.value
            for other in expr.other:
                yield other.key
                yield other.value
            yield expr.colon
            yield expr.comma
        case Items():
            yield from expr.prefix
            if expr.rest is not None:
                yield expr.rest
            yield expr.separator
        case _:
            return


def references(expr: Expr) -> Iterator[str]:
    """The names of the rules that the expression refers to, in order, with repetitions."""
    stack = [expr]
    while stack:
        top = stack.pop()
        if isinstance(top, Ref):
            yield top.rule
        else:
            stack.extend(reversed(list(children(top))))
