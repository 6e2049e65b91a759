"""Character automata: byte DFAs of UTF-8 text read a character at a time, and written as patterns or as rules.

Source: Brzozowski and McCluskey 1963, by elimination of states, those of fewest ways first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from ..errors import UnsupportedFeature
from .dfa import to_machine
from .ir import Expr
from .machine import Machine
from .regular import compile_regular, is_empty
from .text_node import EMPTY_TEXT, NO_TEXT, Name, Node, chars, choose, in_order, loop, size
from .unicode import CodePoints, union
from .utf8_products import ranges_of


@dataclass(frozen=True)
class CharacterAutomaton:
    """States that stand between characters; 0 is the start. Every state is live."""

    #: state -> next state -> the characters that lead there
    ways: list[dict[int, CodePoints]]
    accepting: list[bool]


def read_characters(expr: Expr, limit: int = 2000) -> CharacterAutomaton | None:
    """The automaton of a regular expression; None if no text matches.

    Raises
    ------
    UnsupportedFeature : some match is not UTF-8.
    BudgetExceeded : more than `limit` states are needed.
    """
    dfa = compile_regular(expr, limit)
    if is_empty(dfa):
        return None
    machine = to_machine(dfa)
    numbers, ways, accepting = {0: 0}, [], []
    for q in (queue := [0]):
        row: dict[int, CodePoints] = {}
        for target, ranges in _steps(machine, q).items():
            if target not in numbers:
                numbers[target] = len(numbers)
                queue.append(target)
            row[numbers[target]] = ranges
        ways.append(row)
        accepting.append(bool(machine.labels[q]))
    return CharacterAutomaton(ways, accepting)


def _steps(machine: Machine, q: int) -> dict[int, CodePoints]:
    """The states behind one more character."""
    found: defaultdict[int, list[CodePoints]] = defaultdict(list)
    stack: list[tuple[int, tuple[int, ...]]] = [(q, ())]
    while stack:
        state, path = stack.pop()
        if path and (ranges := ranges_of((path,))) is not None:
            found[state].append(ranges)
            continue
        if len(path) == 4 or (path and machine.labels[state]):
            raise UnsupportedFeature(
                "Part of the grammar matches bytes that are no UTF-8 text, which cannot be printed."
            )
        for target, mask in machine.rows[state].items():
            stack += [(target, (*path, part)) for part in (_split(mask) if not path else [mask])]
    return {target: union(*ranges) for target, ranges in found.items()}


def _split(mask: int) -> list[int]:
    """A first byte's mask by the length of what it leads."""
    bounds = (0, 0x80, 0xE0, 0xF0, 0x100)
    parts = [mask & ((1 << hi) - 1) & ~((1 << lo) - 1) for lo, hi in pairwise(bounds)]
    return [part for part in parts if part]


def as_pattern(automaton: CharacterAutomaton, limit: int) -> Node | None:
    """One expression of at most `limit` nodes; None if it would be larger."""
    n = len(automaton.ways)
    if n > limit:
        return None
    end = n
    edges: list[dict[int, Node]] = [{t: chars(ranges) for t, ranges in row.items()} for row in automaton.ways]
    for q, accepts in enumerate(automaton.accepting):
        if accepts:
            edges[q][end] = EMPTY_TEXT
    # a start that nothing leads to
    edges += [{}, {0: EMPTY_TEXT}]
    left = set(range(n))
    while left:
        q = min(left, key=lambda s: (_fan_in(edges, s) * len(edges[s].keys() - {s}), s))
        left.remove(q)
        around = loop(edges[q].pop(q, NO_TEXT), 0, None)
        for p in [*left, n + 1]:
            if (lead := edges[p].pop(q, None)) is None:
                continue
            for t, tail in edges[q].items():
                way = in_order((lead, around, tail))
                edges[p][t] = choose((edges[p][t], way)) if t in edges[p] else way
                if size(edges[p][t]) > limit:
                    return None
        edges[q] = {}
    return edges[n + 1].get(end, NO_TEXT)


def _fan_in(edges: list[dict[int, Node]], state: int) -> int:
    return sum(state in row for q, row in enumerate(edges) if q != state)


def as_rules(automaton: CharacterAutomaton, name: str) -> dict[str, Node]:
    """A rule for each state; the first is called `name`."""
    names = [name, *(f"{name} {q}" for q in range(1, len(automaton.ways)))]
    return {
        names[q]: choose(
            [EMPTY_TEXT] * automaton.accepting[q] + [in_order((chars(r), Name(names[t]))) for t, r in row.items()]
        )
        for q, row in enumerate(automaton.ways)
    }
