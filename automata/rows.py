"""Terminals laid by kernels: from rows of states to a block; see `_row_kernels.py`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import _layout_kernels as L
from .block import FREE_FROM, TABLED_FROM
from .lowered import Ints, Lowered
from .ranges import DENSE_FROM

_NO_WORDS = np.zeros(0, np.int32)


def lowered_rows(
    rows: Ints,
    ranges: Ints,
    flags: Ints,
    rule: tuple[int, int, int, int] = (L.PLAIN, 0, -1, 0),
    n_words: NDArray[np.int64] | None = None,
    words: Ints = _NO_WORDS,
) -> Lowered:
    """The block of a terminal.

    Parameters
    ----------
    rows, ranges : (n, 2) and (m, 2), the edges of its states.
    flags : (n,) FINAL and what counts ask for.
    rule : R_KIND to R_NEEDED.
    n_words : (n,) how many words lie behind S_AUX of each state; none of them by default.
    words : these, one state behind the other.
    """
    from ._row_kernels import lay_terminal

    n, sizes = len(rows), rows[:, 1]
    words_at = np.zeros(n + 1, np.int32)
    words_at[1:] = 0 if n_words is None else np.cumsum(n_words)
    with_words = np.nonzero(np.diff(words_at))[0]
    dense = int((sizes >= DENSE_FROM).sum())
    n_codes = int(sizes[sizes < DENSE_FROM].sum())
    parts = L.B_HEADER, n * L.ST, 2 * n_codes + 256 * dense + len(words), n_codes + 256 * dense, len(with_words)
    block = np.zeros(sum(parts), np.int32)
    header, records, flat, codes, block_words = np.split(block, np.cumsum(parts)[:4])
    header[[L.B_STATES, L.B_FLAT, L.B_CODES, L.B_WORDS, L.B_TERMINAL]] = n, len(flat), len(codes), len(with_words), 1
    header[L.B_RULE : L.B_RULE + 8] = *rule, len(flat), -1, 0, len(flat)
    block_words[:] = with_words
    lay_terminal(
        rows, ranges, flags, words_at, words, DENSE_FROM, TABLED_FROM, FREE_FROM, records, flat, codes,
        np.empty(n, np.int32),
    )  # fmt: skip
    return Lowered(block)
