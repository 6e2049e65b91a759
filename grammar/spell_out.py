"""Objects and lists spelled out: `Members` and `Items` as plain rules, counts and seen keys as rules of their own.

Laws
    1. The language is unchanged.
    2. A grammar that would take more than `limit` new rules is refused: any order of n keys takes 2^n of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import BudgetExceeded
from .fold import alternation, concatenation, fold, is_nothing, rebuild, repetition
from .ir import NOTHING, Alt, And, Expr, Items, Members, Not, Ref, optional

#: Rules that objects may take unless told otherwise.
MAX_RULES = 2000


def spell_out(rules: Mapping[str, Expr], limit: int = MAX_RULES) -> dict[str, Expr]:
    """The same rules without `Members` and `Items`.

    Raises
    ------
    BudgetExceeded : more than `limit` rules are needed for objects.
    """
    out: dict[str, Expr] = {}
    book = _Objects(limit, out)
    for name, body in rules.items():
        out[name] = body
        out[name] = fold(body, lambda node, kids, name=name: book.replace(name, rebuild(node, kids)))  # type: ignore[misc]
    return out


@dataclass
class _Objects:
    """Replaces nodes, and writes the rules that objects need."""

    limit: int
    rules: dict[str, Expr]
    _count: int = field(default=0)

    def replace(self, rule: str, node: Expr) -> Expr:
        match node:
            case Items():
                return _items(node)
            case Members():
                self._count += 1
                return Ref(self._members(f"{rule} members {self._count}", node))
        return node

    def _members(self, name: str, node: Members) -> str:
        """Write one rule for each state that the object can be in; returns the first."""
        first = _State()
        names = {first: name}
        for state in (queue := [first]):
            ways: list[Expr] = [] if not _may_end(node, state) else [concatenation(())]
            for pieces, after in _followers(node, state):
                if after not in names:
                    if len(self.rules) > self.limit:
                        raise BudgetExceeded("rules for the members of objects", self.limit, "declare fewer keys")
                    names[after] = f"{name} {len(names)}"
                    self.rules[names[after]] = NOTHING
                    queue.append(after)
                ways.append(concatenation((*pieces, Ref(names[after]))))
            self.rules[names[state]] = alternation(ways)
        return name


def _items(node: Items) -> Expr:
    """The list, from its end: what may still come behind each place of the prefix."""
    n, most = len(node.prefix), node.max
    if most is not None and most < node.min:
        return NOTHING
    tail = concatenation(())
    if node.rest is not None and (most is None or most > n):
        one, before = concatenation((node.separator, node.rest)), max(1, n)
        tail = repetition(one, max(0, node.min - before), None if most is None else most - before)
        if n == 0:
            tail = concatenation((node.rest, tail))
            return optional(tail) if node.min == 0 else tail
    elif node.min > n:
        return NOTHING
    for k in reversed(range(n)):
        if most is not None and k >= most:
            continue
        here = concatenation((*([node.separator] if k else []), node.prefix[k], tail))
        tail = optional(here) if k >= node.min else here
    return tail


@dataclass(frozen=True)
class _State:
    """What an object holds so far."""

    #: Members in all, up to where counting matters.
    total: int = 0
    #: In schema order: the first key that may still come; else unused.
    next: int = 0
    #: In any order: the declared keys that came.
    seen: frozenset[int] = frozenset()
    others: bool = False


def _may_end(node: Members, state: _State) -> bool:
    missing = any(member.required and not _came(node, state, k) for k, member in enumerate(node.keys))
    return not missing and state.total >= node.min


def _came(node: Members, state: _State, key: int) -> bool:
    """Whether a required key has come; in schema order none is passed over."""
    return key in state.seen if node.order == "any" else key < state.next


def _followers(node: Members, state: _State) -> Iterator[tuple[tuple[Expr, ...], _State]]:
    """The ways to go on by one member: what to match, and the state behind it."""
    if node.max is not None and state.total >= node.max:
        return
    most = max(node.min, 1 if node.max is None else node.max)
    total = min(state.total + 1, most)
    comma = (node.comma,) if state.total else ()
    keys = range(state.next, len(node.keys)) if node.order == "schema" else range(len(node.keys))
    for k in keys if not (node.order == "schema" and state.others) else ():
        member = node.keys[k]
        if k not in state.seen and not is_nothing(member.value):
            after = _State(total, k + 1, frozenset(), False)
            if node.order == "any":
                after = _State(total, 0, state.seen | {k}, False)
            yield (*comma, member.key, node.colon, member.value), after
        if node.order == "schema" and member.required:
            return
    declared = Not(Alt(tuple(member.key for member in node.keys)))
    for other in node.other:
        after = _State(total, len(node.keys), state.seen, node.order == "schema")
        key = And((other.key, declared)) if node.keys else other.key
        yield (*comma, key, node.colon, other.value), after
