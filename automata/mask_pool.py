"""Mask pool: the finished masks of one automaton, and the tokens of each that close a guarded value.

Fresh memory is dear: the system hands it out by the page, and clears it. So pools of automata that are gone lend theirs
to new ones, and a pool takes all its room at once, of which only what is written to counts.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _layout_kernels as L
from .memory import reserved

Row: TypeAlias = NDArray[np.int32]

#: The memory of so many pools that are gone is kept, of each size, if at most so many bytes were written to.
SPARES, SPARE_BYTES = 4, 8 << 20
_spares: dict[int, list[Row]] = {}


class MaskPool:
    """The records of masks, see `_pool_kernels.py`; a full pool is begun anew.

    Attributes
    ----------
    M : int32. The records; that of a configuration is found by its C_ROW.
    closers : by canonical configuration, the tokens that may close a guarded value.
    evictions : masks forgotten so far.
    """

    def __init__(self, width: int, n_bytes: int) -> None:
        self.closers: dict[int, Row] = {}
        self.evictions = 0
        n_words = max(n_bytes // 4, 4 * width + 8 * L.LINE)
        spares = _spares.get(n_words)
        self.M: Row = spares.pop() if spares else reserved(n_words)
        self.M[[L.M_USED, L.M_KEPT, L.M_MISSES]] = 1, 0, 0
        self._highest = 0

    def begin_anew(self, A: Row) -> None:
        """Forget all masks; the configurations of A do, too."""
        self.evictions += self.n
        self._highest = max(self._highest, self.n_bytes)
        self.M[L.M_USED], self.M[L.M_KEPT] = 1, 0
        self.closers.clear()
        at = A[L.H_CFG]
        A[at : at + A[L.H_NCFG] * L.CF].reshape(-1, L.CF)[:, L.C_ROW] = 0

    @property
    def n(self) -> int:
        """Masks kept."""
        return int(self.M[L.M_KEPT])

    @property
    def misses(self) -> int:
        """Masks computed so far."""
        return int(self.M[L.M_MISSES])

    @property
    def n_bytes(self) -> int:
        """Bytes of their records."""
        return 4 * L.LINE * int(self.M[L.M_USED])

    def __del__(self) -> None:
        """Lend the memory to later pools."""
        if _spares is None or L is None:  # at the interpreter's end
            return
        if not hasattr(self, "M"):  # there was no memory to be had
            return
        spares = _spares.setdefault(len(self.M), [])
        if len(spares) < SPARES and max(self._highest, self.n_bytes) <= SPARE_BYTES:
            spares.append(self.M)
