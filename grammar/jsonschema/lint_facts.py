"""Lints of what subschemas say together, once their applicators are merged.

unbounded-string, unbounded-array     nothing bounds the length, so a model may go on until its tokens run out
open-object                           declares members and lets any others be, as no keyword speaks of them
missing-type                          bounds values of some types and lets all other types be
undeclared-required                   a member must be there of which nothing is said
pruned-branch, pruned-member, pruned-item   optional, but nothing satisfies it: it is left out
unused-definition                     nothing refers to it
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final, NamedTuple

from ..finding import Finding
from .aspects import APPLICATOR, aspects_of
from .conflicts import conflict, in_words
from .document import Node
from .facts import ANYTHING, ARRAY, OBJECT, STRING, Arrays, Facts, Objects
from .keys import at_key
from .lint_patterns import is_bounded
from .patterns import has_match
from .places import places_of
from .reading import Reader
from .schema import JsonSchema

_BRANCHES: Final = ("anyOf", "oneOf")
#: A step into a definition.
_DEFINITION: Final = re.compile(r"/(?:\$defs|definitions)/[^/]*")


class _Missed(NamedTuple):
    """A declared member that can never be there, and what its value would have to satisfy."""

    key: str
    nodes: tuple[Node, ...]


def lint_facts(constraint: JsonSchema) -> Iterator[Finding]:
    """The findings on all values that the schema describes. Writes all rules."""
    reader = constraint.reader
    missed: dict[str, _Missed | None] = {}
    for nodes in constraint.subschemas:
        for facts in reader.conjunction(nodes) if nodes else ():
            yield from _lengths(facts, nodes[0].pointer)
            yield from _types(facts, nodes[0])
            if facts.objects is not None and facts.types & OBJECT:
                yield from _members(facts.objects, nodes[0].pointer, constraint.style.closed)
                _miss_members(reader, facts.objects, missed)
            if facts.arrays is not None and facts.types & ARRAY:
                yield from _items(reader, facts.arrays)
    for pointer, member in missed.items():
        if member is not None:
            message = f"The member {member.key!r} can never be there: {_why(reader, member.nodes)}."
            yield Finding("pruned-member", "warning", message, "Correct it, or remove it.", pointer)
    for node in list(reader.nodes()):
        yield from _branches(reader, node)
    yield from _unused(constraint)


def _lengths(facts: Facts, pointer: str) -> Iterator[Finding]:
    if facts.values is not None or facts.types == ANYTHING:
        return
    if facts.types & STRING and _is_unbounded(facts):
        message = "Nothing bounds the length of this string."
        yield Finding("unbounded-string", "note", message, "Add `maxLength`, `enum` or a `pattern`.", pointer)
    arrays = facts.arrays or Arrays()
    bounded = arrays.max is not None or any(row.rest is not None and row.rest.schema is False for row in arrays.rows)
    if facts.types & ARRAY and not bounded:
        yield Finding("unbounded-array", "note", "Nothing bounds the length of this array.", "Add `maxItems`.", pointer)


def _is_unbounded(facts: Facts) -> bool:
    strings = facts.strings
    if strings is None:
        return True
    if strings.max is not None or any(holds for _, holds in strings.formats):
        return False
    return not any(holds and is_bounded(pattern) for pattern, holds in strings.patterns)


def _types(facts: Facts, node: Node) -> Iterator[Finding]:
    speaks = {"object": facts.objects, "array": facts.arrays, "string": facts.strings, "number": facts.numbers}
    named = [name for name, said in speaks.items() if said is not None]
    if facts.types == ANYTHING and len(named) == 1 and facts.values is None and isinstance(node.schema, dict):
        message = f"This speaks of {named[0]}s only: a value of any other type passes."
        yield Finding("missing-type", "note", message, f'Add `"type": "{named[0]}"`.', node.pointer)


def _members(objects: Objects, pointer: str, closed: bool) -> Iterator[Finding]:
    declared = dict.fromkeys(key for view in objects.views for key in view.properties)
    if declared and not objects.explicit and not closed:
        message = "Members that are not declared may have any name and value."
        yield Finding("open-object", "note", message, 'Add `"additionalProperties": false`.', pointer)
    for key in objects.required:
        if not any(_speaks_of(objects, i, key) for i in range(len(objects.views))):
            message = f"The member {key!r} must be there, but nothing is said of it: any JSON value will do."
            close = get_close_matches(key, declared, 1)
            fix = f"Did you mean {close[0]!r}?" if close else "Declare it in `properties`."
            yield Finding("undeclared-required", "warning", message, fix, f"{pointer}/required")


def _miss_members(reader: Reader, objects: Objects, missed: dict[str, _Missed | None]) -> None:
    """Note the declared members that can never be there, by pointer; None for those that can in some alternative."""
    for key in dict.fromkeys(key for view in objects.views for key in view.properties):
        nodes = at_key(objects, key)
        own = [view.properties[key] for view in objects.views if key in view.properties]
        where = own[0].pointer
        if missed.get(where, ()) is None or any(node.schema is False for node in own):
            continue
        if reader.inhabitation.admits(nodes):
            missed[where] = None
        else:
            missed.setdefault(where, _Missed(key, nodes))


def _speaks_of(objects: Objects, view: int, key: str) -> bool:
    said = objects.views[view]
    if key in said.properties or said.additional is not None:
        return True
    return any(has_match(pattern, key) for pattern in said.patterns)


def _items(reader: Reader, arrays: Arrays) -> Iterator[Finding]:
    for i in range(arrays.min, arrays.width + 1):
        nodes = arrays.at(i)
        if nodes and not any(node.schema is False for node in nodes) and not reader.inhabitation.admits(nodes):
            message = f"Item {i} can never be there: {_why(reader, nodes)}."
            yield Finding("pruned-item", "warning", message, "Correct it, or remove it.", nodes[0].pointer)
            return


def _branches(reader: Reader, node: Node) -> Iterator[Finding]:
    schema, dialect = node.schema, node.resource.dialect
    if node.negated or not isinstance(schema, dict) or ("$ref" in schema and dialect.ref_stands_alone):
        return
    table = aspects_of(dialect)
    own = {k: v for k, v in schema.items() if k in table and table[k] != APPLICATOR}
    beside = Node(own, node.resource, node.fragment, node.scope)
    for keyword in _BRANCHES:
        for i, branch in enumerate(schema.get(keyword, ())):
            nodes = (beside, reader.document.child(node, branch, keyword, i))
            if branch is not False and not reader.inhabitation.admits(nodes):
                message = f"Nothing satisfies this branch: {_why(reader, nodes)}."
                where = f"{node.pointer}/{keyword}/{i}"
                yield Finding("pruned-branch", "warning", message, "Correct it, or remove it.", where)


def _why(reader: Reader, nodes: tuple[Node, ...]) -> str:
    return in_words(conflict(reader, nodes)) or "its keywords contradict each other"


def _unused(constraint: JsonSchema) -> Iterator[Finding]:
    reached = {pointer[: m.end()] for pointer in _reached(constraint.reader) for m in _DEFINITION.finditer(pointer)}
    for place in places_of(constraint.schema, constraint.reader.document.resource.dialect):
        if (
            place.schema
            and place.pointer not in reached
            and _DEFINITION.search(place.pointer, _last_two(place.pointer))
        ):
            yield Finding("unused-definition", "note", "Nothing refers to this definition.", "", place.pointer)


def _reached(reader: Reader) -> set[str]:
    return {node.pointer for node in reader.nodes()}


def _last_two(pointer: str) -> int:
    """Where the last two steps of a pointer begin."""
    return max(0, pointer.rfind("/", 0, max(0, pointer.rfind("/"))))
