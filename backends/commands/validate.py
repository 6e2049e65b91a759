"""Validate: a grammar or schema alone, or texts against it.

Findings about the constraint are warnings (worth a look, exit status 1) and notes; of a JSON Schema there is a whole
report (`schema_check`). With an input, each text is fed byte by byte, and reported is the first byte that fails.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...grammar.finding import Finding
from ...grammar.jsonschema import JsonSchema
from .constraint import KIND_OF_SUFFIX, constraint_of_file, grammar_of, read_bytes, read_text, registry_for
from .outcome import FINDINGS, OK, Outcome
from .schema_check import check_schema, with_samples
from .text_check import Mismatch, compile_for_bytes, first_mismatch

if TYPE_CHECKING:
    from ...automata import TokenAutomaton


def validate(
    path: Path,
    kind: str | None,
    profile: Literal["spec", "generation"],
    instances: Path | None,
    jsonl: bool,
    limit: int,
    sample: int = 0,
    seed: int | None = None,
) -> Outcome:
    """List what there is to say of the file's constraint; check the input's text or lines against it; draw samples."""
    kind = kind or KIND_OF_SUFFIX.get(path.suffix)
    if kind == "schema":
        text = read_text(path)
        registry = registry_for(text, path)
        constraint, found = check_schema(text, profile, brief=instances is not None, registry=registry)
    else:
        constraint, found = _check_grammar(path, kind)
    found = Outcome({"file": str(path)} | found.data, found.pieces, found.status)
    if constraint is None:
        return found
    if sample:
        drawn = JsonSchema(text, registry=registry) if kind == "schema" else constraint
        found = with_samples(drawn, sample, seed, found)
    if instances is None:
        return found
    return _check(compile_for_bytes(grammar_of(constraint)), read_bytes(instances), jsonl, limit, found)


def _check_grammar(path: Path, kind: str | None) -> tuple[Any, Outcome]:
    """The constraint in a file, compiled, and the findings on it."""
    from ...automata.lint import lint

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        constraint = constraint_of_file(path, kind, "spec")
        grammar = grammar_of(constraint)
        auto = compile_for_bytes(grammar)
    findings = [Finding("no-effect", "warning", str(w.message)) for w in caught] + lint(constraint)
    for residual in auto.residuals:
        message = f"Enforced by a guard: {residual.keyword} at {residual.pointer}."
        findings.append(Finding("guard", "note", message, pointer=residual.pointer))
    styles = {"error": "red", "warning": "yellow"}
    pieces = [(styles.get(finding.severity, "dim"), f"{finding}\n") for finding in findings]
    pieces.append(("green", f"{path} can be used{'' if auto.exact else ', with guards'}.\n"))
    status = OK if all(finding.severity == "note" for finding in findings) else FINDINGS
    data = {"exact": bool(auto.exact), "findings": [finding.json() for finding in findings]}
    return constraint, Outcome(data, pieces, status)


def _check(auto: TokenAutomaton, content: bytes, jsonl: bool, limit: int, so_far: Outcome) -> Outcome:
    """Check the whole text, or every line that is not empty; at most `limit` mismatches are shown."""
    lines = content.splitlines() if jsonl else [content.removesuffix(b"\n").removesuffix(b"\r")]
    results: list[dict[str, Any]] = []
    pieces = list(so_far.pieces)
    for number, line in enumerate(lines, 1):
        if jsonl and not line.strip():
            continue
        mismatch = first_mismatch(auto, line)
        results.append({"line": number, "valid": mismatch is None})
        if mismatch is not None:
            results[-1]["mismatch"] = mismatch.as_data()
            if sum(not result["valid"] for result in results) <= limit:
                where = f"line {number}, column {mismatch.column}: {mismatch.difference}" if jsonl else str(mismatch)
                pieces += _shown(line, mismatch, where)
    bad = sum(not result["valid"] for result in results)
    if bad > limit:
        pieces.append(("dim", f"... and {bad - limit} more.\n"))
    noun = "instances" if jsonl else "text"
    verdict = f"{len(results) - bad} of {len(results)} {noun} valid" if jsonl else "valid" if not bad else "not valid"
    pieces.append(("red" if bad else "green", f"{verdict}\n"))
    key = {"instances": results} if jsonl else {"input": results[0]}
    return Outcome(so_far.data | key, pieces, FINDINGS if bad else so_far.status)


def _shown(text: bytes, mismatch: Mismatch, where: str) -> list[tuple[str, str]]:
    """The line with a caret under the first byte that fails."""
    start = text.rfind(b"\n", 0, mismatch.offset) + 1
    end = text.find(b"\n", mismatch.offset)
    row = text[start : end if end >= 0 else len(text)].decode(errors="replace")
    cut = max(0, mismatch.column - 60)
    caret = " " * (mismatch.column - 1 - cut) + "^"
    shown = row[cut : cut + 100].replace("\t", " ")
    reason = [("dim", f"{mismatch.reason}\n")] if mismatch.reason else []
    return [("red", f"{where}\n"), ("", f"  {shown}\n"), ("bold", f"  {caret}\n"), *reason]
