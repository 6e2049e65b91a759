"""Deterministic machines: from a nondeterministic one to the smallest, and to the block of a terminal."""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._minimise_kernels import minimise_moves
from ._subset_kernels import construct_subsets
from .kernel import kernel


@kernel()
def least_machine(
    states, edges, empty, sets, classes, start, n_finals, N, C, D, members, closures, targets, table, moves, used,
    labels, heads, before, S, least, final,
):  # fmt: skip
    """Write the moves of the smallest deterministic machine to `least`, its labels to `final`.

    Returns the number of its states; NO_ROOM, or SPENT if `used` leaves no more. See `_subset_kernels.py`.
    """
    n = construct_subsets(
        states, edges, empty, sets, classes, start, N, C, D, members, closures, targets, table, moves, used
    )
    if n < 0:
        return n
    for d in range(n):
        labels[d] = 0
        for i in range(D[d, DS_AT], D[d, DS_AT] + D[d, DS_SIZE]):
            q = members[i]
            if q < n_finals and (labels[d] == 0 or q < labels[d] - 1):
                labels[d] = q + 1
    return minimise_moves(moves, n, labels, n_finals + 1, heads, before, S, least, final)


@kernel()
def lay_moves(moves, labels, class_of, dense_from, tabled_from, free_from, records, flat, codes, used):
    """Write the states of a terminal's block (see B) from the machine's moves by class of bytes.

    `used` gets the number of words of `flat` and of `codes`; with `records` empty, nothing else is written.
    """
    n = len(labels)
    writes = len(records) > 0
    n_flat = 0
    n_codes = 0
    for q in range(n):
        width = 0
        wide = False
        ranges = 0
        last = -1
        for b in range(256):
            t = moves[q, class_of[b]]
            if t != last and t >= 0:
                ranges += 1
            last = t
        dense = ranges >= dense_from
        first = n_flat
        last = -1
        for b in range(256):
            t = moves[q, class_of[b]]
            if t >= 0:
                width += 1
            if dense:
                if writes:
                    flat[n_flat] = t + 1 if t >= 0 else 0
                    codes[n_codes] = n_flat
                n_flat += 1
                n_codes += 1
            elif t >= 0:
                if t != last:
                    if writes:
                        flat[n_flat] = b | b << 8
                        flat[n_flat + 1] = t + 1
                        codes[n_codes] = n_flat + 1
                    n_flat += 2
                    n_codes += 1
                elif writes:
                    flat[n_flat - 2] = (flat[n_flat - 2] & 255) | b << 8
            last = t
        if not writes:
            continue
        at = q * ST
        records[at + S_AUX] = width
        records[at + S_FLAGS] = (0 if labels[q] == 0 else FINAL if ranges else FINAL | POP) | (DENSE if dense else 0)
        if labels[q] == 0:
            records[at + S_FLAGS] |= FAST
        records[at + S_EDGES] = first
        records[at + S_NEDGES] = 256 if dense else ranges
        records[at + S_CALLS] = n_flat
        records[at + S_TOKENS] = n_flat
        records[at + S_TABLE] = -1
    used[0] = n_flat
    used[1] = n_codes
    if not writes:
        return
    for q in range(n):
        wide = records[q * ST + S_AUX] >= tabled_from
        for c in range(moves.shape[1]):
            t = moves[q, c]
            if t >= 0 and records[t * ST + S_AUX] >= free_from:
                wide = True
        if wide:
            records[q * ST + S_FLAGS] |= TABLED
    for q in range(n):
        records[q * ST + S_AUX] = 0
