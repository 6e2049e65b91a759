"""Tokens by the kinds of their characters: rows of a vocabulary from which those over some kinds are put together.

Behind the kinds of all bytes (V_KINDS) stand the first of these rows in R, its words, how many tokens have as many
bytes as VARIANTS or more, and (token, characters) of each of those. Row k < KINDS holds the tokens with a byte of kind
k, row KINDS those that are text, the last character of which may be unfinished; row SIZED + n those of n characters, or
of as many as VARIANTS or more.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


@kernel("int64(int32[::1], int64, int64)")
def count_bits(rows, first, last):
    """The number of bits in rows[first:last]."""
    n = 0
    for i in range(first, last):
        x = int(rows[i]) & 0xFFFFFFFF
        x -= (x >> 1) & 0x55555555
        x = (x & 0x33333333) + ((x >> 2) & 0x33333333)
        n += ((((x + (x >> 4)) & 0x0F0F0F0F) * 0x01010101) & 0xFFFFFFFF) >> 24
    return n


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, int64, int32[::1], int32[:, :, ::1], int64[::1])")
def take_kinds(V, R, kinds, most, words, top, rows, lists, tally):
    """Write the tokens that are text of at most `most` characters, only of these kinds, to `rows`.

    See `split_tokens` for these. If `most` is negative, each counts. Rows up to `top` are open; the highest row that is
    open then.
    """
    base = V[V[V_KINDS] + 256] * words
    last = VARIANTS * words if most < 0 else 0
    for i in range(words):
        rows[last + i] = R[base + KINDS * words + i]
    for k in range(KINDS):
        if (kinds >> k) & 1 == 0:
            at = base + k * words
            for i in range(words):
                rows[last + i] &= ~R[at + i]
    tally[N_INNER] = count_bits(rows, last, last + words)
    sized = base + SIZED * words
    if most < 0:
        for k in range(VARIANTS):
            for i in range(words):
                rows[k * words + i] = rows[last + i] & R[sized + k * words + i] if k <= -most else 0
        for i in range(words):
            rows[last + i] &= R[sized + VARIANTS * words + i]
    elif most < VARIANTS:
        for i in range(words):
            fitting = 0
            for k in range(1, most + 1):
                fitting |= R[sized + k * words + i]
            rows[i] &= fitting
    if abs(most) >= VARIANTS:
        long = V[V_KINDS] + 256 + 3
        for i in range(long, long + 2 * V[long - 1], 2):
            at = last + (V[i] >> 5)
            if (rows[at] >> (V[i] & 31)) & 1:
                if V[i + 1] > abs(most):
                    rows[at] &= 2147483647 if V[i] & 31 == 31 else ~(1 << (V[i] & 31))
                elif most < 0 and V[i + 1] >= VARIANTS:
                    if tally[N_LONG] < MAX_LONG:
                        lists[N_LONG, tally[N_LONG], 0] = V[i]
                        lists[N_LONG, tally[N_LONG], 1] = V[i + 1]
                    tally[N_LONG] += 1
    elif most < 0:
        for i in range(words):
            rows[last + i] = 0
    return VARIANTS if most < 0 else top
