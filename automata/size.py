"""Size: how many states the rules of a grammar have, without a vocabulary.

The rules are lowered as for a pushdown automaton, so the figures are those of the automaton that would run; a rule used
in several places is one set of states. A part of a grammar owns the rules that it leads to, up to the values of
members and items that are parts themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ..errors import BudgetExceeded
from ..grammar.analysis import min_length_of
from ..grammar.ir import Expr, Grammar, Ref, Token, references
from .lower import Lowerer

K = TypeVar("K", bound=Hashable)

#: States of one rule, and of all rules together, up to which is counted.
MOST_STATES: Final = 100_000
MOST_STATES_IN_ALL: Final = 200_000


@dataclass(frozen=True, slots=True)
class Sizes(Generic[K]):
    """States of a grammar and of its parts; None: more than are counted."""

    total: int | None
    parts: dict[K, int | None]
    #: The parts with a rule that has too many states by itself.
    too_large: frozenset[K]


class _Tracing(Lowerer):
    """A lowerer that remembers what a rule calls."""

    def __init__(self, grammar: Grammar) -> None:
        super().__init__(grammar, self._is_empty_word, _any_token, MOST_STATES)
        self.called: list[int] = []

    def rule_id(self, expr: Expr, name: str = "") -> int:
        rule = super().rule_id(expr, name)
        self.called.append(rule)
        return rule

    def _is_empty_word(self, expr: Expr) -> bool:
        """Whether the expression matches the empty string; rules of a normal grammar never do."""
        return min_length_of(expr, dict.fromkeys(references(expr), 1.0), ask_checks=True) == 0


def _any_token(token: Token) -> int:
    return 0


def sizes_of(grammar: Grammar, parts: Mapping[K, Expr]) -> Sizes[K]:
    """Count states.

    Parameters
    ----------
    grammar : a normal one, as `JsonSchema.grammar()` gives it.
    parts : expressions of the grammar that stand for whole values.
    """
    counter = _Counter(grammar, frozenset(parts.values()))
    own = {key: counter.own(expr) for key, expr in parts.items()}
    total = counter.states(counter.reached(Ref(grammar.start)))
    too_large = frozenset(key for key, rules in own.items() if rules & counter.too_large)
    return Sizes(total, {key: counter.states(rules) for key, rules in own.items()}, too_large)


class _Counter:
    """Lowers rules once each."""

    def __init__(self, grammar: Grammar, values: frozenset[Expr]) -> None:
        self._lowerer = _Tracing(grammar)
        self._values = values
        self._states: dict[int, int | None] = {}
        self._calls: dict[int, list[int]] = {}
        self._in_all = 0
        self.too_large: set[int] = set()

    def own(self, expr: Expr) -> set[int]:
        """The rules that a part owns."""
        return self._closure(expr, self._own_calls)

    def reached(self, expr: Expr) -> set[int]:
        """All rules that an expression leads to."""
        return self._closure(expr, self._calls_of)

    def states(self, rules: set[int]) -> int | None:
        """The states of some rules."""
        found = [self._states[rule] for rule in rules]
        return sum(n for n in found if n is not None) if None not in found else None

    def _closure(self, expr: Expr, calls: Callable[[int], Iterable[int]]) -> set[int]:
        first = self._lowerer.rule_id(expr)
        found, stack = {first}, [first]
        while stack:
            for rule in calls(stack.pop()):
                if rule not in found:
                    found.add(rule)
                    stack.append(rule)
        return found

    def _own_calls(self, rule: int) -> Iterator[int]:
        at_values = self._lowerer.container(rule) is not None
        for called in self._calls_of(rule):
            if not (at_values and self._lowerer.rules[called] in self._values):
                yield called

    def _calls_of(self, rule: int) -> list[int]:
        if rule not in self._calls:
            self._lower(rule)
        return self._calls[rule]

    def _lower(self, rule: int) -> None:
        lowerer = self._lowerer
        lowerer.called = []
        try:
            self._states[rule] = len(lowerer.lower(rule).records) if self._in_all < MOST_STATES_IN_ALL else None
        except (BudgetExceeded, RecursionError):
            self._states[rule] = None
            self.too_large.add(rule)
        self._in_all += self._states[rule] or 0
        self._calls[rule] = list(dict.fromkeys(lowerer.called))
