"""Minimal machines, on arrays: partition refinement, and canonical numbers.

`grammar/machine.py` does the same on Python's dicts, which is quicker for small machines. `moves` is (n, c): the state
after each class of bytes, -1 for none; classes are numbered by their lowest byte.

Sources: Hopcroft, "An n log n algorithm for minimizing states in a finite automaton" (1971); for machines with missing
moves Valmari and Lehtinen, "Efficient minimization of DFAs with partial transition functions" (2008).
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


@kernel("void(int32[:,::1], int64, int32[::1], int32[::1])")
def invert(moves, n, heads, before):
    """List the states before each one by class: those by c before t are before[heads[t * n_classes + c]:...]."""
    width = moves.shape[1]
    for i in range(n * width + 1):
        heads[i] = 0
    for q in range(n):
        for c in range(width):
            if moves[q, c] >= 0:
                heads[moves[q, c] * width + c + 1] += 1
    for i in range(n * width):
        heads[i + 1] += heads[i]
    for q in range(n):
        for c in range(width):
            t = moves[q, c]
            if t >= 0:
                at = t * width + c
                before[heads[at]] = q
                heads[at] += 1
    for i in range(n * width, 0, -1):
        heads[i] = heads[i - 1]
    heads[0] = 0


@kernel("void(int32[:,::1], int64, int32[::1], int32[::1], int32[::1], int32[:,::1])")
def drop_dead(moves, n, labels, heads, before, S):
    """Take out the moves to states that reach no accepting one."""
    width = moves.shape[1]
    waiting = 0
    for q in range(n):
        S[q, MS_BLOCK] = 0
        if labels[q]:
            S[q, MS_BLOCK] = 1
            S[waiting, MS_LIST] = q
            waiting += 1
    while waiting > 0:
        waiting -= 1
        t = S[waiting, MS_LIST]
        for i in range(heads[t * width], heads[(t + 1) * width]):
            q = before[i]
            if S[q, MS_BLOCK] == 0:
                S[q, MS_BLOCK] = 1
                S[waiting, MS_LIST] = q
                waiting += 1
    for q in range(n):
        for c in range(width):
            if moves[q, c] >= 0 and S[moves[q, c], MS_BLOCK] == 0:
                moves[q, c] = -1


@kernel("int64(int64, int32[::1], int64, int32[:,::1])")
def blocks_by_label(n, labels, n_labels, S):
    """Lay the states out in a block for each label, all of them waiting; returns the number of blocks."""
    blocks = 0
    place = 0
    for label in range(n_labels):
        first = place
        for q in range(n):
            if labels[q] == label:
                S[q, MS_BLOCK] = blocks
                S[q, MS_PLACE] = place
                S[place, MS_AT] = q
                place += 1
        if place > first:
            S[blocks, MB_FIRST] = first
            S[blocks, MB_END] = place
            S[blocks, MB_MARKED] = 0
            S[blocks, MB_WAITING] = blocks
            blocks += 1
    return blocks


@kernel("void(int32[:,::1], int64)")
def mark(S, q):
    """Move a state to the front of its block, behind those already marked."""
    b = S[q, MS_BLOCK]
    to = S[b, MB_FIRST] + S[b, MB_MARKED]
    at = S[q, MS_PLACE]
    other = S[to, MS_AT]
    S[to, MS_AT] = q
    S[at, MS_AT] = other
    S[q, MS_PLACE] = to
    S[other, MS_PLACE] = at
    S[b, MB_MARKED] += 1


@kernel("int64(int32[:,::1], int64, int64)")
def split(S, b, blocks):
    """Part the marked states of a block from the others, the fewer as a new block; whether there are others."""
    marked = S[b, MB_MARKED]
    S[b, MB_MARKED] = 0
    first = S[b, MB_FIRST]
    end = S[b, MB_END]
    if marked == end - first:
        return 0
    if 2 * marked <= end - first:
        end = first + marked
        S[b, MB_FIRST] = end
    else:
        first += marked
        S[b, MB_END] = first
    S[blocks, MB_FIRST] = first
    S[blocks, MB_END] = end
    S[blocks, MB_MARKED] = 0
    for place in range(first, end):
        S[S[place, MS_AT], MS_BLOCK] = blocks
    return 1


@kernel("int64(int32[:,::1], int64, int32[::1], int64, int32[::1], int32[::1], int32[:,::1], int32[::1])")
def refine(moves, n, labels, n_labels, heads, before, S, touched):
    """Split blocks until the states of each have equal moves between blocks; returns their number."""
    width = moves.shape[1]
    blocks = blocks_by_label(n, labels, n_labels, S)
    waiting = blocks
    while waiting > 0:
        waiting -= 1
        b = S[waiting, MB_WAITING]
        first = S[b, MB_FIRST]
        size = S[b, MB_END] - first
        for i in range(size):  # it may be split meanwhile
            S[i, MS_LIST] = S[first + i, MS_AT]
        for c in range(width):
            n_touched = 0
            for i in range(size):
                at = S[i, MS_LIST] * width + c
                for k in range(heads[at], heads[at + 1]):
                    q = before[k]
                    if S[S[q, MS_BLOCK], MB_MARKED] == 0:
                        touched[n_touched] = S[q, MS_BLOCK]
                        n_touched += 1
                    mark(S, q)
            for k in range(n_touched):
                if split(S, touched[k], blocks):
                    S[waiting, MB_WAITING] = blocks
                    waiting += 1
                    blocks += 1
    return blocks


@kernel("int64(int32[:,::1], int32[::1], int32[:,::1], int32[:,::1], int32[::1])")
def number_blocks(moves, labels, S, least, final):
    """Write the machine of the blocks, breadth-first from state 0 in the order of bytes; returns their number."""
    width = moves.shape[1]
    number = MB_FIRST
    order = MS_LIST
    for i in range(len(S)):
        S[i, number] = -1
    S[S[0, MS_BLOCK], number] = 0
    S[0, order] = 0
    n = 1
    k = 0
    while k < n:
        q = S[k, order]
        final[k] = labels[q]
        for c in range(width):
            t = moves[q, c]
            if t >= 0:
                b = S[t, MS_BLOCK]
                if S[b, number] < 0:
                    S[b, number] = n
                    S[n, order] = t
                    n += 1
                t = S[b, number]
            least[k, c] = t
        k += 1
    return n


@kernel("int64(int32[:,::1], int64, int32[::1], int64, int32[::1], int32[::1], int32[:,::1], int32[:,::1], int32[::1])")
def minimise_moves(moves, n, labels, n_labels, heads, before, S, least, final):
    """Write the smallest machine of the same labelled language to `least` and `final`; returns its number of states."""
    invert(moves, n, heads, before)
    drop_dead(moves, n, labels, heads, before, S)
    invert(moves, n, heads, before)
    refine(moves, n, labels, n_labels, heads, before, S, final)
    return number_blocks(moves, labels, S, least, final)
