"""Threads of regular expressions: assertions anywhere, and the match that Python's `re` finds first.

All threads through a `Program` run side by side, a code point at a time. A thread is an instruction (`Read` or `End`)
with what it still owes: for each lookahead on its way, the threads of that lookahead, of which one must match (or, if
negative, none may). Lookbehinds run from the start of the text, whoever asks for them. So a state is
    behind   per lookbehind, the instructions that its threads wait at
    threads  those of the pattern
Every text leads to one of finitely many states, and the deterministic automaton over classes of code points that comes
of it is written back as a plain tree (`character_automaton`).

Two languages are asked for.
    whole   the texts that some thread matches from end to end: `re.fullmatch`. Order is of no consequence.
    first   the texts that the first match is all of: `re.match(pattern, text).end() == len(text)`. Threads stand in the
            order of preference. A match makes those behind it superfluous; while it owes something they stay, and when
            it ended earlier it stays as `PAST`, since it is preferred to those behind it.

Laws
    1. The longest prefix of a text that is in `first` is what `re.match` finds in the text, if no lookahead of the
       pattern sees beyond it. 2. What a lookaround sees is the text matched, nothing around it.

Source: Cox 2009, "Regular Expression Matching: the Virtual Machine Approach" (threads in order of preference).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from ..errors import BudgetExceeded
from .character_automaton import CharacterAutomaton, as_pattern
from .machine import Machine, minimise
from .regex_program import END, Assert, End, Enter, Fork, Program, Read, Round
from .regex_tree import CharSet, Look, Node, concat, either, loop
from .text_node import Chars, Choose, Loop, Sequence
from .text_node import Literal as Text
from .text_node import Node as TextNode
from .unicode import CodePoints, classify, union

#: Stands for the instruction of a match that ended earlier.
PAST = -1
#: States of the automaton before and after it is made minimal.
MAX_STATES = 2000
MAX_MINIMAL = 150
#: Steps of threads.
MAX_STEPS = 200_000
#: Nodes of the tree that is written.
MAX_NODES = 5000

Thread: TypeAlias = "tuple[int, Debts]"
#: What a thread owes: (negative, threads of a lookahead).
Debts: TypeAlias = "frozenset[tuple[bool, frozenset[Thread]]]"
#: In order, if that is of consequence.
Threads: TypeAlias = "tuple[Thread, ...] | frozenset[Thread]"
State: TypeAlias = "tuple[tuple[frozenset[int], ...], Threads]"

NO_DEBTS: Debts = frozenset()


def without_assertions(node: Node, source: str, which: Literal["whole", "first"] = "whole") -> Node:
    """A plain tree of the same language.

    Parameters
    ----------
    source : the pattern, for errors.
    which : which language, see the module.

    Raises
    ------
    UnsupportedFeature : a lookbehind asks for what follows it; with the offset.
    BudgetExceeded : it takes too many states.
    """
    found = _automaton(node, source, which == "first")
    return either(()) if found is None else _written(found)


def atomic(node: Node, source: str, offset: int) -> Node:
    """What an atomic group of a plain node matches: its first match in the text, and no other.

    That is a text in `first` behind which no longer one follows; so it is written with lookaheads.

    Raises as `without_assertions`.
    """
    found = _automaton(node, source, True)
    if found is None:
        return either(())
    branches: list[Node] = []
    for q in (q for q, accepts in enumerate(found.accepting) if accepts):
        way = _written(CharacterAutomaton(found.ways, [p == q for p in range(len(found.ways))]))
        if found.ways[q]:
            behind = [{t + 1: ranges for t, ranges in row.items()} for row in (found.ways[q], *found.ways)]
            longer = _written(CharacterAutomaton(behind, [False, *found.accepting]))
            way = concat([way, Look(longer, False, True, offset)])
        branches.append(way)
    return either(branches)


def _automaton(node: Node, source: str, ordered: bool) -> CharacterAutomaton | None:
    """The minimal automaton; None if no text matches."""
    threads = _Threads(Program(node, source), ordered)
    machine = minimise(threads.machine())
    if len(machine.rows) > MAX_MINIMAL:
        raise BudgetExceeded("states of a pattern's assertions", MAX_MINIMAL, "write fewer of them")
    ways = [{t: _union(threads.classes, mask) for t, mask in row.items()} for row in machine.rows]
    return CharacterAutomaton(ways, [label > 0 for label in machine.labels]) if any(machine.labels) else None


def _written(automaton: CharacterAutomaton) -> Node:
    """The automaton as a plain tree."""
    found = as_pattern(automaton, MAX_NODES)
    if found is None:
        raise BudgetExceeded("parts of a pattern's assertions", MAX_NODES, "write fewer of them")
    return _tree(found)


class _Threads:
    """The threads of a program."""

    def __init__(self, program: Program, ordered: bool) -> None:
        self.program = program
        self.ordered = ordered
        self.reads = {q: each for q, each in enumerate(program.code) if isinstance(each, Read)}
        #: The classes of code points that the pattern tells apart; class k is bit k of a mask.
        self.classes, masks = classify(dict.fromkeys(read.ranges for read in self.reads.values()))
        self.mask_of = {q: masks[read.ranges] for q, read in self.reads.items()}
        self.behind = [k for k, look in enumerate(program.looks) if look.behind]
        self._closures: dict[tuple[int, int], list[Thread]] = {}
        self._steps = MAX_STEPS

    def machine(self) -> Machine:
        """The automaton, its moves masks of classes."""
        start = self._state([frozenset()] * len(self.behind), None, 0)
        number, order = {start: 0}, [start]
        rows: list[dict[int, int]] = []
        for state in order:
            row: defaultdict[int, int] = defaultdict(int)
            for k in range(len(self.classes)):
                after = self._state(state[0], state[1], k)
                if after[1]:
                    row[number.setdefault(after, len(order))] |= 1 << k
                    order += [after] * (len(number) - len(order))
            rows.append(dict(row))
            if len(order) > MAX_STATES:
                raise BudgetExceeded("states of a pattern's assertions", MAX_STATES, "write fewer of them")
        return Machine(rows, [int(self._accepts(state[1])) for state in order])

    def _state(self, behind: Iterable[frozenset[int]], threads: Threads | None, k: int) -> State:
        """The state behind a code point of class `k`; without threads, the first one."""
        held, waiting = 0, []
        for look, before in zip(self.behind, behind, strict=True):
            places = {self.program.looks[look].start, *(self.reads[q].then for q in before if self._reads(q, k))}
            here = {q for place in places for q, _ in self._closure(place, held)}
            held |= (END in here) << look
            waiting.append(frozenset(here - {END}))
        found = self._closure(self.program.start, held) if threads is None else self._step(threads, k, held)
        return tuple(waiting), self._kept(found)

    def _reads(self, q: int, k: int) -> bool:
        return bool(self.mask_of[q] >> k & 1)

    # Threads

    def _closure(self, start: int, held: int) -> list[Thread]:
        """The threads that start at an instruction, in order; bit k of `held` says that lookbehind k matches here."""
        known = self._closures.get((start, held))
        if known is None:
            known = self._closures[start, held] = list(dict.fromkeys(self._follow(start, held)))
        return known

    def _follow(self, start: int, held: int) -> Iterator[Thread]:
        # Each with the loops whose round began here.
        stack: list[tuple[int, frozenset[int], Debts]] = [(start, frozenset(), NO_DEBTS)]
        seen = set()
        while stack:
            if stack[-1] in seen:
                stack.pop()
                continue
            seen.add(stack[-1])
            self._spend()
            at, begun, debts = stack.pop()
            match self.program.code[at]:
                case End() | Read():
                    yield at, debts
                case Fork(ways):
                    stack += [(way, begun, debts) for way in reversed(ways)]
                case Enter(number, then):
                    stack.append((then, begun - {number}, debts))
                case Round(number, body, after, lazy):
                    behind = [(after, begun - {number}, debts)]
                    more = [(body, begun | {number}, debts)] if number not in begun else []
                    stack += [*more, *behind] if lazy else [*behind, *more]
                case Assert(look, then):
                    owed = self._asserted(look, held)
                    if owed is not None:
                        stack.append((then, begun, debts | owed))

    def _asserted(self, look: int, held: int) -> Debts | None:
        """What a lookaround asks for at its place; None if it fails."""
        code = self.program.looks[look]
        if code.behind:
            return NO_DEBTS if bool(held >> look & 1) != code.negative else None
        return _settled(code.negative, self._closure(code.start, held))

    def _step(self, threads: Iterable[Thread], k: int, held: int) -> Iterator[Thread]:
        """The threads behind a code point of class `k`, in order."""
        for q, debts in threads:
            self._spend()
            if q > END and not self._reads(q, k):
                continue
            owed = self._paid(debts, k, held)
            if owed is None:
                continue
            if q <= END:
                yield PAST, owed
            else:
                for p, more in self._closure(self.reads[q].then, held):
                    yield p, owed | more

    def _paid(self, debts: Debts, k: int, held: int) -> Debts | None:
        """What is owed behind a code point of class `k`; None if some lookahead fails."""
        left = NO_DEBTS
        for negative, threads in debts:
            settled = _settled(negative, self._step(threads, k, held))
            if settled is None:
                return None
            left |= settled
        return left

    def _spend(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise BudgetExceeded("steps through a pattern's assertions", MAX_STEPS, "write fewer of them")

    # States

    def _kept(self, threads: Iterable[Thread]) -> Threads:
        """The threads that matter for what is asked: none that comes behind another at the same place and owes more."""
        if not self.ordered:
            threads = sorted((thread for thread in threads if thread[0] != PAST), key=lambda thread: len(thread[1]))
        kept: list[Thread] = []
        debts_of: defaultdict[int, list[Debts]] = defaultdict(list)
        for q, debts in threads:
            self._spend()
            if any(fewer <= debts for fewer in debts_of[q]):
                continue
            debts_of[q].append(debts)
            kept.append((q, debts))
            if self.ordered and q <= END and not debts:
                break
        while kept and kept[-1][0] == PAST:
            kept.pop()
        return tuple(kept) if self.ordered else frozenset(kept)

    def _accepts(self, threads: Threads) -> bool:
        """Whether the text may end here."""
        ended = (q == END for q, debts in threads if q <= END and _is_settled(debts))
        return next(ended, False)


def _settled(negative: bool, threads: Iterable[Thread]) -> Debts | None:
    """What a lookahead with these threads owes; None if it fails."""
    found = frozenset((max(q, END), debts) for q, debts in threads)
    if (END, NO_DEBTS) in found:
        return None if negative else NO_DEBTS
    if not found:
        return NO_DEBTS if negative else None
    return frozenset({(negative, found)})


def _is_settled(debts: Debts) -> bool:
    """Whether all is paid where the text ends."""
    return all(negative != any(q == END and _is_settled(owed) for q, owed in threads) for negative, threads in debts)


def _union(classes: list[CodePoints], mask: int) -> CodePoints:
    return union(*(ranges for k, ranges in enumerate(classes) if mask >> k & 1))


def _tree(node: TextNode) -> Node:
    """A printer's node as a pattern's."""
    match node:
        case Text(text):
            return concat(CharSet(((ord(char), ord(char)),)) for char in text)
        case Chars(ranges):
            return CharSet(ranges)
        case Sequence(items):
            return concat(map(_tree, items))
        case Choose(items):
            return either(map(_tree, items))
        case Loop(item, low, high):
            return loop(_tree(item), low, high)
    raise TypeError(f"Expected a node of characters, got {node}.")
