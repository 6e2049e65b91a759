"""Arenas: where the arrays of one automaton lie, for the kernel that fills rows of many."""

from __future__ import annotations

import os
import threading
from ctypes import addressof, c_char
from operator import is_not
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _layout_kernels as L

if TYPE_CHECKING:
    from .mask_pool import MaskPool
    from .pushdown import Pushdown
    from .states import States
    from .tables import TerminalTables

Addresses = NDArray[np.int64]


class Slots:
    """The addresses of all automata in one array, a row each; the row of one that is gone serves the next."""

    def __init__(self) -> None:
        #: (room, W_COLUMNS); another array when it has grown.
        self.table: Addresses = np.zeros((64, L.W_COLUMNS), np.int64)
        self._n = 0
        self._free: list[int] = []
        self._lock = threading.Lock()

    def take(self) -> int:
        """A row that nobody has."""
        if self._free:
            try:
                return self._free.pop()
            except IndexError:  # another thread was quicker
                pass
        with self._lock:
            if self._n == len(self.table):
                self.table = np.concatenate((self.table, np.zeros_like(self.table)))
            self._n += 1
            return self._n - 1

    def put(self, slot: int, addresses: Addresses) -> None:
        """Write a row."""
        with self._lock:
            self.table[slot] = addresses

    def renew_lock(self) -> None:
        """Have a lock that nobody has."""
        self._lock = threading.Lock()

    def give_back(self, slot: int) -> None:
        """Nobody has the row any longer. May be called at any time, by a collection, too."""
        self._free.append(slot)


SLOTS = Slots()
if hasattr(os, "register_at_fork"):  # another thread may have had the lock
    os.register_at_fork(after_in_child=SLOTS.renew_lock)


class Moved:
    """Whether an arena may have become another array since the addresses were brought up to date."""

    __slots__ = ("yes",)

    def __init__(self) -> None:
        self.yes = True


class Arenas:
    """The addresses and lengths of the arenas, brought up to date when they are asked for.

    An arena that grows is another array; the ones that the addresses belong to are kept alive here.
    """

    def __init__(self, pushdown: Pushdown, states: States, tables: TerminalTables, pool: MaskPool) -> None:
        self._pushdown, self._states, self._tables, self._pool = pushdown, states, tables, pool
        self._held: tuple[NDArray[Any], ...] = ()
        self._moved = pushdown.moved
        #: (1, W_COLUMNS); valid while the automaton's lock is held and `moved` does not say otherwise.
        self.where: Addresses = np.zeros((1, L.W_COLUMNS), np.int64)
        #: Where the same stands in `SLOTS.table`.
        self.slot = SLOTS.take()

    def settle(self) -> None:
        """Bring the addresses up to date."""
        if not self._moved.yes:
            return
        pushdown, tables = self._pushdown, self._tables
        V = tables.V  # first, as it names rows of R: another automaton may add to them just now
        own = pushdown.G, pushdown.A, self._states.K
        held = (*own, tables.X, tables.R, V, self._pool.M, tables.data, tables.start)
        if not self._held or any(map(is_not, held, self._held)):
            self.where[0] = [number for array in held for number in (_address(array), len(array))]
            SLOTS.put(self.slot, self.where[0])
            # Last, for whoever is interrupted before: the arrays that nobody knows any longer are freed here.
            self._held = held
        self._moved.yes = False

    def __del__(self) -> None:
        if hasattr(self, "slot") and SLOTS is not None:  # at the interpreter's end
            SLOTS.give_back(self.slot)


def _address(array: NDArray[Any]) -> int:
    """Where the items begin. Numpy's own `ctypes.data` takes three times as long."""
    return addressof(c_char.from_buffer(array.data)) if len(array) else 0
