"""Lowering: what places blocks in the grammar arena."""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


@kernel()
def place_block(G, B, callees, rule, first, edges, payload, family, bound, twin, tables):
    """Copy a block into G as the states from `first` on of a rule, its flat part to position `edges`.

    `callees`: the rules that its calls name by place, from 1 on; empty where they name the rules themselves. `family`:
    the number of the objects whose frames may be kin to its own, from 1 on; 0 if there are none. `bound`: whether no
    token leads from a key to behind the end of its object. `twin`: see R_TWIN. `tables`: see B_TABLES.
    """
    n_states, n_flat = B[B_STATES], B[B_FLAT]
    at = G[G_ST] + first * ST
    for i in range(n_states * ST):
        G[at + i] = B[B_HEADER + i]
    base = first - 1
    for i in range(at, at + n_states * ST, ST):
        G[i + S_EDGES] += edges
        if B[B_TERMINAL] == 0:
            G[i + S_CALLS] += edges
        elif B[B_TABLES] != tables:
            G[i + S_NEAR] = -1
        if G[i] & KIN and not family:
            G[i] &= ~KIN
        elif G[i] & KIN and not G[i] & KEYCHECK:
            G[i + S_KIN] += family * KIN_STATES
        elif G[i] & (KEYCHECK | SEALED):
            G[i + S_SHOWN] = 0
        else:
            G[i + S_TOKENS] += edges
        if B[B_TABLES] != tables:
            G[i + S_TABLE] = -1
        G[i + S_RULE] = rule
        if G[i + S_FALLBACK] > 0:
            G[i + S_FALLBACK] += base
    flat = G[G_ED] + edges
    source = B_HEADER + n_states * ST
    for i in range(n_flat):
        G[flat + i] = B[source + i]
    source += n_flat
    for i in range(source, source + B[B_CODES]):
        if G[flat + B[i]] > 0:
            G[flat + B[i]] += base
    source += B[B_CODES]
    for i in range(source, source + B[B_WORDS]):
        G[at + B[i] * ST + S_AUX] += edges
    source += B[B_WORDS]
    if len(callees) > 0:
        for i in range(source, source + B[B_CALLS]):
            G[flat + B[i]] = callees[G[flat + B[i]] - 1]
    at = G[G_RT] + rule * RT
    G[at + R_START] = first
    for i in range(R_KIND, R_CLASSES + 1):
        G[at + i] = B[B_RULE + i - R_KIND]
    G[at + R_REQ] += edges
    G[at + R_CLASSES] += edges
    G[at + R_PAYLOAD] = payload
    G[at + R_TERMINAL] = B[B_TERMINAL]
    G[at + R_PRIORITY] = B[B_PRIORITY]
    G[at + R_TWIN] = twin
    G[at + R_FAMILY] = family if B[B_BRACED] else 0
    G[at + R_BOUND] = (APART if family else BOUND) if bound else 0
