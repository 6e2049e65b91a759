"""Constraints of requests: whatever the dialect, one `ConstraintSpec`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from ...errors import BackendError
from ...grammar.free_text import TEXT
from ...grammar.ir import Grammar
from ..constraint_spec import KINDS, ConstraintSpec
from ..output import Output, output_of
from .bodies import Constrained, Extension, StructuredOutputs


class BadRequest(BackendError):
    """The request contradicts itself, or asks for what is not done here."""

    def __init__(self, message: str, parameter: str | None = None) -> None:
        self.parameter = parameter
        super().__init__(message)


@lru_cache(maxsize=256)
def output_for(spec: ConstraintSpec | None) -> Output:
    """What the answer is to be; the same object for the same text, so that it is compiled once."""
    return output_of(Grammar("text", {"text": TEXT}, {}) if spec is None else spec.constraint())


def spec_of_body(body: Constrained) -> ConstraintSpec | None:
    """The constraint of a request, `None` for free text.

    Raises
    ------
    BadRequest : there are several, or one is not understood.
    """
    more = body.syntagma
    found: list[ConstraintSpec] = []
    if body.response_format is not None and (spec := spec_of_format(body.response_format, more)) is not None:
        found.append(spec)
    if body.structured_outputs is not None:
        found.append(_structured(body.structured_outputs, more))
    if body.regex is not None:
        found.append(ConstraintSpec("regex", body.regex))
    found += [ConstraintSpec("grammar", text) for text in (body.ebnf, body.grammar) if text is not None]
    if body.json_schema is not None:
        found.append(_json(body.json_schema, more))
    if len(found) > 1:
        raise BadRequest(f"Expected at most one constraint, got {len(found)}.")
    return found[0] if found else None


def spec_of_format(given: dict[str, Any], more: Extension, parameter: str = "response_format") -> ConstraintSpec | None:
    """The constraint of a `response_format`, or of a response's `text.format`."""
    kind = given.get("type")
    inner = given.get("json_schema", given)
    if kind == "text":
        _only(given, ("type",), parameter)
        return None
    if kind == "json_object":
        _only(given, ("type", "schema"), parameter)
        return (
            _json(given["schema"], more) if "schema" in given else ConstraintSpec("json_object", **_json_options(more))
        )
    if kind == "json_schema":
        if not isinstance(inner, dict) or "schema" not in inner:
            raise BadRequest("Expected `schema` in the json_schema.", parameter)
        _only(inner, ("type", "name", "schema", "strict", "description"), parameter)
        return _json(inner["schema"], more)
    if kind == "structural_tag":
        return ConstraintSpec("structural_tag", json.dumps(given))
    if kind in ("regex", "grammar"):
        _only(given, ("type", "pattern" if kind == "regex" else "grammar"), parameter)
        return ConstraintSpec(kind, _text(given, "pattern" if kind == "regex" else "grammar", parameter))
    known = "text, json_object, json_schema, structural_tag, regex or grammar"
    raise BadRequest(f"Expected the type {known}, got {kind!r}.", parameter)


def _structured(given: StructuredOutputs, more: Extension) -> ConstraintSpec:
    values = {kind: getattr(given, "json_schema" if kind == "json" else kind) for kind in KINDS}
    kinds = [kind for kind, value in values.items() if value is not None]
    if len(kinds) != 1:
        raise BadRequest(f"Expected one constraint of {', '.join(KINDS)}, got {len(kinds)}.", "structured_outputs")
    kind, value = kinds[0], values[kinds[0]]
    if kind == "json_object" and not value:
        raise BadRequest("Expected json_object to be true.", "structured_outputs")
    if kind in ("json", "json_object"):
        whitespace = "compact" if given.disable_any_whitespace else given.whitespace_pattern
        more = more.model_copy(update={"whitespace": whitespace}) if whitespace else more
        return _json(value, more) if kind == "json" else ConstraintSpec("json_object", **_json_options(more))
    return ConstraintSpec(kind, value if isinstance(value, str) else json.dumps(value))


def _json(schema: Any, more: Extension) -> ConstraintSpec:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return ConstraintSpec("json", text, **_json_options(more))


def _json_options(more: Extension) -> dict[str, Any]:
    return {"whitespace": more.whitespace, "profile": more.profile}


def _only(given: dict[str, Any], known: Sequence[str], parameter: str) -> None:
    """Refuse fields that would be ignored."""
    if unknown := sorted(set(given) - set(known) - {"json_schema"}):
        raise BadRequest(f"Found unknown fields {', '.join(unknown)}; known are {', '.join(known)}.", parameter)


def _text(given: dict[str, Any], field: str, parameter: str) -> str:
    if not isinstance(given.get(field), str):
        raise BadRequest(f"Expected `{field}` as text.", parameter)
    return cast(str, given[field])
