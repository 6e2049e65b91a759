"""Configurations: hash-consed sets of stacks.

A frame is (state, payload); an entry is (state, payload, configuration below, monitor); a configuration is a sorted set
of entries, interned, so that equal configurations are equal integers. Unions merge equal tops all the way down.

Laws
    1. Interning is idempotent: a kernel that returns FAILED (a full table, a rule not yet lowered, a guard not yet
       asked) may be called again.
    2. No kernel calls itself; recursion over stacks uses work lists in the scratch region.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


@kernel("int64(int32[::1], int64, int64)")
def hash_entries(A, off, n):
    """A hash of n entries at A[off:]."""
    h = 17
    for i in range(n * EN):
        h = ((h * 31 + int(A[off + i])) * 2654435) & 0x3FFFFFFFFFF
        h ^= h >> 19
    return h


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def flags_of(G, A, at, n):
    """The flags of a configuration with the n entries at A[at:]."""
    flags = 0
    distinct = DISTINCT_FLAG
    for i in range(n):
        e = at + i * EN
        state = G[G[G_ST] + A[e] * ST]
        below = A[A[H_CFG] + A[e + 2] * CF + C_FLAGS]
        flags |= below & (PENDING_FLAG | HOLDS_FLAG | OPEN_FLAG)
        if A[e + 1] == PENDING:
            flags |= PENDING_FLAG
        if state & GUARD:
            flags |= HOLDS_FLAG
        if state & OPEN:
            flags |= OPEN_FLAG
        if state & DISTINCT == 0:
            distinct &= below
    return flags | distinct


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def intern_raw(G, A, off, n):
    """The configuration with the n sorted entries at A[off:], added if new; FAILED if a table is full."""
    mask = int(A[H_HASHMASK])
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
    A[rec + C_LOOPS] = 0
    if A[H_GUARDS] or A[H_KEYED]:
        A[rec + C_FLAGS] = flags_of(G, A, at, n)
    A[table + h] = c
    return c


@kernel("void(int32[::1], int64, int64)")
def sort_entries(A, off, n):
    """Sort n entries at A[off:] by content, in place (Shell's sort: n is small, as a rule)."""
    gap = 1
    while 9 * gap < n:
        gap = 3 * gap + 1
    while gap > 0:
        stride = gap * EN
        for i in range(gap, n):
            q = off + i * EN
            s = A[q]
            p = A[q + 1]
            below = A[q + 2]
            mon = A[q + 3]
            while q - stride >= off:
                e = q - stride
                if A[e] < s or (
                    A[e] == s
                    and (
                        A[e + 1] < p
                        or (A[e + 1] == p and (A[e + 2] < below or (A[e + 2] == below and A[e + 3] <= mon)))
                    )
                ):
                    break
                A[q] = A[e]
                A[q + 1] = A[e + 1]
                A[q + 2] = A[e + 2]
                A[q + 3] = A[e + 3]
                q = e
            A[q] = s
            A[q + 1] = p
            A[q + 2] = below
            A[q + 3] = mon
        gap //= 3


@kernel("int64(int32[::1], int32[::1], int64, int64)")
def intern(G, A, off, n):
    """The configuration of the n entries at A[off:] (sorted in place); FAILED if a table is full."""
    if n == 0:
        return 0
    sort_entries(A, off, n)
    return intern_raw(G, A, off, n)


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
    mask = int(A[H_UNIMASK])
    at = A[H_UNI]
    h = ((int(a) * 92821 + int(b)) * 31) & mask
    while A[at + 3 * h] != 0:
        if A[at + 3 * h] == a and A[at + 3 * h + 1] == b:
            return A[at + 3 * h + 2]
        h = (h + 1) & mask
    return FAILED


@kernel("int64(int32[::1], int64, int64, int64)")
def keep_union(A, a, b, c):
    """Remember the union of a < b; FAILED if the table is full."""
    mask = int(A[H_UNIMASK])
    if A[H_NUNI] * 4 > mask * 3:
        A[H_OVERFLOW] = O_UNI
        return FAILED
    at = A[H_UNI]
    h = ((int(a) * 92821 + int(b)) * 31) & mask
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
        first = 0
        src = A[H_ENT] + A[yr + C_ENT] * EN
        waiting = False
        for i in range(A[yr + C_NENT]):
            e = src + i * EN
            while first < base:
                t = tmp + first * EN
                if A[t] > A[e] or (A[t] == A[e] and A[t + 1] >= A[e + 1]):
                    break
                first += 1
            found = -1
            for j in range(first, base):
                t = tmp + j * EN
                if A[t] != A[e] or A[t + 1] != A[e + 1]:
                    break
                if A[t + 3] == A[e + 3]:
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


@kernel()
def rehash(A):
    """Fill the empty hash table of configurations anew, after it has grown."""
    mask = int(A[H_HASHMASK])
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
