"""Validate: a grammar or schema alone, or texts against it.

Findings about the constraint are warnings (worth a look, exit status 1) and notes (how it will be enforced). With an
input, each text is fed byte by byte, and what is reported is the first byte that fails.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...grammar.ir import Grammar
from ...grammar.jsonschema import JsonSchema
from ...grammar.lark import Lark
from .constraint import constraint_of_file, grammar_of, read_bytes
from .outcome import FINDINGS, OK, Outcome
from .text_check import Mismatch, compile_for_bytes, first_mismatch

if TYPE_CHECKING:
    from ...automata import TokenAutomaton

#: Where a Lark text defines a rule or a terminal.
_DEFINITION = re.compile(r"^[ \t]*[?!]*([A-Za-z_]\w*)(?:\{[^}]*\})?(?:\.-?\d+)?[ \t]*:", re.MULTILINE)


def validate(
    path: Path,
    kind: str | None,
    profile: Literal["spec", "generation"],
    instances: Path | None,
    jsonl: bool,
    limit: int,
) -> Outcome:
    """Compile the file's constraint; list what there is to say; check the input's text or lines against it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        constraint = constraint_of_file(path, kind, profile)
        grammar = grammar_of(constraint)
        auto = compile_for_bytes(grammar)
    findings = [{"severity": "warning", "message": str(w.message)} for w in caught] + list(
        _findings(constraint, grammar, auto)
    )
    data: dict[str, Any] = {"file": str(path), "exact": bool(auto.exact), "findings": findings}
    if isinstance(constraint, JsonSchema):
        data["keywords"] = [verdict._asdict() for verdict in constraint.verdicts]
    pieces = [
        ("yellow" if f["severity"] == "warning" else "dim", f"{f['severity']}: {f['message']}\n") for f in findings
    ]
    status = FINDINGS if any(f["severity"] == "warning" for f in findings) else OK
    if instances is None:
        pieces.append(("green", f"{path} can be used{'' if auto.exact else ', with guards'}.\n"))
        return Outcome(data, pieces, status)
    return _check(auto, read_bytes(instances), jsonl, limit, Outcome(data, pieces, status))


def _findings(constraint: Any, grammar: Grammar, auto: TokenAutomaton) -> Iterator[dict[str, Any]]:
    if isinstance(constraint, Lark):
        for name, line in unused(constraint.text, grammar):
            yield {
                "severity": "warning",
                "message": f"Nothing that is needed refers to {name} (line {line}).",
                "line": line,
            }
    for residual in auto.residuals:
        message = f"Enforced by a guard: {residual.keyword} at {residual.pointer}."
        yield {"severity": "note", "message": message, "pointer": residual.pointer}


def unused(text: str, grammar: Grammar) -> Iterator[tuple[str, int]]:
    """The rules and terminals of a Lark text that its grammar does without, with their lines."""
    used = {name.removeprefix("%ignore ").partition("{")[0] for name in grammar.rules}
    for match in _DEFINITION.finditer(text):
        if match[1] not in used:
            yield match[1], text.count("\n", 0, match.start(1)) + 1


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
