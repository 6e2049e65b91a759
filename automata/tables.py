"""Terminal tables of one vocabulary: what numba's table kernels build, kept for every grammar that uses the vocabulary.

The arenas grow by doubling; a grown arena is a new array, so whoever still holds the old one reads valid data.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import _layout_kernels as L
from ._table_kernels import build_suffix_trie, sort_exits, split_tokens
from .block import Lowered
from .vocabulary import Vocabulary

#: Inner tokens up to this many are kept as a list instead of a row of bits.
LISTED_UP_TO = 512
#: Exits that a table may hold; beyond, a state is walked instead.
MAX_EXITS = 40_000
#: Tables of one vocabulary; beyond, states are walked instead.
MAX_TABLES = 8192
#: Bytes of rows and lists of one vocabulary's tables; beyond, states are walked instead.
MAX_BYTES = 192 << 20

NO_TABLE = -2
_HEADER = 8


@dataclass(slots=True)
class TableStats:
    """Counters of one vocabulary's tables."""

    tables: int = 0
    refused: int = 0
    bytes: int = 0


class TerminalTables:
    """The arenas X (records, tries, lists) and R (mask rows), and the vocabulary trie V."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary_fingerprint = vocabulary.fingerprint
        self.words = vocabulary.mask_words
        trie = vocabulary.trie
        self.longest = max(1, trie.max_depth)
        self.V = _trie_arena(vocabulary)
        self.data = vocabulary.token_data.copy()
        self.start = vocabulary.token_start.astype(np.int64)
        self.X = np.zeros(_HEADER + MAX_TABLES * L.TB + 4096, np.int32)
        self.X[1] = _HEADER
        self._used = _HEADER + MAX_TABLES * L.TB
        self.R = np.zeros(8 * max(1, self.words), np.int32)
        self._rows = 0
        self.stats = TableStats()
        self._lock = threading.Lock()
        self._known: dict[tuple[int, int], tuple[int, Lowered]] = {}
        n_tokens = len(trie.token_ids)
        self._inner = np.zeros((n_tokens + 1, 2), np.int32)
        self._exits = np.zeros((MAX_EXITS, 3), np.int32)
        self._states = np.zeros(self.longest + 2, np.int64)
        self._counts = np.zeros(self.longest + 2, np.int64)
        self._path = np.zeros(self.longest + 2, np.int64)

    def table(self, G: NDArray[np.int32], state: int, block: Lowered, local: int) -> int:
        """The number of the table of a terminal's state, built if needed; `NO_TABLE` if it is to be walked."""
        with self._lock:
            known = self._known.get((id(block), local))
            if known is not None:
                return known[0]
            number = self._build(G, state)
            self.stats.refused += number < 0
            self._known[id(block), local] = (number, block)
            return number

    def _build(self, G: NDArray[np.int32], state: int) -> int:
        if self.stats.tables >= MAX_TABLES or self.stats.bytes > MAX_BYTES:
            return NO_TABLE
        packed = int(split_tokens(G, self.V, state, self._states, self._counts, self._inner, self._exits))
        if packed < 0:
            return NO_TABLE
        n_inner, n_exits = packed >> 32, packed & 0xFFFFFFFF
        record = np.zeros(L.TB, np.int32)
        if not self._put_inner(record, self._inner[:n_inner]):
            return NO_TABLE
        if n_exits:
            record[L.T_EXITS] = self._put_exits(n_exits)
        number = self.stats.tables
        at = _HEADER + number * L.TB
        self.X[at : at + L.TB] = record
        self.stats.tables += 1
        self.stats.bytes = 4 * (self._used + self._rows * self.words)
        return number

    def _put_inner(self, record: NDArray[np.int32], inner: NDArray[np.int32]) -> bool:
        record[L.T_NINNER] = len(inner)
        if len(inner) <= LISTED_UP_TO:
            record[L.T_KIND], record[L.T_INNER] = L.LISTED, self._append(inner)
            return True
        tokens, counts = inner[:, 0], inner[:, 1]
        if not counts.any():
            record[L.T_KIND], record[L.T_INNER] = L.ROW, self._append_rows(1)
            _set_bits(self._row(self._rows - 1), tokens)
            return True
        long = inner[counts > L.VARIANTS]
        if len(long) > 4000:
            return False
        first = self._append_rows(L.VARIANTS + 1)
        for n in range(L.VARIANTS):
            row = self._row(first + n)
            if n:
                row[:] = self._row(first + n - 1)
            _set_bits(row, tokens[counts == n])
        self._row(first + L.VARIANTS)[:] = self._row(first + L.VARIANTS - 1)
        _set_bits(self._row(first + L.VARIANTS), tokens[counts >= L.VARIANTS])
        record[L.T_KIND], record[L.T_INNER] = L.ROWS, first
        record[L.T_LONG], record[L.T_NLONG] = self._append(long), len(long)
        return True

    def _put_exits(self, n: int) -> int:
        order, spare = np.empty(n, np.int64), np.empty(n, np.int64)
        sort_exits(self._exits, n, self.data, self.start, order, spare)
        tokens = self._exits[:n, 0]
        longest = int((self.start[tokens + 1] - self.start[tokens] - self._exits[:n, 1]).sum())
        nodes, pairs = np.zeros((longest + 2, 3), np.int32), np.zeros((n, 2), np.int32)
        n_nodes = int(build_suffix_trie(self._exits, n, order, self.data, self.start, self._path, nodes, pairs))
        nodes_at = self._append(nodes[: n_nodes + 1])
        pairs_at = self._append(pairs)
        return self._append(np.array([n_nodes, nodes_at, pairs_at], np.int32))

    def _append(self, values: NDArray[np.int32]) -> int:
        flat = values.reshape(-1)
        at = self._used
        if at + len(flat) > len(self.X):
            grown = np.zeros(max(2 * len(self.X), at + len(flat) + 4096), np.int32)
            grown[:at] = self.X[:at]
            self.X = grown
        self.X[at : at + len(flat)] = flat
        self._used = at + len(flat)
        return at

    def _append_rows(self, n: int) -> int:
        first = self._rows
        if (first + n) * self.words > len(self.R):
            grown = np.zeros(max(2 * len(self.R), (first + n) * self.words), np.int32)
            grown[: first * self.words] = self.R[: first * self.words]
            self.R = grown
        self._rows += n
        return first

    def _row(self, index: int) -> NDArray[np.int32]:
        return self.R[index * self.words : (index + 1) * self.words]


def _set_bits(row: NDArray[np.int32], tokens: NDArray[np.int32]) -> None:
    bits = np.left_shift(np.uint32(1), (tokens & 31).astype(np.uint32))
    np.bitwise_or.at(row.view(np.uint32), tokens >> 5, bits)


def _trie_arena(vocabulary: Vocabulary) -> NDArray[np.int32]:
    """The vocabulary's trie in the kernels' layout."""
    trie = vocabulary.trie
    n, header = trie.n_nodes, 8
    arena = np.zeros(header + 3 * (n + 1) + 2 * len(trie.token_ids), np.int32)
    arena[:3] = n, header, header + 3 * (n + 1)
    nodes = arena[header : header + 3 * (n + 1)].reshape(n + 1, 3)
    nodes[:n, 0] = trie.node_byte.astype(np.int32) | trie.node_depth << 8
    nodes[:n, 1] = trie.node_skip
    nodes[n, 1] = n
    nodes[:, 2] = trie.token_indptr
    arena[header + 3 * (n + 1) :: 2] = trie.token_ids
    return arena


_tables: weakref.WeakValueDictionary[str, TerminalTables] = weakref.WeakValueDictionary()
_tables_lock = threading.Lock()


def tables_of(vocabulary: Vocabulary) -> TerminalTables:
    """The tables of a vocabulary, shared by all who hold an equal one; kept alive by the vocabulary."""
    with _tables_lock:
        found = _tables.get(vocabulary.fingerprint)
        if found is None:
            found = _tables[vocabulary.fingerprint] = TerminalTables(vocabulary)
        _keep_alive.setdefault(vocabulary, found)
        return found


_keep_alive: weakref.WeakKeyDictionary[Vocabulary, TerminalTables] = weakref.WeakKeyDictionary()
