"""Keys that show: what a single token can tell of the keys that an object has seen.

Where a key is read, tokens tell whether one is left that begins in a certain way, for as much of it as a token spells.
So of the keys seen no more matters than those that some token spells to their ends, and the sets of keys with a
beginning in common of which none is left. Both are found once for a state, by following its keys and the vocabulary's
trie together. States that differ in what does not show share one mask.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import first_kid, intern_set, own_edge_code
from .kernel import kernel

#: Bytes followed, and sets of keys found, beyond which all keys are taken to show.
MANY_BYTES, MANY_SETS = 4096, 24
#: Words of a slot of the walk: state, node of the trie, the next byte to try.
WAY = 3


@kernel("void(int32[::1], int64, int64)")
def add_bit(A, at, k):
    """Set bit k of the words at A[at:]."""
    A[at + (k >> 5)] |= -2147483648 if k & 31 == 31 else 1 << (k & 31)


@kernel("int64(int32[::1], int32[::1], int64, int64, int64)")
def note_keys(G, A, keys, words, shown):
    """Note that tokens tell whether one is left of the keys listed at G[keys:]; FAILED if that is too much.

    At A[shown:] stand the number of sets, the keys that show, and the sets, all as bits in so many words.
    """
    if G[keys] == 1:
        add_bit(A, shown + 1, G[keys + 1])
    if G[keys] <= 1:
        return OK
    n = A[shown]
    if n == MANY_SETS:
        return FAILED
    at = shown + 1 + (n + 1) * words
    for i in range(words):
        A[at + i] = 0
    for i in range(keys + 1, keys + 1 + G[keys]):
        add_bit(A, at, G[i])
    for k in range(1, n + 1):
        other = shown + 1 + k * words
        same = True
        for i in range(words):
            if A[other + i] != A[at + i]:
                same = False
        if same:
            return OK
    A[shown] = n + 1
    return OK


@kernel("int64(int32[::1], int64, int64)")
def next_byte(G, s, b):
    """The first byte from b on for which state s has an edge of its own; 256 if there is none."""
    rec = G[G_ST] + s * ST
    at = G[G_ED] + G[rec + S_EDGES]
    if G[rec] & DENSE:
        while b < 256 and G[at + b] <= 0:
            b += 1
        return b
    for i in range(at, at + 2 * G[rec + S_NEDGES], 2):
        if G[i + 1] > 0 and G[i] >> 8 >= b:
            return max(b, G[i] & 255)
    return 256


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64, int64, int64)")
def follow_keys(G, A, V, s, words, shown, way):
    """Note, see `note_keys`, what tokens tell of the keys that begin in state s; FAILED if that is too much."""
    nodes = V[1]
    kids = V[3]
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
        if (code >> FLAG_SHIFT) & ADD:
            if G[rec + S_AUX] >= 0:
                add_bit(A, shown + 1, G[rec + S_AUX])
            continue
        if G[rec] & KEYCHECK and V[node + 2] < V[node + 6]:
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
    """What S_SHOWN is to be in state s: where that stands among the interned sets, ALL_SHOW, or FAILED without room."""
    n = G[G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT + R_NKEYS]
    words = (n + 31) >> 5
    part = A[H_CAPSCR] >> 4
    shown = A[H_SCR]
    if 1 + words * (MANY_SETS + 2) > 4 * part or WAY * (A[H_LONGEST] + 2) > 4 * part:
        return ALL_SHOW
    for i in range(words + 1):
        A[shown + i] = 0
    if follow_keys(G, A, V, s, words, shown, shown + 4 * part) < 0:
        return ALL_SHOW
    all_show = True
    for k in range(n):
        if A[shown + 1 + (k >> 5)] >> (k & 31) & 1 == 0:
            all_show = False
    return ALL_SHOW if all_show else intern_set(A, shown, 1 + words * (A[shown] + 1))


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
def seen_alike(G, A, r, seen, shown):
    """Write what shows of the seen keys at A[seen:] behind them, given S_SHOWN; whether two keys are left at least."""
    n = G[r + R_NKEYS]
    words = (n + 31) >> 5
    left = 0
    for k in range(n):
        left += 1 - (A[seen + (k >> 5)] >> (k & 31) & 1)
    at = A[H_SET] + shown
    made = seen + words
    for i in range(words):
        A[made + i] = A[seen + i] & A[at + 1 + i]
    for k in range(1, A[at] + 1):
        if is_within(A, at + 1 + k * words, seen, words):
            for i in range(words):
                A[made + i] |= A[at + 1 + k * words + i]
    return 1 if left > 1 else 0


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int64)")
def shown_alike(G, A, V, s, p):
    """A payload that no token can tell from p where state s reads a key, or the space before one; -1 without room.

    Whether another key may come shows behind the one that is read, so a payload that leaves but one stays what it is.
    """
    rec = G[G_ST] + s * ST
    r = G[G_RT] + G[rec + S_RULE] * RT
    is_set = G[r + R_KIND] == KEYSET
    if G[r + R_BOUND] != APART or p == 0 or (is_set and (G[r + R_MIN] > 0 or G[r + R_MAX] >= 0)):
        return p
    if not is_set and G[r + R_KIND] != KEYS:
        return p
    if G[rec + S_SHOWN] == 0:
        found = find_shown(G, A, V, s)
        if found < 0:
            return FAILED
        G[rec + S_SHOWN] = found
    words = (G[r + R_NKEYS] + 31) >> 5
    if G[rec + S_SHOWN] == ALL_SHOW or 2 * words + 2 > A[H_CAPSCR] >> 4:
        return p
    seen = A[H_SCR] + (A[H_CAPSCR] >> 4) * 14
    for i in range(words):
        A[seen + i] = A[A[H_SET] + p + i] if is_set else p
    if seen_alike(G, A, r, seen, G[rec + S_SHOWN]) == 0 and G[r + R_OTHER] == 0:
        return p
    return intern_seen(G, A, r, seen + words) if is_set else A[seen + words]
