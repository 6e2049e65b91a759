"""Batches: remembered masks of many automata, copied in one call.

An automaton is known by the addresses of its arenas, as a kernel takes no list of arrays; whoever calls keeps the
arrays alive.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel, word_at

# Columns of a batch's rows: addresses of A and of M, configuration, row to fill
B_A, B_M, B_CONFIG, B_ROW = 0, 1, 2, 3
B_COLUMNS = 4


@kernel()
def fetch_masks(batch, rows, missed):
    """Copy the remembered masks to their rows; `missed` gets 1 where there is none yet, or guards are to be asked."""
    words = rows.shape[1]
    for i in range(len(batch)):
        A = batch[i, B_A]
        M = batch[i, B_M]
        configs = word_at(A, H_CFG)
        rec = configs + word_at(A, configs + batch[i, B_CONFIG] * CF + C_CANON) * CF
        line = int(word_at(A, rec + C_ROW))
        if line == 0 or word_at(A, rec + C_FLAGS) & CLOSES_FLAG:
            missed[i] = 1
            continue
        row = rows[batch[i, B_ROW]]
        at = line * LINE
        n = word_at(M, at)
        if n < 0:
            for k in range(words):
                row[k] = word_at(M, at + LINE + k)
            continue
        for k in range(words):
            row[k] = 0
        for k in range(at + 1, at + 1 + 2 * n, 2):
            row[word_at(M, k)] = word_at(M, k + 1)
