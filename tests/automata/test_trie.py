"""The token trie against its definition."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_trie import Node, naive_trie

from syntagma.automata._trie_kernels import sort_exits
from syntagma.automata.trie import TokenTrie

_TEXT = st.binary(max_size=3) | st.text("ab", max_size=6).map(str.encode)


def nodes_of(trie: TokenTrie) -> list[Node]:
    """The trie in the oracle's form."""
    ids, start, skip = trie.token_ids.tolist(), trie.token_indptr, trie.node_skip
    return [
        Node(
            int(trie.node_byte[n]),
            int(trie.node_depth[n]),
            int(skip[n]),
            tuple(ids[start[n] : start[n + 1]]),
            tuple(ids[start[n] : start[skip[n]]]),
        )
        for n in range(trie.n_nodes)
    ]


@settings(max_examples=200, deadline=None)
@given(st.lists(_TEXT, max_size=30))
def test_trie_follows_its_definition(tokens: list[bytes]) -> None:
    trie = TokenTrie.from_tokens(tokens)
    expected = naive_trie(tokens)
    assert nodes_of(trie) == expected
    assert trie.max_depth == max(map(len, tokens), default=0)
    roots = {node.byte: at for at, node in enumerate(expected) if node.depth == 1}
    assert trie.first_node_of_byte.tolist() == [roots.get(b, 0) for b in range(256)]


def test_deep_trie() -> None:
    tokens = [b"x" * 5000, b"x" * 4999 + b"y", b"x"]
    trie = TokenTrie.from_tokens(tokens)
    assert trie.n_nodes == 5002
    assert trie.node_skip[1] == 5002
    assert trie.token_ids.tolist() == [2, 0, 1]


def test_dtypes_and_frozen() -> None:
    trie = TokenTrie.from_tokens([b"a", b"b"])
    dtypes = {name: array.dtype for name, array in trie.arrays().items()}
    assert dtypes == {
        "node_byte": np.uint8,
        "node_depth": np.int32,
        "node_skip": np.int32,
        "token_indptr": np.int64,
        "token_ids": np.int32,
        "first_node_of_byte": np.int32,
    }
    for array in pickle.loads(pickle.dumps(trie)).arrays().values():
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(b"\0a\xff"), max_size=20).map(bytes), min_size=1, max_size=40), st.data())
def test_exits_are_sorted_by_what_follows(tokens: list[bytes], data: st.DataObject) -> None:
    """The first bytes decide, zeros and lengths among them; equal ones stay in their order."""
    inside = [data.draw(st.integers(0, len(token))) for token in tokens]
    exits = np.array([(t, k, 0) for t, k in enumerate(inside)], np.int32)
    start = np.cumsum([0, *map(len, tokens)]).astype(np.int64)
    text = np.frombuffer(b"".join(tokens) + b"\0", np.uint8).copy()
    n = len(tokens)
    order, spare = np.empty(n, np.int64), np.empty(2 * n, np.int64)
    suffixes = [token[k:] for token, k in zip(tokens, inside, strict=True)]
    assert sort_exits(exits, n, text, start, order, spare) == sum(map(len, suffixes))
    assert order.tolist() == sorted(range(n), key=suffixes.__getitem__)
