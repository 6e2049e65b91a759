"""Guards: what a kernel needs from Python, and what guards have said.

A guard's verdict is remembered by the guard and a hash of the text that it was asked about. Where it is not known the
kernel notes the need and fails; Python asks, keeps the verdict and calls again.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


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
    h = int(guard) * 1000003 + 12345
    g = 97
    for i in range(start, end):
        h = (h * 1099511 + int(text[i]) + 1) & 0x3FFFFFFF
        g = (g * 69069 + int(text[i]) + (h >> 9)) & 0x3FFFFFFF
    mask = int(A[H_VERMASK])
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
    h = int(guard) * 1000003 + 12345
    g = 97
    for i in range(start, end):
        h = (h * 1099511 + int(text[i]) + 1) & 0x3FFFFFFF
        g = (g * 69069 + int(text[i]) + (h >> 9)) & 0x3FFFFFFF
    mask = int(A[H_VERMASK])
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


@kernel("int64(int32[::1], int32[::1], int64, int64, uint8[::1], int64)")
def guards_pass(G, A, guards, pos, text, ask):
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
