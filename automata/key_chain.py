"""Key chains: the rest of a key from where no other key goes the same way, symbol by symbol, laid as arrays.

Most states of an object lie on such a rest, and what a symbol takes is the same wherever it stands: a state before it
and those between the bytes of its spellings, each beside a state of the undeclared keys' DFA. So a symbol's states are
made once (`Link`) and then only copied, moved to their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..grammar.machine import Machine
from ..grammar.spelled import steps_of
from . import _layout_kernels as L
from .ranges import DENSE_FROM, byte_ranges

#: Code of an edge behind the symbol.
_NEXT = -2
_NO_DFA = Machine([{}], [0])
#: Links kept process-wide: (symbol, identity of the DFA, its state) -> (the DFA, kept alive, the link).
LINKS_KEPT = 1 << 15
_links: dict[tuple[int, int, int], tuple[Machine | None, Link | None]] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """The states that read one symbol, the state before it first."""

    #: (n, 2): where the edges of each state begin, and how many there are.
    states: NDArray[np.int32]
    #: (n,): the DFA state beside each; -1 where the key can be none of the undeclared ones.
    beside: NDArray[np.int32]
    #: The bytes of the edges and their codes in turn; a code is the state's number here, or `_NEXT`.
    edges: NDArray[np.int32]
    #: The DFA state behind the symbol.
    after: int
    #: The different states of `beside` but -1.
    dfa_states: frozenset[int]
    #: How many states and words of edges there are.
    sizes: tuple[int, int]


class Chain(NamedTuple):
    """The rest of a key."""

    links: list[Link]
    n_states: int
    #: The code behind the last symbol.
    exit: int
    #: What the states' `S_AUX` says: the keys below them, and below those beside an undeclared key.
    words: tuple[int, ...]
    words_beside: tuple[int, ...]


def link_of(symbol: int, dfa: Machine | None, q: int) -> Link | None:
    """The link of a symbol beside state q of the DFA of undeclared keys (q is -1: of none).

    None if it is no simple one: its spellings lead the DFA to different states, or have many byte ranges.
    """
    key = (symbol, id(dfa) if q >= 0 else 0, q)
    found = _links.get(key)
    if found is None:
        if len(_links) >= LINKS_KEPT:
            _links.clear()
        found = _links[key] = (dfa, _make_link(symbol, dfa or _NO_DFA, q))
    return found[1]


def _make_link(symbol: int, dfa: Machine, q: int) -> Link | None:
    rows = steps_of((symbol,)).rows
    numbers = {(0, q): 0}
    waiting = [(0, q)]
    states: list[tuple[int, int]] = []
    beside: list[int] = []
    edges: list[int] = []
    behind: set[int] = set()
    for at, p in waiting:
        ranges = []
        for mask, target in rows[at]:
            for part, after in dfa_steps(dfa, p, mask):
                if target < 0:
                    behind.add(after)
                    code = _NEXT
                else:
                    code = numbers.setdefault((target, after), len(numbers))
                    if code == len(waiting):
                        waiting.append((target, after))
                ranges += [(lo, hi, code) for lo, hi in byte_ranges(part)]
        if len(ranges) >= DENSE_FROM:
            return None
        ranges.sort()
        states.append((len(edges), len(ranges)))
        beside.append(p)
        for lo, hi, code in ranges:
            edges += (lo | hi << 8, code)
    if len(behind) != 1:
        return None
    return Link(
        np.array(states, np.int32),
        np.array(beside, np.int32),
        np.array(edges, np.int32),
        behind.pop(),
        frozenset(beside) - {-1},
        (len(states), len(edges)),
    )


def dfa_steps(dfa: Machine, q: int, mask: int) -> list[tuple[int, int]]:
    """The parts of a byte set by the DFA state that follows q (-1: none)."""
    if q < 0:
        return [(mask, -1)]
    found = [(both, t) for t, other in dfa.rows[q].items() if (both := mask & other)]
    left = mask & ~sum(both for both, _ in found)
    return [*found, (left, -1)] if left else found


class Laid(NamedTuple):
    """Chains as arrays, ready to be appended to a block."""

    records: NDArray[np.int32]
    flat: NDArray[np.int32]
    #: Positions in `flat` that hold codes.
    codes: NDArray[np.int64]


def lay_chains(chains: list[Chain], first: int, at: int, flags: int, pure: dict[int, int]) -> Laid:
    """Lay chains behind one another.

    Parameters
    ----------
    first : the number of their first state.
    at : where their part of the block's flat list begins.
    flags : of every state; those beside an undeclared key get OTHER and SHADOW, too.
    pure : DFA state -> the state of an undeclared key.
    """
    words: list[int] = []
    words_at: list[tuple[int, int]] = []
    for chain in chains:
        words_at.append((at + len(words), at + len(words) + len(chain.words)))
        words += chain.words
        words += chain.words_beside
    links = [link for chain in chains for link in chain.links]
    n_states, n_edges = np.array([link.sizes for link in links], np.int64).T
    state_at = first + np.cumsum(n_states) - n_states
    edges_at = at + len(words) + np.cumsum(n_edges) - n_edges

    behind = np.append(state_at[1:], 0)
    ends = np.cumsum([len(chain.links) for chain in chains]) - 1
    behind[ends] = [chain.exit for chain in chains]
    edges = np.concatenate([link.edges for link in links]).astype(np.int64)
    targets, starts = edges[1::2], np.repeat(state_at, n_edges // 2)
    edges[1::2] = np.where(targets == _NEXT, np.repeat(behind, n_edges // 2), starts + targets)

    beside = np.concatenate([link.beside for link in links])
    lookup = np.zeros(max(pure, default=0) + 2, np.int64)
    lookup[list(pure)] = list(pure.values())
    chain_of = np.repeat(np.arange(len(chains)), [chain.n_states for chain in chains])
    records = np.zeros((len(beside), L.ST), np.int32)
    records[:, L.S_FLAGS] = flags | np.where(beside >= 0, L.OTHER | L.SHADOW, 0)
    records[:, [L.S_EDGES, L.S_NEDGES]] = np.concatenate([link.states for link in links])
    records[:, L.S_EDGES] += np.repeat(edges_at, n_states).astype(np.int32)
    records[:, L.S_CALLS] = records[:, L.S_TOKENS] = at
    records[:, L.S_TABLE] = -1
    records[:, L.S_AUX] = np.array(words_at)[chain_of, (beside >= 0).astype(np.int64)]
    records[:, L.S_FALLBACK] = np.where(beside >= 0, lookup[beside], 0)
    flat = np.concatenate((np.array(words, np.int64), edges)).astype(np.int32)
    return Laid(records, flat, at + len(words) + np.arange(1, len(edges), 2))
