"""Python types as JSON Schemas, and JSON values as their objects.

`schema_of` describes a type, `decoder_of` gives the function from a JSON value (as `json.loads` reads it) to an object
of the type. Known are
    None, bool, int, float, str, Decimal, date, time, datetime, UUID, Path, Any
    Enum, Literal, Union and Optional, NewType, Annotated with bounds (`annotated_types`, `pydantic.Field`)
    list, set, frozenset, Sequence, tuple, NamedTuple, dict and Mapping with string-like keys
    dataclasses, TypedDict, and what pydantic made (models, its dataclasses), by pydantic itself
in any combination, recursive ones included. Objects are closed: a field that a class does not have has no place in it.

Laws
    1. A value that the schema accepts is decoded without error, unless the class itself refuses it.
    2. A union decodes by its first member whose schema accepts the value.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections import abc
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, Union, get_args, get_origin
from uuid import UUID

from ..errors import GrammarError

Decoder: TypeAlias = Callable[[Any], Any]

#: Types with a schema of their own: schema and decoder.
_PLAIN: dict[Any, tuple[dict[str, Any], Decoder]] = {
    type(None): ({"type": "null"}, lambda value: None),
    bool: ({"type": "boolean"}, bool),
    int: ({"type": "integer"}, int),
    float: ({"type": "number"}, float),
    str: ({"type": "string"}, str),
    Decimal: ({"type": "number"}, lambda value: Decimal(str(value))),
    date: ({"type": "string", "format": "date"}, date.fromisoformat),
    time: ({"type": "string", "format": "time"}, lambda text: time.fromisoformat(text.upper())),
    datetime: ({"type": "string", "format": "date-time"}, lambda text: datetime.fromisoformat(text.upper())),
    UUID: ({"type": "string", "format": "uuid"}, UUID),
    Path: ({"type": "string"}, Path),
    Any: ({}, lambda value: value),
    object: ({}, lambda value: value),
}
#: Attributes of metadata in `Annotated`, and their keywords: for numbers, strings, arrays, objects.
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LENGTHS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}


def schema_of(tp: Any) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a type.

    Raises
    ------
    GrammarError : the type has no JSON form.

    >>> schema_of(list[int])
    {'type': 'array', 'items': {'type': 'integer'}}
    """
    shapes = _Shapes()
    return shapes.complete(shapes.of(tp)[0])


def decoder_of(tp: Any) -> Decoder:
    """The function from a JSON value that `schema_of` accepts to an object of the type.

    >>> decoder_of(date)("2024-02-29")
    datetime.date(2024, 2, 29)
    """
    return _Shapes().of(tp)[1]


class _Shapes:
    """Schemas and decoders of types that may refer to each other."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._named: dict[Any, tuple[str, list[Decoder]]] = {}

    def complete(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema with the definitions that it needs."""
        definitions = dict(self.definitions)
        name = schema.get("$ref", "").removeprefix("#/$defs/")
        if name in definitions and f'"#/$defs/{name}"' not in json.dumps(definitions):
            schema = definitions.pop(name)
        return {**schema, "$defs": definitions} if definitions else schema

    def of(self, tp: Any) -> tuple[dict[str, Any], Decoder]:
        """Schema and decoder of a type."""
        if tp is None:
            tp = type(None)
        origin, arguments = get_origin(tp), get_args(tp)
        if origin is typing.Annotated:
            return self._annotated(arguments[0], arguments[1:])
        if origin in (Union, types.UnionType):
            return self._union(arguments)
        if origin is typing.Literal:
            return _one_of(list(arguments))
        if origin in (typing.Required, typing.NotRequired, typing.Final, typing.ClassVar):
            return self.of(arguments[0])
        if hasattr(tp, "__supertype__"):
            return self.of(tp.__supertype__)
        if hasattr(tp, "__value__"):
            return self.of(tp.__value__)
        try:
            plain = _PLAIN.get(tp)
        except TypeError:
            plain = None
        if plain is not None:
            return dict(plain[0]), plain[1]
        return self._container(tp, origin or tp, arguments) if origin or tp in _CONTAINERS else self._class(tp)

    def _annotated(self, tp: Any, metadata: tuple[Any, ...]) -> tuple[dict[str, Any], Decoder]:
        schema, decode = self.of(tp)
        more: dict[str, Any] = {}
        for item in metadata:
            for part in (item, *getattr(item, "metadata", ())):
                more.update(_constraints(part, schema.get("type", "")))
        if "$ref" in schema or not more:
            return {**schema, **more}, decode
        return schema | more, decode

    def _union(self, members: tuple[Any, ...]) -> tuple[dict[str, Any], Decoder]:
        shapes = [self.of(member) for member in members]
        return {"anyOf": [schema for schema, _ in shapes]}, _FirstThatFits(self, shapes)

    def _container(self, tp: Any, origin: Any, arguments: tuple[Any, ...]) -> tuple[dict[str, Any], Decoder]:
        """Lists, tuples, sets, mappings."""
        make = _CONTAINERS.get(origin)
        if make is None:
            return self._class(tp)
        if make is dict:
            key, value = arguments or (str, Any)
            return self._mapping(key, value)
        if make is tuple and tp not in (tuple, tuple) and arguments[-1:] != (Ellipsis,):
            return self._fixed(list(arguments), tuple)
        item, decode = self.of(arguments[0] if arguments else Any)
        schema: dict[str, Any] = {"type": "array", **({"items": item} if item else {})}
        if make in (set, frozenset):
            schema["uniqueItems"] = True
        return schema, lambda values: make(map(decode, values))

    def _fixed(self, members: list[Any], make: Callable[[list[Any]], Any]) -> tuple[dict[str, Any], Decoder]:
        """A tuple with a type for each place."""
        shapes = [self.of(member) for member in members]
        decoders = [decode for _, decode in shapes]
        schema: dict[str, Any] = {"type": "array", "minItems": len(shapes), "maxItems": len(shapes)}
        if shapes:
            schema |= {"prefixItems": [item for item, _ in shapes], "items": False}
        return schema, lambda values: make([d(v) for d, v in zip(decoders, values, strict=True)])

    def _mapping(self, key: Any, value: Any) -> tuple[dict[str, Any], Decoder]:
        (names, decode_key), (item, decode) = self.of(key), self.of(value)
        if names.get("type") != "string" and not all(isinstance(v, str) for v in names.get("enum", [None])):
            raise GrammarError(f"Expected keys that JSON can write, got {key!r}. Use str, or an Enum of strings.")
        schema: dict[str, Any] = {"type": "object", "additionalProperties": item}
        if names != {"type": "string"}:
            schema["propertyNames"] = names
        return schema, lambda members: {decode_key(k): decode(v) for k, v in members.items()}

    def _class(self, tp: Any) -> tuple[dict[str, Any], Decoder]:
        """Classes: enumerations, dataclasses and the like."""
        if not isinstance(tp, type) and not typing.is_typeddict(tp):
            raise GrammarError(f"Expected a type that JSON can express, got {tp!r}.")
        if issubclass(tp, Enum):
            return _one_of([member.value for member in tp], tp)
        if hasattr(tp, "__pydantic_core_schema__"):
            return self._reference(tp, self._pydantic)
        if dataclasses.is_dataclass(tp):
            return self._reference(tp, self._dataclass)
        if typing.is_typeddict(tp):
            return self._reference(tp, self._typed_dict)
        if issubclass(tp, tuple) and hasattr(tp, "_fields"):
            hints = typing.get_type_hints(tp, include_extras=True)
            return self._fixed([hints.get(name, Any) for name in tp._fields], lambda values: tp(*values))
        raise GrammarError(
            f"Expected a type that JSON can express, got {tp!r}. Use a dataclass, a TypedDict, a pydantic model, an "
            "Enum or a built-in type, or pass a JSON Schema."
        )

    def _reference(
        self, tp: Any, describe: Callable[[Any], tuple[dict[str, Any], Decoder]]
    ) -> tuple[dict[str, Any], Decoder]:
        """A reference to the definition of a class, which may refer to itself."""
        if tp not in self._named:
            taken = {name for name, _ in self._named.values()}
            name = tp.__name__
            while name in taken:
                name += "_"
            decoder: list[Decoder] = []
            self._named[tp] = (name, decoder)
            self.definitions[name] = {}
            self.definitions[name], decode = describe(tp)
            decoder.append(decode)
        name, known = self._named[tp]
        return {"$ref": f"#/$defs/{name}"}, lambda value: known[0](value)

    def _pydantic(self, tp: Any) -> tuple[dict[str, Any], Decoder]:
        from pydantic import TypeAdapter

        adapter: Any = TypeAdapter(tp)
        prefix = self._named[tp][0] + "."
        schema = adapter.json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
        self.definitions |= {prefix + name: inner for name, inner in schema.pop("$defs", {}).items()}
        return schema, lambda value: adapter.validate_json(json.dumps(value, default=str))

    def _dataclass(self, tp: Any) -> tuple[dict[str, Any], Decoder]:
        hints = typing.get_type_hints(tp, include_extras=True)
        fields = [field for field in dataclasses.fields(tp) if field.init]
        missing = dataclasses.MISSING
        required = [f.name for f in fields if f.default is missing and f.default_factory is missing]
        return self._record({f.name: hints[f.name] for f in fields}, required, tp)

    def _typed_dict(self, tp: Any) -> tuple[dict[str, Any], Decoder]:
        hints = typing.get_type_hints(tp, include_extras=True)
        wanted = {
            typing.Required: True,
            typing.NotRequired: False,
        }  # `__required_keys__` cannot read string annotations
        required = [k for k, hint in hints.items() if wanted.get(get_origin(hint), k in tp.__required_keys__)]
        return self._record(hints, required, dict)

    def _record(self, hints: dict[str, Any], required: list[str], make: Any) -> tuple[dict[str, Any], Decoder]:
        """An object with a member for each name."""
        shapes = {name: self.of(tp) for name, tp in hints.items()}
        properties = {name: inner for name, (inner, _) in shapes.items()}
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        if required:
            schema["required"] = required
        schema["additionalProperties"] = False
        decoders = {name: decode for name, (_, decode) in shapes.items()}
        return schema, lambda members: make(**{name: decoders[name](value) for name, value in members.items()})


class _FirstThatFits:
    """Decodes by the first shape whose schema accepts the value."""

    def __init__(self, shapes: _Shapes, members: list[tuple[dict[str, Any], Decoder]]) -> None:
        self._shapes = shapes
        self._members = members
        self._validators: list[Any] = []

    def __call__(self, value: Any) -> Any:
        if not self._validators:
            from jsonschema_rs import Draft202012Validator

            make = partial(Draft202012Validator, validate_formats=True)
            self._validators = [make({**schema, "$defs": self._shapes.definitions}) for schema, _ in self._members]
        for validator, (_, decode) in zip(self._validators, self._members, strict=True):
            if validator.is_valid(value):
                return decode(value)
        raise ValueError(f"Expected a value of one of the union's types, got {value!r}.")


_CONTAINERS: dict[Any, Any] = {
    list: list, abc.Sequence: list, abc.Iterable: list, abc.Collection: list, abc.MutableSequence: list,
    tuple: tuple, set: set, abc.Set: set, abc.MutableSet: set, frozenset: frozenset,
    dict: dict, abc.Mapping: dict, abc.MutableMapping: dict,
}  # fmt: skip


def _one_of(values: list[Any], enum: type[Enum] | None = None) -> tuple[dict[str, Any], Decoder]:
    """Listed values; enumeration members stand for their values."""
    plain = [value.value if isinstance(value, Enum) else value for value in values]
    for value in plain:
        if not isinstance(value, str | int | float | bool | None):
            raise GrammarError(f"Expected values that JSON can write, got {value!r}.")
    members = {_key(v): (v if enum is None else enum(v)) for v in plain}
    members |= {_key(v.value): v for v in values if isinstance(v, Enum)}
    schema = {"const": plain[0]} if len(plain) == 1 else {"enum": plain}
    return schema, lambda value: members[_key(value)]


def _key(value: Any) -> tuple[bool, Any]:
    """Tells booleans from numbers."""
    return isinstance(value, bool), value


def _constraints(item: Any, kind: Any) -> dict[str, Any]:
    """The keywords that a piece of metadata stands for."""
    if isinstance(item, str):
        return {"description": item}
    found: dict[str, Any] = {}
    for name, keyword in _BOUNDS.items():
        if (bound := getattr(item, name, None)) is not None:
            found[keyword] = bound if isinstance(bound, int | float) else float(bound)
    if getattr(item, "multiple_of", None) is not None:
        found["multipleOf"] = item.multiple_of
    for name, keyword in zip(("min_length", "max_length"), _LENGTHS.get(kind, ()), strict=False):
        if getattr(item, name, None) is not None:
            found[keyword] = getattr(item, name)
    if isinstance(pattern := getattr(item, "pattern", None), str):
        found["pattern"] = pattern
    if isinstance(description := getattr(item, "description", None), str):
        found["description"] = description
    return found
