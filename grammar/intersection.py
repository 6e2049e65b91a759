"""Intersection of a grammar with a regular language, and whether it is empty.

Every rule A becomes rules A[p,q]: the strings of A that lead the regular language's automaton from state p to state q.
So the result is a grammar again, context-free as the first, and "does any string of the grammar contain this, avoid
that, begin so" is a matter of whether it derives anything, answered with a shortest example.

Laws
    1. The language of the result is the intersection. 2. All is polynomial: states squared times the rules' size.
    3. Lexemes are read as their expressions, without maximal munch.
Source: Bar-Hillel, Perles, Shamir 1961, On formal properties of simple phrase structure grammars (the triples); Knuth
1977, A generalization of Dijkstra's algorithm (shortest strings).
"""

from __future__ import annotations

import heapq
from collections import defaultdict

from ..errors import BudgetExceeded
from .alphabet import members
from .dfa import to_machine
from .fold import alternation
from .ir import NOTHING, ByteSet, Expr, Grammar, Ref, Seq
from .network import Network, network
from .regular import compile_regular

#: Rules, one for every state of a rule between two of the automaton, that an intersection may need.
DEFAULT_LIMIT = 200_000

#: A rule in the making: (rule, its state, states of the regular automaton at the rule's start and here).
_Item = tuple[int, int, int, int]
#: How an item came about: the item before, and what was read, a byte or the finished (rule, state, state).
_Step = tuple[_Item, int | tuple[int, int, int]]


def intersect(grammar: Grammar, regular: Expr, limit: int = DEFAULT_LIMIT) -> Grammar:
    """The grammar of the strings that a regular expression of the IR matches, too; it may derive nothing.

    Raises
    ------
    UnsupportedFeature : the grammar holds a guard, a special token, or members or items.
    BudgetExceeded : more than `limit` rules are needed.
    """
    product = _Product(network(grammar), regular, limit)
    product.run()
    return product.grammar()


def shortest_common(grammar: Grammar, regular: Expr, limit: int = DEFAULT_LIMIT) -> bytes | None:
    """A shortest string of the grammar that a regular expression matches, too; None if there is none.

    Raises as `intersect`.

    >>> from syntagma.grammar.ir import Bytes, Repeat, choice, sequence
    >>> pairs = Grammar("S", {"S": choice(sequence(Bytes(b"("), Ref("S"), Bytes(b")")), Bytes(b"x"))})
    >>> shortest_common(pairs, sequence(Bytes(b"(("), Repeat(ByteSet((1 << 256) - 1))))
    b'((x))'
    >>> shortest_common(pairs, sequence(Bytes(b"("), Repeat(Bytes(b"x")))) is None
    True
    """
    product = _Product(network(grammar), regular, limit)
    product.run()
    return product.shortest()


class _Product:
    """All ways of the rules through the automaton, shortest first."""

    def __init__(self, net: Network, regular: Expr, limit: int) -> None:
        self.net, self.limit = net, limit
        machine = to_machine(compile_regular(regular))
        self.labels = machine.labels
        masks = [mask for mask in net.terminals if isinstance(mask, int)]
        #: terminal -> state -> [(bytes, next state)]
        self.moves = [[[(m & each, t) for t, m in row.items() if m & each] for row in machine.rows] for each in masks]
        #: The fewest bytes of an item, and the step that gives them (None: nothing is read yet).
        self.length: dict[_Item, int] = {}
        self.best: dict[_Item, _Step | None] = {}
        self.steps: defaultdict[_Item, list[_Step]] = defaultdict(list)
        self.queue: list[tuple[int, _Item]] = []
        #: (rule, state at its start) -> items that wait for its end, each with its next state.
        self.waiting: defaultdict[tuple[int, int], list[tuple[_Item, int]]] = defaultdict(list)
        #: (rule, state at its start) -> states at its end, with the final item that was there first.
        self.ends: defaultdict[tuple[int, int], dict[int, _Item]] = defaultdict(dict)
        self.done: set[_Item] = set()

    def run(self) -> None:
        """Reach everything from the grammar's start and the automaton's."""
        self._call(0, 0)
        while self.queue:
            length, item = heapq.heappop(self.queue)
            if item not in self.done:
                self.done.add(item)
                self._expand(item, length)
            if len(self.length) > self.limit:
                raise BudgetExceeded("rules of an intersection", self.limit, "raise `limit`")

    def _call(self, rule: int, p: int) -> None:
        first = (rule, 0, p, p)
        if first not in self.length:
            self.length[first], self.best[first] = 0, None
            heapq.heappush(self.queue, (0, first))

    def _reach(self, item: _Item, length: int, step: _Step) -> None:
        self.steps[item].append(step)
        if length < self.length.get(item, length + 1):
            self.length[item], self.best[item] = length, step
            heapq.heappush(self.queue, (length, item))

    def _expand(self, item: _Item, length: int) -> None:
        rule, state, p, q = item
        if self.net.final[rule][state]:
            self._finish(item, length)
        for symbol, target in self.net.rows[rule][state].items():
            if symbol >= 0:
                for mask, r in self.moves[symbol][q]:
                    self._reach((rule, target, p, r), length + 1, (item, mask))
            else:
                self._call(~symbol, q)
                self.waiting[~symbol, q].append((item, target))
                for r, end in self.ends[~symbol, q].items():
                    self._reach((rule, target, p, r), length + self.length[end], (item, (~symbol, q, r)))

    def _finish(self, item: _Item, length: int) -> None:
        rule, _, p, q = item
        if q in self.ends[rule, p]:
            return
        self.ends[rule, p][q] = item
        for waiter, target in list(self.waiting[rule, p]):
            after = (waiter[0], target, waiter[2], q)
            self._reach(after, self.length[waiter] + length, (waiter, (rule, p, q)))

    def shortest(self) -> bytes | None:
        """A shortest string in common."""
        ends = [end for q, end in self.ends[0, 0].items() if self.labels[q]]
        if not ends:
            return None
        text = bytearray()
        jobs: list[_Item | int] = [min(ends, key=lambda end: self.length[end])]
        while jobs:  # from the right
            job = jobs.pop()
            if isinstance(job, int):
                text.append(members(job)[0])
            elif step := self.best[job]:
                before, read = step
                jobs += [before, read if isinstance(read, int) else self.ends[read[0], read[1]][read[2]]]
        return bytes(reversed(text))

    def grammar(self) -> Grammar:
        """The rules A[p,q]; `A[p,q] at s` is what leads to state s of A's automaton."""
        rules: dict[str, Expr] = {}
        for item in self.length:
            ways: list[Expr] = [Seq(())] if item[1] == 0 and item[2] == item[3] else []
            for before, read in self.steps[item]:
                part = ByteSet(read) if isinstance(read, int) else Ref(self._whole(*read))
                ways.append(Seq((Ref(self._name(before)), part)))
            rules[self._name(item)] = alternation(ways)
        for rule, state, p, q in list(self.length):
            if self.net.final[rule][state]:
                whole = self._whole(rule, p, q)
                rules[whole] = alternation((rules.get(whole, NOTHING), Ref(self._name((rule, state, p, q)))))
        start = "start of both"
        accepting = [Ref(self._whole(0, 0, q)) for q in self.ends[0, 0] if self.labels[q]]
        return Grammar(start, {start: alternation(accepting), **rules})

    def _whole(self, rule: int, p: int, q: int) -> str:
        return f"{self.net.names[rule]}[{p},{q}]"

    def _name(self, item: _Item) -> str:
        rule, state, p, q = item
        return f"{self._whole(rule, p, q)} at {state}"
