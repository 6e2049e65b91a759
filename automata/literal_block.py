"""Blocks of literals: the smallest automaton of some words, without a state in Python."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..grammar.ir import Bytes, Spelled
from ..grammar.spelled import symbols_of
from . import _layout_kernels as L
from ._word_kernels import lay_words
from .block import FREE_FROM, TABLED_FROM
from .kernel import Direct
from .lowered import Ints, Lowered
from .ranges import DENSE_FROM
from .scratch import Scratch
from .spellings import SPELLINGS, lay_symbols, sorted_words

_LAY = Direct(lay_words)
#: States that there is room for at first, and those that there may be.
FEW, MAX_STATES = 1 << 11, 1 << 22
#: T, N, E, S, R and H, and the parts of the block, by state that there is room for.
_SCRATCH = Scratch((1, L.KT), (1, L.LN), (1, L.LE), (1, L.WS), (4, 2), (2, 0), (L.ST, 0), (8, 0), (4, 0))


def lower_literals(words: Sequence[Bytes | Spelled]) -> Lowered | None:
    """The block of an alternation of words; None if some that differ have a spelling in common.

    Raises
    ------
    BudgetExceeded : they are too long.
    """
    symbols, at, numbers = sorted_words([symbols_of(word) for word in words])
    row, used = np.empty((256, 2), np.int32), np.empty(L.USED, np.int64)
    arrays: tuple[Ints, ...] = ()

    def lay(room: int) -> int:
        nonlocal arrays
        arrays = _SCRATCH.arrays(room)
        arrays[5][:] = 0
        status: int = _LAY.call(
            symbols, at, numbers, SPELLINGS.place, SPELLINGS.ways, DENSE_FROM, TABLED_FROM, FREE_FROM,
            *arrays[:6], row, *arrays[6:], used,
        )  # fmt: skip
        return status

    if lay_symbols(lay, symbols, FEW, MAX_STATES, "literals") != L.OK:
        return None
    records, flat, codes = arrays[6:]
    n_states, n_flat, n_codes = used[: L.USED_CODES + 1].tolist()
    header = np.zeros(L.B_HEADER, np.int32)
    header[[L.B_STATES, L.B_FLAT, L.B_CODES, L.B_TERMINAL]] = n_states, n_flat, n_codes, 1
    header[L.B_RULE : L.B_RULE + 8] = L.PLAIN, 0, -1, 0, n_flat, -1, 0, n_flat
    return Lowered(np.concatenate((header, records[: n_states * L.ST], flat[:n_flat], codes[:n_codes])))
