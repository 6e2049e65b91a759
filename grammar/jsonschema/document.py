"""Schema documents: places in them, resources, references.

A `Node` is one subschema at its place, perhaps negated. Nodes are interned by document and compare by identity. A
`Resource` is what an `$id` names: the base that references within it resolve against. JSON pointers are followed here;
other references through `referencing`, with the caller's registry and never by network.

A node carries the dynamic scope (the resources it was entered through, outermost first) only in documents where a
`$dynamicRef` or `$recursiveRef` may depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin

import referencing
import referencing.exceptions
import referencing.jsonschema

from ...errors import GrammarError
from .dialect import Dialect, dialect_of
from .meta_schema import check_schema
from .resources import Registry, Schema, declared_dialect, meta_schemas, resource_of
from .twins import Twins, is_nested
from .words import mentions, pointers_in, references, step_to

#: What shows that references may depend on the dynamic scope.
_DYNAMIC = ("$dynamicRef", "$recursiveRef")
#: Meta-schemas whose references do.
_DYNAMIC_META_SCHEMAS = ("//json-schema.org/draft/20",)
#: What stands for itself in a URI fragment.
_FRAGMENT = "/?:@-._~!$&'()*+,;="
#: The base of a document without an absolute `$id`.
DEFAULT_BASE = "https://schema.invalid/document"
#: What schemas that stand nowhere are called, with a number behind it.
ALONE = "https://schema.invalid/alone/"


@dataclass(slots=True, eq=False)
class Resource:
    """A schema with a URI of its own."""

    uri: str
    root: Schema
    dialect: Dialect
    #: The pointer to its root, for messages.
    pointer: str
    #: Whether it stands nowhere: a schema without references, made for a part of a listed value.
    alone: bool = False


class Node:
    """A subschema at its place: `fragment` is the JSON pointer from its resource's root."""

    __slots__ = ("fragment", "kinds", "negated", "opposite", "resource", "schema", "scope")

    def __init__(
        self, schema: Schema, resource: Resource, fragment: str, scope: tuple[Resource, ...] = (), negated: bool = False
    ) -> None:
        self.schema = schema
        self.resource = resource
        self.fragment = fragment
        self.scope = scope
        self.negated = negated
        self.opposite: Node | None = None
        #: What its keywords speak of, once that was looked up (`aspects.kinds_of`).
        self.kinds: int | None = None

    @property
    def location(self) -> str:
        """The absolute URI."""
        return uri_of(self.resource.uri, self.fragment)

    @property
    def pointer(self) -> str:
        """Where it stands, for messages."""
        return self.resource.pointer + self.fragment

    def negation(self) -> Node:
        """The same subschema, to be failed instead of met (or the other way round)."""
        if self.opposite is None:
            self.opposite = Node(self.schema, self.resource, self.fragment, self.scope, not self.negated)
            self.opposite.opposite = self
        return self.opposite

    def __repr__(self) -> str:
        return f"Node({'not ' if self.negated else ''}{self.pointer})"


def uri_of(resource: str, fragment: str) -> str:
    """The absolute URI of a place."""
    return f"{resource}#{quote(fragment, safe=_FRAGMENT)}"


class Document:
    """A schema and everything it refers to."""

    def __init__(self, root: Schema, dialect: Dialect, registry: Registry | None = None) -> None:
        self._callers = registry
        #: The schemas of other documents that references led to, by URI.
        self.others: dict[str, Schema] = {}
        self._crawled: Registry | None = None
        self._nodes: dict[tuple[int, ...], Node] = {}
        self._twins = Twins()
        self._n_alone = 0
        self._checked: set[int] = set()
        #: Where JSON pointers led to in a resource.
        self._walked: dict[tuple[Resource, str], Node] = {}
        self._resources: dict[str, Resource] = {}
        #: Where the very objects of a resource stand, by identity.
        self._pointers: dict[Resource, dict[int, str]] = {}
        identifier = _identifier(root, dialect)
        uri = DEFAULT_BASE if identifier is None else urldefrag(urljoin(DEFAULT_BASE, identifier))[0]
        self.resource = Resource(uri, root, dialect, "#")
        self._resources[self.resource.uri] = self.resource
        #: Whether what a node means may depend on the way to it.
        self.dynamic = dialect.age >= 2019 and _may_be_dynamic(root, registry)
        self.root = self._intern(root, self.resource, "", ())

    def child(self, node: Node, schema: Schema, *steps: str | int) -> Node:
        """The subschema of a node that the steps lead to."""
        fragment = node.fragment
        for step in steps:
            fragment += step_to(step)
        if is_nested(fragment) and isinstance(schema, dict):
            schema = self._twins.first(schema, node.resource)
        return self._enter(schema, node.resource, fragment, node.scope)

    def members(self, node: Node, keyword: str, schemas: Mapping[str, Schema]) -> dict[str, Node]:
        """The subschemas of a node that a keyword holds by name."""
        front, resource = f"{node.fragment}/{keyword}", node.resource
        if is_nested(front + "/"):
            return {key: self.child(node, schema, keyword, key) for key, schema in schemas.items()}
        enter, scope = self._enter, node.scope
        return {key: enter(schema, resource, front + step_to(key), scope) for key, schema in schemas.items()}

    def alone(self, node: Node, schema: Schema) -> Node:
        """A schema without references that stands nowhere, made for a part of a node."""
        self._n_alone += 1
        return Node(schema, Resource(f"{ALONE}{self._n_alone}", schema, node.resource.dialect, node.pointer, True), "")

    def _enter(self, schema: Schema, resource: Resource, fragment: str, scope: tuple[Resource, ...]) -> Node:
        """The node of a schema found in a resource; a resource of its own, if it has an `$id`."""
        identifier = _identifier(schema, resource.dialect) if fragment else None
        if identifier is not None:
            uri = urldefrag(urljoin(resource.uri, identifier))[0]
            known = self._resources.get(uri)
            if known is None or known.root is not schema:
                known = Resource(uri, schema, declared_dialect(schema, resource.dialect), resource.pointer + fragment)
                self._resources[uri] = known
            resource, fragment = known, ""
        return self._intern(schema, resource, fragment, scope)

    def _intern(self, schema: Schema, resource: Resource, fragment: str, scope: tuple[Resource, ...]) -> Node:
        if self.dynamic and resource not in scope:
            scope = (*scope, resource)
        if isinstance(schema, bool):
            return Node(schema, resource, fragment, scope)
        key = (id(schema), id(resource), *map(id, scope)) if scope else (id(schema), id(resource))
        node = self._nodes.get(key)
        if node is None:
            node = self._nodes[key] = Node(schema, resource, fragment, scope)
        return node

    def resolve(self, node: Node, reference: str, keyword: str = "$ref") -> Node:
        """The node that a reference leads to.

        Raises
        ------
        GrammarError : it leads nowhere.
        """
        if not isinstance(reference, str):  # draft 4's meta-schema does not mind
            raise GrammarError(f"Expected `{keyword}` to be a string, got {reference!r:.60}", pointer=node.pointer)
        if reference == "#" or reference.startswith("#/"):
            known = None if self.dynamic else self._walked.get((node.resource, reference))
            if known is None:
                known = self._walk(node.resource, reference[1:], node, keyword)
                if not isinstance(known.schema, bool):
                    self._walked[node.resource, reference] = known
            return known
        uri, fragment = urldefrag(urljoin(node.resource.uri, reference))
        resource = self._find(uri, node, keyword, reference)
        if not fragment or fragment.startswith("/"):
            return self._walk(resource, fragment, node, keyword)
        return self._anchor(resource, fragment, node, keyword)

    def resolve_dynamic(self, node: Node, reference: str) -> Node:
        """The node that a `$dynamicRef` or `$recursiveRef` leads to in the node's dynamic scope."""
        recursive = node.resource.dialect.age == 2019
        target = self.resolve(node, reference, "$recursiveRef" if recursive else "$dynamicRef")
        schema = target.schema
        if not isinstance(schema, dict):
            return target
        if recursive:
            if schema.get("$recursiveAnchor") is not True:
                return target
            for resource in node.scope:
                if isinstance(resource.root, dict) and resource.root.get("$recursiveAnchor") is True:
                    return self._intern(resource.root, resource, "", node.scope)
            return target
        name = urldefrag(reference)[1]
        if schema.get("$dynamicAnchor") != name:
            return target
        for resource in node.scope:
            found = self._dynamic_anchor(resource, name)
            if found is not None:
                return self._enter(found, resource, self._pointer_to(found, resource), node.scope)
        return target

    def _walk(self, resource: Resource, fragment: str, node: Node, keyword: str) -> Node:
        """Follow a JSON pointer through a resource."""
        schema: Any = resource.root
        here = ""
        for raw in unquote(fragment).split("/")[1:]:
            step = raw.replace("~1", "/").replace("~0", "~")
            try:
                schema = schema[int(step) if isinstance(schema, list) else step]
            except (KeyError, IndexError, ValueError, TypeError):
                raise GrammarError(
                    f"Expected `{keyword}` to lead to a schema, found nothing at {resource.pointer}{fragment}. "
                    "Add the definition or correct the reference",
                    pointer=node.pointer,
                ) from None
            here += "/" + raw
            if isinstance(schema, dict) and _identifier(schema, resource.dialect) is not None:
                entered = self._enter(schema, resource, here, node.scope)
                resource, here = entered.resource, entered.fragment
        if not isinstance(schema, dict | bool):
            raise GrammarError(f"Expected `{keyword}` to lead to a schema, got {schema!r:.60}", pointer=node.pointer)
        if here and not _is_definition(here, resource.dialect):
            self._check(schema, resource, here)
        return self._intern(schema, resource, here, node.scope)

    def _check(self, schema: Schema, resource: Resource, fragment: str) -> None:
        """Hold a schema that stands where the meta-schema may not look against it."""
        if id(schema) in self._checked:
            return
        try:
            check_schema(schema, resource.dialect)
        except GrammarError as error:
            where = resource.pointer + fragment + (error.pointer or "#")[1:]
            raise GrammarError(error.message, pointer=where) from None
        self._checked.add(id(schema))

    def _find(self, uri: str, node: Node, keyword: str, reference: str) -> Resource:
        """The resource with a URI."""
        known = self._resources.get(uri)
        if known is None:
            try:
                contents = self.registry().get_or_retrieve(uri).value.contents
            except (referencing.exceptions.NoSuchResource, referencing.exceptions.Unretrievable):
                contents = self._publish(uri)
            if contents is None:
                raise GrammarError(
                    f"Cannot resolve `{keyword}` {reference!r}: nothing is known under {uri}. Put the schema under "
                    "`$defs`, or pass a `referencing.Registry` that holds it as `registry=`; on the command line, put "
                    "it beside the schema's file",
                    pointer=node.pointer,
                )
            known = Resource(uri, contents, declared_dialect(contents, node.resource.dialect), uri + "#")
            self._resources[uri] = known
            self._check(contents, known, "")
            if self._callers is not None and (uri in self._callers or uri not in self.registry()):
                self.others[uri] = contents  # what the caller's registry has, or has retrieved
        return known

    def _anchor(self, resource: Resource, name: str, node: Node, keyword: str) -> Node:
        """The node that an anchor names."""
        try:
            contents = self.registry().anchor(resource.uri, name).value.resource.contents
        except (KeyError, referencing.exceptions.NoSuchAnchor):
            raise GrammarError(
                f"Cannot resolve `{keyword}`: {resource.pointer} has no anchor {name!r}", pointer=node.pointer
            ) from None
        return self._enter(contents, resource, self._pointer_to(contents, resource), node.scope)

    def _dynamic_anchor(self, resource: Resource, name: str) -> Schema | None:
        """The schema under a `$dynamicAnchor` of a resource."""
        try:
            anchor = self.registry().anchor(resource.uri, name).value
        except (KeyError, referencing.exceptions.NoSuchAnchor):
            return None
        if not isinstance(anchor, referencing.jsonschema.DynamicAnchor):
            return None
        contents: Any = anchor.resource.contents
        return contents  # type: ignore[no-any-return]

    def _pointer_to(self, target: Any, resource: Resource) -> str:
        """The JSON pointer to a very object inside a resource."""
        found = self._pointers.get(resource)
        if found is None:
            found = self._pointers[resource] = pointers_in(resource.root)
        return found[id(target)]

    def _publish(self, uri: str) -> Schema | None:
        """The meta-schema with a URI; its parts join the registry with it."""
        found = meta_schemas(uri)
        self.others.update(found)
        resources = [(u, resource_of(contents, self.resource.dialect)) for u, contents in found.items()]
        self._crawled = self.registry().with_resources(resources).crawl()
        return found.get(uri)

    def registry(self) -> Registry:
        """The caller's resources and this document, every `$id` and anchor found."""
        if self._crawled is None:
            resource = resource_of(self.resource.root, self.resource.dialect)
            registry: Registry = referencing.Registry() if self._callers is None else self._callers
            try:
                self._crawled = registry.with_resource(self.resource.uri, resource).crawl()
            except (AttributeError, TypeError):
                for uri in registry:  # one of them is no schema, which `crawl` does not say
                    contents = registry[uri].contents
                    self._check(contents, Resource(uri, contents, self.resource.dialect, uri + "#"), "")
                raise
        return self._crawled

    def is_meta_schema(self, uri: Any) -> bool:
        """Whether what `$schema` says is a draft, or known to the caller's registry."""
        if not isinstance(uri, str):
            return False
        return dialect_of(uri) is not None or (self._callers is not None and uri.rstrip("#") in self._callers)

    def contents(self, uri: str) -> Schema:
        """What is known under a URI.

        Raises
        ------
        LookupError : nothing is.
        """
        contents: Schema = self.registry().get_or_retrieve(uri).value.contents
        return contents


def _is_definition(fragment: str, dialect: Dialect) -> bool:
    """Whether a pointer leads to one of a resource's definitions, which are checked with it."""
    _, first, *rest = fragment.split("/")
    return len(rest) == 1 and (first == "definitions" or (first == "$defs" and dialect.age >= 2019))


def _identifier(schema: Any, dialect: Dialect) -> str | None:
    """What a schema calls itself, if that makes it a resource."""
    identifier = schema.get(dialect.id_keyword) if isinstance(schema, dict) else None
    if identifier is None or not isinstance(identifier, str) or identifier.startswith("#"):
        return None
    return None if "$ref" in schema and dialect.ref_stands_alone else identifier


def _may_be_dynamic(root: Schema, registry: Registry | None) -> bool:
    """Whether the schemas hold references that depend on the dynamic scope, or lead to meta-schemas that do."""
    if registry is None and not mentions(root, (*_DYNAMIC, *_DYNAMIC_META_SCHEMAS)):
        return False
    if mentions(root, _DYNAMIC):
        return True
    away = [r for r in references(root) if not r.startswith("#")]
    if any(meta in reference for reference in away for meta in _DYNAMIC_META_SCHEMAS):
        return True
    if registry is None or not away:
        return False
    return any(mentions(registry.contents(uri), _DYNAMIC) for uri in registry)
