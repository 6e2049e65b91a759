"""Key chains: the rest of a key from where no other key goes the same way, symbol by symbol, laid as arrays.

Most states of an object lie on such a rest, and what a symbol takes is the same wherever it stands: a state before it
and those between the bytes of its spellings, each beside a state of the undeclared keys' DFA. So a symbol's states are
made once (`Link`) and then only copied, moved to their place.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..grammar.machine import Machine
from ..grammar.spelled import steps_of
from . import _layout_kernels as L
from ._lower_kernels import lay_links
from .laid import Laid
from .ranges import DENSE_FROM, byte_ranges

_NO_DFA = Machine([{}], [0])
#: Links kept together; then a new collection is begun.
LINKS_KEPT = 1 << 15


class Link(NamedTuple):
    """The states that read one symbol, the state before it first."""

    #: Its place in `Links`.
    number: int
    n_states: int
    #: Words of edges: bytes and codes.
    n_edges: int
    #: The DFA state behind the symbol.
    after: int
    #: The different DFA states beside its own, but -1.
    dfa_states: frozenset[int]


class Chain(NamedTuple):
    """The rest of a key."""

    #: Numbers of links.
    links: list[int]
    #: The code behind the last symbol.
    exit: int
    #: What the states' `S_AUX` says: the keys below them, and below those beside an undeclared key.
    words: tuple[int, ...]
    words_beside: tuple[int, ...]


class Links:
    """Links as arrays, laid out as `lay_links` wants them; shared by threads."""

    def __init__(self) -> None:
        self.index = np.zeros((256, 4), np.int64)
        self.states = np.zeros((1024, 3), np.int32)
        self.edges = np.zeros(4096, np.int32)
        self.n = 0
        #: (symbol, identity of the DFA, its state) -> (the DFA, kept alive, the link).
        self._known: dict[tuple[int, int, int], tuple[Machine | None, Link | None]] = {}
        self._used = [0, 0]
        self._lock = threading.Lock()

    def link(self, symbol: int, dfa: Machine | None, q: int) -> Link | None:
        """The link of a symbol beside state q of the DFA of undeclared keys (q is -1: of none).

        None if it is no simple one: its spellings lead the DFA to different states, or have many byte ranges.
        """
        key = (symbol, id(dfa) if q >= 0 else 0, q)
        found = self._known.get(key)
        if found is None:
            with self._lock:
                found = self._known[key] = (dfa, self._make(symbol, dfa or _NO_DFA, q))
        return found[1]

    def _make(self, symbol: int, dfa: Machine, q: int) -> Link | None:
        made = _states_of(symbol, dfa, q)
        if made is None:
            return None
        states, edges, after = made
        first_state, first_edge = self._used
        self._used = [first_state + len(states), first_edge + len(edges)]
        self.states = _roomy(self.states, self._used[0])
        self.edges = _roomy(self.edges, self._used[1])
        self.index = _roomy(self.index, self.n + 1)
        self.states[first_state : self._used[0]] = states
        self.edges[first_edge : self._used[1]] = edges
        self.index[self.n] = first_state, len(states), first_edge, len(edges)
        self.n += 1
        return Link(self.n - 1, len(states), len(edges), after, frozenset(beside for _, _, beside in states) - {-1})


_links = Links()


def links() -> Links:
    """The collection for a block's links."""
    global _links
    if _links.n >= LINKS_KEPT:
        _links = Links()
    return _links


def _roomy(array: NDArray[np.generic], n: int) -> NDArray[Any]:
    """The array, grown by doubling to hold n rows."""
    if n <= len(array):
        return array
    grown = np.zeros((max(n, 2 * len(array)), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown


def _states_of(symbol: int, dfa: Machine, q: int) -> tuple[list[tuple[int, int, int]], list[int], int] | None:
    """A link's states, its edges, and the DFA state behind it."""
    rows = steps_of((symbol,)).rows
    numbers = {(0, q): 0}
    waiting = [(0, q)]
    states: list[tuple[int, int, int]] = []
    edges: list[int] = []
    behind: set[int] = set()
    for at, p in waiting:
        ranges = []
        for mask, target in rows[at]:
            for part, after in dfa_steps(dfa, p, mask):
                if target < 0:
                    behind.add(after)
                    code = L.NEXT
                else:
                    code = numbers.setdefault((target, after), len(numbers))
                    if code == len(waiting):
                        waiting.append((target, after))
                ranges += [(lo, hi, code) for lo, hi in byte_ranges(part)]
        if len(ranges) >= DENSE_FROM:
            return None
        ranges.sort()
        states.append((len(edges), len(ranges), p))
        for lo, hi, code in ranges:
            edges += (lo | hi << 8, code)
    return (states, edges, behind.pop()) if len(behind) == 1 else None


def dfa_steps(dfa: Machine, q: int, mask: int) -> list[tuple[int, int]]:
    """The parts of a byte set by the DFA state that follows q (-1: none)."""
    if q < 0:
        return [(mask, -1)]
    found = [(both, t) for t, other in dfa.rows[q].items() if (both := mask & other)]
    left = mask & ~sum(both for both, _ in found)
    return [*found, (left, -1)] if left else found


def lay_chains(
    links: Links, chains: list[Chain], first: int, at: int, flags: int, pure: dict[int, int]
) -> tuple[Laid, NDArray[np.int64]]:
    """Lay chains behind one another; also the first state of each.

    Parameters
    ----------
    first : the number of their first state.
    at : where their part of the block's flat list begins.
    flags : of every state; those beside an undeclared key get OTHER and SHADOW, too.
    pure : DFA state -> the state of an undeclared key.
    """
    words: list[int] = []
    rows: list[tuple[int, int, int, int]] = []
    numbers: list[int] = []
    heads = [0]
    for chain in chains:
        here = at + len(words)
        rows.append((here, here + len(chain.words), len(chain.links), chain.exit))
        words += chain.words
        words += chain.words_beside
        numbers += chain.links
        heads.append(len(numbers))
    laid_links = np.array(numbers, np.int64)
    ends = np.zeros((len(numbers) + 1, 2), np.int64)
    np.cumsum(links.index[laid_links][:, [1, 3]], axis=0, out=ends[1:])
    n_states, n_edges = ends[-1].tolist()
    beside = np.zeros(max(pure, default=0) + 1, np.int64)
    for p, state in pure.items():
        beside[p] = state
    records = np.empty((n_states, L.ST), np.int32)
    flat = np.empty(len(words) + n_edges, np.int32)
    flat[: len(words)] = words
    codes = np.empty(n_edges // 2, np.int64)
    lay_links(
        links.index, links.states, links.edges, laid_links, np.array(rows, np.int64), beside,
        first, at, len(words), flags, records, flat, codes,
    )  # fmt: skip
    return Laid(records, flat, codes, np.ones(n_states, np.bool_)), first + ends[heads[:-1], 0]
