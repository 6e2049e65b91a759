"""Walks of tries: which tokens may follow a configuration.

The frames of a configuration's closure are split. A frame of a tabled terminal state (inside a string, a number, free
text) takes its *inner* tokens, which stay inside the terminal, from its table as a whole, and for the tokens that leave
it walks only the trie of what lies behind the exit, against the configuration below. All other frames together walk the
vocabulary trie, where few bytes are allowed.

A walk keeps one slot for each depth. Where all bytes below a node lead from a state back to itself, it takes the
node's whole subtree.

Trie layout (V for the vocabulary, X for exit suffixes), at base: n_nodes, nodes, tokens, kids (absolute offsets); node
k holds (byte | depth << 8, next node outside its subtree, first token, first kid), nodes in depth-first order, one
sentinel behind the last; tokens are pairs (id, count), in the order of the nodes; kids are `node << 8 | byte`, by
parent and byte: they lie side by side, where the nodes of a large trie do not.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._closure_kernels import closure
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import edge_code, first_kid, own_bytes
from ._slot_kernels import advance_slot
from ._step_kernels import step
from .kernel import kernel

#: Nodes of a subtree from which on it pays to ask whether it can be taken as a whole.
LARGE = 16


@kernel("void(int32[::1], int64)")
def set_bit(row, t):
    """Set bit t of a mask row."""
    k = t & 31
    row[t >> 5] |= -2147483648 if k == 31 else 1 << k


@kernel("int64(int32[::1], int64)")
def has_bit(row, t):
    """Bit t of a mask row."""
    return (row[t >> 5] >> (t & 31)) & 1


@kernel("void(int32[::1], int64)")
def clear_bit(row, t):
    """Clear bit t of a mask row."""
    k = t & 31
    row[t >> 5] &= 2147483647 if k == 31 else ~(1 << k)


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


@kernel("int64(int32[::1], int32[::1], int64)")
def known_loops(G, A, w):
    """The kinds of bytes that are known to leave the slot at A[w:] as it is."""
    if A[w] == TRIPLE:
        return G[G[G_ST] + A[w + 1] * ST + S_LOOPS] & ANY_KIND
    return A[A[H_CFG] + A[w + 1] * CF + C_LOOPS] & ANY_KIND if A[w] == CONFIG else 0


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def slot_bytes(G, A, w, bits):
    """The first and the last byte (in bits 8 to 15) that the slot at A[w:] takes, or more; 1 if it takes none.

    `bits`: where the bytes are noted that it takes, if they are; else 0.
    """
    if bits > 0:
        lo = 0
        while lo < 8 and A[bits + lo] == 0:
            lo += 1
        if lo == 8:
            return 1
        hi = 7
        while A[bits + hi] == 0:
            hi -= 1
        return 32 * lo | (32 * hi + 31) << 8
    if A[w] == TRIPLE and G[G[G_ST] + A[w + 1] * ST + S_FALLBACK] == 0:
        return own_bytes(G, A[w + 1])
    return ANY_BYTE


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, int64, int32[::1], uint8[::1])")
def walk(G, A, T, base, node, depth, lo, hi, row, text):
    """Set the bits of the tokens below a trie's node that slot `depth` allows and whose count is in [lo, hi]."""
    nodes = T[base + 1]
    tokens = T[base + 2]
    kids = T[base + 3]
    below = T[base + V_BELOW]
    kinds = T[base + V_KINDS]
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
    same = known_loops(G, A, w) if below > 0 else 0
    if last - k > MANY:
        span = slot_bytes(G, A, w, bits)
        k = first_kid(T, kids, k, last, span & 255)
        last = first_kid(T, kids, k, last, (span >> 8) + 1)
    while True:
        if k == last:
            if d == depth:
                break
            d -= 1
            w -= SLOT
            k = A[w + W_NEXT]
            last = A[w + W_LAST]
            bits = A[w + W_BITS]
            same = known_loops(G, A, w) if below > 0 else 0
            continue
        kid = T[kids + k]
        k += 1
        b = kid & 255
        if same and same & T[kinds + b]:
            for i in range(W_CLOSED + 1):
                A[w + SLOT + i] = A[w + i]
        elif bits > 0 and (A[bits + (b >> 5)] >> (b & 31)) & 1 == 0:
            continue
        else:
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
        if below > 0:
            loops = known_loops(G, A, w + SLOT)
            if loops > 0 or T[at + 1] - node <= LARGE:
                pass
            elif A[w + SLOT] == TRIPLE:
                loops = state_loops(G, A[w + SLOT + 1], T, kinds)
            elif A[w] == CONFIG and A[w + 1] == A[w + SLOT + 1]:
                loops = config_loops(G, A, A[w + 1], T, kinds, text)
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
        if last - k > MANY:
            span = slot_bytes(G, A, w, bits)
            k = first_kid(T, kids, k, last, span & 255)
            last = first_kid(T, kids, k, last, (span >> 8) + 1)
        same = known_loops(G, A, w) if below > 0 else 0
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
