"""Outputs: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from syntagma.backends.output import output_of


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("foo", r"got the text 'foo'.*Regex\(...\) for a pattern, lit\(...\)"),
        ("[a-z]+", "Regex"),
        ("x" * 60, r"'x{37}\.\.\.'"),
        (["yes", "no"], r"got \['yes', 'no'\]. Choice"),
        (("yes",), "Choice"),
    ],
)
def test_bare_text_and_lists_are_no_outputs(spec: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        output_of(spec)


@pytest.mark.parametrize("spec", ['{"type": "integer"}', " true ", bool, {"const": 1}, True])
def test_schemas_and_types_are(spec: Any) -> None:
    assert output_of(spec).is_json
