"""Random schemas whose instances are short, so that a random model ends them within its tokens."""

from __future__ import annotations

import random
from typing import Any


def bounded_schema(rng: random.Random, depth: int = 2) -> dict[str, Any]:
    """An object schema; automata and guards both have work to do."""
    keys = rng.sample(["id", "name", "kind", "when", "tags", "ratio", "flag", "more"], rng.randint(2, 4))
    properties = {key: _value(rng, depth) for key in keys}
    required = [key for key in keys if rng.random() < 0.7] or keys[:1]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _value(rng: random.Random, depth: int) -> dict[str, Any]:
    low = rng.randint(-50, 50)
    leaves: list[dict[str, Any]] = [
        {"type": "string", "maxLength": rng.randint(0, 12)},
        {"type": "string", "pattern": "^[A-Z]{2,4}-[0-9]{1,3}$"},
        {"type": "string", "format": "date"},
        {"type": "integer", "minimum": low, "maximum": low + rng.randint(0, 1000)},
        {"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 700},
        {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        {"enum": ["red", "green", 3, None, {"a": 1}]},
        {"type": "boolean"},
        {"const": [1, "two"]},
        {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 10**9},
            "uniqueItems": True,
            "maxItems": 3,
        },
        {"oneOf": [{"type": "string", "maxLength": 4}, {"type": "integer", "minimum": 0, "maximum": 9}]},
        {"type": "string", "maxLength": 6, "not": {"const": "no"}},
    ]
    if depth and rng.random() < 0.3:
        return bounded_schema(rng, depth - 1)
    if depth and rng.random() < 0.2:
        return {"type": "array", "items": _value(rng, 0), "minItems": 1, "maxItems": 3}
    return rng.choice(leaves)
