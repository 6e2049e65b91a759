"""Steps: how a byte moves a configuration.

The closure of a configuration is the list of frames that can take the next byte by an edge of their own: calls entered,
returns made. A step moves each of them, pops what can do nothing but return, merges equal tops by the union of what is
below, and interns.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._config_kernels import intern, intern_one, union
from ._guard_kernels import guards_pass, note_need, verdict
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import edge_code, may_end, payload_after
from .kernel import kernel


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
    note_bytes(G, A, A[H_CLO] + first * CL, m, bits)
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
