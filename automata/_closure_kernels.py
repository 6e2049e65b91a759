"""Closures: the frames of a configuration that can take the next byte by an edge of their own.

Calls are entered and returns made, once for each configuration; what came of it is kept behind it.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._config_kernels import intern, intern_one, union
from ._guard_kernels import note_need
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import may_end, payload_after
from .kernel import kernel

#: Items from which on they are looked up in a hash table.
LONG = 32


@kernel("void(int32[::1], int64, int64, int64)")
def note_range(A, bits, low, high):
    """Set the bits of the bytes from low to high in the eight words at A[bits:]."""
    for k in range(low >> 5, (high >> 5) + 1):
        first = int(max(low - 32 * k, 0))
        last = int(min(high - 32 * k, 31))
        word = ((1 << (last - first + 1)) - 1) << first
        A[bits + k] |= word - (1 << 32) if last == 31 else word


@kernel("void(int32[::1], int32[::1], int64, int64, int64)")
def note_bytes(G, A, off, n, bits):
    """Write to the eight words at A[bits:] which bytes the n closure items at A[off:] have edges on."""
    for i in range(8):
        A[bits + i] = 0
    for i in range(n):
        s = A[off + i * CL]
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
                    note_range(A, bits, w & 255, w >> 8)
            s = G[r + S_FALLBACK]


@kernel("int64(int32[::1], int64, int64)")
def is_new_item(A, work, n):
    """Whether the item at place n of the work list differs from those before it; 1 or 0.

    Long lists have a hash table of the first H_HASHED items, of H_SLOTS slots, twice as many at least. It lies in the
    region of a step's results, which are not there while a closure is made.
    """
    new = work + 6 * n
    if n < LONG:
        for e in range(work, new, 6):
            same = A[e] == A[new] and A[e + 1] == A[new + 1] and A[e + 2] == A[new + 2]
            if same and A[e + 3] == A[new + 3] and A[e + 4] == A[new + 4] and A[e + 5] == A[new + 5]:
                return 0
        return 1
    table = A[H_SCR]
    if A[H_HASHED] == 0 or 2 * (n + 1) > A[H_SLOTS]:
        A[H_HASHED] = 0
        A[H_SLOTS] = 8 * LONG
        while A[H_SLOTS] < 2 * (n + 1):
            A[H_SLOTS] *= 2
        for h in range(table, table + A[H_SLOTS]):
            A[h] = 0
    size = int(A[H_SLOTS])
    for i in range(A[H_HASHED], n + 1):
        at = work + 6 * i
        h = 17
        for j in range(6):
            h = ((h * 31 + int(A[at + j])) * 2654435) & 0x3FFFFFFFFFF
            h ^= h >> 19
        h &= size - 1
        while A[table + h] != 0:
            e = work + 6 * (A[table + h] - 1)
            same = A[e] == A[at] and A[e + 1] == A[at + 1] and A[e + 2] == A[at + 2]
            if same and A[e + 3] == A[at + 3] and A[e + 4] == A[at + 4] and A[e + 5] == A[at + 5]:
                A[H_HASHED] = i
                return 0
            h = (h + 1) & (size - 1)
        A[table + h] = i + 1
    A[H_HASHED] = n + 1
    return 1


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
    A[H_HASHED] = 0
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
            e = work + 6 * n
            A[e] = G[cr + R_START]
            A[e + 1] = G[cr + R_PAYLOAD]
            A[e + 2] = deeper
            A[e + 3] = mon
            A[e + 4] = guards
            A[e + 5] = 1
            if is_new_item(A, work, n) == 0:
                continue
            if n >= room:
                A[H_OVERFLOW] = O_SCR
                return FAILED
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
            e = work + 6 * n
            A[e] = A[src + EN * k]
            A[e + 1] = A[src + EN * k + 1]
            A[e + 2] = A[src + EN * k + 2]
            A[e + 3] = mon
            A[e + 4] = guards
            A[e + 5] = 0
            if is_new_item(A, work, n) == 0:
                continue
            if n >= room:
                A[H_OVERFLOW] = O_SCR
                return FAILED
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
    note_bytes(G, A, A[H_CLO] + first * CL, m, bits)
    A[rec + C_BYTES] = bits - A[H_CLO]
    A[H_NCLO] = first + m + 2
    A[rec + C_CLO] = first
    A[rec + C_NCLO] = m
    if guarded:
        A[rec + C_FLAGS] |= GUARDED_FLAG
    return OK
