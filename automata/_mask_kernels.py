"""Masks: the frames of a closure, split between tables and one joint walk; and those that are remembered."""

# ruff: noqa: F405
from __future__ import annotations

from ._closure_kernels import closure, note_bytes
from ._guard_kernels import note_need
from ._keys_kernels import forbid_keys
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import items_aside, other_available, table_slot
from ._pool_kernels import keep_mask, take_mask
from ._take_kernels import take_overrides, take_spaces, take_table
from ._walk_kernels import note_closer, set_bit, walk_items
from .kernel import kernel


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def table_state(G, A, s, p):
    """The state whose table serves the frame (s, p): s itself, or what it shadows; 0 if there is none."""
    flags = G[G[G_ST] + s * ST]
    if flags & SHADOW:
        base = G[G[G_ST] + s * ST + S_FALLBACK]
        rule = G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT
        return base if G[G[G_ST] + base * ST] & TABLED and other_available(G, A, rule, p) else 0
    return s if flags & TABLED else 0


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64)")
def table_serves(G, A, X, s, p):
    """Whether state s has a table that holds with payload p.

    One that does not list all tokens that leave the loop does not hold below the minimum; one that does not list all
    of a high count does not hold so near the maximum that only some of these fit.
    """
    r = G[G_ST] + s * ST
    slot = table_slot(G, s, p)
    if G[r + slot] < 0:
        return 0
    rec = X[1] + G[r + slot] * TB
    rule = G[G_RT] + G[r + S_RULE] * RT
    if X[rec + T_NCROSSING] > MAX_CROSSING and p < G[rule + R_MIN]:
        return 0
    if X[rec + T_NLONG] <= MAX_LONG or G[rule + R_KIND] != COUNTED or G[rule + R_MAX] < 0:
        return 1
    left = G[rule + R_MAX] - p - items_aside(G, s, slot)
    return 1 if left < X[rec + T_TOP] or left >= A[H_LONGEST] + G[rule + R_NEEDED] else 0


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, int64)")
def has_rival(G, A, off, n, i, bits):
    """Whether of the n closure items at A[off:] another lexeme begins where the i-th does, by one of the same bytes.

    A[bits:] is scratch, of sixteen words. Those behind a monitor begin behind an end, and wait for the lexemes here.
    """
    e = off + i * CL
    if G[G[G_ST] + A[e] * ST] & LEXEME == 0:
        return 0
    noted = False
    for j in range(n):
        other = off + j * CL
        if A[other] <= 1 or A[other] == A[e] or A[other + 3] != 0 or G[G[G_ST] + A[other] * ST] & LEXEME == 0:
            continue
        if not noted:
            note_bytes(G, A, e, 1, bits)
            noted = True
        note_bytes(G, A, other, 1, bits + 8)
        for k in range(8):
            if A[bits + k] & A[bits + 8 + k]:
                return 1
    return 0


@kernel("int64(int32[::1], int32[::1], int64, int32[::1])")
def has_twins(A, V, c, row):
    """Whether tokens of a mask must be asked before it is kept, as they hold two keys; -1 if their list is missing.

    Where readings are inside an object with undeclared keys already, it is noted that they are asked each time instead.
    """
    if V[V_TWINS] == 0:
        note_need(A, NEED_TWINS, 0, 0, 0)
        return -1
    at = V[V_TWINS] + 1
    for i in range(at, at + V[at - 1]):
        if (row[V[i] >> 5] >> (V[i] & 31)) & 1:
            flags = A[H_CFG] + c * CF + C_FLAGS
            if A[flags] & OPEN_FLAG == 0:
                return 1
            A[flags] |= TWINS_FLAG
            return 0
    return 0


@kernel("int64(int32[::1], int32[::1], int32[::1], int32[::1], int32[::1], int32[::1], int64, uint8[::1], int32[::1])")
def compute_mask(G, A, X, R, V, M, c, text, row):
    """Compute the mask of configuration c, guards not asked, into `row`, and keep it in the pool M.

    Returns what it did (KNOWN, KEPT, POOL_FULL, UNSETTLED), or FAILED if something is missing. The tokens that close a
    guarded value go to the list of closers.
    """
    A[H_OVERFLOW] = 0
    A[H_NNEED] = 0
    if A[A[H_CFG] + c * CF + C_CANON] < 0:
        note_need(A, NEED_CANON, c, 0, 0)
        return FAILED
    c = A[A[H_CFG] + c * CF + C_CANON]
    line = A[A[H_CFG] + c * CF + C_ROW]
    words = A[H_CAPROW]
    if line > 0:
        take_mask(R, M, line, row)
        return KNOWN
    A[H_BASE] = 0
    A[H_NCLOSERS] = 0
    if closure(G, A, c) < 0:
        return FAILED
    rec = A[H_CFG] + c * CF
    n = A[rec + C_NCLO]
    stuck = False
    for i in range(n):
        e = A[H_CLO] + (A[rec + C_CLO] + i) * CL
        s = table_state(G, A, A[e], A[e + 1])
        slot = table_slot(G, s, A[e + 1])
        if s > 0 and A[e + 3] == 0 and A[e + 4] == 0 and G[G[G_ST] + s * ST + slot] == -1:
            note_need(A, NEED_TABLE, s, slot, 0)
            stuck = True
    if stuck:
        return FAILED
    for i in range(words):
        row[i] = 0
    bits = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15 + SLOT * (A[H_LONGEST] + 3)
    rest = bits + 16
    room = ((A[H_CAPSCR] >> 4) - SLOT * (A[H_LONGEST] + 3) - 16) // CL
    m = 0
    ends = 0
    for i in range(n):
        e = A[H_CLO] + (A[rec + C_CLO] + i) * CL
        s = A[e]
        if s == 1:
            ends = 2 if A[e + 4] == 0 or ends == 2 else 1
            continue
        sr = G[G_ST] + s * ST
        for k in range(G[sr + S_NTOKENS]):
            t = G[G[G_ED] + G[sr + S_TOKENS] + 2 * k]
            set_bit(row, t)
            if A[H_GUARDS] and note_closer(A, t) < 0:
                return FAILED
        base = table_state(G, A, s, A[e + 1])
        # Two questions: has the state a table, and does no other lexeme compete with it.
        if base > 0 and A[e + 3] == 0 and A[e + 4] == 0 and table_serves(G, A, X, base, A[e + 1]):  # noqa: SIM102
            if has_rival(G, A, A[H_CLO] + A[rec + C_CLO] * CL, n, i, bits) == 0:
                p = A[e + 1]
                below = A[e + 2]
                if base == s:
                    status = take_table(G, A, X, R, s, p, below, words, row, text)
                else:
                    other = A[A[H_ROW] : A[H_ROW] + words]
                    for k in range(words):
                        other[k] = 0
                    status = take_table(G, A, X, R, base, p, below, words, other, text)
                    if status == OK:
                        note_bytes(G, A, e, 1, bits)
                        status = take_spaces(G, A, R, V, e, 1, bits, row, text)
                    if status == OK:
                        status = take_overrides(G, A, V, s, p, below, bits, other, text)
                    for k in range(words):
                        row[k] |= other[k]
                if status < 0:
                    return FAILED
                continue
        if m >= room:
            A[H_OVERFLOW] = O_SCR
            return FAILED
        for k in range(CL):
            A[rest + CL * m + k] = A[e + k]
        m += 1
    if m > 0:
        note_bytes(G, A, rest, m, bits)
        if take_spaces(G, A, R, V, rest, m, bits, row, text) < 0:
            return FAILED
        if walk_items(G, A, V, 0, 0, 1 << 30, rest, m, bits, row, text) < 0:
            return FAILED
    if ends > 0:
        for i in range(G[3]):
            t = G[G[G_ED] + G[4] + i]
            set_bit(row, t)
            if ends == 1 and note_closer(A, t) < 0:
                return FAILED
    if A[H_NCLOSERS]:
        A[A[H_CFG] + c * CF + C_FLAGS] |= CLOSES_FLAG
    if A[H_KEYED]:
        unsettled = has_twins(A, V, c, row)
        if unsettled:
            return FAILED if unsettled < 0 else UNSETTLED
    return KEPT if keep_mask(A, R, M, c, row) == OK else POOL_FULL


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int32[::1])")
def what_to_ask(A, K, V, state, config, row):
    """What is to be asked about the row of a state, just filled with the mask of its configuration, and FETCHED.

    From the mask of a node of K the tokens are taken out that end a key seen before, with ASK_TOKENS if others may hold
    one.
    """
    flags = A[A[H_CFG] + A[A[H_CFG] + config * CF + C_CANON] * CF + C_FLAGS]
    found = FETCHED
    if flags & CLOSES_FLAG:
        found |= ASK_GUARDS
    if flags & TWINS_FLAG:
        found |= ASK_TWINS
    if state >= KEYED and forbid_keys(K, V, state - KEYED, row):
        found |= ASK_TOKENS
    return found


@kernel("int64(int32[::1], int64)")
def config_of(K, state):
    """The configuration of a state; 0 for the dead and the finished one, and those with a text."""
    if state >= KEYED:
        at = K[K_NODES] + KN * (state - KEYED)
        return K[at + 1] if K[at] == STATE else 0
    return state if 0 < state < WITH_TEXT and state != ENDED else 0


@kernel("void(int32[::1])")
def count_hit(A):
    """Count a mask that was remembered."""
    A[H_HITS] += 1
    if A[H_HITS] == 1 << 30:
        A[H_HITS] = 0
        A[H_MORE_HITS] += 1


@kernel("int64(int32[::1], int32[::1], int32[::1], int32[::1], int32[::1], int64, int64, int32[::1])")
def fetch_state(A, K, V, R, M, state, config, row):
    """Fill the row of a state whose mask is remembered: what is to be asked about it, 0 if there is none.

    `config`: its configuration, or 0 if that is to be found by `config_of`.
    """
    config = config if config else config_of(K, state)
    c = A[A[H_CFG] + config * CF + C_CANON]
    line = A[A[H_CFG] + c * CF + C_ROW] if c > 0 else 0
    if line == 0:
        return 0
    take_mask(R, M, line, row)
    count_hit(A)
    return what_to_ask(A, K, V, state, config, row)
