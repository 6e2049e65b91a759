"""Terminals laid by kernels: from rows of states to a block; see `_row_kernels.py`."""

from __future__ import annotations

import numpy as np

from . import _layout_kernels as L
from .block import FREE_FROM, TABLED_FROM
from .lowered import Ints, Lowered
from .ranges import DENSE_FROM


def lowered_rows(
    rows: Ints,
    ranges: Ints,
    flags: Ints,
    words: dict[int, list[int]] | None = None,
    rule: tuple[int, int, int, int] = (L.PLAIN, 0, -1, 0),
) -> Lowered:
    """The block of a terminal.

    Parameters
    ----------
    rows, ranges : (n, 2) and (m, 2), the edges of its states.
    flags : (n,) FINAL and what counts ask for.
    words : what lies behind S_AUX, by state, ascending.
    rule : R_KIND to R_NEEDED.
    """
    from ._row_kernels import lay_terminal

    n, sizes, words = len(rows), rows[:, 1], words or {}
    dense = int((sizes >= DENSE_FROM).sum())
    n_codes = int(sizes[sizes < DENSE_FROM].sum())
    held = [word for each in words.values() for word in each]
    parts = L.B_HEADER, n * L.ST, 2 * n_codes + 256 * dense + len(held), n_codes + 256 * dense, len(words)
    block = np.zeros(sum(parts), np.int32)
    header, records, flat, codes, with_words = np.split(block, np.cumsum(parts)[:4])
    header[[L.B_STATES, L.B_FLAT, L.B_CODES, L.B_WORDS, L.B_TERMINAL]] = n, len(flat), len(codes), len(words), 1
    header[L.B_RULE : L.B_RULE + 8] = *rule, len(flat), -1, 0, len(flat)
    with_words[:] = list(words)
    words_at = np.zeros(n + 1, np.int32)
    for state, each in words.items():
        words_at[state + 1] = len(each)
    words_at = np.cumsum(words_at, dtype=np.int32)
    lay_terminal(
        rows, ranges, flags, words_at, np.array(held, np.int32), DENSE_FROM, TABLED_FROM, FREE_FROM,
        records, flat, codes, np.empty(n, np.int32),
    )  # fmt: skip
    return Lowered(block)
