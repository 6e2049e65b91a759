"""Subtrees that a terminal takes whole: whatever a token goes on with, the terminal does not end.

A *way* leads from a state to one other, or back to itself, by each byte of some kinds, and by each character beyond
ASCII as a whole: inside a string, from a letter of a pattern's free text to the next. Each character may be an item
that counts; where more items are needed behind it, its way leads back to a state that always needs as many. Where the
ways from a state are passable for all kinds of bytes below a node, as far down as that goes, all its tokens stay inside
the terminal. Where they end before that, at a state that refuses all these kinds, those do in which no more characters
begin.
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import code_from, edge_code, items_needed
from .kernel import kernel

#: Bytes of which the first that leads on tells where the way leads.
GUIDES = (0x67, 0x37, 0x47, 0x20)
#: Rows of `ways` that are looked at for a state.
PROBES = 16
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


@kernel("int64(int32[::1], int64, int64)")
def stays(G, s, goal):
    """Whether a terminal goes on from state s, on a way to `goal`, where it needs as many items as there."""
    flags = G[G[G_ST] + s * ST]
    if flags & (FINAL | LEXEME) == FINAL:
        return 0
    needed = items_needed(G, s)
    return 1 if needed >= 0 and needed == items_needed(G, goal) else 0


@kernel("int64(int32[::1], int64, int64, int64, int64)")
def target_by_all(G, s, lo, hi, flags):
    """The state behind each byte from lo to hi, if it is one, and the edges have these flags and no other; else 0."""
    r = G[G_ST] + s * ST
    if G[r] & DENSE == 0:
        at = G[G_ED] + G[r + S_EDGES]
        for i in range(at, at + 2 * G[r + S_NEDGES], 2):
            if G[i] & 255 <= lo and hi <= G[i] >> 8:
                return target_by(G, s, lo, flags)
    goal = target_by(G, s, lo, flags)
    for b in range(lo + 1, hi + 1):
        if goal == 0 or target_by(G, s, b, flags) != goal:
            return 0
    return goal


@kernel("int64(int32[::1], int64, int64, int64, int64, int64)")
def tails_lead_to(G, s, lo, hi, goal, counts):
    """Whether all bytes from lo to hi lead from state s to `goal`; and end an item there, if `counts` says so."""
    return 1 if target_by_all(G, s, lo, hi, INC if counts else 0) == goal and stays(G, s, goal) else 0


@kernel("int64(int32[::1], int64, int64, int64, int64, int64, int64, int64)")
def pairs_lead_to(G, s, lo, hi, last, goal, flags, counts):
    """Whether all bytes from lo to hi, with these flags, with another from 0x80 to `last` behind them do."""
    t = target_by_all(G, s, lo, hi, flags)
    if t > 0:
        return 1 if stays(G, s, goal) and tails_lead_to(G, t, 0x80, last, goal, counts) else 0
    known = 0
    for b in range(lo, hi + 1):
        t = target_by(G, s, b, flags)
        if t == 0 or (t != known and tails_lead_to(G, t, 0x80, last, goal, counts) == 0):
            return 0
        known = t
    return stays(G, s, goal)


@kernel("int64(int32[::1], int64, int64, int64, int64, int64, int64, int64, int64)")
def triples_lead_to(G, s, lo, hi, first, last, goal, flags, counts):
    """Whether all bytes from lo to hi with one from `first` to `last`, and one more, behind them do."""
    t = target_by_all(G, s, lo, hi, flags)
    if t > 0:
        return 1 if stays(G, s, goal) and pairs_lead_to(G, t, first, last, 0xBF, goal, 0, counts) else 0
    known = 0
    for b in range(lo, hi + 1):
        t = target_by(G, s, b, flags)
        if t == 0 or (t != known and pairs_lead_to(G, t, first, last, 0xBF, goal, 0, counts) == 0):
            return 0
        known = t
    return stays(G, s, goal)


@kernel("int64(int32[::1], int64, int64, int64)")
def lines_lead_to(G, s, goal, counts):
    """Whether from state s each character from U+2000 to U+2FFF does but U+2028 and U+2029."""
    t = target_by(G, s, 0xE2, LT if counts else 0)
    u = target_by(G, t, 0x80, 0)
    if stays(G, t, goal) == 0 or pairs_lead_to(G, t, 0x81, 0xBF, 0xBF, goal, 0, counts) == 0:
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
        if t == 0 or stays(G, t, goal) == 0 or triples_lead_to(G, t, first, last, 0x80, 0xBF, goal, 0, counts) == 0:
            return 0
    return 1


@kernel("int64(int32[::1], int64)")
def opens_characters(G, s):
    """Whether state s takes some byte beyond ASCII."""
    for b in range(128, 256):
        if edge_code(G, s, b) > 0:
            return 1
    return 0


@kernel("void(int32[::1], int32[::1], int64, int64[::1])")
def note_way(G, V, s, way):
    """Write to the row `way` where the way from state s leads, and the kinds of ASCII that it takes and s refuses."""
    goal = 0
    counts = 0
    for guide in GUIDES:
        if goal == 0:
            counts = 1 if edge_code(G, s, guide) >> FLAG_SHIFT == ITEM else 0
            goal = target_by(G, s, guide, ITEM if counts else 0)
    taken = 0
    if (
        goal > 0
        and stays(G, s, goal)
        and stays(G, goal, goal)
        and (goal == s or G[G[G_ST] + goal * ST] & FEASIBLE == 0)
    ):
        taken = ANY_KIND
    refused = ANY_KIND
    for b in range(128):
        kind = V[V[V_KINDS] + b]
        code = edge_code(G, s, b)
        if code != goal | (ITEM if counts else 0) << FLAG_SHIFT:
            taken &= ~kind
        if code > 0:
            refused &= ~kind
    way[WAY_STATE] = s
    way[WAY_TAKEN] = taken
    way[WAY_REFUSED] = refused
    way[WAY_GOAL] = goal
    way[WAY_COUNTS] = counts
    way[WAY_KNOWN] = 0
    way[WAY_ALIVE] = -1
    way[WAY_FREE] = 0


@kernel("int64(int32[::1], int32[::1], int64, int64[:, ::1], int64)")
def way_from(G, V, s, ways, kinds):
    """The row of `ways` for state s, written if it is new, as far as these kinds need; -1 if there is no room near."""
    h = (s * 40503) & (len(ways) - 1)
    for _ in range(PROBES):
        if ways[h, WAY_STATE] == s or ways[h, WAY_STATE] == 0:
            break
        h = (h + 1) & (len(ways) - 1)
    if ways[h, WAY_STATE] == 0:
        note_way(G, V, s, ways[h])
    if ways[h, WAY_STATE] != s:
        return -1
    if kinds & BEYOND_ASCII and ways[h, WAY_KNOWN] == 0:
        ways[h, WAY_KNOWN] = 1
        if ways[h, WAY_TAKEN] and characters_lead_to(G, s, ways[h, WAY_GOAL], ways[h, WAY_COUNTS]):
            ways[h, WAY_TAKEN] |= BEYOND_ASCII
        elif opens_characters(G, s) == 0:
            ways[h, WAY_REFUSED] |= BEYOND_ASCII
    return h


@kernel("int64(int32[::1], int32[::1], int64, int64, int64[:, ::1])")
def characters_taken(G, V, s, node, ways):
    """With how many characters, at most, a terminal in state s at a node of V takes all that lies below the node.

    More than these it refuses. Negative where each counts as an item; 0 if it depends on the characters.
    """
    kinds = V[V[V_BELOW] + node]
    extent = V[V[V_BELOW] + V[0] + node]
    if kinds & BEYOND_ASCII and extent & 1 == 0:
        return 0
    counts = -1
    for i in range(extent >> READER):
        way = way_from(G, V, s, ways, kinds)
        if way < 0:
            return 0
        if kinds & ~ways[way, WAY_TAKEN]:
            if kinds & ~ways[way, WAY_REFUSED] or G[G[G_ST] + s * ST] & LEXEME:
                return 0
            return -i if counts > 0 else i
        if counts >= 0 and ways[way, WAY_COUNTS] != counts:
            return 0
        counts = ways[way, WAY_COUNTS]
        if ways[way, WAY_GOAL] == s:
            break
        s = ways[way, WAY_GOAL]
    return -UNBOUNDED if counts > 0 else UNBOUNDED


@kernel("int64(int32[::1], int32[::1], int64, int64[::1])")
def kinds_alive(G, V, s, edge):
    """The kinds of characters after any of which a terminal goes on from state s, whatever the count."""
    kinds = ANY_KIND
    edge[0] = 0
    before = 0
    for b in range(128):
        code = code_from(G, s, edge, b)
        if code != before or code <= 0:
            before = code
            if code <= 0 or code >> FLAG_SHIFT or goes_on(G, code & TARGET) == 0:
                before = 0
                kinds &= ~V[V[V_KINDS] + b]
    goal = wide_goal(G, s)
    return kinds | BEYOND_ASCII if goal > 0 and characters_lead_to(G, s, goal, 0) else kinds


@kernel("int64(int32[::1], int64)")
def wide_goal(G, s):
    """The state behind one character beyond ASCII, if that counts nothing; else 0."""
    return target_by(G, target_by(G, s, 0xC3, 0), 0xA9, 0)


@kernel("int64(int32[::1], int32[::1], int64, int64[:, ::1])")
def alive_from(G, V, s, ways):
    """`kinds_alive`, remembered in `ways`; 0 where that is full."""
    way = way_from(G, V, s, ways, 0)
    if way < 0:
        return 0
    if ways[way, WAY_ALIVE] < 0:
        ways[way, WAY_ALIVE] = kinds_alive(G, V, s, ways[way, WAY_EDGE:])
    return ways[way, WAY_ALIVE]


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, int64[:, ::1], int64[::1], int64)")
def kinds_beyond(G, V, s, kinds, common, ways, states, n):
    """Those of some kinds by which state s leads to states that go on by a common byte, too.

    Where that is all of them, these are added to the n `states`; their number then stands last there, or 0 if there are
    too many.
    """
    way = way_from(G, V, s, ways, 0)
    if way < 0:
        states[len(states) - 1] = 0
        return 0
    edge = ways[way, WAY_EDGE:]
    edge[0] = 0
    before = 0
    for b in range(129):
        kind = V[V[V_KINDS] + b]
        if kinds & kind == 0:
            continue
        t = code_from(G, s, edge, b) & TARGET if b < 128 else wide_goal(G, s)
        if t == before:
            continue
        before = t
        known = False
        for i in range(n):
            known = known or states[i] == t
        if known:
            continue
        if alive_from(G, V, t, ways) & common == 0:
            kinds &= ~kind
            before = 0
        elif n < len(states) - 1:
            states[n] = t
            n += 1
        else:
            states[len(states) - 1] = 0
            return 0
    states[len(states) - 1] = n
    return kinds


@kernel("int64(int32[::1], int32[::1], int64, int64, int64[:, ::1], int64[::1])")
def free_kinds(G, V, s, common, ways, states):
    """Kinds of characters of which a terminal takes any text from state s on, whatever the count; 0 if it finds none.

    The kinds of common bytes are among them: what leads to where these end, as an escape does, is not. `states` is
    scratch; more of them are not looked at. The kinds are those of all states that they lead to, which share them.
    """
    kinds = alive_from(G, V, s, ways)
    way = way_from(G, V, s, ways, 0)
    if way < 0 or ways[way, WAY_FREE]:
        return ways[way, WAY_FREE] if way >= 0 else 0
    states[0] = s
    n = 1
    i = 0
    while i < n and kinds & common:
        alive = alive_from(G, V, states[i], ways)
        free = kinds_beyond(G, V, states[i], kinds & alive, common, ways, states, n)
        n = states[len(states) - 1]
        i += 1
        if free != kinds:
            kinds = free
            n = 1
            i = 0
    if kinds & common == 0:
        return 0
    for i in range(n):
        ways[way_from(G, V, states[i], ways, 0), WAY_FREE] = kinds
    return kinds


@kernel("int64(int32[::1], int32[::1], int64, int64[:, ::1], int64, int64[::1])")
def chain_kinds(G, V, s, ways, longest, found):
    """Kinds of characters that lead from state s along one chain of ways; 0 if they may do something else behind it.

    found[0] becomes with how many characters at most, see `characters_taken`.
    """
    kinds = ANY_KIND | BEYOND_ASCII
    counts = -1
    found[0] = UNBOUNDED
    for i in range(longest):
        way = way_from(G, V, s, ways, BEYOND_ASCII)
        if way < 0:
            return 0
        taken = kinds & ways[way, WAY_TAKEN]
        if taken == 0:
            if i == 0 or kinds & ~ways[way, WAY_REFUSED] or G[G[G_ST] + s * ST] & LEXEME:
                return 0
            found[0] = -i if counts > 0 else i
            return kinds
        if counts >= 0 and ways[way, WAY_COUNTS] != counts:
            return 0
        counts = ways[way, WAY_COUNTS]
        kinds = taken
        if ways[way, WAY_GOAL] == s:
            break
        s = ways[way, WAY_GOAL]
    if counts > 0:
        found[0] = -UNBOUNDED
    return kinds


@kernel("int64(int32[::1], int32[::1], int64, int64[:, ::1], int64, int64[::1])")
def bulk_kinds(G, V, s, ways, longest, states):
    """Kinds of characters of which all tokens, of up to so many, are inner ones for state s; 0 if there are few tokens.

    states[0] becomes how many, see `characters_taken`; the others are scratch.
    """
    common = V[V[V_KINDS] + GUIDES[0]]
    kinds = chain_kinds(G, V, s, ways, longest, states)
    most = states[0]
    if alive_from(G, V, s, ways) & ~kinds:
        free = free_kinds(G, V, s, common, ways, states)
        if free and kinds & ~free == 0:
            kinds = free
            most = UNBOUNDED
    states[0] = most
    return kinds if kinds & common else 0
