"""Verdicts: how each keyword of a schema is decided, and why a guard where there is one.

A keyword is decided by the automaton, or with the help of a guard, or it is an annotation that decides nothing;
"refused" is one for which the schema cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from .aspects import aspects_of
from .dialect import Dialect
from .document import Node

Decision: TypeAlias = Literal["automaton", "guard", "annotation", "refused"]

#: References that depend on the way to them.
DYNAMIC: Final = ("$dynamicRef", "$recursiveRef")
#: Keywords that name and hold schemas, and decide nothing.
STRUCTURE: Final = frozenset({
    *("$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment"),
    *("$defs", "definitions"),
})  # fmt: skip
#: Keyword -> the keyword without which it says nothing.
COMPANIONS: Final = {
    "then": "if",
    "else": "if",
    "minContains": "contains",
    "maxContains": "contains",
    "additionalItems": "items",
}
_EXPONENTS: Final = "spellings with an exponent are compared by value"
#: Guards that speak of numbers as such, and the keyword that they decide.
_OF_NUMBERS: Final = ("integer", "fraction", "number")
_ABOUT_NUMBERS: Final = (
    *("type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "const", "enum"),
)
#: Why a keyword may be left to a guard.
REASONS: Final = {
    "uniqueItems": "items are compared with all those before them, which takes a memory without bound",
    "contains": "which items count is not told apart by an automaton of few states",
    "oneOf": "branches overlap where that cannot be multiplied out",
    "anyOf": "the alternatives are too many to multiply out",
    "allOf": "the alternatives are too many to multiply out",
    "$ref": "the alternatives are too many to multiply out",
    "if": "the alternatives are too many to multiply out",
    "dependencies": "the alternatives are too many to multiply out",
    "dependentRequired": "the alternatives are too many to multiply out",
    "dependentSchemas": "the alternatives are too many to multiply out",
    "not": "what it forbids has no automaton of few states",
    "pattern": "it looks around or back in a way that no automaton of few states follows",
    "patternProperties": "its patterns are too many to tell all their combinations apart, or look around or back",
    "propertyNames": "what it says of keys has no automaton of few states",
    "format": "its rare forms are known to the validator alone",
    "multipleOf": "the divisor takes too many states",
    "unevaluatedItems": "what is evaluated depends on which applicators succeed",
    "unevaluatedProperties": "what is evaluated depends on which applicators succeed",
    "$dynamicRef": "what it leads to depends on the way there",
    "$recursiveRef": "what it leads to depends on the way there",
    "enum": _EXPONENTS,
    "const": _EXPONENTS,
    "type": _EXPONENTS,
}


class Verdict(NamedTuple):
    """How a keyword of a schema is decided."""

    pointer: str
    keyword: str
    decision: Decision
    #: Why it is not the automaton alone that decides; empty if it is, or for an ordinary annotation.
    reason: str = ""


def verdicts_of(nodes: Iterable[Node], guarded: Iterable[tuple[str, str]]) -> list[Verdict]:
    """The verdicts on the keywords of subschemas, by pointer; `guarded`: pointer and keyword of what guards decide."""
    undecided: dict[str, set[str]] = {}
    for pointer, keyword in guarded:
        undecided.setdefault(pointer, set()).add(keyword)
    found: dict[Verdict, None] = {}
    for node in sorted(nodes, key=lambda n: n.pointer):
        if isinstance(node.schema, dict):
            left = undecided.get(node.pointer, set())
            found.update(dict.fromkeys(_verdicts(node.pointer, node.schema, node.resource.dialect, left)))
    return list(found)


def _verdicts(pointer: str, schema: dict[str, Any], dialect: Dialect, guarded: set[str]) -> Iterator[Verdict]:
    left = {keyword for name in guarded for keyword in _decided_by(name, schema)}
    for keyword in schema:
        if keyword in STRUCTURE:
            continue
        why_not = _why_annotation(schema, keyword, dialect)
        if why_not is not None:
            yield Verdict(pointer, keyword, "annotation", why_not)
        elif COMPANIONS.get(keyword, keyword) in left:
            reason = REASONS.get(COMPANIONS.get(keyword, keyword), "no automaton of few states decides it")
            yield Verdict(pointer, keyword, "guard", reason)
        else:
            yield Verdict(pointer, keyword, "automaton")


def _decided_by(name: str, schema: dict[str, Any]) -> Iterator[str]:
    """The keywords of a schema that a guard's name stands for."""
    if name in _OF_NUMBERS:
        yield next((k for k in _ABOUT_NUMBERS if k in schema), name)
    elif name == "enum" and "enum" not in schema:
        yield "const"
    else:
        yield name


def _why_annotation(schema: dict[str, Any], keyword: str, dialect: Dialect) -> str | None:
    """Why a keyword decides nothing; None if it decides."""
    if "$ref" in schema and dialect.ref_stands_alone and keyword != "$ref":
        return "`$ref` hides what stands beside it"
    companion = COMPANIONS.get(keyword)
    if companion is not None and dialect.knows(keyword):
        idle = companion not in schema or (keyword == "additionalItems" and not isinstance(schema["items"], list))
        return f"it says nothing without `{companion}`" if idle else None
    return None if keyword in aspects_of(dialect) else ""
