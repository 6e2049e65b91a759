"""Deterministic machines: from a nondeterministic one to the smallest."""

# ruff: noqa: F405
from __future__ import annotations

from ._layout_kernels import *  # noqa: F403
from ._minimise_kernels import minimise_moves
from ._subset_kernels import construct_subsets
from .kernel import kernel


@kernel()
def least_machine(
    states, edges, empty, sets, classes, ranks, start, n_finals, N, H, C, D, members, closures, targets, table, moves,
    used, labels, heads, before, S, least, final,
):  # fmt: skip
    """Write the moves of the smallest deterministic machine to `least`, its labels to `final`.

    Returns the number of its states; NO_ROOM, or SPENT if `used` leaves no more. See `_subset_kernels.py`.
    """
    n = construct_subsets(
        states, edges, empty, sets, classes, ranks, start, N, H, C, D, members, closures, targets, table, moves, used
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
