"""Tokens: moving a configuration by the bytes of a token, or by a special token, and whether the text may end."""

# ruff: noqa: F405
from __future__ import annotations

from ._canon_kernels import canon
from ._closure_kernels import closure
from ._config_kernels import intern_one
from ._guard_kernels import verdict
from ._keys_kernels import keyed_state, node_of, read_text
from ._layout_kernels import *  # noqa: F403
from ._slot_kernels import advance_slot, put_slot
from ._step_kernels import land, merge_results, settle
from .kernel import array_at, bytes_at, kernel, longs_at


@kernel("int64(int32[::1], int32[::1], int64, uint8[::1], int64, int64, int64, uint8[::1], int64)")
def run_bytes(G, A, c, data, start, end, pos, text, ask):
    """Move configuration c by data[start:end], which stands at `pos` of the text, into H_RESULT.

    Returns the number of bytes taken (all, if the result is not 0), or FAILED if something is missing.
    """
    A[H_RESULT] = 0
    put_slot(G, A, 0, c, 0)
    limit = A[H_LONGEST]
    slots = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15
    d = 0
    for i in range(start, end):
        if d >= limit:
            for k in range(W_NEXT):
                A[slots + k] = A[slots + SLOT * d + k]
            d = 0
        alive = advance_slot(G, A, d + 1, data[i], pos + i - start, text, ask)
        if alive <= 0:
            return FAILED if alive < 0 else i - start
        d += 1
    w = slots + SLOT * d
    A[H_CLOSED] = A[w + W_CLOSED]
    if A[w] == CONFIG:
        A[H_RESULT] = A[w + 1]
    else:
        c = intern_one(G, A, A[w + 1], A[w + 2], A[w + 3], 0)
        if c < 0:
            return FAILED
        A[H_RESULT] = c
    return end - start


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, uint8[::1], int64, int64)")
def run_keys(G, A, K, c, cursor, lex, text, data, start, end):
    """Read data[start:end] behind configuration c byte by byte, guards not asked, from this place among the keys.

    The reading begins with the first byte inside an object with undeclared keys, and ends behind it. READ, with the
    configuration in H_RESULT and the place in K_CURSOR, K_LEX and K_TEXT; TWICE if a key comes again where every
    reading is inside an object; FAILED if something is missing.
    """
    K[K_CURSOR] = cursor
    K[K_LEX] = lex
    K[K_TEXT] = text
    for i in range(start, end):
        if run_bytes(G, A, c, data, i, i + 1, 0, data, 0) < 0:
            return FAILED
        c = A[H_RESULT]
        flags = A[A[H_CFG] + c * CF + C_FLAGS]
        if flags & OPEN_FLAG == 0:
            K[K_CURSOR] = 0
            continue
        if K[K_CURSOR] == 0:
            K[K_CURSOR] = node_of(K, OBJECT, 0, 0, 0, 0)
            K[K_LEX] = EXPECTS
            K[K_TEXT] = 1
        strict = 1 if flags & DISTINCT_FLAG else 0
        read = FULL if K[K_CURSOR] < 0 else read_text(K, K[K_CURSOR], K[K_LEX], K[K_TEXT], data, i, i + 1, strict)
        if read == FULL:
            return FAILED
        if read == TWICE:
            return TWICE
        if read == LEFT:
            K[K_CURSOR] = 0
    return READ


@kernel()
def advance_keys(G, A, K, c, cursor, lex, text, data, start, end):
    """`run_keys`, with the lists of what is missing emptied first."""
    A[H_OVERFLOW] = 0
    A[H_NNEED] = 0
    return run_keys(G, A, K, c, cursor, lex, text, data, start, end)


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, uint8[::1], int64, int64)")
def follow_keys(G, A, K, c, cursor, lex, text, data, start, end):
    """The state behind data[start:end], read byte by byte (`run_keys`); 0 if a key comes again, or FAILED."""
    read = run_keys(G, A, K, c, cursor, lex, text, data, start, end)
    if read != READ:
        return FAILED if read == FAILED else 0
    return keyed_state(A, K, STATE, A[H_RESULT], A[H_RESULT])


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def after_special(G, A, c, token):
    """The state behind a token without bytes: ENDED or 0; FAILED if something is missing.

    NO_BYTES where special tokens lead on from the configuration, or the grammar has guards.
    """
    if A[H_GUARDS]:
        return NO_BYTES
    if closure(G, A, c) < 0:
        return FAILED
    rec = A[H_CFG] + c * CF
    ends = False
    for i in range(A[rec + C_NCLO]):
        s = A[A[H_CLO] + (A[rec + C_CLO] + i) * CL]
        if G[G[G_ST] + s * ST + S_NTOKENS]:
            return NO_BYTES
        if s == 1:
            ends = True
    if ends:
        for i in range(G[3]):
            if G[G[G_ED] + G[4] + i] == token:
                return ENDED
    return 0


@kernel()
def advance_token(at, state, token):
    """The state behind a token: of a configuration, or of a node of K that holds one; 0 if it is refused, or a failure.

    FAILED if something is missing, NO_BYTES if the token has none and may lead on, ASKS if guards have a say. Where an
    object with undeclared keys begins in a token, or two such keys may end, it is read byte by byte. `at`: the
    addresses of the arenas.
    """
    start = longs_at(at[W_START], at[W_START + 1])
    if token < 0 or token >= len(start) - 1 or state <= 0 or state == ENDED:
        return 0
    if WITH_TEXT <= state < KEYED:
        return ASKS
    A = array_at(at[W_A], at[W_A + 1])
    A[H_OVERFLOW] = 0
    A[H_NNEED] = 0
    first = start[token]
    end = start[token + 1]
    G = array_at(at[W_G], at[W_G + 1])
    K = array_at(at[W_K], at[W_K + 1])
    data = bytes_at(at[W_DATA], at[W_DATA + 1])
    c = state
    node = 0
    if state >= KEYED:
        node = K[K_NODES] + KN * (state - KEYED)
        if K[node] != STATE:
            return ASKS
        c = K[node + 1]
    if first == end:
        return after_special(G, A, c, token)
    taken = run_bytes(G, A, c, data, first, end, 0, data, 0)
    if taken < 0:
        return FAILED
    if taken < end - first:
        return 0
    after = A[H_RESULT]
    flags = A[A[H_CFG] + after * CF + C_FLAGS]
    if A[H_GUARDS] and (A[H_CLOSED] or flags & HELD_FLAGS):
        return ASKS
    canon(G, A, array_at(at[W_V], at[W_V + 1]), after)  # its mask is asked for next; without room, it is found there
    if A[H_KEYED] == 0:
        return after
    quotes = 0
    for i in range(first, end):
        if data[i] == QUOTE:
            quotes += 1
    if node == 0:
        if flags & OPEN_FLAG == 0 and quotes < TWO_KEYS:
            return after
        return follow_keys(G, A, K, c, 0, 0, 0, data, first, end)
    cursor = K[node + 2]
    lex = K[node + 3]
    text = K[node + 4]
    read = read_text(K, cursor, lex, text, data, first, end, 1)
    if read == FULL:
        return FAILED
    if read == READ:
        return keyed_state(A, K, STATE, after, after)
    if read == LEFT and flags & OPEN_FLAG == 0 and quotes < TWO_KEYS:
        return after
    return follow_keys(G, A, K, c, cursor, lex, text, data, first, end)


@kernel()
def advance_bytes(G, A, c, data, start, end, pos, text, ask):
    """`run_bytes`, with the lists of what is missing emptied first."""
    A[H_OVERFLOW] = 0
    A[H_NNEED] = 0
    return run_bytes(G, A, c, data, start, end, pos, text, ask)


@kernel()
def ask_closers(G, A, c, tokens, status, data, start, pos, text):
    """Run each token whose status is -1 with guards asked; write status 1 (allowed) or 0.

    H_AT is the first token to run, 0 at first. `text` has room for the longest token behind `pos`. FAILED if something
    is missing; a guard to be asked then finds its token's bytes in `text`.
    """
    A[H_OVERFLOW] = 0
    A[H_NNEED] = 0
    for i in range(A[H_AT], len(tokens)):
        A[H_AT] = i
        if status[i] >= 0:
            continue
        t = tokens[i]
        n = start[t + 1] - start[t]
        for k in range(n):
            text[pos + k] = data[start[t] + k]
        taken = run_bytes(G, A, c, text, pos, pos + n, pos, text, 1)
        if taken < 0:
            return FAILED
        status[i] = 1 if taken == n and A[H_RESULT] > 0 else 0
    return OK


@kernel()
def advance_special(G, A, c, token, pos, text, ask):
    """Move configuration c by a special token; the result goes to H_RESULT. FAILED if something is missing."""
    A[H_OVERFLOW] = 0
    A[H_NNEED] = 0
    A[H_RESULT] = 0
    if closure(G, A, c) < 0:
        return FAILED
    rec = A[H_CFG] + c * CF
    m = 0
    stuck = False
    for i in range(A[rec + C_NCLO]):
        e = A[H_CLO] + (A[rec + C_CLO] + i) * CL
        s = A[e]
        sr = G[G_ST] + s * ST
        for k in range(G[sr + S_NTOKENS]):
            at = G[G_ED] + G[sr + S_TOKENS] + 2 * k
            if G[at] != token:
                continue
            guards = A[e + 4]
            passes = 1
            while guards > 0:
                g = A[H_ENT] + A[A[H_CFG] + guards * CF + C_ENT] * EN
                v = verdict(A, G[G[G_RT] + G[G[G_ST] + A[g] * ST + S_RULE] * RT + R_GUARD], A[g + 1], pos, text, ask)
                if v < 0:
                    stuck = True
                elif v == 0:
                    passes = 0
                guards = A[g + 2]
            if passes == 0:
                continue
            below = A[e + 2]
            if A[H_GUARDS]:
                below = settle(G, A, below, pos)
                if below < 0:
                    return FAILED
            n = land(G, A, m, G[at + 1] & TARGET, A[e + 1], below, 0, pos, text, ask)
            if n < 0:
                stuck = True
            else:
                m = n
    if stuck:
        return FAILED
    c = merge_results(G, A, m)
    if c < 0:
        return FAILED
    A[H_RESULT] = c
    return OK


@kernel()
def accepts_end(G, A, c, pos, text, ask):
    """Whether the text may end in configuration c: 1, 0, or FAILED if something is missing."""
    A[H_OVERFLOW] = 0
    A[H_NNEED] = 0
    if closure(G, A, c) < 0:
        return FAILED
    rec = A[H_CFG] + c * CF
    stuck = False
    for i in range(A[rec + C_NCLO]):
        e = A[H_CLO] + (A[rec + C_CLO] + i) * CL
        if A[e] != 1:
            continue
        guards = A[e + 4]
        passes = 1
        while guards > 0:
            g = A[H_ENT] + A[A[H_CFG] + guards * CF + C_ENT] * EN
            v = verdict(A, G[G[G_RT] + G[G[G_ST] + A[g] * ST + S_RULE] * RT + R_GUARD], A[g + 1], pos, text, ask)
            if v <= 0:
                passes = 0
                if v < 0:
                    stuck = True
            guards = A[g + 2]
        if passes:
            return 1
    return FAILED if stuck else 0
