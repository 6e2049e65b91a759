"""Schemas beside a schema: the files of its folder that its references lead to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin

from ...errors import GrammarError, SyntagmaError
from .dialect import dialect_of
from .document import DEFAULT_BASE
from .loading import dialect_for, parse_schema
from .resources import Registry, Schema, registry_of

#: Files of a folder that are read to find one by what it calls itself, and bytes that one of them may have.
MOST_FILES: Final = 2_000
MOST_BYTES: Final = 10_000_000
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef", "$schema")


def registry_beside(schema: Schema, folder: Path) -> Registry | None:
    """The schemas that references lead to in files of a folder and those below it; None if there are none.

    A reference finds a file by its path, seen from the schema's own place, or by the `$id` that stands in the file.
    What lies outside the folder is not looked at.

    Raises
    ------
    GrammarError : a reference leads to a file that is no JSON Schema.
    """
    files = _Files(folder, _own_uri(schema, DEFAULT_BASE))
    found: dict[str, Schema] = {}
    waiting = [(files.base, schema)]
    while waiting:
        base, part = waiting.pop()
        references, own = _uris(part, base)
        for uri in references:
            if uri in own or uri in found or uri == files.base or dialect_of(uri) is not None:
                continue
            other = files.find(uri)
            if other is not None:
                found[uri] = other
                waiting.append((uri, other))
    return registry_of(found, dialect_for(schema, None, None)) if found else None


class _Files:
    """The JSON files of a folder, as if the schema with a URI stood in it."""

    def __init__(self, folder: Path, base: str) -> None:
        self.base = base
        self._folder = folder.resolve()
        self._prefix = urljoin(base, ".")

    def find(self, uri: str) -> Schema | None:
        """The schema that a URI leads to."""
        if uri.startswith(self._prefix):
            path = (self._folder / unquote(uri.removeprefix(self._prefix))).resolve()
            if path.is_relative_to(self._folder) and path.is_file():
                return _schema_in(path)
        return self._by_id.get(uri)

    @cached_property
    def _by_id(self) -> dict[str, Schema]:
        found: dict[str, Schema] = {}
        for _, path in zip(range(MOST_FILES), sorted(self._folder.rglob("*.json")), strict=False):
            try:
                schema = _schema_in(path)
            except SyntagmaError:  # whatever else lies there
                continue
            found.setdefault(_own_uri(schema, DEFAULT_BASE), schema)
        return found


def _schema_in(path: Path) -> Schema:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise GrammarError(f"Expected {path} to have at most {MOST_BYTES:,} bytes. Split the schema.")
        return parse_schema(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise GrammarError(f"Cannot read {path}, to which a reference leads: {error}.") from None
    except GrammarError as error:
        raise GrammarError(f"A reference leads to {path}. {error}") from None


def _own_uri(schema: Any, base: str) -> str:
    """The URI of a schema, by what it calls itself."""
    for keyword in ("$id", "id"):
        name = schema.get(keyword) if isinstance(schema, dict) else None
        if isinstance(name, str) and not name.startswith("#"):
            return _without_fragment(urljoin(base, name))
    return base


def _without_fragment(uri: str) -> str:
    return str(urldefrag(uri)[0])


def _uris(schema: Any, base: str) -> tuple[list[str], set[str]]:
    """The URIs that references in a schema lead to, and those of its own parts."""
    references: dict[str, None] = {}
    own = {base}
    for part, uri in _objects(schema, base):
        own.add(uri)
        for keyword in _REFERENCES:
            reference = part.get(keyword)
            if isinstance(reference, str):
                references[_without_fragment(urljoin(uri, reference))] = None
    return list(references), own


def _objects(schema: Any, base: str) -> Iterator[tuple[dict[str, Any], str]]:
    """All objects in a schema, with the URIs that references in them are relative to."""
    waiting = [(schema, base)]
    while waiting:
        part, base = waiting.pop()
        if isinstance(part, list):
            waiting += [(item, base) for item in part]
        elif isinstance(part, dict):
            base = _own_uri(part, base)
            yield part, base
            waiting += [(value, base) for value in part.values()]
