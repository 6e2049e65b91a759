"""Batches: remembered masks of many automata, copied in one call.

An automaton is known by the addresses of its arenas, as a kernel takes no list of arrays; whoever calls keeps the
arrays alive.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel, words_at

# Columns of a batch's rows: address and length of A and of M, configuration, row to fill
B_A, B_A_LEN, B_M, B_M_LEN, B_CONFIG, B_ROW = 0, 1, 2, 3, 4, 5
B_COLUMNS = 6


@kernel()
def fetch_masks(batch, rows, missed):
    """Copy the remembered masks to their rows; `missed` gets 1 where there is none yet, or guards are to be asked."""
    words = rows.shape[1]
    for i in range(len(batch)):
        A = words_at(batch[i, B_A], batch[i, B_A_LEN])
        M = words_at(batch[i, B_M], batch[i, B_M_LEN])
        c = batch[i, B_CONFIG]
        rec = A[H_CFG] + A[A[H_CFG] + c * CF + C_CANON] * CF
        index = A[rec + C_ROW]
        if index == 0 or A[rec + C_FLAGS] & CLOSES_FLAG:
            missed[i] = 1
            continue
        row = rows[batch[i, B_ROW]]
        at = (index - 1) * words
        for k in range(words):
            row[k] = M[at + k]
