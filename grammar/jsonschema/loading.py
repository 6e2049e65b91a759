"""Loading: from what the caller gives to a schema that its meta-schema accepts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import referencing.exceptions

from ...errors import GrammarError, GrammarSyntaxError
from .dialect import Dialect, dialect_named, dialect_of, without_validation

if TYPE_CHECKING:
    from .document import Registry, Schema

_NAMES: Final = {"array": "a list", "object": "an object", "integer": "an integer", "null": "null"}


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
        raise GrammarError(f"Expected a JSON Schema to be an object or a boolean, got {_show(schema)}", pointer="#")
    return schema


def dialect_for(schema: Schema, draft: str | int, registry: Registry | None) -> Dialect:
    """The dialect of a document: what `$schema` says, or the given draft.

    A `$schema` that is no draft counts if the registry has it: its own `$schema` and `$vocabulary` decide. Else it is
    passed over.
    """
    default = dialect_named(draft)
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


def check_schema(schema: Schema, dialect: Dialect) -> None:
    """Hold the schema against the meta-schema of its draft.

    Raises
    ------
    GrammarError : it breaks it; with the JSON pointer.
    """
    if isinstance(schema, dict) and (declared := schema.get("$schema")) != dialect.uri:
        if "$schema" in schema and not isinstance(declared, str):
            raise GrammarError(f"Expected `$schema` to be a string, got {_show(declared)}", pointer="#")
        known = isinstance(declared, str) and dialect_of(declared) is not None
        schema = schema if known else {**schema, "$schema": dialect.uri}
    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        raise _explained(error) from None
    except (ValueError, TypeError) as error:
        raise GrammarError(
            f"Expected a JSON Schema, got a value that JSON does not have: {error}", pointer="#"
        ) from None


def _explained(error: jsonschema_rs.ValidationError) -> GrammarError:
    """The meta-schema's complaint as an error with keyword and place."""
    path = list(error.instance_path)
    keyword = next((step for step in reversed(path) if isinstance(step, str)), "")
    place = path[: len(path) - path[::-1].index(keyword) - 1] if keyword else []
    pointer = "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)
    name = f"`{keyword}`" if keyword else "a JSON Schema"
    item = "" if not path or isinstance(path[-1], str) else f" item {path[-1]} of"
    return GrammarError(f"Expected{item} {name} to be {_expected(error)}, got {_show(error.instance)}", pointer=pointer)


def _expected(error: jsonschema_rs.ValidationError) -> str:
    """What the meta-schema wants."""
    kind = error.kind
    match kind.name:
        case "type":
            return " or ".join(_NAMES.get(name, f"a {name}") for name in kind.value)
        case "minimum":
            return f"at least {kind.value}"
        case "exclusiveMinimum":
            return f"more than {kind.value}"
        case "format":
            return "a regular expression" if kind.value == "regex" else f"of the format {kind.value!r}"
        case "uniqueItems":
            return "a list without repetitions"
        case "minItems":
            return f"a list of at least {kind.value}"
        case "enum":
            return "one of " + ", ".join(map(str, kind.value))
        case "anyOf" if "type" in error.instance_path[-2:]:
            return "one of the types null, boolean, integer, number, string, array, object, or a list of them"
        case _:
            return f"different ({error.message})"


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else text[:57] + "..."
