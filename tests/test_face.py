"""Face: the public names are listed once each, and all resolve. (That they are sorted is ruff's RUF022.)"""

from __future__ import annotations

import pytest

import syntagma as sg

#: Names that engines, benchmarks and users rely on.
FIXED = {
    "Choice", "EmptyLanguage", "Generator", "JsonSchema", "Lark", "Masking", "Regex", "SyntagmaError", "Vocabulary",
    "compile", "load",
}  # fmt: skip


def test_every_name_is_listed_once() -> None:
    assert len(set(sg.__all__)) == len(sg.__all__)


def test_the_fixed_names_are_there() -> None:
    assert set(sg.__all__) >= FIXED


@pytest.mark.parametrize("name", sg.__all__)
def test_every_name_resolves(name: str) -> None:
    assert getattr(sg, name) is not None
    assert name in dir(sg)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = sg.no_such_name
