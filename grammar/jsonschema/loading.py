"""Loading: from what the caller gives to a schema that its meta-schema accepts."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import referencing.exceptions

from ...errors import GrammarError, GrammarSyntaxError
from .dialect import DIALECTS, Dialect, dialect_named, dialect_of, without_validation
from .meta_schema import check_schema, shown

if TYPE_CHECKING:
    from .resources import Registry, Schema

#: The drafts, from the newest on.
NEWEST, *OLDER = reversed(DIALECTS.values())


def parse_schema(text: str | bytes) -> Schema:
    """The schema in a JSON text.

    Raises
    ------
    GrammarSyntaxError : it is no JSON; with line and column.
    """
    if isinstance(text, bytes):
        text = text.decode()
    try:
        schema = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise GrammarSyntaxError(f"Expected a JSON Schema: {error.msg}", source=text, offset=error.pos) from None
    except RecursionError:
        raise GrammarError("Expected a JSON Schema, got a text nested too deep. Simplify it.") from None
    return as_schema(schema)


def _refuse_constant(name: str) -> Any:
    raise GrammarError(f"Expected JSON, got {name}, which JSON does not have. Remove it.")


def as_schema(schema: Any) -> Schema:
    """The value, if it is an object or a boolean.

    Raises
    ------
    GrammarError : it is something else.
    """
    if not isinstance(schema, dict | bool):
        raise GrammarError(f"Expected a JSON Schema to be an object or a boolean, got {shown(schema)}", pointer="#")
    return schema


def fitting_dialect(schema: Schema, draft: str | int | None, registry: Registry | None) -> Dialect:
    """The dialect of a document, which its meta-schema accepts.

    Where neither `$schema` nor `draft` says it, that is the newest draft that accepts it.

    Raises
    ------
    GrammarError : no such draft, or it breaks the meta-schema; with the JSON pointer.
    """
    dialect = dialect_for(schema, draft, registry)
    try:
        check_schema(schema, dialect)
    except GrammarError:
        if draft is not None or (isinstance(schema, dict) and dialect_of(str(schema.get("$schema", ""))) is not None):
            raise
        for older in OLDER:
            with suppress(GrammarError):
                check_schema(schema, older)
                return older
        raise
    return dialect


def dialect_for(schema: Schema, draft: str | int | None, registry: Registry | None) -> Dialect:
    """The dialect of a document: what `$schema` says, or the given draft, or the newest.

    A `$schema` that is no draft counts if the registry has it: its own `$schema` and `$vocabulary` decide. Else it is
    passed over.
    """
    default = NEWEST if draft is None else dialect_named(draft)
    declared = schema.get("$schema") if isinstance(schema, dict) else None
    if not isinstance(declared, str):
        return default
    known = dialect_of(declared)
    if known is not None or registry is None:
        return known or default
    try:
        meta = registry.get_or_retrieve(declared.rstrip("#")).value.contents
    except referencing.exceptions.NoSuchResource:
        return default
    base = dialect_of(str(meta.get("$schema", ""))) or default
    vocabularies = meta.get("$vocabulary")
    if vocabularies is not None and not any(uri.endswith("/vocab/validation") for uri in vocabularies):
        return without_validation(base)
    return base
