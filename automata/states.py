"""States: configurations, and what stands beside them where guarded values or objects with undeclared keys are open.

A state is one integer: a configuration; from `Texts.BASE` on a configuration with the text of an open guarded value;
from `KEYED` on a node of the arena K (`_keys_kernels.py`), which holds one of these and the keys seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from ..errors import BudgetExceeded
from . import _layout_kernels as L
from ._keys_kernels import index_nodes, join_keys, lay_text, mark_nodes
from .arenas import Moved
from .tables import Ints, TerminalTables
from .texts import Texts

#: Nodes that K has room for at first.
ROOM = 2048
#: Bytes from which on what no sequence needs is dropped now and then.
RECLAIM_FROM = 24 << 20
#: The columns of each kind of node that hold nodes.
_PARTS = {L.TEXT: (1,), L.OBJECT: (1,), L.ARRAY: (1,), L.KEY: (1, 2, 3), L.STATE: (2, 4), L.HELD: (2, 4)}


class States:
    """The states of one automaton that are more than a configuration."""

    def __init__(self, tables: TerminalTables, n_bytes: int, moved: Moved) -> None:
        self.texts = Texts(n_bytes)
        #: The keys seen: a header alone until an object with undeclared keys is met.
        self.K: Ints = np.zeros(L.K_HEADER, np.int32)
        self._tables = tables
        self._moved = moved
        self._n_bytes = n_bytes
        self._reclaim_from = RECLAIM_FROM
        self._with_key: Ints = np.zeros(0, np.int32)
        self._with_keys: Ints = np.zeros(0, np.int32)

    def split(self, state: int) -> tuple[int, int]:
        """Configuration and text of a state."""
        if state < L.KEYED:
            return self.texts.split(state)
        kind, inner = self._node(state)[:2]
        return (inner, 0) if kind == L.STATE else self.texts.split(Texts.BASE + inner)

    def place(self, state: int) -> tuple[int, int, int]:
        """Where a state stands among the keys: cursor, lex and text; no cursor outside objects with undeclared keys."""
        if state < L.KEYED:
            return 0, 0, 0
        _, _, cursor, lex, text = self._node(state)
        return cursor, lex, text

    def join(self, A: Ints, state: int) -> int:
        """A state without keys, and the place that K's header holds."""
        config, text = self.texts.split(state)
        kind, inner = (L.HELD, state - Texts.BASE) if text else (L.STATE, config)
        while (joined := int(join_keys(A, self.K, kind, inner, config))) < 0:
            self.grow()
        return joined if joined >= L.KEYED else state

    def _node(self, state: int) -> list[int]:
        at = int(self.K[L.K_NODES]) + L.KN * (state - L.KEYED)
        words: list[int] = self.K[at : at + L.KN].tolist()
        return words

    @property
    def is_full(self) -> bool:
        """Whether a kernel had no room left for a node."""
        return bool(self.K[L.K_FULL])

    def tokens_to_ask(self, suspect: bool) -> Ints:
        """Tokens that may end two keys, or, if a key seen stands whole in one, all that may hold a whole key."""
        return self._with_key if suspect else self._with_keys

    def open_keys(self) -> None:
        """Make room for keys seen."""
        if len(self.K) > L.K_HEADER:
            return
        blank = self._tables.blank_keys
        self._check(int(blank[L.K_CAP]))
        self._with_key, self._with_keys = self._tables.whole_keys[1:]
        self._moved.yes = True
        self.K = blank.copy()

    def grow(self) -> None:
        """Double the room, or make some."""
        if len(self.K) == L.K_HEADER:
            self.open_keys()
            return
        self._lay(2 * int(self.K[L.K_CAP]))

    @property
    def wants_room(self) -> bool:
        """Whether so much is used that it pays to drop what nobody needs."""
        return self.n_bytes > self._reclaim_from

    @property
    def n_bytes(self) -> int:
        """Bytes used by keys seen and texts."""
        return 4 * (L.KN + 4) * int(self.K[L.K_N]) + self.texts.n_bytes

    def keep(self, states: Iterable[int]) -> Callable[[int], int]:
        """Drop what these states do not need; returns what gives each its new number."""
        held = {state for state in states if state >= Texts.BASE}
        node, texts = self._keep_nodes(held)
        self.texts, text = self.texts.kept(texts | {state for state in held if state < L.KEYED})
        if len(node):
            at = int(self.K[L.K_NODES])
            nodes = self.K[at : at + L.KN * int(self.K[L.K_N])].reshape(-1, L.KN)
            for i in np.flatnonzero(nodes[:, 0] == L.HELD).tolist():
                nodes[i, 1] = text[Texts.BASE + int(nodes[i, 1])] - Texts.BASE
            self._lay(int(self.K[L.K_CAP]))
        self._reclaim_from = max(RECLAIM_FROM, 2 * self.n_bytes)
        return lambda s: s if s < Texts.BASE else text[s] if s < L.KEYED else L.KEYED + int(node[s - L.KEYED])

    def _keep_nodes(self, states: set[int]) -> tuple[NDArray[np.int64], set[int]]:
        """Drop the nodes of K that these states do not need: the new number of each, the states with texts in them."""
        if len(self.K) == L.K_HEADER:
            return np.zeros(0, np.int64), set()
        n = int(self.K[L.K_N])
        live = np.zeros(n, np.int64)
        live[1 : int(self.K[L.K_WHOLE])] = 1
        live[[state - L.KEYED for state in states if state >= L.KEYED]] = 1
        mark_nodes(self.K, live)
        live[0] = 0
        number = np.where(live, np.cumsum(live), 0)
        at = int(self.K[L.K_NODES])
        nodes = self.K[at : at + L.KN * n].reshape(-1, L.KN)[live == 1].copy()
        for kind, columns in _PARTS.items():
            rows = nodes[:, 0] == kind
            for column in columns:
                nodes[rows, column] = number[nodes[rows, column]]
        self.K[L.K_N] = len(nodes) + 1
        self.K[at + L.KN : at + L.KN * (len(nodes) + 1)] = nodes.reshape(-1)
        return number, {Texts.BASE + inner for inner in nodes[nodes[:, 0] == L.HELD, 1].tolist()}

    def _lay(self, room: int) -> None:
        self._check(room)
        self._moved.yes = True
        self.K = with_room(self.K, room, self._tables.longest)

    def _check(self, room: int) -> None:
        if 4 * (L.KN + 4) * room > self._n_bytes:
            raise BudgetExceeded("bytes of the keys seen", self._n_bytes)


def with_room(K: Ints, room: int, longest: int) -> Ints:
    """The arena K with room for so many nodes; `longest`: bytes of the longest token."""
    table, scratch = 4 * room, longest + 4 * (longest + 2)
    grown = np.zeros(L.K_HEADER + L.KN * room + table + scratch, np.int32)
    grown[: L.K_HEADER] = K[: L.K_HEADER]
    nodes = L.K_HEADER
    if len(K) > nodes:
        used = L.KN * int(K[L.K_N])
        grown[nodes : nodes + used] = K[nodes : nodes + used]
    grown[L.K_NODES], grown[L.K_CAP] = nodes, room
    grown[L.K_TABLE], grown[L.K_MASK] = nodes + L.KN * room, table - 1
    grown[L.K_SCR], grown[L.K_ROOM] = nodes + L.KN * room + table, longest
    grown[L.K_FULL] = 0
    index_nodes(grown)
    return grown


def blank_keys(whole: list[bytes], longest: int) -> Ints:
    """The arena K with no key seen, and the keys that stand whole in some token."""
    K = np.zeros(L.K_HEADER, np.int32)
    K[L.K_N] = 1
    K = with_room(K, ROOM, longest)
    for text in [b"", *whole]:
        data = np.frombuffer(text + b"\0", np.uint8)
        while lay_text(K, data, len(text)) < 0:
            K = with_room(K, 2 * int(K[L.K_CAP]), longest)
    K[L.K_WHOLE] = K[L.K_N]
    return K


#: The end of a key, its value, and another key.
_TWO_ENDS = re.compile(rb'"[ \t\r\n]*:.*,[ \t\r\n]*"(?:[^"\\]|\\.)*"', re.DOTALL)


def whole_keys(data: NDArray[np.uint8], start: NDArray[np.int64]) -> tuple[list[bytes], Ints, Ints]:
    """What stands between quotes inside tokens, decoded; the tokens with two quotes; those that may end two keys."""
    before = np.concatenate(([0], np.cumsum(data == L.QUOTE)))
    two = np.flatnonzero(before[start[1:]] - before[start[:-1]] >= 2)
    found: set[bytes] = set()
    ends_two: list[int] = []
    for token in two.tolist():
        text = data[start[token] : start[token + 1]].tobytes()
        if _TWO_ENDS.search(text):
            ends_two.append(token)
        at = text.find(b'"')
        while at >= 0:
            found.update(_key_behind(text, at))
            at = text.find(b'"', at + 1)
    return sorted(found), two.astype(np.int32), np.array(ends_two, np.int32)


def _key_behind(text: bytes, quote: int) -> list[bytes]:
    """The JSON string that begins with this quote, if it ends in the text and is one."""
    end = quote + 1
    while end < len(text) and text[end] != L.QUOTE:
        end += 2 if text[end] == L.BACKSLASH else 1
    if end >= len(text):
        return []
    try:
        return [json.loads(text[quote : end + 1]).encode("utf-8", "surrogatepass")]
    except ValueError:
        return []
