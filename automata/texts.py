"""Interned texts of open guarded values, and the states that carry one."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import BudgetExceeded
from ._layout_kernels import WITH_TEXT


class Texts:
    """Interned texts of open guarded values, and the states that carry one."""

    BASE = WITH_TEXT
    #: Bytes that a node and a state take, roughly.
    NODE_BYTES, STATE_BYTES = 220, 280

    def __init__(self, limit: int = 1 << 62) -> None:
        self._limit = limit
        #: Text -> (text before, its last byte); text 0 is empty. A node a byte: how tokens cut the text is forgotten.
        self._nodes: list[tuple[int, int]] = [(0, 0)]
        #: Text before << 8 | byte -> text.
        self._ids: dict[int, int] = {}
        self._recent: dict[int, bytes] = {0: b""}
        self._pairs: list[tuple[int, int]] = []
        self._states: dict[tuple[int, int], int] = {}

    @property
    def n_bytes(self) -> int:
        """Bytes used, roughly."""
        return self.NODE_BYTES * len(self._nodes) + self.STATE_BYTES * len(self._pairs)

    def kept(self, states: Iterable[int]) -> tuple[Texts, dict[int, int]]:
        """Texts with these states only, and the new number of each."""
        fresh, pairs = Texts(self._limit), {state: self.split(state) for state in states}
        live = {0}
        for _, text in pairs.values():
            while text not in live:
                live.add(text)
                text = self._nodes[text][0]
        moved = {0: 0}
        for text in sorted(live)[1:]:  # whatever a text begins with has a smaller number
            before, byte = self._nodes[text]
            moved[text] = fresh.append(moved[before], bytes((byte,)))
        return fresh, {state: fresh.join(config, moved[text]) for state, (config, text) in pairs.items()}

    def append(self, text: int, added: bytes) -> int:
        """The text with bytes added."""
        for byte in added:
            found = self._ids.get(text << 8 | byte)
            if found is None:
                found = self._ids[text << 8 | byte] = len(self._nodes)
                self._nodes.append((text, byte))
                if self.n_bytes > self._limit:
                    raise BudgetExceeded("bytes of the texts of guarded values", self._limit)
            text = found
        return text

    def bytes_of(self, text: int) -> bytes:
        """The bytes of a text."""
        tail = bytearray()
        at = text
        while at not in self._recent:
            at, byte = self._nodes[at]
            tail.append(byte)
        whole = self._recent[at] + tail[::-1]
        if tail:
            if len(self._recent) >= 64:
                self._recent = {0: b""}
            self._recent[text] = whole
        return whole

    def join(self, config: int, text: int) -> int:
        """The state of a configuration with a text."""
        found = self._states.get((config, text))
        if found is None:
            found = self._states[config, text] = self.BASE + len(self._pairs)
            self._pairs.append((config, text))
        return found

    def state(self, config: int, text: int) -> int:
        """The state of a configuration, with or without a text."""
        return self.join(config, text) if text else config

    def split(self, state: int) -> tuple[int, int]:
        """Configuration and text of a state."""
        return self._pairs[state - self.BASE] if state >= self.BASE else (state, 0)
