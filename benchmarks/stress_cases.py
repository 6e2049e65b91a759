"""Schemas that are hard on mask engines, each with instances that are valid; sizes are drawn at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Case = tuple[Any, list[Any]]


def _word(rng: random.Random, low: int = 3, high: int = 12) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(low, high)))


def _words(rng: random.Random, n: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < n:
        found[_word(rng)] = None
    return list(found)


def optional_properties(rng: random.Random) -> Case:
    """About 300 optional properties in a closed object; instances hold some, in declared order."""
    names = _words(rng, rng.randint(240, 360))
    kinds = [{"type": "integer"}, {"type": "string"}, {"type": "boolean"}]
    properties = {name: rng.choice(kinds) for name in names}
    samples: dict[str, Any] = {"integer": 12, "string": "some text", "boolean": True}
    instances = []
    for _ in range(3):
        chosen = sorted(rng.sample(range(len(names)), 20))
        instances.append({names[k]: samples[properties[names[k]]["type"]] for k in chosen})
    return {"type": "object", "properties": properties, "additionalProperties": False}, instances


def large_enum(rng: random.Random) -> Case:
    """An array over an enum of about 3,000 strings."""
    names = [f"{a} {b}" for a, b in zip(_words(rng, 3000), _words(rng, 3000), strict=True)][: rng.randint(2400, 3000)]
    return {"type": "array", "items": {"enum": names}}, [rng.sample(names, 15) for _ in range(3)]


def many_alternatives(rng: random.Random) -> Case:
    """anyOf of about 60 objects of the same shape, told apart by a constant at the end."""
    kinds = _words(rng, rng.randint(48, 72))

    def one(kind: str) -> Any:
        properties = {"id": {"type": "integer"}, "name": {"type": "string"}, "kind": {"const": kind}}
        return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}

    instances = [[{"id": k, "name": "some name", "kind": kind} for k, kind in enumerate(rng.sample(kinds, 4))]] * 3
    return {"type": "array", "items": {"anyOf": [one(kind) for kind in kinds]}}, instances


def ambiguous_arrays(rng: random.Random) -> Case:
    """Eight nested arrays, each one of two kinds that only the innermost value tells apart."""
    depth = rng.randint(7, 9)
    numbers: Any = {"type": "array", "items": {"type": "integer"}}
    strings: Any = {"type": "array", "items": {"type": ["integer", "string"]}}
    for _ in range(depth - 1):
        numbers, strings = (
            {"type": "array", "items": {"anyOf": [numbers, strings]}},
            {"type": "array", "items": {"anyOf": [strings, numbers]}},
        )
    deep: Any = [1, 2, "a"]
    for _ in range(depth - 1):
        deep = [deep, deep] if rng.random() < 0.4 else [deep]
    return {"anyOf": [numbers, strings]}, [deep]


def patterns(rng: random.Random) -> Case:
    """Twenty properties with patterns."""
    shapes: list[tuple[str, Callable[[], str]]] = [
        ("^[a-z]{{3,{n}}}$", lambda: _word(rng, 3, 8)),
        ("^[A-Z]{{2}}-[0-9]{{4,{n}}}$", lambda: f"AB-{rng.randint(10**5, 10**6)}"),
        ("^(foo|bar|baz)(-[a-z0-9]+){{0,{n}}}$", lambda: f"bar-{_word(rng)}-x1"),
        (r"^\d{{4}}-\d{{2}}-\d{{2}}(T\d{{2}}:\d{{2}})?.{{0,{n}}}$", lambda: "2026-11-21T10:00 and so on"),
        (r"^[\w.+-]{{1,{n}}}@[\w-]+(\.[\w-]+)+$", lambda: "a.person@some.example.org"),
    ]
    chosen = [rng.choice(shapes) for _ in range(20)]
    properties = {
        f"field{k}": {"type": "string", "pattern": shape.format(n=rng.randint(12, 60))}
        for k, (shape, _) in enumerate(chosen)
    }
    instances = [{f"field{k}": make() for k, (_, make) in enumerate(chosen)} for _ in range(3)]
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return schema, instances


def lengths(rng: random.Random) -> Case:
    """Twenty strings, each with its own maxLength, some filled to the brim."""
    sizes = [rng.randint(5, 300) for _ in range(20)]
    properties = {f"field{k}": {"type": "string", "maxLength": size} for k, size in enumerate(sizes)}
    text = " ".join(_words(rng, 80))
    instances = [
        {f"field{k}": text[: size if rng.random() < 0.5 else size // 2] for k, size in enumerate(sizes)}
        for _ in range(3)
    ]
    return {"type": "object", "properties": properties, "additionalProperties": False}, instances


FAMILIES: dict[str, Callable[[random.Random], Case]] = {
    "300 optional properties": optional_properties,
    "enum of 3,000": large_enum,
    "anyOf of 60 objects": many_alternatives,
    "8 ambiguous arrays": ambiguous_arrays,
    "patterns": patterns,
    "maxLength everywhere": lengths,
}
