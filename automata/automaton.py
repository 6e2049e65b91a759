"""Token automaton: a grammar and a vocabulary, ready to fill masks.

A state is one integer: the configuration, or, where guards are open, a configuration and the text since the outermost
open guard, interned. Equal states are equal integers, states are never changed, and so forking is copying an integer.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import VocabularyError
from ..grammar.analysis import reachable
from ..grammar.ir import Grammar, Guarded, children
from . import _layout_kernels as L
from ._advance_kernels import NO_BYTES, accepts_end, advance_bytes, advance_special, advance_token, ask_closers
from ._guard_kernels import keep_verdict
from ._mask_kernels import compute_mask, fetch_mask
from .distance import Distances
from .pushdown import FINISHED, Limits, Pushdown
from .stats import Residual, Stats
from .tables import tables_of
from .texts import Texts
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    from .matcher import Matcher

Row = NDArray[np.int32]
_NO_TEXT = np.zeros(1, np.uint8)


class TokenAutomaton:
    """What tokens may follow what text; see `compile_grammar`. Safe to use from several threads."""

    def __init__(self, grammar: Grammar, vocabulary: Vocabulary, stop_ids: Sequence[int], limits: Limits) -> None:
        self.vocabulary = vocabulary
        self.grammar = grammar
        #: Ids that end a text: the vocabulary's end-of-sequence ids and the stop ids.
        self.end_ids = tuple(sorted({*vocabulary.eos_ids, *stop_ids}))
        if any(not 0 <= t < vocabulary.width for t in self.end_ids):
            raise VocabularyError(f"Expected stop ids below {vocabulary.width}, got {list(stop_ids)}.")
        self.mask_width = vocabulary.mask_words
        #: The state after end of sequence.
        self.finished = FINISHED
        self._ends = frozenset(self.end_ids)
        self._tables = tables_of(vocabulary)
        self._pda = Pushdown(grammar, vocabulary, self._tables, self.end_ids, limits)
        #: Held by every method that looks at the arenas.
        self.lock = threading.RLock()
        self._data, self._starts = self._tables.data, self._tables.start
        self._masks = np.zeros(4 * max(1, self.mask_width), np.int32)
        self._n_masks = 0
        self._max_masks = max(4, limits.mask_bytes // max(4, 4 * self.mask_width))
        self._closers: dict[int, NDArray[np.int32]] = {}
        self._texts = Texts()
        self._hits = self._misses = self._evictions = self._asked = 0
        self._distances: Distances | None = None
        self._runs = 0
        self._memory: tuple[int, int, int, int, object, object] = (0, 0, 0, 0, None, None)
        self.start = self._pda.start

    # States

    def advance(self, state: int, token: int) -> int:
        """The state after a token, guards asked; 0 if it is not allowed."""
        pda = self._pda
        with self.lock:
            if 0 < state < Texts.BASE and state != FINISHED and not pda.guarded:
                after: int = advance_token(pda.G, pda.A, state, int(token), self._data, self._starts)
                if after >= 0:
                    return after
            return self._advance(state, int(token))

    def _advance(self, state: int, token: int) -> int:
        if state in (0, FINISHED) or not 0 <= token < self.vocabulary.width:
            return 0
        config, text = self._texts.split(state)
        pda = self._pda
        while not pda.guarded:
            after: int = advance_token(pda.G, pda.A, config, token, self._data, self._starts)
            if after >= 0:
                return after
            if after == NO_BYTES:
                break
            pda.supply(self._no_guard)
        start, end = int(self._starts[token]), int(self._starts[token + 1])
        if start == end:
            moved = self._advance_special(config, text, token)
            if moved == 0 and token in self._ends and self._accepts(config, text):
                return FINISHED
            return moved
        return self._advance_guarded(config, text, start, end)

    def _advance_guarded(self, config: int, text: int, start: int, end: int) -> int:
        pda = self._pda
        before = self._texts.bytes_of(text)
        buffer = np.frombuffer(bytearray(before + self._data[start:end].tobytes()), np.uint8)
        pos = len(before)
        while (n := advance_bytes(pda.G, pda.A, config, buffer, pos, len(buffer), pos, buffer, 1)) < 0:
            pda.supply(lambda guard, lo, hi: self._ask(guard, lo, hi, buffer))
        if n < end - start:
            return 0
        if end - start == 1 or not self._holds(int(pda.A[L.H_RESULT])) or (text and not pda.A[L.H_CLOSED]):
            return self._pair(int(pda.A[L.H_RESULT]), text, self._data[start:end].tobytes())
        state = self._texts.state(config, text)  # a guarded value began inside the token: so does its text
        for at in range(start, end):
            state = self._advance_guarded(*self._texts.split(state), at, at + 1)
        return state

    def _holds(self, config: int) -> bool:
        """Whether a guarded value is open."""
        A = self._pda.A
        return bool(A[A[L.H_CFG] + config * L.CF + L.C_FLAGS] & L.HOLDS_FLAG)

    def _advance_special(self, config: int, text: int, token: int) -> int:
        pda = self._pda
        buffer = np.frombuffer(bytearray(self._texts.bytes_of(text) or b"\0"), np.uint8)
        pos = len(self._texts.bytes_of(text))
        while advance_special(pda.G, pda.A, config, token, pos, buffer, 1) < 0:
            pda.supply(lambda guard, lo, hi: self._ask(guard, lo, hi, buffer))
        return self._pair(int(pda.A[L.H_RESULT]), text, b"")

    def _pair(self, config: int, text: int, added: bytes) -> int:
        """The state of a configuration: with the text only while a guarded value is open."""
        if not self._holds(config):
            return config
        return self._texts.join(config, self._texts.append(text, added))

    def accepts(self, state: int) -> bool:
        """Whether the text may end here, guards asked."""
        with self.lock:
            if state == 0 or state == FINISHED:
                return False
            return self._accepts(*self._texts.split(state))

    def _accepts(self, config: int, text: int) -> bool:
        pda = self._pda
        before = self._texts.bytes_of(text)
        buffer = np.frombuffer(bytearray(before), np.uint8) if before else _NO_TEXT
        while (verdict := accepts_end(pda.G, pda.A, config, len(before), buffer, 1)) < 0:
            pda.supply(lambda guard, lo, hi: self._ask(guard, lo, hi, buffer))
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

    # Masks

    def memory(self, state: int) -> tuple[int, int, int, int] | None:
        """Where the masks of states without guards are remembered, for `batch.py`; None for another kind of state.

        Addresses and lengths of the configurations and of the pool, valid while the lock is held.
        """
        A, masks = self._pda.A, self._masks
        if not 0 < state < Texts.BASE or state == FINISHED or self._pda.guarded:
            return None
        if self._memory[4] is not A or self._memory[5] is not masks:
            self._memory = A.ctypes.data, len(A), masks.ctypes.data, len(masks), A, masks
        return self._memory[:4]

    def _mask_index(self, config: int) -> int:
        """The row of a configuration's mask in the pool, computed if needed."""
        pda = self._pda
        A = pda.A
        canon = int(A[A[L.H_CFG] + config * L.CF + L.C_CANON])
        index = int(A[A[L.H_CFG] + canon * L.CF + L.C_ROW])
        if index:
            self._hits += 1
            return index - 1
        self._misses += 1
        index = self._new_row()
        width, tables = self.mask_width, self._tables
        while compute_mask(pda.G, pda.A, tables.X, tables.R, tables.V, self._masks, index, width, canon, _NO_TEXT) < 0:
            pda.supply(self._no_guard)
        self._n_masks += 1
        A = pda.A
        if pda.guarded:
            at = A[L.H_CLOSERS]
            self._closers[canon] = np.unique(A[at : at + A[L.H_NCLOSERS]])
        return index

    def _new_row(self) -> int:
        """An unused row of the pool; a full pool grows, or is begun anew (rows handed out stay as they are)."""
        if self._n_masks >= self._max_masks:
            self._evictions += self._n_masks
            self._masks = np.zeros(4 * max(1, self.mask_width), np.int32)
            self._n_masks = 0
            self._closers.clear()
            A = self._pda.A
            at = A[L.H_CFG]
            A[at : at + A[L.H_NCFG] * L.CF].reshape(-1, L.CF)[:, L.C_ROW] = 0
        elif (self._n_masks + 1) * self.mask_width > len(self._masks):
            grown = np.zeros(2 * len(self._masks), np.int32)
            grown[: len(self._masks)] = self._masks
            self._masks = grown
        return self._n_masks

    def mask(self, state: int) -> Row:
        """The tokens that may follow, guards not asked: a read-only int32 row of `mask_width` words."""
        with self.lock:
            if state == 0 or state == FINISHED:
                row = np.zeros(self.mask_width, np.int32)
            else:
                index = self._mask_index(self._texts.split(state)[0])
                row = self._masks[index * self.mask_width : (index + 1) * self.mask_width]
            row = row.view()
            row.setflags(write=False)
            return row

    def fill_mask(self, state: int, row: Row) -> None:
        """Write the tokens that may follow, guards asked, to an int32 row of `mask_width` words."""
        pda = self._pda
        with self.lock:
            if state in (0, FINISHED):
                row[:] = 0
                return
            config, text = (state, 0) if state < Texts.BASE else self._texts.split(state)
            fetched = fetch_mask(pda.A, self._masks, config, row)
            if fetched > 0:
                self._hits += 1
            else:
                if fetched < 0:
                    raise ValueError(f"Expected a row of {self.mask_width} words, got {len(row)}.")
                index = self._mask_index(config)
                row[:] = self._masks[index * self.mask_width : (index + 1) * self.mask_width]
            if pda.guarded:
                self._ask_closers(config, text, row)

    def _ask_closers(self, config: int, text: int, row: Row) -> None:
        A = self._pda.A
        canon = int(A[A[L.H_CFG] + config * L.CF + L.C_CANON])
        tokens = self._closers.get(canon)
        if tokens is None or not len(tokens):
            return
        pda = self._pda
        sizes = self._starts[tokens + 1] - self._starts[tokens]
        before = self._texts.bytes_of(text)
        buffer = np.zeros(len(before) + int(sizes.max()) + 1, np.uint8)
        buffer[: len(before)] = np.frombuffer(before, np.uint8)
        status = np.full(len(tokens), -1, np.int32)
        status[sizes == 0] = 0
        pos = len(before)
        pda.A[L.H_AT] = 0
        while ask_closers(pda.G, pda.A, config, tokens, status, self._data, self._starts, pos, buffer) < 0:
            pda.supply(lambda guard, lo, hi: self._ask(guard, lo, hi, buffer))
        for k in np.flatnonzero(sizes == 0).tolist():  # special tokens and the end of sequence
            status[k] = self._advance(self._texts.state(config, text), int(tokens[k])) != 0
        refused = tokens[status == 0]
        bits = np.left_shift(np.uint32(1), (refused & 31).astype(np.uint32))
        np.bitwise_and.at(row.view(np.uint32), refused >> 5, ~bits)

    def check(self, state: int, token: int) -> bool:
        """Whether a token may follow, guards asked."""
        return self.advance(state, token) != 0

    # Bare essentials for samplers and callers

    def matcher(self) -> Matcher:
        """A cursor for one sequence."""
        from .matcher import Matcher

        return Matcher(self)

    def forced_tokens(self, state: int, limit: int = 64) -> list[int]:
        """The tokens that must follow one after the other, while each is the only one allowed; no end of sequence."""
        forced: list[int] = []
        row = np.zeros(self.mask_width, np.int32)
        while len(forced) < limit:
            self.fill_mask(state, row)
            words = np.flatnonzero(row)
            if len(words) != 1:
                break
            word = int(row[words[0]]) & 0xFFFFFFFF
            if word & word - 1:
                break
            token = 32 * int(words[0]) + word.bit_length() - 1
            if token in self._ends:
                break
            forced.append(token)
            state = self.advance(state, token)
        return forced

    def run_text(self, state: int, text: bytes) -> tuple[int, int]:
        """Follow a text byte by byte, guards not asked: the number of bytes that fit and the configuration there."""
        with self.lock:
            config = self._texts.split(state)[0]
            data = np.frombuffer(bytearray(text or b"\0"), np.uint8)
            pda = self._pda
            for i in range(len(text)):
                while advance_bytes(pda.G, pda.A, config, data, i, i + 1, 0, _NO_TEXT, 0) < 0:
                    pda.supply(self._no_guard)
                after = int(pda.A[L.H_RESULT])
                if after == 0:
                    return i, config
                config = after
            return len(text), config

    @property
    def pushdown(self) -> Pushdown:
        """The automaton without its vocabulary, for inspection."""
        return self._pda

    @contextmanager
    def run(self) -> Iterator[TokenAutomaton]:
        """A sampling run: the bare integer states made inside it are valid until it ends."""
        with self.lock:
            self._runs += 1
        try:
            yield self
        finally:
            with self.lock:
                self._runs -= 1

    @property
    def exact(self) -> bool:
        """Whether the automaton alone decides: no guards are left."""
        return not self.residuals

    @cached_property
    def residuals(self) -> list[Residual]:
        """The guards of the grammar."""
        found: dict[Residual, None] = {}
        for expr in reachable(self.grammar.rules, self.grammar.start).values():
            stack = [expr]
            while stack:
                top = stack.pop()
                if isinstance(top, Guarded):
                    found[Residual(top.check.pointer, top.check.keyword)] = None
                stack.extend(children(top))
        return list(found)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the grammar and the vocabulary."""
        digest = hashlib.sha256(self.vocabulary.fingerprint.encode())
        digest.update(repr(self.end_ids).encode())
        rules = reachable(self.grammar.rules, self.grammar.start)
        for name in sorted(rules):
            digest.update(f"{name!r} {rules[name]!r}\n".encode())
        return digest.hexdigest()

    def least_bytes(self, state: int) -> int:
        """Bytes that still suffice to complete the text (an upper bound of the least number of them)."""
        with self.lock:
            return self._distance().least(self._texts.split(state)[0])

    def mask_within(self, state: int, n_tokens: int) -> Row:
        """The mask of the tokens behind which `n_tokens - 1` more (bytes, at worst) suffice to complete the text.

        Of a mask of more than 2,000 tokens it may be a part, never an empty one where a way is left.
        """
        with self.lock:
            row = np.zeros(self.mask_width, np.int32)
            self.fill_mask(state, row)
            if state and state != FINISHED:
                self._distance().restrict(self, state, row, n_tokens)
            return row

    def _distance(self) -> Distances:
        if self._distances is None:
            self._distances = Distances(self._pda, self.grammar)
        return self._distances

    @property
    def stats(self) -> Stats:
        """Sizes and counters."""
        A, pda = self._pda.A, self._pda
        lowered = pda.G[pda.G[L.G_RT] : pda.G[L.G_RT] + pda.n_rules * L.RT].reshape(-1, L.RT)[:, L.R_START]
        return Stats(
            states=pda.n_states,
            rules=pda.n_rules,
            rules_lowered=int(np.count_nonzero(lowered)),
            configurations=int(A[L.H_NCFG]),
            arena_bytes=A.nbytes + pda.G.nbytes,
            masks=self._n_masks,
            mask_bytes=self._masks.nbytes,
            mask_hits=self._hits,
            mask_misses=self._misses,
            mask_evictions=self._evictions,
            guards_asked=self._asked,
            tables=self._tables.stats.tables,
            table_bytes=self._tables.stats.bytes,
        )
