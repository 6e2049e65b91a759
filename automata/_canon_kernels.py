"""Canonical configurations: one that stands for all that no single token can tell from it; masks are remembered by it.

Their frames differ in a count far from its bound, where a guarded value began, which keys were seen, in the object they
belong to, or in what that stands in. What stands for a configuration is looked for when its mask is asked for: most
never are.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._config_kernels import intern_one, intern_raw, sort_entries
from ._kin_kernels import first_kin, twin_state
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import may_end
from ._shown_kernels import shown_alike
from .kernel import kernel


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
        if top >= 0 and p > low and top - p > A[H_LONGEST] + G[r + R_NEEDED]:
            return low if G[rec] & (FEASIBLE | CEILING) != FEASIBLE else p
    return p


@kernel("int64(int32[::1], int32[::1], int64, int64, int64)")
def is_bound(G, A, s, p, flags):
    """Whether no token leads from the frame (s, p) behind the end of its object, whatever is below.

    So it is where a key must come first: before it, inside it, and while a required one is missing. `flags`: those of
    the configuration. What they tell must be true of the state alone.
    """
    rec = G[G_ST] + s * ST
    r = G[G_RT] + G[rec + S_RULE] * RT
    if G[r + R_BOUND] == 0 or (G[rec] & (KEYCHECK | SEALED) == 0 and may_end(G, A, r, p)):
        return 0
    return 1 if A[H_GUARDS] == 0 and (flags & OPEN_FLAG == 0 or G[rec] & OPEN) else 0


@kernel("int64(int32[::1], int64, int64)")
def drop_twins(A, off, n):
    """Drop from n sorted entries at A[off:] those that come again; how many are left."""
    k = 1
    for i in range(1, n):
        a = off + (k - 1) * EN
        b = off + i * EN
        if A[a] != A[b] or A[a + 1] != A[b + 1] or A[a + 2] != A[b + 2] or A[a + 3] != A[b + 3]:
            d = off + k * EN
            for j in range(EN):
                A[d + j] = A[b + j]
            k += 1
    return k


@kernel("int64(int32[::1], int32[::1], int32[::1], int64)")
def find_canon(G, A, V, c):
    """Look for what stands for configuration c, given that this is known of those below; FAILED if a table is full."""
    rec = A[H_CFG] + c * CF
    n = A[rec + C_NENT]
    made = A[H_SCR] + (A[H_CAPSCR] >> 4) * 13
    if n * EN > A[H_CAPSCR] >> 4:
        A[H_OVERFLOW] = O_SCR
        return FAILED
    changed = False
    for i in range(n):
        e = A[H_ENT] + (A[rec + C_ENT] + i) * EN
        s = int(twin_state(G, A[e]))
        p = int(A[e + 1])
        below = A[A[H_CFG] + A[e + 2] * CF + C_CANON]
        if is_bound(G, A, s, p, A[rec + C_FLAGS]):
            below = 1
        if G[G[G_ST] + s * ST] & KIN:
            frame = first_kin(G, A, V, s, p)
            if frame < 0:
                return FAILED
            s = frame & 0xFFFFFFFF
            p = frame >> 32
        elif G[G[G_ST] + s * ST] & SEALED:
            p = int(shown_alike(G, A, V, s, p))
            if p < 0:
                return FAILED
        else:
            p = clamp_payload(G, A, s, p)
        if s != A[e] or p != A[e + 1] or below != A[e + 2]:
            changed = True
        t = made + i * EN
        A[t] = s
        A[t + 1] = p
        A[t + 2] = below
        A[t + 3] = A[e + 3]
    if not changed:
        A[rec + C_CANON] = c
        return OK
    sort_entries(A, made, n)
    found = intern_raw(G, A, made, drop_twins(A, made, n))
    if found < 0:
        return FAILED
    other = A[H_CFG] + found * CF
    if A[other + C_CANON] < 0:
        A[other + C_CANON] = found
    A[rec + C_CANON] = A[other + C_CANON]
    return OK


@kernel("int64(int32[::1], int32[::1], int32[::1], int64)")
def canon(G, A, V, c):
    """What stands for configuration c; FAILED if a table is full."""
    stack = A[H_SCR] + (A[H_CAPSCR] >> 4) * 9
    n = 0
    if A[A[H_CFG] + c * CF + C_CANON] < 0:
        A[stack] = c
        n = 1
    while n > 0:
        x = A[stack + n - 1]
        rec = A[H_CFG] + x * CF
        m = A[rec + C_NENT] if A[rec + C_CANON] < 0 else 0
        if n + m > A[H_CAPSCR] >> 3:
            A[H_OVERFLOW] = O_SCR
            return FAILED
        waiting = 0
        for i in range(m):
            below = A[A[H_ENT] + (A[rec + C_ENT] + i) * EN + 2]
            if A[A[H_CFG] + below * CF + C_CANON] < 0:
                A[stack + n + waiting] = below
                waiting += 1
        n += waiting
        if waiting == 0:
            if m and find_canon(G, A, V, x) < 0:
                return FAILED
            n -= 1
    return A[A[H_CFG] + c * CF + C_CANON]


@kernel()
def enter(G, A, V, state, c):
    """Configuration c, or if that is 0, the state's above the bottom of the stack; FAILED if a table is full.

    What stands for it is known then.
    """
    if c == 0:
        c = intern_one(G, A, state, 0, 1, 0)
    return c if c > 0 and canon(G, A, V, c) >= 0 else FAILED
