"""In-place applicators: `$ref`, `allOf`, `anyOf`, `oneOf`, `not`, `if` and dependencies, worked into facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from .aspects import APPLICATOR, aspects_of, kinds_of
from .disjointness import beyond_empty, overlaps, telling_key
from .document import Node
from .facts import ANYTHING, FREE, OBJECT, Facts, Objects, Residual, Union, in_draft_4, meet, with_residual

if TYPE_CHECKING:
    from .reading import Reader

#: Alternatives that a conjunction of unions is multiplied out to.
MOST_ALTERNATIVES: Final = 64
#: Alternatives that one branch of a `oneOf` or one dependency may add.
FEW: Final = 8


def apply(reader: Reader, node: Node, schema: dict[str, Any], own: Facts) -> Union:
    """The schema's own facts together with its in-place applicators."""
    table, child = aspects_of(node.resource.dialect), reader.document.child
    is_alone = kinds_of(node) == APPLICATOR and not in_draft_4((node,))
    found: Union = (FREE,) if is_alone else (own,)
    for keyword, value in schema.items():
        if table.get(keyword) != APPLICATOR:
            continue
        match keyword:
            case "$ref":
                unions = [reader.read(reader.document.resolve(node, value))]
            case "$dynamicRef" | "$recursiveRef":
                unions = [reader.read(reader.document.resolve_dynamic(node, value))]
            case "allOf":
                unions = [reader.read(child(node, s, keyword, i)) for i, s in enumerate(value)]
            case "anyOf":
                unions = [tuple(f for i, s in enumerate(value) for f in reader.read(child(node, s, keyword, i)))]
            case "oneOf":
                unions = [_one_of(reader, node, [child(node, s, keyword, i) for i, s in enumerate(value)], own)]
            case "not":
                unions = [reader.read(child(node, value, keyword).negation())]
            case "if":
                unions = [_conditional(reader, node, schema)]
            case _:
                unions = _dependencies(reader, node, keyword, value)
        most = FEW if "depend" in keyword else MOST_ALTERNATIVES
        found = reader.product_of(found, unions, Residual(node, keyword), most)
    return found


def _conditional(reader: Reader, node: Node, schema: dict[str, Any]) -> Union:
    """`if` with `then` and `else`."""
    if "then" not in schema and "else" not in schema:
        return (FREE,)
    child = reader.document.child
    condition = child(node, schema["if"], "if")
    residual = Residual(node, "if")
    then, other = reader.read(condition), reader.read(condition.negation())
    if "then" in schema:
        then = reader.product(then, reader.read(child(node, schema["then"], "then")), residual)
    if "else" in schema:
        other = reader.product(other, reader.read(child(node, schema["else"], "else")), residual)
    return then + other


def _dependencies(reader: Reader, node: Node, keyword: str, value: dict[str, Any]) -> list[Union]:
    """Each of the dependencies: the key is absent, or it is there and more is asked for."""
    unions: list[Union] = []
    for key, wanted in value.items():
        there: Union = (Facts(OBJECT, objects=Objects(required=(key,))),)
        if isinstance(wanted, list):
            more: Union = (Facts(objects=Objects(required=tuple(wanted))),)
        else:
            more = reader.read(reader.document.child(node, wanted, keyword, key))
        there = reader.product(there, more, Residual(node, keyword))
        unions.append((Facts(ANYTHING & ~OBJECT), reader.without(key), *there))
    return unions


def _one_of(reader: Reader, node: Node, branches: Sequence[Node], own: Facts) -> Union:
    """Exactly one of the branches, for instances of a schema's own types."""
    unions = [_within(own.types, reader.read(branch)) for branch in branches]
    left = [i for i, union in enumerate(unions) if union]
    clashes = overlaps(reader, [unions[i] for i in left], node)
    residual = Residual(node, "oneOf")
    if clashes is None:
        return with_residual((f for i in left for f in unions[i]), residual)
    found: list[Facts] = []
    for i, clashing in zip(left, clashes, strict=True):
        union = unions[i]
        for j in clashing:
            union = _apart(reader, union, unions[left[j]], branches[left[j]], own, residual)
        found += union
    return tuple(found)


def _within(types: int, union: Union) -> Union:
    """The alternatives for instances of some types."""
    if not any([facts.types & ~types for facts in union]):
        return union
    within = Facts(types)
    return tuple([both for facts in union if (both := meet(within, facts)) is not None])


def _apart(reader: Reader, union: Union, other: Union, branch: Node, own: Facts, residual: Residual) -> Union:
    """A branch of a `oneOf` without what another branch admits, too."""
    key = telling_key(union, other, own) if reader.closed else None
    if key is not None:
        return reader.product(union, (reader.without(key),), residual)
    nonempty = beyond_empty(reader, union, other)
    if nonempty is not None:
        return reader.product(union, (nonempty,), residual)
    failing = reader.read(branch.negation())
    if len(failing) > FEW or any(facts.left(own.types) for facts in failing):
        return with_residual(union, residual)
    return reader.product(union, failing, residual, FEW)
