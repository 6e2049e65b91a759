"""Twins: equal subschemas inside alternatives of alternatives, of which the first stands for all.

Two alternatives that each hold the same two alternatives, and so on, are a few schemas written exponentially often.
Elsewhere an equal subschema keeps its own place, which messages name.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

#: Alternatives within each other from which on subschemas are compared.
NESTED = 2


def is_nested(fragment: str) -> bool:
    """Whether a JSON pointer leads through alternatives of alternatives."""
    return "Of/" in fragment and fragment.count("/anyOf/") + fragment.count("/oneOf/") >= NESTED


class Twins:
    """Subschemas by what they say; equal ones have equal members in equal order."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        #: id(container) -> the container, kept alive, and its number.
        self._known: dict[int, tuple[Any, int]] = {}
        self._first: dict[tuple[int, int], dict[str, Any]] = {}

    def first(self, schema: dict[str, Any], resource: object) -> dict[str, Any]:
        """The first schema like this one that was asked about in a resource."""
        return self._first.setdefault((id(resource), self._number(schema)), schema)

    def _number(self, value: dict[str, Any] | list[Any]) -> int:
        """Equal for equal containers."""
        known = self._known.get(id(value))
        if known is None:
            content: Hashable
            if isinstance(value, dict):
                content = ("object", *((name, self._content(item)) for name, item in value.items()))
            else:
                content = ("array", *map(self._content, value))
            number = self._numbers.setdefault(content, len(self._numbers))
            known = self._known[id(value)] = (value, number)
        return known[1]

    def _content(self, value: Any) -> Hashable:
        return self._number(value) if isinstance(value, dict | list) else (type(value), value)
