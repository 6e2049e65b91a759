"""Transitions: how tokens move the states of an automaton.

The common step is one kernel call. Where guards are open, a token is read as the bytes behind a text; where an object
with undeclared keys is, byte by byte (`states.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import VocabularyError
from ..grammar.collection import no_collection
from ..grammar.ir import Grammar
from . import _layout_kernels as L
from ._advance_kernels import accepts_end, advance_bytes, advance_keys, advance_special, advance_token
from ._guard_kernels import keep_verdict
from .arenas import Arenas
from .kernel import Direct
from .mask_pool import MaskPool
from .pushdown import FINISHED, Limits, Pushdown
from .states import States
from .tables import TerminalTables
from .vocabulary import Vocabulary

#: The text where no guarded value is open.
NO_TEXT = np.zeros(1, np.uint8)
ADVANCE = Direct(advance_token)


class Transitions:
    """The states of an automaton, and what tokens lead from one to the other. Safe to use from several threads."""

    def __init__(
        self,
        grammar: Grammar,
        vocabulary: Vocabulary,
        stop_ids: Sequence[int],
        limits: Limits,
        tables: TerminalTables,
        pool: MaskPool,
    ) -> None:
        self.vocabulary = vocabulary
        #: Ids that end a text: the vocabulary's end-of-sequence ids and the stop ids.
        self.end_ids = tuple(sorted({*vocabulary.eos_ids, *stop_ids}))
        if any(not 0 <= t < vocabulary.width for t in self.end_ids):
            raise VocabularyError(f"Expected stop ids below {vocabulary.width}, got {list(stop_ids)}.")
        #: The state after end of sequence.
        self.finished = FINISHED
        #: Held by every method that looks at the arenas.
        self.lock = threading.RLock()
        self._ends = frozenset(self.end_ids)
        self._pda = Pushdown(grammar, vocabulary, tables, self.end_ids, limits)
        self._data, self._starts = tables.data, tables.start
        self._states = States(tables, limits.bytes, self._pda.moved)
        #: Where the arenas lie; whether that must be brought up to date before it is used; their addresses.
        self.arenas = Arenas(self._pda, self._states, tables, pool)
        self.moved = self._pda.moved
        self.where = self.arenas.where[0]
        self._asked = 0
        self.start = self._pda.start

    def advance(self, state: int, token: int) -> int:
        """The state after a token, guards asked; 0 if it is not allowed."""
        with self.lock:
            return self.advance_locked(state, token)

    def advance_locked(self, state: int, token: int) -> int:
        """`advance`, for whoever holds the lock."""
        self.arenas.settle()
        try:
            after: int = ADVANCE.call(self.where, state, int(token))
        except OverflowError:  # no token has such an id
            return 0
        return after if after >= 0 else self.advance_further(state, int(token), after)

    def advance_further(self, state: int, token: int, after: int) -> int:
        """The state after a token of which `advance_token` said that something is missing, or that others decide."""
        if after == L.FAILED:
            self._supply(self._no_guard)
            after = self._advanced(state, token)
        if after >= 0:
            return after
        pda = self._pda
        config, text = self._states.split(state)
        start, end = int(self._starts[token]), int(self._starts[token + 1])
        if start < end:
            moved = self._advance_guarded(config, text, start, end)
        else:
            moved = self._advance_special(config, text, token)
            if moved == 0 and token in self._ends and self._accepts(config, text):
                return FINISHED
        if not moved or not pda.keyed:
            return moved
        return 0 if self._repeats_by_byte(state, token) else self._states.join(pda.A, moved)

    def _advanced(self, state: int, token: int) -> int:
        """What `advance_token` says when nothing is missing."""
        self.arenas.settle()
        while (after := ADVANCE.call(self.where, state, token)) == L.FAILED:
            self._supply(self._no_guard)
            self.arenas.settle()
        return int(after)

    def _repeats(self, state: int, token: int) -> bool:
        """Whether an object gets an undeclared key twice by a token that is allowed otherwise, guards not asked."""
        after = self._advanced(state, token)
        return after == 0 if after >= 0 else self._repeats_by_byte(state, token)

    def _repeats_by_byte(self, state: int, token: int) -> bool:
        """The same, read byte by byte; where the token leads goes to K's header."""
        pda, config = self._pda, self._states.split(state)[0]
        start, end = int(self._starts[token]), int(self._starts[token + 1])
        place = self._states.place(state)
        while (r := advance_keys(pda.G, pda.A, self._states.K, config, *place, self._data, start, end)) < 0:
            self._supply(self._no_guard)
        return bool(r == L.TWICE)

    def _supply(self, ask: Callable[[int, int, int], None]) -> None:
        """Supply what the kernel that just failed lacks."""
        with no_collection():
            if self._states.is_full:
                self._states.grow()
            else:
                self._pda.supply(ask)

    def _advance_guarded(self, config: int, text: int, start: int, end: int) -> int:
        pda = self._pda
        texts = self._states.texts
        before = texts.bytes_of(text)
        buffer = np.frombuffer(bytearray(before + self._data[start:end].tobytes()), np.uint8)
        pos = len(before)
        while (n := advance_bytes(pda.G, pda.A, config, buffer, pos, len(buffer), pos, buffer, 1)) < 0:
            self._supply(lambda guard, lo, hi: self._ask(guard, lo, hi, buffer))
        if n < end - start:
            return 0
        if end - start == 1 or not self._holds(int(pda.A[L.H_RESULT])) or (text and not pda.A[L.H_CLOSED]):
            return self._pair(int(pda.A[L.H_RESULT]), text, self._data[start:end].tobytes())
        state = texts.state(config, text)  # a guarded value began inside the token: so does its text
        for at in range(start, end):
            state = self._advance_guarded(*texts.split(state), at, at + 1)
        return state

    def _holds(self, config: int) -> bool:
        """Whether a guarded value is open."""
        A = self._pda.A
        return bool(A[A[L.H_CFG] + config * L.CF + L.C_FLAGS] & L.HOLDS_FLAG)

    def _advance_special(self, config: int, text: int, token: int) -> int:
        pda = self._pda
        before = self._states.texts.bytes_of(text)
        buffer = np.frombuffer(bytearray(before or b"\0"), np.uint8)
        pos = len(before)
        while advance_special(pda.G, pda.A, config, token, pos, buffer, 1) < 0:
            self._supply(lambda guard, lo, hi: self._ask(guard, lo, hi, buffer))
        return self._pair(int(pda.A[L.H_RESULT]), text, b"")

    def _pair(self, config: int, text: int, added: bytes) -> int:
        """The state of a configuration: with the text only while a guarded value is open."""
        if not self._holds(config):
            return config
        texts = self._states.texts
        return texts.join(config, texts.append(text, added))

    def run_token(self, config: int, token: int) -> int:
        """The configuration behind a token, guards and keys seen not asked; 0 where it may not follow."""
        with self.lock:
            pda = self._pda
            start, end = int(self._starts[token]), int(self._starts[token + 1])
            while (
                advance_bytes(pda.G, pda.A, config, self._data, start, end, 0, NO_TEXT, 0)
                if start < end
                else advance_special(pda.G, pda.A, config, token, 0, NO_TEXT, 0)
            ) < 0:
                self._supply(self._no_guard)
            return int(pda.A[L.H_RESULT])

    def accepts(self, state: int) -> bool:
        """Whether the text may end here, guards asked."""
        with self.lock:
            if state == 0 or state == FINISHED:
                return False
            return self._accepts(*self._states.split(state))

    def _accepts(self, config: int, text: int) -> bool:
        pda = self._pda
        before = self._states.texts.bytes_of(text)
        buffer = np.frombuffer(bytearray(before), np.uint8) if before else NO_TEXT
        while (verdict := accepts_end(pda.G, pda.A, config, len(before), buffer, 1)) < 0:
            self._supply(lambda guard, lo, hi: self._ask(guard, lo, hi, buffer))
        return bool(verdict)

    def _ask(self, guard: int, start: int, end: int, text: NDArray[np.uint8]) -> None:
        self._asked += 1
        passes = bool(self._pda.check(guard).check(text[start:end].tobytes()))
        if self._asked % 4096 == 0:
            A = self._pda.A
            A[A[L.H_VER] : A[L.H_VER] + 4 * (A[L.H_VERMASK] + 1)] = 0
        keep_verdict(self._pda.A, guard, start, end, text, int(passes))

    @staticmethod
    def _no_guard(guard: int, start: int, end: int) -> None:
        raise AssertionError("A kernel asked for a guard where there is none.")
