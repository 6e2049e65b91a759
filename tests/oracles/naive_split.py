"""The split of a vocabulary for a state of a terminal, token by token and byte by byte."""

from __future__ import annotations

import numpy as np

from syntagma.automata import _layout_kernels as L
from syntagma.automata._payload_kernels import edge_code


def naive_split(G: np.ndarray, state: int, tokens: list[bytes]) -> tuple[list[int], list[tuple[int, int]]]:
    """The tokens that stay inside, and (token, bytes inside) for each way to leave."""
    inner, exits = [], []
    for t, text in enumerate(tokens):
        at = state
        for k, byte in enumerate(text, 1):
            code = edge_code(G, at, byte)
            if code == 0:
                break
            at = code & L.TARGET
            flags = int(G[G[L.G_ST] + at * L.ST])
            if flags & L.FINAL and (k < len(text) or flags & L.POP):
                exits.append((t, k))
            if k == len(text) and not flags & L.POP:
                inner.append(t)
    return inner, exits
