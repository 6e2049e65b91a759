"""Guards: exact checks of JSON texts against subschemas.

The referee is `jsonschema-rs`. A subschema is validated where it stands, by a reference to its location, so it keeps
its base, its siblings and its draft. Numbers are handed over as exact decimals. Validators are built on first use.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urldefrag

import jsonschema_rs

from ...errors import GrammarError
from .dialect import Dialect
from .document import Document, Node, uri_of
from .multiples import is_multiple
from .resources import Schema, meta_schemas
from .tolerance import fragment_in_copy, tolerated
from .values import exact, identity, read_exactly
from .words import references

#: What nests too deep, exponents beyond `Decimal`, integers beyond Python's limit of digits.
_UNREADABLE: Final = (RecursionError, InvalidOperation, ValueError)


@lru_cache(maxsize=64)
def _format(name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True)


def has_format(name: str, text: str) -> bool:
    """Whether a text is of a format."""
    return _format(name).is_valid(text)


class Referee:
    """Validates values against the subschemas of one document."""

    def __init__(self, document: Document, *, asserts_formats: bool) -> None:
        self._document = document
        self._asserts_formats = asserts_formats
        self._registry: jsonschema_rs.Registry | None = None
        self._n_others = 0
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def is_valid(self, node: Node, value: Any) -> bool:
        """Whether the value meets the node's schema (fails it, if the node is negated)."""
        if isinstance(node.schema, bool):
            return node.schema != node.negated
        return self._validator(node).is_valid(value) != node.negated

    def errors(self, node: Node, value: Any) -> Iterator[jsonschema_rs.ValidationError]:
        """What is wrong with the value under the schema of a node that is not negated."""
        if isinstance(node.schema, bool):
            return iter(jsonschema_rs.validator_for(node.schema).iter_errors(value))
        return iter(self._validator(node).iter_errors(value))

    def _validator(self, node: Node) -> jsonschema_rs.Validator:
        location = node.location
        found = self._validators.get(location)
        if found is None:
            try:
                found = self._validators[location] = self._made(node)
            except GrammarError:
                raise
            except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
                message = f"Expected a subschema that the validator takes: {str(error).splitlines()[0]}"
                raise GrammarError(message, pointer=node.pointer) from None
        return found

    def _made(self, node: Node) -> jsonschema_rs.Validator:
        whole = node.schema is self._document.resource.root or node.resource.alone
        return jsonschema_rs.validator_for(
            self._declared(node.schema)
            if whole
            else {"$schema": schema_uri(node.resource.dialect), "$ref": self._place(node)},
            registry=self._resources(),
            base_uri=node.resource.uri if whole else None,
            validate_formats=self._asserts_formats,
            keywords={"multipleOf": _MultipleOf} if node.resource.dialect.validates else None,
            offline=True,
        )

    def _place(self, node: Node) -> str:
        """The node's location in what the referee has of its document."""
        return uri_of(node.resource.uri, fragment_in_copy(node.fragment))

    def _resources(self) -> jsonschema_rs.Registry:
        """The document and the others that references led to so far."""
        others = self._document.others
        if self._registry is None or len(others) != self._n_others:
            root, self._n_others = self._document.resource, len(others)
            schemas = {root.uri: root.root, **_mentioned_meta_schemas(root.root), **others}
            resources = [(uri, self._declared(schema)) for uri, schema in schemas.items()]
            self._registry = jsonschema_rs.Registry(resources, retriever=self._retrieved)
        return self._registry

    def _retrieved(self, uri: str) -> Schema:
        """What is known under a URI; the referee asks for all that the document mentions, used or not."""
        try:
            return self._declared(self._document.contents(uri))
        except LookupError:  # a validator that comes here cannot be made; what nobody uses may lead nowhere
            return {"$ref": "#/nothing-is-known-under-this-URI"}

    def _declared(self, schema: Schema) -> Schema:
        """The schema as the referee takes it, saying a draft that it knows."""
        schema = tolerated(schema, self._document.resource.dialect)
        if isinstance(schema, bool) or self._document.is_meta_schema(schema.get("$schema")):
            return schema
        return {**schema, "$schema": schema_uri(self._document.resource.dialect)}


def _mentioned_meta_schemas(schema: Schema) -> dict[str, Schema]:
    """The published meta-schemas that a schema refers to, which the referee does not ask the retriever for."""
    found: dict[str, Schema] = {}
    for uri in {urldefrag(reference)[0] for reference in references(schema)}:
        found |= meta_schemas(uri)
    return found


class _MultipleOf:
    """The keyword `multipleOf`, exactly: the referee's own rounds what it divides to a float in places."""

    def __init__(
        self, parent_schema: Mapping[str, Any], value: float | Decimal, schema_path: Sequence[str | int]
    ) -> None:
        self._divisor = exact(value)

    def validate(self, instance: Any) -> None:
        """Raise ValueError for a number that is no multiple."""
        is_number = isinstance(instance, int | float | Decimal) and not isinstance(instance, bool)
        if is_number and not is_multiple(exact(instance), self._divisor):
            raise ValueError(f"{instance} is not a multiple of {self._divisor}")


def schema_uri(dialect: Dialect) -> str:
    """What `$schema` says for the dialect."""
    return dialect.uri + ("#" if dialect.age < 2019 else "")


class Guard:
    """A check that a text's value meets some subschemas. Guards on the same subschemas are equal."""

    __slots__ = ("_nodes", "_referee", "keyword", "pointer")

    def __init__(self, referee: Referee, nodes: tuple[Node, ...], pointer: str, keyword: str) -> None:
        self._referee = referee
        self._nodes = nodes
        self.pointer = pointer
        self.keyword = keyword

    def __call__(self, text: bytes) -> bool:
        """Return whether the value spelled by `text` is valid; what nests too deep or is too large a number is not."""
        try:
            value = read_exactly(text)
        except _UNREADABLE:
            return False
        return all(self._referee.is_valid(node, value) for node in self._nodes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Guard) and self._nodes == other._nodes

    def __hash__(self) -> int:
        return hash(self._nodes)

    def __repr__(self) -> str:
        return f"Guard({self.keyword} at {self.pointer})"


class Equality:
    """A check that a text's value is one of some values."""

    __slots__ = ("_values", "keyword", "pointer")

    def __init__(self, values: frozenset[Hashable], pointer: str, keyword: str = "enum") -> None:
        self._values = values
        self.pointer = pointer
        self.keyword = keyword

    def __call__(self, text: bytes) -> bool:
        """Return whether the value spelled by `text` is one of the values."""
        try:
            return identity(read_exactly(text)) in self._values
        except _UNREADABLE:
            return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equality) and self._values == other._values

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        return f"Equality({len(self._values)} values at {self.pointer})"
