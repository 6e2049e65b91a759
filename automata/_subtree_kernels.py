"""Subtrees that a terminal takes whole: whatever a token goes on with, the terminal does not end.

A *way* leads from a state to one other, or back to itself, by each byte of some kinds, and by each character beyond
ASCII as a whole: inside a string, from a letter of a pattern's free text to the next. Each character may be
an item that counts. Where the ways from a state are passable for all kinds of bytes below a node, as far down as that
goes, all its tokens stay inside the terminal.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import edge_code
from .kernel import kernel

#: Bytes of which the first that leads on tells where the way leads.
GUIDES = (0x67, 0x37, 0x47, 0x20)
#: The flags of an edge that is an item.
ITEM = LT | INC


@kernel("int64(int32[::1], int64, int64, int64)")
def target_by(G, s, b, flags):
    """The state behind byte b, if the edge has these flags and no other; else 0."""
    code = edge_code(G, s, b)
    return code & TARGET if code >> FLAG_SHIFT == flags else 0


@kernel("int64(int32[::1], int64)")
def goes_on(G, s):
    """Whether a terminal goes on from state s whatever the count: it cannot end there, or is a lexeme."""
    flags = G[G[G_ST] + s * ST]
    return 1 if flags & FEASIBLE == 0 and flags & (FINAL | LEXEME) != FINAL else 0


@kernel("int64(int32[::1], int64, int64, int64, int64, int64)")
def tails_lead_to(G, s, lo, hi, goal, counts):
    """Whether all bytes from lo to hi lead from state s to `goal`; and end an item there, if `counts` says so."""
    for b in range(lo, hi + 1):
        if target_by(G, s, b, INC if counts else 0) != goal:
            return 0
    return goes_on(G, s)


@kernel("int64(int32[::1], int64, int64, int64, int64, int64, int64, int64)")
def pairs_lead_to(G, s, lo, hi, last, goal, flags, counts):
    """Whether all bytes from lo to hi, with these flags, with another from 0x80 to `last` behind them do."""
    known = 0
    for b in range(lo, hi + 1):
        t = target_by(G, s, b, flags)
        if t == 0 or (t != known and tails_lead_to(G, t, 0x80, last, goal, counts) == 0):
            return 0
        known = t
    return goes_on(G, s)


@kernel("int64(int32[::1], int64, int64, int64, int64, int64, int64, int64, int64)")
def triples_lead_to(G, s, lo, hi, first, last, goal, flags, counts):
    """Whether all bytes from lo to hi with one from `first` to `last`, and one more, behind them do."""
    known = 0
    for b in range(lo, hi + 1):
        t = target_by(G, s, b, flags)
        if t == 0 or (t != known and pairs_lead_to(G, t, first, last, 0xBF, goal, 0, counts) == 0):
            return 0
        known = t
    return goes_on(G, s)


@kernel("int64(int32[::1], int64, int64, int64)")
def lines_lead_to(G, s, goal, counts):
    """Whether from state s each character from U+2000 to U+2FFF does but U+2028 and U+2029."""
    t = target_by(G, s, 0xE2, LT if counts else 0)
    u = target_by(G, t, 0x80, 0)
    if goes_on(G, t) == 0 or pairs_lead_to(G, t, 0x81, 0xBF, 0xBF, goal, 0, counts) == 0:
        return 0
    return tails_lead_to(G, u, 0x80, 0xA7, goal, counts) and tails_lead_to(G, u, 0xAA, 0xBF, goal, counts)


@kernel("int64(int32[::1], int64, int64, int64)")
def characters_lead_to(G, s, goal, counts):
    """Whether each character beyond ASCII, see `text_next`, leads from state s to `goal`, as one item if it counts."""
    flags = LT if counts else 0
    if pairs_lead_to(G, s, 0xC2, 0xDF, 0xBF, goal, flags, counts) == 0 or lines_lead_to(G, s, goal, counts) == 0:
        return 0
    for lead in range(0xE0, 0xF0):
        first = 0xA0 if lead == 0xE0 else 0x80
        last = 0x9F if lead == 0xED else 0xBF
        if lead != 0xE2 and triples_lead_to(G, s, lead, lead, first, last, goal, flags, counts) == 0:
            return 0
    for lead in range(0xF0, 0xF5):
        t = target_by(G, s, lead, flags)
        first = 0x90 if lead == 0xF0 else 0x80
        last = 0x8F if lead == 0xF4 else 0xBF
        if t == 0 or goes_on(G, t) == 0 or triples_lead_to(G, t, first, last, 0x80, 0xBF, goal, 0, counts) == 0:
            return 0
    return 1


@kernel("int64(int32[::1], int32[::1], int64, int64[:, ::1])")
def way_from(G, V, s, ways):
    """The row of `ways` for state s, written if it is new: state, kinds, goal, whether it counts; -1 if it is full."""
    h = (s * 40503) & (len(ways) - 1)
    for _ in range(len(ways)):
        if ways[h, 0] == s:
            return h
        if ways[h, 0] == 0:
            break
        h = (h + 1) & (len(ways) - 1)
    if ways[h, 0] != 0:
        return -1
    ways[h, 0] = s
    ways[h, 1] = 0
    goal = 0
    counts = 0
    for guide in GUIDES:
        if goal == 0:
            counts = 1 if edge_code(G, s, guide) >> FLAG_SHIFT == ITEM else 0
            goal = target_by(G, s, guide, ITEM if counts else 0)
    ways[h, 2] = goal
    ways[h, 3] = counts
    if goal == 0 or goes_on(G, s) == 0 or goes_on(G, goal) == 0:
        return h
    kinds = ANY_KIND
    for b in range(128):
        if kinds & V[V[V_KINDS] + b] and target_by(G, s, b, ITEM if counts else 0) != goal:
            kinds &= ~V[V[V_KINDS] + b]
    if characters_lead_to(G, s, goal, counts):
        kinds |= BEYOND_ASCII
    ways[h, 1] = kinds
    return h


@kernel("int64(int32[::1], int32[::1], int64, int64, int64[:, ::1])")
def takes_all(G, V, s, node, ways):
    """Whether a terminal in state s at a node of V takes all that lies below it: PASSED, COUNTED_ALL or 0."""
    kinds = V[V[V_BELOW] + node]
    extent = V[V[V_BELOW] + V[0] + node]
    if kinds & BEYOND_ASCII and extent & 1 == 0:
        return 0
    counts = -1
    for _ in range(extent >> READER):
        way = way_from(G, V, s, ways)
        if way < 0 or kinds & ~ways[way, 1] or (counts >= 0 and ways[way, 3] != counts):
            return 0
        counts = ways[way, 3]
        if ways[way, 2] == s:
            break
        s = ways[way, 2]
    return COUNTED_ALL if counts > 0 else PASSED


@kernel("int64(int32[::1], int64, int64, int64[:, ::1], int64, int32[:, ::1], int64)")
def count_below(V, node, count, path, d, out, n):
    """Append the tokens below a node, taken as a whole, to the n in `out`, a character counting one; the new number.

    path[d:, 1] is scratch; -1 if they do not fit.
    """
    nodes = V[1]
    tokens = V[2]
    top = V[nodes + 4 * node] >> 8
    end = V[nodes + 4 * node + 1]
    if n + V[nodes + 4 * end + 2] - V[nodes + 4 * node + 6] > len(out):
        return -1
    path[d, 1] = count
    for k in range(node + 1, end):
        at = nodes + 4 * k
        r = d + (V[at] >> 8) - top
        count = path[r - 1, 1] + (0 if V[at] & 0xC0 == 0x80 else 1)
        path[r, 1] = count
        for i in range(V[at + 2], V[at + 6]):
            out[n, 0] = V[tokens + 2 * i]
            out[n, 1] = count
            n += 1
    return n
