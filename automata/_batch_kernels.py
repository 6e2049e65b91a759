"""Batches: the masks of states of any mixture of automata, in one call.

A kernel takes no list of arrays; so the arenas of each automaton are given by their addresses and lengths, a row of
`where`, and whoever calls keeps the arrays alive (`arenas.py`). A single mask that is not remembered is a batch of one.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._mask_kernels import compute_mask, config_of, count_hit, fetch_state, what_to_ask
from .kernel import array_at, kernel


@kernel()
def fill_rows(where, work, text, rows, done):
    """Fill rows[row] for each (automaton, state, configuration or 0, row) of `work`; `done` gets what is found.

    That is what `fetch_state` says, with COMPUTED for a mask that was not remembered, or POOL_FULL or UNSETTLED for one
    that is not kept (of the configuration, then); FAILED if something is missing. Guards are not asked. What they are
    to be asked is noted with the last mask alone; so where there are guards, masks are computed only of configurations.
    """
    for i in range(len(work)):
        at = where[work[i, 0]]
        A = array_at(at[W_A], at[W_A + 1])
        R = array_at(at[W_R], at[W_R + 1])
        K = array_at(at[W_K], at[W_K + 1])
        V = array_at(at[W_V], at[W_V + 1])
        M = array_at(at[W_M], at[W_M + 1])
        state = work[i, 1]
        config = work[i, 2] if work[i, 2] else config_of(K, state)
        row = rows[work[i, 3]]
        found = fetch_state(A, K, V, R, M, state, config, row)
        if found == 0 and config > 0 and (A[H_GUARDS] == 0 or work[i, 2] > 0):
            G = array_at(at[W_G], at[W_G + 1])
            X = array_at(at[W_X], at[W_X + 1])
            found = compute_mask(G, A, X, R, V, M, config, text, row)
            if found == KNOWN:
                count_hit(A)
                found = what_to_ask(A, K, V, state, config, row)
            elif found == KEPT:
                M[M_MISSES] += 1
                found = COMPUTED | what_to_ask(A, K, V, state, config, row)
        done[i] = found
