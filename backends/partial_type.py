"""Partial typed values: what an unfinished JSON text shows of a pydantic model, a dataclass, a list...

Finished parts are decoded as they will be in the end. Of an open object the fields shown so far are set and the others
are None, whatever their defaults; open strings are shown where the type takes any string, and are None elsewhere (half
a date is no date). Validators of open objects are not run.
"""

from __future__ import annotations

import dataclasses
import types
from collections import abc
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints, is_typeddict

#: Kinds of arrays, and what shows them.
_KINDS: dict[Any, Any] = {
    tuple: tuple, set: set, frozenset: frozenset, abc.Set: set, abc.MutableSet: set,
    list: list, abc.Sequence: list, abc.MutableSequence: list, abc.Iterable: list, abc.Collection: list,
}  # fmt: skip
_TABLES = (dict, abc.Mapping, abc.MutableMapping)


def partial_value(tp: Any, value: Any, depth: int) -> Any:
    """A JSON value whose last `depth` nested values are open, as far as it goes as a `tp`."""
    if depth == 0:
        return value if tp is Any else _decoder(tp)(value)
    tp = _member(_plain(tp), value)
    if isinstance(value, str):
        return value if tp in (str, Any, object) else None
    if isinstance(value, list):
        return _list(tp, value, depth)
    return _object(tp, value, depth)


def _list(tp: Any, items: list[Any], depth: int) -> Any:
    """The items of an open list; open tuples and sets keep their kind, and named tuples are filled up with None."""
    depths = _depths(len(items), depth)
    shown = [partial_value(t, x, d) for t, x, d in zip(_item_types(tp, len(items)), items, depths, strict=True)]
    if names := getattr(tp, "_fields", ()):
        return tp(*shown, *[None] * (len(names) - len(shown)))
    return _KINDS.get(get_origin(tp) or tp, list)(shown)


def _item_types(tp: Any, n: int) -> list[Any]:
    """The types of the first n items."""
    is_named = hasattr(tp, "_fields")
    args = tuple(get_type_hints(tp).values()) if is_named else get_args(tp) or (Any,)
    is_fixed = is_named or (get_origin(tp) is tuple and args[-1] is not ...)
    return [args[min(k, len(args) - 1)] if is_fixed else args[0] for k in range(n)]


def _object(tp: Any, members: dict[str, Any], depth: int) -> Any:
    """The members of an open object."""
    fields = _fields(tp)
    depths = _depths(len(members), depth)
    if fields is None:
        args = get_args(tp)
        item = args[1] if len(args) == 2 else Any
        return {key: partial_value(item, x, d) for (key, x), d in zip(members.items(), depths, strict=True)}
    shown = {
        fields[key][0]: partial_value(fields[key][1], x, d)
        for (key, x), d in zip(members.items(), depths, strict=True)
        if key in fields
    }
    if is_typeddict(tp):
        return shown
    whole = {name: shown.get(name) for name, _ in fields.values()}
    if not dataclasses.is_dataclass(tp):
        return tp.model_construct(_fields_set=set(shown), **whole)
    made = object.__new__(tp) if isinstance(tp, type) else None
    for name, x in whole.items():
        object.__setattr__(made, name, x)
    return made


def _depths(n: int, depth: int) -> Iterable[int]:
    """How deep each of n parts of an open value is open: only the last may be."""
    return [0] * (n - 1) + [depth - 1] * min(n, 1)


def _fields(tp: Any) -> dict[str, tuple[str, Any]] | None:
    """Key in JSON -> attribute and type, for classes with fields; `None` for others."""
    if hasattr(tp, "model_fields"):  # pydantic
        return {_alias(field) or name: (name, field.annotation) for name, field in tp.model_fields.items()}
    if dataclasses.is_dataclass(tp):
        hints = get_type_hints(tp, include_extras=True)
        return {field.name: (field.name, hints[field.name]) for field in dataclasses.fields(tp)}
    if is_typeddict(tp):
        return {name: (name, hint) for name, hint in get_type_hints(tp).items()}
    return None


def _alias(field: Any) -> str | None:
    alias = field.validation_alias or field.alias
    return alias if isinstance(alias, str) else None


def _plain(tp: Any) -> Any:
    """The type without annotations, aliases and new names."""
    while True:
        if get_origin(tp) is Annotated:
            tp = get_args(tp)[0]
        elif isinstance(tp, NewType):
            tp = tp.__supertype__
        elif hasattr(tp, "__value__"):
            tp = tp.__value__
        else:
            return tp


def _member(tp: Any, value: Any) -> Any:
    """The member of a union that an open value fits best: the one with most of its keys."""
    if get_origin(tp) not in (Union, types.UnionType):
        return tp
    members = [_member(_plain(arg), value) for arg in get_args(tp)]
    if isinstance(value, str):
        return next((m for m in members if m in (str, Any, object)), Literal)
    if isinstance(value, list):
        return next((m for m in members if (get_origin(m) or m) in _KINDS or hasattr(m, "_fields")), list)
    tables = [(m, _fields(m)) for m in members if _fields(m) is not None or (get_origin(m) or m) in _TABLES]
    return max(tables, key=lambda pair: len(value.keys() & (pair[1] or {}).keys()), default=(dict, None))[0]


def _decoder(tp: Any) -> Callable[[Any], Any]:
    """The decoder of a type, remembered unless the type's annotations cannot be hashed."""
    try:
        hash(tp)
    except TypeError:
        return _new_decoder(tp)
    return _kept_decoder(tp)


def _new_decoder(tp: Any) -> Callable[[Any], Any]:
    from ..grammar.types import decoder_of

    return decoder_of(tp)


_kept_decoder = lru_cache(maxsize=256)(_new_decoder)
