"""Frames: blocks whose calls are places, kept process-wide by content.

Objects of the same keys, lists, and sequences of the same text differ only in the rules that they call.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from .lowered import Lowered

#: Bytes of all frames kept.
MAX_BYTES = 32 << 20


class Frames:
    """Frames by content, those made first dropped first; safe to use from several threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Lowered] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def lowered(self, key: Hashable, callees: Sequence[int], make: Callable[[], Lowered]) -> Lowered:
        """The block of some content that calls these rules; `make` writes it with their places, from 1 on."""
        frame = self._known.get(key)
        if frame is None:
            frame = make()
            self._keep(key, frame)
        return frame._replace(callees=np.array(callees, np.int32))

    def _keep(self, key: Hashable, frame: Lowered) -> None:
        with self._lock:
            if self._known.setdefault(key, frame) is frame:
                self._bytes += frame.block.nbytes
            while self._bytes > MAX_BYTES:
                self._bytes -= self._known.popitem(last=False)[1].block.nbytes
