"""Grammar analysis: what can be known about rules without an automaton.

    min_length              least bytes of each rule: 0 is nullable, infinity is unproductive
    left_calls              the rules that an expression may call before it has consumed anything
    components              strongly connected components, callees first
    self_embedding          the rules that make a grammar more than regular

Laws
    1. Everything is iterative: depth of nesting and length of chains of rules are bounded by memory alone.
    2. Nullability here is structural: a `Guarded` counts as nullable if its expression is, whatever the check says,
       unless the checks are asked for.
Source: Knuth 1977, A generalization of Dijkstra's algorithm (least lengths); Tarjan 1972 (components); Nederhof 2000,
Regular approximation of CFLs, section 2 (self-embedding).
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

from .fold import fold_all
from .ir import (
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
    children,
    references,
)

N = TypeVar("N", bound=Hashable)


def reachable(rules: Mapping[str, Expr], start: str) -> dict[str, Expr]:
    """The rules that `start` needs, breadth-first. Forces their bodies; KeyError for a rule that is not there."""
    found = {start: rules[start]}
    for name in (queue := [start]):
        for ref in references(found[name]):
            if ref not in found:
                found[ref] = rules[ref]
                queue.append(ref)
    return found


def call_graph(rules: Mapping[str, Expr]) -> dict[str, list[str]]:
    """Rule -> the rules it refers to, each once."""
    return {name: list(dict.fromkeys(references(body))) for name, body in rules.items()}


def components(graph: Mapping[N, Iterable[N]]) -> list[list[N]]:
    """The strongly connected components, each after those it points to."""
    order: dict[N, int] = {}
    low: dict[N, int] = {}
    path: list[N] = []
    on_path: set[N] = set()
    found: list[list[N]] = []
    for root in graph:
        if root in order:
            continue
        stack: list[tuple[N, Iterator[N]]] = [(root, iter(graph[root]))]
        order[root] = low[root] = len(order)
        path.append(root)
        on_path.add(root)
        while stack:
            node, rest = stack[-1]
            for target in rest:
                if target not in order:
                    order[target] = low[target] = len(order)
                    path.append(target)
                    on_path.add(target)
                    stack.append((target, iter(graph[target])))
                    break
                if target in on_path:
                    low[node] = min(low[node], order[target])
            else:
                stack.pop()
                if stack:
                    low[stack[-1][0]] = min(low[stack[-1][0]], low[node])
                if low[node] == order[node]:
                    component = [path.pop()]
                    while component[-1] != node:
                        component.append(path.pop())
                    on_path.difference_update(component)
                    found.append(component[::-1])
    return found


def cyclic_components(graph: Mapping[N, Collection[N]]) -> list[list[N]]:
    """The components with a cycle: several nodes, or one that points to itself."""
    return [found for found in components(graph) if len(found) > 1 or found[0] in graph[found[0]]]


def least_fixpoint(
    rules: Mapping[str, Expr], evaluate: Callable[[Expr, Mapping[str, float]], float]
) -> dict[str, float]:
    """The least value of each rule, where `evaluate` gives that of a body from those of the rules it refers to.

    `evaluate` is monotone and never below the values that it uses; infinity means "no value". A body is evaluated once
    if its rule is not recursive, else at most once per rule of its component.
    """
    graph = call_graph(rules)
    table: dict[str, float] = {}
    for component in components(graph):
        if len(component) == 1 and component[0] not in graph[component[0]]:
            table[component[0]] = evaluate(rules[component[0]], table)
            continue
        table.update(dict.fromkeys(component, math.inf))
        callers: dict[str, list[str]] = {name: [] for name in component}
        for name in component:
            for ref in graph[name]:
                if ref in callers:
                    callers[ref].append(name)
        final: set[str] = set()
        heap = [(evaluate(rules[name], table), name) for name in component]
        heapq.heapify(heap)
        while heap:
            value, name = heapq.heappop(heap)
            if name in final or value == math.inf:
                continue
            final.add(name)
            table[name] = value
            for caller in callers[name]:
                if caller not in final:
                    heapq.heappush(heap, (evaluate(rules[caller], table), caller))
    return table


def min_length(grammar: Grammar | Mapping[str, Expr], *, ask_checks: bool = False) -> dict[str, float]:
    """Least bytes of a string of each rule; a special token counts 1, an unproductive rule has infinity.

    A lower bound where `And`, `Not` or `Guarded` occur; 0 means nullable (with `ask_checks`, also in the eyes of the
    checks, which are then asked about the empty text). Forces all rules, which must refer to no undefined one.
    """
    rules = grammar.rules if isinstance(grammar, Grammar) else grammar
    return least_fixpoint(rules, lambda body, table: min_length_of(body, table, ask_checks=ask_checks))


def min_length_of(expr: Expr, table: Mapping[str, float], *, ask_checks: bool = False) -> float:
    """Least bytes of a string of the expression; `table` has those of the rules."""
    return min_lengths(expr, table, ask_checks=ask_checks)[id(expr)]


def min_lengths(expr: Expr, table: Mapping[str, float], *, ask_checks: bool = False) -> dict[int, float]:
    """As `min_length_of`, for all sub-expressions by `id`; valid while `expr` lives."""

    def least(node: Expr, kids: list[float]) -> float:
        match node:
            case Bytes(data):
                return len(data)
            case Ref(name):
                return table[name]
            case ByteSet(mask):
                return 1 if mask else math.inf
            case Seq():
                return sum(kids)
            case Alt():
                return min(kids, default=math.inf)
            case Repeat(_, low, high):
                return _times(low, kids[0]) if high is None or low <= high else math.inf
            case Token():
                return 1
            case Spelled(text):
                return len(json.dumps(text, ensure_ascii=False).encode(errors="backslashreplace"))
            case And():
                return max(kids, default=0)
            case Not():
                return 0 if kids[0] else 1
            case Guarded(_, check):
                return 1 if ask_checks and kids[0] == 0 and not check(b"") else kids[0]
            case Members():
                return _least_members(node, kids)
            case Items():
                return _least_items(node, kids)
            case _:
                return kids[0]

    return fold_all(expr, least)


def _times(n: int, length: float) -> float:
    return n * length if n else 0


def _least_members(node: Members, kids: list[float]) -> float:
    """The required members and, up to `min`, the cheapest of the rest."""
    *pairs, colon, comma = kids
    costs = [key + colon + value for key, value in zip(pairs[::2], pairs[1::2], strict=True)]
    declared = list(zip(node.keys, costs, strict=False))
    chosen = [cost for member, cost in declared if member.required]
    missing = node.min - len(chosen)
    if missing > 0:
        other = min(costs[len(node.keys) :], default=math.inf)
        spare = sorted(cost for member, cost in declared if not member.required and cost < other)[:missing]
        chosen += spare
        chosen += [_times(missing - len(spare), other)]
    count = max(node.min, sum(member.required for member in node.keys))
    if node.max is not None and count > node.max:
        return math.inf
    return sum(chosen) + _times(max(count - 1, 0), comma)


def _least_items(node: Items, kids: list[float]) -> float:
    n = len(node.prefix)
    if node.max is not None and node.min > node.max:
        return math.inf
    beyond = max(node.min - n, 0)
    rest = math.inf if node.rest is None else kids[n]
    return sum(kids[: min(node.min, n)]) + _times(beyond, rest) + _times(max(node.min - 1, 0), kids[-1])


def nullable_rules(grammar: Grammar) -> set[str]:
    """The rules that match the empty string (structurally: checks are not asked)."""
    return {name for name, least in min_length(grammar).items() if least == 0}


def productive_rules(grammar: Grammar) -> set[str]:
    """The rules that match any string at all; where `And` or `Not` occur, those that may."""
    return {name for name, least in min_length(grammar).items() if least < math.inf}


def left_calls(expr: Expr, lengths: Mapping[int, float]) -> set[str]:
    """The rules that may be called before a byte or token is consumed; `lengths` as from `min_lengths(expr, ...)`."""
    calls: set[str] = set()
    stack, seen = [expr], set[int]()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        match node:
            case Ref(name):
                calls.add(name)
            case Seq(items):
                stack.extend(_leading(items, lengths))
            case Members():
                keys = [*(member.key for member in node.keys), *(other.key for other in node.other)]
                stack.extend(keys)
                if any(lengths[id(key)] == 0 for key in keys):
                    stack.append(node.colon)
            case Items():
                first = node.prefix[:1] or (() if node.rest is None else (node.rest,))
                stack.extend(_leading((*first, node.separator), lengths))
            case Repeat(_, _, 0):
                pass
            case _:
                stack.extend(children(node))
    return calls


def _leading(items: Iterable[Expr], lengths: Mapping[int, float]) -> Iterator[Expr]:
    """The items up to and including the first that is not nullable."""
    for item in items:
        yield item
        if lengths[id(item)] > 0:
            return


def left_call_graph(rules: Mapping[str, Expr], table: Mapping[str, float] | None = None) -> dict[str, set[str]]:
    """Rule -> the rules it may call before a byte or token is consumed; `table` as from `min_length(rules)`."""
    table = min_length(rules) if table is None else table
    return {name: left_calls(body, min_lengths(body, table)) for name, body in rules.items()}


def self_embedding(grammar: Grammar) -> set[str]:
    """The rules of those components that derive themselves with something on either side; none: a regular language.

    `And`, `Not`, `Members` and `Items` count as able to match a non-empty string. The grammar should have no useless
    rules, else the answer may name too many.
    """
    graph = call_graph(grammar.rules)
    solid = least_fixpoint(grammar.rules, lambda body, table: 0 if _solid_parts(body, table)[id(body)] else math.inf)
    found: set[str] = set()
    for component in cyclic_components(graph):
        inside = set(component)
        contexts = [context for name in component for context in _contexts(grammar.rules[name], inside, solid)]
        if any(left for left, _ in contexts) and any(right for _, right in contexts):
            found |= inside
    return found


def _contexts(expr: Expr, inside: set[str], solid: Mapping[str, float]) -> Iterator[tuple[bool, bool]]:
    """For each reference into `inside`: whether something non-empty may stand before it, and behind it."""
    matter = _solid_parts(expr, solid)
    stack: list[tuple[Expr, bool, bool]] = [(expr, False, False)]
    seen: set[tuple[int, bool, bool]] = set()
    while stack:
        node, left, right = stack.pop()
        if (id(node), left, right) in seen:
            continue
        seen.add((id(node), left, right))
        match node:
            case Ref(name) if name in inside:
                yield left, right
            case Seq(items):
                marks = [k for k, item in enumerate(items) if matter[id(item)]]
                first, last = (marks[0], marks[-1]) if marks else (len(items), -1)
                stack.extend((item, left or first < k, right or k < last) for k, item in enumerate(items))
            case Repeat(item, _, high):
                twice = matter[id(item)] and (high is None or high > 1)
                stack.append((item, left or twice, right or twice))
            case Members() | Items():
                stack.extend((kid, True, True) for kid in children(node))
            case _:
                stack.extend((kid, left, right) for kid in children(node))


def _solid_parts(expr: Expr, table: Mapping[str, float]) -> dict[int, bool]:
    """Which sub-expressions, by `id`, match some non-empty string; rules do if they have 0 in the table."""

    def solid(node: Expr, kids: list[bool]) -> bool:
        match node:
            case Bytes(data):
                return bool(data)
            case Ref(name):
                return table[name] == 0
            case Repeat(_, _, 0):
                return False
            case Seq() | Alt() | Repeat() | Guarded() | Lexeme() | Written():
                return any(kids)
            case _:
                return True

    return fold_all(expr, solid)
