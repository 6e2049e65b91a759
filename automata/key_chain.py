"""Key chains: the rest of a key from where no other key goes the same way, symbol by symbol, laid as arrays.

Most states of an object lie on such a rest, and what a symbol takes is the same wherever it stands: a state before it
and those between the bytes of its spellings, each beside a state of the undeclared keys' DFA. So a symbol's states are
made once (`Link`) and then only copied, moved to their place. So is what follows a key: the same for each, but for the
value that is called and the key that was seen.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..grammar.machine import Machine
from ..grammar.spelled import Symbols, steps_of
from . import _layout_kernels as L
from ._lower_kernels import lay_later
from .kernel import Direct
from .lowered import Ints
from .ranges import DENSE_FROM, byte_ranges

_NO_DFA = Machine([{}], [0])
_LAY = Direct(lay_later)
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

    links: list[Link]
    #: The code behind the last symbol.
    exit: int
    #: The key, -1 for a forbidden one.
    key: int


class Links:
    """Links as arrays, laid out as `lay_later` wants them; shared by threads."""

    def __init__(self) -> None:
        self.index = np.zeros((256, 4), np.int64)
        self.states = np.zeros((1024, 3), np.int32)
        self.edges = np.zeros(4096, np.int32)
        self.n = 0
        #: (identity of a DFA, its state) -> (the DFA, kept alive, the links beside it by symbol).
        self._known: dict[tuple[int, int], tuple[Machine | None, dict[int, Link | None]]] = {}
        self._used = [0, 0]
        self._lock = threading.Lock()

    def chained(self, symbols: Symbols, dfa: Machine | None, q: int) -> list[Link] | None:
        """The links of symbols behind one another, from state q of the DFA of undeclared keys on (q is -1: of none).

        None if one is no simple one: its spellings lead the DFA to different states, or have many byte ranges.
        """
        found: list[Link] = []
        known = self._beside(dfa, q)
        for symbol in symbols:
            link = known.get(symbol, ...)
            if link is ...:
                with self._lock:
                    link = known[symbol] = self._make(symbol, dfa or _NO_DFA, q)
            if link is None:
                return None
            found.append(link)
            if link.after != q:
                q = link.after
                known = self._beside(dfa, q)
        return found

    def _beside(self, dfa: Machine | None, q: int) -> dict[int, Link | None]:
        """The links known beside a state of a DFA."""
        key = (id(dfa) if q >= 0 else 0, q)
        found = self._known.get(key)
        if found is None:
            found = self._known.setdefault(key, (dfa, {}))
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


class KeyStates:
    """What an object lays behind its other states: for each key a copy of what follows it, and chains.

    Parameters
    ----------
    copied : what follows a key: a block whose call leaves it. Copy k calls the rule in place k + 1.
    n_keys : declared keys; the other copies stand behind undeclared ones.
    flags : of the chains' states; those beside an undeclared key get OTHER and SHADOW, too.
    free : whether the states beside an undeclared key name no keys.
    """

    def __init__(self, copied: Ints, n_copies: int, n_keys: int, flags: int, free: bool) -> None:
        self.links = links()
        #: DFA state -> the state of an undeclared key.
        self.pure: dict[int, int] = {}
        self._copied = copied
        self._n_copies = n_copies
        self._n_keys = n_keys
        self._flags = flags | L.KEYCHECK | L.FAST
        self._free = free
        self._chains: list[Chain] = []

    def behind(self, k: int) -> int:
        """The code of copy k."""
        return L.LATER + k

    def chain(self, chain: Chain) -> int:
        """Add a chain; returns the code of its first state."""
        self._chains.append(chain)
        return L.LATER + self._n_copies + len(self._chains) - 1

    def lay(self, block: Ints) -> Ints:
        """The block with all this behind its states."""
        out = self._room(block)
        numbers: list[int] = []
        rows: list[tuple[int, int, int, int]] = []
        for chain in self._chains:
            numbers += [link.number for link in chain.links]
            rows.append((len(chain.links), chain.exit, chain.key, 0))
        beside = [0] * (max(self.pure, default=0) + 1)
        for q, state in self.pure.items():
            beside[q] = state
        links = self.links
        _LAY.call(
            block, self._copied, self._n_copies, self._n_keys, links.index, links.states, links.edges,
            np.array(numbers, np.int64), np.array(rows, np.int64).reshape(-1, 4), np.array(beside, np.int64),
            self._flags, self._free, out,
        )  # fmt: skip
        return out

    def _room(self, block: Ints) -> Ints:
        """An array for it, with the header."""
        n_states, n_flat, n_codes, n_words, n_calls = block[: L.B_RULE].tolist()
        copied_states, copied_flat, copied_codes, _, copied_calls = self._copied[: L.B_RULE].tolist()
        chained = sum([link.n_states for chain in self._chains for link in chain.links])
        edges = sum([link.n_edges for chain in self._chains for link in chain.links])
        words = 1 + 2 * sum([chain.key >= 0 for chain in self._chains])
        sizes = (
            n_states + self._n_copies * copied_states + chained,
            n_flat + self._n_copies * copied_flat + words + edges,
            n_codes + self._n_copies * copied_codes + edges // 2,
            n_words + chained,
            n_calls + self._n_copies * copied_calls,
        )
        out = np.empty(L.B_HEADER + sizes[0] * L.ST + sum(sizes[1:]), np.int32)
        out[: L.B_HEADER] = block[: L.B_HEADER]
        out[: L.B_RULE] = sizes
        return out
