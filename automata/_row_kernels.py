"""Rows of states, and the block of a terminal that they make.

A row is a state's edges as ranges of bytes, ascending: (first byte | last byte << 8, code). Of neighbouring ranges no
two have the same code.

    rows      (n, 2)  by state where its ranges begin, and how many they are
    ranges    (m, 2)
"""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from .kernel import kernel


@kernel("int64(int32[:,::1], int64, int64, int64, int64, int64)")
def add_range(ranges, at, size, first, last, code):
    """Add a range behind the ranges of a row, which begins at `at`; how many it has then."""
    if size > 0:
        before = ranges[at + size - 1, 0]
        if ranges[at + size - 1, 1] == code and before >> 8 == first - 1:
            ranges[at + size - 1, 0] = (before & 255) | last << 8
            return size
    ranges[at + size, 0] = first | last << 8
    ranges[at + size, 1] = code
    return size + 1


@kernel("int64(int32[:,::1], int64, int64)")
def width_of(ranges, at, size):
    """The number of bytes that a row allows."""
    width = 0
    for i in range(at, at + size):
        if ranges[i, 1] > 0:
            width += (ranges[i, 0] >> 8) - (ranges[i, 0] & 255) + 1
    return width


@kernel()
def rows_of_moves(moves, class_of, rows, ranges):
    """The rows of a machine's moves by class of bytes; state q of the machine is state q + 1. The number of ranges."""
    used = 0
    for q in range(len(moves)):
        size = 0
        for b in range(256):
            t = moves[q, class_of[b]]
            if t >= 0:
                size = add_range(ranges, used, size, b, b, t + 1)
        rows[q, 0] = used
        rows[q, 1] = size
        used += size
    return used


@kernel("void(int32[:,::1], int32[:,::1], int32[::1], int64, int64, int32[::1], int32[::1])")
def mark_tabled(rows, ranges, flags, tabled_from, free_from, records, widths):
    """Mark the states that are worth a table: many bytes, and no set of feasible counts has gaps."""
    for s in range(len(rows)):
        widths[s] = width_of(ranges, rows[s, 0], rows[s, 1])
    for s in range(len(rows)):
        wide = widths[s] >= tabled_from
        asks = False
        for i in range(rows[s, 0], rows[s, 0] + rows[s, 1]):
            if ranges[i, 1] > 0:
                t = (ranges[i, 1] & TARGET) - 1
                wide = wide or widths[t] >= free_from
                asks = asks or flags[t] & (FEASIBLE | CEILING) == FEASIBLE
        if wide and not asks:
            records[s * ST + S_FLAGS] |= TABLED


@kernel()
def lay_terminal(
    rows, ranges, flags, words_at, words, dense_from, tabled_from, free_from, records, flat, codes, widths
):
    """Write a terminal's block (see B): its states' records, the flat part and where codes are in it.

    `flags` by state; the words of state s are words[words_at[s]:words_at[s + 1]].
    """
    n_flat = 0
    n_codes = 0
    for s in range(len(rows)):
        size = rows[s, 1]
        dense = size >= dense_from
        at = s * ST
        for i in range(ST):
            records[at + i] = 0
        records[at + S_EDGES] = n_flat
        records[at + S_NEDGES] = 256 if dense else size
        if dense:
            for b in range(256):
                flat[n_flat + b] = 0
                codes[n_codes + b] = n_flat + b
            for i in range(rows[s, 0], rows[s, 0] + size):
                for b in range(ranges[i, 0] & 255, (ranges[i, 0] >> 8) + 1):
                    flat[n_flat + b] = ranges[i, 1]
            n_flat += 256
            n_codes += 256
        else:
            for i in range(rows[s, 0], rows[s, 0] + size):
                flat[n_flat] = ranges[i, 0]
                flat[n_flat + 1] = ranges[i, 1]
                codes[n_codes] = n_flat + 1
                n_flat += 2
                n_codes += 1
        records[at + S_TOKENS] = n_flat
        if words_at[s + 1] > words_at[s]:
            records[at + S_AUX] = n_flat
            for i in range(words_at[s], words_at[s + 1]):
                flat[n_flat] = words[i]
                n_flat += 1
        end = flags[s]
        if not end & FINAL:
            end |= FAST
        elif not end & COND and size == 0:
            end |= POP
        records[at + S_FLAGS] = end | DENSE if dense else end
        records[at + S_NEAR] = -1
        records[at + S_TABLE] = -1
    mark_tabled(rows, ranges, flags, tabled_from, free_from, records, widths)
