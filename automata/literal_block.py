"""Blocks of many literals: the trie of the words as arrays, without a state in Python.

An enumeration of thousands of strings is lowered in the time that sorting it takes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..grammar.ir import Alt, Bytes, Expr
from . import _layout_kernels as L
from .block import DENSE_FROM, FREE_FROM, TABLED_FROM, Lowered
from .trie import TokenTrie

#: From so many words on this pays; fewer become a minimal machine, whose states more masks share.
MANY = 64
#: Bytes of all words up to which a trie is small enough.
MAX_BYTES = 4 << 20


def literal_words(expr: Expr) -> list[bytes]:
    """The words of an alternation of many literals; none if it is something else."""
    if not isinstance(expr, Alt) or len(expr.items) < MANY:
        return []
    words = [item.data for item in expr.items if isinstance(item, Bytes) and item.data]
    return words if len(words) == len(expr.items) and sum(map(len, words)) <= MAX_BYTES else []


def lower_literals(words: Sequence[bytes]) -> Lowered:
    """The block of an alternation of words, none of them empty; state k + 1 is node k of their trie."""
    from ._table_kernels import index_trie  # numba, which reports on a grammar do without

    trie = TokenTrie.from_tokens(words)
    n = trie.n_nodes
    nodes = np.zeros((n + 1, 4), np.int32)
    nodes[:n, 0], nodes[:n, 1], nodes[n, 1] = trie.node_byte, trie.node_skip, n
    kids = np.zeros(n, np.int32)
    index_trie(nodes, n, kids)
    kids = kids[: n - 1]
    width = np.diff(nodes[:, 3])
    dense = width >= DENSE_FROM
    size = np.where(dense, 256, 2 * width)
    at = np.cumsum(size) - size
    parent = np.repeat(np.arange(n), width)
    byte, code = kids & 255, (kids >> 8) + 1
    rank = np.arange(n - 1) - nodes[parent, 3]
    codes = np.where(dense[parent], at[parent] + byte, at[parent] + 2 * rank + 1)
    flat = np.zeros(int(size.sum()), np.int32)
    flat[codes] = code
    sparse = ~dense[parent]
    flat[codes[sparse] - 1] = byte[sparse] | byte[sparse] << 8
    records = np.zeros((n, L.ST), np.int32)
    final = np.diff(trie.token_indptr) > 0
    tabled = width >= TABLED_FROM
    tabled[parent[width[kids >> 8] >= FREE_FROM]] = True
    records[:, L.S_FLAGS] = (
        np.where(final, L.FINAL | np.where(width == 0, L.POP, 0), L.FAST)
        | np.where(dense, L.DENSE, 0)
        | np.where(tabled, L.TABLED, 0)
    )
    records[:, L.S_EDGES] = records[:, L.S_CALLS] = records[:, L.S_TOKENS] = at
    records[:, L.S_NEDGES] = np.where(dense, 256, width)
    records[:, L.S_TABLE] = -1
    rule = (L.PLAIN, 0, -1, 0, len(flat), -1, 0, len(flat))
    return Lowered(records, flat, codes.astype(np.int64), np.zeros(n, np.bool_), rule, 0, True, None, {})
