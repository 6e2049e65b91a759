"""Backends: models, and generators that bind them to an output.

Names are resolved on first use, so that importing this package imports nothing heavy. `load` is in `backends.load`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .generation import Event, Generation, Receipt
    from .generator import Generator
    from .transformers import TransformersModel

__all__ = ["Event", "Generation", "Generator", "Receipt", "TransformersModel"]

_HOMES = {
    "Event": "generation",
    "Generation": "generation",
    "Generator": "generator",
    "Receipt": "generation",
    "TransformersModel": "transformers",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
