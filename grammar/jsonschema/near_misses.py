"""Near misses: instances that break a schema in one place, made out of valid ones by small changes.

Changes know nothing of the place where they are made: a member goes or comes, a type changes, a number or a length
passes a bound that stands somewhere in the schema, text is garbled. The validator says what each broke; only what it
finds exactly one fault in counts.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, Final, TypeAlias

from .places import places_of, step
from .schema import JsonSchema
from .values import read_exactly

#: Changed instances that are held against the schema, in all.
MOST_TRIED: Final = 4_000
#: Times as many broken places as are asked for, out of which those of different keywords are taken.
ENOUGH: Final = 10
#: Lengths that a change makes at most.
LONGEST_STRING: Final = 5_000
LONGEST_ARRAY: Final = 500
_NUMBERS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_LENGTHS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
#: A value of each type.
_OF_TYPES: Final[tuple[Any, ...]] = (None, True, 0, 0.5, "", "text", [], {})

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An invalid instance, and what it breaks."""

    #: The JSON text.
    text: str
    #: The keyword that refuses it, and the subschema in which that stands.
    keyword: str
    pointer: str
    #: Where in the instance, as a JSON pointer ("" is the whole).
    instance_pointer: str
    #: What the validator says.
    message: str

    def __str__(self) -> str:
        return f"{self.text} breaks {self.pointer}/{self.keyword}"

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {name: getattr(self, name) for name in self.__slots__}


def near_misses_of(constraint: JsonSchema, instances: Sequence[Any], n: int, seed: int | None) -> list[NearMiss]:
    """Change valid instances into at most `n` invalid ones, of as many different keywords as are found."""
    rng = random.Random(seed)
    bounds = _Bounds(constraint)
    changed = [other for instance in instances for other in _changes(instance, bounds, rng)]
    rng.shuffle(changed)
    found: dict[tuple[str, str], NearMiss] = {}
    more: dict[NearMiss, None] = {}
    for value in changed[:MOST_TRIED]:
        if len(found) >= ENOUGH * n:
            break
        miss = _judged(constraint, json.dumps(value, ensure_ascii=False))
        if miss is not None and found.setdefault((miss.keyword, miss.pointer), miss) is not miss:
            more[miss] = None
    return [*_in_turn(found.values()), *more][:n]


def _in_turn(misses: Iterable[NearMiss]) -> list[NearMiss]:
    """One of each keyword, then a second one of each, and so on."""
    by_keyword: dict[str, list[NearMiss]] = {}
    for miss in misses:
        by_keyword.setdefault(miss.keyword, []).append(miss)
    rows = zip_longest(*by_keyword.values())
    return [miss for row in rows for miss in row if miss is not None]


def _judged(constraint: JsonSchema, text: str) -> NearMiss | None:
    """The text as a near miss, if it has exactly one fault."""
    errors = list(islice(constraint.errors(read_exactly(text.encode())), 2))
    if len(errors) != 1:
        return None
    (error,) = errors
    where = list(error.schema_path)
    keyword = str(where.pop()) if where else "false"
    inside = "".join(f"/{step(str(part))}" for part in error.instance_path)
    pointer = "#" + "".join(f"/{step(str(part))}" for part in where)
    return NearMiss(text, keyword, pointer, inside, error.message)


class _Bounds:
    """The numbers and lengths that stand in a schema."""

    def __init__(self, constraint: JsonSchema) -> None:
        numbers: dict[float, None] = {}
        lengths: dict[int, None] = {}
        for place in places_of(constraint.schema, constraint.reader.document.resource.dialect):
            said = place.schema
            numbers.update((said[k], None) for k in _NUMBERS if isinstance(said.get(k), int | float))
            lengths.update((int(said[k]), None) for k in _LENGTHS if isinstance(said.get(k), int | float))
        self.numbers = [b + d for b in numbers for d in (-1, -0.5, 0, 0.5, 1) if abs(b) < 1e15]
        self.lengths = sorted({length + d for length in lengths for d in (-1, 1)} - {-1})


def _changes(value: Any, bounds: _Bounds, rng: random.Random) -> Iterator[Any]:
    """The instance with one change, again and again."""
    for path, inner in _parts(value):
        for other in _others(inner, bounds, rng):
            yield _put(value, path, other)


def _parts(value: Any) -> Iterator[tuple[Path, Any]]:
    """The values inside a value, with itself."""
    stack: list[tuple[Path, Any]] = [((), value)]
    while stack:
        path, top = stack.pop()
        yield path, top
        below = top.items() if isinstance(top, dict) else enumerate(top) if isinstance(top, list) else ()
        stack.extend(((*path, key), inner) for key, inner in below)


def _put(value: Any, path: Path, other: Any) -> Any:
    """The value with another one at a path; nothing is changed in place."""
    if not path:
        return other
    key: Any = path[0]
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[key] = _put(value[key], path[1:], other)
    return copy


def _others(value: Any, bounds: _Bounds, rng: random.Random) -> Iterator[Any]:
    """What might stand in place of a value."""
    yield from _OF_TYPES
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield from (value + 1, value - 1, value + 0.5, -value, str(value), *bounds.numbers)
    elif isinstance(value, str):
        yield from _other_texts(value, bounds, rng)
    elif isinstance(value, list):
        yield from _other_arrays(value, bounds)
    else:
        yield from _other_objects(value)


def _other_texts(text: str, bounds: _Bounds, rng: random.Random) -> Iterator[str]:
    yield from (text + "~", "~" + text, text[:-1], text[1:], text.swapcase(), text + text)
    if text:
        at = rng.randrange(len(text))
        yield text[:at] + "~" + text[at + 1 :]
    for length in bounds.lengths:
        if length <= LONGEST_STRING:
            yield ((text or "x") * (length // len(text or "x") + 1))[:length]


def _other_arrays(items: list[Any], bounds: _Bounds) -> Iterator[list[Any]]:
    yield from (items[:-1], items[1:], items[::-1], items[:1])
    if items:
        yield from ([*items, items[-1]], [items[0], *items])
    for length in bounds.lengths:
        if length <= LONGEST_ARRAY and (items or not length):
            yield [items[i % len(items)] for i in range(length)]


def _other_objects(members: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in members:
        rest = {k: v for k, v in members.items() if k != key}
        yield rest
        yield {**rest, key + "_": members[key]}
    yield {**members, "unexpected": None}
    yield dict(list(members.items())[:1])
