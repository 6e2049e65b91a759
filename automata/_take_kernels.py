"""What a frame allows: from its table, behind white space, along the edges in which it differs from what it shadows."""

# ruff: noqa: F405
from __future__ import annotations

from ._closure_kernels import closure
from ._config_kernels import intern_one
from ._guard_kernels import note_need
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import (
    edge_code,
    first_kid,
    items_aside,
    own_bytes,
    own_edge_code,
    payload_after,
    table_slot,
)
from ._slot_kernels import put_slot
from ._step_kernels import land, merge_results, step, step_items
from ._walk_kernels import clear_bit, has_bit, note_closer, set_bit, walk, walk_items
from .kernel import kernel


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, uint8[::1])")
def loop_on_spaces(G, A, off, n, bits, text):
    """The configuration behind each white space that may follow the n closure items at A[off:], if it is one.

    And if it stays the same at every further white space; else 0. FAILED if something is missing.
    """
    if A[bits] & 0x2600 != 0x2600 or A[bits + 1] & 1 == 0:
        return 0
    A[H_CLOSED] = 0
    c = step_items(G, A, off, n, 32, 0, text, 0)
    if c <= 0 or A[H_CLOSED]:
        return min(c, 0)
    for b in (9, 10, 13):
        after = step_items(G, A, off, n, b, 0, text, 0)
        if after != c:
            return min(after, 0)
    for b in (9, 10, 13, 32):
        after = step(G, A, c, b, 0, text, 0)
        if after != c:
            return min(after, 0)
    return 0 if A[H_CLOSED] else c


@kernel("void(int32[::1], int64)")
def note_base(A, i):
    """Note that a mask is near row i of R, unless it is near another one."""
    if A[H_BASE] == 0:
        A[H_BASE] = i + 1


@kernel("int64(int32[::1], int32[::1], int32[::1], int32[::1], int64, int64, int64, int32[::1], uint8[::1])")
def take_spaces(G, A, R, V, off, n, bits, row, text):
    """Add the tokens that begin with white space where that leads nowhere, and take these bytes out of A[bits:].

    All of them lead to one configuration; so what follows the white space of a token is walked in a trie of its own.
    Those that are nothing else are a row of R.
    """
    c = loop_on_spaces(G, A, off, n, bits, text)
    if c <= 0:
        return c
    if V[V_SPACES] == 0:
        note_need(A, NEED_SPACES, 0, 0, 0)
        return FAILED
    A[bits] &= ~0x2600
    A[bits + 1] &= ~1
    spaces = V[V_SPACES]
    words = len(row)
    white = V[spaces + V_WHITE]
    note_base(A, white)
    source = R[white * words : (white + 1) * words]
    for i in range(words):
        row[i] |= source[i]
    put_slot(G, A, 0, c, 0)
    return walk(G, A, V, spaces, 0, 0, 0, 1 << 30, row, text)


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
    for i in range(X[X[exits + 1] + 2], X[X[exits + 1] + 6]):
        count = X[tokens + 2 * i + 1]
        if lo <= count <= hi:
            set_bit(row, X[tokens + 2 * i])
            if closes and note_closer(A, X[tokens + 2 * i]) < 0:
                return FAILED
    if closure(G, A, after) < 0:
        return FAILED
    br = A[H_CFG] + after * CF
    off = A[H_CLO] + A[br + C_CLO] * CL
    return walk_items(G, A, X, exits, lo, hi, off, A[br + C_NCLO], A[H_CLO] + A[br + C_BYTES], row, text)


@kernel("void(int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, int64, int32[::1])")
def take_inner(A, X, R, rec, lo, hi, longest, words, row):
    """Add to `row` the inner tokens of the table at X[rec:], of counts up to `hi` beyond what its state needs anyway.

    Where they leave the loop, the count must be at least `lo`. `longest`: the highest count of any.
    """
    if hi < 0:  # in a loop that its pattern cannot leave within the bounds
        return
    inner = X[rec + T_INNER]
    crossing = X[rec + T_CROSSING]
    n_crossing = X[rec + T_NCROSSING] if lo > 0 else 0
    keep = A[H_SCR] + (A[H_CAPSCR] >> 4) * 14
    for i in range(n_crossing):
        A[keep + i] = has_bit(row, X[crossing + 2 * i])
    if X[rec + T_KIND] == LISTED:
        for i in range(X[rec + T_NINNER]):
            if X[inner + 2 * i + 1] <= hi:
                set_bit(row, X[inner + 2 * i])
    else:
        n_long = X[rec + T_NLONG] if X[rec + T_TOP] <= hi < longest else 0
        line = inner + min(hi, X[rec + T_TOP]) - (1 if n_long else 0)
        note_base(A, line)
        source = R[line * words : (line + 1) * words]
        for i in range(words):
            row[i] |= source[i]
        long = X[rec + T_LONG]
        for i in range(n_long):
            if X[long + 2 * i + 1] <= hi:
                set_bit(row, X[long + 2 * i])
    for i in range(n_crossing):
        if X[crossing + 2 * i + 1] < lo and A[keep + i] == 0:
            clear_bit(row, X[crossing + 2 * i])


@kernel("int64(int32[::1], int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, int32[::1], uint8[::1])")
def take_table(G, A, X, R, s, p, below, words, row, text):
    """Add to `row` what the table of state s allows for the frame (s, p) above `below`."""
    slot = table_slot(G, s, p)
    rec = X[1] + G[G[G_ST] + s * ST + slot] * TB
    r = G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT
    lo = 0
    hi = 1 << 30
    if G[r + R_KIND] == COUNTED:
        lo = max(0, G[r + R_MIN] - p)
        if G[r + R_MAX] >= 0:
            hi = G[r + R_MAX] - p
    take_inner(A, X, R, rec, lo, hi - items_aside(G, s, slot), A[H_LONGEST] + G[r + R_NEEDED], words, row)
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


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, int32[::1], uint8[::1])")
def take_overrides(G, A, V, s, p, below, bits, row, text):
    """Correct `row`, filled from the fallback of shadow state s, along the own edges of s and the states behind it.

    Where an own edge leads out of the shadow (a declared key ends, or is refused), the tokens through it are
    cleared and walked anew, unless their first byte is not in A[bits:]. Slots hold the shadow state of each depth.
    """
    nodes = V[1]
    tokens = V[2]
    kids = V[3]
    w = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15
    A[w + 1] = s
    stuck = False
    d = 0
    span = own_bytes(G, s)
    k = first_kid(V, kids, V[nodes + 3], V[nodes + 7], span & 255)
    last = first_kid(V, kids, k, V[nodes + 7], (span >> 8) + 1)
    while True:
        if k == last:
            if d == 0:
                break
            d -= 1
            w -= SLOT
            k = A[w + W_NEXT]
            last = A[w + W_LAST]
            continue
        kid = V[kids + k]
        k += 1
        b = kid & 255
        q = A[w + 1]
        code = own_edge_code(G, q, b)
        if code == 0:
            continue
        at = nodes + 4 * (kid >> 8)
        base = edge_code(G, G[G[G_ST] + q * ST + S_FALLBACK], b)
        if code > 0 and base > 0:
            target = G[G_ST] + (code & TARGET) * ST
            if G[target] & SHADOW and G[target + S_FALLBACK] == (base & TARGET):
                A[w + W_NEXT] = k
                A[w + W_LAST] = last
                d += 1
                w += SLOT
                A[w + 1] = code & TARGET
                k = V[at + 3]
                last = V[at + 7]
                if last - k > MANY:
                    span = own_bytes(G, A[w + 1])
                    k = first_kid(V, kids, k, last, span & 255)
                    last = first_kid(V, kids, k, last, (span >> 8) + 1)
                continue
        if base > 0:
            for i in range(V[at + 2], V[nodes + 4 * V[at + 1] + 2]):
                clear_bit(row, V[tokens + 2 * i])
        if code < 0 or (d == 0 and (A[bits + (b >> 5)] >> (b & 31)) & 1 == 0):
            continue
        after = payload_after(G, A, q, p, code)
        if after < 0:
            if after == -2:
                return FAILED
            continue
        A[H_CLOSED] = 0
        n = land(G, A, 0, code & TARGET, after, below, 0, 1, text, 0)
        c = merge_results(G, A, n) if n >= 0 else n
        if c < 0:
            return FAILED
        closed = A[H_CLOSED]
        for i in range(V[at + 2], V[at + 6]):
            set_bit(row, V[tokens + 2 * i])
            if closed and note_closer(A, V[tokens + 2 * i]) < 0:
                return FAILED
        put_slot(G, A, d + 1, c, closed)
        if walk(G, A, V, 0, kid >> 8, d + 1, 0, 1 << 30, row, text) < 0:
            if A[H_OVERFLOW]:
                return FAILED
            stuck = True
    return FAILED if stuck else OK
