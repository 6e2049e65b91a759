"""Steps: how a byte moves a configuration.

A step moves each frame of the closure, pops what can do nothing but return, merges equal tops by the union of what is
below, and interns.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._closure_kernels import closure
from ._config_kernels import intern, intern_one, sort_entries, union
from ._guard_kernels import guards_pass, verdict
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import edge_code, payload_after
from .kernel import kernel


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
    chain = A[H_SCR] + (A[H_CAPSCR] >> 4) * 9
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
    sort_entries(A, out, n)
    m = 0
    first = 0
    for i in range(n):
        e = out + EN * i
        t = out + EN * first
        if A[t] != A[e] or A[t + 1] != A[e + 1]:
            first = m
        found = -1
        for j in range(first, m):
            if A[out + EN * j + 3] == A[e + 3]:
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
            v = guards_pass(G, A, A[e + 4], pos, text, ask)
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
    memo = A[H_MEMO] + 3 * ((int(c) * 389 + int(b)) & A[H_MEMOMASK])
    if A[memo] == c and A[memo + 1] == b:
        return A[memo + 2]
    closed = A[H_CLOSED]
    A[H_CLOSED] = 0
    result = step_items(G, A, A[H_CLO] + A[rec + C_CLO] * CL, A[rec + C_NCLO], b, pos, text, ask)
    # Where guards are, a result may depend on what they say and where their values began.
    if result >= 0 and A[H_CLOSED] == 0 and (A[rec + C_FLAGS] | A[A[H_CFG] + result * CF + C_FLAGS]) & HELD_FLAGS == 0:
        A[memo] = c
        A[memo + 1] = b
        A[memo + 2] = result
    A[H_CLOSED] |= closed
    return result
