"""Slots: where a walk stands at each depth.

A slot is an interned configuration, the items that a walk begins with, or, inside a rule that only moves by byte edges,
the bare triple (state, payload, below), which costs a table look-up a byte.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._config_kernels import intern_one
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import edge_code, payload_after
from ._step_kernels import land, merge_results, step, step_items
from .kernel import kernel


@kernel("void(int32[::1], int32[::1], int64, int64, int64)")
def put_slot(G, A, d, c, closed):
    """Write configuration c to slot d, as a bare triple if it is one frame that moves by byte edges only."""
    w = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15 + SLOT * d
    rec = A[H_CFG] + c * CF
    A[w + W_CLOSED] = closed
    if A[rec + C_NENT] == 1:
        e = A[H_ENT] + A[rec + C_ENT] * EN
        if A[e + 3] == 0 and G[G[G_ST] + A[e] * ST] & FAST:
            A[w] = TRIPLE
            A[w + 1] = A[e]
            A[w + 2] = A[e + 1]
            A[w + 3] = A[e + 2]
            return
    A[w] = CONFIG
    A[w + 1] = c


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, uint8[::1], int64)")
def advance_slot(G, A, d, b, pos, text, ask):
    """Move slot d - 1 by byte b into slot d: 1, 0 if nothing is left, FAILED if something is missing."""
    w = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15 + SLOT * (d - 1)
    closed = A[w + W_CLOSED]
    if A[w] != TRIPLE:
        A[H_CLOSED] = 0
        if A[w] == CONFIG:
            c = step(G, A, A[w + 1], b, pos, text, ask)
        else:
            c = step_items(G, A, A[w + 1], A[w + 2], b, pos, text, ask)
        if c <= 0:
            return c
        put_slot(G, A, d, c, closed | A[H_CLOSED])
        return 1
    s = A[w + 1]
    r = G[G_ST] + s * ST
    code = G[G[G_ED] + G[r + S_EDGES] + b] if G[r] & DENSE and G[r + S_FALLBACK] == 0 else edge_code(G, s, b)
    if code <= 0:
        return 0
    target = code & TARGET
    flags = G[G[G_ST] + target * ST]
    p = A[w + 2]
    if code > TARGET or flags & (KEYCHECK | FEASIBLE):
        p = payload_after(G, A, s, p, code)
        if p < 0:
            return 0 if p == -1 else FAILED
    below = A[w + 3]
    if flags & FAST:
        w += SLOT
        A[w] = TRIPLE
        A[w + 1] = target
        A[w + 2] = p
        A[w + 3] = below
        A[w + W_CLOSED] = closed
        return 1
    if flags & POP:
        A[H_CLOSED] = 0
        n = land(G, A, 0, target, p, below, 0, pos + 1, text, ask)
        if n < 0:
            return FAILED
        c = merge_results(G, A, n)
        closed |= A[H_CLOSED]
    else:
        c = intern_one(G, A, target, p, below, 0)
    if c <= 0:
        return c
    put_slot(G, A, d, c, closed)
    return 1
