"""The split of a vocabulary for a state of a terminal, token by token and byte by byte."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from syntagma.automata import _layout_kernels as L
from syntagma.automata._payload_kernels import edge_code
from syntagma.automata._split_kernels import split_tokens
from syntagma.automata.tables import STATES, WAYS, TerminalTables


class Split(NamedTuple):
    """What a split says, each part sorted."""

    #: (token, items that it starts), of those that stay inside.
    inner: list[tuple[int, int]]
    #: (token, items that it starts before it leaves the loop), of those that stay inside, but leave it.
    crossing: list[tuple[int, int]]
    #: (token, bytes inside, items that it starts), for each way to leave.
    exits: list[tuple[int, int, int]]


def naive_split(G: np.ndarray, state: int, tokens: list[bytes]) -> Split:
    """The split by definition."""
    inner, crossing, exits = [], [], []
    for t, text in enumerate(tokens):
        at, count, left = state, int(G[G[L.G_ST] + state * L.ST] & L.INSIDE > 0), -1
        for k, byte in enumerate(text, 1):
            code = edge_code(G, at, byte)
            if code == 0:
                break
            at = code & L.TARGET
            left = count if code >> L.FLAG_SHIFT & L.GE else left
            count += code >> L.FLAG_SHIFT & L.LT != 0
            flags = int(G[G[L.G_ST] + at * L.ST])
            if flags & L.FINAL and (k < len(text) or flags & L.POP):
                exits.append((t, k, count))
            if k == len(text) and not flags & L.POP:
                inner.append((t, count))
                crossing += [(t, left)] * (left >= 0)
    return Split(sorted(inner), sorted(crossing), sorted(exits))


def kernel_split(
    tables: TerminalTables, G: np.ndarray, state: int, compiled: bool = True, far: bool = False
) -> tuple[Split, np.ndarray]:
    """The split by the kernel, and the exits as it writes them."""
    path, ways = np.zeros((tables.longest + 2, 10), np.int64), np.zeros((WAYS + 1, L.WAY_COLUMNS), np.int64)
    rows = np.full((L.VARIANTS + 1) * tables.words, -1, np.int32)
    lists, tally = np.zeros((3, L.MAX_LONG, 2), np.int32), np.zeros(L.TALLY, np.int64)
    exits = np.zeros((5000, 4), np.int32)
    split = split_tokens if compiled else getattr(split_tokens, "py_func", split_tokens)
    states = np.zeros(STATES, np.int64)
    arenas = G, tables.V, tables.R, tables.data, tables.start
    assert split(*arenas, state, int(far), path, ways, states, rows, lists, exits, tally) == L.OK
    listed = [[tuple(pair) for pair in lists[k, : tally[k]].tolist()] for k in (L.N_INNER, L.N_LONG, L.N_CROSSING)]
    long = dict(listed[L.N_LONG])
    rows = rows.reshape(-1, tables.words)[: tally[L.TOP_ROW] + 1]
    bits = np.unpackbits(rows.view(np.uint8), axis=1, bitorder="little")
    inner = [(int(t), long.get(int(t), k)) for k, row in enumerate(bits) for t in np.flatnonzero(row)]
    assert len(inner) <= tally[L.N_INNER]
    assert tally[L.N_INNER] > L.LISTED_UP_TO or sorted(listed[L.N_INNER]) == sorted(inner)
    exits = exits[: tally[L.N_EXITS]]
    return Split(sorted(inner), sorted(listed[L.N_CROSSING]), sorted(map(tuple, exits[:, :3].tolist()))), exits
