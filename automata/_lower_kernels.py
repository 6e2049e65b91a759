"""Lowering: what lays finished states into arrays and blocks into the grammar arena."""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


@kernel()
def place_block(G, B, callees, rule, first, edges, payload):
    """Copy a block into G as the states from `first` on of a rule, its flat part to position `edges`.

    `callees`: the rules that its calls name by place, from 1 on; empty where they name the rules themselves.
    """
    n_states, n_flat = B[B_STATES], B[B_FLAT]
    at = G[G_ST] + first * ST
    for i in range(n_states * ST):
        G[at + i] = B[B_HEADER + i]
    base = first - 1
    for i in range(at, at + n_states * ST, ST):
        G[i + S_EDGES] += edges
        G[i + S_CALLS] += edges
        G[i + S_TOKENS] += edges
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


@kernel("void(int32[::1], int64, int64, int64, int64, int64, int32[::1])")
def lay_copies(C, n_copies, n_keys, n_states, n_flat, code, out):
    """Lay copies of C behind so many states, words of the flat part, and codes (at out[code:])."""
    flat = B_HEADER + out[B_STATES] * ST
    call = flat + out[B_FLAT] + out[B_CODES] + out[B_WORDS]
    size = C[B_STATES] * ST
    copied_codes = B_HEADER + size + C[B_FLAT]
    copied_calls = copied_codes + C[B_CODES] + C[B_WORDS]
    for k in range(n_copies):
        at = B_HEADER + n_states * ST
        for i in range(size):
            out[at + i] = C[B_HEADER + i]
        for i in range(at, at + size, ST):
            out[i + S_EDGES] += n_flat
            out[i + S_CALLS] += n_flat
            out[i + S_TOKENS] += n_flat
        out[at + S_AUX] = k if k < n_keys else -1
        for i in range(C[B_FLAT]):
            out[flat + n_flat + i] = C[B_HEADER + size + i]
        for i in range(copied_codes, copied_codes + C[B_CODES]):
            out[code] = n_flat + C[i]
            if out[flat + n_flat + C[i]] > 0:
                out[flat + n_flat + C[i]] += n_states
            code += 1
        for i in range(copied_calls, copied_calls + C[B_CALLS]):
            out[call] = n_flat + C[i]
            out[flat + n_flat + C[i]] = k + 1
            out[flat + n_flat + C[i] + 1] -= n_states
            call += 1
        n_states += C[B_STATES]
        n_flat += C[B_FLAT]


@kernel(
    "void(int64[:, ::1], int32[:, ::1], int32[::1], int64[::1], int64[:, ::1], int64[::1],"
    " int64, boolean, int64, int64, int64, int64, int32[::1])"
)
def lay_chains(index, states, edges, links, chains, pure, flags, free, n_states, n_flat, code, word, out):
    """Lay chains behind so many states, words of the flat part, codes (at out[code:]) and states with words."""
    flat = B_HEADER + out[B_STATES] * ST
    no_keys = n_flat
    out[flat + no_keys] = 0
    n_flat += 1
    n_links = 0
    for i in range(len(chains)):
        chains[i, 3] = n_states + 1
        keys = no_keys
        if chains[i, 2] >= 0:
            keys = n_flat
            out[flat + n_flat] = 1
            out[flat + n_flat + 1] = chains[i, 2]
            n_flat += 2
        last = n_links + chains[i, 0]
        while n_links < last:
            link = links[n_links]
            n_links += 1
            here = n_states + 1
            behind = here + index[link, 1] if n_links < last else chains[i, 1]
            for k in range(index[link, 0], index[link, 0] + index[link, 1]):
                beside = states[k, 2]
                at = B_HEADER + n_states * ST
                for j in range(ST):
                    out[at + j] = 0
                out[at + S_FLAGS] = flags
                out[at + S_EDGES] = n_flat + states[k, 0]
                out[at + S_NEDGES] = states[k, 1]
                out[at + S_TABLE] = -1
                out[at + S_AUX] = keys
                if beside >= 0:
                    out[at + S_FLAGS] |= OTHER | SHADOW
                    out[at + S_FALLBACK] = pure[beside]
                    if free:
                        out[at + S_AUX] = no_keys
                out[word] = n_states
                word += 1
                n_states += 1
            for k in range(index[link, 2], index[link, 2] + index[link, 3], 2):
                out[flat + n_flat] = edges[k]
                out[flat + n_flat + 1] = behind if edges[k + 1] == NEXT else here + edges[k + 1]
                out[code] = n_flat + 1
                code += 1
                n_flat += 2


@kernel()
def lay_later(B, C, n_copies, n_keys, index, states, edges, links, chains, pure, flags, free, out):
    """Lay a block with copies of C and chains of links behind its states.

    Parameters
    ----------
    C : a block whose calls leave it. Copy k calls rule k + 1; S_AUX of its first state is k below `n_keys`, then -1.
    index : (n, 4): first state, number of states, first edge, number of words of edges of each link.
    states : (n, 3): where a state's edges begin in its link, how many there are, the DFA state beside it or -1.
    edges : bytes and codes in turn; a code is a state of the link, or NEXT.
    links : the links of all chains.
    chains : (n, 4): number of links, code behind the last, the key or -1; the last column gets the first state.
    pure : DFA state -> the state of an undeclared key.
    flags : of the chains' states.
    free : whether the states beside an undeclared key name no keys.
    out : the block; its header holds the numbers of what it gets.
    """
    n_states, n_flat = B[B_STATES], B[B_FLAT]
    flat = B_HEADER + out[B_STATES] * ST
    for i in range(n_states * ST):
        out[B_HEADER + i] = B[B_HEADER + i]
    source = B_HEADER + n_states * ST
    for i in range(n_flat):
        out[flat + i] = B[source + i]
    codes, source = flat + out[B_FLAT], source + n_flat
    for i in range(B[B_CODES]):
        out[codes + i] = B[source + i]
    words, source = codes + out[B_CODES], source + B[B_CODES]
    for i in range(B[B_WORDS]):
        out[words + i] = B[source + i]
    code = codes + B[B_CODES]
    lay_copies(C, n_copies, n_keys, n_states, n_flat, code, out)
    lay_chains(
        index, states, edges, links, chains, pure, flags, free, n_states + n_copies * C[B_STATES],
        n_flat + n_copies * C[B_FLAT], code + n_copies * C[B_CODES], words + B[B_WORDS], out,
    )  # fmt: skip
    for i in range(codes, words):
        at = flat + out[i]
        k = (out[at] & TARGET) - LATER
        if out[at] > 0 and k >= 0:
            out[at] += (n_states + 1 + k * C[B_STATES] if k < n_copies else chains[k - n_copies, 3]) - k - LATER
