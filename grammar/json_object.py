"""JSON objects read field by field: kinds, defaults, and no field that nobody asked for."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

from ..errors import GrammarSyntaxError, UnsupportedFeature

T = TypeVar("T")


class JsonObject:
    """A JSON object that is read field by field; every field must be asked for."""

    def __init__(self, value: Any, pointer: str) -> None:
        if not isinstance(value, dict):
            fail_at(f"Expected an object, got {json.dumps(value)[:60]}.", pointer)
        self.value, self.pointer = value, pointer
        self.left = set(value) - {"type"}

    def get(self, name: str, kind: type[T] | tuple[type[T], ...], default: Any = ...) -> Any:
        """A field of a kind; `default` where it is left out or null."""
        self.left.discard(name)
        value = self.value.get(name)
        if value is None and (default is not ... or name not in self.value):
            if default is ...:
                fail_at(f"Expected a field `{name}`.", self.pointer)
            return default
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join({dict: "object", list: "array", str: "string"}.get(k, k.__name__) for k in kinds)  # type: ignore[call-overload]
            fail_at(f"Expected {names}, got {json.dumps(value)[:60]}.", self.at(name))
        return value

    def strings(self, name: str, default: Any = ...) -> tuple[str, ...]:
        """A field that lists words, none of them empty."""
        return tuple(words_at(self.get(name, list, default), self.at(name)))

    def at(self, name: str) -> str:
        """The pointer of a field."""
        return f"{self.pointer}/{name}"

    def done(self) -> None:
        """See that no field is left."""
        if self.left:
            message = f"The field `{min(self.left)}` of a structural tag is not known."
            raise UnsupportedFeature(message, pointer=self.pointer)


def fail_at(message: str, pointer: str) -> NoReturn:
    """The value at the pointer is wrong."""
    raise GrammarSyntaxError(message, pointer=pointer)


def words_at(values: list[Any], pointer: str, *, may_be_empty: bool = False) -> list[str]:
    """The values, which must be texts, none of them empty unless it may be."""
    for k, value in enumerate(values):
        if not isinstance(value, str) or not (value or may_be_empty):
            fail_at(f"Expected a text that is not empty, got {json.dumps(value)[:60]}.", f"{pointer}/{k}")
    return values
