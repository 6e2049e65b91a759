"""The subset construction, on arrays.

`grammar/nfa.py` does the same on Python's dicts and sets, which is quicker for small machines. Bytes that all edges
treat alike are one class. Kernels are given all the room that they use, and say what does not suffice.

    states    (n + 1, 2)  first edge and first empty move of each state of the nondeterministic machine
    edges     (m, 2)      number of the byte set, target
    sets      (s + 1,)    first class of each byte set, in `classes`
    ranks     (n, 2)      the chain of a state, and its rank in it; -1: none
    moves     (room, c)   the state after each class; -1: none
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


@kernel("int64(int64)")
def scattered(q):
    """A hash of the number of a state; that of a set is their sum."""
    h = ((int(q) + 1) * 0x9E3779B1) & 0x3FFFFFFFFFF
    h ^= h >> 15
    h = (h * 0x85EBCA6B) & 0x3FFFFFFFFFF
    return h ^ (h >> 20)


@kernel("int64(int32[:,::1], int32[::1], int64, int64[:,::1], int32[::1], int64[::1])")
def close(states, empty, q, N, closures, used):
    """Find the closure of state q once: its states with edges, and those without any move."""
    if N[q, NS_SIZE] >= 0:
        return OK
    at = used[U_CLOSURES]
    if at + len(states) > len(closures):
        return NO_ROOM
    used[U_STAMP] += 1
    stamp = used[U_STAMP]
    N[q, NS_SEEN] = stamp
    N[0, NS_LIST] = q
    waiting = 1
    seen = 1
    size = 0
    while waiting > 0:
        waiting -= 1
        p = N[waiting, NS_LIST]
        if states[p, 1] == states[p + 1, 1] or states[p, 0] < states[p + 1, 0]:
            closures[at + size] = p
            size += 1
        for k in range(states[p, 1], states[p + 1, 1]):
            t = empty[k]
            if N[t, NS_SEEN] != stamp:
                N[t, NS_SEEN] = stamp
                seen += 1
                N[waiting, NS_LIST] = t
                waiting += 1
    N[q, NS_AT] = at
    N[q, NS_SIZE] = size
    used[U_CLOSURES] = at + size
    if seen > 1:
        used[U_VISITS] -= seen
    return OK if used[U_VISITS] >= 0 else SPENT


@kernel("int64(int32[:,::1], int32[::1], int64, int64, int64[:,::1])")
def keep_what_ends(states, members, at, size, N):
    """Keep those of the members that have no edges, and one that accepts everything, the last; how many they are."""
    kept = 0
    for i in range(at, at + size - 1):
        q = members[i]
        if states[q, 0] == states[q + 1, 0]:
            members[at + kept] = q
            kept += 1
        else:
            N[q, NS_SEEN] = 0
    members[at + kept] = members[at + size - 1]
    return kept + 1


@kernel("int64(int32[:,::1], int32[:,::1], int32[::1], int64, int64, int64[:,::1], int64[:,::1], int32[::1], "
        "int32[::1], int64, int64[::1])")  # fmt: skip
def join_closures(states, ranks, targets, first, last, N, H, closures, members, at, used):
    """Write the closures of targets[first:last] together to `members` from `at` on; how many they are, or SPENT.

    Of the states of one chain, the one of the highest rank accepts whatever the others do; these are left out. So are
    all that read on beside one that accepts everything. Those written have the new stamp.
    """
    used[U_STAMP] += 1
    stamp = used[U_STAMP]
    size = 0
    whole = -1
    for k in range(first, last):
        t = targets[k]
        if N[t, NS_TAKEN] == stamp:
            continue
        N[t, NS_TAKEN] = stamp
        closed = N[t, NS_AT]
        used[U_STEPS] -= N[t, NS_SIZE]
        if used[U_STEPS] < 0:
            return SPENT
        for i in range(closed, closed + N[t, NS_SIZE]):
            q = closures[i]
            if N[q, NS_SEEN] == stamp:
                continue
            chain = ranks[q, 0]
            if chain == EVERYTHING:
                if whole < 0:
                    whole = q
                continue
            if chain >= 0 and H[chain, CH_STAMP] == stamp:
                other = members[H[chain, CH_AT]]
                if ranks[other, 1] < ranks[q, 1]:
                    N[other, NS_SEEN] = 0
                    N[q, NS_SEEN] = stamp
                    members[H[chain, CH_AT]] = q
                continue
            if chain >= 0:
                H[chain, CH_STAMP] = stamp
                H[chain, CH_AT] = at + size
            N[q, NS_SEEN] = stamp
            members[at + size] = q
            size += 1
    if whole < 0:
        return size
    N[whole, NS_SEEN] = stamp
    members[at + size] = whole
    return keep_what_ends(states, members, at, size + 1, N)


@kernel("int64(int32[:,::1], int32[::1], int32[:,::1], int32[::1], int64, int64, int64[:,::1], int64[:,::1], "
        "int32[::1], int64[:,::1], int32[::1], int32[::1], int64, int64[::1])")  # fmt: skip
def joined(states, empty, ranks, targets, first, last, N, H, closures, D, members, table, n, used):
    """The number of the state that is the closures of targets[first:last] together: one of the n found, or n itself.

    Then its members lie behind those of the others.
    """
    for k in range(first, last):
        status = close(states, empty, targets[k], N, closures, used)
        if status < 0:
            return status
    at = used[U_MEMBERS]
    if at + len(states) > len(members):
        return NO_ROOM
    size = join_closures(states, ranks, targets, first, last, N, H, closures, members, at, used)
    if size < 0:
        return size
    stamp = used[U_STAMP]
    h = 0
    for i in range(at, at + size):
        h += scattered(members[i])
    slot = h & (len(table) - 1)
    while table[slot] > 0:
        d = table[slot] - 1
        if D[d, DS_HASH] == h and D[d, DS_SIZE] == size:
            same = True
            for i in range(D[d, DS_AT], D[d, DS_AT] + size):
                if N[members[i], NS_SEEN] != stamp:
                    same = False
                    break
            if same:
                return d
        slot = (slot + 1) & (len(table) - 1)
    if n >= len(D):
        return NO_ROOM
    table[slot] = n + 1
    D[n, DS_AT] = at
    D[n, DS_SIZE] = size
    D[n, DS_HASH] = h
    used[U_MEMBERS] = at + size
    return n


@kernel("int64(int32[:,::1], int32[:,::1], int32[::1], int32[::1], int64, int64[:,::1], int32[::1], int64[:,::1], "
        "int32[::1])")  # fmt: skip
def list_targets(states, edges, sets, classes, d, D, members, C, targets):
    """List the targets of each class from the members of state d; FAILED if there is no room."""
    for c in range(len(C)):
        C[c, BC_EDGES] = 0
        C[c, BC_FILLED] = 0
        C[c, BC_HASH] = 0
    first = D[d, DS_AT]
    last = first + D[d, DS_SIZE]
    for i in range(first, last):
        for e in range(states[members[i], 0], states[members[i] + 1, 0]):
            for k in range(sets[edges[e, 0]], sets[edges[e, 0] + 1]):
                C[classes[k], BC_EDGES] += 1
    at = 0
    for c in range(len(C)):
        C[c, BC_AT] = at
        at += C[c, BC_EDGES]
    if at > len(targets):
        return FAILED
    for i in range(first, last):
        for e in range(states[members[i], 0], states[members[i] + 1, 0]):
            t = edges[e, 1]
            for k in range(sets[edges[e, 0]], sets[edges[e, 0] + 1]):
                c = classes[k]
                targets[C[c, BC_AT] + C[c, BC_FILLED]] = t
                C[c, BC_FILLED] += 1
                C[c, BC_HASH] = (int(C[c, BC_HASH]) * 31 + int(t)) & 0x3FFFFFFFFFF
    return OK


@kernel("int64(int64[:,::1], int32[::1], int64)")
def alike_before(C, targets, c):
    """A class before c with the same targets in the same order; -1 if there is none."""
    n = C[c, BC_EDGES]
    for other in range(c):
        if C[other, BC_EDGES] == n and C[other, BC_HASH] == C[c, BC_HASH]:
            same = True
            for k in range(n):
                if targets[C[other, BC_AT] + k] != targets[C[c, BC_AT] + k]:
                    same = False
                    break
            if same:
                return other
    return -1


@kernel("int64(int32[:,::1], int32[:,::1], int32[::1], int32[::1], int32[::1], int32[:,::1], int64, int64[:,::1], "
        "int64[:,::1], int64[:,::1], int64[:,::1], int32[::1], int32[::1], int32[::1], int32[::1], int32[:,::1], "
        "int64[::1])")  # fmt: skip
def construct_subsets(
    states, edges, empty, sets, classes, ranks, start, N, H, C, D, members, closures, targets, table, moves, used
):
    """Fill `moves` and D; returns the number of states, the first is 0; NO_ROOM, or SPENT if `used` leaves no more."""
    targets[0] = start
    n = joined(states, empty, ranks, targets, 0, 1, N, H, closures, D, members, table, 0, used)
    if n < 0:
        return n
    n = 1
    d = 0
    while d < n:
        if list_targets(states, edges, sets, classes, d, D, members, C, targets) < 0:
            return NO_ROOM
        last = len(C) - 1
        used[U_STEPS] -= C[last, BC_AT] + C[last, BC_EDGES]
        if used[U_STEPS] < 0:
            return SPENT
        for c in range(len(C)):
            if C[c, BC_EDGES] == 0:
                moves[d, c] = -1
                continue
            other = alike_before(C, targets, c)
            if other >= 0:
                moves[d, c] = moves[d, other]
                continue
            first = C[c, BC_AT]
            alone = C[c, BC_EDGES] == 1
            t = targets[first]
            after = N[t, NS_ALONE] if alone else -1
            if after < 0:
                after = joined(
                    states, empty, ranks, targets, first, first + C[c, BC_EDGES],
                    N, H, closures, D, members, table, n, used,
                )  # fmt: skip
                if after < 0:
                    return after
                if alone:
                    N[t, NS_ALONE] = after
                if after == n:
                    n += 1
                    used[U_WORK] -= D[after, DS_SIZE]
                    if n > used[U_LIMIT] or used[U_WORK] < 0:
                        return SPENT
            moves[d, c] = after
        d += 1
    return n
