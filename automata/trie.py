"""Token trie: the vocabulary's byte strings, in depth-first pre-order.

Laid out as
    node_byte           (n_nodes,)      uint8   byte on the edge into the node; 0 for the root
    node_depth          (n_nodes,)      int32   bytes from the root
    node_skip           (n_nodes,)      int32   next node in pre-order outside this node's subtree; n_nodes at the end
    token_indptr        (n_nodes + 1,)  int64   node -> range of `token_ids`
    token_ids           (n_text,)       int32   ids by byte string, equal strings by id
    first_node_of_byte  (256,)          int32   child of the root by byte; 0 where there is none
Laws
    1. Node 0 is the root, at depth 0; it has no tokens. 2. Children follow their parent, sorted by byte.
    3. Every leaf ends a token. 4. A subtree's tokens are token_ids[token_indptr[node] : token_indptr[node_skip[node]]].
    5. Arrays are C-contiguous and read-only.
Not chosen: a kernel; sorting and levels in numpy take 0.1 s for 128k tokens, far less than a kernel's compilation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEY = 16  # leading bytes that tokens are sorted by as numbers


@dataclass(frozen=True, eq=False)
class TokenTrie:
    """Trie over the tokens that have bytes; see the module's layout."""

    node_byte: NDArray[np.uint8]
    node_depth: NDArray[np.int32]
    node_skip: NDArray[np.int32]
    token_indptr: NDArray[np.int64]
    token_ids: NDArray[np.int32]
    first_node_of_byte: NDArray[np.int32]

    def __post_init__(self) -> None:
        for name, array in self.arrays().items():
            object.__setattr__(self, name, frozen(array))

    @classmethod
    def from_tokens(cls, tokens: Sequence[bytes]) -> TokenTrie:
        """Build the trie; token t has the bytes tokens[t], and is left out where they are empty."""
        data = np.frombuffer(b"".join(tokens) + bytes(_KEY), np.uint8)
        length = np.fromiter(map(len, tokens), np.int64, len(tokens))
        start = np.cumsum(length) - length
        ids = _sorted_ids(tokens, data, start, length)
        length, start = length[ids], start[ids]
        shared = _shared_prefixes(data, start, length)
        added = length - shared  # nodes that each token adds to those of the tokens before it
        owner = np.repeat(np.arange(len(ids)), added)
        depth = np.arange(len(owner)) - (np.cumsum(added) - added)[owner] + shared[owner]
        node_depth = np.concatenate(([0], depth + 1))
        node_byte = np.concatenate((np.zeros(1, np.uint8), data[start[owner] + depth]))
        n_tokens = np.bincount(np.cumsum(added), minlength=len(node_depth))
        node_skip, first = _skips(node_byte, node_depth)
        return cls(
            node_byte,
            node_depth.astype(np.int32),
            node_skip,
            np.concatenate(([0], np.cumsum(n_tokens))),
            ids.astype(np.int32),
            first,
        )

    @property
    def n_nodes(self) -> int:
        """Number of nodes, the root included."""
        return len(self.node_byte)

    @property
    def max_depth(self) -> int:
        """Bytes of the longest token."""
        return int(self.node_depth.max())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name, in the order of the constructor."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __reduce__(self) -> tuple[object, ...]:
        return TokenTrie, tuple(self.arrays().values())


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only, C-contiguous plain array with the content of `array`."""
    array = np.ascontiguousarray(array).view()
    array.setflags(write=False)
    return array


def _sorted_ids(
    tokens: Sequence[bytes], data: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The tokens that have bytes, by these, then by id: sorted as numbers where the first bytes tell, else as bytes."""
    ids = np.flatnonzero(length)
    words = np.lib.stride_tricks.sliding_window_view(data, _KEY)[start[ids]]
    words *= np.arange(_KEY) < length[ids, None]
    high, low = words.view(">u8").astype(np.uint64).T
    order = np.lexsort((length[ids], low, high))  # of words that differ in zeros at their ends, the shorter comes first
    ids, high, low = ids[order], high[order], low[order]
    alike = (high[1:] == high[:-1]) & (low[1:] == low[:-1]) & (length[ids[:-1]] > _KEY)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], alike, [False])).astype(np.int8)))
    for first, last in edges.reshape(-1, 2).tolist():
        ids[first : last + 1] = sorted(ids[first : last + 1].tolist(), key=lambda t: (tokens[t], t))
    return ids


def _shared_prefixes(data: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many leading bytes each string has in common with the one before it."""
    shared = np.zeros(len(length), np.int64)
    active, k = np.arange(1, len(length)), 0
    while active.size:
        active = active[np.minimum(length[active], length[active - 1]) > k]
        active = active[data[start[active] + k] == data[start[active - 1] + k]]
        shared[active] += 1
        k += 1
    return shared


def _skips(node_byte: NDArray[np.uint8], node_depth: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """`node_skip` and `first_node_of_byte`: subtree sizes, summed level by level from the deepest."""
    by_depth = np.argsort(node_depth, kind="stable")
    levels = np.split(by_depth, np.cumsum(np.bincount(node_depth))[:-1])
    size = np.ones(len(node_depth), np.int64)
    for above, level in zip(levels[-2::-1], levels[:0:-1], strict=True):
        parent = above[np.searchsorted(above, level) - 1]
        np.add.at(size, parent, size[level])
    first = np.zeros(256, np.int32)
    if len(levels) > 1:
        first[node_byte[levels[1]]] = levels[1]
    return (np.arange(len(size)) + size).astype(np.int32), first
