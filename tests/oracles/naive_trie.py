"""The token trie from its definition: the sorted set of all prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Node(NamedTuple):
    """One node in pre-order."""

    byte: int
    depth: int
    skip: int
    tokens: tuple[int, ...]
    subtree: tuple[int, ...]


def naive_trie(tokens: Sequence[bytes]) -> list[Node]:
    """The nodes in depth-first pre-order, children by byte; `subtree` holds the tokens below a node in that order."""
    prefixes = sorted({text[:k] for text in tokens for k in range(len(text) + 1)} | {b""})
    nodes = []
    for at, prefix in enumerate(prefixes):  # lexicographic order of prefixes is pre-order
        inside = [other for other in prefixes if other.startswith(prefix)]
        own = tuple(t for t, text in enumerate(tokens) if text and text == prefix)
        below = tuple(t for other in inside for t, text in enumerate(tokens) if text and text == other)
        nodes.append(Node(prefix[-1] if prefix else 0, len(prefix), at + len(inside), own, below))
    return nodes
