"""Inlining: right recursion to loops, and small regular rules into those that call them.

    A = "x" A | "y"    becomes    "x"* "y"           (a component of rules that call each other only at their ends)
    A = B "z", B = "x" | "y"    becomes    A = ("x" | "y") "z"

A grammar that is regular throughout becomes one rule if that stays small and shallow. Terminals keep to themselves: a
`Lexeme` is never moved, and neither is a rule with a loop worth its own tables unless all becomes one.

Laws
    1. The language of the rules that remain is unchanged.
    2. The result depends on the grammar alone, and is larger than it by a constant factor at most.
"""

from __future__ import annotations

from collections.abc import Mapping

from .analysis import call_graph, components, reachable
from .fold import alternation, concatenation, fold, is_nothing, rebuild, repetition, size
from .ir import (
    EMPTY,
    NOTHING,
    Alt,
    Expr,
    Guarded,
    Items,
    Lexeme,
    Members,
    Ref,
    Repeat,
    Seq,
    references,
)
from .precedence import without_precedence

#: Nodes of a grammar that becomes one rule.
ONE_RULE = 2000
#: Levels of a grammar that becomes one rule: lowering a rule is recursive.
ONE_RULE_DEPTH = 100
#: Nodes of a rule without recursion that is inlined everywhere; of one with a loop.
SMALL, SMALL_LOOP = 16, 6
#: Rules of a component, and nodes of each, that is turned into loops.
LOOP_RULES, LOOP_SIZE = 8, 256


def inline_regular(rules: Mapping[str, Expr], start: str) -> dict[str, Expr]:
    """The same language with fewer rules; `rules` are in normal form, `start` comes first and stays."""
    out = without_precedence(_with_loops(rules))
    one = _one_rule(out, start)
    return {start: one} if one is not None else reachable(_with_small_inlined(out, start), start)


def _with_loops(rules: Mapping[str, Expr]) -> dict[str, Expr]:
    out = dict(rules)
    graph = call_graph(rules)
    for component in components(graph):
        if len(component) <= LOOP_RULES and (len(component) > 1 or component[0] in graph[component[0]]):
            out.update(_solve(component, rules))
    return out


#: A right-linear equation: what ends the rule, and what stands before each rule that it ends in.
_Equation = tuple[Expr, dict[str, Expr]]


def _solve(component: list[str], rules: Mapping[str, Expr]) -> dict[str, Expr]:
    """The component's rules without recursion if they call each other only at their ends, by elimination (Arden)."""
    inside = frozenset(component)
    equations: dict[str, _Equation] = {}
    for name in component:
        equation = fold(rules[name], lambda node, kids: _right(node, kids, inside))
        if equation is None:
            return {}
        equations[name] = equation
    for name in component:
        end, calls = equations[name]
        if name in calls:
            loop = repetition(calls.pop(name), 0, None)
            end, calls = concatenation((loop, end)), {ref: concatenation((loop, lead)) for ref, lead in calls.items()}
            equations[name] = end, calls
        for other in component:
            if other != name:
                equations[other] = _substitute(equations[other], name, equations[name])
        if any(size(end) + sum(map(size, calls.values())) > LOOP_SIZE for end, calls in equations.values()):
            return {}
    return {name: end for name, (end, _) in equations.items()}


def _substitute(equation: _Equation, name: str, value: _Equation) -> _Equation:
    """The equation with the rule `name` replaced by its value."""
    end, calls = equation
    lead = calls.pop(name, None)
    if lead is None:
        return equation
    for ref, behind in value[1].items():
        calls[ref] = alternation((calls.get(ref, NOTHING), concatenation((lead, behind))))
    return alternation((end, concatenation((lead, value[0])))), calls


def _right(node: Expr, kids: list[_Equation | None], inside: frozenset[str]) -> _Equation | None:
    """The node's equation; None if a rule of the component is called elsewhere than at the end."""
    match node:
        case Ref(name) if name in inside:
            return NOTHING, {name: EMPTY}
        case Alt():
            return _union(kids)
        case Seq() if kids and kids[-1] is not None and not any(kid is None or kid[1] for kid in kids[:-1]):
            end, calls = kids[-1]
            lead = concatenation(kid[0] for kid in kids[:-1] if kid)
            if not calls:
                return node, {}
            return concatenation((lead, end)), {ref: concatenation((lead, each)) for ref, each in calls.items()}
        case Repeat(_, 0, 1):
            return _union([(EMPTY, {}), *kids])
    return None if any(kid is None or kid[1] for kid in kids) else (node, {})


def _union(equations: list[_Equation | None]) -> _Equation | None:
    end: list[Expr] = []
    calls: dict[str, list[Expr]] = {}
    for equation in equations:
        if equation is None:
            return None
        if not is_nothing(equation[0]):
            end.append(equation[0])
        for ref, lead in equation[1].items():
            calls.setdefault(ref, []).append(lead)
    return alternation(end), {ref: alternation(leads) for ref, leads in calls.items()}


def _one_rule(rules: Mapping[str, Expr], start: str) -> Expr | None:
    """The start with everything inlined, if there is no recursion, nothing stateful and no terminal in the way."""
    needed = reachable(rules, start)
    if len(needed) > ONE_RULE or any(_is_fixed(body) for body in needed.values()):
        return None
    graph = call_graph(needed)
    order = components(graph)
    if any(len(component) > 1 or component[0] in graph[component[0]] for component in order):
        return None
    sizes: dict[str, int] = {}
    for (name,) in order:
        refs = references(needed[name])
        sizes[name] = size(needed[name]) + sum(sizes[ref] - 1 for ref in refs)
    if sizes[start] > ONE_RULE:
        return None
    bodies: dict[str, Expr] = {}
    for (name,) in order:
        bodies[name] = _inlined(needed[name], bodies)
    depth = fold(bodies[start], lambda _, kids: 1 + max(kids, default=0))
    return bodies[start] if depth <= ONE_RULE_DEPTH or len(needed) == 1 else None


def _with_small_inlined(rules: Mapping[str, Expr], start: str) -> dict[str, Expr]:
    """Rules that call nothing, once theirs are inlined, and are small go into their callers."""
    small: dict[str, Expr] = {}
    out = dict(rules)
    for component in components(call_graph(rules)):
        for name in component:
            body = out[name] = _inlined(rules[name], small)
            if len(component) == 1 and name != start and not any(references(body)) and not _is_fixed(body):
                loops = fold(body, lambda node, kids: any(kids) or (isinstance(node, Repeat) and node.max is None))
                if size(body) <= (SMALL_LOOP if loops else SMALL):
                    small[name] = body
    return out


def _is_fixed(body: Expr) -> bool:
    """Whether the expression holds a terminal or needs a frame of its own."""
    return fold(body, lambda node, kids: any(kids) or isinstance(node, Lexeme | Guarded | Members | Items))


def _inlined(expr: Expr, bodies: Mapping[str, Expr]) -> Expr:
    """The expression with some rules replaced by their bodies."""
    if bodies.keys().isdisjoint(references(expr)):
        return expr

    def put(node: Expr, kids: list[Expr]) -> Expr:
        match node:
            case Ref(name):
                return bodies.get(name, node)
            case Seq():
                return concatenation(kids)
            case Alt():
                return alternation(kids)
            case Repeat(item, low, high) if kids[0] is not item:
                return repetition(kids[0], low, high)
            case _:
                return rebuild(node, kids)

    return fold(expr, put)
