"""Reading schemas: from subschemas to facts.

`Reader.read` gives what one subschema says as a union of facts; `Reader.conjunction` what several say together.
In-place applicators (`$ref`, `allOf`, `anyOf`, `oneOf`, `not`, `if`, dependencies) are worked into the facts;
subschemas of items and members stay nodes, to be read when they are needed. Negations are read by De Morgan
(`negation`). What has no facts becomes a residual.

Laws
    1. Every keyword of a schema that its draft knows is in the facts or in the residuals.
    2. The work is bounded: a product of more than `MOST_ALTERNATIVES` is not multiplied out but left as a residual, and
       applicators nest at most `DEEPEST` deep.
    3. A reference cycle without progress says nothing: its second visit adds no facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, zip_longest
from typing import Any, Final, TypeAlias

from ...errors import BudgetExceeded
from . import negation
from .aspects import (
    APPLICATOR,
    ARRAYS,
    NUMBERS,
    OBJECTS,
    STRINGS,
    TYPE,
    VALUES,
    arrays_of,
    aspects_of,
    count_of,
    numbers_of,
    objects_of,
    strings_of,
)
from .disjointness import Inhabitation, beyond_empty, overlaps, telling_key
from .document import Document, Node
from .facts import (
    ANYTHING,
    ARRAY,
    FREE,
    NUMBER,
    OBJECT,
    STRING,
    TYPES,
    Facts,
    Objects,
    Residual,
    Row,
    View,
    mask_of,
    meet,
    with_residual,
)
from .guards import Referee
from .values import exact, type_of

Union: TypeAlias = tuple[Facts, ...]

#: Alternatives that a conjunction of unions is multiplied out to.
MOST_ALTERNATIVES: Final = 64
#: Alternatives that one branch of a `oneOf` or one dependency may add.
FEW: Final = 8
#: Pairs of alternatives that are looked at for one conjunction.
MOST_PAIRS: Final = 5_000
#: How deep applicators may nest at one place.
DEEPEST: Final = 100
#: Subschemas read in all.
MOST_READS: Final = 500_000


class Reader:
    """Reads the subschemas of one document.

    Parameters
    ----------
    document : what to read.
    asserts_formats : whether `format` is an assertion.
    closed : whether objects that declare members have no others unless a schema says so.
    """

    def __init__(self, document: Document, *, asserts_formats: bool, closed: bool = False) -> None:
        self.document = document
        self.referee = Referee(document, asserts_formats=asserts_formats)
        self.asserts_formats = asserts_formats
        self.closed = closed
        self.inhabitation = Inhabitation(self)
        #: The schema that nothing satisfies.
        self.never = Node(False, document.resource, "")
        #: The schema that everything satisfies.
        self.always = Node(True, document.resource, "")
        self._known: dict[Node, Union] = {}
        self._joint: dict[tuple[Node, ...], Union] = {}
        self._settled: dict[Facts, tuple[Any, ...]] = {}
        self._open: dict[Node, int] = {}
        self._lowest_cut = DEEPEST
        self._reads = 0
        self._relaxations = 0

    def read(self, node: Node) -> Union:
        """What the node's schema says, as alternatives.

        Raises
        ------
        BudgetExceeded : applicators nest too deep, or the schema is too large.
        """
        known = self._known.get(node)
        if known is not None:
            return known
        depth = len(self._open)
        if node in self._open:
            self._lowest_cut = min(self._lowest_cut, self._open[node])
            return (FREE,)
        self._reads += 1
        if depth >= DEEPEST:
            raise BudgetExceeded("nesting of applicators", DEEPEST, f"simplify the schema at {node.pointer}")
        if self._reads > MOST_READS:
            raise BudgetExceeded("subschemas", MOST_READS, "split the schema")
        self._open[node] = depth
        try:
            found = negation.deny(self, node) if node.negated else self._meaning(node)
        finally:
            del self._open[node]
        if self._lowest_cut >= depth:
            self._lowest_cut = DEEPEST
            self._known[node] = found
        return found

    def conjunction(self, nodes: tuple[Node, ...]) -> Union:
        """What the nodes' schemas say together."""
        if len(nodes) == 1:
            return self.read(nodes[0])
        known = self._joint.get(nodes)
        if known is None:
            first = len(nodes) - 1 if nodes[:-1] in self._joint else 0
            known = self._joint[nodes[:-1]] if first else (FREE,)
            for node in nodes[first:]:
                known = self.product(known, self.read(node), Residual(node, "allOf"))
            if self._lowest_cut >= len(self._open):
                self._joint[nodes] = known
        return known

    def product(self, left: Union, right: Union, residual: Residual, most: int = MOST_ALTERNATIVES) -> Union:
        """The conjunction of two unions; the residual stands for the right one if there would be too many."""
        if right == (FREE,):
            return left
        if len(left) * len(right) > MOST_PAIRS:
            return self._relaxed(left, right, residual)
        both = tuple(both for a in left for b in right if (both := meet(a, b)) is not None)
        few = max(most, len(left), len(right))
        if len(both) > min(few, FEW) and len(left) > 1 and len(right) > 1:
            both = tuple(facts for facts in both if self.inhabitation.inhabits(facts))
        return both if len(both) <= few else self._relaxed(left, right, residual)

    def _relaxed(self, left: Union, right: Union, residual: Residual) -> Union:
        """The left union, the right one undecided; closed objects have the keys that the right one declares, too."""
        self._relaxations += 1
        found = with_residual(left, residual)
        if not self.closed:
            return found
        others = [facts.objects or Objects() for facts in right if facts.types & OBJECT]
        keys = dict.fromkeys(key for o in others for key in (*o.declared, *o.required, *o.tolerated))
        if not keys:
            return found
        closes = all(o.declared for o in others)
        views = (View(dict.fromkeys(keys, self.always)),) if closes else ()
        hint = Facts(objects=Objects(views, explicit=any(o.explicit for o in others), tolerated=tuple(keys)))
        is_object = [facts.types & OBJECT and facts.values is None for facts in found]
        return tuple((meet(f, hint) or f) if yes else f for f, yes in zip(found, is_object, strict=True))

    def nodes(self) -> Iterable[Node]:
        """The subschemas read so far."""
        return self._known

    def settled(self, facts: Facts) -> tuple[Any, ...]:
        """The listed values that satisfy all of the facts, residuals included."""
        assert facts.values is not None
        known = self._settled.get(facts)
        if known is None:
            known = self._settled[facts] = tuple(v for v in facts.values if self._holds(facts, v))
        return known

    def _holds(self, facts: Facts, value: Any) -> bool:
        """Whether a listed value satisfies the facts."""
        kind = type_of(value)
        easy = not facts.left(kind)
        if kind & NUMBER and facts.numbers is not None:
            number = exact(value)
            return (easy and number in facts.numbers.range and not facts.numbers.multiples) or self._is_valid(
                facts, value
            )
        if kind & STRING and facts.strings is not None:
            strings = facts.strings
            if easy and not strings.patterns and not strings.formats:
                return strings.min <= len(value) and (strings.max is None or len(value) <= strings.max)
            return self._is_valid(facts, value)
        structured = (kind & ARRAY and facts.arrays is not None) or (kind & OBJECT and facts.objects is not None)
        return (easy and not structured) or self._is_valid(facts, value)

    def _is_valid(self, facts: Facts, value: Any) -> bool:
        return self.document.dynamic or all(self.referee.is_valid(node, value) for node in facts.sources)

    def _meaning(self, node: Node) -> Union:
        """What a schema that is not negated says."""
        schema, dialect = node.schema, node.resource.dialect
        if schema is False:
            return ()
        if schema is True or not schema:
            return (FREE,)
        assert isinstance(schema, dict)
        if "$ref" in schema and dialect.ref_stands_alone:
            return self.read(self.document.resolve(node, schema["$ref"]))
        table = aspects_of(dialect)
        kinds = 0
        for keyword in schema:
            kinds |= table.get(keyword, 0)
        if not kinds:
            return (FREE,)
        own = self._own(node, schema, kinds)
        found: Union = () if own is None else (own,)
        if kinds & APPLICATOR and own is not None:
            found = self._apply(node, schema, own)
            return tuple(replace(facts, sources=(node,)) for facts in found)
        return found

    def _own(self, node: Node, schema: dict[str, Any], kinds: int) -> Facts | None:
        """What the assertions of the schema itself say; None if they contradict."""
        dialect = node.resource.dialect
        types = ANYTHING
        if kinds & TYPE:
            wanted = schema["type"]
            types = TYPES[wanted] if isinstance(wanted, str) else sum({TYPES[t] for t in wanted})
            if not isinstance(wanted, str) and "integer" in wanted and "number" in wanted:
                types -= TYPES["integer"]
        facts = Facts(types, sources=(node,))
        if kinds & NUMBERS and types & NUMBER:
            facts.numbers = numbers_of(schema, dialect)
            if facts.numbers.range.is_empty:
                facts.types &= ~NUMBER
        if kinds & STRINGS and types & STRING:
            facts.strings = strings_of(schema, dialect, self.asserts_formats)
            if facts.strings.max is not None and facts.strings.min > facts.strings.max:
                facts.types &= ~STRING
        if kinds & ARRAYS and types & ARRAY:
            self._own_arrays(node, schema, facts)
        if kinds & OBJECTS and types & OBJECT:
            self._own_objects(node, schema, facts)
        if kinds & VALUES:
            for keyword in ("enum", "const"):
                if keyword in schema and keyword in aspects_of(dialect):
                    values = tuple(schema["enum"]) if keyword == "enum" else (schema["const"],)
                    both = meet(facts, Facts(mask_of(values), values=values, sources=(node,)))
                    if both is None:
                        return None
                    facts = both
        return facts if facts.types else None

    def _own_arrays(self, node: Node, schema: dict[str, Any], facts: Facts) -> None:
        dialect = node.resource.dialect
        table, arrays = aspects_of(dialect), arrays_of(self.document, node)
        rest = schema.get("unevaluatedItems") if "unevaluatedItems" in table else None
        if rest is not None and rest is not True:
            if "contains" not in schema and not any(table.get(k) == APPLICATOR for k in schema):
                if not arrays.rows or arrays.rows[0].rest is None:
                    inner = self.document.child(node, rest, "unevaluatedItems")
                    arrays.rows = (Row(arrays.rows[0].prefix if arrays.rows else (), inner),)
            else:
                facts.residuals += (Residual(node, "unevaluatedItems", ARRAY),)
        if schema.get("uniqueItems") is True and "uniqueItems" in table and (arrays.max is None or arrays.max > 1):
            facts.residuals += (Residual(node, "uniqueItems", ARRAY),)
        if "contains" in schema and "contains" in table:
            count = count_of(self.document, node)
            if count.max == 0:
                arrays.rows += (Row((), count.node.negation()),)
            elif count.min or count.max is not None:
                arrays.counts = (count,)
            if count.min > (0 if schema["contains"] is False else count.min if count.max is None else count.max):
                facts.types &= ~ARRAY
        facts.arrays = arrays
        if arrays.max is not None and arrays.min > arrays.max:
            facts.types &= ~ARRAY

    def _own_objects(self, node: Node, schema: dict[str, Any], facts: Facts) -> None:
        table = aspects_of(node.resource.dialect)
        objects = objects_of(self.document, node)
        rest = schema.get("unevaluatedProperties") if "unevaluatedProperties" in table else None
        if rest is not None and rest is not True:
            if not any(table.get(k) == APPLICATOR for k in schema):
                if "additionalProperties" not in schema:
                    inner = self.document.child(node, rest, "unevaluatedProperties")
                    view = objects.views[0] if objects.views else View({})
                    objects.views = (replace(view, additional=inner),)
            else:
                facts.residuals += (Residual(node, "unevaluatedProperties", OBJECT),)
        facts.objects = objects
        if objects.max is not None and max(objects.min, len(set(objects.required))) > objects.max:
            facts.types &= ~OBJECT

    def _apply(self, node: Node, schema: dict[str, Any], own: Facts) -> Union:
        """The schema's own facts together with its in-place applicators."""
        table, child = aspects_of(node.resource.dialect), self.document.child
        found: Union = (own,)
        for keyword, value in schema.items():
            if table.get(keyword) != APPLICATOR:
                continue
            match keyword:
                case "$ref":
                    unions = [self.read(self.document.resolve(node, value))]
                case "$dynamicRef" | "$recursiveRef":
                    unions = [self.read(self.document.resolve_dynamic(node, value))]
                case "allOf":
                    unions = [self.read(child(node, s, keyword, i)) for i, s in enumerate(value)]
                case "anyOf":
                    unions = [tuple(f for i, s in enumerate(value) for f in self.read(child(node, s, keyword, i)))]
                case "oneOf":
                    unions = [self._one_of(node, [child(node, s, keyword, i) for i, s in enumerate(value)], own)]
                case "not":
                    unions = [self.read(child(node, value, keyword).negation())]
                case "if":
                    unions = [self._conditional(node, schema)]
                case _:
                    unions = self._dependencies(node, keyword, value)
            most, residual = FEW if "depend" in keyword else MOST_ALTERNATIVES, Residual(node, keyword)
            before = self._relaxations
            for union in self._runs_joined(unions, residual):
                if len(union) > 1 and self._relaxations - before > FEW:
                    most = 0
                found = self.product(found, union, residual, most) if most else self._relaxed(found, union, residual)
        return found

    def _runs_joined(self, unions: list[Union], residual: Residual) -> Iterator[Union]:
        """The unions, with neighbours of one alternative each made one; halves first, so that it takes linear work."""
        for is_one, run in groupby(unions, key=lambda union: len(union) == 1):
            left = list(run)
            while is_one and len(left) > 1:
                pairs = zip_longest(left[::2], left[1::2], fillvalue=(FREE,))
                left = [self.product(a, b, residual) for a, b in pairs]
            yield from left

    def _conditional(self, node: Node, schema: dict[str, Any]) -> Union:
        """`if` with `then` and `else`."""
        if "then" not in schema and "else" not in schema:
            return (FREE,)
        child = self.document.child
        condition = child(node, schema["if"], "if")
        residual = Residual(node, "if")
        then, other = self.read(condition), self.read(condition.negation())
        if "then" in schema:
            then = self.product(then, self.read(child(node, schema["then"], "then")), residual)
        if "else" in schema:
            other = self.product(other, self.read(child(node, schema["else"], "else")), residual)
        return then + other

    def _dependencies(self, node: Node, keyword: str, value: dict[str, Any]) -> list[Union]:
        """Each of the dependencies: the key is absent, or it is there and more is asked for."""
        unions: list[Union] = []
        for key, wanted in value.items():
            there: Union = (Facts(OBJECT, objects=Objects(required=(key,))),)
            if isinstance(wanted, list):
                more: Union = (Facts(objects=Objects(required=tuple(wanted))),)
            else:
                more = self.read(self.document.child(node, wanted, keyword, key))
            there = self.product(there, more, Residual(node, keyword))
            unions.append((Facts(ANYTHING & ~OBJECT), self.without(key), *there))
        return unions

    def without(self, key: str) -> Facts:
        """Objects that lack a key."""
        return Facts(OBJECT, objects=Objects((View({key: self.never}, declares=False),)))

    def _one_of(self, node: Node, branches: Sequence[Node], own: Facts) -> Union:
        """Exactly one of the branches, for instances of a schema's own types."""
        within = Facts(own.types)
        unions = [tuple(both for f in self.read(b) if (both := meet(within, f)) is not None) for b in branches]
        left = [i for i, union in enumerate(unions) if union]
        clashes = overlaps(self, [unions[i] for i in left])
        residual = Residual(node, "oneOf")
        if clashes is None:
            return with_residual((f for i in left for f in unions[i]), residual)
        found: list[Facts] = []
        for i, clashing in zip(left, clashes, strict=True):
            union = unions[i]
            for j in clashing:
                union = self._apart(union, unions[left[j]], branches[left[j]], own, residual)
            found += union
        return tuple(found)

    def _apart(self, union: Union, other: Union, branch: Node, own: Facts, residual: Residual) -> Union:
        """A branch of a `oneOf` without what another branch admits, too."""
        key = telling_key(union, other, own) if self.closed else None
        if key is not None:
            return self.product(union, (self.without(key),), residual)
        nonempty = beyond_empty(self, union, other)
        if nonempty is not None:
            return self.product(union, (nonempty,), residual)
        failing = self.read(branch.negation())
        if len(failing) > FEW or any(facts.left(own.types) for facts in failing):
            return with_residual(union, residual)
        return self.product(union, failing, residual, FEW)
