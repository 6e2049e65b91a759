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

from ._character_kernels import (
    characters_lead_to,
    goes_on,
    opens_characters,
    stays,
    target_by,
    target_of,
)
from ._layout_kernels import *  # noqa: F403
from ._payload_kernels import code_from, edge_code
from .kernel import kernel

#: Bytes of which the first that leads on tells where the way leads.
GUIDES = (0x67, 0x37, 0x47, 0x20)
#: Rows of `ways` that are looked at for a state.
PROBES = 16
#: WAY_FREE of a state where a search for free text has found that none begins.
NOT_FREE = -1


@kernel("void(int32[::1], int32[::1], int64, int64[::1], int64)")
def note_way(G, V, s, way, far):
    """Write to the row `way` where the way from state s leads, and the kinds of ASCII that it takes and s refuses."""
    goal = 0
    counts = ANYHOW
    for guide in GUIDES:
        if goal == 0:
            if far == 0:
                counts = EACH_COUNTS if edge_code(G, s, guide) >> FLAG_SHIFT == ITEM else UNCOUNTED
            goal = target_by(G, s, guide, ITEM, counts)
    taken = 0
    if (
        goal > 0
        and stays(G, s, goal, counts)
        and stays(G, goal, goal, counts)
        and (far or goal == s or G[G[G_ST] + goal * ST] & FEASIBLE == 0)
    ):
        taken = ANY_KIND
    refused = ANY_KIND
    edge = way[WAY_EDGE:]
    edge[0] = 0
    for b in range(128):
        code = code_from(G, s, edge, b)
        if target_of(code, ITEM, counts) != goal:
            taken &= ~V[V[V_KINDS] + b]
        if code > 0:
            refused &= ~V[V[V_KINDS] + b]
    way[WAY_TAKEN] = taken
    way[WAY_REFUSED] = refused
    way[WAY_GOAL] = goal
    way[WAY_COUNTS] = counts
    way[WAY_KNOWN] = 0
    way[WAY_ALIVE] = -1
    way[WAY_FREE] = 0
    way[WAY_SEEN] = 0


@kernel("int64(int32[::1], int32[::1], int64, int64[:, ::1], int64, int64)")
def way_from(G, V, s, ways, kinds, far):
    """The row of `ways` for state s, written if it is new, as far as these kinds need; -1 if there is no room near."""
    mask = len(ways) - 2
    block = ways[mask + 1, WAYS_BLOCK]
    key = block << BLOCK_SHIFT | s
    h = (s * 40503) & mask
    for _ in range(PROBES):
        if ways[h, WAY_STATE] == key or ways[h, WAY_STATE] >> BLOCK_SHIFT != block or ways[h, WAY_STATE] == 0:
            break
        h = (h + 1) & mask
    if ways[h, WAY_STATE] >> BLOCK_SHIFT != block or ways[h, WAY_STATE] == 0:
        note_way(G, V, s, ways[h], far)
        ways[h, WAY_STATE] = key
        ways[mask + 1, WAYS_KNOWN] += 1
    if ways[h, WAY_STATE] != key:
        return -1
    if kinds & BEYOND_ASCII and ways[h, WAY_KNOWN] == 0:
        ways[h, WAY_KNOWN] = 1
        if ways[h, WAY_TAKEN] and characters_lead_to(G, s, ways[h, WAY_GOAL], ways[h, WAY_COUNTS]):
            ways[h, WAY_TAKEN] |= BEYOND_ASCII
        elif opens_characters(G, s) == 0:
            ways[h, WAY_REFUSED] |= BEYOND_ASCII
    return h


@kernel("int64(int32[::1], int32[::1], int64, int64, int64[:, ::1], int64)")
def characters_taken(G, V, s, node, ways, far):
    """With how many characters, at most, a terminal in state s at a node of V takes all that lies below the node.

    More than these it refuses. Negative where each counts as an item; 0 if it depends on the characters.
    """
    kinds = V[V[V_BELOW] + node]
    extent = V[V[V_BELOW] + V[0] + node]
    if kinds & BEYOND_ASCII and extent & 1 == 0:
        return 0
    counts = -1
    for i in range(extent >> READER):
        way = way_from(G, V, s, ways, kinds, far)
        if way < 0:
            return 0
        if kinds & ~ways[way, WAY_TAKEN]:
            if kinds & ~ways[way, WAY_REFUSED] or G[G[G_ST] + s * ST] & LEXEME:
                return 0
            return -i if counts == EACH_COUNTS else i
        if counts >= 0 and ways[way, WAY_COUNTS] != counts:
            return 0
        counts = ways[way, WAY_COUNTS]
        if ways[way, WAY_GOAL] == s:
            break
        s = ways[way, WAY_GOAL]
    return -UNBOUNDED if counts == EACH_COUNTS else UNBOUNDED


@kernel("int64(int32[::1], int32[::1], int64, int64[::1], int64)")
def kinds_alive(G, V, s, edge, far):
    """The kinds of characters after any of which a terminal goes on from state s, whatever the count."""
    counts = ANYHOW if far else UNCOUNTED
    kinds = ANY_KIND
    edge[0] = 0
    before = 0
    for b in range(128):
        code = code_from(G, s, edge, b)
        if code != before or code <= 0:
            before = code
            if target_of(code, 0, counts) == 0 or goes_on(G, code & TARGET, far) == 0:
                before = 0
                kinds &= ~V[V[V_KINDS] + b]
    goal = wide_goal(G, s, counts)
    wide = goal > 0 and goes_on(G, goal, far) and characters_lead_to(G, s, goal, counts)
    return kinds | BEYOND_ASCII if wide else kinds


@kernel("int64(int32[::1], int64, int64)")
def wide_goal(G, s, counts):
    """The state behind one character beyond ASCII, or 0; see `target_by`."""
    return target_by(G, target_by(G, s, 0xC3, LT, counts), 0xA9, INC, counts)


@kernel("int64(int32[::1], int32[::1], int64, int64[:, ::1], int64)")
def alive_from(G, V, s, ways, far):
    """`kinds_alive`, remembered in `ways`; 0 where that is full."""
    way = way_from(G, V, s, ways, 0, far)
    if way < 0:
        return 0
    if ways[way, WAY_ALIVE] < 0:
        ways[way, WAY_ALIVE] = kinds_alive(G, V, s, ways[way, WAY_EDGE:], far)
    return ways[way, WAY_ALIVE]


@kernel("int64(int32[::1], int32[::1], int64, int64, int64[:, ::1], int64)")
def refused_from(G, V, s, kinds, ways, far):
    """Those of some kinds of bytes that end all in state s: it refuses them, and no token leaves a lexeme there."""
    way = way_from(G, V, s, ways, kinds, far)
    return 0 if way < 0 or G[G[G_ST] + s * ST] & (LEXEME | FINAL) else ways[way, WAY_REFUSED] & kinds


@kernel("int64(int32[::1], int32[::1], int64, int64, int64, int64[:, ::1], int64[::1], int64, int64)")
def kinds_beyond(G, V, s, kinds, common, ways, states, n, far):
    """Those of some kinds by which state s leads to states that go on by a common byte, too.

    Where that is all of them, those that this search has not seen yet are added to the n `states`, behind s; their
    number then stands last there, or 0 if there are too many.
    """
    search = ways[len(ways) - 1, WAYS_SEARCH]
    edge = ways[way_from(G, V, s, ways, 0, far), WAY_EDGE:]
    edge[0] = 0
    before = 0
    for b in range(129):
        kind = V[V[V_KINDS] + b]
        if kinds & kind == 0:
            continue
        t = code_from(G, s, edge, b) & TARGET if b < 128 else wide_goal(G, s, ANYHOW if far else UNCOUNTED)
        if t == before:
            continue
        before = t
        way = way_from(G, V, t, ways, 0, far)
        if way < 0 or n == len(states) - 1:
            states[len(states) - 1] = 0
            return 0
        if ways[way, WAY_SEEN] == search:
            continue
        if ways[way, WAY_FREE] == NOT_FREE or alive_from(G, V, t, ways, far) & common == 0:
            kinds &= ~kind
            before = 0
        else:
            ways[way, WAY_SEEN] = search
            ways[way, WAY_BEFORE] = s
            states[n] = t
            n += 1
    states[len(states) - 1] = n
    return kinds


@kernel("void(int32[::1], int32[::1], int64, int64[:, ::1], int64)")
def note_not_free(G, V, s, ways, far):
    """Note that a search for free text ended in state s, and in those by which it came there: none begins there."""
    while s > 0:
        way = way_from(G, V, s, ways, 0, far)
        s = ways[way, WAY_BEFORE] if ways[way, WAY_FREE] != NOT_FREE else 0
        ways[way, WAY_FREE] = NOT_FREE


@kernel("int64(int32[::1], int32[::1], int64, int64, int64[:, ::1], int64[::1], int64)")
def free_kinds(G, V, s, common, ways, states, far):
    """Kinds of characters of which a terminal takes any text from state s on, whatever the count; 0 if it finds none.

    The kinds of common bytes are among them: what leads to where these end, as an escape does, is not. `states` is
    scratch; more of them are not looked at. The kinds are those of all states that they lead to, which share them, and
    those that all of these refuse.
    """
    kinds = alive_from(G, V, s, ways, far)
    way = way_from(G, V, s, ways, 0, far)
    if way < 0 or ways[way, WAY_FREE]:
        return max(0, ways[way, WAY_FREE]) if way >= 0 else 0
    ways[way, WAY_BEFORE] = 0
    states[0] = s
    at = s
    n = 0
    while n == 0 and kinds & common:
        ways[len(ways) - 1, WAYS_SEARCH] += 1
        ways[way, WAY_SEEN] = ways[len(ways) - 1, WAYS_SEARCH]
        n = 1
        i = 0
        while i < n:
            at = states[i]
            alive = alive_from(G, V, at, ways, far)
            free = kinds_beyond(G, V, at, kinds & alive, common, ways, states, n, far)
            if states[len(states) - 1] == 0:  # so many are there from each of them, or nearly
                for j in range(n):
                    note_not_free(G, V, states[j], ways, far)
            n = states[len(states) - 1] if free == kinds else 0
            kinds = free
            i += 1
    if kinds & common == 0:
        note_not_free(G, V, at, ways, far)
        return 0
    refused = (ANY_KIND | BEYOND_ASCII) & ~kinds
    for i in range(n):
        refused &= refused_from(G, V, states[i], refused, ways, far)
    for i in range(n):
        way = way_from(G, V, states[i], ways, 0, far)
        ways[way, WAY_FREE] = kinds
        ways[way, WAY_NEVER] = refused
    return kinds


@kernel("int64(int32[::1], int32[::1], int64, int64[:, ::1], int64, int64[::1], int64)")
def chain_kinds(G, V, s, ways, longest, found, far):
    """Kinds of characters that lead from state s along one chain of ways; 0 if they may do something else behind it.

    found[0] becomes with how many characters at most, see `characters_taken`; found[1] the kinds of bytes that all
    states of the chain refuse.
    """
    kinds = ANY_KIND | BEYOND_ASCII
    counts = -1
    found[0] = UNBOUNDED
    found[1] = ANY_KIND | BEYOND_ASCII
    for i in range(longest):
        way = way_from(G, V, s, ways, BEYOND_ASCII, far)
        if way < 0:
            return 0
        found[1] &= refused_from(G, V, s, ANY_KIND | BEYOND_ASCII, ways, far)
        taken = kinds & ways[way, WAY_TAKEN]
        if taken == 0:
            if i == 0 or kinds & ~ways[way, WAY_REFUSED] or G[G[G_ST] + s * ST] & LEXEME:
                return 0
            found[0] = -i if counts == EACH_COUNTS else i
            return kinds
        if counts >= 0 and ways[way, WAY_COUNTS] != counts:
            return 0
        counts = ways[way, WAY_COUNTS]
        kinds = taken
        if ways[way, WAY_GOAL] == s:
            break
        s = ways[way, WAY_GOAL]
    if counts == EACH_COUNTS:
        found[0] = -UNBOUNDED
    return kinds


@kernel("int64(int32[::1], int32[::1], int64, int64[:, ::1], int64, int64[::1], int64)")
def bulk_kinds(G, V, s, ways, longest, states, far):
    """Kinds of characters of which all tokens, of up to so many, are inner ones for state s; 0 if there are few tokens.

    states[0] becomes how many, see `characters_taken`; states[1] the kinds of bytes by which no token goes on, wherever
    such characters led; the others are scratch.
    """
    common = V[V[V_KINDS] + GUIDES[0]]
    kinds = chain_kinds(G, V, s, ways, longest, states, far)
    most = states[0]
    never = states[1]
    if alive_from(G, V, s, ways, far) & ~kinds:
        free = free_kinds(G, V, s, common, ways, states, far)
        if free and kinds & ~free == 0:
            kinds = free
            most = UNBOUNDED
            never = ways[way_from(G, V, s, ways, 0, far), WAY_NEVER]
    states[0] = most
    states[1] = never
    return kinds if kinds & common else 0
