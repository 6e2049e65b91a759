"""The split of a vocabulary for a state of a terminal, token by token and byte by byte."""

from __future__ import annotations

import numpy as np

from syntagma.automata import _layout_kernels as L
from syntagma.automata._payload_kernels import edge_code


def naive_split(
    G: np.ndarray, state: int, tokens: list[bytes]
) -> tuple[list[tuple[int, int]], list[tuple[int, int, int]]]:
    """The tokens that stay inside, and (token, bytes inside) for each way to leave; with the items that they start."""
    inner, exits = [], []
    for t, text in enumerate(tokens):
        at, count = state, int(G[G[L.G_ST] + state * L.ST] & L.INSIDE > 0)
        for k, byte in enumerate(text, 1):
            code = edge_code(G, at, byte)
            if code == 0:
                break
            at = code & L.TARGET
            count += code >> L.FLAG_SHIFT & L.LT != 0
            flags = int(G[G[L.G_ST] + at * L.ST])
            if flags & L.FINAL and (k < len(text) or flags & L.POP):
                exits.append((t, k, count))
            if k == len(text) and not flags & L.POP:
                inner.append((t, count))
    return inner, exits
