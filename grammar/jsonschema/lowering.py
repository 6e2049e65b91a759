"""Lowering: from facts to rules.

One rule for each object and array that a schema describes, shared by all places that mean the same; scalars are rules
named by their content. A value with several alternatives is one rule that chooses. Guards stand as deep as they can: on
the alternative and the type that they decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from weakref import proxy

from ...errors import GrammarError, GrammarSyntaxError, UnsupportedFeature
from ..ir import NOTHING, Bytes, ByteSet, Check, Expr, Guarded, Ref, choice, sequence
from ..machine import Machine
from . import scalars
from .containers import Containers
from .dialect import Dialect
from .distinct import MOST_PERMUTED, arrangements, bounded, chosen, listed_items
from .document import Node
from .enumeration import FEW, any_of, text_of
from .facts import (
    ANYTHING,
    ARRAY,
    FALSE,
    FRACTION,
    INTEGER,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    TRUE,
    Arrays,
    Facts,
    Union,
    free_types,
    in_draft_4,
)
from .guards import Equality, Guard
from .layout import Layout
from .reading import Reader
from .rules import Rules
from .strings import Spelling, quoted
from .values import identity, type_of
from .zero_fractions import Written

#: Alternatives of one value that take long to make an automaton of.
MANY = 8
_KINDS: Final = {INTEGER: "integer", FRACTION: "fraction", NUMBER: "number"}
_WORDS: Final = ((NULL, Bytes(b"null")), (FALSE, Bytes(b"false")), (TRUE, Bytes(b"true")))


@dataclass(frozen=True, slots=True)
class Style:
    """What texts look like."""

    layout: Layout
    spelling: Spelling
    #: Whether declared members come in the order of their declaration, or all in any order.
    order: Literal["schema", "any"]
    #: Whether an object that declares members and does not speak of others has no others.
    closed: bool


class Lowering:
    """Writes the rules of one document in one style. Those that wait to be written keep it, it does not keep them."""

    def __init__(self, reader: Reader, style: Style, rules: Rules) -> None:
        self.reader, self.style = reader, style
        self.rules: Rules = proxy(rules)
        self.places: dict[str, str] = {}
        #: The guards that stand in the rules written so far.
        self.guards: dict[Guard, None] = {}
        #: Pointer and keyword of what guards decide, in the rules written so far.
        self.undecided: set[tuple[str, str]] = set()
        self._containers = Containers(reader, style)
        self._values: dict[tuple[tuple[Node, ...], int], Expr] = {}
        self._shared: dict[str, Ref] = {}
        #: What was written by types, depth and draft, and by what is said of strings and numbers.
        self._types: dict[tuple[int, int, Dialect], list[Expr]] = {}
        self._strings: dict[str, scalars.StringBody] = {}
        self._numbers: dict[str, tuple[Expr, bool]] = {}

    def value(self, nodes: tuple[Node, ...], depth: int) -> Expr:
        """What satisfies the schemas of all the nodes; `NOTHING` if that is known to be empty."""
        if not nodes:
            return self.anything(depth)
        key = (nodes, depth)
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = self._value(nodes, depth)
        return found

    def _value(self, nodes: tuple[Node, ...], depth: int) -> Expr:
        self.reader.clock.check("writing rules", nodes[0])
        bare = self.reader.bare(nodes[0]) if len(nodes) == 1 else None
        if bare:
            ways = self._of_types(nodes[0], bare, depth)
        else:
            inhabitation = self.reader.inhabitation
            if not inhabitation.admits(nodes):
                return NOTHING
            union = self.reader.conjunction(nodes)
            if len(union) > 1:
                union = tuple([facts for facts in union if inhabitation.inhabits(facts)])
            ways = _guarded_together(self._ways(union, depth))
        if len(ways) == 1:
            return ways[0]
        return self.named(nodes[0], lambda: choice(*ways), len(ways) >= MANY)

    def _of_types(self, node: Node, bare: Union, depth: int) -> list[Expr]:
        """The alternatives of a schema that says nothing but types."""
        types = bare[0].types
        if self.style.spelling.every and types & NUMBER == INTEGER:  # a guard of its own decides on exponents
            return _guarded_together(self._ways(bare, depth))
        key = types, depth, node.resource.dialect
        ways = self._types.get(key)
        if ways is None:
            ways = self._types[key] = self._ways(bare, depth)
        return ways

    def values_written(self) -> dict[tuple[Node, ...], Expr]:
        """What was written for the values that some nodes hold of, least indented; `()`: for any JSON value."""
        found: dict[tuple[Node, ...], Expr] = {(): Ref("json")} if "json" in self.rules else {}
        for (nodes, _), expr in self._values.items():
            found.setdefault(nodes, expr)
        return found

    def named(self, node: Node, write: Callable[[], Expr], heavy: bool = False) -> Ref:
        """A rule called after a place."""
        name = self.rules.free_name(node.pointer)
        self.places[name] = node.pointer
        return self.rules.promise(name, write, heavy)

    def shared(self, name: str, write: Callable[[], Expr], heavy: bool = False) -> Ref:
        """A rule called after its content, written at most once."""
        ref = self._shared.get(name)
        if ref is None:
            ref = self._shared[name] = Ref(name) if name in self.rules else self.rules.promise(name, write, heavy)
        return ref

    def _ways(self, union: Union, depth: int) -> list[Expr]:
        """The alternatives of a union, each once; nothing that another one covers."""
        if len(union) == 1 and union[0].values is None:
            return self._sole(union[0], depth)
        ways: dict[Expr, None] = {}
        listed: list[Facts] = []
        covered = 0
        for facts in union:
            covered |= free_types(facts)
        for facts in union:
            if facts.values is not None:
                listed.append(facts)
                continue
            free = free_types(facts)
            types = facts.types & (~covered | free)
            if free == ANYTHING:
                return [self.anything(depth)]
            ways.update(dict.fromkeys(self._by_type(facts, types, depth)))
        if listed:
            ways.update(dict.fromkeys(self._listed(listed, covered, depth)))
        return list(ways)

    def _sole(self, facts: Facts, depth: int) -> list[Expr]:
        """The alternatives of facts that list no values and have no others beside them."""
        if facts.types == ANYTHING and free_types(facts) == ANYTHING:
            return [self.anything(depth)]
        ways = list(self._by_type(facts, facts.types, depth))
        return ways if len(ways) == 1 else list(dict.fromkeys(ways))

    def _by_type(self, facts: Facts, types: int, depth: int) -> Iterable[Expr]:
        """The expressions of some of the facts' types."""
        if types == STRING:
            return (self._string(facts),)
        if types == OBJECT:
            return (self.guarded(self._containers.object(self, facts, depth), facts, OBJECT),)
        return self._of_each_type(facts, types, depth)

    def _of_each_type(self, facts: Facts, types: int, depth: int) -> Iterator[Expr]:
        for bit, word in _WORDS:
            if types & bit:
                yield self.guarded(word, facts, bit)
        if types & NUMBER:
            yield self._number(facts, types & NUMBER)
        if types & STRING:
            yield self._string(facts)
        if types & ARRAY:
            yield self._array(facts, depth)
        if types & OBJECT:
            yield self.guarded(self._containers.object(self, facts, depth), facts, OBJECT)

    def _array(self, facts: Facts, depth: int) -> Expr:
        values = listed_items(self.reader, facts)
        if values is None or facts.arrays is None:
            return self.guarded(self._containers.array(self, facts, depth), facts, ARRAY)
        arrays, layout = bounded(facts.arrays, values), self.style.layout
        if arrays.max is not None and arrays.min > arrays.max:
            return NOTHING
        is_alone = all(r.keyword == "uniqueItems" and not r.node.negated for r in facts.left(ARRAY))
        has_exponents = self.style.spelling.every and any(type_of(v) & NUMBER for v in values)
        is_simple = not has_exponents and not any(isinstance(v, list | dict) for v in values)
        body = None
        if is_alone and is_simple and layout.indent is None:
            body = self._distinct(arrays, values, layout.separator(depth))
        if body is None:
            return self.guarded(self._containers.array(self, replace(facts, arrays=arrays), depth), facts, ARRAY)
        expr = sequence(Bytes(b"["), layout.inner, body, layout.inner, Bytes(b"]"))
        return self.named(facts.sources[0], lambda: expr)

    def _distinct(self, arrays: Arrays, values: tuple[Any, ...], separator: Expr) -> Expr | None:
        """The items of arrays of distinct scalars out of a few; None if that takes too many states."""
        if len(values) <= MOST_PERMUTED:
            return arrangements(arrays, values, lambda v: self.scalar_literal(v, None), separator)
        keys = [self.style.spelling.literal(value) for value in values if isinstance(value, str)]
        texts = [key.data for key in keys if isinstance(key, Bytes)]
        return chosen(arrays, texts, separator) if len(texts) == len(values) else None

    def guarded(self, expr: Expr, facts: Facts, types: int, undecided: str | None = None) -> Expr:
        """The expression, with a guard if the facts leave something undecided for the types."""
        residuals = facts.left(types)
        if undecided is None and not residuals:
            return expr
        self.undecided.update((r.node.pointer, r.keyword) for r in residuals)
        if undecided is not None:
            nodes = facts.sources
            self.undecided.update((node.pointer, undecided) for node in nodes)
            guard = self.guard(nodes, nodes[0].pointer, undecided)
        else:
            nodes = tuple(dict.fromkeys(r.node for r in residuals))
            guard = self.guard(nodes, residuals[0].node.pointer, residuals[0].keyword)
        return expr if self.reader.document.dynamic else Guarded(expr, guard)

    def guard(self, nodes: tuple[Node, ...], pointer: str, keyword: str) -> Guard:
        """A guard on the nodes, listed."""
        guard = Guard(self.reader.referee, nodes, pointer, keyword)
        self.guards[guard] = None
        return guard

    def _string(self, facts: Facts) -> Expr:
        strings, spelling = facts.strings, self.style.spelling
        excluded = tuple([v for v in facts.excluded if isinstance(v, str)])
        if strings is None and not excluded:
            return self.guarded(self.any_string, facts, STRING)
        name = f"string {strings.describe() if strings else ''}" + "".join([f" not {v!r}" for v in excluded])
        found = self._strings.get(name)
        if found is None:
            try:
                found = self._strings[name] = scalars.string_body(strings, excluded, spelling)
            except (GrammarSyntaxError, UnsupportedFeature) as error:
                message = f"Expected `pattern` to be a regular expression: {error}"
                raise GrammarError(message, pointer=facts.sources[0].pointer) from None
        sure, unsure = found.sure, found.unsure
        ways: list[Expr] = []
        if sure is not None:
            string = self.shared(name, lambda: quoted(sure), bool(strings and (strings.patterns or strings.formats)))
            ways.append(self.guarded(string, facts, STRING, None if found.exact else "pattern"))
        if unsure is not None:
            ways.append(self.guarded(self.shared(f"{name}, unsure", lambda: quoted(unsure)), facts, STRING, "format"))
        return choice(*_guarded_together(ways))

    @property
    def any_string(self) -> Ref:
        """The rule of every string."""
        return self.shared("string", lambda: self.style.spelling.any_string)

    def _number(self, facts: Facts, types: int) -> Expr:
        numbers, every = facts.numbers, self.style.spelling.every
        excluded = tuple([v for v in facts.excluded if type_of(v) & NUMBER])
        if not excluded and types == NUMBER and (numbers is None or numbers.is_free):
            return self.guarded(self.any_number, facts, NUMBER)
        draft_4 = in_draft_4(facts.sources)
        kind = _KINDS[types]
        name = f"{kind} {numbers.describe() if numbers else ''}" + "".join([f" not {v!r}" for v in excluded])
        name += " of draft 4" if draft_4 else ""
        if name not in self._numbers:
            plain = scalars.decimal_numbers(numbers, types, excluded, every, draft_4)
            self._numbers[name] = self._plain_number(name, plain)
        found, is_exact = self._numbers[name]
        expr = self.guarded(found, facts, NUMBER, None if is_exact else "multipleOf")
        if not every or (draft_4 and types == INTEGER):
            return expr
        return choice(expr, self.guarded(self.shared("exponents", lambda: scalars.with_exponent), facts, NUMBER, kind))

    def _plain_number(self, name: str, plain: scalars.PlainNumbers) -> tuple[Expr, bool]:
        """Numbers without exponent, and whether that is exact."""
        machine = plain.machine if plain.left else None
        if machine is not None:
            return self._machine(name, machine), plain.exact
        return self.shared(name, lambda: plain.expr), plain.exact and not plain.left

    def _machine(self, name: str, machine: Machine) -> Expr:
        """What a machine accepts that does not accept the empty string: a rule for each of its states with edges."""

        def rest(q: int) -> Expr:
            steps = [(ByteSet(mask), t) for t, mask in machine.rows[q].items()]
            ends = [byte for byte, t in steps if machine.labels[t]]
            return choice(*ends, *(sequence(byte, state(t)) for byte, t in steps if machine.rows[t]))

        def state(q: int) -> Ref:
            return self.shared(f"{name}, state {q}", lambda: rest(q))

        return state(0) if machine.rows[0] else NOTHING

    @property
    def any_number(self) -> Ref:
        """The rule of every number."""
        every = self.style.spelling.every

        def write() -> Expr:
            plain = scalars.decimal_numbers(None, NUMBER, (), every, False).expr
            return choice(plain, scalars.with_exponent) if every else plain

        return self.shared("number", write)

    def anything(self, depth: int) -> Expr:
        """Every JSON value."""
        name = f"json at depth {depth}" if depth else "json"
        return self.shared(name, lambda: choice(*self._by_type(Facts(), ANYTHING, depth)))

    def _listed(self, facts: list[Facts], covered: int, depth: int) -> Iterable[Expr]:
        """The listed values, in one rule if they are many."""
        values: dict[object, Any] = {}
        others: dict[Expr, None] = {}
        for f in facts:
            for v in self.reader.settled(f):
                if covered and type_of(v) & covered:
                    continue
                if isinstance(v, str):
                    values[v] = v
                elif (written := self.reader.written(f, v)) is Written.EITHER:
                    values.setdefault(identity(v), v)
                else:
                    others[self._written(f, v, written, depth)] = None
        if not values:
            return others
        where = facts[0].sources[0]
        scalar = [v for v in values.values() if not isinstance(v, dict | list)]
        ways = self._structures([v for v in values.values() if isinstance(v, dict | list)], where, depth)
        if len(scalar) == 1:
            ways.append(self.scalar_literal(scalar[0], where))
        elif scalar:
            ways.append(self.named(where, lambda: choice(*self._scalar_literals(scalar, where))))
            ways += self._exponents(scalar, where)
        return [*ways, *others]

    def _written(self, facts: Facts, value: Any, written: Written, depth: int) -> Expr:
        """A listed value of draft 4 whose whole numbers cannot be written with a fraction as well as without."""
        every = self.style.spelling.every
        if written is Written.WHOLE:
            return scalars.decimal_literal(value, every=every, zero_fraction=False)
        if isinstance(value, list | dict):
            expr = self._containers.literal(self, value, depth)
        else:
            expr = scalars.decimal_literal(value, every=every)
            expr = choice(expr, self.shared("exponents", lambda: scalars.with_exponent)) if every else expr
        return self.guarded(expr, facts, type_of(value), "enum")

    def _scalar_literals(self, values: list[Any], where: Node) -> Iterator[Expr]:
        for value in values:
            self.reader.clock.check("writing listed values", where)
            yield self.scalar_literal(value, None)

    def _structures(self, values: list[Any], where: Node, depth: int) -> list[Expr]:
        """Listed arrays and objects."""
        style = self.style
        if style.spelling.every or style.order == "any" or style.layout.indent is not None or len(values) <= FEW:
            return [self._containers.literal(self, value, depth) for value in values]
        texts = [text_of(value, style.layout, lambda v: self.scalar_literal(v, None)) for value in values]
        return [any_of(texts, lambda write: self.named(where, write))]

    def scalar_literal(self, value: Any, where: Node | None) -> Expr:
        """One value that is no container; without exponents, if no place is given."""
        if isinstance(value, str):
            return self.style.spelling.literal(value)
        if value is None or isinstance(value, bool):
            return Bytes(b"null" if value is None else b"true" if value else b"false")
        plain = scalars.decimal_literal(value, every=self.style.spelling.every)
        return plain if where is None else choice(plain, *self._exponents([value], where))

    def _exponents(self, values: list[Any], where: Node) -> list[Expr]:
        """The spellings with exponents of the numbers among some values."""
        every = self.style.spelling.every
        numbers = frozenset([identity(v) for v in values if type_of(v) & NUMBER]) if every else None
        if not numbers:
            return []
        check = Equality(numbers, where.pointer)
        return [Guarded(self.shared("exponents", lambda: scalars.with_exponent), check)]


def _guarded_together(ways: list[Expr]) -> list[Expr]:
    """The alternatives, those with the same check behind one guard."""
    if len(ways) == 1 or not any([isinstance(way, Guarded) for way in ways]):
        return ways
    behind: dict[Check, list[Expr]] = {}
    for way in ways:
        if isinstance(way, Guarded):
            behind.setdefault(way.check, []).append(way.expr)
    free = [way for way in ways if not isinstance(way, Guarded)]
    return free + [Guarded(choice(*exprs), check) for check, exprs in behind.items()]
