"""Nondeterministic byte machines, and expressions made deterministic with them.

An expression is built backwards, each part in front of what follows it, so a literal is a chain without empty moves,
and parts that are equal and continue alike are one state. Laid out as
    edges  n_states lists   (mask, target)     bit b of the 256-bit mask is byte b; masks of one state are disjoint
    empty  n_states lists   targets of empty moves
`And` and `Not` are made deterministic first and spliced in; many literals become one minimal acyclic machine.

Law: nothing here takes time or memory out of proportion to `limit` and the size of the expression: the subset
construction counts its states and their members, and the states that empty moves lead through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

from ..errors import BudgetExceeded, GrammarError, UnsupportedFeature
from .ir import Alt, And, Bytes, ByteSet, Expr, Lexeme, Not, Repeat, Seq, Spelled, Written, over_bytes
from .machine import Machine, complement, literals, minimise, product, renumber
from .spelled import spelled_literals, symbols_of
from .spelling import spellings
from .subsets import Targets, subsets

#: Times its larger factor's states from which on a product is minimised before it is used.
BLOWN_UP = 2
#: Copies of what is repeated that are built; the others are moved copies of the last.
SAMPLES = 4
#: The first final state.
FINAL = 0
#: From so many literals on, an alternation becomes an acyclic machine of its own.
MANY_LITERALS = 8


class Nfa:
    """A machine under construction."""

    def __init__(self, limit: int, construct: Construct | None = None) -> None:
        self.limit = limit
        self._construct = construct
        #: States that literals need whatever the construction does: linear in the expression, so they are not rationed.
        self.free = 0
        self._most = 4 * limit + 1024
        self.edges: list[list[tuple[int, int]]] = []
        self.empty: list[Sequence[int]] = []
        self._known: dict[tuple[int, int], int] = {}
        #: Alternatives, by identity: themselves, kept alive, and the machine of their literals.
        self._machines: dict[int, tuple[Sequence[Expr], Machine | None]] = {}
        self._closures: dict[int, frozenset[int]] = {}
        #: The ranks of states among others, see `_order`: state -> chain and rank; and of moved copies the first state,
        #: how many each has, how many copies there are, the chain of the first state, and the rank of the first copy.
        self.ranks: dict[int, tuple[int, int]] = {}
        self.ranks_of_copies: list[tuple[int, int, int, int, int]] = []
        self.n_chains = 0
        #: States that read one of a set of bytes again and again, up to the end of the text, and that set.
        self.tails: dict[int, int] = {}
        #: States that looking for closures may still visit.
        self._visits = 100 * limit + 1_000_000

    def state(self, edges: list[tuple[int, int]] | None = None, empty: Sequence[int] = ()) -> int:
        """A new state with these moves."""
        n = len(self.edges)
        if n > self._most:
            raise BudgetExceeded("automaton states", self.limit)
        self.edges.append([] if edges is None else edges)
        self.empty.append(empty)
        return n

    def step(self, mask: int, then: int) -> int:
        """The state that reads one byte of `mask` and goes on as `then`."""
        edge = mask, then
        known = self._known.get(edge)
        if known is None:
            known = self._known[edge] = self.state([edge])
        return known

    def fork(self, targets: Sequence[int]) -> int:
        """The state that goes on as any of the targets."""
        distinct = tuple(dict.fromkeys(targets))
        if len(distinct) == 1:
            return distinct[0]
        return self.state(None, distinct)

    def build(self, expr: Expr, then: int) -> int:
        """The state that reads `expr` and goes on as `then`."""
        match expr:
            case Bytes(data):
                for byte in reversed(data):
                    then = self.step(1 << byte, then)
                return then
            case ByteSet(mask):
                return self.step(mask, then) if mask else self.state()
            case Seq(items):
                for item in reversed(items):
                    then = self.build(item, then)
                return then
            case Alt(items):
                return self._alternatives(items, then)
            case Repeat():
                return self._repeat(expr, then)
            case And() | Not():
                return self.splice(_deterministic(expr, self.limit, self._construct), then)
            case Spelled(text):
                return self.build(spellings(text), then)
            case Written():
                return self.build(over_bytes(expr), then)
            case Lexeme(inner):
                return self.build(inner, then)
        raise GrammarError(f"Expected a regular expression, got a part of kind {type(expr).__name__}.")

    def _alternatives(self, items: Sequence[Expr], then: int) -> int:
        machine = self._of_literals(items)
        if machine is None:
            return self.fork([self.build(item, then) for item in items])
        rest = [self.build(item, then) for item in items if not isinstance(item, Bytes | Spelled)]
        return self.fork([self.splice(machine, then), *rest])

    def _of_literals(self, items: Sequence[Expr]) -> Machine | None:
        """The machine of the literals among alternatives, if they are many; made, and its states granted, once."""
        known = self._machines.get(id(items))
        if known is None:
            words = [item for item in items if isinstance(item, Bytes | Spelled)]
            machine = _literals(words) if len(words) >= MANY_LITERALS else None
            known = self._machines[id(items)] = items, machine
            self.free += len(machine.rows) if machine else 0
            self._most = 4 * (self.limit + self.free) + 1024
        return known[1]

    def _repeat(self, expr: Repeat, then: int) -> int:
        item, low, high = _normal(expr)
        if high is None:
            loop = self.state()
            begin = self.build(item, loop)
            self.empty[loop] = then, begin
            self._note_tail(begin, loop, then)
            then = loop
        else:
            end, entries = then, list[int]()

            def optionally(then: int) -> int:
                entries.append(self.build(item, then))
                return self.fork([end, entries[-1]])

            then, sample = self._copies(optionally, then, high - low)
            self._order(entries, sample, high - low)
        return self._copies(lambda then: self.build(item, then), then, low)[0]

    def _order(self, entries: list[int], sample: range, n: int) -> None:
        """Rank the states of n optional copies: one accepts whatever its like in an earlier copy accepts, and more.

        `entries`: where the copies that are built begin, the first ones; `sample`: the last of them, if the others are
        moved copies of it.
        """
        if n < 2:
            return
        chain = self.n_chains
        self.n_chains += max(len(sample), 1)
        if sample:
            self.ranks_of_copies.append((sample.start, len(sample), n - len(entries) + 1, chain, len(entries)))
            if entries[-1] not in sample:
                return
            chain += entries[-1] - sample.start
        for rank, q in enumerate(entries, 1):
            self.ranks.setdefault(q, (chain, rank))

    def _copies(self, build: Callable[[int], int], then: int, n: int) -> tuple[int, range]:
        """The start of n copies one behind the other, before `then`; the first few show what the others look like.

        Besides, the states of the last copy that is built, if the others are moved copies of it.
        """
        starts, firsts = [then], [len(self.edges)]
        for _ in range(min(n, SAMPLES)):
            starts.append(build(starts[-1]))
            firsts.append(len(self.edges))
        left, size = n - SAMPLES, firsts[-1] - firsts[-2] if n else 0
        if left <= 0 or not self._is_shifted(firsts[-4:], starts[-2:], size):
            for _ in range(left):
                starts.append(build(starts[-1]))
            return starts[-1], range(0)
        if not size:
            return starts[-1], range(0)
        if len(self.edges) + left * size > self._most:
            raise BudgetExceeded("automaton states", self.limit)
        moving, sample = firsts[-3], range(firsts[-2], firsts[-1])
        edges, empty = [self.edges[q] for q in sample], [self.empty[q] for q in sample]
        for by in range(size, (left + 1) * size, size):
            self.edges += [[(mask, t + by if t >= moving else t) for mask, t in row] for row in edges]
            self.empty += [[t + by if t >= moving else t for t in row] for row in empty]
        return starts[-1] + left * size, sample

    def _is_shifted(self, firsts: list[int], starts: list[int], size: int) -> bool:
        """Whether the last copy is the one before it, moved by its size; `firsts` are the first states of four."""
        before, this, last, _ = firsts
        if starts[1] - starts[0] != size or not this - before == last - this == size:
            return False
        return all(
            self.edges[q + size] == [(mask, t + size if t >= before else t) for mask, t in self.edges[q]]
            and list(self.empty[q + size]) == [t + size if t >= before else t for t in self.empty[q]]
            for q in range(this, last)
        )

    def splice(self, machine: Machine, then: int) -> int:
        """The state that reads what `machine` accepts and goes on as `then`."""
        base = [self.state() for _ in machine.rows]
        for q, row, label in zip(base, machine.rows, machine.labels, strict=True):
            self.edges[q] += [(mask, base[t]) for t, mask in row.items()]
            if label:
                self.empty[q] = (then,)
                self._note_tail(q, q, then)
        return base[0]

    def _note_tail(self, begin: int, loop: int, then: int) -> None:
        """Note `begin`, where a loop goes on, if it reads one of a set, whatever comes, up to the end."""
        if then == FINAL and len(self.edges[begin]) == 1 and self.edges[begin][0][1] == loop:
            self.tails[begin] = self.edges[begin][0][0]

    def closures(self, targets: Targets) -> frozenset[int]:
        """The closures of all targets together."""
        if isinstance(targets, int):
            return self.closure(targets)
        return frozenset().union(*map(self.closure, targets))

    def closure(self, q: int) -> frozenset[int]:
        """The states with edges (or none at all: final ones) that `q` reaches by empty moves."""
        known = self._closures.get(q)
        if known is None:
            if not self.empty[q]:
                known = self._closures[q] = frozenset((q,))
                return known
            seen, stack = {q}, [q]
            while stack:
                for t in self.empty[stack.pop()]:
                    if t not in seen:
                        seen.add(t)
                        stack.append(t)
            self._visits -= len(seen)
            if self._visits < 0:
                raise BudgetExceeded("automaton states", self.limit)
            known = self._closures[q] = frozenset(s for s in seen if self.edges[s] or not self.empty[s])
        return known


#: What makes a machine deterministic and minimal: of `nfa_of`'s result.
Construct: TypeAlias = Callable[[Nfa, int, int], Machine]


def _normal(expr: Repeat) -> tuple[Expr, int, int | None]:
    """An equal repetition, without the nested ones that only add ways to match the same."""
    item, low, high = expr.item, expr.min, expr.max
    if high is not None and high < low:
        raise GrammarError(f"Expected a repetition's maximum to be at least its minimum {low}, got {high}.")
    while isinstance(item, Repeat) and item.min == 0 and high != 0:
        if item.max == 0:
            return item.item, 0, 0
        if item.max is None:
            item, low, high = item.item, 0, None
        elif item.max == 1 or high is None:
            item, low = item.item, 0
        else:
            break
    return item, low, high


def _anything() -> Machine:
    return Machine([{0: (1 << 256) - 1}], [1])


def determinize(exprs: Sequence[Expr], limit: int, construct: Construct | None = None) -> Machine:
    """The minimal machine that accepts what any of `exprs` matches, labelled with the first that does.

    `construct` makes a nondeterministic machine deterministic and minimal, given its start and the number of its final
    states, which come first; by default, `construct_plainly` does.

    Raises
    ------
    BudgetExceeded : it needs more than `limit` states on the way (those of plain literals not counted), or work in
        proportion.
    GrammarError : an expression is not regular.
    """
    if len(exprs) == 1 and (words := words_of(exprs[0])) and (machine := _literals(words)) is not None:
        return renumber(machine)
    match exprs:
        case [And() | Not() as expr]:
            return minimise(_deterministic(expr, limit, construct))
    return (construct or construct_plainly)(*nfa_of(exprs, limit, construct))


def construct_plainly(nfa: Nfa, start: int, n_finals: int) -> Machine:
    """The minimal machine by the subset construction and partition refinement."""
    found = construct_few(nfa, start, n_finals, nfa.limit + nfa.free)
    if found is None:
        raise BudgetExceeded("automaton states", nfa.limit)
    return found


def construct_few(nfa: Nfa, start: int, n_finals: int, most: int) -> Machine | None:
    """The same, or None if it takes more than so many states on the way."""
    found = subsets(nfa, start, n_finals, most)
    return found and minimise(found)


def nfa_of(exprs: Sequence[Expr], limit: int, construct: Construct | None = None) -> tuple[Nfa, int, int]:
    """A machine that reads any of the expressions, its start, and how many final states it has: the first ones."""
    nfa = Nfa(limit, construct)
    finals = [nfa.state() for _ in exprs]
    start = nfa.fork([nfa.build(expr, final) for expr, final in zip(exprs, finals, strict=True)] or [nfa.state()])
    return nfa, start, len(finals)


def _deterministic(expr: And | Not, limit: int, construct: Construct | None) -> Machine:
    """The machine of an intersection or a complement, not minimal."""
    if isinstance(expr, Not):
        return complement(_minimal(expr.item, limit, construct))
    return _intersection([_minimal(item, limit, construct) for item in expr.items], limit)


@lru_cache(maxsize=256)
def _minimal(expr: Expr, limit: int, construct: Construct | None) -> Machine:
    """The minimal machine of a part, which schemas have in common; not to be changed."""
    return determinize([expr], limit, construct)


def _intersection(machines: list[Machine], limit: int) -> Machine:
    """What all machines accept; minimal unless it is small."""
    if not machines:
        return _anything()
    found = machines[0]
    for machine in machines[1:]:
        small = BLOWN_UP * max(len(found.rows), len(machine.rows))
        found = product(found, machine, limit)
        if len(found.rows) > small:
            found = minimise(found)
    return found


def words_of(expr: Expr) -> list[Bytes | Spelled]:
    """The strings of an alternation of nothing but literals; none if it holds something else."""
    items = expr.items if isinstance(expr, Alt) else (expr,)
    words = [item for item in items if isinstance(item, Bytes | Spelled)]
    return words if len(words) == len(items) else []


def _literals(words: Sequence[Bytes | Spelled]) -> Machine | None:
    """The minimal machine of many literals; None if some that differ have a spelling in common."""
    if all(isinstance(word, Bytes) for word in words):
        return literals([word.data for word in words if isinstance(word, Bytes)])
    try:
        return spelled_literals(map(symbols_of, words))
    except UnsupportedFeature:
        return None
