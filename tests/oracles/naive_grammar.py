"""Naive grammar semantics: what the IR means, from the definition.

Two independent readings of a grammar, both the least fixpoint of its equations:
    matches    the end positions that an expression reaches from a position of one given text
    language   the set of words up to a length that an expression denotes
Both serve any grammar: ambiguous, left-recursive, nullable and cyclic, with `And`, `Not`, `Spelled`, `Guarded` (the
check is asked), `Members` and `Items` (list by list, by definition). A `Lexeme` counts as its expression: nothing
competes. A text may hold `Token` nodes between its bytes, each matching an equal node; `language` has words of bytes.

Slow and recursive: for grammars of a few dozen nodes and texts of a few dozen bytes.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from itertools import product
from typing import NamedTuple, TypeVar

from syntagma.grammar.ir import (
    Alt,
    And,
    Bytes,
    ByteSet,
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
    Written,
    over_bytes,
)

T = TypeVar("T")

#: Bytes and special tokens; plain `bytes` is one.
Text = Sequence[int | Token]


def matches(grammar: Grammar, data: Text) -> bool:
    """Whether the whole text is in the grammar's language."""
    previous: dict[tuple[str, int], frozenset[int]] = {}
    while True:
        this = _Spans(grammar, data, previous)
        if len(data) in this.ends(Ref(grammar.start), 0):
            return True
        if this.table == previous:
            return False
        previous = this.table


def language(grammar: Grammar, alphabet: bytes, max_length: int) -> set[bytes]:
    """All words of the language over the alphabet, of at most `max_length` bytes."""
    previous: dict[str, frozenset[bytes]] = {}
    while True:
        this = _Words(grammar, _words(alphabet, max_length), max_length, previous)
        words = this.words(Ref(grammar.start))
        if this.table == previous:
            return set(words)
        previous = this.table


def viable_prefixes(grammar: Grammar, alphabet: bytes, max_length: int) -> set[bytes]:
    """All prefixes of the words in `language(grammar, alphabet, max_length)`."""
    return {w[:n] for w in language(grammar, alphabet, max_length) for n in range(len(w) + 1)}


def viable(grammar: Grammar, prefix: bytes, alphabet: bytes, extra: int) -> bool:
    """Whether at most `extra` further bytes of the alphabet complete the prefix to a word."""
    return any(matches(grammar, prefix + w) for w in sorted(_words(alphabet, extra), key=len))


class _Spans:
    """One round of the fixpoint over (rule, position) -> ends; rules in progress give the last round's."""

    def __init__(self, grammar: Grammar, data: Text, previous: dict[tuple[str, int], frozenset[int]]) -> None:
        self.rules, self.data, self.previous = grammar.rules, data, previous
        self.table: dict[tuple[str, int], frozenset[int]] = {}
        self.open: set[tuple[str, int]] = set()

    def rule(self, name: str, i: int) -> frozenset[int]:
        key = name, i
        if key in self.table:
            return self.table[key]
        if key in self.open:
            return self.previous.get(key, frozenset())
        self.open.add(key)
        self.table[key] = self.ends(self.rules[name], i)
        self.open.remove(key)
        return self.table[key]

    def text(self, i: int, j: int) -> bytes | None:
        """The bytes from i to j, None if a special token is among them."""
        part = self.data[i:j]
        return bytes(part) if all(isinstance(symbol, int) for symbol in part) else None

    def spans(self, i: int, keep: Callable[[bytes], bool], ends: Iterable[int] | None = None) -> frozenset[int]:
        """The given ends (all there are) for which `keep` holds of the bytes up to them."""
        every = range(i, len(self.data) + 1) if ends is None else ends
        return frozenset(j for j in every if (text := self.text(i, j)) is not None and keep(text))

    def after(self, starts: Iterable[int], item: Expr) -> frozenset[int]:
        return frozenset(j for i in starts for j in self.ends(item, i))

    def ends(self, expr: Expr, i: int) -> frozenset[int]:
        match expr:
            case Bytes(data):
                return frozenset({i + len(data)} if self.text(i, i + len(data)) == data else ())
            case ByteSet(mask):
                return self.spans(i, lambda text: len(text) == 1 and bool(mask >> text[0] & 1))
            case Token():
                return frozenset({i + 1} if i < len(self.data) and self.data[i] == expr else ())
            case Spelled(string):
                return self.spans(i, lambda text: is_spelling(text, string))
            case Ref(name):
                return self.rule(name, i)
            case Seq(items):
                return reduce(self.after, items, frozenset({i}))
            case Alt(items):
                return frozenset().union(*(self.ends(item, i) for item in items))
            case And(items):
                return frozenset.intersection(*(self.ends(item, i) for item in items))
            case Not(item):
                return self.spans(i, lambda _: True) - self.ends(item, i)
            case Lexeme(item):
                return self.ends(item, i)
            case Written():
                return self.ends(over_bytes(expr), i)
            case Guarded(item, check):
                return self.spans(i, check, self.ends(item, i))
            case Repeat(item, low, high):
                return _repeat(frozenset({i}), lambda starts: self.after(starts, item), low, high)
            case Members() | Items():
                return _arranged(expr, frozenset({i}), self.after)
        raise TypeError(expr)


class _Words:
    """One round of the fixpoint over rule -> words; rules in progress give the last round's words."""

    def __init__(
        self, grammar: Grammar, every: frozenset[bytes], max_length: int, previous: dict[str, frozenset[bytes]]
    ) -> None:
        self.rules, self.every, self.max_length, self.previous = grammar.rules, every, max_length, previous
        self.table: dict[str, frozenset[bytes]] = {}
        self.open: set[str] = set()

    def rule(self, name: str) -> frozenset[bytes]:
        if name in self.table:
            return self.table[name]
        if name in self.open:
            return self.previous.get(name, frozenset())
        self.open.add(name)
        self.table[name] = self.words(self.rules[name])
        self.open.remove(name)
        return self.table[name]

    def joined(self, heads: frozenset[bytes], tails: frozenset[bytes]) -> frozenset[bytes]:
        return frozenset(u + v for u in heads for v in tails if len(u) + len(v) <= self.max_length)

    def kept(self, keep: Callable[[bytes], bool]) -> frozenset[bytes]:
        return frozenset(filter(keep, self.every))

    def words(self, expr: Expr) -> frozenset[bytes]:
        match expr:
            case Bytes(data):
                return self.every & {data}
            case ByteSet(mask):
                return self.kept(lambda word: len(word) == 1 and bool(mask >> word[0] & 1))
            case Token():
                return frozenset()
            case Spelled(string):
                return self.kept(lambda word: is_spelling(word, string))
            case Ref(name):
                return self.rule(name)
            case Seq(items):
                return reduce(self.joined, map(self.words, items), frozenset({b""}))
            case Alt(items):
                return frozenset().union(*map(self.words, items))
            case And(items):
                return frozenset.intersection(*map(self.words, items))
            case Not(item):
                return self.every - self.words(item)
            case Lexeme(item):
                return self.words(item)
            case Guarded(item, check):
                return frozenset(filter(check, self.words(item)))
            case Repeat(item, low, high):
                words = self.words(item)
                return _repeat(frozenset({b""}), lambda heads: self.joined(heads, words), low, high)
            case Members() | Items():
                return _arranged(expr, frozenset({b""}), lambda heads, item: self.joined(heads, self.words(item)))
        raise TypeError(expr)


def is_spelling(text: bytes, string: str) -> bool:
    """Whether the bytes are a JSON string, and nothing else, that spells `string`."""
    try:
        return text[:1] == text[-1:] == b'"' and bool(json.loads(text.decode()) == string)
    except ValueError:
        return False


def _repeat(
    start: frozenset[T], step: Callable[[frozenset[T]], frozenset[T]], low: int, high: int | None
) -> frozenset[T]:
    """What `low` to `high` steps reach. Ends: lengths are bounded, and a step that changes nothing never will again."""
    total: frozenset[T] = frozenset()
    if high is not None and high < low:
        return total
    here, count = start, 0
    while here and (high is None or count <= high):
        if count >= low:
            if here <= total:
                break
            total |= here
        there = step(here)
        if there == here:
            return total | here
        here, count = there, count + 1
    return total


def _arranged(
    node: Members | Items, start: frozenset[T], step: Callable[[frozenset[T], Expr], frozenset[T]]
) -> frozenset[T]:
    """What all legal lists of members or items reach, one more of them per turn; each but the first consumes a byte."""
    total: frozenset[T] = frozenset()
    here = {_Seen(): start}
    while here:
        there: dict[_Seen, frozenset[T]] = {}
        for seen, reached in here.items():
            if _may_end(node, seen):
                total |= reached
            for pieces, after in _followers(node, seen):
                beyond = reduce(step, pieces, reached)
                if beyond:
                    there[after] = there.get(after, frozenset()) | beyond
        here = there
    return total


class _Seen(NamedTuple):
    """What a list holds so far."""

    total: int = 0
    declared: frozenset[int] = frozenset()
    others: bool = False


def _may_end(node: Members | Items, seen: _Seen) -> bool:
    missing = isinstance(node, Members) and any(m.required and k not in seen.declared for k, m in enumerate(node.keys))
    return not missing and node.min <= seen.total and (node.max is None or seen.total <= node.max)


def _followers(node: Members | Items, seen: _Seen) -> Iterator[tuple[tuple[Expr, ...], _Seen]]:
    """The ways to go on by one member or item: what to match, and what has been seen then."""
    count = seen.total
    if node.max is not None and count >= node.max:
        return
    if isinstance(node, Items):
        item = node.prefix[count] if count < len(node.prefix) else node.rest
        if item is not None:
            yield ((node.separator,) if count else ()) + (item,), seen._replace(total=count + 1)
        return
    comma = (node.comma,) if count else ()
    for k, member in enumerate(node.keys):
        in_order = not seen.others and k > max(seen.declared, default=-1)
        if k not in seen.declared and (node.order == "any" or in_order):
            after = _Seen(count + 1, seen.declared | {k}, seen.others)
            yield (*comma, member.key, node.colon, member.value), after
    undeclared = Not(Alt(tuple(member.key for member in node.keys)))
    for other in node.other:
        after = _Seen(count + 1, seen.declared, True)
        yield (*comma, And((other.key, undeclared)), node.colon, other.value), after


def _words(alphabet: bytes, max_length: int) -> frozenset[bytes]:
    letters = sorted(set(alphabet))
    return frozenset(bytes(word) for n in range(max_length + 1) for word in product(letters, repeat=n))
