"""JSON Schema against its official test suite, by the naive reading of the grammar.

The core of every draft, formats as annotations, as the suite demands for its core.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import referencing
import referencing.jsonschema
from oracles.naive_grammar import matches

from syntagma.errors import EmptyLanguage
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.jsonschema.dialect import DIALECTS

_FOLDERS = {"draft4": "4", "draft6": "6", "draft7": "7", "draft2019-09": "2019-09", "draft2020-12": "2020-12"}


@cache
def _remotes(root: Path, folder: str) -> referencing.Registry[Any]:
    """The suite's remote schemas; those without `$schema` are of the folder's draft."""
    resources = []
    for path in sorted((root / "remotes").rglob("*.json")):
        name = path.relative_to(root / "remotes").as_posix()
        draft = _FOLDERS.get(name.split("/")[0], _FOLDERS[folder])
        if name.startswith(("draft3/", "v1/")):
            continue
        specification = referencing.jsonschema.specification_with(DIALECTS[draft].uri)
        contents = json.loads(path.read_text())
        resource = referencing.Resource.from_contents(contents, default_specification=specification)
        resources.append((f"http://localhost:1234/{name}", resource))
    return referencing.Registry().with_resources(resources)


_QUICK = ("draft4", "draft2020-12")


@pytest.mark.parametrize("folder", [pytest.param(f, marks=[] if f in _QUICK else pytest.mark.slow) for f in _FOLDERS])
def test_core_of_a_draft_is_right(data_dir: Path, folder: str) -> None:
    root = data_dir / "json-schema-test-suite"
    if not root.is_dir():
        pytest.skip(f"no JSON-Schema-Test-Suite at {root}; clone it there")
    wrong = []
    for path in sorted((root / "tests" / folder).glob("*.json")):
        for case in json.loads(path.read_text()):
            wrong += [(path.name, case["description"], name) for name in _wrong(case, folder, root)]
    assert not wrong


def _wrong(case: dict[str, Any], folder: str, root: Path) -> list[str]:
    """The tests of a case that are not answered as they should be."""
    options: dict[str, Any] = {"profile": "spec", "format": "annotation", "draft": _FOLDERS[folder]}
    try:
        grammar = JsonSchema(case["schema"], registry=_remotes(root, folder), **options).grammar()
    except EmptyLanguage:
        return [test["description"] for test in case["tests"] if test["valid"]]
    texts = [json.dumps(test["data"], ensure_ascii=False).encode() for test in case["tests"]]
    return [
        t["description"] for t, text in zip(case["tests"], texts, strict=True) if matches(grammar, text) != t["valid"]
    ]
