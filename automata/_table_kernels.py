"""Terminal tables: for a state of a terminal, its inner tokens and the trie of exit suffixes.

A token stays inside the terminal (inner), or some proper part of it completes the terminal and a suffix is left over.
Tokens with the same suffix share their fate, whatever the terminal stands in; so the suffixes form a small trie, whose
nodes carry the tokens. In a counted terminal every token carries the number of items that it starts.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import edge_code, first_kid, own_bytes
from ._subtree_kernels import characters_taken, take_below
from .kernel import kernel


@kernel("int64(int32[::1], int64, int64, int64, int64, int64, int32[:, ::1], int64)")
def add_exits(V, first, last, n_inside, count, target, out, n):
    """Append the tokens [first, last) of the trie to the n exits in `out`; the new number, or -1 if they do not fit."""
    if n + last - first > len(out):
        return -1
    for i in range(first, last):
        out[n, 0] = V[V[2] + 2 * i]
        out[n, 1] = n_inside
        out[n, 2] = count
        out[n, 3] = target
        n += 1
    return n


@kernel("int64(int32[::1], int64)")
def items_needed(G, s):
    """How many items, but for one that has begun, a counted terminal needs from state s on; -1 if the count decides."""
    r = G[G_ST] + s * ST
    if G[r] & FEASIBLE == 0:
        return 0
    if G[r] & CEILING == 0:
        return -1
    counts = G[G_ED] + G[r + S_AUX]
    n = 0
    while n <= G[counts] and (G[counts + 1 + (n >> 5)] >> (n & 31)) & 1:
        n += 1
    return max(0, G[counts] + 1 - n - (1 if G[r] & INSIDE else 0))


@kernel()
def split_tokens(G, V, s, path, ways, out_inner, out_exits):
    """Split the vocabulary for terminal state s.

    `path`: (depth + 1, 7) scratch: state, count, the kids left, the bytes and the count at the last end, of a lexeme,
    and the characters begun. `ways`: (a power of two, WAY_COLUMNS) scratch. `out_inner` gets (token, count) pairs,
    `out_exits` rows (token, bytes inside, count, state entered by the end of a key, or 0). An inner token counts what
    is needed behind it, too; and an item that has begun before s counts. Returns n_inner << 32 | n_exits, with
    BEYOND_LOOP if an inner token takes an edge that asks for the minimum; or -1 if they do not fit or if what is needed
    depends on the count.

    A lexeme is as long as it can be: a token leaves it where it ended last before the byte by which it cannot go on.
    """
    nodes = V[1]
    tokens = V[2]
    kids = V[3]
    lexeme = G[G[G_ST] + s * ST] & LEXEME
    below_kinds = V[V_BELOW]
    for i in range(len(ways)):
        ways[i, WAY_STATE] = 0
    n_inner = 0
    n_exits = 0
    beyond = 0
    d = 0
    path[0, 0] = s
    path[0, 1] = 1 if G[G[G_ST] + s * ST] & INSIDE else 0
    path[0, 4] = 0
    path[0, 5] = 0
    path[0, 6] = 0
    k = V[nodes + 3]
    last = V[nodes + 7]
    entered = True
    while True:
        if entered and last - k > MANY and path[d, 4] == 0 and G[G[G_ST] + path[d, 0] * ST + S_FALLBACK] == 0:
            span = own_bytes(G, path[d, 0])
            k = first_kid(V, kids, k, last, span & 255)
            last = first_kid(V, kids, k, last, (span >> 8) + 1)
        entered = False
        if k == last:
            if d == 0:
                break
            d -= 1
            k = path[d, 2]
            last = path[d, 3]
            continue
        kid = V[kids + k]
        k += 1
        b = kid & 255
        r = G[G_ST] + path[d, 0] * ST
        code = G[G[G_ED] + G[r + S_EDGES] + b] if G[r] & DENSE else edge_code(G, path[d, 0], b)
        at = nodes + 4 * (kid >> 8)
        first = V[at + 2]
        target = code & TARGET
        flags = G[G[G_ST] + target * ST]
        added = (code >> FLAG_SHIFT) & ADD
        if code <= 0 and path[d, 4] == 0:
            continue
        if code <= 0 or added or flags & POP:
            below = V[nodes + 4 * V[at + 1] + 2]
            if code <= 0:
                n_exits = add_exits(V, first, below, path[d, 4], path[d, 5], 0, out_exits, n_exits)
            elif added:
                n_exits = add_exits(V, first, below, d + 1, 0, target, out_exits, n_exits)
            else:
                count = path[d, 1] + ((code >> FLAG_SHIFT) & LT != 0)
                n_exits = add_exits(V, first, below, d + 1, count, 0, out_exits, n_exits)
            if n_exits < 0:
                return -1
            continue
        if (code >> FLAG_SHIFT) & GE:
            beyond = BEYOND_LOOP
        count = path[d, 1] + ((code >> FLAG_SHIFT) & LT != 0)
        behind = V[at + 6]
        needed = items_needed(G, target) if behind > first else 0
        if needed < 0 or n_inner + behind - first > len(out_inner):
            return -1
        for i in range(first, behind):
            out_inner[n_inner, 0] = V[tokens + 2 * i]
            out_inner[n_inner, 1] = count + needed
            n_inner += 1
        if V[at + 3] == V[at + 7]:
            continue
        begun = path[d, 6] + (1 if b & 0xC0 != 0x80 else 0)
        if below_kinds > 0 and (lexeme or flags & FINAL == 0):
            most = characters_taken(G, V, target, kid >> 8, ways)
            if most != 0:
                n_inner = take_below(V, kid >> 8, begun, most, count, out_inner, n_inner)
                if n_inner < 0:
                    return -1
                continue
        if flags & FINAL and not lexeme:
            for j in range(V[at + 3], V[at + 7]):
                child = nodes + 4 * (V[kids + j] >> 8)
                behind = V[nodes + 4 * V[child + 1] + 2]
                n_exits = add_exits(V, V[child + 2], behind, d + 1, count, 0, out_exits, n_exits)
                if n_exits < 0:
                    return -1
        path[d, 2] = k
        path[d, 3] = last
        ends = lexeme and flags & FINAL
        path[d + 1, 4] = d + 1 if ends else path[d, 4]
        path[d + 1, 5] = count if ends else path[d, 5]
        d += 1
        path[d, 0] = target
        path[d, 1] = count
        path[d, 6] = begun
        k = V[at + 3]
        last = V[at + 7]
        entered = True
    return (n_inner << 32) | beyond | n_exits


@kernel("int64(int32[::1], int64)")
def leaves(G, code):
    """Whether an edge leaves a terminal: 1 by its end or the end of a key, 0 not, -1 if the terminal may also go on."""
    if (code >> FLAG_SHIFT) & ADD:
        return 1
    flags = G[G[G_ST] + (code & TARGET) * ST]
    if flags & (LEXEME | FEASIBLE):
        return -1
    if flags & POP:
        return 1
    return -1 if flags & FINAL or (code >> FLAG_SHIFT) & GE else 0


@kernel()
def going_bytes(G, s, out):
    """Write to the eight words of `out` by which bytes a terminal goes on from state s without an end; 0, or -1.

    -1 if it may end and go on by the same byte, so that no outline tells how it goes on.
    """
    if G[G[G_ST] + s * ST] & (LEXEME | FEASIBLE):
        return -1
    for i in range(8):
        out[i] = 0
    for b in range(256):
        code = edge_code(G, s, b)
        if code > 0:
            left = leaves(G, code)
            if left < 0:
                return -1
            if left == 0:
                out[b >> 5] |= -2147483648 if b & 31 == 31 else 1 << (b & 31)
    return 0


@kernel()
def outline_states(G, s, states, out):
    """Write to `out` rows of 256 edges how a terminal goes on from state s; the number of rows.

    An edge is 0 (none), 1 (it leaves) or 2 * row + 2, plus 1 if it starts a counted item; `states` is scratch of as
    many rows. -1 if there are too many, or the terminal may end and go on.
    """
    if G[G[G_ST] + s * ST] & (LEXEME | FEASIBLE):
        return -1
    states[0] = s
    n = 1
    i = 0
    while i < n:
        for b in range(256):
            code = edge_code(G, states[i], b)
            out[i, b] = 0
            if code <= 0:
                continue
            left = leaves(G, code)
            if left != 0:
                if left < 0:
                    return -1
                out[i, b] = 1
                continue
            target = code & TARGET
            j = 0
            while j < n and states[j] != target:
                j += 1
            if j == n:
                if n == len(states):
                    return -1
                states[n] = target
                n += 1
            out[i, b] = 2 * j + 2 + (1 if (code >> FLAG_SHIFT) & LT else 0)
        i += 1
    return n


@kernel("int64(int64[:, ::1], int64, int64[::1], int64, int64)")
def is_new_pair(pairs, n, slots, target, below):
    """Enter the pair (target, below) as the n-th, unless it is there; 1 or 0. `slots`: hash table, two to a pair."""
    mask = len(slots) - 1
    h = (target * 92821 + below * 389) & mask
    while slots[h] > 0:
        if pairs[slots[h] - 1, 0] == target and pairs[slots[h] - 1, 1] == below:
            return 0
        h = (h + 1) & mask
    if n < len(pairs):
        pairs[n, 0] = target
        pairs[n, 1] = below
        slots[h] = n + 1
    return 1


@kernel()
def goes_on_alike(G, s, counted, outline, pairs, slots):
    """Whether from state s the terminal goes on byte by byte as an outline does; it may leave where that leaves.

    Returns the number of `pairs`, (n, 2), of states and the rows of the outline that they go on alike, if so; 0 if not,
    -1 if there are too many pairs to tell. `counted`: whether items must start alike, too. `slots`: as scratch, of a
    power of two, at least twice as many as pairs.
    """
    if G[G[G_ST] + s * ST] & (LEXEME | FEASIBLE):
        return 0
    for i in range(len(slots)):
        slots[i] = 0
    n = is_new_pair(pairs, 0, slots, s, 0)
    i = 0
    while i < n:
        q = pairs[i, 0]
        row = pairs[i, 1]
        i += 1
        code_before = -2
        edge_before = -2
        for b in range(256):
            code = edge_code(G, q, b)
            edge = outline[row, b]
            if code == code_before and edge == edge_before:
                continue
            code_before = code
            edge_before = edge
            left = leaves(G, code) if code > 0 else 1
            if left < 0 or (left == 1) != (edge <= 1) or (edge == 0 and code > 0):
                return 0
            if left == 1:
                continue
            if counted and (edge & 1) != (1 if (code >> FLAG_SHIFT) & LT else 0):
                return 0
            n += is_new_pair(pairs, n, slots, code & TARGET, (edge >> 1) - 1)
            if n > len(pairs):
                return -1
    return n


@kernel()
def fill_rows(R, first, words, inner, n, variants):
    """Set the bits of the n inner tokens in rows of R.

    `inner` rows are (token, count). Row k < `variants` gets the tokens of count at most k, row `variants` all of them.
    """
    last = (first + variants) * words
    for i in range(n):
        t = inner[i, 0]
        k = t & 31
        bit = -2147483648 if k == 31 else 1 << k
        R[last + (t >> 5)] |= bit
        if inner[i, 1] < variants:
            R[(first + inner[i, 1]) * words + (t >> 5)] |= bit
    for k in range(1, variants):
        lower = R[(first + k - 1) * words : (first + k) * words]
        row = R[(first + k) * words : (first + k + 1) * words]
        for i in range(words):
            row[i] |= lower[i]
