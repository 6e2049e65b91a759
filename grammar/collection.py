"""The garbage collector, held back where thousands of new objects are made that nearly all stay."""

from __future__ import annotations

import gc


class no_collection:
    """Keep the garbage collector from going through new objects again and again; their number has to be bounded.

    It makes no object once it has let the collector go, so that this does not begin here but with what comes next.
    """

    __slots__ = ("_enabled",)

    def __enter__(self) -> None:
        self._enabled = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._enabled:
            gc.enable()
