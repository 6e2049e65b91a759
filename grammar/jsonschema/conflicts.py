"""Conflicts: which keywords together leave nothing.

Subschemas that hold together are taken apart into atoms, one keyword each, `allOf` and `$ref` followed. What cannot be
left out without something becoming possible is the conflict: atoms are dropped, and stay out if the others still leave
nothing. Listed values are held against the keywords one by one, so that each is blamed for its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jsonschema_rs

from ...errors import BudgetExceeded
from .aspects import aspects_of
from .document import Node
from .facts import ARRAY, OBJECT, Facts
from .guards import schema_uri
from .keys import at_key
from .places import step

if TYPE_CHECKING:
    from .reading import Reader

#: Keywords that are told apart; of more, none is named.
MOST_ATOMS: Final = 1_000
#: Keywords that say what others mean: keyword -> those that go with it.
_TOGETHER: Final = {
    "minimum": ("exclusiveMinimum",),
    "maximum": ("exclusiveMaximum",),
    "if": ("then", "else"),
    "contains": ("minContains", "maxContains"),
}
#: Keywords that apply to what these others leave, whatever they say of the rest.
_BESIDE: Final = {
    "additionalProperties": ("properties", "patternProperties"),
    "items": ("prefixItems",),
    "additionalItems": ("items",),
}
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef", "#")


class Atom(NamedTuple):
    """One keyword of a subschema; of `properties`, one member ("properties/a")."""

    pointer: str
    keyword: str
    node: Node

    def __str__(self) -> str:
        schema = self.node.schema
        if isinstance(schema, bool) or self.node.negated:
            return f"{self.pointer} ({'not this' if self.node.negated else json.dumps(schema)})"
        first, _, name = self.keyword.partition("/")
        value = next(iter(schema[first].values())) if name else schema[first]
        return f"{self.pointer}/{self.keyword} ({_short(value)})"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else text[:37] + "..."


def in_words(atoms: Sequence[Atom]) -> str:
    """A conflict as a clause; empty for no atoms."""
    names = list(dict.fromkeys(map(str, atoms)))
    if len(names) < 2:
        return f"nothing satisfies {names[0]}" if names else ""
    return f"{', '.join(names[:-1])} and {names[-1]} contradict each other"


def conflict(reader: Reader, nodes: tuple[Node, ...]) -> tuple[Atom, ...]:
    """The keywords of which, all together, nothing satisfies the nodes' schemas; empty if that does not show."""
    if reader.document.dynamic:
        return ()
    probe = _Probe(reader)
    try:
        atoms = tuple(islice(probe.atoms(nodes), MOST_ATOMS + 1))
        if len(atoms) > MOST_ATOMS or not probe.is_empty(atoms):
            return ()
        return _least(probe, atoms)
    except BudgetExceeded:
        return ()


def _least(probe: _Probe, atoms: tuple[Atom, ...]) -> tuple[Atom, ...]:
    """Atoms of which none can be left out, of some that leave nothing; whole stretches are tried first."""
    size = len(atoms) // 2 or 1
    while True:
        end = len(atoms)
        while end > 0:
            rest = atoms[: max(0, end - size)] + atoms[end:]
            if probe.is_empty(rest):
                atoms = rest
            end -= size
        if size == 1:
            return atoms
        size //= 2


class Emptiness(NamedTuple):
    """Where nothing is possible, and why."""

    #: A JSON pointer, or several with "and" between them.
    where: str
    reason: str
    #: The keywords to blame, as far as that can be told.
    atoms: tuple[Atom, ...]


def why_empty(reader: Reader, nodes: tuple[Node, ...]) -> Emptiness:
    """Where and why nothing satisfies the nodes' schemas; members and items that must be there are followed."""
    where, seen, parts = _pointers(nodes), {nodes}, ""
    atoms: tuple[Atom, ...] = ()
    while True:
        empty = [deeper for facts in reader.conjunction(nodes) if (deeper := _empty_part(reader, facts)) is not None]
        if len(empty) != 1:
            break
        if empty[0][1] in seen:
            return Emptiness(where, f"{parts}it requires itself", ())
        above, (name, nodes) = nodes, empty[0]
        seen.add(nodes)
        where, parts = _pointers(nodes), f"{name} must be there, but "
        if any(node.schema is False for node in nodes):
            atoms = conflict(reader, above)
            break
    atoms = atoms or conflict(reader, nodes)
    return Emptiness(where, parts + (in_words(atoms) or "the keywords contradict each other"), atoms)


def _pointers(nodes: tuple[Node, ...]) -> str:
    return " and ".join(dict.fromkeys(node.pointer for node in nodes))


def _empty_part(reader: Reader, facts: Facts) -> tuple[str, tuple[Node, ...]] | None:
    """A member or item that must be there and cannot."""
    admits = reader.inhabitation.admits
    if facts.types & OBJECT and facts.objects is not None:
        for key in facts.objects.required:
            if not admits(nodes := at_key(facts.objects, key)):
                return f"the member {key!r}", nodes
    if facts.types & ARRAY and facts.arrays is not None:
        for i in range(min(facts.arrays.min, facts.arrays.width + 1)):
            if not admits(nodes := facts.arrays.at(i)):
                return f"item {i}", nodes
    return None


class _Probe:
    """Asks whether some atoms leave anything."""

    def __init__(self, reader: Reader) -> None:
        self._document = reader.document
        self._reader = type(reader)(
            reader.document, asserts_formats=reader.asserts_formats, closed=reader.closed, clock=reader.clock
        )
        self._validators: dict[int, jsonschema_rs.Validator | None] = {}

    def is_empty(self, atoms: tuple[Atom, ...]) -> bool:
        """Whether nothing satisfies the atoms."""
        if not atoms:
            return False
        union = self._reader.conjunction(tuple(atom.node for atom in atoms))
        return not any(self._inhabited(facts, atoms) for facts in union)

    def _inhabited(self, facts: Facts, atoms: tuple[Atom, ...]) -> bool:
        if facts.values is None:
            return self._reader.inhabitation.inhabits(facts)
        return any(all(self._meets(atom, value) for atom in atoms) for value in facts.values)

    def _meets(self, atom: Atom, value: Any) -> bool:
        """Whether a value satisfies an atom, as far as that shows without following references."""
        key = id(atom.node)
        if key not in self._validators:
            self._validators[key] = self._validator(atom.node)
        validator = self._validators[key]
        return validator is None or validator.is_valid(value) != atom.node.negated

    def _validator(self, node: Node) -> jsonschema_rs.Validator | None:
        schema = node.schema
        if isinstance(schema, bool):
            return jsonschema_rs.validator_for(schema)
        if any(name in json.dumps(schema, default=str) for name in _REFERENCES):
            return None
        declared = {**schema, "$schema": schema_uri(node.resource.dialect)}
        return jsonschema_rs.validator_for(declared, validate_formats=self._reader.asserts_formats, offline=True)

    def atoms(self, nodes: tuple[Node, ...]) -> Iterator[Atom]:
        """The nodes' schemas, keyword by keyword."""
        queue, seen = list(nodes), set(nodes)
        for node in queue:
            if node.negated or not isinstance(node.schema, dict):
                yield Atom(node.pointer, "", node)
                continue
            for keyword, value in self._asserting(node, node.schema):
                if keyword == "$ref":
                    more = [self._document.resolve(node, value)]
                elif keyword == "allOf":
                    more = [self._document.child(node, s, keyword, i) for i, s in enumerate(value)]
                else:
                    yield from self._split(node, node.schema, keyword)
                    continue
                queue += [n for n in dict.fromkeys(more) if n not in seen]
                seen.update(more)

    @staticmethod
    def _asserting(node: Node, schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        dialect = node.resource.dialect
        if "$ref" in schema and dialect.ref_stands_alone:
            yield "$ref", schema["$ref"]
            return
        table = aspects_of(dialect)
        modifiers = ("exclusiveMinimum", "exclusiveMaximum") if dialect.age == 4 else ()
        yield from ((k, v) for k, v in schema.items() if k in table and k not in modifiers)

    @staticmethod
    def _split(node: Node, schema: dict[str, Any], keyword: str) -> Iterator[Atom]:
        def atom(name: str, part: dict[str, Any]) -> Atom:
            return Atom(node.pointer, name, Node(part, node.resource, node.fragment, node.scope))

        value = schema[keyword]
        if keyword == "properties":
            wanted = [k for k in schema.get("required") or () if k in value] if "required" in schema else []
            for key in dict.fromkeys(wanted):
                yield atom(f"properties/{step(key)}", {"properties": {key: value[key]}})
            rest = {k: v for k, v in value.items() if k not in wanted}
            if rest:
                yield atom("properties", {"properties": rest})
            return
        part = {keyword: value}
        if node.resource.dialect.age == 4 or keyword in ("if", "contains"):
            part |= {k: schema[k] for k in _TOGETHER.get(keyword, ()) if k in schema}
        for other in _BESIDE.get(keyword, ()):
            if other in schema:
                part[other] = _anything(schema[other])
        yield atom(keyword, part)


def _anything(value: Any) -> Any:
    """The same places as a keyword has, with nothing said of them."""
    if isinstance(value, dict):
        return dict.fromkeys(value, True)
    return [True] * len(value) if isinstance(value, list) else value
