"""Scratch: arrays that a kernel writes to, kept from one call to the next."""

from __future__ import annotations

import threading

import numpy as np

from .lowered import Ints

#: Room up to which they are kept.
KEPT = 1 << 14


class Scratch(threading.local):
    """Arrays of so much for each unit of room; each thread has its own.

    Parameters
    ----------
    shapes : of each array by unit of room: how many rows, and of how many columns, or 0 for an array of one dimension.
    """

    def __init__(self, *shapes: tuple[int, int]) -> None:
        self._shapes = shapes
        self._arrays: tuple[Ints, ...] = ()
        self._room = 0

    def arrays(self, room: int) -> tuple[Ints, ...]:
        """Arrays with so much room; what they hold is anything."""
        if room < self._room:
            return tuple([array[: n * room] for array, (n, _) in zip(self._arrays, self._shapes, strict=True)])
        if room == self._room:
            return self._arrays
        arrays = tuple([np.empty((n * room, k) if k else n * room, np.int32) for n, k in self._shapes])
        if room <= KEPT:
            self._arrays, self._room = arrays, room
        return arrays
