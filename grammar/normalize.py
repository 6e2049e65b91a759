"""Normalisation: the form of a grammar that a pushdown automaton needs.

Normal form
    1. Every rule is reachable and productive; no unproductive alternative is left.
    2. No rule reaches itself through left calls: not directly, not through others, not behind what may be empty.
    3. No `Repeat` has a nullable item.
Beyond that, `normalize` turns right recursion into loops and inlines small regular rules, see `inline`.

Laws
    1. The language is unchanged, the checks of `Guarded` included.
    2. A grammar in normal form stays as it is, but for inlining. A member's value may be `NOTHING`: a forbidden key.
    3. Time is about linear in the grammar; left recursion between many rules costs more, up to a limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from ..errors import EmptyLanguage, GrammarSyntaxError
from .analysis import cyclic_components, left_calls, min_length, min_lengths, reachable
from .fold import alternation, fold, is_nothing, rebuild, repetition
from .inline import inline_regular
from .ir import EMPTY, NOTHING, Alt, Expr, Grammar, Items, Members, Repeat, references
from .left_recursion import remove_left_recursion
from .split import Splitter


def normalize(grammar: Grammar) -> Grammar:
    """A grammar of the same language in normal form. Forces the bodies of all rules that the start needs.

    Raises
    ------
    GrammarSyntaxError : a rule refers to one that does not exist.
    EmptyLanguage : no string can be derived from the start.
    UnsupportedFeature : left recursion through a `Guarded`, `Members`, `Lexeme`, `And` or `Not`.
    BudgetExceeded : left recursion between too many rules.
    """
    rules = _reachable(grammar)
    if not _is_normal(rules):
        rules = _without_useless(rules, grammar)
        rules = remove_left_recursion(rules, grammar.start, grammar.places)
        rules = _with_solid_repeats(rules)
        rules = _without_useless(rules, grammar)
    rules = inline_regular(rules, grammar.start)
    return Grammar(grammar.start, rules, {name: grammar.places[name] for name in rules if name in grammar.places})


def is_normal(grammar: Grammar) -> bool:
    """Whether the grammar is in normal form. Forces the bodies of all rules."""
    rules = _reachable(grammar)
    return len(rules) == len(grammar.rules) and _is_normal(rules)


def _is_normal(rules: Mapping[str, Expr]) -> bool:
    table = min_length(rules)
    graph: dict[str, set[str]] = {}
    for name, body in rules.items():
        lengths = min_lengths(body, table)
        if _has_useless(body, lengths) or _repeats_nothing(body, lengths):
            return False
        graph[name] = left_calls(body, lengths)
    return not cyclic_components(graph)


def _has_useless(body: Expr, lengths: Mapping[int, float]) -> bool:
    """Whether some part matches no string; the value of a member may be `NOTHING`, which forbids its key."""
    if math.inf not in lengths.values():
        return False

    def useless(node: Expr, kids: list[bool]) -> bool:
        if isinstance(node, Members) and node.other:
            forbidden = [1 + 2 * k for k, member in enumerate(node.keys) if is_nothing(member.value)]
            kids = [dead and k not in forbidden for k, dead in enumerate(kids)]
        return lengths[id(node)] == math.inf or any(kids)

    return fold(body, useless)


def _repeats_nothing(body: Expr, lengths: Mapping[int, float]) -> bool:
    """Whether some `Repeat` has a nullable item."""
    if 0 not in lengths.values():
        return False
    return fold(body, lambda node, kids: any(kids) or (isinstance(node, Repeat) and lengths[id(node.item)] == 0))


def _reachable(grammar: Grammar) -> dict[str, Expr]:
    try:
        return reachable(grammar.rules, grammar.start)
    except KeyError:
        raise _undefined(grammar) from None


def _undefined(grammar: Grammar) -> GrammarSyntaxError:
    """The error for the first reference, breadth-first, to a rule that does not exist."""
    callers = {grammar.start: ""}
    for name in (queue := [grammar.start]):
        if name not in grammar.rules:
            break
        fresh = {ref: name for ref in references(grammar.rules[name]) if ref not in callers}
        callers.update(fresh)
        queue.extend(fresh)
    caller = callers[name]
    where = f" in rule `{caller}`" if caller else " as the start"
    where += f" ({grammar.places[caller]})" if caller in grammar.places else ""
    close = get_close_matches(name, list(grammar.rules), 1)
    hint = f" Did you mean `{close[0]}`?" if close else ""
    return GrammarSyntaxError(f"Rule `{name}`, used{where}, is not defined.{hint}")


def _without_useless(rules: Mapping[str, Expr], grammar: Grammar) -> dict[str, Expr]:
    """Unproductive alternatives removed, unreachable rules dropped."""
    table = min_length(rules)
    if table[grammar.start] == math.inf:
        raise EmptyLanguage(_why_empty(rules, table, grammar))
    return reachable({name: _pruned(body, table) for name, body in rules.items()}, grammar.start)


def _pruned(body: Expr, table: Mapping[str, float]) -> Expr:
    lengths = min_lengths(body, table)
    return fold(body, lambda node, kids: _prune(node, kids, lengths)) if _has_useless(body, lengths) else body


def _why_empty(rules: Mapping[str, Expr], table: Mapping[str, float], grammar: Grammar) -> str:
    """Follow rules that derive nothing until one blames only itself."""
    name, path = grammar.start, [grammar.start]
    while blamed := [ref for ref in references(rules[name]) if table[ref] == math.inf and ref not in path]:
        name = blamed[0]
        path.append(name)
    where = f" ({grammar.places[name]})" if name in grammar.places else ""
    trail = " -> ".join(path if len(path) <= 6 else [*path[:3], "...", *path[-2:]])
    return (
        f"No string can be derived from `{grammar.start}`: every way through rule `{name}`{where} leads back to it or "
        f"to an empty set (seen along {trail}). Give it an alternative that ends."
    )


def _prune(node: Expr, kids: list[Expr], lengths: Mapping[int, float]) -> Expr:
    """The node of pruned children; those without a string have become `NOTHING`."""
    if lengths[id(node)] == math.inf:
        return NOTHING
    match node:
        case Alt():
            return alternation(kid for kid in kids if not is_nothing(kid))
        case Repeat(_, low, high):
            return repetition(kids[0], low, high)
        case Members():
            return _prune_members(node, kids)
        case Items():
            return _prune_items(node, kids)
        case _:
            return rebuild(node, kids)


def _prune_members(node: Members, kids: list[Expr]) -> Expr:
    """Declared keys without a value stay, forbidden, while other keys could take their place."""
    if is_nothing(kids[-2]):
        return EMPTY
    full = rebuild(node, kids)
    assert isinstance(full, Members)
    other = tuple(each for each in full.other if not is_nothing(each.key) and not is_nothing(each.value))
    keys = tuple(member for member in full.keys if other or not is_nothing(member.value))
    most = min(1, 1 if full.max is None else full.max) if is_nothing(kids[-1]) else full.max
    return replace(full, keys=keys, other=other, max=most)


def _prune_items(node: Items, kids: list[Expr]) -> Expr:
    """A list cannot go beyond an item that has no value."""
    prefix = kids[: len(node.prefix)]
    usable = next((k for k, item in enumerate(prefix) if is_nothing(item)), len(prefix))
    rest = kids[len(prefix)] if node.rest is not None and usable == len(prefix) else None
    rest = None if rest is not None and is_nothing(rest) else rest
    most = node.max
    if is_nothing(kids[-1]):
        most = 1 if most is None else min(most, 1)
    if not usable and rest is None:
        return EMPTY
    return Items(tuple(prefix[:usable]), rest, node.min, most, node.separator)


def _with_solid_repeats(rules: dict[str, Expr]) -> dict[str, Expr]:
    """No `Repeat` has a nullable item; `(a?)*` becomes `a*`."""
    structural = min_length(rules)
    if not any(_repeats_nothing(body, min_lengths(body, structural)) for body in rules.values()):
        return rules
    twins: dict[str, str] = {}

    def twin(name: str) -> str:
        if name not in twins:
            fresh = f"{name}+"
            while fresh in rules:
                fresh += "'"
            twins[name] = fresh
        return twins[name]

    splitter = Splitter(structural, min_length(rules, ask_checks=True), twin)
    splits = {name: splitter.split_solid(body) for name, body in rules.items()}
    solid = {twins[name]: splits[name].solid for name in twins}
    return {name: parts.whole for name, parts in splits.items()} | solid
