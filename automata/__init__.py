"""Automata: from a grammar and a vocabulary to token masks.

Names are resolved on first use, so that importing this package compiles and imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .automaton import TokenAutomaton
    from .batch import fill_masks
    from .compile import compile_grammar
    from .matcher import Matcher
    from .pushdown import Limits
    from .vocabulary import Vocabulary

__all__ = ["Limits", "Matcher", "TokenAutomaton", "Vocabulary", "compile_grammar", "fill_masks"]

_HOMES = {
    "Limits": "pushdown",
    "Matcher": "matcher",
    "TokenAutomaton": "automaton",
    "Vocabulary": "vocabulary",
    "compile_grammar": "compile",
    "fill_masks": "batch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
