"""Words of a schema: what stands anywhere in it, and where, found without reading it."""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from typing import Any


def references(schema: Any) -> Iterator[str]:
    """Whatever looks like a reference."""
    stack = [schema]
    while stack:
        top = stack.pop()
        if isinstance(top, dict):
            reference = top.get("$ref")
            if isinstance(reference, str):
                yield reference
            stack.extend(top.values())
        elif isinstance(top, list):
            stack.extend(top)


def mentions(schema: Any, words: tuple[str, ...]) -> bool:
    """Whether a key or a string of the schema holds one of the words."""
    try:
        data = marshal.dumps(schema)  # the quickest look at all strings
    except ValueError:  # nested too deep for that, or numbers that are no plain Python ones
        return any(word in text for text in _strings(schema) for word in words)
    return any(word.encode() in data for word in words)


def _strings(schema: Any) -> Iterator[str]:
    stack = [schema]
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            yield top
        elif isinstance(top, dict):
            stack.extend(top.keys())
            stack.extend(top.values())
        elif isinstance(top, list):
            stack.extend(top)


def step_to(step: str | int) -> str:
    """A key or an index as a step of a JSON pointer."""
    if isinstance(step, str) and ("~" in step or "/" in step):
        step = step.replace("~", "~0").replace("/", "~1")
    return "/" + step if isinstance(step, str) else f"/{step}"


def pointers_in(root: Any) -> dict[int, str]:
    """The JSON pointers to the objects and lists inside another one, by identity."""
    found: dict[int, str] = {}
    stack = [(root, "")]
    while stack:
        top, pointer = stack.pop()
        if id(top) in found or not isinstance(top, dict | list):
            continue
        found[id(top)] = pointer
        parts = top.items() if isinstance(top, dict) else enumerate(top)
        stack.extend((value, pointer + step_to(key)) for key, value in parts)
    return found
