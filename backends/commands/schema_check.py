"""Schema check: the report on a JSON Schema as an outcome, and random instances of any constraint."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final, Literal

from ...automata.check import check
from ...errors import SyntagmaError
from ...grammar.jsonschema import JsonSchema
from ...grammar.jsonschema.report import Kind, SchemaReport
from .outcome import FINDINGS, OK, UNUSABLE, Outcome, failure

if TYPE_CHECKING:
    from ...grammar.jsonschema.near_misses import NearMiss
    from ...grammar.jsonschema.resources import Registry

_STYLES: Final[dict[Kind, str]] = {
    "head": "bold",
    "row": "",
    "guard": "yellow",
    "error": "red",
    "warning": "yellow",
    "note": "cyan",
    "dim": "dim",
    "good": "green",
}


def check_schema(
    text: str, profile: Literal["spec", "generation"], brief: bool, registry: Registry | None = None
) -> tuple[JsonSchema | None, Outcome]:
    """The schema in a JSON text, None if it cannot be used, and what there is to say; `brief`: of warnings alone.

    `registry`: the schemas that its references may lead to.
    """
    try:
        constraint = JsonSchema(text, profile=profile, registry=registry)
    except SyntagmaError:
        constraint = None
    report = check(constraint or text, profile=profile, registry=registry)
    if report.error is not None:
        failed = failure(report.error)
        told, *others = report.findings  # the first one is the error itself
        rest = [(style, line) for style, line in _pieces(report, False) if line != f"{told}\n"]
        data = report.json() | failed.data | {"findings": [finding.json() for finding in others]}
        return None, Outcome(data, failed.pieces + rest, UNUSABLE)
    return constraint, Outcome(report.json(), _pieces(report, brief), FINDINGS if report.has_warnings else OK)


def _pieces(report: SchemaReport, brief: bool) -> list[tuple[str, str]]:
    lines = [(_STYLES[kind], f"{text}\n") for kind, text in report.lines()]
    if brief:
        lines = [("yellow", f"{finding}\n") for finding in report.findings if finding.severity == "warning"]
    return lines


def with_samples(constraint: Any, n: int, seed: int | None, so_far: Outcome) -> Outcome:
    """The outcome with random texts of a constraint, and near misses if it is a schema."""
    from ...sampling.examples import examples, near_misses

    misses: list[NearMiss] = []
    data: dict[str, Any]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            texts = examples(constraint, n, seed=seed)
        if isinstance(constraint, JsonSchema):
            misses = near_misses(constraint, n, seed=seed)
    except SyntagmaError as error:
        data = {"samples": {"valid": [], "near_misses": [], "error": str(error)}}
        return Outcome(so_far.data | data, [*so_far.pieces, ("yellow", f"No samples: {error}\n")], so_far.status)
    title = "Valid, at random" if len(texts) == n else f"Valid, at random: no more than {len(texts)} were found"
    pieces = [("bold", f"{title}:\n"), *(("", f"  {text}\n") for text in texts)]
    if misses:
        pieces.append(("bold", "Not valid, by one keyword:\n"))
    for miss in misses:
        pieces += [("", f"  {miss.text}\n"), ("dim", f"    {miss.pointer}/{miss.keyword}: {miss.message}\n")]
    data = {"samples": {"valid": texts, "near_misses": [miss.json() for miss in misses]}}
    return Outcome(so_far.data | data, so_far.pieces + pieces, so_far.status)
