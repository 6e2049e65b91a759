"""Arenas: where the arrays of one automaton lie, for the kernel that fills rows of many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import _layout_kernels as L

if TYPE_CHECKING:
    from .mask_pool import MaskPool
    from .pushdown import Pushdown
    from .states import States
    from .tables import TerminalTables

Ints = NDArray[np.int32]


class Arenas:
    """The addresses and lengths of the arenas, brought up to date when they are asked for.

    An arena that grows is another array; the ones that the addresses belong to are kept alive here.
    """

    def __init__(self, pushdown: Pushdown, states: States, tables: TerminalTables, pool: MaskPool) -> None:
        self._pushdown, self._states, self._tables, self._pool = pushdown, states, tables, pool
        self._G = self._A = self._K = self._X = self._R = self._V = np.zeros(0, np.int32)
        self._where = np.zeros((1, L.W_COLUMNS), np.int64)

    @property
    def where(self) -> NDArray[np.int64]:
        """A row (1, W_COLUMNS); valid while the automaton's lock is held and nothing is supplied."""
        pushdown, tables = self._pushdown, self._tables
        if (
            self._A is not pushdown.A
            or self._G is not pushdown.G
            or self._K is not self._states.K
            or self._X is not tables.X
            or self._R is not tables.R
            or self._V is not tables.V
        ):
            self._G, self._A, self._K = pushdown.G, pushdown.A, self._states.K
            self._X, self._R, self._V = tables.X, tables.R, tables.V
            arrays = (self._G, self._A, self._K, self._X, self._R, self._V, self._pool.M)
            self._where[0] = [number for array in arrays for number in (array.ctypes.data, len(array))]
        return self._where
