"""Letters: how the words of a trie of symbols are read byte by byte.

A *letter* is one byte, or the two cases of a hexadecimal digit. How the symbols behind a node of the trie are read is a
trie of letters of its own, made when it is asked for; all spellings of a symbol lead to the same node of the trie.

The words are sorted so that those behind a node, and those behind a letter, lie side by side.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


@kernel("int64(int32[::1], int64[::1], int32[::1], int32[:, ::1])")
def build_trie(symbols, at, numbers, T):
    """Build the trie of sorted words, whose symbols begin at `at`; returns the number of its nodes, parents first.

    Of equal words the later get the number -1.
    """
    for k in range(KT):
        T[0, k] = 0
    n = 1
    for i in range(len(at) - 1):
        node = 0
        j = at[i]
        while j < at[i + 1] and T[node, KT_LAST] > 0 and T[T[node, KT_LAST], KT_SYMBOL] == symbols[j]:
            T[node, KT_HI] = i + 1
            node = T[node, KT_LAST]
            j += 1
        T[node, KT_HI] = i + 1
        while j < at[i + 1]:
            for k in range(KT):
                T[n, k] = 0
            T[n, KT_SYMBOL] = symbols[j]
            T[n, KT_LO] = i
            T[n, KT_HI] = i + 1
            if T[node, KT_FIRST] == 0:
                T[node, KT_FIRST] = n
            else:
                T[T[node, KT_LAST], KT_NEXT] = n
            T[node, KT_LAST] = n
            node = n
            n += 1
            j += 1
        if T[node, KT_END] > 0:
            numbers[i] = -1
        else:
            T[node, KT_END] = i + 1
    return n


@kernel("int64(int32[:, ::1], int64, int64, int64)")
def cover(N, a, lo, hi):
    """Note that words lie behind a letter node; CLASH unless all that do lie side by side."""
    if N[a, LN_HI] == 0:
        N[a, LN_LO] = lo
        N[a, LN_HI] = hi
    elif N[a, LN_HI] == lo:
        N[a, LN_HI] = hi
    elif lo < N[a, LN_LO] or hi > N[a, LN_HI]:
        return CLASH
    return OK


@kernel("int64(int32[:, ::1], int64[::1])")
def add_letter_node(N, used):
    """A new letter node, or NO_ROOM."""
    a = used[USED_NODES]
    if a >= len(N):
        return NO_ROOM
    used[USED_NODES] = a + 1
    N[a, LN_EDGE] = -1
    N[a, LN_LO] = 0
    N[a, LN_HI] = 0
    N[a, LN_STATE] = -1
    return a


@kernel("int64(int32[:, ::1], int32[:, ::1], int64, int64)")
def edge_by(N, E, a, letter):
    """The edge of a letter node by a letter; -1 if there is none, CLASH if another has a byte of it."""
    e = N[a, LN_EDGE]
    while e >= 0:
        other = E[e, LE_LETTER]
        if other == letter:
            return e
        one = other & 255
        two = other >> 8
        if one == letter & 255 or one == letter >> 8 or two == letter & 255 or two == letter >> 8:
            return CLASH
        e = E[e, LE_NEXT]
    return -1


@kernel("int64(int32[:, ::1], int64, int32[::1], int32[::1], int32[:, ::1], int32[:, ::1], int64[::1])")
def letters_below(T, v, place, ways, N, E, used):
    """The letter node at which the symbols behind node v begin, made at the first call; CLASH or NO_ROOM."""
    if T[v, KT_LETTERS] > 0:
        return T[v, KT_LETTERS] - 1
    root = add_letter_node(N, used)
    if root < 0:
        return NO_ROOM
    T[v, KT_LETTERS] = root + 1
    c = T[v, KT_FIRST]
    while c > 0:
        w = place[T[c, KT_SYMBOL] + 256]
        for _ in range(ways[w]):
            last = w + 1 + ways[w + 1]
            a = root
            for j in range(w + 2, last + 1):
                if cover(N, a, T[c, KT_LO], T[c, KT_HI]) < 0:
                    return CLASH
                e = edge_by(N, E, a, ways[j])
                if e >= 0 and j < last and E[e, LE_TARGET] >= 0:
                    a = E[e, LE_TARGET]
                    continue
                if e != -1:
                    return CLASH
                e = used[USED_EDGES]
                if e >= len(E):
                    return NO_ROOM
                used[USED_EDGES] = e + 1
                E[e, LE_LETTER] = ways[j]
                E[e, LE_NEXT] = N[a, LN_EDGE]
                N[a, LN_EDGE] = e
                E[e, LE_TARGET] = ~c
                if j < last:
                    a = add_letter_node(N, used)
                    if a < 0:
                        return NO_ROOM
                    E[e, LE_TARGET] = a
            w += 1 + ways[w + 1]
        c = T[c, KT_NEXT]
    return root


@kernel("int64(int32[:, ::1], int64, int64, int64)")
def insert_pair(row, m, b, value):
    """Insert a byte and a value into a row of m such pairs, ordered by byte; the new number of pairs."""
    i = m
    while i > 0 and row[i - 1, 0] > b:
        row[i, 0] = row[i - 1, 0]
        row[i, 1] = row[i - 1, 1]
        i -= 1
    row[i, 0] = b
    row[i, 1] = value
    return m + 1


@kernel("int64(int32[:, ::1], int64, int64, int32[::1], int32[::1], int64[::1])")
def put_row(row, m, dense_from, flat, codes, used):
    """Write a row's edges as ranges, or from so many ranges on as 256 codes; returns their number, or NO_ROOM."""
    at = used[USED_FLAT]
    code = used[USED_CODES]
    if at + 512 > len(flat) or code + 256 > len(codes):
        return NO_ROOM
    n = 0
    for i in range(m):
        if i == 0 or row[i, 0] != row[i - 1, 0] + 1 or row[i, 1] != row[i - 1, 1]:
            n += 1
    if n >= dense_from:
        for b in range(256):
            flat[at + b] = 0
            codes[code + b] = at + b
        for i in range(m):
            flat[at + row[i, 0]] = row[i, 1]
        used[USED_FLAT] = at + 256
        used[USED_CODES] = code + 256
        return 256
    for i in range(m):
        if i == 0 or row[i, 0] != row[i - 1, 0] + 1 or row[i, 1] != row[i - 1, 1]:
            flat[at] = row[i, 0]
            flat[at + 1] = row[i, 1]
            codes[code] = at + 1
            at += 2
            code += 1
        flat[at - 2] = (flat[at - 2] & 255) | row[i, 0] << 8
    used[USED_FLAT] = at
    used[USED_CODES] = code
    return n
