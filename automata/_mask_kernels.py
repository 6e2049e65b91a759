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

from ._config_kernels import (
    closure,
    edge_code,
    intern_one,
    land,
    merge_results,
    note_need,
    other_available,
    own_edge_code,
    payload_after,
    settle,
    step,
    step_items,
    verdict,
)
from ._layout_kernels import *  # noqa: F403
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


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def table_state(G, A, s, p):
    """The state whose table serves the frame (s, p): s itself, or what it shadows; 0 if there is none."""
    flags = G[G[G_ST] + s * ST]
    if flags & SHADOW:
        base = G[G[G_ST] + s * ST + S_FALLBACK]
        rule = G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT
        return base if G[G[G_ST] + base * ST] & TABLED and other_available(G, A, rule, p) else 0
    return s if flags & TABLED else 0


@kernel("int64(int32[::1], int32[::1], int32[::1], int32[::1], int32[::1], int32[::1], int64, uint8[::1])")
def allowed_tokens(G, A, X, R, V, row, c, text):
    """Write the mask of configuration c, guards not asked, to `row`; closers go to their list. FAILED if stuck."""
    words = len(row)
    A[H_NCLOSERS] = 0
    if closure(G, A, c) < 0:
        return FAILED
    rec = A[H_CFG] + c * CF
    n = A[rec + C_NCLO]
    stuck = False
    for i in range(n):
        e = A[H_CLO] + (A[rec + C_CLO] + i) * CL
        s = table_state(G, A, A[e], A[e + 1])
        if s > 0 and A[e + 3] == 0 and A[e + 4] == 0 and G[G[G_ST] + s * ST + S_TABLE] == -1:
            note_need(A, NEED_TABLE, s, 0, 0)
            stuck = True
    if stuck:
        return FAILED
    for i in range(words):
        row[i] = 0
    rest = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15 + 5 * (A[H_LONGEST] + 3)
    room = ((A[H_CAPSCR] >> 4) - 5 * (A[H_LONGEST] + 3)) // CL
    m = 0
    ends = 0
    lexemes = 0
    for i in range(n):
        e = A[H_CLO] + (A[rec + C_CLO] + i) * CL
        if A[e] > 1 and G[G[G_ST] + A[e] * ST] & LEXEME:
            lexemes += 1
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
        if base > 0 and A[e + 3] == 0 and A[e + 4] == 0 and G[G[G_ST] + base * ST + S_TABLE] >= 0:  # noqa: SIM102
            if (G[sr] & LEXEME) == 0 or lexemes == 1:
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
                        status = take_overrides(G, A, V, s, p, below, other, text)
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
    if m > 0 and walk(G, A, V, 0, 0, 1 << 30, rest, m, row, text) < 0:
        return FAILED
    if ends > 0:
        for i in range(G[3]):
            t = G[G[G_ED] + G[4] + i]
            set_bit(row, t)
            if ends == 1 and note_closer(A, t) < 0:
                return FAILED
    return OK


@kernel()
def compute_mask(G, A, X, R, V, M, index, words, c, text):
    """Compute the mask of canonical configuration c into row `index` of the pool M and remember it there."""
    A[H_OVERFLOW] = 0
    A[H_NNEED] = 0
    row = M[index * words : (index + 1) * words]
    status = allowed_tokens(G, A, X, R, V, row, c, text)
    if status == OK:
        A[A[H_CFG] + c * CF + C_ROW] = index + 1
    return status


@kernel()
def fetch_mask(A, M, c, row):
    """Copy the remembered mask of configuration c to `row`: 1; 0 if it is not computed yet."""
    index = A[A[H_CFG] + A[A[H_CFG] + c * CF + C_CANON] * CF + C_ROW]
    if index == 0:
        return 0
    words = len(row)
    source = M[(index - 1) * words : index * words]
    for i in range(words):
        row[i] = source[i]
    return 1


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
            for k in range(5):
                A[slots + k] = A[slots + 5 * d + k]
            d = 0
        alive = advance_slot(G, A, d + 1, data[i], pos + i - start, text, ask)
        if alive <= 0:
            return FAILED if alive < 0 else i - start
        d += 1
    w = slots + 5 * d
    A[H_CLOSED] = A[w + 4]
    if A[w] == 0:
        A[H_RESULT] = A[w + 1]
    else:
        c = intern_one(G, A, A[w + 1], A[w + 2], A[w + 3], 0)
        if c < 0:
            return FAILED
        A[H_RESULT] = c
    return end - start


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
