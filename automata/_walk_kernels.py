"""Masks: which tokens may follow a configuration.

The frames of a configuration's closure are split. A frame of a tabled terminal state (inside a string, a number, free
text) takes its *inner* tokens, which stay inside the terminal, from its table as a whole, and for the tokens that leave
it walks only the trie of what lies behind the exit, against the configuration below. All other frames together walk the
vocabulary trie, where few bytes are allowed.

A walk keeps one slot for each depth: an interned configuration, or, inside a rule that only moves by byte edges, the
bare triple (state, payload, below), which costs a table look-up a byte.

Trie layout (V for the vocabulary, X for exit suffixes), at base: n_nodes, nodes, tokens, kids (absolute offsets); node
k holds (byte | depth << 8, next node outside its subtree, first token, first kid), nodes in depth-first order, one
sentinel behind the last; tokens are pairs (id, count), in the order of the nodes; kids are `node << 8 | byte`, by
parent and byte: they lie side by side, where the nodes of a large trie do not.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._config_kernels import intern_one
from ._guard_kernels import note_need
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import edge_code, own_edge_code, payload_after
from ._step_kernels import closure, land, merge_results, step, step_items
from .kernel import kernel

#: Nodes of a subtree from which on it pays to ask whether it can be taken as a whole.
LARGE = 16


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


@kernel("int64(int32[::1], int64, int32[::1], int64)")
def state_loops(G, s, T, kinds):
    """The kinds of bytes that all lead from state s, as it stands in a bare triple, back to it; found once."""
    r = G[G_ST] + s * ST
    if G[r + S_LOOPS] == 0:
        loops = 0 if G[r] & (KEYCHECK | FEASIBLE) else ANY_KIND
        for b in range(256):
            if loops & T[kinds + b] and edge_code(G, s, b) != s:
                loops &= ~T[kinds + b]
        G[r + S_LOOPS] = loops | LOOPS_KNOWN
    return G[r + S_LOOPS] & ANY_KIND


@kernel("int64(int32[::1], int32[::1], int64, int32[::1], int64, uint8[::1])")
def config_loops(G, A, c, T, kinds, text):
    """The kinds of bytes that all lead from configuration c back to it; found once. FAILED if something is missing."""
    rec = A[H_CFG] + c * CF
    if A[rec + C_LOOPS] == 0:
        loops = ANY_KIND
        A[H_CLOSED] = 0
        for b in range(256):
            if loops & T[kinds + b]:
                after = step(G, A, c, b, 0, text, 0)
                if after < 0:
                    return FAILED
                if after != c:
                    loops &= ~T[kinds + b]
        A[rec + C_LOOPS] = LOOPS_KNOWN if A[H_CLOSED] else loops | LOOPS_KNOWN
    return A[rec + C_LOOPS] & ANY_KIND


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, int64, int32[::1], uint8[::1])")
def walk(G, A, T, base, node, depth, lo, hi, row, text):
    """Set the bits of the tokens below a trie's node that slot `depth` allows and whose count is in [lo, hi]."""
    nodes = T[base + 1]
    tokens = T[base + 2]
    kids = T[base + 3]
    below = T[base + V_BELOW]
    guards = A[H_GUARDS]
    stuck = False
    d = depth
    w = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15 + SLOT * d
    k = T[nodes + 4 * node + 3]
    last = T[nodes + 4 * node + 7]
    bits = 0
    if A[w] == ITEMS:
        bits = A[w + W_BITS]
    elif A[w] == CONFIG:
        if closure(G, A, A[w + 1]) < 0:
            return FAILED
        bits = A[H_CLO] + A[A[H_CFG] + A[w + 1] * CF + C_BYTES]
    while True:
        if k == last:
            if d == depth:
                break
            d -= 1
            w -= SLOT
            k = A[w + W_NEXT]
            last = A[w + W_LAST]
            bits = A[w + W_BITS]
            continue
        kid = T[kids + k]
        k += 1
        b = kid & 255
        if bits > 0 and (A[bits + (b >> 5)] >> (b & 31)) & 1 == 0:
            continue
        alive = advance_slot(G, A, d + 1, b, 0, text, 0)
        if alive <= 0:
            if alive < 0:
                if A[H_OVERFLOW]:
                    return FAILED
                stuck = True
            continue
        at = nodes + 4 * (kid >> 8)
        for i in range(T[at + 2], T[at + 6]):
            count = T[tokens + 2 * i + 1]
            if count < lo or count > hi:
                continue
            t = T[tokens + 2 * i]
            set_bit(row, t)
            if guards and A[w + SLOT + W_CLOSED] and note_closer(A, t) < 0:
                return FAILED
        if T[at + 3] == T[at + 7]:
            continue
        node = kid >> 8
        if below > 0 and T[at + 1] - node > LARGE:
            if A[w + SLOT] == TRIPLE:
                loops = state_loops(G, A[w + SLOT + 1], T, T[base + V_KINDS])
            else:
                loops = config_loops(G, A, A[w + SLOT + 1], T, T[base + V_KINDS], text)
            if loops < 0:
                if A[H_OVERFLOW]:
                    return FAILED
                stuck = True
                continue
            if T[below + node] & ~loops == 0:
                for i in range(T[at + 6], T[nodes + 4 * T[at + 1] + 2]):
                    set_bit(row, T[tokens + 2 * i])
                    if guards and A[w + SLOT + W_CLOSED] and note_closer(A, T[tokens + 2 * i]) < 0:
                        return FAILED
                continue
        A[w + W_NEXT] = k
        A[w + W_LAST] = last
        A[w + W_BITS] = bits
        d += 1
        w += SLOT
        k = T[at + 3]
        last = T[at + 7]
        bits = 0
        if A[w] == CONFIG:
            if closure(G, A, A[w + 1]) < 0:
                if A[H_OVERFLOW]:
                    return FAILED
                stuck = True
                k = last
            else:
                bits = A[H_CLO] + A[A[H_CFG] + A[w + 1] * CF + C_BYTES]
    return FAILED if stuck else OK


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, int64, int64, int32[::1], uint8[::1])")
def walk_items(G, A, T, base, lo, hi, off, n, bits, row, text):
    """`walk` the whole trie for the n closure items at A[off:], whose bytes are noted at A[bits:]."""
    w = A[H_SCR] + (A[H_CAPSCR] >> 4) * 15
    A[w] = ITEMS
    A[w + 1] = off
    A[w + 2] = n
    A[w + W_CLOSED] = 0
    A[w + W_BITS] = bits
    return walk(G, A, T, base, 0, 0, lo, hi, row, text)


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


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int32[::1], uint8[::1])")
def take_spaces(G, A, V, off, n, bits, row, text):
    """Add the tokens that begin with white space where that leads nowhere, and take these bytes out of A[bits:].

    All of them lead to one configuration; so what follows the white space of a token is walked in a trie of its own.
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
    tokens = V[spaces + 2]
    for i in range(V[V[spaces + 1] + 6]):
        set_bit(row, V[tokens + 2 * i])
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
    k = V[nodes + 3]
    last = V[nodes + 7]
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
        c = intern_one(G, A, code & TARGET, after, below, 0)
        if c < 0:
            return FAILED
        for i in range(V[at + 2], V[at + 6]):
            set_bit(row, V[tokens + 2 * i])
        put_slot(G, A, d + 1, c, 0)
        if walk(G, A, V, 0, kid >> 8, d + 1, 0, 1 << 30, row, text) < 0:
            if A[H_OVERFLOW]:
                return FAILED
            stuck = True
    return FAILED if stuck else OK
