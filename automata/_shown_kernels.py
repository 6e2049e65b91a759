"""Keys that show: what a single token can tell of the keys that an object has seen.

Where a key is read, tokens tell whether one is left that begins in a certain way, for as much of it as a token spells.
So of the keys seen no more matters than those that some token spells to their ends, and the sets of keys with a
beginning in common of which none is left. Both are found once for a state, by following its keys and the vocabulary's
trie together. States that differ in what does not show share one mask.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import add_bit, first_kid, intern_set, other_available, own_edge_code
from .kernel import kernel

#: Bytes followed, and sets of keys found, beyond which all keys are taken to show.
MANY_BYTES, MANY_SETS = 4096, 24
#: Words of a slot of the walk: state, node of the trie, the next byte to try.
WAY = 3
#: What was found: how many sets; a bit each for whether a forbidden key shows, which matters where undeclared ones may
#: come, and whether loops of white space were passed over; behind them the keys that show, and the sets, as bits in so
#: many words each.
N_SETS, NOTES, SHOWN = 0, 1, 2
REFUSES, LOOPS = 1, 2


@kernel("int64(int32[::1], int32[::1], int64, int64, int64)")
def note_keys(G, A, keys, words, shown):
    """Note at A[shown:] that tokens tell whether one is left of the keys listed at G[keys:].

    One key shows, several are a set; FAILED if there are too many sets.
    """
    if G[keys] == 1:
        add_bit(A, shown + SHOWN, G[keys + 1])
    if G[keys] <= 1:
        return OK
    n = A[shown + N_SETS]
    if n == MANY_SETS:
        return FAILED
    at = shown + SHOWN + (n + 1) * words
    for i in range(words):
        A[at + i] = 0
    for i in range(keys + 1, keys + 1 + G[keys]):
        add_bit(A, at, G[i])
    for k in range(1, n + 1):
        other = shown + SHOWN + k * words
        same = True
        for i in range(words):
            if A[other + i] != A[at + i]:
                same = False
        if same:
            return OK
    A[shown + N_SETS] = n + 1
    return OK


@kernel("int64(int32[::1], int64, int64)")
def next_byte(G, s, b):
    """The first byte from b on for which state s has an edge of its own, or refuses; 256 if there is none."""
    rec = G[G_ST] + s * ST
    at = G[G_ED] + G[rec + S_EDGES]
    if G[rec] & DENSE:
        while b < 256 and G[at + b] == 0:
            b += 1
        return b
    for i in range(at, at + 2 * G[rec + S_NEDGES], 2):
        if G[i] >> 8 >= b:
            return max(b, G[i] & 255)
    return 256


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int64, int64)")
def spell_keys(G, A, V, base, s, words, shown, way):
    """Note at A[shown:] what the tokens of the trie at `base` tell of the keys read from state s; FAILED if too much.

    Where there is a trie of what follows white space, loops of white space are passed over, and LOOPS is noted: what
    tokens spell behind them is found there. A[way:] is scratch.
    """
    nodes = V[base + 1]
    kids = V[base + 3]
    A[way] = s
    A[way + 1] = 0
    A[way + 2] = 0
    d = 0
    for _ in range(MANY_BYTES):
        w = way + WAY * d
        b = next_byte(G, A[w], A[w + 2])
        if b == 256:
            if d == 0:
                return OK
            d -= 1
            continue
        A[w + 2] = b + 1
        node = nodes + 4 * A[w + 1]
        k = first_kid(V, kids, V[node + 3], V[node + 7], b)
        if k == V[node + 7] or V[kids + k] & 255 != b:
            continue
        code = own_edge_code(G, A[w], b)
        rec = G[G_ST] + (code & TARGET) * ST
        node = nodes + 4 * (V[kids + k] >> 8)
        if code <= 0:
            A[shown + NOTES] |= REFUSES
            continue
        if (code >> FLAG_SHIFT) & ADD:
            if G[rec + S_AUX] >= 0:
                add_bit(A, shown + SHOWN, G[rec + S_AUX])
            continue
        if G[rec] & KEYCHECK == 0:
            if code & TARGET == A[w] and V[V_SPACES]:
                A[shown + NOTES] |= LOOPS
                continue
        elif G[rec] & SHADOW == 0 and V[node + 2] < V[node + 6]:
            keys = G[G_ED] + G[rec + S_AUX]
            if note_keys(G, A, keys, words, shown) < 0:
                return FAILED
            if G[keys] == 1:  # tokens tell all there is of it
                continue
        d += 1
        A[w + WAY] = code & TARGET
        A[w + WAY + 1] = V[kids + k] >> 8
        A[w + WAY + 2] = 0
    return FAILED


@kernel("int64(int32[::1], int32[::1], int32[::1], int64)")
def find_shown(G, A, V, s):
    """What S_SHOWN is to be in state s; FAILED if there is no room among the interned sets."""
    n = G[G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT + R_NKEYS]
    words = (n + 31) >> 5
    part = A[H_CAPSCR] >> 4
    shown = A[H_SCR]
    way = shown + 4 * part
    if SHOWN + words * (MANY_SETS + 1) > 4 * part or WAY * (A[H_LONGEST] + 2) > 4 * part:
        return ALL_SHOW
    for i in range(SHOWN + words):
        A[shown + i] = 0
    if spell_keys(G, A, V, 0, s, words, shown, way) < 0:
        return ALL_SHOW
    # A key may begin in s, too: so behind any white space the same keys begin.
    if A[shown + NOTES] & LOOPS and spell_keys(G, A, V, V[V_SPACES], s, words, shown, way) < 0:
        return ALL_SHOW
    A[shown + NOTES] &= REFUSES
    n_shown = 0
    for k in range(n):
        n_shown += A[shown + SHOWN + (k >> 5)] >> (k & 31) & 1
    return ALL_SHOW if n_shown == n else intern_set(A, shown, SHOWN + words * (A[shown + N_SETS] + 1))


@kernel("int64(int32[::1], int64, int64, int64)")
def is_within(A, a, b, words):
    """Whether all bits at A[a:] are set at A[b:]."""
    for i in range(words):
        if A[a + i] & ~A[b + i]:
            return 0
    return 1


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def intern_seen(G, A, r, made):
    """The interned set of the seen keys at A[made:], where they are not counted; -1 without room."""
    words = (G[r + R_NKEYS] + 31) >> 5
    missing = 0
    for i in range(words):
        left = G[G[G_ED] + G[r + R_REQ] + i] & ~A[made + i]
        for b in range(32):
            missing += (left >> b) & 1
    A[made + words] = 0
    A[made + words + 1] = missing
    return intern_set(A, made, words + 2)


@kernel("int64(int32[::1], int32[::1], int64, int64, int64)")
def put_shown(G, A, r, seen, shown):
    """Write what shows of the seen keys at A[seen:] behind them, given S_SHOWN; how many are left, 2 for more."""
    n = G[r + R_NKEYS]
    words = (n + 31) >> 5
    left = 0
    for k in range(n):
        left += 1 - (A[seen + (k >> 5)] >> (k & 31) & 1)
    at = A[H_SET] + shown
    made = seen + words
    for i in range(words):
        A[made + i] = A[seen + i] & A[at + SHOWN + i]
    for k in range(1, A[at + N_SETS] + 1):
        if is_within(A, at + SHOWN + k * words, seen, words):
            for i in range(words):
                A[made + i] |= A[at + SHOWN + k * words + i]
    return min(left, 2)


@kernel("int64(int32[::1], int32[::1], int32[::1], int64)")
def what_shows(G, A, V, s):
    """S_SHOWN of state s, looked for now if need be; FAILED if there is no room among the interned sets."""
    rec = G[G_ST] + s * ST
    if G[rec + S_SHOWN] == 0:
        found = find_shown(G, A, V, s)
        if found == FAILED:
            return FAILED
        G[rec + S_SHOWN] = found
    return G[rec + S_SHOWN]


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64)")
def shown_alike(G, A, V, s, p):
    """A set of seen keys that no token can tell from p where state s reads a key, or the space before one; -1: no room.

    Where a token holds a key, a value and a comma, it shows whether another key is left behind that one: so if no
    undeclared key can come, a set that lacks but one key stays what it is.
    """
    r = G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT
    is_set = G[r + R_KIND] == KEYSET
    if G[r + R_BOUND] != APART or p == 0 or (is_set and (G[r + R_MIN] > 0 or G[r + R_MAX] >= 0)):
        return p
    if not is_set and G[r + R_KIND] != KEYS:
        return p
    shown = what_shows(G, A, V, s)
    if shown == FAILED:
        return FAILED
    words = (G[r + R_NKEYS] + 31) >> 5
    if shown == ALL_SHOW or 2 * words + 2 > A[H_CAPSCR] >> 4:
        return p
    seen = A[H_SCR] + (A[H_CAPSCR] >> 4) * 14
    for i in range(words):
        A[seen + i] = A[A[H_SET] + p + i] if is_set else p
    if put_shown(G, A, r, seen, shown) < 2 and G[r + R_OTHER] == 0:
        return p
    return intern_seen(G, A, r, seen + words) if is_set else A[seen + words]


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64)")
def is_like_undeclared(G, A, V, s, p):
    """Whether no token can tell state s from that of undeclared keys beside it; FAILED as `what_shows`."""
    rec = G[G_ST] + s * ST
    r = G[G_RT] + G[rec + S_RULE] * RT
    if G[rec] & SHADOW == 0 or G[r + R_BOUND] != APART or other_available(G, A, r, p) == 0:
        return 0
    shown = what_shows(G, A, V, s)
    if shown == FAILED:
        return FAILED
    if shown == ALL_SHOW:
        return 0
    at = A[H_SET] + shown
    for i in range(SHOWN + ((G[r + R_NKEYS] + 31) >> 5)):
        if A[at + i]:
            return 0
    return 1


@kernel("int64(int32[::1], int64, int64)")
def undeclared_payload(G, s, p):
    """A payload that does as well as p in a state of undeclared keys, where one may come."""
    r = G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT
    if G[r + R_MIN] > 0 or G[r + R_MAX] >= 0:
        return p
    return G[r + R_NKEYS] if G[r + R_KIND] == KEYSEQ else G[r + R_PAYLOAD]
