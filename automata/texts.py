"""Interned texts of open guarded values, and the states that carry one."""

from __future__ import annotations


class Texts:
    """Interned texts of open guarded values, and the states that carry one."""

    BASE = 1 << 40

    def __init__(self) -> None:
        #: Text -> (text before, its last byte); text 0 is empty. A node a byte: how tokens cut the text is forgotten.
        self._nodes: list[tuple[int, int]] = [(0, 0)]
        #: Text before << 8 | byte -> text.
        self._ids: dict[int, int] = {}
        self._recent: dict[int, bytes] = {0: b""}
        self._pairs: list[tuple[int, int]] = []
        self._states: dict[tuple[int, int], int] = {}

    def append(self, text: int, added: bytes) -> int:
        """The text with bytes added."""
        for byte in added:
            found = self._ids.get(text << 8 | byte)
            if found is None:
                found = self._ids[text << 8 | byte] = len(self._nodes)
                self._nodes.append((text, byte))
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
