"""Characters beyond ASCII: whether a terminal takes each of them, and to which state it leads.

White space is left aside, see `text_next`. Far from the maximum of a counted terminal (`far`) it does not matter which
characters are items, nor how many more are needed.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import edge_code, items_needed
from .kernel import kernel


@kernel("int64(int64, int64, int64)")
def target_of(code, flags, counts):
    """The state that an edge leads to, if it has these flags, where characters count, and no other; else 0."""
    found = code >> FLAG_SHIFT
    if counts == ANYHOW:
        return code & TARGET if found & ~ITEM == 0 else 0
    return code & TARGET if found == (flags if counts else 0) else 0


@kernel("int64(int32[::1], int64, int64, int64, int64)")
def target_by(G, s, b, flags, counts):
    """The state behind byte b, see `target_of`."""
    return target_of(edge_code(G, s, b), flags, counts)


@kernel("int64(int32[::1], int64, int64)")
def goes_on(G, s, far):
    """Whether a terminal goes on from state s whatever the count: it cannot end there, or is a lexeme."""
    flags = G[G[G_ST] + s * ST]
    if flags & (FINAL | LEXEME) == FINAL:
        return 0
    return 1 if flags & FEASIBLE == 0 or (far and flags & CEILING) else 0


@kernel("int64(int32[::1], int64, int64, int64)")
def stays(G, s, goal, counts):
    """Whether a terminal goes on from state s, on a way to `goal`, where it needs as many items as there."""
    flags = G[G[G_ST] + s * ST]
    if flags & (FINAL | LEXEME) == FINAL:
        return 0
    needed = items_needed(G, s)
    return 1 if needed >= 0 and (counts == ANYHOW or needed == items_needed(G, goal)) else 0


@kernel("int64(int32[::1], int64, int64, int64, int64, int64)")
def target_by_all(G, s, lo, hi, flags, counts):
    """The state behind each byte from lo to hi, if it is one, and the edges are as `target_by` wants them; else 0."""
    r = G[G_ST] + s * ST
    if G[r] & DENSE == 0:
        at = G[G_ED] + G[r + S_EDGES]
        for i in range(at, at + 2 * G[r + S_NEDGES], 2):
            if G[i] & 255 <= lo and hi <= G[i] >> 8:
                return target_by(G, s, lo, flags, counts)
    goal = target_by(G, s, lo, flags, counts)
    for b in range(lo + 1, hi + 1):
        if goal == 0 or target_by(G, s, b, flags, counts) != goal:
            return 0
    return goal


@kernel("int64(int32[::1], int64, int64, int64, int64, int64)")
def tails_lead_to(G, s, lo, hi, goal, counts):
    """Whether all bytes from lo to hi lead from state s to `goal`; and end an item there, if characters count."""
    return 1 if target_by_all(G, s, lo, hi, INC, counts) == goal and stays(G, s, goal, counts) else 0


@kernel("int64(int32[::1], int64, int64, int64, int64, int64, int64, int64)")
def pairs_lead_to(G, s, lo, hi, last, goal, flags, counts):
    """Whether all bytes from lo to hi, with these flags, with another from 0x80 to `last` behind them do."""
    t = target_by_all(G, s, lo, hi, flags, counts)
    if t > 0:
        return 1 if stays(G, s, goal, counts) and tails_lead_to(G, t, 0x80, last, goal, counts) else 0
    known = 0
    for b in range(lo, hi + 1):
        t = target_by(G, s, b, flags, counts)
        if t == 0 or (t != known and tails_lead_to(G, t, 0x80, last, goal, counts) == 0):
            return 0
        known = t
    return stays(G, s, goal, counts)


@kernel("int64(int32[::1], int64, int64, int64, int64, int64, int64, int64, int64)")
def triples_lead_to(G, s, lo, hi, first, last, goal, flags, counts):
    """Whether all bytes from lo to hi with one from `first` to `last`, and one more, behind them do."""
    t = target_by_all(G, s, lo, hi, flags, counts)
    if t > 0:
        return 1 if stays(G, s, goal, counts) and pairs_lead_to(G, t, first, last, 0xBF, goal, 0, counts) else 0
    known = 0
    for b in range(lo, hi + 1):
        t = target_by(G, s, b, flags, counts)
        if t == 0 or (t != known and pairs_lead_to(G, t, first, last, 0xBF, goal, 0, counts) == 0):
            return 0
        known = t
    return stays(G, s, goal, counts)


@kernel("int64(int32[::1], int64, int64, int64, int64)")
def others_lead_to(G, s, but, goal, counts):
    """Whether all bytes from 0x80 to 0xBF but one lead from state s to `goal`, see `tails_lead_to`."""
    if but > 0x80 and tails_lead_to(G, s, 0x80, but - 1, goal, counts) == 0:
        return 0
    return 1 if but == 0xBF else tails_lead_to(G, s, but + 1, 0xBF, goal, counts)


@kernel("int64(int32[::1], int64, int64, int64, int64, int64, int64)")
def solid_lead_to(G, s, lead, middle, last, goal, counts):
    """Whether all characters of three bytes that begin with `lead` do, but one: with `middle` and `last` behind it."""
    t = target_by(G, s, lead, LT, counts)
    if t == 0 or stays(G, t, goal, counts) == 0:
        return 0
    if middle > 0x80 and pairs_lead_to(G, t, 0x80, middle - 1, 0xBF, goal, 0, counts) == 0:
        return 0
    if pairs_lead_to(G, t, middle + 1, 0xBF, 0xBF, goal, 0, counts) == 0:
        return 0
    return others_lead_to(G, target_by(G, t, middle, 0, counts), last, goal, counts)


@kernel("int64(int32[::1], int64, int64, int64)")
def symbols_lead_to(G, s, goal, counts):
    """Whether all from U+2000 to U+2FFF do, but white space."""
    t = target_by(G, s, 0xE2, LT, counts)
    if t == 0 or stays(G, t, goal, counts) == 0 or pairs_lead_to(G, t, 0x82, 0xBF, 0xBF, goal, 0, counts) == 0:
        return 0
    u = target_by(G, t, 0x80, 0, counts)
    if tails_lead_to(G, u, 0x8B, 0xA7, goal, counts) == 0 or tails_lead_to(G, u, 0xAA, 0xAE, goal, counts) == 0:
        return 0
    solid = tails_lead_to(G, u, 0xB0, 0xBF, goal, counts)
    return solid and others_lead_to(G, target_by(G, t, 0x81, 0, counts), 0x9F, goal, counts)


@kernel("int64(int32[::1], int64, int64, int64)")
def latin_lead_to(G, s, goal, counts):
    """Whether all of two bytes do, but white space."""
    t = target_by(G, s, 0xC2, LT, counts)
    if tails_lead_to(G, t, 0x80, 0x84, goal, counts) == 0 or tails_lead_to(G, t, 0x86, 0x9F, goal, counts) == 0:
        return 0
    solid = tails_lead_to(G, t, 0xA1, 0xBF, goal, counts)
    return solid and pairs_lead_to(G, s, 0xC3, 0xDF, 0xBF, goal, LT, counts)


@kernel("int64(int32[::1], int64, int64, int64)")
def characters_lead_to(G, s, goal, counts):
    """Whether each character beyond ASCII, see `text_next`, leads from state s to `goal`, as one item if it counts."""
    if latin_lead_to(G, s, goal, counts) == 0 or symbols_lead_to(G, s, goal, counts) == 0:
        return 0
    if solid_lead_to(G, s, 0xE1, 0x9A, 0x80, goal, counts) == 0:
        return 0
    if solid_lead_to(G, s, 0xE3, 0x80, 0x80, goal, counts) == 0:
        return 0
    if solid_lead_to(G, s, 0xEF, 0xBB, 0xBF, goal, counts) == 0:
        return 0
    for lead in range(0xE0, 0xEF):
        first = 0xA0 if lead == 0xE0 else 0x80
        last = 0x9F if lead == 0xED else 0xBF
        if lead == 0xE0 or lead > 0xE3:  # noqa: SIM102
            if triples_lead_to(G, s, lead, lead, first, last, goal, LT, counts) == 0:
                return 0
    for lead in range(0xF0, 0xF5):
        t = target_by(G, s, lead, LT, counts)
        first = 0x90 if lead == 0xF0 else 0x80
        last = 0x8F if lead == 0xF4 else 0xBF
        if t == 0 or stays(G, t, goal, counts) == 0:
            return 0
        if triples_lead_to(G, t, first, last, 0x80, 0xBF, goal, 0, counts) == 0:
            return 0
    return 1


@kernel("int64(int32[::1], int64)")
def opens_characters(G, s):
    """Whether state s takes some byte beyond ASCII."""
    for b in range(128, 256):
        if edge_code(G, s, b) > 0:
            return 1
    return 0
