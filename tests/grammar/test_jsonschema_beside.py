"""Schemas beside a schema: which files references lead to, and which not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from oracles.naive_grammar import matches

from syntagma.errors import GrammarError
from syntagma.grammar.jsonschema import JsonSchema, beside
from syntagma.grammar.jsonschema.beside import registry_beside


def lay(folder: Path, **files: Any) -> None:
    """Write schemas to files; `__` stands for a folder."""
    for name, schema in files.items():
        path = folder / (name.replace("__", "/") + ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(schema if isinstance(schema, str) else json.dumps(schema))


def accepts(schema: Any, folder: Path, value: Any) -> bool:
    grammar = JsonSchema(schema, "spec", registry=registry_beside(schema, folder)).grammar()
    return bool(matches(grammar, json.dumps(value).encode()))


def test_references_lead_to_files_by_their_path(tmp_path: Path) -> None:
    """And from these to others, which they name from where they stand."""
    lay(
        tmp_path,
        a={"$ref": "sub/b.json#/$defs/x"},
        sub__b={"$defs": {"x": {"items": {"$ref": "../c.json"}}}},
        c={"type": "null"},
    )
    for schema in ({"$ref": "a.json"}, {"$id": "https://example.com/v1/root.json", "$ref": "./a.json"}):
        assert accepts(schema, tmp_path, [None])
        assert not accepts(schema, tmp_path, [1])


def test_references_lead_to_files_by_what_they_call_themselves(tmp_path: Path) -> None:
    lay(tmp_path, sub__x={"$id": "https://example.com/y", "const": 1}, broken="{", text={"id": 3})
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    assert accepts({"$ref": "https://example.com/y"}, tmp_path, 1)
    assert not accepts({"$ref": "https://example.com/y#"}, tmp_path, 2)


def test_what_a_schema_holds_is_not_looked_for(tmp_path: Path) -> None:
    lay(tmp_path, item={"const": "of the file"})
    schema = {"$ref": "item.json", "$defs": {"item": {"$id": "item.json", "const": "of the schema"}}}
    assert registry_beside(schema, tmp_path) is None
    assert accepts(schema, tmp_path, "of the schema")
    assert registry_beside({"$schema": "https://json-schema.org/draft/2020-12/schema"}, tmp_path) is None


def test_files_outside_the_folder_are_not_looked_at(tmp_path: Path) -> None:
    lay(tmp_path, secret={"const": 1}, inner__fine={"const": 1})
    (tmp_path / "inner" / "link.json").symlink_to(tmp_path / "secret.json")
    for reference in ("../secret.json", "link.json", "%2e%2e/secret.json", "file:///etc/passwd", "fine.json/x"):
        assert registry_beside({"$ref": reference}, tmp_path / "inner") is None
    with pytest.raises(GrammarError, match="nothing is known under"):
        accepts({"$ref": "../secret.json"}, tmp_path / "inner", 1)


@pytest.mark.parametrize("text", ["{", "[1]", "\ufeff{'a': 1}"])
def test_a_file_that_is_no_schema_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    lay(tmp_path, broken=text)
    with pytest.raises(GrammarError, match=r"broken\.json"):
        registry_beside({"properties": {"a": {"$ref": "broken.json"}}}, tmp_path)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "MOST_BYTES", 20)
    lay(tmp_path, large={"enum": list(range(20))})
    with pytest.raises(GrammarError, match=r"large\.json to have at most 20 bytes"):
        registry_beside({"$ref": "large.json"}, tmp_path)


def test_guards_find_them_too(tmp_path: Path) -> None:
    """Though the schema itself does not say under which URI it stands."""
    lay(tmp_path, list={"type": "array", "items": {"type": "integer"}, "uniqueItems": True})
    schema = {"$ref": "list.json"}
    constraint = JsonSchema(schema, registry=registry_beside(schema, tmp_path))
    assert [residual.keyword for residual in constraint.residuals] == ["uniqueItems"]
    assert accepts(schema, tmp_path, [1, 2])
    assert not accepts(schema, tmp_path, [1, 1])
