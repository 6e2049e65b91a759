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

from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest
from typing import Any, Final

from ...errors import BudgetExceeded
from . import negation
from .applicators import FEW, MOST_ALTERNATIVES, apply
from .aspects import APPLICATOR, TYPE, kinds_of
from .assertions import own_facts, types_of
from .clock import Clock
from .disjointness import Inhabitation
from .document import Document, Node
from .facts import (
    ARRAY,
    BOOLEAN,
    FREE,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    Facts,
    Objects,
    Residual,
    Union,
    View,
    in_draft_4,
    meet,
    with_residual,
)
from .guards import Referee
from .values import exact, type_of
from .zero_fractions import Written, forms

#: The types whose values hold where nothing is said of them.
_SCALARS: Final = NULL | BOOLEAN | STRING
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
    clock : what limits the time, if anything.
    """

    def __init__(
        self, document: Document, *, asserts_formats: bool, closed: bool = False, clock: Clock | None = None
    ) -> None:
        self.document = document
        self.referee = Referee(document, asserts_formats=asserts_formats)
        self.asserts_formats = asserts_formats
        self.closed = closed
        self.clock = clock or Clock()
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
        self.clock.check("reading the schema", node)
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

    def bare(self, node: Node) -> Union | None:
        """What a schema says that says nothing but types; None for any other one."""
        schema = node.schema
        if node.negated or not isinstance(schema, dict) or kinds_of(node) != TYPE:
            return None
        known = self._known.get(node)
        if known is None:
            types = types_of(schema["type"])
            known = self._known[node] = (Facts(types, sources=(node,)),) if types else ()
        return known

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
        if len(right) == 1 and right[0] is FREE:
            return left
        self.clock.check("multiplying out alternatives", residual.node)
        if len(left) == 1 and left[0] is FREE and len(right) <= MOST_PAIRS:
            return right
        if len(left) == 1 and len(right) == 1:
            one = meet(left[0], right[0])
            return () if one is None else (one,)
        if len(left) * len(right) > MOST_PAIRS:
            return self._relaxed(left, right, residual)
        both = tuple([both for a in left for b in right if (both := meet(a, b)) is not None])
        few = max(most, len(left), len(right))
        if len(both) > min(few, FEW) and len(left) > 1 and len(right) > 1:
            both = tuple(facts for facts in both if self.inhabitation.inhabits(facts))
        return both if len(both) <= few else self._relaxed(left, right, residual)

    def product_of(self, found: Union, unions: list[Union], residual: Residual, most: int) -> Union:
        """The conjunction with many unions; from so many on that were too large, further ones are left undecided."""
        if len(unions) == 1:
            return self.product(found, unions[0], residual, most)
        before = self._relaxations
        for union in self._runs_joined(unions, residual):
            if len(union) > 1 and self._relaxations - before > FEW:
                found = self._relaxed(found, union, residual)
            else:
                found = self.product(found, union, residual, most)
        return found

    def _runs_joined(self, unions: list[Union], residual: Residual) -> Iterator[Union]:
        """The unions, with neighbours of one alternative each made one; halves first, so that it takes linear work."""
        for is_one, run in groupby(unions, key=lambda union: len(union) == 1):
            left = list(run)
            while is_one and len(left) > 1:
                pairs = zip_longest(left[::2], left[1::2], fillvalue=(FREE,))
                left = [self.product(a, b, residual) for a, b in pairs]
            yield from left

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
            is_sure = not facts.types & ~_SCALARS and facts.strings is None and not facts.residuals
            known = facts.values if is_sure else tuple(v for v in facts.values if self._holds(facts, v))
            self._settled[facts] = known
        return known

    def written(self, facts: Facts, value: Any) -> Written:
        """How the whole numbers of a settled value are to be written."""
        if not in_draft_4(facts.sources):
            return Written.EITHER
        ways = forms(value)
        if ways is None:
            return Written.UNSURE
        if len(ways) == 1:
            return Written.EITHER
        valid = [self._is_valid(facts, way) for way in ways]
        if all(valid):
            return Written.EITHER
        return Written.WHOLE if valid == [True, False] and not isinstance(value, list | dict) else Written.UNSURE

    def _holds(self, facts: Facts, value: Any) -> bool:
        """Whether a listed value satisfies the facts, in some way to write it."""
        self.clock.check("trying listed values", facts.sources[0])
        if in_draft_4(facts.sources):
            ways = forms(value)
            if ways is None or len(ways) > 1:
                return ways is None or any(self._is_valid(facts, way) for way in ways)
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
        kinds = kinds_of(node)
        if not kinds:
            return (FREE,)
        own = own_facts(self, node, schema, kinds)
        if own is None:
            return ()
        if not kinds & APPLICATOR:
            return (own,)
        return tuple(facts.of(node) for facts in apply(self, node, schema, own))

    def without(self, key: str) -> Facts:
        """Objects that lack a key."""
        return Facts(OBJECT, objects=Objects((View({key: self.never}, declares=False),)))
