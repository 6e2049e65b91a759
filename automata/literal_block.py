"""Blocks of many literals: their minimal automaton as arrays, without a state in Python.

An enumeration of thousands of strings is lowered in the time that sorting it takes: a trie of the words whose equal
subtrees are merged. Subtrees are told apart by a hash of 64 bits; what was merged is compared afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..grammar.ir import Alt, Bytes, Expr
from . import _layout_kernels as L
from .block import FREE_FROM, TABLED_FROM
from .lowered import Lowered
from .ranges import DENSE_FROM
from .trie import TokenTrie

Ints = NDArray[np.int64]

#: From so many words on this pays.
MANY = 64
#: Bytes of all words up to which their trie is small enough.
MAX_BYTES = 4 << 20


def literal_words(expr: Expr) -> list[bytes]:
    """The words of an alternation of many literals; none if it is something else."""
    if not isinstance(expr, Alt) or len(expr.items) < MANY:
        return []
    words = [item.data for item in expr.items if isinstance(item, Bytes) and item.data]
    return words if len(words) == len(expr.items) and sum(map(len, words)) <= MAX_BYTES else []


class Tree(NamedTuple):
    """States with edges, the edges of a state side by side."""

    #: (n,) whether a word ends here.
    final: NDArray[np.bool_]
    #: (n,) number of edges.
    width: Ints
    #: (m,) the byte of each edge, and the state that it leads to.
    byte: Ints
    target: Ints

    @property
    def first(self) -> Ints:
        """(n,) the first edge of each state."""
        return np.cumsum(self.width) - self.width

    @property
    def source(self) -> Ints:
        """(m,) the state of each edge."""
        return np.repeat(np.arange(len(self.width)), self.width)


def lower_literals(words: Sequence[bytes]) -> Lowered:
    """The block of an alternation of words, none of them empty."""
    tree, depth = _trie(words)
    return _block(_merged(tree, depth))


def _trie(words: Sequence[bytes]) -> tuple[Tree, Ints]:
    """The trie of the words, and the depth of its nodes."""
    from ._trie_kernels import index_trie  # numba, which reports on a grammar do without

    trie = TokenTrie.from_tokens(words)
    n = trie.n_nodes
    nodes = np.zeros((n + 1, 4), np.int32)
    nodes[:n, 0], nodes[:n, 1], nodes[n, 1] = trie.node_byte, trie.node_skip, n
    kids = np.zeros(n, np.int32)
    index_trie(nodes, n, kids)
    kids = kids[: n - 1].astype(np.int64)
    width = np.diff(nodes[:, 3]).astype(np.int64)
    return Tree(np.diff(trie.token_indptr) > 0, width, kids & 255, kids >> 8), trie.node_depth.astype(np.int64)


def _merged(tree: Tree, depth: Ints) -> Tree:
    """The tree with equal subtrees merged, the root still state 0."""
    hashes = _hashes(tree, depth)
    _, seen, kind = np.unique(hashes, return_index=True, return_inverse=True)
    place = np.empty(len(seen), np.int64)
    place[np.argsort(seen)] = np.arange(len(seen))  # kinds in the order in which they come
    state, chosen = place[kind], np.sort(seen)
    like = chosen[state]  # a node of the same kind
    if (tree.width != tree.width[like]).any() or (tree.final != tree.final[like]).any():
        return tree
    source, first = tree.source, tree.first
    twin = first[like[source]] + np.arange(len(source)) - first[source]
    if (tree.byte != tree.byte[twin]).any() or (state[tree.target] != state[tree.target[twin]]).any():
        return tree
    kept = np.isin(source, chosen)
    return Tree(tree.final[chosen], tree.width[chosen], tree.byte[kept], state[tree.target[kept]])


def _hashes(tree: Tree, depth: Ints) -> NDArray[np.uint64]:
    """A hash of each node's subtree, from the deepest nodes upwards."""
    hashes = np.where(tree.final, np.uint64(0x9E3779B97F4A7C15), np.uint64(0x632BE59BD9B4E019))
    source, byte = tree.source, tree.byte.astype(np.uint64)
    edge_depth = depth[source]
    for level in range(int(depth.max()) - 1, -1, -1):
        edges = np.flatnonzero(edge_depth == level)
        mixed = (hashes[tree.target[edges]] ^ (byte[edges] + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)) * np.uint64(
            0x94D049BB133111EB
        )
        np.add.at(hashes, source[edges], (mixed ^ mixed >> np.uint64(29)) * np.uint64(0xD6E8FEB86659FD93))
    return hashes


def _block(tree: Tree) -> Lowered:
    """The block with state k + 1 for state k."""
    n, width, source = len(tree.width), tree.width, tree.source
    dense = width >= DENSE_FROM
    size = np.where(dense, 256, 2 * width)
    at = np.cumsum(size) - size
    rank = np.arange(len(source)) - tree.first[source]
    codes = np.where(dense[source], at[source] + tree.byte, at[source] + 2 * rank + 1)
    flat = np.zeros(int(size.sum()), np.int32)
    flat[codes] = tree.target + 1
    sparse = ~dense[source]
    flat[codes[sparse] - 1] = tree.byte[sparse] | tree.byte[sparse] << 8
    tabled = width >= TABLED_FROM
    tabled[source[width[tree.target] >= FREE_FROM]] = True
    records = np.zeros((n, L.ST), np.int32)
    records[:, L.S_FLAGS] = (
        np.where(tree.final, L.FINAL | np.where(width == 0, L.POP, 0), L.FAST)
        | np.where(dense, L.DENSE, 0)
        | np.where(tabled, L.TABLED, 0)
    )
    records[:, L.S_EDGES] = records[:, L.S_CALLS] = records[:, L.S_TOKENS] = at
    records[:, L.S_NEDGES] = np.where(dense, 256, width)
    records[:, L.S_TABLE] = -1
    header = np.zeros(L.B_HEADER, np.int32)
    header[[L.B_STATES, L.B_FLAT, L.B_CODES, L.B_TERMINAL]] = n, len(flat), len(codes), 1
    header[L.B_RULE : L.B_RULE + 8] = L.PLAIN, 0, -1, 0, len(flat), -1, 0, len(flat)
    return Lowered(np.concatenate((header, records.reshape(-1), flat, codes.astype(np.int32))))
