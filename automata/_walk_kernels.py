"""Masks: which tokens may follow a configuration.

The frames of a configuration's closure are split. A frame of a tabled terminal state (inside a string, a number, free
text) takes its *inner* tokens, which stay inside the terminal, from its table as a whole, and for the tokens that leave
it walks only the trie of what lies behind the exit, against the configuration below. All other frames together walk the
vocabulary trie, where few bytes are allowed.

A walk keeps one slot for each depth: an interned configuration, or, inside a rule that only moves by byte edges, the
bare triple (state, payload, below), which costs a table look-up a byte.

Trie layout (V for the vocabulary, X for exit suffixes), at base: n_nodes, nodes, tokens (absolute offsets); node k
holds (byte | depth << 8, next node outside its subtree, first token), nodes in depth-first order, one sentinel behind
the last; tokens are pairs (id, count), in the order of the nodes.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._config_kernels import intern_one
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import edge_code, own_edge_code, payload_after
from ._step_kernels import closure, land, merge_results, step, step_items
from .kernel import kernel


@kernel("void(int32[::1], int64)")
def set_bit(row, t):
    """Set bit t of a mask row."""
    k = t & 31
    row[t >> 5] |= -2147483648 if k == 31 else 1 << k


@kernel("void(int32[::1], int64)")
def clear_bit(row, t):
    """Clear bit t of a mask row."""
    k = t & 31
    row[t >> 5] &= 2147483647 if k == 31 else ~(1 << k)


@kernel("void(int32[::1], int32[::1], int64, int64, int64)")
def put_slot(G, A, d, c, closed):
    """Write configuration c to slot d, as a bare triple if it is one frame that moves by byte edges only."""
    w = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15 + 5 * d
    rec = A[H_CFG] + c * CF
    A[w + 4] = closed
    if A[rec + C_NENT] == 1:
        e = A[H_ENT] + A[rec + C_ENT] * EN
        if A[e + 3] == 0 and G[G[G_ST] + A[e] * ST] & FAST:
            A[w] = 1
            A[w + 1] = A[e]
            A[w + 2] = A[e + 1]
            A[w + 3] = A[e + 2]
            return
    A[w] = 0
    A[w + 1] = c


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, uint8[::1], int64)")
def advance_slot(G, A, d, b, pos, text, ask):
    """Move slot d - 1 by byte b into slot d: 1, 0 if nothing is left, FAILED if something is missing."""
    w = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15 + 5 * (d - 1)
    closed = A[w + 4]
    if A[w] == 0:
        A[H_CLOSED] = 0
        c = step(G, A, A[w + 1], b, pos, text, ask)
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
    if flags & FAST:
        A[w + 5] = 1
        A[w + 6] = target
        A[w + 7] = p
        A[w + 8] = A[w + 3]
        A[w + 9] = closed
        return 1
    if flags & POP:
        A[H_CLOSED] = 0
        n = land(G, A, 0, target, p, A[w + 3], 0, pos + 1, text, ask)
        if n < 0:
            return FAILED
        c = merge_results(G, A, n)
        closed |= A[H_CLOSED]
    else:
        c = intern_one(G, A, target, p, A[w + 3], 0)
    if c <= 0:
        return c
    put_slot(G, A, d, c, closed)
    return 1


@kernel("int64(int32[::1], int64)")
def note_closer(A, t):
    """Note that token t closes a guarded value."""
    n = A[H_NCLOSERS]
    if n >= A[H_CAPCLOSERS]:
        A[H_OVERFLOW] = O_CLOSERS
        return FAILED
    A[A[H_CLOSERS] + n] = t
    A[H_NCLOSERS] = n + 1
    return OK


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, int64, int32[::1], uint8[::1])")
def walk(G, A, T, base, lo, hi, off, n, row, text):
    """Set the bits of the trie's tokens that the n closure items at A[off:] allow and whose count is in [lo, hi]."""
    n_nodes = T[base]
    nodes = T[base + 1]
    tokens = T[base + 2]
    slots = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15
    guards = A[H_GUARDS]
    stuck = False
    k = 1
    while k < n_nodes:
        at = nodes + 3 * k
        d = T[at] >> 8
        b = T[at] & 255
        if d == 1:
            A[H_CLOSED] = 0
            c = step_items(G, A, off, n, b, 0, text, 0)
            alive = c
            if c > 0:
                put_slot(G, A, 1, c, A[H_CLOSED])
        else:
            alive = advance_slot(G, A, d, b, 0, text, 0)
        if alive <= 0:
            if alive < 0:
                if A[H_OVERFLOW]:
                    return FAILED
                stuck = True
            k = T[at + 1]
            continue
        first = T[at + 2]
        last = T[at + 5]
        for i in range(first, last):
            t = T[tokens + 2 * i]
            count = T[tokens + 2 * i + 1]
            if count < lo or count > hi:
                continue
            set_bit(row, t)
            if guards and A[slots + 5 * d + 4] and note_closer(A, t) < 0:
                return FAILED
        k += 1
    return FAILED if stuck else OK


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, int64, int32[::1], uint8[::1])")
def take_exits(G, A, X, exits, after, pops, lo, hi, row, text):
    """Add the tokens of an exit trie whose suffix may follow configuration `after` and whose count is in [lo, hi].

    `pops`: whether the exit ends the terminal's rule, and so may close a guarded value.
    """
    tokens = X[exits + 2]
    closes = False
    if pops and A[H_GUARDS]:
        br = A[H_CFG] + after * CF
        for i in range(A[br + C_NENT]):
            if G[G[G_ST] + A[A[H_ENT] + (A[br + C_ENT] + i) * EN] * ST] & GUARD:
                closes = True
    for i in range(X[X[exits + 1] + 2], X[X[exits + 1] + 5]):
        count = X[tokens + 2 * i + 1]
        if lo <= count <= hi:
            set_bit(row, X[tokens + 2 * i])
            if closes and note_closer(A, X[tokens + 2 * i]) < 0:
                return FAILED
    if closure(G, A, after) < 0:
        return FAILED
    br = A[H_CFG] + after * CF
    return walk(G, A, X, exits, lo, hi, A[H_CLO] + A[br + C_CLO] * CL, A[br + C_NCLO], row, text)


@kernel("int64(int32[::1], int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, int32[::1], uint8[::1])")
def take_table(G, A, X, R, s, p, below, words, row, text):
    """Add to `row` what the table of state s allows for the frame (s, p) above `below`."""
    rec = X[1] + G[G[G_ST] + s * ST + S_TABLE] * TB
    r = G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT
    lo = 0
    hi = 1 << 30
    if G[r + R_KIND] == COUNTED:
        lo = max(0, G[r + R_MIN] - p)
        if G[r + R_MAX] >= 0:
            hi = G[r + R_MAX] - p
    kind = X[rec + T_KIND]
    inner = X[rec + T_INNER]
    if kind == LISTED:
        for i in range(X[rec + T_NINNER]):
            if X[inner + 2 * i + 1] <= hi:
                set_bit(row, X[inner + 2 * i])
    else:
        if kind == ROWS and hi < VARIANTS:
            source = R[(inner + hi) * words : (inner + hi + 1) * words]
            for i in range(words):
                row[i] |= source[i]
        else:
            last = inner + VARIANTS if kind == ROWS else inner
            source = R[last * words : (last + 1) * words]
            keep = A[H_SCR] + (A[H_CAPSCR] >> 4) * 14
            long = X[rec + T_LONG]
            n_long = X[rec + T_NLONG] if hi < A[H_LONGEST] else 0
            for i in range(n_long):
                t = X[long + 2 * i]
                A[keep + i] = (row[t >> 5] >> (t & 31)) & 1
            for i in range(words):
                row[i] |= source[i]
            for i in range(n_long):
                if X[long + 2 * i + 1] > hi and A[keep + i] == 0:
                    clear_bit(row, X[long + 2 * i])
    groups = X[rec + T_EXITS]
    for g in range(X[groups] if groups else 0):
        label = X[groups + 1 + 2 * g]
        exits = X[groups + 2 + 2 * g]
        after = below
        if label >= 0:
            code = G[G[G_ED] + G[r + R_CLASSES] + label]
            q = payload_after(G, A, s, p, code)
            if q < 0:
                if q == -2:
                    return FAILED
                continue
            after = intern_one(G, A, code & TARGET, q, below, 0)
            if after < 0:
                return FAILED
        if take_exits(G, A, X, exits, after, label < 0, lo, hi, row, text) < 0:
            return FAILED
    return OK


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int32[::1], uint8[::1])")
def take_overrides(G, A, V, s, p, below, row, text):
    """Correct `row`, filled from the fallback of shadow state s, along the own edges of s and the states behind it.

    Where an own edge leads out of the shadow (a declared key ends, or is refused), the tokens through it are
    cleared and walked anew.
    """
    n_nodes = V[0]
    nodes = V[1]
    tokens = V[2]
    slots = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15
    guards = A[H_GUARDS]
    A[slots + 1] = s
    stuck = False
    k = 1
    while k < n_nodes:
        at = nodes + 3 * k
        d = V[at] >> 8
        b = V[at] & 255
        q = A[slots + 5 * (d - 1) + 1]
        code = own_edge_code(G, q, b)
        if code == 0:
            k = V[at + 1]
            continue
        base = edge_code(G, G[G[G_ST] + q * ST + S_FALLBACK], b)
        if code > 0 and base > 0:
            target = G[G_ST] + (code & TARGET) * ST
            if G[target] & SHADOW and G[target + S_FALLBACK] == (base & TARGET):
                A[slots + 5 * d + 1] = code & TARGET
                k += 1
                continue
        skip = V[at + 1]
        if base > 0:
            for i in range(V[at + 2], V[nodes + 3 * skip + 2]):
                clear_bit(row, V[tokens + 2 * i])
        if code < 0:
            k = skip
            continue
        after = payload_after(G, A, q, p, code)
        if after < 0:
            if after == -2:
                return FAILED
            k = skip
            continue
        c = intern_one(G, A, code & TARGET, after, below, 0)
        if c < 0:
            return FAILED
        put_slot(G, A, d, c, 0)
        j = k
        while j < skip:
            child = nodes + 3 * j
            depth = V[child] >> 8
            if j > k:
                alive = advance_slot(G, A, depth, V[child] & 255, 0, text, 0)
                if alive <= 0:
                    if alive < 0:
                        if A[H_OVERFLOW]:
                            return FAILED
                        stuck = True
                    j = V[child + 1]
                    continue
            for i in range(V[child + 2], V[child + 5]):
                set_bit(row, V[tokens + 2 * i])
                if guards and A[slots + 5 * depth + 4] and note_closer(A, V[tokens + 2 * i]) < 0:
                    return FAILED
            j += 1
        k = skip
    return FAILED if stuck else OK
