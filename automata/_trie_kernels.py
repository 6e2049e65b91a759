"""Tries of tokens and of the suffixes by which they leave a terminal: how they are made, and what lies below a node."""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel

#: Bytes from which on texts are compared byte by byte.
SOME_MORE = 8


@kernel("int64(int32[:, ::1], int64, int64, uint8[::1], int64[::1])")
def compare_suffixes(exits, a, b, data, start):
    """The order of the suffixes of two exits: negative, 0, positive."""
    i = start[exits[a, 0]] + exits[a, 1]
    j = start[exits[b, 0]] + exits[b, 1]
    i_end = start[exits[a, 0] + 1]
    j_end = start[exits[b, 0] + 1]
    while i < i_end and j < j_end:
        if data[i] != data[j]:
            return -1 if data[i] < data[j] else 1
        i += 1
        j += 1
    return (i_end - i) - (j_end - j)


@kernel("int64(uint8[::1], int64, int64)")
def suffix_key(data, first, end):
    """A number in the order of the texts data[first:end]: seven bytes and how many there are, if they are no more.

    Those of longer texts end with SOME_MORE, and may be equal where the texts are not.
    """
    key = 0
    for i in range(first, first + SOME_MORE - 1):
        key = key << 8 | (int(data[i]) if i < end else 0)
    return key << 4 | min(end - first, SOME_MORE)


@kernel()
def sort_exits(exits, n, data, start, order, spare):
    """Write to order[:n] the exits' indices sorted by suffix; returns how many bytes these have.

    Merge sort; `spare`, twice as long, is scratch.
    """
    n_bytes = 0
    for i in range(n):
        order[i] = i
        first = start[exits[i, 0]] + exits[i, 1]
        end = start[exits[i, 0] + 1]
        spare[n + i] = suffix_key(data, first, end)
        n_bytes += end - first
    width = 1
    while width < n:
        lo = 0
        while lo < n:
            mid = min(lo + width, n)
            hi = min(lo + 2 * width, n)
            i = lo
            j = mid
            for k in range(lo, hi):
                is_first = j >= hi
                if i < mid and j < hi:
                    difference = spare[n + order[i]] - spare[n + order[j]]
                    if difference == 0 and spare[n + order[i]] & 15 == SOME_MORE:
                        difference = compare_suffixes(exits, order[i], order[j], data, start)
                    is_first = difference <= 0
                if is_first:
                    spare[k] = order[i]
                    i += 1
                else:
                    spare[k] = order[j]
                    j += 1
            lo = hi
        for i in range(n):
            order[i] = spare[i]
        width *= 2
    return n_bytes


@kernel("void(int32[:, ::1], int64, int32[::1])")
def list_kids(nodes, n, kids):
    """Write the kids of the n nodes of a trie, by parent and byte, and where each node's begin."""
    m = 0
    for k in range(n):
        nodes[k, 3] = m
        j = k + 1
        while j < nodes[k, 1]:
            kids[m] = j << 8 | (nodes[j, 0] & 255)
            m += 1
            j = nodes[j, 1]
    nodes[n, 3] = m


@kernel()
def index_trie(nodes, n, kids):
    """`list_kids`, for a trie made elsewhere."""
    list_kids(nodes, n, kids)


@kernel("int64(int64, int64)")
def text_next(s, b):
    """The state of a reader of solid text in UTF-8 (RFC 3629, section 4) behind byte b; -1 if it refuses it.

    It refuses white space beyond ASCII (U+0085, U+FEFF and what Unicode calls so), which `.`, or `\\S`, of a regular
    expression may not match. 0 between characters; 1 to 3: so many bytes are due; from 4 on: behind the bytes E0, ED,
    F0, F4, E2, E2 80, C2, E1, E1 9A, E2 81, E3, E3 80, EF, EF BB, after which not all may come.
    """
    if s == 0:
        return first_next(b)
    lo = 0xA0 if s == 4 else 0x90 if s == 6 else 0x80
    hi = 0x9F if s == 5 else 0x8F if s == 7 else 0xBF
    if b < lo or b > hi:
        return -1
    if s <= 7:
        return s - 1 if s <= 3 else 1 if s <= 5 else 2
    if s == 8:
        return 9 if b == 0x80 else 13 if b == 0x81 else 1
    if s == 11 or s == 14 or s == 16:
        return s + 1 if b == (0x9A if s == 11 else 0x80 if s == 14 else 0xBB) else 1
    if s == 9:
        return -1 if b <= 0x8A or b == 0xA8 or b == 0xA9 or b == 0xAF else 0
    if s == 10:
        return -1 if b == 0x85 or b == 0xA0 else 0
    return -1 if b == (0x9F if s == 13 else 0xBF if s == 17 else 0x80) else 0


@kernel("int64(int64)")
def first_next(b):
    """The state of the reader, see `text_next`, behind the first byte of a character."""
    if b < 0x80:
        return 0
    if b < 0xC2 or b > 0xF4:
        return -1
    if b < 0xE0:
        return 10 if b == 0xC2 else 1
    if b < 0xE4:
        return 4 if b == 0xE0 else 11 if b == 0xE1 else 8 if b == 0xE2 else 14
    if b < 0xF0:
        return 5 if b == 0xED else 16 if b == 0xEF else 2
    return 6 if b == 0xF0 else 7 if b == 0xF4 else 3


@kernel("int64(int32[::1], int64, int64, int64)")
def reads_text(T, extents, first, last):
    """The states (bits) in which the reader takes all that lies below a node, whose kids are these."""
    states = 0
    ascii = first < last and T[last - 1] & 255 < 0x80  # so for state 0 only
    for s in range(1 if ascii else READER):
        reads = True
        for i in range(first, last):
            after = text_next(s, T[i] & 255)
            if after < 0 or (T[extents + (T[i] >> 8)] >> after) & 1 == 0:
                reads = False
                break
        if reads:
            states |= 1 << s
    return states


@kernel()
def note_below(T, base, kinds_in):
    """Write for each node of a trie what lies below it: the kinds of bytes; and, behind these, how many bytes at most.

    The latter is shifted by `READER` bits, for the states in which a reader of text takes all of it. Behind that: how
    many characters begin in each token. `kinds_in`, (tokens,): the kinds of bytes in each, -1 if the reader refuses it.
    """
    all_kinds = T[base + V_KINDS]
    below = T[base + V_BELOW]
    extents = below + T[base]
    characters = extents + T[base]
    first = T[base + 3]
    T[below] = 0  # at first: the characters that begin on the way to a node, and the reader's state there,
    T[extents] = 0  # the kinds on that way
    for k in range(T[base]):
        at = T[base + 1] + 4 * k
        begun = T[below + k] & (1 << READER) - 1
        kinds = T[extents + k]
        for i in range(first + T[at + 3], first + T[at + 7]):
            b = T[i] & 255
            kid = T[i] >> 8
            reader = text_next(T[below + k] >> READER, b) if kinds >= 0 else -1
            T[below + kid] = begun + (1 if b & 0xC0 != 0x80 else 0) | max(reader, 0) << READER
            T[extents + kid] = kinds | T[all_kinds + b] if reader >= 0 else -1
        for i in range(T[at + 2], T[at + 6]):
            T[characters + i] = begun
            kinds_in[i] = kinds
    for k in range(T[base] - 1, -1, -1):
        at = T[base + 1] + 4 * k
        kinds = 0
        height = 0
        for i in range(first + T[at + 3], first + T[at + 7]):
            kinds |= T[all_kinds + (T[i] & 255)] | T[below + (T[i] >> 8)]
            height = max(height, 1 + (T[extents + (T[i] >> 8)] >> READER))
        T[below + k] = kinds
        T[extents + k] = height << READER | reads_text(T, extents, first + T[at + 3], first + T[at + 7])


@kernel()
def build_suffix_trie(exits, n, order, data, start, path, out_nodes, out_tokens, out_kids):
    """Build the trie of the n sorted suffixes. Returns the number of nodes, without the sentinel.

    `path`: scratch of the trie's depth. `out_nodes` rows are (byte | depth << 8, skip, first token, first kid),
    `out_tokens` rows (token, count), `out_kids` as the walk wants them; all are large enough for one node for each
    suffix byte.
    """
    out_nodes[0, 0] = 0
    out_nodes[0, 2] = 0
    path[0] = 0
    n_nodes = 1
    depth = 0
    for k in range(n):
        e = order[k]
        i = start[exits[e, 0]] + exits[e, 1]
        length = start[exits[e, 0] + 1] - i
        common = 0
        while common < depth and common < length and (out_nodes[path[common + 1], 0] & 255) == data[i + common]:
            common += 1
        for d in range(common + 1, depth + 1):
            out_nodes[path[d], 1] = n_nodes
        for d in range(common + 1, length + 1):
            out_nodes[n_nodes, 0] = int(data[i + d - 1]) | (d << 8)
            out_nodes[n_nodes, 2] = k
            path[d] = n_nodes
            n_nodes += 1
        depth = length
        out_tokens[k, 0] = exits[e, 0]
        out_tokens[k, 1] = exits[e, 2]
    for d in range(depth + 1):
        out_nodes[path[d], 1] = n_nodes
    out_nodes[n_nodes, 0] = 0
    out_nodes[n_nodes, 1] = n_nodes
    out_nodes[n_nodes, 2] = n
    list_kids(out_nodes, n_nodes, out_kids)
    return n_nodes
