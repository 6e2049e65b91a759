"""Configurations: hash-consed sets of stacks, and how a byte moves them.

A frame is (state, payload); an entry is (state, payload, configuration below, monitor); a configuration is a sorted set
of entries, interned, so that equal configurations are equal integers. The closure of a configuration is the list of
frames that can take the next byte by an edge of their own: calls entered, returns made. A step moves each of them, pops
what can do nothing but return, merges equal tops by the union of what is below, and interns.

Laws
    1. Interning is idempotent: a kernel that returns FAILED (a full table, a rule not yet lowered, a guard not yet
       asked) may be called again.
    2. No kernel calls itself; recursion over stacks uses work lists in the scratch region.
    3. `canon` maps payloads that no single token can tell apart (a count far from its bound, where a guarded value
       began) to one representative; masks are remembered by it.
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
        bit = k & 31
        A[scratch + (k >> 5)] |= -2147483648 if bit == 31 else 1 << bit
        A[scratch + words + 1] -= (G[G[G_ED] + G[r + R_REQ] + (k >> 5)] >> bit) & 1
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
            bits = G[G_ED] + G[target + S_AUX]
            if p > G[bits] or ((G[bits + 1 + (p >> 5)] >> (p & 31)) & 1) == 0:
                return -1
        return p
    if flags & LT and member_available(G, A, r, p) == 0:
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
def hash_entries(A, off, n):
    """A hash of n entries at A[off:]."""
    h = 17
    for i in range(n * EN):
        h = ((h * 31 + A[off + i]) * 2654435) & 0x3FFFFFFFFFF
        h ^= h >> 19
    return h


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def intern_raw(G, A, off, n):
    """The configuration with the n sorted entries at A[off:], added if new with canon -1; FAILED if a table is full."""
    mask = A[H_HASHMASK]
    table = A[H_HASH]
    h = hash_entries(A, off, n) & mask
    while A[table + h] != 0:
        c = A[table + h]
        rec = A[H_CFG] + c * CF
        if A[rec + C_NENT] == n:
            at = A[H_ENT] + A[rec + C_ENT] * EN
            same = True
            for i in range(n * EN):
                if A[at + i] != A[off + i]:
                    same = False
                    break
            if same:
                return c
        h = (h + 1) & mask
    c = A[H_NCFG]
    if c >= A[H_CAPCFG]:
        A[H_OVERFLOW] = O_CFG
        return FAILED
    first = A[H_NENT]
    if first + n > A[H_CAPENT]:
        A[H_OVERFLOW] = O_ENT
        return FAILED
    at = A[H_ENT] + first * EN
    for i in range(n * EN):
        A[at + i] = A[off + i]
    A[H_NENT] = first + n
    A[H_NCFG] = c + 1
    rec = A[H_CFG] + c * CF
    A[rec + C_ENT] = first
    A[rec + C_NENT] = n
    A[rec + C_CANON] = -1
    A[rec + C_CLO] = -1
    A[rec + C_NCLO] = 0
    A[rec + C_ROW] = 0
    A[rec + C_FLAGS] = 0
    if A[H_GUARDS]:
        for i in range(n):
            e = at + i * EN
            below = A[A[H_CFG] + A[e + 2] * CF + C_FLAGS]
            if A[e + 1] == PENDING or below & PENDING_FLAG:
                A[rec + C_FLAGS] |= PENDING_FLAG
            if G[G[G_ST] + A[e] * ST] & GUARD or below & HOLDS_FLAG:
                A[rec + C_FLAGS] |= HOLDS_FLAG
    A[table + h] = c
    return c


@kernel("void(int32[::1], int64, int64)")
def sort_entries(A, off, n):
    """Sort n entries at A[off:] by content, in place (insertion sort: n is small)."""
    for i in range(1, n):
        s = A[off + i * EN]
        p = A[off + i * EN + 1]
        below = A[off + i * EN + 2]
        mon = A[off + i * EN + 3]
        j = i
        while j > 0:
            q = off + (j - 1) * EN
            if A[q] < s or (
                A[q] == s
                and (A[q + 1] < p or (A[q + 1] == p and (A[q + 2] < below or (A[q + 2] == below and A[q + 3] <= mon))))
            ):
                break
            A[q + EN] = A[q]
            A[q + EN + 1] = A[q + 1]
            A[q + EN + 2] = A[q + 2]
            A[q + EN + 3] = A[q + 3]
            j -= 1
        q = off + j * EN
        A[q] = s
        A[q + 1] = p
        A[q + 2] = below
        A[q + 3] = mon


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def clamp_payload(G, A, s, p):
    """A payload that no single token can tell from p."""
    rec = G[G_ST] + s * ST
    if G[rec] & GUARD:
        return 0 if p != PENDING else p
    r = G[G_RT] + G[rec + S_RULE] * RT
    if G[r + R_KIND] == COUNTED:
        low = G[r + R_MIN]
        top = G[r + R_MAX]
        if top >= 0 and p > low and top - p > A[H_LONGEST] and (G[rec] & FEASIBLE) == 0:
            return low
    return p


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def intern(G, A, off, n):
    """The configuration of the n entries at A[off:] (sorted in place), with its canon; FAILED if a table is full."""
    if n == 0:
        return 0
    sort_entries(A, off, n)
    c = intern_raw(G, A, off, n)
    if c < 0:
        return FAILED
    rec = A[H_CFG] + c * CF
    if A[rec + C_CANON] >= 0:
        return c
    tmp = A[H_SCR] + (A[H_CAPSCR] >> 4) * 13
    m = 0
    changed = False
    for i in range(n):
        e = off + i * EN
        s = A[e]
        p = clamp_payload(G, A, s, A[e + 1])
        below = A[A[H_CFG] + A[e + 2] * CF + C_CANON]
        if p != A[e + 1] or below != A[e + 2]:
            changed = True
        t = tmp + m * EN
        A[t] = s
        A[t + 1] = p
        A[t + 2] = below
        A[t + 3] = A[e + 3]
        m += 1
    if not changed:
        A[rec + C_CANON] = c
        return c
    sort_entries(A, tmp, m)
    k = 1
    for i in range(1, m):
        a = tmp + (k - 1) * EN
        b = tmp + i * EN
        if A[a] != A[b] or A[a + 1] != A[b + 1] or A[a + 2] != A[b + 2] or A[a + 3] != A[b + 3]:
            d = tmp + k * EN
            A[d] = A[b]
            A[d + 1] = A[b + 1]
            A[d + 2] = A[b + 2]
            A[d + 3] = A[b + 3]
            k += 1
    canon = intern_raw(G, A, tmp, k)
    if canon < 0:
        return FAILED
    other = A[H_CFG] + canon * CF
    if A[other + C_CANON] < 0:
        A[other + C_CANON] = canon
    A[rec + C_CANON] = A[other + C_CANON]
    return c


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, int64)")
def intern_one(G, A, s, p, below, mon):
    """The configuration with this one entry."""
    off = A[H_SCR] + (A[H_CAPSCR] >> 4) * 12
    A[off] = s
    A[off + 1] = p
    A[off + 2] = below
    A[off + 3] = mon
    return intern(G, A, off, 1)


@kernel("int64(int32[::1], int64, int64)")
def find_union(A, a, b):
    """The remembered union of a < b, or FAILED."""
    mask = A[H_UNIMASK]
    at = A[H_UNI]
    h = ((a * 92821 + b) * 31) & mask
    while A[at + 3 * h] != 0:
        if A[at + 3 * h] == a and A[at + 3 * h + 1] == b:
            return A[at + 3 * h + 2]
        h = (h + 1) & mask
    return FAILED


@kernel("int64(int32[::1], int64, int64, int64)")
def keep_union(A, a, b, c):
    """Remember the union of a < b; FAILED if the table is full."""
    mask = A[H_UNIMASK]
    if A[H_NUNI] * 4 > mask * 3:
        A[H_OVERFLOW] = O_UNI
        return FAILED
    at = A[H_UNI]
    h = ((a * 92821 + b) * 31) & mask
    while A[at + 3 * h] != 0:
        h = (h + 1) & mask
    A[at + 3 * h] = a
    A[at + 3 * h + 1] = b
    A[at + 3 * h + 2] = c
    A[H_NUNI] += 1
    return OK


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def union(G, A, a, b):
    """The union of two configurations, equal tops merged all the way down; FAILED if a table is full."""
    if a == b or b == 0:
        return a
    if a == 0:
        return b
    part = A[H_CAPSCR] >> 4
    stack = A[H_SCR] + part * 9
    tmp = A[H_SCR] + part * 11
    A[stack] = min(a, b)
    A[stack + 1] = max(a, b)
    n = 1
    while n > 0:
        x = A[stack + 2 * n - 2]
        y = A[stack + 2 * n - 1]
        if find_union(A, x, y) >= 0:
            n -= 1
            continue
        xr = A[H_CFG] + x * CF
        yr = A[H_CFG] + y * CF
        m = A[xr + C_NENT]
        if (m + A[yr + C_NENT]) * EN >= part or 2 * n + 4 >= 2 * part:
            A[H_OVERFLOW] = O_SCR
            return FAILED
        src = A[H_ENT] + A[xr + C_ENT] * EN
        for i in range(m * EN):
            A[tmp + i] = A[src + i]
        base = m
        src = A[H_ENT] + A[yr + C_ENT] * EN
        waiting = False
        for i in range(A[yr + C_NENT]):
            e = src + i * EN
            found = -1
            for j in range(base):
                t = tmp + j * EN
                if A[t] == A[e] and A[t + 1] == A[e + 1] and A[t + 3] == A[e + 3]:
                    found = j
                    break
            if found < 0:
                t = tmp + m * EN
                for j in range(EN):
                    A[t + j] = A[e + j]
                m += 1
                continue
            t = tmp + found * EN
            if A[t + 2] == A[e + 2]:
                continue
            lo = min(A[t + 2], A[e + 2])
            hi = max(A[t + 2], A[e + 2])
            below = hi if lo == 0 else find_union(A, lo, hi)
            if below < 0:
                A[stack + 2 * n] = lo
                A[stack + 2 * n + 1] = hi
                n += 1
                waiting = True
                break
            A[t + 2] = below
        if waiting:
            continue
        c = intern(G, A, tmp, m)
        if c < 0 or keep_union(A, x, y, c) < 0:
            return FAILED
        n -= 1
    return find_union(A, min(a, b), max(a, b))


@kernel("void(int32[::1], int64, int64, int64, int64)")
def note_need(A, kind, a, b, c):
    """Note what is missing, once."""
    n = A[H_NNEED]
    at = A[H_NEED]
    for i in range(n):
        e = at + 4 * i
        if A[e] == kind and A[e + 1] == a and A[e + 2] == b and A[e + 3] == c:
            return
    if n < MAX_NEEDS:
        e = at + 4 * n
        A[e] = kind
        A[e + 1] = a
        A[e + 2] = b
        A[e + 3] = c
        A[H_NNEED] = n + 1


@kernel("int64(int32[::1], int64, int64, int64, uint8[::1], int64)")
def verdict(A, guard, start, end, text, ask):
    """Whether the guard accepts text[start:end]: 1, 0, or FAILED if it must be asked first.

    Without `ask` every guard passes, and the closing is noted.
    """
    A[H_CLOSED] = 1
    if ask == 0:
        return 1
    h = guard * 1000003 + 12345
    g = 97
    for i in range(start, end):
        h = (h * 1099511 + text[i] + 1) & 0x3FFFFFFF
        g = (g * 69069 + text[i] + (h >> 9)) & 0x3FFFFFFF
    mask = A[H_VERMASK]
    at = A[H_VER]
    i = h & mask
    for _ in range(64):
        e = at + 4 * i
        if A[e] == 0:
            break
        if A[e] == guard + 1 and A[e + 1] == h and A[e + 2] == g:
            return A[e + 3]
        i = (i + 1) & mask
    note_need(A, NEED_GUARD, guard, start, end)
    return FAILED


@kernel()
def keep_verdict(A, guard, start, end, text, passes):
    """Remember what the guard said of text[start:end]."""
    h = guard * 1000003 + 12345
    g = 97
    for i in range(start, end):
        h = (h * 1099511 + text[i] + 1) & 0x3FFFFFFF
        g = (g * 69069 + text[i] + (h >> 9)) & 0x3FFFFFFF
    mask = A[H_VERMASK]
    at = A[H_VER]
    i = h & mask
    for _ in range(63):
        if A[at + 4 * i] == 0:
            break
        i = (i + 1) & mask
    e = at + 4 * i
    A[e] = guard + 1
    A[e + 1] = h
    A[e + 2] = g
    A[e + 3] = passes


@kernel("void(int32[::1], int32[::1], int64, int64, int64)")
def note_bytes(G, A, first, n, bits):
    """Write to the eight words at A[bits:] which bytes the n closure items from `first` have edges on."""
    for i in range(8):
        A[bits + i] = 0
    for i in range(n):
        s = A[A[H_CLO] + (first + i) * CL]
        while s > 1:
            r = G[G_ST] + s * ST
            at = G[G_ED] + G[r + S_EDGES]
            if G[r] & DENSE:
                for b in range(256):
                    if G[at + b] > 0:
                        A[bits + (b >> 5)] |= -2147483648 if b & 31 == 31 else 1 << (b & 31)
            else:
                for j in range(G[r + S_NEDGES]):
                    w = G[at + 2 * j]
                    for b in range(w & 255, (w >> 8) + 1):
                        A[bits + (b >> 5)] |= -2147483648 if b & 31 == 31 else 1 << (b & 31)
            s = G[r + S_FALLBACK]


@kernel("int64(int32[::1], int32[::1], int64)")
def closure(G, A, c):
    """Compute the closure items of configuration c once; FAILED if something is missing.

    An item is (state, payload, below, monitor, guards): a frame that takes the next byte or token by an edge of its
    own, or ACC. `guards` is a list of guards that close before that byte, linked as single-entry configurations
    (guard's state, start, next).
    """
    rec = A[H_CFG] + c * CF
    if A[rec + C_CLO] >= 0:
        return OK
    part = A[H_CAPSCR] >> 4
    work = A[H_SCR] + part * 4
    room = (part * 4) // 6 - 2
    src = A[H_ENT] + A[rec + C_ENT] * EN
    n = A[rec + C_NENT]
    if n >= room:
        A[H_OVERFLOW] = O_SCR
        return FAILED
    for i in range(n):
        w = work + 6 * i
        for j in range(EN):
            A[w + j] = A[src + EN * i + j]
        A[w + 4] = 0
        A[w + 5] = 0
    top = n
    failed = False
    guarded = False
    i = 0
    while i < n:
        w = work + 6 * i
        s = A[w]
        p = A[w + 1]
        below = A[w + 2]
        mon = A[w + 3]
        guards = A[w + 4]
        fresh = A[w + 5]
        i += 1
        if s == 1:
            continue
        sr = G[G_ST] + s * ST
        flags = G[sr]
        rr = G[G_RT] + G[sr + S_RULE] * RT
        for k in range(G[sr + S_NCALLS]):
            call = G[G_ED] + G[sr + S_CALLS] + 2 * k
            callee = G[call]
            code = G[call + 1]
            q = payload_after(G, A, s, p, code)
            if q == -2:
                return FAILED
            if q == -1:
                continue
            cr = G[G_RT] + callee * RT
            if G[cr + R_START] == 0:
                note_need(A, NEED_RULE, callee, 0, 0)
                failed = True
                continue
            target = code & TARGET
            marks = G[G[G_ST] + target * ST]
            deeper = below
            if (marks & (POP | GUARD)) != POP:
                if marks & GUARD:
                    q = PENDING
                deeper = intern_one(G, A, target, q, below, 0)
                if deeper < 0:
                    return FAILED
            known = False
            for j in range(n):
                e = work + 6 * j
                if (
                    A[e] == G[cr + R_START]
                    and A[e + 2] == deeper
                    and A[e + 3] == mon
                    and A[e + 4] == guards
                    and A[e + 5] == 1
                ):
                    known = True
                    break
            if known:
                continue
            if n >= room:
                A[H_OVERFLOW] = O_SCR
                return FAILED
            e = work + 6 * n
            A[e] = G[cr + R_START]
            A[e + 1] = G[cr + R_PAYLOAD]
            A[e + 2] = deeper
            A[e + 3] = mon
            A[e + 4] = guards
            A[e + 5] = 1
            n += 1
        if fresh or (flags & FINAL) == 0 or (flags & COND and may_end(G, A, rr, p) == 0):
            continue
        if flags & GUARD:
            guarded = True
            guards = intern_one(G, A, s, p, guards, -7)
            if guards < 0:
                return FAILED
        if flags & LEXEME:
            tmp = A[H_SCR] + part * 11
            rivals = 0
            beaten = False
            for j in range(top):
                e = work + 6 * j
                if A[e] <= 1 or A[e + 3] != mon:
                    continue
                other = G[G_ST] + A[e] * ST
                if (G[other] & LEXEME) == 0:
                    continue
                if G[other] & FINAL and (G[G[G_RT] + G[other + S_RULE] * RT + R_PRIORITY] > G[rr + R_PRIORITY]):
                    beaten = True
                if G[other + S_NEDGES] > 0:
                    seen = False
                    for k in range(rivals):
                        if A[tmp + EN * k] == A[e]:
                            seen = True
                    if not seen and (rivals + 1) * EN < part:
                        A[tmp + EN * rivals] = A[e]
                        A[tmp + EN * rivals + 1] = 0
                        A[tmp + EN * rivals + 2] = 0
                        A[tmp + EN * rivals + 3] = 0
                        rivals += 1
            if beaten:
                continue
            extra = intern(G, A, tmp, rivals)
            if extra < 0:
                return FAILED
            mon = union(G, A, mon, extra)
            if mon < 0:
                return FAILED
        br = A[H_CFG] + below * CF
        src = A[H_ENT] + A[br + C_ENT] * EN
        for k in range(A[br + C_NENT]):
            known = False
            for j in range(n):
                e = work + 6 * j
                if (
                    A[e] == A[src + EN * k]
                    and A[e + 1] == A[src + EN * k + 1]
                    and A[e + 2] == A[src + EN * k + 2]
                    and A[e + 3] == mon
                    and A[e + 4] == guards
                    and A[e + 5] == 0
                ):
                    known = True
                    break
            if known:
                continue
            if n >= room:
                A[H_OVERFLOW] = O_SCR
                return FAILED
            e = work + 6 * n
            A[e] = A[src + EN * k]
            A[e + 1] = A[src + EN * k + 1]
            A[e + 2] = A[src + EN * k + 2]
            A[e + 3] = mon
            A[e + 4] = guards
            A[e + 5] = 0
            n += 1
    if failed:
        return FAILED
    first = A[H_NCLO]
    if first + n + 2 > A[H_CAPCLO]:
        A[H_OVERFLOW] = O_CLO
        return FAILED
    m = 0
    for i in range(n):
        w = work + 6 * i
        s = A[w]
        sr = G[G_ST] + s * ST
        if s == 1 or G[sr + S_NEDGES] > 0 or G[sr + S_NTOKENS] > 0 or G[sr + S_FALLBACK] > 0:
            d = A[H_CLO] + (first + m) * CL
            A[d] = s
            A[d + 1] = A[w + 1]
            A[d + 2] = A[w + 2]
            A[d + 3] = A[w + 3]
            A[d + 4] = A[w + 4]
            m += 1
    rec = A[H_CFG] + c * CF
    bits = A[H_CLO] + (first + m) * CL
    note_bytes(G, A, first, m, bits)
    A[rec + C_BYTES] = bits - A[H_CLO]
    A[H_NCLO] = first + m + 2
    A[rec + C_CLO] = first
    A[rec + C_NCLO] = m
    if guarded:
        A[rec + C_FLAGS] |= GUARDED_FLAG
    return OK


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def step_monitor(G, A, mon, b):
    """The monitored lexemes after byte b; FAILED if one completes, or a table is full (then H_OVERFLOW is set)."""
    rec = A[H_CFG] + mon * CF
    src = A[H_ENT] + A[rec + C_ENT] * EN
    tmp = A[H_SCR] + (A[H_CAPSCR] >> 4) * 11
    m = 0
    for i in range(A[rec + C_NENT]):
        code = edge_code(G, A[src + EN * i], b)
        if code == 0:
            continue
        target = code & TARGET
        if G[G[G_ST] + target * ST] & FINAL:
            return FAILED
        seen = False
        for k in range(m):
            if A[tmp + EN * k] == target:
                seen = True
        if not seen:
            A[tmp + EN * m] = target
            A[tmp + EN * m + 1] = 0
            A[tmp + EN * m + 2] = 0
            A[tmp + EN * m + 3] = 0
            m += 1
    return intern(G, A, tmp, m)


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def settle(G, A, below, pos):
    """The configuration with every pending guard frame set to begin at `pos`."""
    chain = A[H_SCR] + (A[H_CAPSCR] >> 4) * 14
    n = 0
    c = below
    while A[A[H_CFG] + c * CF + C_FLAGS] & PENDING_FLAG:
        A[chain + n] = c
        n += 1
        c = A[A[H_ENT] + A[A[H_CFG] + c * CF + C_ENT] * EN + 2]
    for i in range(n - 1, -1, -1):
        e = A[H_ENT] + A[A[H_CFG] + A[chain + i] * CF + C_ENT] * EN
        p = A[e + 1]
        c = intern_one(G, A, A[e], pos if p == PENDING else p, c, A[e + 3])
        if c < 0:
            return FAILED
    return c


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, int64, int64, int64, uint8[::1], int64)")
def land(G, A, n, s, p, below, mon, pos, text, ask):
    """Add the frame, reached by the byte before `pos`, to the n results; pop what can only return. FAILED if stuck."""
    part = A[H_CAPSCR] >> 4
    out = A[H_SCR]
    stack = A[H_SCR] + part * 8
    A[stack] = s
    A[stack + 1] = p
    A[stack + 2] = below
    m = 1
    stuck = False
    while m > 0:
        m -= 1
        t = stack + 3 * m
        s = A[t]
        p = A[t + 1]
        below = A[t + 2]
        sr = G[G_ST] + s * ST
        if (G[sr] & POP) == 0:
            if (n + 1) * EN >= part * 4:
                A[H_OVERFLOW] = O_SCR
                return FAILED
            e = out + EN * n
            A[e] = s
            A[e + 1] = p
            A[e + 2] = below
            A[e + 3] = mon
            n += 1
            continue
        if G[sr] & GUARD:
            v = verdict(A, G[G[G_RT] + G[sr + S_RULE] * RT + R_GUARD], p, pos, text, ask)
            if v == 0:
                continue
            if v < 0:
                stuck = True
        br = A[H_CFG] + below * CF
        src = A[H_ENT] + A[br + C_ENT] * EN
        k = A[br + C_NENT]
        if (m + k) * 3 >= part:
            A[H_OVERFLOW] = O_SCR
            return FAILED
        for i in range(k):
            t = stack + 3 * m
            A[t] = A[src + EN * i]
            A[t + 1] = A[src + EN * i + 1]
            A[t + 2] = A[src + EN * i + 2]
            m += 1
    return FAILED if stuck else n


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, uint8[::1], int64)")
def guards_pass(G, A, guards, pos, unused, text, ask):
    """Whether all guards of a closure item's list accept the text up to `pos`: 1, 0 or FAILED."""
    result = 1
    while guards > 0:
        e = A[H_ENT] + A[A[H_CFG] + guards * CF + C_ENT] * EN
        guard = G[G[G_RT] + G[G[G_ST] + A[e] * ST + S_RULE] * RT + R_GUARD]
        v = verdict(A, guard, A[e + 1], pos, text, ask)
        if v == 0:
            return 0
        if v < 0:
            result = FAILED
        guards = A[e + 2]
    return result


@kernel("int64(int32[::1], int32[::1], int64)")
def merge_results(G, A, n):
    """The configuration made of the n results: equal tops merged by the union of what is below."""
    out = A[H_SCR]
    m = 0
    for i in range(n):
        e = out + EN * i
        found = -1
        for j in range(m):
            t = out + EN * j
            if A[t] == A[e] and A[t + 1] == A[e + 1] and A[t + 3] == A[e + 3]:
                found = j
                break
        if found < 0:
            t = out + EN * m
            for j in range(EN):
                A[t + j] = A[e + j]
            m += 1
            continue
        t = out + EN * found
        below = union(G, A, A[t + 2], A[e + 2])
        if below < 0:
            return FAILED
        A[t + 2] = below
    return intern(G, A, out, m)


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, int64, uint8[::1], int64)")
def step_items(G, A, off, n, b, pos, text, ask):
    """The configuration after byte b at position `pos`, from the n closure items at A[off:]; FAILED if stuck."""
    m = 0
    stuck = False
    for i in range(n):
        e = off + CL * i
        s = A[e]
        if s == 1:
            continue
        code = edge_code(G, s, b)
        if code == 0:
            continue
        p = payload_after(G, A, s, A[e + 1], code)
        if p == -2:
            return FAILED
        if p < 0:
            continue
        mon = A[e + 3]
        if mon > 0:
            mon = step_monitor(G, A, mon, b)
            if mon < 0:
                if A[H_OVERFLOW]:
                    return FAILED
                continue
        if A[e + 4] > 0:
            v = guards_pass(G, A, A[e + 4], pos, 0, text, ask)
            if v == 0:
                continue
            if v < 0:
                stuck = True
        below = A[e + 2]
        if A[H_GUARDS] and A[A[H_CFG] + below * CF + C_FLAGS] & PENDING_FLAG:
            below = settle(G, A, below, pos)
            if below < 0:
                return FAILED
        k = land(G, A, m, code & TARGET, p, below, mon, pos + 1, text, ask)
        if k < 0:
            if A[H_OVERFLOW]:
                return FAILED
            stuck = True
        else:
            m = k
    return FAILED if stuck else merge_results(G, A, m)


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, uint8[::1], int64)")
def step(G, A, c, b, pos, text, ask):
    """The configuration after byte b; FAILED if something is missing."""
    if A[A[H_CFG] + c * CF + C_CLO] < 0 and closure(G, A, c) < 0:
        return FAILED
    rec = A[H_CFG] + c * CF
    if (A[A[H_CLO] + A[rec + C_BYTES] + (b >> 5)] >> (b & 31)) & 1 == 0:
        return 0
    memo = A[H_MEMO] + 3 * ((c * 389 + b) & A[H_MEMOMASK])
    if A[memo] == c and A[memo + 1] == b:
        return A[memo + 2]
    off = A[H_CLO] + A[rec + C_CLO] * CL
    if A[H_GUARDS] == 0:
        result = step_items(G, A, off, A[rec + C_NCLO], b, pos, text, ask)
        if result >= 0:
            A[memo] = c
            A[memo + 1] = b
            A[memo + 2] = result
        return result
    return step_items(G, A, off, A[rec + C_NCLO], b, pos, text, ask)


@kernel()
def rehash(A):
    """Fill the empty hash table of configurations anew, after it has grown."""
    mask = A[H_HASHMASK]
    table = A[H_HASH]
    for c in range(1, A[H_NCFG]):
        rec = A[H_CFG] + c * CF
        if c == 2:
            continue
        h = hash_entries(A, A[H_ENT] + A[rec + C_ENT] * EN, A[rec + C_NENT]) & mask
        while A[table + h] != 0:
            h = (h + 1) & mask
        A[table + h] = c


@kernel()
def rehash_unions(A, old, n):
    """Fill the empty union table anew from the n slots of `old`."""
    for i in range(n):
        if old[3 * i] != 0:
            keep_union(A, old[3 * i], old[3 * i + 1], old[3 * i + 2])
