"""Findings: their form."""

from __future__ import annotations

import pytest

from syntagma.grammar.finding import Finding, worst_first


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (
            Finding("unbounded-string", "note", "Nothing bounds it.", "Add `maxLength`.", pointer="#/properties/a"),
            "#/properties/a: note: Nothing bounds it. Add `maxLength`. [unbounded-string]",
        ),
        (Finding("x", "error", "Rule never ends.", line=3, column=7), "line 3, column 7: error: Rule never ends. [x]"),
        (Finding("x", "warning", "Odd.", line=3), "line 3: warning: Odd. [x]"),
        (Finding("x", "warning", "Odd."), "warning: Odd. [x]"),
    ],
)
def test_a_finding_in_words(finding: Finding, text: str) -> None:
    assert str(finding) == text


def test_for_machines_only_what_is_set() -> None:
    finding = Finding("x", "error", "Odd.", line=3, column=7)
    assert finding.json() == {"code": "x", "severity": "error", "message": "Odd.", "line": 3, "column": 7}


def test_the_worst_come_first_and_else_the_order_stays() -> None:
    findings = [Finding(str(i), s, "") for i, s in enumerate(("note", "error", "warning", "error"))]
    assert [f.code for f in worst_first(findings)] == ["1", "3", "2", "0"]
