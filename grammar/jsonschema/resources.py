"""Resources: schemas as `referencing` keeps them by URI, and the published meta-schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import jsonschema_rs
import referencing
import referencing.jsonschema

from .dialect import Dialect, dialect_of

Schema: TypeAlias = dict[str, Any] | bool
Registry: TypeAlias = "referencing.Registry[Any]"


def declared_dialect(schema: Any, default: Dialect) -> Dialect:
    """The dialect that a schema declares."""
    declared = schema.get("$schema") if isinstance(schema, dict) else None
    return (dialect_of(declared) if isinstance(declared, str) else None) or default


def resource_of(schema: Schema, dialect: Dialect) -> referencing.Resource[Any]:
    """The schema as `referencing` takes it, of the dialect unless it says its own."""
    return _specification(declared_dialect(schema, dialect).uri).create_resource(schema)


def registry_of(schemas: Mapping[str, Schema], dialect: Dialect) -> Registry:
    """A registry of schemas by URI; those that do not say theirs are of the dialect."""
    registry: Registry = referencing.Registry()
    return registry.with_resources((uri, resource_of(schema, dialect)) for uri, schema in schemas.items())


@lru_cache(maxsize=8)
def _specification(uri: str) -> referencing.Specification[Any]:
    """The specification of a draft, which in `referencing` takes the first of the `dependencies` for like all."""
    known = referencing.jsonschema.specification_with(uri)

    def subresources_of(contents: Any) -> Iterator[Any]:
        dependencies = contents.get("dependencies") if isinstance(contents, dict) else None
        found = [*known.subresources_of(contents), *(dependencies or {}).values()]
        yield from {id(schema): schema for schema in found if isinstance(schema, dict | bool)}.values()

    specification: Any = referencing.Specification  # type checkers do not see its constructor
    return specification(  # type: ignore[no-any-return]
        name=known.name,
        id_of=known.id_of,
        subresources_of=subresources_of,
        maybe_in_subresource=known.maybe_in_subresource,
        anchors_in=lambda _, contents: known.anchors_in(contents),
    )


def meta_schemas(uri: str) -> dict[str, Schema]:
    """A published meta-schema and its parts by URI; nothing, if there is none under the URI."""
    if "//json-schema.org/" not in uri:
        return {}
    try:
        bundled: dict[str, Any] = jsonschema_rs.bundle(
            {"$schema": uri if "/draft/" in uri else uri + "#", "$ref": uri}, offline=True
        )
    except (jsonschema_rs.ReferencingError, jsonschema_rs.ValidationError, ValueError):
        return {}
    parts: dict[str, Schema] = bundled.get("$defs") or bundled.get("definitions") or {}
    return parts
