"""Left recursion: rules rewritten so that none calls itself before it has consumed something.

Of the rules that may reach each other at the left (a component C of the left-call graph), each is split into strings
that begin with a rule of C and strings that do not. `A` then begins with a start S_B of some B and climbs: a B leads
a D, which leads an E, until it is an A.

    A     = S_B (A from B)                                  for every B of C
    A from B = empty if B is A | T (A from E) | A from F    for every E = B T ... and F = B ...

where rules that are each other for free (A = B, B = A) count as one. A rule alone becomes `S T*`. The empty string is
kept apart: nullable rules get a solid twin that lacks it.

Laws
    1. The language of every rule is unchanged; only recognition matters, not parse trees.
    2. No rule reaches itself through left calls afterwards.
    3. The new rules grow as |C| times the size of the component in the worst case, and no further than `LIMIT`.
Source: left-corner transform, Rosenkrantz and Lewis 1970, Deterministic left corner parsing; Moore 2000, Removing left
recursion from context-free grammars, section 5; here with regular right parts and hidden left recursion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import BudgetExceeded, UnsupportedFeature
from .analysis import call_graph, components, cyclic_components, left_call_graph, min_length
from .fold import alternation, concatenation, is_nothing, repetition, size
from .ir import EMPTY, Expr, Guarded, Ref, references
from .split import Splitter

#: Alternatives that the rewriting of one component may need.
LIMIT = 200_000

#: Larger expressions become rules of their own where several rules would repeat them.
_SMALL = 4


def remove_left_recursion(
    rules: Mapping[str, Expr], start: str, places: Mapping[str, str] | None = None
) -> dict[str, Expr]:
    """The same rules without left recursion, and whatever new rules that takes; forces all bodies.

    Rules that nothing calls any more are left out; `start` stays.

    Raises
    ------
    UnsupportedFeature : a left-recursive cycle leads through a `Guarded`, `Members`, `Lexeme`, `And` or `Not`.
    BudgetExceeded : a component needs more than `LIMIT` alternatives.
    """
    structural = min_length(rules)
    cycles = cyclic_components(left_call_graph(rules, structural))
    if not cycles:
        return dict(rules)
    work = _Work(dict(rules), structural, min_length(rules, ask_checks=True), places or {})
    work.recursive = {name for cycle in cycles for name in cycle}
    work.callers[start].add("")
    for name, refs in call_graph(rules).items():
        for ref in refs:
            work.callers[ref].add(name)
    for cycle in cycles:
        _Component(work, cycle).rewrite()
    work.write_twins()
    return work.out


@dataclass
class _Work:
    """Rules in the making."""

    out: dict[str, Expr]
    structural: Mapping[str, float]
    exact: Mapping[str, float]
    places: Mapping[str, str]
    recursive: set[str] = field(default_factory=set)
    callers: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    twins: dict[str, str] = field(default_factory=dict)
    unwritten: list[str] = field(default_factory=list)

    def fresh(self, name: str, body: Expr) -> str:
        """A rule of a new name."""
        while name in self.out:
            name += "'"
        self.out[name] = body
        return name

    def twin(self, name: str) -> str:
        """The rule that has the non-empty strings of a nullable one; left-recursive ones lose theirs in rewriting."""
        if name not in self.twins:
            if name in self.recursive and self.exact[name] > 0:
                self.twins[name] = name
            else:
                self.twins[name] = self.fresh(f"{name}+", EMPTY)
                self.unwritten.append(name)
        return self.twins[name]

    def splitter(self, heads_in: frozenset[str] = frozenset()) -> Splitter:
        return Splitter(self.structural, self.exact, self.twin, heads_in)

    def write_twins(self) -> None:
        """Give a body to the twins of rules that are not left-recursive."""
        while self.unwritten:
            name = self.unwritten.pop()
            if name not in self.recursive:
                self.out[self.twins[name]] = self.splitter().split(self.out[name]).solid

    def shared(self, name: str, expr: Expr) -> Expr:
        """The expression, through a rule of its own unless it is small."""
        return expr if size(expr) <= _SMALL else Ref(self.fresh(name, expr))


class _Component:
    """Rules that reach each other at the left."""

    def __init__(self, work: _Work, names: list[str]) -> None:
        self.work = work
        self.names = names
        self.starts: dict[str, Expr] = {}
        #: rule -> (a rule that it leads, the non-empty tail behind it)
        self.steps: dict[str, list[tuple[str, Expr]]] = {name: [] for name in names}
        #: rule -> the rules that it is without more
        self.units: dict[str, set[str]] = {name: set() for name in names}

    def rewrite(self) -> None:
        """Replace the rules of the component."""
        self._split()
        if len(self.names) == 1:
            (name,) = self.names
            again = repetition(alternation(tail for _, tail in self.steps[name]), 0, None)
            self._define(name, concatenation((self.starts[name], again)))
            return
        wanted = self._wanted()
        alternatives = sum(1 + len(self.steps[name]) + len(self.units[name]) for name in self.names)
        if alternatives * len(wanted) > LIMIT:
            what = f"alternatives without left recursion, for {len(self.names)} rules from `{self.names[0]}` on"
            raise BudgetExceeded(what, LIMIT, "write them without left recursion, or let fewer begin with each other")
        self._share()
        for name in self.names:
            del self.work.out[name]
        for name in wanted:
            self._climb(name)

    def _split(self) -> None:
        splitter, tails = self.work.splitter(frozenset(self.names)), self.work.splitter()
        for name in self.names:
            parts = splitter.split(self.work.out[name])
            if parts.knot is not None:
                self._refuse(name, parts.knot)
            self.starts[name] = parts.solid
            for head, tail in parts.heads.items():
                behind = tails.split(tail)
                if not is_nothing(behind.solid):
                    self.steps[head].append((name, behind.solid))
                if behind.null:
                    self.units[head].add(name)

    def _refuse(self, name: str, knot: Expr) -> None:
        what = f"guard ({knot.check.keyword})" if isinstance(knot, Guarded) else f"`{type(knot).__name__}`"
        where = f" ({self.work.places[name]})" if name in self.work.places else ""
        cycle = " -> ".join([*self.names[:5], *(["..."] if len(self.names) > 5 else []), self.names[0]])
        raise UnsupportedFeature(
            f"Rule `{name}`{where} is left-recursive through a {what}: {cycle}. "
            "Let something be consumed before the recursion, or move it out of the rule that recurs."
        )

    def _wanted(self) -> list[str]:
        """The rules of the component that are called from elsewhere, or behind its left edge."""
        inside = set(self.names)
        bodies = [*self.starts.values(), *(tail for steps in self.steps.values() for _, tail in steps)]
        called = {ref for body in bodies for ref in references(body)}
        return [
            name
            for name in self.names
            if name in called or self.work.twins.get(name) in called or not self.work.callers[name] <= inside
        ]

    def _share(self) -> None:
        work = self.work
        for name in self.names:
            self.starts[name] = work.shared(f"{name}^", self.starts[name])
            self.steps[name] = [(up, work.shared(f"{up}>{name}", tail)) for up, tail in self.steps[name]]

    def _define(self, name: str, solid: Expr) -> None:
        """Set the rule, and its twin if it is nullable."""
        if self.work.exact[name] > 0:
            self.work.out[name] = solid
        else:
            twin = self.work.twin(name)
            self.work.out[twin] = solid
            self.work.out[name] = alternation((EMPTY, Ref(twin)))

    def _climb(self, top: str) -> None:
        """Write `top` and the rules "top from B" that it needs, one for all B that are each other."""
        leads = self._leads_to(top)
        groups = [group for group in components(self.units) if not leads.isdisjoint(group)]
        rule_of: dict[str, Ref] = {}
        for group in groups:
            rule = Ref(self.work.fresh(f"{top}<{group[0]}", EMPTY))
            rule_of.update(dict.fromkeys(group, rule))
        for group in groups:
            above = {unit: None for name in group for unit in sorted(self.units[name]) if unit in leads}
            ways: list[Expr] = [EMPTY] if top in group else []
            ways += [
                concatenation((tail, rule_of[up])) for name in group for up, tail in self.steps[name] if up in leads
            ]
            ways += [rule_of[unit] for unit in above if unit not in group]
            self.work.out[rule_of[group[0]].rule] = alternation(ways)
        starts = [name for name in self.names if name in leads and not is_nothing(self.starts[name])]
        self._define(top, alternation(concatenation((self.starts[name], rule_of[name])) for name in starts))

    def _leads_to(self, top: str) -> set[str]:
        """The rules from which `top` can be climbed to."""
        below: dict[str, list[str]] = {name: [] for name in self.names}
        for name in self.names:
            for up in [*(up for up, _ in self.steps[name]), *self.units[name]]:
                below[up].append(name)
        found = {top}
        stack = [top]
        while stack:
            fresh = [name for name in below[stack.pop()] if name not in found]
            found.update(fresh)
            stack.extend(fresh)
        return found
