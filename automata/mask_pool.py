"""Mask pool: the finished masks of one automaton, and the tokens of each that close a guarded value."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _layout_kernels as L

Row: TypeAlias = NDArray[np.int32]


class MaskPool:
    """Rows of masks behind one another; a full pool is begun anew, and rows handed out stay as they are.

    Attributes
    ----------
    rows : (n * width,) int32. Row i belongs to the configurations whose C_ROW is i + 1.
    closers : by canonical configuration, the tokens that may close a guarded value.
    """

    def __init__(self, width: int, n_bytes: int) -> None:
        self.width = width
        self.rows: Row = self._empty()
        self.closers: dict[int, Row] = {}
        self.n = self.misses = self.evictions = 0
        self._most = max(4, n_bytes // max(4, 4 * width))
        self._memory: tuple[int, int, object, object] = (0, 0, None, None)

    def _empty(self) -> Row:
        return np.empty(4 * max(1, self.width), np.int32)

    def row(self, index: int) -> Row:
        """A view of a row."""
        return self.rows[index * self.width : (index + 1) * self.width]

    def room(self, A: Row) -> int:
        """An unused row; it counts as used from the next `n += 1` on. Configurations of A forget rows that go."""
        if self.n >= self._most:
            self.evictions += self.n
            self.rows, self.n = self._empty(), 0
            self.closers.clear()
            at = A[L.H_CFG]
            A[at : at + A[L.H_NCFG] * L.CF].reshape(-1, L.CF)[:, L.C_ROW] = 0
        elif (self.n + 1) * self.width > len(self.rows):
            grown = np.empty(min(4 * len(self.rows), self._most * max(1, self.width)), np.int32)
            grown[: len(self.rows)] = self.rows
            self.rows = grown
        return self.n

    def memory(self, A: Row) -> tuple[int, int]:
        """The addresses of the configurations and of the rows."""
        if self._memory[2] is not A or self._memory[3] is not self.rows:
            self._memory = A.ctypes.data, self.rows.ctypes.data, A, self.rows
        return self._memory[:2]
