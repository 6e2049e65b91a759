"""The token trie against its definition."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_trie import Node, naive_trie

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
