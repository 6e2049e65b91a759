"""Facts: what a conjunction of subschemas says about an instance, type by type.

A schema means a union of `Facts`. Each says which types are in, and for numbers, strings, arrays and objects what holds
of them (None: nothing). Facts are values: never changed once made.

Laws
    1. `meet` is conjunction; it gives None if nothing satisfies both, as far as that shows without looking into items
       and members.
    2. An instance satisfies a schema if and only if it satisfies one of its facts *and* the residuals of those facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, TypeAlias

from .decimals import Range
from .document import Node
from .values import identity, type_of

NULL, FALSE, TRUE, INTEGER, FRACTION, STRING, ARRAY, OBJECT = (1 << i for i in range(8))
BOOLEAN: Final = FALSE | TRUE
NUMBER: Final = INTEGER | FRACTION
ANYTHING: Final = 255
TYPES: Final = {
    "null": NULL,
    "boolean": BOOLEAN,
    "integer": INTEGER,
    "number": NUMBER,
    "string": STRING,
    "array": ARRAY,
    "object": OBJECT,
}


@dataclass(slots=True, eq=False)
class Numbers:
    """What holds of numbers: bounds, and divisors of which they are multiples (True) or not (False)."""

    range: Range = field(default_factory=Range)
    multiples: tuple[tuple[Decimal, bool], ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether nothing is said."""
        return self.range.is_everything and not self.multiples

    def describe(self) -> str:
        """What is said, in a line; equal lines mean the same."""
        r = self.range
        text = f"{'(' if r.low_open else '['}{r.low}, {r.high}{')' if r.high_open else ']'}"
        return text + "".join(f" {'' if holds else 'not '}of {m}" for m, holds in self.multiples)

    def meet(self, other: Numbers) -> Numbers | None:
        """Both; None if no number satisfies them."""
        both = self.range.meet(other.range)
        return None if both.is_empty else Numbers(both, tuple(dict.fromkeys(self.multiples + other.multiples)))


@dataclass(slots=True, eq=False)
class Strings:
    """What holds of strings: length in code points, patterns and formats to match (True) or to miss (False)."""

    min: int = 0
    max: int | None = None
    patterns: tuple[tuple[str, bool], ...] = ()
    formats: tuple[tuple[str, bool], ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether nothing is said."""
        return not self.min and self.max is None and not self.patterns and not self.formats

    def describe(self) -> str:
        """What is said, in a line; equal lines mean the same."""
        text = f"{{{self.min},{'' if self.max is None else self.max}}}"
        text += "".join(f" {'' if holds else 'not '}/{p}/" for p, holds in self.patterns)
        return text + "".join(f" {'' if holds else 'not '}{name}" for name, holds in self.formats)

    def meet(self, other: Strings) -> Strings | None:
        """Both; None if no string satisfies them."""
        low, high = max(self.min, other.min), least(self.max, other.max)
        if high is not None and low > high:
            return None
        patterns = tuple(dict.fromkeys(self.patterns + other.patterns))
        return Strings(low, high, patterns, tuple(dict.fromkeys(self.formats + other.formats)))


@dataclass(slots=True, eq=False)
class Row:
    """One schema's word on items: of the first ones, and of the rest (None: nothing)."""

    prefix: tuple[Node, ...]
    rest: Node | None


@dataclass(slots=True, eq=False)
class Count:
    """How many items satisfy a schema."""

    node: Node
    min: int
    max: int | None = None


@dataclass(slots=True, eq=False)
class Arrays:
    """What holds of arrays."""

    rows: tuple[Row, ...] = ()
    min: int = 0
    max: int | None = None
    counts: tuple[Count, ...] = ()

    def meet(self, other: Arrays) -> Arrays | None:
        """Both; None if no array satisfies them."""
        low, high = max(self.min, other.min), least(self.max, other.max)
        if high is not None and low > high:
            return None
        return Arrays(self.rows + other.rows, low, high, tuple(dict.fromkeys(self.counts + other.counts)))

    def at(self, index: int) -> tuple[Node, ...]:
        """The schemas of one item."""
        found = [row.prefix[index] if index < len(row.prefix) else row.rest for row in self.rows]
        return tuple(dict.fromkeys([node for node in found if node is not None]))

    @property
    def width(self) -> int:
        """Number of items with schemas of their own; the later ones are alike."""
        return max([len(row.prefix) for row in self.rows], default=0)


@dataclass(slots=True, eq=False)
class View:
    """One schema's word on members: by key, by pattern of the key, and of the others (None: nothing)."""

    properties: Mapping[str, Node]
    patterns: Mapping[str, Node] = field(default_factory=dict)
    additional: Node | None = None
    #: Whether the keys count as declared; those that a negation speaks of do not.
    declares: bool = True


@dataclass(slots=True, eq=False)
class Objects:
    """What holds of objects."""

    views: tuple[View, ...] = ()
    required: tuple[str, ...] = ()
    min: int = 0
    max: int | None = None
    #: Schemas of the keys.
    names: tuple[Node, ...] = ()
    #: Whether some schema speaks of undeclared members.
    explicit: bool = False
    #: Keys that a closed object may have besides the declared ones: those of schemas that are left undecided.
    tolerated: tuple[str, ...] = ()
    #: Schemas of which each is met by some key.
    some_name: tuple[Node, ...] = ()
    _by_key: dict[str | None, list[View]] | None = None

    def speaking_of(self, key: str) -> list[View]:
        """The views that say something of a member."""
        if self._by_key is None:
            broad = [view for view in self.views if view.patterns or view.additional is not None]
            self._by_key = {None: broad}
            for view in self.views:
                for name in view.properties:
                    self._by_key.setdefault(name, list(broad))
                    if not (view.patterns or view.additional is not None):
                        self._by_key[name].append(view)
        return self._by_key.get(key, self._by_key[None])

    @property
    def every_name(self) -> tuple[Node, ...]:
        """The schemas that every key meets; if there is but one, also those that some key meets."""
        return self.names + self.some_name if self.max == 1 else self.names

    @property
    def declared(self) -> dict[str, None]:
        """The keys that some schema declares."""
        return dict.fromkeys([key for view in self.views if view.declares for key in view.properties])

    @property
    def named(self) -> list[str]:
        """The keys that some schema speaks of by name."""
        return [key for view in self.views for key in view.properties]

    def meet(self, other: Objects) -> Objects | None:
        """Both; None if no object satisfies them."""
        required = tuple(dict.fromkeys(self.required + other.required))
        low, high = max(self.min, other.min), least(self.max, other.max)
        if high is not None and max(low, len(required)) > high:
            return None
        names = tuple(dict.fromkeys(self.names + other.names))
        explicit, tolerated = self.explicit or other.explicit, self.tolerated + other.tolerated
        some_name = tuple(dict.fromkeys(self.some_name + other.some_name))
        return Objects(self.views + other.views, required, low, high, names, explicit, tolerated, some_name)


@dataclass(frozen=True, slots=True)
class Residual:
    """A keyword that the other facts do not decide for instances of some types."""

    node: Node
    keyword: str
    types: int = ANYTHING


@dataclass(slots=True, eq=False)
class Facts:
    """What holds of an instance."""

    types: int = ANYTHING
    numbers: Numbers | None = None
    strings: Strings | None = None
    arrays: Arrays | None = None
    objects: Objects | None = None
    #: The only values, if they are listed.
    values: tuple[Any, ...] | None = None
    #: Numbers and strings that are out.
    excluded: tuple[Any, ...] = ()
    residuals: tuple[Residual, ...] = ()
    #: The schemas that this comes from: meeting them all is sufficient, and necessary for one of their alternatives.
    sources: tuple[Node, ...] = ()

    def left(self, types: int) -> tuple[Residual, ...]:
        """What is undecided for instances of the types."""
        return tuple(r for r in self.residuals if r.types & types) if self.residuals else ()

    def of(self, node: Node) -> Facts:
        """The same, as what one schema says."""
        if self.sources == (node,):
            return self
        return Facts(
            self.types,
            self.numbers,
            self.strings,
            self.arrays,
            self.objects,
            self.values,
            self.excluded,
            self.residuals,
            (node,),
        )


#: Alternatives: what any one of some facts holds of.
Union: TypeAlias = tuple[Facts, ...]

#: No facts at all.
FREE: Final = Facts()


def least(a: int | None, b: int | None) -> int | None:
    """The lesser of two bounds, of which None is no bound."""
    return b if a is None else a if b is None else min(a, b)


def meet(a: Facts, b: Facts) -> Facts | None:
    """Both; None if nothing satisfies them."""
    sources = a.sources if a.sources == b.sources else tuple(dict.fromkeys(a.sources + b.sources))
    types = a.types & b.types
    numbers, strings, arrays, objects = a.numbers, a.strings, a.arrays, a.objects
    if b.numbers is not None and types & NUMBER:
        numbers = b.numbers if numbers is None else numbers.meet(b.numbers)
        types &= ANYTHING if numbers else ~NUMBER
    if b.strings is not None and types & STRING:
        strings = b.strings if strings is None else strings.meet(b.strings)
        types &= ANYTHING if strings else ~STRING
    if b.arrays is not None and types & ARRAY:
        arrays = b.arrays if arrays is None else arrays.meet(b.arrays)
        types &= ANYTHING if arrays else ~ARRAY
    if b.objects is not None and types & OBJECT:
        objects = b.objects if objects is None else objects.meet(b.objects)
        types &= ANYTHING if objects else ~OBJECT
    excluded = a.excluded + b.excluded
    values = None
    if a.values is not None or b.values is not None:
        values = _values(a.values, b.values, types, excluded, sources)
        types = mask_of(values, sources)
    if not types:
        return None
    residuals = a.residuals + b.residuals
    if residuals:
        residuals = tuple(r for r in dict.fromkeys(residuals) if r.types & types)
    return Facts(types, numbers, strings, arrays, objects, values, excluded, residuals, sources)


def _values(
    a: tuple[Any, ...] | None,
    b: tuple[Any, ...] | None,
    types: int,
    excluded: tuple[Any, ...],
    sources: tuple[Node, ...],
) -> tuple[Any, ...]:
    """The listed values in both, of the types and not excluded; at least one of the two lists values."""
    values: Iterable[Any] = a if a is not None else b or ()
    if a is not None and b is not None:
        others = {identity(v) for v in b}
        values = (v for v in a if identity(v) in others)
    out = {identity(v) for v in excluded}
    if types & FRACTION and in_draft_4(sources):  # a whole number may be written as `1.0`, which is no integer
        types |= INTEGER
    return tuple(v for v in values if type_of(v) & types and (not out or identity(v) not in out))


def mask_of(values: Iterable[Any], sources: tuple[Node, ...]) -> int:
    """The types that values listed by the sources may have."""
    mask = 0
    for value in values:
        mask |= type_of(value)
    return mask | FRACTION if mask & INTEGER and in_draft_4(sources) else mask


def in_draft_4(sources: Iterable[Node]) -> bool:
    """Whether some of the schemas are of draft 4, where `1.0` is no integer."""
    return any([node.resource.dialect.age == 4 for node in sources])


def with_residual(facts: Iterable[Facts], residual: Residual) -> tuple[Facts, ...]:
    """The facts with something more undecided."""
    return tuple(
        replace(f, residuals=(*f.residuals, residual))
        if f.types & residual.types and residual not in f.residuals
        else f
        for f in facts
    )


def free_types(facts: Facts) -> int:
    """The types of which the facts say nothing more."""
    if facts.values is not None:
        return 0
    types = facts.types & (NULL | TRUE | FALSE)
    if facts.types & NUMBER == NUMBER and not facts.excluded and (facts.numbers is None or facts.numbers.is_free):
        types |= NUMBER
    if facts.types & STRING and not facts.excluded and (facts.strings is None or facts.strings.is_free):
        types |= STRING
    if facts.types & ARRAY and facts.arrays is None:
        types |= ARRAY
    if facts.types & OBJECT and facts.objects is None:
        types |= OBJECT
    for residual in facts.residuals:
        types &= ~residual.types
    return types
