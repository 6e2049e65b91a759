"""Rows filled: the mask of a state, or those of states of any mixture of automata, in one call.

A kernel takes no list of arrays; so the arenas of each automaton are given by their addresses and lengths, a row of
`where`, and whoever calls keeps the arrays alive (`arenas.py`).
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._mask_kernels import compute_mask, config_of, count_hit, fetch_state, what_to_ask
from .kernel import array_at, bytes_at, kernel


@kernel("int64(int64[::1], int64, int64, int64, int32[::1], uint8[::1])")
def fill(at, state, config, alone, row, text):
    """Fill the row of a state, whose configuration is given, or 0; see `fill_row`."""
    A = array_at(at[W_A], at[W_A + 1])
    K = array_at(at[W_K], at[W_K + 1])
    V = array_at(at[W_V], at[W_V + 1])
    R = array_at(at[W_R], at[W_R + 1])
    M = array_at(at[W_M], at[W_M + 1])
    config = config if config else config_of(K, state)
    found = fetch_state(A, K, V, R, M, state, config, row)
    if found or config == 0 or (A[H_GUARDS] and not alone):
        return found
    G = array_at(at[W_G], at[W_G + 1])
    X = array_at(at[W_X], at[W_X + 1])
    found = compute_mask(G, A, X, R, V, M, config, text, row)
    if found == KNOWN:
        count_hit(A)
        return what_to_ask(A, K, V, state, config, row)
    if found == KEPT:
        M[M_MISSES] += 1
        return what_to_ask(A, K, V, state, config, row) | (COMPUTED if A[H_GUARDS] else 0)
    return found


@kernel()
def fill_row(at, state, config, row):
    """Fill the row of a state with its mask, guards not asked; what is to be asked, FETCHED if that is nothing.

    `config`: its configuration, or 0 if that is to be found: 0 is returned if it has none that a kernel finds. Where
    there are guards, COMPUTED if the mask was not remembered: the tokens to ask them about are noted. POOL_FULL or
    UNSETTLED for a mask that is not kept; FAILED if something is missing. `at`: the addresses of the arenas.
    """
    return fill(at, state, config, 1, row, bytes_at(at[W_DATA], at[W_DATA + 1]))


@kernel()
def fill_rows(where, work, text, rows, done):
    """Fill rows[row] for each (automaton, state, row) of `work`; `done` gets what `fill_row` says.

    What guards are to be asked is noted with the last mask alone; so where there are guards, masks are but fetched.
    """
    for i in range(len(work)):
        done[i] = fill(where[work[i, 0]], work[i, 1], 0, 0, rows[work[i, 2]], text)
