"""The pool of finished masks: M, records behind one another, and how a mask comes in and out.

M is cut into lines of `LINE` words. The first has in M_USED the number of lines used, in M_KEPT that of masks. A
configuration's C_ROW is the line of its record, or 0.

Most masks have few words that are not 0 (the rest of a key, a comma or a brace), or few that differ from the row of a
terminal's table in R (inside a string). So a record is the number of such words, the number of the row plus one, or 0,
and then each of the words as (place, word). If they are many: -1, and the whole mask from the next line on.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel

#: Words that are looked at together for one that is not 0.
TOGETHER = 64
#: A mask is kept by its words if they are at most one in so many.
FEW = 16


@kernel("int64(int64)")
def lines_of(words):
    """Lines of M that the record of a whole mask takes."""
    return 1 + (words + LINE - 1) // LINE


@kernel("int64(int32[::1], int32[::1], int64, int64, int32[::1])")
def gather_words(M, R, at, base, row):
    """Write the words of a row that differ from row `base` of R, or from 0 if it is -1, behind M[at + 1].

    Returns their number, -1 if they are many.
    """
    words = len(row)
    start = base * words
    n = 0
    for first in range(0, words, TOGETHER):
        end = min(first + TOGETHER, words)
        some = 0
        if end < first + TOGETHER:
            some = 1
        elif base < 0:
            for k in range(TOGETHER):
                some |= row[first + k]
        else:
            for k in range(TOGETHER):
                some |= row[first + k] ^ R[start + first + k]
        if some == 0:
            continue
        for i in range(first, end):
            if row[i] != (0 if base < 0 else R[start + i]):
                if n == words // FEW:
                    return -1
                M[at + 2 + 2 * n] = i
                M[at + 3 + 2 * n] = row[i]
                n += 1
    return n


@kernel("int64(int32[::1], int32[::1], int32[::1], int64, int32[::1])")
def keep_mask(A, R, M, c, row):
    """Keep the mask of canonical configuration c, near row H_BASE of R plus one; FAILED if the pool is full."""
    words = len(row)
    line = int(M[M_USED])
    if (line + lines_of(words)) * LINE > len(M):
        return FAILED
    at = line * LINE
    n = gather_words(M, R, at, A[H_BASE] - 1, row)
    M[at] = n
    M[at + 1] = A[H_BASE]
    if n < 0:
        kept = M[at + LINE : at + LINE + words]
        for i in range(words):
            kept[i] = row[i]
    M[M_USED] = line + (lines_of(words) if n < 0 else (2 * n + 1 + LINE) // LINE)
    M[M_KEPT] += 1
    A[A[H_CFG] + c * CF + C_ROW] = line
    return OK


@kernel("void(int32[::1], int32[::1], int64, int32[::1])")
def take_mask(R, M, line, row):
    """Write the mask of a record to `row`."""
    words = len(row)
    at = line * LINE
    n = M[at]
    base = M[at + 1]
    if n < 0:
        kept = M[at + LINE : at + LINE + words]
        for i in range(words):
            row[i] = kept[i]
        return
    if base == 0:
        for i in range(words):
            row[i] = 0
    else:
        table = R[(base - 1) * words : base * words]
        for i in range(words):
            row[i] = table[i]
    for i in range(at + 2, at + 2 + 2 * n, 2):
        row[M[i]] = M[i + 1]
