"""Words: the smallest machine of finitely many words, made from the last letters to the first.

The nodes of the words' trie are taken children first. Their letter nodes become states, each looked up by what it does:
the pairs of a byte and the state behind it, and whether a word ends. So states that read the same are one.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._letter_kernels import build_trie, insert_pair, letters_below, put_row
from .kernel import kernel


@kernel("int64(int32[:, ::1], int64, int64, int32[:, ::1], int32[:, ::1], int32[::1], int64[::1])")
def word_state(row, m, final, S, R, H, used):
    """The state with the m pairs of a row, and whether a word ends there; NO_ROOM if it is new and there is none."""
    h = int(m * 2 + final)
    for i in range(m):
        h = ((h * 31 + int(row[i, 0])) * 2654435 + int(row[i, 1])) & 0x3FFFFFFFFFF
        h ^= h >> 17
    h &= len(H) - 1
    while H[h] > 0:
        s = H[h] - 1
        if S[s, WS_SIZE] == m and S[s, WS_FINAL] == final:
            first = S[s, WS_FIRST]
            same = True
            for i in range(m):
                if R[first + i, 0] != row[i, 0] or R[first + i, 1] != row[i, 1]:
                    same = False
                    break
            if same:
                return s
        h = (h + 1) & (len(H) - 1)
    s = used[USED_STATES]
    first = used[USED_WORDS]
    if s >= len(S) or first + m > len(R):
        return NO_ROOM
    used[USED_STATES] = s + 1
    used[USED_WORDS] = first + m
    S[s, WS_FIRST] = first
    S[s, WS_SIZE] = m
    S[s, WS_FINAL] = final
    for i in range(m):
        R[first + i, 0] = row[i, 0]
        R[first + i, 1] = row[i, 1]
    H[h] = s + 1
    return s


@kernel(
    "int64(int32[:, ::1], int64, int32[::1], int32[::1], int32[:, ::1], int32[:, ::1], int32[:, ::1], int32[:, ::1],"
    " int32[:, ::1], int32[::1], int64[::1])"
)
def trie_state(T, v, place, ways, N, E, row, S, R, H, used):
    """The state that reads what is behind node v of the trie, its children's states known; CLASH or NO_ROOM."""
    used[USED_NODES] = 0
    used[USED_EDGES] = 0
    root = letters_below(T, v, place, ways, N, E, used)
    if root < 0:
        return root
    for a in range(used[USED_NODES] - 1, root - 1, -1):
        m = 0
        e = N[a, LN_EDGE]
        while e >= 0:
            letter = E[e, LE_LETTER]
            below = E[e, LE_TARGET]
            target = N[below, LN_STATE] if below >= 0 else T[~below, KT_LETTERS] - 1
            for k in range(1 if letter & 255 == letter >> 8 else 2):
                m = insert_pair(row, m, letter >> 8 if k else letter & 255, target)
            e = E[e, LE_NEXT]
        s = word_state(row, m, 1 if a == root and T[v, KT_END] > 0 else 0, S, R, H, used)
        if s < 0:
            return NO_ROOM
        N[a, LN_STATE] = s
    T[v, KT_LETTERS] = N[root, LN_STATE] + 1
    return OK


@kernel()
def lay_words(
    symbols, at, numbers, place, ways, dense_from, tabled_from, free_from, T, N, E, S, R, H, row, records, flat, codes,
    used,
):  # fmt: skip
    """Lay the states of a terminal that takes some words, the smallest there are.

    Returns OK; UNKNOWN if it is not known how a symbol is spelled, CLASH if two words have a spelling in common,
    NO_ROOM if an array is too small. The parts of the block go to `records`, `flat` and `codes`, their sizes to `used`.

    Parameters
    ----------
    symbols, at, numbers, place, ways : as for `lay_members`.
    dense_from, tabled_from, free_from : ranges from which on a state's edges are a row of 256 codes; bytes from which
        on it is worth a table, or those that lead there are.
    T, N, E, S, R, H, row : scratch; H, whose size is a power of two and more than that of S, is zero.
    """
    for i in range(len(symbols)):
        if place[symbols[i] + 256] == 0 or place[symbols[i] + 256] >= len(ways):
            return UNKNOWN
    if len(symbols) >= len(T):
        return NO_ROOM
    used[USED_STATES] = 0
    used[USED_WORDS] = 0
    for v in range(build_trie(symbols, at, numbers, T) - 1, -1, -1):
        status = trie_state(T, v, place, ways, N, E, row, S, R, H, used)
        if status < 0:
            return status
    n = used[USED_STATES]
    if n * ST > len(records):
        return NO_ROOM
    used[USED_RECORDS] = n
    used[USED_FLAT] = 0
    used[USED_CODES] = 0
    for i in range(n):
        s = n - 1 - i
        m = S[s, WS_SIZE]
        wide = m >= tabled_from
        for k in range(m):
            pair = S[s, WS_FIRST] + k
            wide = wide or S[R[pair, 1], WS_SIZE] >= free_from
            row[k, 0] = R[pair, 0]
            row[k, 1] = n - R[pair, 1]
        r = i * ST
        for k in range(ST):
            records[r + k] = 0
        records[r + S_EDGES] = used[USED_FLAT]
        edges = put_row(row, m, dense_from, flat, codes, used)
        if edges < 0:
            return NO_ROOM
        flags = FAST
        if S[s, WS_FINAL]:
            flags = FINAL if m else FINAL | POP
        records[r + S_FLAGS] = flags | (DENSE if edges == 256 else 0) | (TABLED if wide else 0)
        records[r + S_NEDGES] = edges
        records[r + S_TABLE] = -1
    return OK
