"""The garbage collector, held back where thousands of new objects are made that nearly all stay."""

from __future__ import annotations

import gc
import os

#: One item for each that holds it back, in whatever thread.
_holding: list[None] = []


class no_collection:  # a context manager, named like a function
    """Keep the garbage collector from going through new objects again and again; their number has to be bounded.

    It makes no object once it has let the collector go, so that this does not begin here but with what comes next.
    """

    __slots__ = ("_enabled",)

    def __enter__(self) -> None:
        self._enabled = gc.isenabled()
        if self._enabled:
            _holding.append(None)
            gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._enabled:
            _holding.clear()
            gc.enable()


def _release() -> None:
    """In a forked child none of the threads lives on that held it back."""
    if _holding:
        _holding.clear()
        gc.enable()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release)
