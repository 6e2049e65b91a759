"""The JSON Schema constraint."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any, Literal

import jsonschema_rs

from ...errors import EmptyLanguage, GrammarError, GrammarSyntaxError
from ..ir import Grammar, NOTHING, sequence
from ..regex import parse_regex
from .dialect import DIALECTS, Dialect, dialect_named, dialect_of
from .document import Document, Registry, Schema
from .guards import Guard
from .layout import parse_layout
from .lowering import Lowering, Style
from .reading import Reader
from .strings import EVERY, SHORTEST

Profile = Literal["generation", "spec"]


class JsonSchema:
    def __init__(
        self,
        schema: Any,
        profile: Profile = "generation",
        whitespace: str | int | None = None,
        property_order: Literal["schema", "any"] | None = None,
        format: Literal["assert", "annotation"] = "assert",
        draft: str | int = "2020-12",
        registry: Registry | None = None,
    ) -> None:
        self.schema = schema
        dialect = dialect_of(schema["$schema"]) if isinstance(schema, dict) and "$schema" in schema else dialect_named(draft)
        dialect = dialect or dialect_named(draft)
        self.document = Document(schema, dialect, registry)
        self.reader = Reader(self.document, asserts_formats=format == "assert")
        layout = parse_layout(whitespace, profile, lambda p: parse_regex(p))
        spelling = EVERY if profile == "spec" else SHORTEST
        order = property_order or ("any" if profile == "spec" else "schema")
        self._lowering = Lowering(self.reader, Style(layout, spelling, order == "schema", profile == "generation"))
        root = self._lowering.value((self.document.root,), 0)
        if root == NOTHING:
            raise EmptyLanguage("nothing satisfies the schema", pointer="#")
        self.start = self._lowering.rules.define("start", sequence(layout.outer, root, layout.outer))

    def grammar(self) -> Grammar:
        return Grammar("start", self._lowering.rules, self._lowering.places)

    @cached_property
    def residuals(self) -> list[Guard]:
        len(self._lowering.rules)
        return list(self._lowering.guards)
