"""Check: what becomes of a JSON Schema, keyword by keyword, and what it costs."""

from __future__ import annotations

from typing import Any, Final, Literal

from ..errors import SyntagmaError
from ..grammar.finding import Finding, worst_first
from ..grammar.jsonschema.lint import lint, lint_schema
from ..grammar.jsonschema.loading import NEWEST, dialect_for, parse_schema
from ..grammar.jsonschema.report import ANY, SchemaReport, all_verdicts, defaults_of, failed
from ..grammar.jsonschema.resources import Registry
from ..grammar.jsonschema.schema import JsonSchema, Order, Profile
from .size import MOST_STATES, sizes_of

_RAISE: Final = "Simplify it, or compile with higher `Limits.states`."


def check(
    schema: Any,
    profile: Profile = "generation",
    whitespace: str | int | None = None,
    property_order: Order | None = None,
    format: Literal["assert", "annotation"] = "assert",
    draft: str | int | None = None,
    registry: Registry | None = None,
) -> SchemaReport:
    """Report on a schema: verdicts, cost, findings. What the parameters mean, `JsonSchema` says.

    A schema that cannot be used gets a report that says why (`report.error`), not an exception. Neither a vocabulary
    nor a model is needed.

    Parameters
    ----------
    schema : an object or a boolean, a JSON text, a Python type, or a `JsonSchema` (the other parameters then are its
        own).

    Raises
    ------
    GrammarError : an unknown option.

    >>> report = check({"type": "array", "items": {"type": "integer"}, "maxItems": 9, "uniqueItems": True})
    >>> [(v.keyword, v.decision) for v in report.verdicts if v.decision == "guard"], report.exact
    ([('uniqueItems', 'guard')], False)
    """
    JsonSchema(True, profile, whitespace, property_order, format, draft)  # refuses unknown options
    try:
        if not isinstance(schema, JsonSchema):
            schema = _plain(schema)
            schema = JsonSchema(schema, profile, whitespace, property_order, format, draft, registry)
        return report_on(schema)
    except SyntagmaError as error:
        if isinstance(schema, JsonSchema):
            return failed(error, [], defaults_of(schema))
        options = {"draft": str(draft or NEWEST.name), "profile": profile}
        return failed(error, _findings_alone(schema, draft, registry), options)


def report_on(constraint: JsonSchema) -> SchemaReport:
    """The report on a schema that compiles.

    Raises
    ------
    GrammarError : a reference leads nowhere.
    BudgetExceeded : the schema is too large.
    """
    sizes = sizes_of(constraint.grammar(), constraint.subschemas)
    states: dict[str, int | None] = {}
    for nodes, n in sizes.parts.items():
        for pointer in [node.pointer for node in nodes] or [ANY]:
            before = states.get(pointer, 0)
            states[pointer] = None if n is None or before is None else max(n, before)
    message = f"A rule of this takes more than {MOST_STATES:,} states."
    too_large = [
        Finding("too-many-states", "warning", message, _RAISE, nodes[0].pointer if nodes else None)
        for nodes in sizes.parts
        if nodes in sizes.too_large
    ]
    return SchemaReport(
        defaults=defaults_of(constraint),
        verdicts=all_verdicts(constraint),
        states=states,
        total_states=sizes.total,
        residuals=tuple(dict.fromkeys((check.pointer, check.keyword) for check in constraint.residuals)),
        findings=tuple(worst_first([*too_large, *lint(constraint)])),
    )


def _plain(schema: Any) -> Any:
    """The value of a JSON text; anything else as it is."""
    return parse_schema(schema) if isinstance(schema, str | bytes) else schema


def _findings_alone(schema: Any, draft: str | int | None, registry: Registry | None) -> list[Finding]:
    """The findings that need no schema that compiles; none, if it is not even an object."""
    return lint_schema(schema, dialect_for(schema, draft, registry)) if isinstance(schema, dict) else []
