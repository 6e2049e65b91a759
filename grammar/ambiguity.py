"""Ambiguity: a shortest text with two parses, or the length up to which there is none.

Prefixes are read as Earley does, all at once: the state behind a prefix is the set of items (rule, state of the rule,
context), a context being the items that wait for the rule to end. Contexts and states are hash-consed, so prefixes
that leave the same to come (`1`, `(1)`, `f(1)` in an expression) are one state, and the search by breadth visits each
once. An item that is reached in two ways is an ambiguity, as every item of a grammar without useless rules is part of
some text; the text is completed by a shortest one. What is found is confirmed: terminals are spelled out, read back as
a lexer would, and parsed in full.

Laws
    1. What is returned has the two parses that are returned with it. 2. If the search ends without one and says that
       it is complete, the grammar is unambiguous. 3. Work is bounded by `limit`.
Source: Earley 1970, An efficient context-free parsing algorithm; Basten 2009, The usability of ambiguity detection
methods for context-free grammars (searching derivations by length).
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from .ir import Grammar
from .lexeme_samples import Spelling
from .network import network
from .parses import Parses, Shortest, Tree, without_useless

#: Items that a search may make unless told otherwise; about a second.
DEFAULT_LIMIT = 50_000
#: Two ways of reaching an item are tried for a witness so often until one is confirmed.
MAX_TRIES = 50

#: The context of an item that begins at the very state that holds it; of the start; of a text that has ended.
HERE, ROOT, ENDED = -1, -2, -3
#: (rule, state of the rule, number of its context, or HERE)
Item = tuple[int, int, int]
#: How an item came about: the item before, and the rule that was completed, with its context (None: a terminal).
Edge = tuple[Item, tuple[int, int] | None]
#: rule -> the items that wait for it; contexts that are HERE lead to other rules of the same table.
Table = dict[int, frozenset[Item]]


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A text with two parses."""

    text: bytes
    #: The rule at which they part: the innermost one that has both.
    rule: str
    parses: tuple[Tree, Tree]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a search for an ambiguity found."""

    ambiguity: Ambiguity | None
    #: Whether no text at all has two parses.
    unambiguous: bool
    #: Otherwise, no text of at most so many terminals has.
    length: int


def find_ambiguity(grammar: Grammar, limit: int = DEFAULT_LIMIT) -> Verdict:
    """Search for a shortest text with two parses.

    Raises
    ------
    UnsupportedFeature : the grammar holds a guard, a special token, or the members or items of a JSON value.
    BudgetExceeded : a rule needs too many states.
    """
    return Search(grammar, limit).run()


class _Contexts:
    """Contexts by content: what waits for a rule, and for the rules of what waits."""

    def __init__(self) -> None:
        self._number: dict[tuple[int, frozenset[tuple[int, frozenset[Item]]]], int] = {}
        self._tables: list[tuple[int, Table]] = []
        self._callers: dict[int, list[Item]] = {}

    def intern(self, rule: int, table: Table) -> int:
        """The number of the context of a rule that begins where the table was made."""
        found, stack = {rule}, [rule]
        while stack:
            fresh = {item[0] for item in table[stack.pop()] if item[2] == HERE} - found
            found |= fresh
            stack += fresh
        part = {each: table[each] for each in found}
        key = rule, frozenset(part.items())
        if key not in self._number:
            self._number[key] = len(self._tables)
            self._tables.append((rule, part))
        return self._number[key]

    def callers(self, number: int) -> list[Item]:
        """The items that wait in a context."""
        if number not in self._callers:
            rule, table = self._tables[number]
            self._callers[number] = [
                (caller, q, self.intern(caller, table) if where == HERE else where)
                for caller, q, where in sorted(table[rule])
            ]
        return self._callers[number]


class Search:
    """A search by breadth over the states behind prefixes."""

    def __init__(self, grammar: Grammar, limit: int = DEFAULT_LIMIT) -> None:
        net = network(grammar, whole_lexemes=True)
        self.shortest = Shortest(net)
        self.net = without_useless(net, self.shortest)
        self.left = limit
        self.spelling = Spelling(grammar, self.net)
        self.contexts = _Contexts()
        #: The items of each state that read terminals.
        self.states: list[frozenset[Item]] = []
        self.known: dict[frozenset[Item], int] = {}
        self.came_from: list[tuple[int, int]] = []
        #: The shortest sequences of terminals known to have two parses, not confirmed yet.
        self.candidates: list[tuple[int, list[int]]] = []
        self.tries = MAX_TRIES

    def run(self) -> Verdict:
        """Visit states until an ambiguity is confirmed, or nothing is left, or the limit is met."""
        if self.shortest.length[0][0] == math.inf:
            return Verdict(None, True, 0)
        self._close([((0, 0, ROOT), None)], (0, 0))
        level, length = list(range(len(self.states))), 0
        while True:
            found = self._confirmed(length if level and self.left > 0 else math.inf)
            if found is not None or not level or self.left <= 0 or self.tries <= 0:
                unambiguous = found is None and not level and self.left > 0 and self.tries == MAX_TRIES
                return Verdict(found, unambiguous, max(length - 1, 0))
            before = len(self.states)
            for number in level:
                self._move(number)
                if self.left <= 0:
                    break
            level = list(range(before, len(self.states)))
            length += 1

    def readable(self) -> set[frozenset[int]]:
        """The sets of terminals that the states visited so far may read."""
        rows = self.net.rows
        return {frozenset(s for rule, q, _ in state for s in rows[rule][q] if s >= 0) for state in self.states}

    def _confirmed(self, length: float) -> Ambiguity | None:
        """The shortest candidate that is confirmed, of those that no longer prefix can undercut."""
        while self.candidates and self.candidates[0][0] <= length and self.tries > 0:
            self.tries -= 1
            _, symbols = heapq.heappop(self.candidates)
            for more, texts in self.spelling.spelled(symbols):
                trees = list(islice(Parses(self.net, more, texts).trees(), 2))
                if len(trees) == 2:
                    rule, parses = _where_they_part(trees[0], trees[1])
                    return Ambiguity(b"".join(texts), rule, parses)
        return None

    def _move(self, number: int) -> None:
        """Make the states that one more terminal leads to."""
        by_symbol: defaultdict[int, list[tuple[Item, Edge | None]]] = defaultdict(list)
        for item in sorted(self.states[number]):
            rule, state, context = item
            for symbol, target in self.net.rows[rule][state].items():
                if symbol >= 0:
                    by_symbol[symbol].append(((rule, target, context), (item, None)))
        done: set[frozenset[Item]] = set()
        for symbol, seeds in sorted(by_symbol.items()):
            kernel = frozenset(item for item, _ in seeds)
            if len(kernel) < len(seeds) or kernel not in done:
                done.add(kernel)
                self._close(seeds, (number, symbol))

    def _close(self, seeds: list[tuple[Item, Edge | None]], came_from: tuple[int, int]) -> None:
        """Make the state with these items and all that follow from them, or note the ambiguity that it shows."""
        closing = _Closing(self, seeds)
        self.left -= len(closing.edges)
        if closing.twice:
            prefix = [*self._prefix(came_from[0]), came_from[1]] if self.states else []
            symbols = prefix + self._completion(closing, closing.twice)
            heapq.heappush(self.candidates, (len(symbols), symbols))
            return
        state = closing.state()
        if state and state not in self.known:
            self.known[state] = len(self.states)
            self.states.append(state)
            self.came_from.append(came_from)

    def _prefix(self, number: int) -> list[int]:
        symbols = []
        while number:
            number, symbol = self.came_from[number]
            symbols.append(symbol)
        return symbols[::-1]

    def _completion(self, closing: _Closing, items: Iterable[Item]) -> list[int]:
        """A shortest sequence of terminals behind any of the items to the end of the text."""
        queue: list[tuple[float, Item, tuple[tuple[int, int], ...]]] = [(0.0, item, ()) for item in sorted(items)]
        seen: set[Item] = set()
        while queue:
            cost, here, path = heapq.heappop(queue)
            rule, state, context = here
            if context == ENDED:
                return [symbol for part in path for symbol in self.shortest.symbols(*part)]
            if here in seen:
                continue
            seen.add(here)
            cost += self.shortest.length[rule][state]
            path = (*path, (rule, state))
            if context == ROOT:
                heapq.heappush(queue, (cost, (0, 0, ENDED), path))
                continue
            callers = closing.waiting.get(rule, []) if context == HERE else self.contexts.callers(context)
            for caller, q, where in callers:
                heapq.heappush(queue, (cost, (caller, self.net.rows[caller][q][~rule], where), path))
        raise AssertionError("An item that is part of no text.")


class _Closing:
    """The items of one state, closed under prediction and completion, with the way that each was reached."""

    def __init__(self, search: Search, seeds: list[tuple[Item, Edge | None]]) -> None:
        self.net, self.contexts = search.net, search.contexts
        self.edges: dict[Item, Edge | None] = {}
        #: The items that were reached in two ways.
        self.twice: set[Item] = set()
        self.waiting: defaultdict[int, list[Item]] = defaultdict(list)
        self.empty: set[int] = set()
        self.ended: dict[tuple[int, int], int] = {}
        self.queue: list[Item] = []
        for item, edge in seeds:
            self.reach(item, edge)
        while self.queue:
            self.expand(self.queue.pop())

    def state(self) -> frozenset[Item]:
        """The items that read terminals, each with its context."""
        table = {rule: frozenset(items) for rule, items in self.waiting.items()}
        here = {rule: self.contexts.intern(rule, table) for rule, _, context in self.edges if context == HERE}
        return frozenset(
            (rule, q, here[rule] if context == HERE else context)
            for rule, q, context in self.edges
            if any(symbol >= 0 for symbol in self.net.rows[rule][q])
        )

    def reach(self, item: Item, edge: Edge | None) -> None:
        """Note an item and one way to it."""
        if item not in self.edges:
            self.edges[item] = edge
            self.queue.append(item)
        elif self.edges[item] != edge:
            self.twice.add(item)

    def expand(self, item: Item) -> None:
        """Begin the rules that an item calls; end its own where it may."""
        rule, state, context = item
        for symbol, target in self.net.rows[rule][state].items():
            if symbol < 0:
                self.waiting[~symbol].append(item)
                if (~symbol, 0, HERE) not in self.edges:
                    self.reach((~symbol, 0, HERE), None)
                if ~symbol in self.empty:
                    self.reach((rule, target, context), (item, (~symbol, HERE)))
        if self.net.final[rule][state]:
            self.complete(rule, state, context)

    def complete(self, rule: int, state: int, context: int) -> None:
        """Move the items that wait for a rule in its context."""
        if (rule, context) in self.ended:
            if self.ended[rule, context] != state:
                self.twice.add((rule, state, context))
            return
        self.ended[rule, context] = state
        if context == HERE:
            self.empty.add(rule)
        if context == ROOT:
            return
        waiting = list(self.waiting[rule]) if context == HERE else self.contexts.callers(context)
        for item in waiting:
            caller, q, where = item
            self.reach((caller, self.net.rows[caller][q][~rule], where), (item, (rule, context)))


def _where_they_part(a: Tree, b: Tree) -> tuple[str, tuple[Tree, Tree]]:
    """The innermost rule that holds all that differs, with its two parses."""
    while a.rule == b.rule and len(a.children) == len(b.children):
        pairs = [(x, y) for x, y in zip(a.children, b.children, strict=True) if x != y]
        if len(pairs) != 1:
            break
        x, y = pairs[0]
        if isinstance(x, bytes) or isinstance(y, bytes) or x.rule != y.rule or x.text != y.text:
            break
        a, b = x, y
    return a.rule, (a, b)
