"""Edges and payloads: where a byte leads, and what a frame's payload says to it.

A payload is a count, a set of seen keys (as bits, or interned), or a position among the keys; see `members.py` and
`counted.py` for what the edge flags mean.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


@kernel("int64(int32[::1], int64, int64)")
def own_edge_code(G, s, b):
    """The code of state s's own edge on byte b, its fallback aside: 0 if there is none, -1 if it refuses the byte."""
    r = G[G_ST] + s * ST
    at = G[G_ED] + G[r + S_EDGES]
    if G[r] & DENSE:
        return G[at + b]
    for i in range(G[r + S_NEDGES]):
        w = G[at + 2 * i]
        if b < (w & 255):
            return 0
        if b <= (w >> 8):
            return G[at + 2 * i + 1]
    return 0


@kernel("int64(int32[::1], int64, int64)")
def edge_code(G, s, b):
    """The code of state s's edge on byte b; 0 if there is none."""
    while s > 0:
        code = own_edge_code(G, s, b)
        if code != 0:
            return max(code, 0)
        s = G[G[G_ST] + s * ST + S_FALLBACK]
    return 0


@kernel("int64(int32[::1], int64, int64[::1], int64)")
def code_from(G, s, edge, b):
    """`edge_code` of state s on byte b, where the bytes of earlier calls were lower: `edge[0]` is where to look."""
    r = G[G_ST] + s * ST
    if G[r] & DENSE:
        return max(G[G[G_ED] + G[r + S_EDGES] + b], 0)
    if G[r + S_FALLBACK]:
        return edge_code(G, s, b)
    at = edge[0]
    end = G[r + S_NEDGES]
    flat = G[G_ED] + G[r + S_EDGES]
    while at < end and G[flat + 2 * at] >> 8 < b:
        at += 1
    edge[0] = at
    return max(G[flat + 2 * at + 1], 0) if at < end and G[flat + 2 * at] & 255 <= b else 0


@kernel("int64(int32[::1], int64)")
def own_bytes(G, s):
    """The first and the last byte (bits 8 to 15) on which state s has edges of its own, or more; 1 if it has none."""
    r = G[G_ST] + s * ST
    if G[r] & DENSE:
        return ANY_BYTE
    n = G[r + S_NEDGES]
    at = G[G_ED] + G[r + S_EDGES]
    return (G[at] & 255) | (G[at + 2 * n - 2] >> 8) << 8 if n else 1


@kernel("int64(int32[::1], int64, int64, int64, int64)")
def first_kid(T, kids, k, last, b):
    """The first of the kids from k to `last` whose byte is b or more; `last` if there is none."""
    while k < last:
        middle = (k + last) >> 1
        if T[kids + middle] & 255 < b:
            k = middle + 1
        else:
            last = middle
    return k


@kernel("int64(int32[::1], int32[::1], int64, int64, int64)")
def key_available(G, A, r, p, k):
    """Whether the declared key k may come next, with payload p of the object rule whose record is at r."""
    kind = G[r + R_KIND]
    if kind == KEYS:
        return 1 - ((p >> k) & 1)
    top = G[r + R_MAX]
    req = G[G_ED] + G[r + R_REQ]
    n = G[r + R_NKEYS]
    if kind == KEYSET:
        at = A[H_SET] + p
        words = (n + 31) >> 5
        if (A[at + (k >> 5)] >> (k & 31)) & 1:
            return 0
        missing = A[at + words + 1] - ((G[req + (k >> 5)] >> (k & 31)) & 1)
        return 1 if top < 0 or A[at + words] + 1 + missing <= top else 0
    pos = p & 0xFFFF
    count = p >> 16
    if k < pos or k > G[req + pos]:
        return 0
    if top >= 0 and count + 1 + G[req + n + 1 + k + 1] > top:
        return 0
    if G[r + R_OTHER] == 0 and count + n - k < G[r + R_MIN]:
        return 0
    return 1


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def other_available(G, A, r, p):
    """Whether an undeclared key may come next."""
    if G[r + R_OTHER] == 0:
        return 0
    kind = G[r + R_KIND]
    top = G[r + R_MAX]
    if kind == KEYSET:
        at = A[H_SET] + p + ((G[r + R_NKEYS] + 31) >> 5)
        return 1 if top < 0 or A[at] + 1 + A[at + 1] <= top else 0
    if kind == KEYSEQ:
        req = G[G_ED] + G[r + R_REQ]
        if G[req + (p & 0xFFFF)] < G[r + R_NKEYS]:
            return 0
        return 1 if top < 0 or (p >> 16) + 1 <= top else 0
    return 1


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def member_available(G, A, r, p):
    """Whether any key may come next."""
    if other_available(G, A, r, p):
        return 1
    n = G[r + R_NKEYS]
    first = (p & 0xFFFF) if G[r + R_KIND] == KEYSEQ else 0
    for k in range(first, n):
        if key_available(G, A, r, p, k):
            return 1
    return 0


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def may_end(G, A, r, p):
    """Whether a rule with a payload may end: enough items, all required keys."""
    kind = G[r + R_KIND]
    if kind == COUNTED:
        return 1 if p >= G[r + R_MIN] else 0
    req = G[G_ED] + G[r + R_REQ]
    if kind == KEYS:
        return 1 if (p & G[req]) == G[req] else 0
    if kind == KEYSET:
        at = A[H_SET] + p + ((G[r + R_NKEYS] + 31) >> 5)
        return 1 if A[at + 1] == 0 and A[at] >= G[r + R_MIN] else 0
    if kind == KEYSEQ:
        return 1 if G[req + (p & 0xFFFF)] >= G[r + R_NKEYS] and (p >> 16) >= G[r + R_MIN] else 0
    return 1


@kernel("void(int32[::1], int64, int64)")
def add_bit(A, at, k):
    """Set bit k of the words at A[at:]."""
    A[at + (k >> 5)] |= -2147483648 if k & 31 == 31 else 1 << (k & 31)


@kernel("int64(int32[::1], int64, int64)")
def intern_set(A, off, n):
    """The handle of the n words at A[off:]; handles lie in the seen-set table. -1 if it is full."""
    used = A[H_NSET]
    at = A[H_SET]
    i = 1
    while i < used:
        size = A[at + i]
        if size == n:
            same = True
            for j in range(n):
                if A[at + i + 1 + j] != A[off + j]:
                    same = False
                    break
            if same:
                return i + 1
        i += size + 1
    if used + n + 1 >= A[H_CAPSET]:
        A[H_OVERFLOW] = O_SET
        return -1
    A[at + used] = n
    for j in range(n):
        A[at + used + 1 + j] = A[off + j]
    A[H_NSET] = used + n + 1
    return used + 1


@kernel("int64(int32[::1], int32[::1], int64, int64, int64)")
def add_key(G, A, r, p, k):
    """The payload after key k (-1: an undeclared one). -2 if a table is full."""
    kind = G[r + R_KIND]
    if kind == KEYS:
        return p | (1 << k) if k >= 0 else p
    n = G[r + R_NKEYS]
    counts = G[r + R_MIN] > 0 or G[r + R_MAX] >= 0
    cap = max(G[r + R_MIN], G[r + R_MAX])
    if kind == KEYSEQ:
        count = min((p >> 16) + 1, cap) if counts else 0
        return (k + 1 if k >= 0 else n) | (count << 16)
    words = (n + 31) >> 5
    scratch = A[H_SCR] + (A[H_CAPSCR] >> 4) * 14
    at = A[H_SET] + p
    for i in range(words + 2):
        A[scratch + i] = A[at + i]
    if k >= 0:
        add_bit(A, scratch, k)
        A[scratch + words + 1] -= (G[G[G_ED] + G[r + R_REQ] + (k >> 5)] >> (k & 31)) & 1
    if counts:
        A[scratch + words] = min(A[scratch + words] + 1, cap)
    found = intern_set(A, scratch, words + 2)
    return found if found >= 0 else -2


@kernel("int64(int32[::1], int32[::1], int64, int64, int64)")
def payload_after(G, A, s, p, code):
    """The payload after state s takes the edge `code`: -1 if a condition refuses it, -2 if a table is full."""
    flags = code >> FLAG_SHIFT
    target = G[G_ST] + (code & TARGET) * ST
    marks = G[target] & (KEYCHECK | FEASIBLE)
    if flags == 0 and marks == 0:
        return p
    r = G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT
    if G[r + R_KIND] == COUNTED:
        top = G[r + R_MAX]
        if flags & LT and top >= 0 and p >= top:
            return -1
        if flags & GE and p < G[r + R_MIN]:
            return -1
        if flags & INC:
            p = p + 1 if top >= 0 else min(p + 1, G[r + R_MIN])
        if marks & FEASIBLE:
            counts = G[G_ED] + G[target + S_AUX]
            if p < G[counts] or p > G[counts + 1]:
                return -1
            if G[counts + 2] and ((G[counts + 3 + (p >> 5)] >> (p & 31)) & 1) == 0:
                return -1
        return p
    if flags & LT and member_available(G, A, r, p) == 0:
        return -1
    if flags & GE and may_end(G, A, r, p) == 0:
        return -1
    if flags & ADD:
        k = G[target + S_AUX]
        if k >= 0:
            if key_available(G, A, r, p, k) == 0:
                return -1
        elif other_available(G, A, r, p) == 0:
            return -1
        return add_key(G, A, r, p, k)
    if marks & KEYCHECK:
        if G[target] & OTHER and other_available(G, A, r, p):
            return p
        keys = G[G_ED] + G[target + S_AUX]
        for i in range(G[keys]):
            if key_available(G, A, r, p, G[keys + 1 + i]):
                return p
        return -1
    return p


@kernel("int64(int32[::1], int64, int64)")
def table_slot(G, s, p):
    """The word of state s that names its table with payload p: S_TABLE, or S_NEAR where few items are left."""
    r = G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT
    if G[r + R_KIND] != COUNTED or G[r + R_NEEDED] == 0 or G[r + R_MAX] < 0:
        return S_TABLE
    return S_TABLE if G[r + R_MAX] - p > VARIANTS + G[r + R_NEEDED] else S_NEAR


@kernel("int64(int32[::1], int64, int64)")
def items_aside(G, s, slot):
    """How many items the counts of a table of state s leave aside, as they are needed in any case."""
    r = G[G_RT] + G[G[G_ST] + s * ST + S_RULE] * RT
    if slot == S_TABLE and G[r + R_KIND] == COUNTED and G[r + R_NEEDED] > 0:
        return 0
    return max(0, items_needed(G, s))


@kernel("int64(int32[::1], int64)")
def items_needed(G, s):
    """How many items, but for one that has begun, a counted terminal needs from state s on; -1 if the count decides."""
    r = G[G_ST] + s * ST
    if G[r] & FEASIBLE == 0:
        return 0
    if G[r] & CEILING == 0:
        return -1
    top = G[G[G_RT] + G[r + S_RULE] * RT + R_MAX]
    return max(0, top - G[G[G_ED] + G[r + S_AUX] + 1] - (1 if G[r] & INSIDE else 0))
