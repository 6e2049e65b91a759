"""Terminal tables of one vocabulary: what numba's table kernels build, kept for every grammar that uses the vocabulary.

The arenas grow by doubling; a grown arena is a new array, so whoever still holds the old one reads valid data.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _layout_kernels as L
from ._place_kernels import place_table
from ._split_kernels import split_tokens
from ._trie_kernels import build_suffix_trie, index_trie, note_below, sort_exits
from .kernel import Direct
from .kin import begun_keys, reaches_out
from .lowered import Lowered
from .memory import reserved
from .vocabulary import Vocabulary

#: Inner tokens up to this many are kept as a list instead of rows of bits; no more than `split_tokens` lists.
LISTED_UP_TO = L.LISTED_UP_TO
#: Exits that a table may hold; beyond, a state is walked instead.
MAX_EXITS = 40_000
#: Tables of one vocabulary; beyond, states are walked instead.
MAX_TABLES = 8192
#: Bytes of rows and lists of one vocabulary's tables; beyond, states are walked instead.
MAX_BYTES = 192 << 20

Ints: TypeAlias = NDArray[np.int32]
NO_TABLE = -2
#: Words of both arenas at first; zeros take no memory before something is written, a grown arena is a copy.
X_ROOM, R_ROOM = 1 << 24, MAX_BYTES >> 2
#: States of a terminal of which it is remembered how it goes on from there, while its tokens are split; a power of two.
WAYS = 1 << 14
#: States over which it is looked at what kinds of characters never end.
STATES = WAYS // 2
#: Slots for rows and tries that tables share; more than there are tables, a power of two.
SHARED = 4 * MAX_TABLES
_HEADER = 8
_SPLIT, _PLACE = Direct(split_tokens), Direct(place_table)


@dataclass(slots=True)
class TableStats:
    """Counters of one vocabulary's tables."""

    tables: int = 0
    refused: int = 0
    bytes: int = 0


class TerminalTables:
    """The arenas X (records, tries, lists) and R (mask rows), and the vocabulary trie V."""

    def __init__(self, vocabulary: Vocabulary, like: TerminalTables | None = None) -> None:
        #: Theirs alone, from 1 on.
        self.number = next(_numbers)
        self.vocabulary_fingerprint = vocabulary.fingerprint
        self.words = vocabulary.mask_words
        trie = vocabulary.trie
        self.longest = max(1, trie.max_depth)
        self.begun_keys, self.reaches_out = begun_keys(vocabulary), reaches_out(vocabulary)
        self.data = vocabulary.token_data.copy()
        self.start = vocabulary.token_start.astype(np.int64)
        self._tries = _SuffixTries(self.data, self.start, self.longest)
        self._room = MAX_TABLES
        self.X = reserved(_HEADER + self._room * L.TB + X_ROOM)
        self.X[1] = _HEADER
        self._used = _HEADER + self._room * L.TB
        self.R = reserved(R_ROOM)
        self._rows = 0
        if like is None:
            self.V, kinds = _trie_arena(vocabulary)
            self._put_kinds(kinds)
        else:
            self.V, self._rows = like.V.copy(), L.KIND_ROWS
            n = L.KIND_ROWS * self.words
            self.R[:n] = like.R[:n]
        self.stats = TableStats()
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[int, Lowered]] = {}
        self._rows_split = np.zeros((L.VARIANTS + 1) * self.words, np.int32)
        self._lists = np.zeros((3, L.MAX_LONG, 2), np.int32)
        self._tally = np.zeros(L.TALLY, np.int64)
        self._exits = np.zeros((MAX_EXITS, 4), np.int32)
        #: Hash and place of rows, and of tries of exits.
        self._known_rows = np.zeros((SHARED, 2), np.int64)
        self._known_tries = np.zeros((SHARED, 2), np.int64)
        self._ways = np.zeros((WAYS + 1, L.WAY_COLUMNS), np.int64)
        #: The block that these are of, its first state, and whether it is far from its maximum.
        self._ways_of: tuple[Ints, int, bool] = np.zeros(0, np.int32), 0, False
        self._split_path = np.zeros((self.longest + 2, 10), np.int64)
        self._split_states = np.zeros(STATES, np.int64)
        if self.V[L.V_SPACES]:
            self._put_white(self.V)

    def table(self, G: Ints, state: int, first: int, block: Lowered, classes: Ints, slot: int = L.S_TABLE) -> int:
        """The number of the table of a state, built if needed; `NO_TABLE` if the state is to be walked.

        `first`: the first state of its block, which is kept alive with the table; `classes` lists the states behind the
        ends of undeclared keys, by class; `slot` is the word of the state that names the table, S_TABLE or S_NEAR.
        """
        with self._lock:
            key = _key(block, state - first), slot
            known = self._known.get(key)
            if known is None:
                if self.is_full:
                    self.stats.refused += 1
                    return NO_TABLE
                far = slot == L.S_TABLE and is_beside_pattern(block.block)
                known = self._known[key] = (self._build(G, state, first, block, classes, far), block)
                self.stats.refused += known[0] < 0
            self._note(block.block, state - first, slot, known[0])
            return known[0]

    def _note(self, block: Ints, local: int, slot: int, number: int) -> None:
        """Note the table of a state in its block, which then brings it along into other grammars.

        The first to build one for a block are the only ones that do: others may read it meanwhile.
        """
        if not block[L.B_TABLES]:
            with _tables_lock:
                block[L.B_TABLES] = block[L.B_TABLES] or self.number
        if block[L.B_TABLES] == self.number:
            block[L.B_HEADER + local * L.ST + slot] = number

    @property
    def is_full(self) -> bool:
        """Whether no more tables are built: states without one are walked."""
        return self.stats.tables >= self._room or self.stats.bytes > MAX_BYTES

    def _build(self, G: Ints, state: int, first: int, block: Lowered, classes: Ints, far: bool) -> int:
        self._know_ways(block.block, first, far)
        scratch = self._split_path, self._ways, self._split_states
        found = self._rows_split, self._lists, self._exits, self._tally
        tokens = self.data, self.start
        if _SPLIT.call(G, self.V, self.R, *tokens, state, int(far), *scratch, *found) == L.FAILED:
            return NO_TABLE
        number = self.stats.tables
        while self._place(_HEADER + number * L.TB, classes) == L.FAILED:
            if self._tally[L.TRIE_SLOT] < 0:
                return NO_TABLE
            self._add_trie()
        self.stats.tables += 1
        self.stats.bytes = 4 * (self._used + self._rows * self.words)
        return number

    def _know_ways(self, block: Ints, first: int, far: bool) -> None:
        """Keep what is known of the states of the last block, if this is the same, and as far from the maximum."""
        known, *rest = self._ways_of
        if known is not block or rest != [first, far] or self._ways[WAYS, L.WAYS_KNOWN] > 3 * WAYS // 4:
            self._ways[WAYS, L.WAYS_BLOCK] += 1
            self._ways[WAYS, L.WAYS_KNOWN] = 0
        self._ways_of = block, first, far

    def _place(self, at: int, classes: Ints) -> int:
        """Place the table that was split last, with its record at X[at]; FAILED if a trie is missing."""
        n_inner, n_long, n_crossing, n_exits, top = self._tally[: L.TOP_ROW + 1].tolist()
        listed = min(n_inner, LISTED_UP_TO) + min(n_long, L.MAX_LONG) + min(n_crossing, L.MAX_CROSSING)
        self._make_room(3 * n_exits + 2 * listed + 2 * len(classes) + 3)
        self._make_row_room(top + 1)
        found = self._rows_split, self._lists, self._exits, self._tally
        shared = self._known_rows, self._known_tries
        where = at, self._used, self._rows, LISTED_UP_TO
        if _PLACE.call(self.X, self.R, *where, classes, *found, *shared) == L.FAILED:
            return L.FAILED
        self._used, self._rows = self._tally[L.USED_X : L.USED_R + 1].tolist()
        return L.OK

    def _add_trie(self) -> None:
        """Build and note the trie that was missing."""
        n, copy, key, slot = self._tally[L.N_TRIE : L.TRIE_SLOT + 1].tolist()
        exits = self.X[copy : copy + 3 * n].reshape(n, 3)
        self._used = copy + 3 * n  # they stay, to be compared with
        nodes, pairs, kids = self._tries.build(exits)
        parts = [self._append(part) for part in (nodes, pairs, kids)]
        place = self._append(np.array([len(nodes) - 1, *parts, 0, 0, 0, 0, copy, n], np.int32))
        self._known_tries[slot] = key, place

    @cached_property
    def whole_keys(self) -> tuple[list[bytes], Ints, Ints]:
        """See `states.whole_keys`."""
        from .states import whole_keys

        return whole_keys(self.data, self.start)

    @cached_property
    def blank_keys(self) -> Ints:
        """See `states.blank_keys`."""
        from .states import blank_keys

        return blank_keys(self.whole_keys[0], self.longest)

    def index_spaces(self) -> None:
        """Add the trie of what follows white space in the tokens that begin with it."""
        with self._lock:
            if not self.V[L.V_SPACES]:
                V = _with_spaces(self.V, self.data, self.start)
                self._put_white(V)
                self.V = V  # whoever finds it finds the row, too: R is looked at behind it

    def _put_white(self, V: Ints) -> None:
        """Make a row of the tokens that are nothing but white space."""
        spaces = int(V[L.V_SPACES])
        first = int(V[spaces + 2])
        white = np.zeros(32 * self.words, np.bool_)
        white[V[first : first + 2 * V[V[spaces + 1] + 6] : 2]] = True
        V[spaces + L.V_WHITE] = row = self._append_rows(1)
        self.R[row * self.words : (row + 1) * self.words] = np.packbits(white, bitorder="little").view("<i4")

    def _put_kinds(self, kinds: Ints) -> None:
        """Make the rows of tokens by their kinds and sizes, see `_kind_kernels.py`; given the kinds in each token."""
        at, tokens = int(self.V[L.V_KINDS]) + 256, self.V[self.V[2] : self.V[3] : 2]
        self.V[at : at + 2] = first, _ = self._append_rows(L.KIND_ROWS), self.words
        characters = self.V[self.V[L.V_BELOW] + 2 * self.V[0] :][: len(tokens)]
        of, sizes = np.full(32 * self.words, -1, "<i4"), np.zeros(32 * self.words, np.uint8)
        of[tokens] = kinds
        sizes[tokens] = np.where(kinds < 0, 0, np.minimum(characters, L.VARIANTS))
        columns = of.view(np.uint8).reshape(-1, 4).T.copy()
        kind_rows = (columns[kind >> 3] & 1 << (kind & 7) for kind in range(L.KINDS))
        tests = chain(kind_rows, [of >= 0], (sizes == n for n in range(L.VARIANTS + 1)))
        for row, test in enumerate(tests, first):
            self.R[row * self.words :][: self.words] = np.packbits(test, bitorder="little").view("<i4")

    def list_twins(self) -> None:
        """Add the tokens that may end two keys."""
        tokens = self.whole_keys[2]
        with self._lock:
            if not self.V[L.V_TWINS]:
                grown = np.concatenate((self.V, np.array([len(tokens), *tokens], np.int32)))
                grown[L.V_TWINS] = len(self.V)
                self.V = grown

    def _append(self, values: Ints) -> int:
        flat = values.reshape(-1)
        self._make_room(len(flat))
        at = self._used
        self.X[at : at + len(flat)] = flat
        self._used = at + len(flat)
        return at

    def _append_rows(self, n: int) -> int:
        self._make_row_room(n)
        self._rows += n
        return self._rows - n

    def _make_room(self, n: int) -> None:
        """See to it that X has room for n words."""
        if self._used + n > len(self.X):
            grown = reserved(max(2 * len(self.X), self._used + n + 4096))
            grown[: self._used] = self.X[: self._used]
            self.X = grown

    def _make_row_room(self, n: int) -> None:
        """See to it that R has room for n rows."""
        used, needed = self._rows * self.words, (self._rows + n) * self.words
        if needed > len(self.R):
            grown = reserved(max(2 * len(self.R), needed))
            grown[:used] = self.R[:used]
            self.R = grown


def is_beside_pattern(block: Ints) -> bool:
    """Whether a block is a counted terminal beside a pattern, whose states have a table far from the maximum."""
    return bool(block[L.B_RULE] == L.COUNTED and block[L.B_RULE + L.R_NEEDED - L.R_KIND] > 0)


def _key(block: Lowered, local: int) -> Hashable:
    """What a state of a block is, whatever grammar it stands in."""
    return block.regions.get(local + 1, (id(block.block), local))


def _trie_arena(vocabulary: Vocabulary) -> tuple[Ints, Ints]:
    """The vocabulary's trie in the kernels' layout, and the kinds of bytes in each of its tokens."""
    trie = vocabulary.trie
    n, header = trie.n_nodes, 8
    tokens = header + 4 * (n + 1)
    kids = tokens + 2 * len(trie.token_ids)
    kinds = kids + n
    long = np.flatnonzero(np.diff(vocabulary.token_start)[trie.token_ids] >= L.VARIANTS)
    below = kinds + 256 + 3 + 2 * len(long)
    arena = np.zeros(below + 2 * n + len(trie.token_ids), np.int32)
    arena[:4] = n, header, tokens, kids
    arena[L.V_KINDS], arena[L.V_BELOW] = kinds, below
    arena[kinds + 258] = len(long)
    nodes = arena[header:tokens].reshape(n + 1, 4)
    nodes[:n, 0] = trie.node_byte.astype(np.int32) | trie.node_depth << 8
    nodes[:n, 1] = trie.node_skip
    nodes[n, 1] = n
    nodes[:, 2] = trie.token_indptr
    arena[tokens:kids:2] = trie.token_ids
    index_trie(nodes, n, arena[kids:kinds])
    arena[kinds : kinds + 256] = 1 << np.searchsorted(_KINDS, np.arange(256), side="right") - 1
    kinds_in = np.zeros(len(trie.token_ids), np.int32)
    note_below(arena, 0, kinds_in)
    arena[kinds + 259 : below : 2] = trie.token_ids[long]
    arena[kinds + 260 : below : 2] = arena[below + 2 * n :][long]
    return arena, kinds_in


class _SuffixTries:
    """Tries of what follows exits, built where there was room for others before: new memory is slow to touch."""

    def __init__(self, data: NDArray[np.uint8], start: NDArray[np.int64], longest: int) -> None:
        self._data, self._start = data, start
        self._path = np.empty(longest + 2, np.int64)
        self._order, self._spare = np.empty(0, np.int64), np.empty(0, np.int64)
        self._nodes, self._kids = np.empty((0, 4), np.int32), np.empty(0, np.int32)
        self._pairs = np.empty((0, 2), np.int32)

    def build(self, exits: Ints) -> tuple[Ints, Ints, Ints]:
        """Nodes with the sentinel, tokens and kids, given exits (token, bytes inside, count); valid until the next."""
        n = len(exits)
        if n > len(self._order):
            self._order, self._spare = np.empty(2 * n, np.int64), np.empty(4 * n, np.int64)
            self._pairs = np.empty((2 * n, 2), np.int32)
        room = int(sort_exits(exits, n, self._data, self._start, self._order, self._spare)) + 2
        if room > len(self._kids):
            self._nodes, self._kids = np.empty((2 * room, 4), np.int32), np.empty(2 * room, np.int32)
        made = self._path, self._nodes, self._pairs, self._kids
        n_nodes = int(build_suffix_trie(exits, n, self._order, self._data, self._start, *made))
        return self._nodes[: n_nodes + 1], self._pairs[:n], self._kids[: n_nodes - 1]


def _arena(nodes: Ints, pairs: Ints, kids: Ints, at: int = 0, header: int = 8) -> Ints:
    """A trie behind its header, as the kernels want it, if it is placed at `at`."""
    tokens = at + header + nodes.size
    top = np.zeros(header, np.int32)
    top[:4] = len(nodes) - 1, at + header, tokens, tokens + pairs.size
    return np.concatenate((top, nodes.reshape(-1), pairs.reshape(-1), kids))


#: First bytes of the ranges of bytes that are alike in most terminals.
_KINDS = np.frombuffer(b'\0\x20\x21"#()*+,-./0:;<@AG[\\]^_`ag{\x7f\x80', np.uint8)
_SPACES = (0x09, 0x0A, 0x0D, 0x20)


def _with_spaces(arena: Ints, data: NDArray[np.uint8], start: NDArray[np.int64]) -> Ints:
    """The vocabulary's arena with the trie of what follows white space."""
    sizes = np.diff(start)
    first = np.full(len(sizes), -1, np.int32)
    first[sizes > 0] = data[start[:-1][sizes > 0]]
    tokens = np.flatnonzero(np.isin(first, _SPACES))
    exits = np.zeros((len(tokens), 3), np.int32)
    exits[:, 0] = tokens
    solid = np.flatnonzero(~np.isin(data, _SPACES))
    ends = np.append(solid, len(data))[np.searchsorted(solid, start[tokens])]
    exits[:, 1] = np.minimum(ends, start[tokens + 1]) - start[tokens]
    trie = _arena(*_SuffixTries(data, start, int(sizes.max(initial=0))).build(exits), at=len(arena))
    grown = np.concatenate((arena, trie, np.zeros(2 * trie[0] + len(tokens), np.int32)))
    grown[len(arena) + L.V_KINDS], grown[len(arena) + L.V_BELOW] = arena[L.V_KINDS], len(arena) + len(trie)
    grown[L.V_SPACES] = len(arena)
    note_below(grown, len(arena), np.zeros(len(tokens), np.int32))
    return grown


_numbers = itertools.count(1)
_tables: weakref.WeakValueDictionary[str, TerminalTables] = weakref.WeakValueDictionary()
_tables_lock = threading.Lock()


def tables_of(vocabulary: Vocabulary) -> TerminalTables:
    """The tables of a vocabulary, shared by all who hold an equal one; kept alive by the vocabulary.

    Where those are full, new ones are begun; the automata that use the old ones keep them.
    """
    with _tables_lock:
        found = _tables.get(vocabulary.fingerprint)
        if found is None or found.is_full:
            found = TerminalTables(vocabulary, found)
            _tables[vocabulary.fingerprint] = _keep_alive[vocabulary] = found
        _keep_alive.setdefault(vocabulary, found)
        return found


_keep_alive: weakref.WeakKeyDictionary[Vocabulary, TerminalTables] = weakref.WeakKeyDictionary()
