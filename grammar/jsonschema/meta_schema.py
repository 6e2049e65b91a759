"""Meta-schemas: whether a schema is one, and what is wrong with it if not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from ...errors import GrammarError
from .dialect import Dialect, dialect_of
from .tolerance import tolerated

if TYPE_CHECKING:
    from .resources import Schema

_NAMES: Final = {"array": "a list", "object": "an object", "integer": "an integer", "null": "null"}


def check_schema(schema: Schema, dialect: Dialect) -> None:
    """Hold the schema against the meta-schema of its draft; what breaks only its letter passes, see `tolerance.py`.

    Raises
    ------
    GrammarError : it breaks it; with the JSON pointer.
    """
    if isinstance(schema, dict) and (declared := schema.get("$schema")) != dialect.uri:
        if "$schema" in schema and not isinstance(declared, str):
            raise GrammarError(f"Expected `$schema` to be a string, got {shown(declared)}", pointer="#")
        known = isinstance(declared, str) and dialect_of(declared) is not None
        schema = schema if known else {**schema, "$schema": dialect.uri}
    try:
        if jsonschema_rs.meta.is_valid(schema):
            return
        jsonschema_rs.meta.validate(tolerated(schema, dialect))
    except GrammarError:
        raise
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
    return GrammarError(f"Expected{item} {name} to be {_expected(error)}, got {shown(error.instance)}", pointer=pointer)


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


def shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else text[:57] + "..."
