"""Findings for machines: SARIF, and the annotations of GitHub's workflows.

Source: SARIF 2.1.0, OASIS standard, section 3; GitHub, Workflow commands ("Setting an error message").
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from .outcome import Outcome

#: What `--format` takes.
Format = Literal["text", "json", "sarif", "github"]

_LEVEL = {"error": "error", "warning": "warning", "note": "note"}
_COMMAND = {"error": "error", "warning": "warning", "note": "notice"}


def formatted(outcome: Outcome, path: Path, form: Format) -> Outcome:
    """The outcome of checking a file, printed in another format; what cannot be used counts as an error."""
    findings = [*_failed(outcome.data), *outcome.data.get("findings", ())]
    match form:
        case "json":
            text = json.dumps(outcome.data, ensure_ascii=False, default=str) + "\n"
        case "sarif":
            text = json.dumps(sarif(findings, path), ensure_ascii=False, indent=2) + "\n"
        case "github":
            text = "".join(github(finding, path) + "\n" for finding in findings)
        case "text":
            return outcome
    return Outcome(outcome.data, [("", text)], outcome.status)


def _failed(data: dict[str, Any]) -> list[dict[str, Any]]:
    error = data.get("error")
    return [] if error is None else [{"code": "unusable", "severity": "error"} | error]


def sarif(findings: list[dict[str, Any]], path: Path) -> dict[str, Any]:
    """A SARIF log of one run over one file."""
    codes = sorted({finding.get("code", "remark") for finding in findings})
    driver = {"name": "syntagma", "version": version("syntagma"), "rules": [{"id": code} for code in codes]}
    results = [_result(finding, path) for finding in findings]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _result(finding: dict[str, Any], path: Path) -> dict[str, Any]:
    place: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": path.as_posix()}}}
    if finding.get("line"):
        region = {"startLine": finding["line"]}
        region |= {"startColumn": finding["column"]} if finding.get("column") else {}
        place["physicalLocation"]["region"] = region
    if finding.get("pointer"):
        place["logicalLocations"] = [{"fullyQualifiedName": finding["pointer"]}]
    return {
        "ruleId": finding.get("code", "remark"),
        "level": _LEVEL[finding["severity"]],
        "message": {"text": _said(finding)},
        "locations": [place],
    }


def github(finding: dict[str, Any], path: Path) -> str:
    """One workflow command.

    >>> github({"code": "x", "severity": "note", "message": "50% a\\nb", "line": 3}, Path("a.lark"))
    '::notice file=a.lark,line=3,title=x::50%25 a%0Ab'
    """
    where = {"file": path.as_posix(), "line": finding.get("line"), "col": finding.get("column")}
    where |= {"title": finding.get("code", "remark")}
    fields = ",".join(f"{key}={_property(str(value))}" for key, value in where.items() if value)
    pointer = f"{finding['pointer']}: " if finding.get("pointer") else ""
    return f"::{_COMMAND[finding['severity']]} {fields}::{_escaped(pointer + _said(finding))}"


def _said(finding: dict[str, Any]) -> str:
    return " ".join(part for part in (finding["message"], finding.get("fix")) if part)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
