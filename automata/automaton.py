"""Token automaton: a grammar and a vocabulary, ready to fill masks.

A state is one integer: the configuration, or that and what stands beside it, interned (see `states.py`). Equal states
are equal integers, states are never changed, and so forking is copying an integer.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import VocabularyError
from ..grammar.analysis import reachable
from ..grammar.ir import Grammar
from . import _layout_kernels as L
from ._advance_kernels import accepts_end, advance_bytes, advance_keys, advance_special, advance_token, ask_closers
from ._guard_kernels import keep_verdict
from ._mask_kernels import compute_mask, fetch_keyed_mask, fetch_mask
from .distance import Distances
from .mask_pool import MaskPool, Row
from .pushdown import FINISHED, Limits, Pushdown
from .states import States
from .stats import Residual, Stats, residuals_of
from .tables import tables_of
from .texts import Texts
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    from .matcher import Matcher

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
        self._pool = MaskPool(self.mask_width, limits.mask_bytes)
        self._states = States(self._tables, limits.bytes)
        self._asked = 0
        self._distances: Distances | None = None
        self._runs = 0
        self._matchers: weakref.WeakSet[Matcher] = weakref.WeakSet()
        self.start = self._pda.start

    # States

    def advance(self, state: int, token: int) -> int:
        """The state after a token, guards asked; 0 if it is not allowed."""
        pda = self._pda
        with self.lock:
            if (0 < state < Texts.BASE or state >= L.KEYED) and state != FINISHED:
                K = self._states.K
                after: int = advance_token(pda.G, pda.A, K, state, int(token), self._data, self._starts)
                if after >= 0:
                    return after
            return self._advance(state, int(token))

    def _advance(self, state: int, token: int) -> int:
        if state in (0, FINISHED) or not 0 <= token < self.vocabulary.width:
            return 0
        pda = self._pda
        while state < Texts.BASE or state >= L.KEYED:
            after: int = advance_token(pda.G, pda.A, self._states.K, state, token, self._data, self._starts)
            if after >= 0:
                return after
            if after == L.FOLLOW:
                return 0 if self._repeats(state, token) else self._states.join(pda.A, int(pda.A[L.H_RESULT]))
            if after != L.FAILED:
                break
            self._supply(self._no_guard)
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
        return 0 if self._repeats(state, token) else self._states.join(pda.A, moved)

    def _repeats(self, state: int, token: int) -> bool:
        """Whether an object gets an undeclared key twice by an allowed token; where that leads goes to K's header."""
        pda, config = self._pda, self._states.split(state)[0]
        start, end = int(self._starts[token]), int(self._starts[token + 1])
        place = self._states.place(state)
        while (r := advance_keys(pda.G, pda.A, self._states.K, config, *place, self._data, start, end)) < 0:
            self._supply(self._no_guard)
        return bool(r == L.TWICE)

    def _supply(self, ask: Callable[[int, int, int], None]) -> None:
        """Supply what the kernel that just failed lacks."""
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

    def accepts(self, state: int) -> bool:
        """Whether the text may end here, guards asked."""
        with self.lock:
            if state == 0 or state == FINISHED:
                return False
            return self._accepts(*self._states.split(state))

    def _accepts(self, config: int, text: int) -> bool:
        pda = self._pda
        before = self._states.texts.bytes_of(text)
        buffer = np.frombuffer(bytearray(before), np.uint8) if before else _NO_TEXT
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

    # Masks

    def memory(self, state: int) -> tuple[int, int, int, int] | None:
        """Where the masks of bare configurations are remembered, for `batch.py`; None for another kind of state.

        Addresses and lengths of the configurations and of the pool, valid while the lock is held.
        """
        if not 0 < state < Texts.BASE or state == FINISHED:
            return None
        return self._pool.memory(self._pda.A)

    def _mask_index(self, config: int) -> int:
        """The row of a configuration's mask in the pool, computed if needed."""
        pda, pool, tables = self._pda, self._pool, self._tables
        A = pda.A
        canon = int(A[A[L.H_CFG] + config * L.CF + L.C_CANON])
        known = int(A[A[L.H_CFG] + canon * L.CF + L.C_ROW])
        if known:
            pool.hits += 1
            return known - 1
        pool.misses += 1
        index, width = pool.room(A), self.mask_width
        while compute_mask(pda.G, pda.A, tables.X, tables.R, tables.V, pool.rows, index, width, canon, _NO_TEXT) < 0:
            self._supply(self._no_guard)
        pool.n += 1
        A = pda.A
        if pda.guarded:
            at = A[L.H_CLOSERS]
            pool.closers[canon] = np.unique(A[at : at + A[L.H_NCLOSERS]])
        if pda.keyed and not A[A[L.H_CFG] + canon * L.CF + L.C_FLAGS] & L.OPEN_FLAG:
            self._states.open_keys()
            self._forbid(canon, self._states.tokens_to_ask(False), pool.row(index))
        return index

    def _forbid(self, state: int, tokens: Sequence[int], row: Row) -> None:
        """Clear the tokens of a row, among these, by which an undeclared key comes twice."""
        for token in tokens:
            if row[token >> 5] >> (token & 31) & 1 and self._repeats(state, token):
                row[token >> 5] &= ~np.int32(np.uint32(1 << (token & 31)).view(np.int32))

    def mask(self, state: int) -> Row:
        """The tokens that may follow, guards not asked: a read-only int32 row of `mask_width` words."""
        with self.lock:
            if 0 < state < L.KEYED and state != FINISHED:
                row = self._pool.row(self._mask_index(self._states.split(state)[0]))
            else:
                row = np.zeros(self.mask_width, np.int32)
                if state >= L.KEYED:
                    self._fill_keyed(state, row)
            row.setflags(write=False)
            return row

    def fill_mask(self, state: int, row: Row) -> None:
        """Write the tokens that may follow, guards asked, to an int32 row of `mask_width` words."""
        with self.lock:
            if state in (0, FINISHED):
                row[:] = 0
                return
            if state >= L.KEYED:
                found = self._fill_keyed(state, row)
            else:
                config = state if state < Texts.BASE else self._states.split(state)[0]
                found = int(fetch_mask(self._pda.A, self._pool.rows, config, row))
                if found == 0:
                    row[:] = self._pool.row(self._mask_index(config))
                    found = L.ASK_GUARDS
                else:
                    self._pool.hits += 1
            if found < 0:
                raise ValueError(f"Expected a row of {self.mask_width} words, got {len(row)}.")
            if found & L.ASK_GUARDS and self._pda.guarded:
                self._ask_closers(*self._states.split(state), row)

    def _fill_keyed(self, state: int, row: Row) -> int:
        """Write the mask of a keyed state, guards not asked; returns as `fetch_keyed_mask`."""
        pda, states, V = self._pda, self._states, self._tables.V
        found = int(fetch_keyed_mask(pda.A, states.K, V, self._pool.rows, state, 0, row))
        if found == 0:
            config = states.split(state)[0]
            self._mask_index(config)
            found = int(fetch_keyed_mask(pda.A, states.K, V, self._pool.rows, state, config, row))
        else:
            self._pool.hits += 1
        self._forbid(state, states.tokens_to_ask(bool(found & L.ASK_TOKENS)), row)
        return found

    def _ask_closers(self, config: int, text: int, row: Row) -> None:
        A = self._pda.A
        canon = int(A[A[L.H_CFG] + config * L.CF + L.C_CANON])
        tokens = self._pool.closers.get(canon)
        if tokens is None or not len(tokens):
            return
        pda = self._pda
        sizes = self._starts[tokens + 1] - self._starts[tokens]
        texts = self._states.texts
        before = texts.bytes_of(text)
        buffer = np.zeros(len(before) + int(sizes.max()) + 1, np.uint8)
        buffer[: len(before)] = np.frombuffer(before, np.uint8)
        status = np.full(len(tokens), -1, np.int32)
        status[sizes == 0] = 0
        pos = len(before)
        pda.A[L.H_AT] = 0
        while ask_closers(pda.G, pda.A, config, tokens, status, self._data, self._starts, pos, buffer) < 0:
            self._supply(lambda guard, lo, hi: self._ask(guard, lo, hi, buffer))
        for k in np.flatnonzero(sizes == 0).tolist():  # special tokens and the end of sequence
            status[k] = self._advance(texts.state(config, text), int(tokens[k])) != 0
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
            config = self._states.split(state)[0]
            data = np.frombuffer(bytearray(text or b"\0"), np.uint8)
            pda = self._pda
            for i in range(len(text)):
                while advance_bytes(pda.G, pda.A, config, data, i, i + 1, 0, _NO_TEXT, 0) < 0:
                    self._supply(self._no_guard)
                after = int(pda.A[L.H_RESULT])
                if after == 0:
                    return i, config
                config = after
            return len(text), config

    @property
    def pushdown(self) -> Pushdown:
        """The automaton without its vocabulary, for inspection."""
        return self._pda

    def admit(self, matcher: Matcher) -> None:
        """Keep a new matcher's states valid while it lives; drop what nobody needs, if that has become much.

        While no run lasts, bare states that no matcher holds may become invalid here.
        """
        with self.lock:
            self._matchers.add(matcher)
            if self._states.wants_room and not self._runs:
                held = list(self._matchers)
                number = self._states.keep(state for one in held for state in one.states)
                for one in held:
                    one.renumber(number)

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
        return residuals_of(self.grammar)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the grammar and the vocabulary."""
        digest = hashlib.sha256(self.vocabulary.fingerprint.encode())
        digest.update(repr(self.end_ids).encode())
        rules = reachable(self.grammar.rules, self.grammar.start)
        for name in sorted(rules):
            digest.update(f"{name!r} {rules[name]!r}\n".encode())
        return digest.hexdigest()

    def split(self, state: int) -> tuple[int, bytes]:
        """The configuration of a state, and the text of the guarded value that is open, if any."""
        with self.lock:
            config, text = self._states.split(state)
            return config, self._states.texts.bytes_of(text)

    def least_bytes(self, state: int) -> int:
        """Bytes that still suffice to complete the text (an upper bound of the least number of them)."""
        with self.lock:
            return self._distance().least(self._states.split(state)[0])

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
            arena_bytes=A.nbytes + pda.G.nbytes + self._states.K.nbytes + self._states.texts.n_bytes,
            masks=self._pool.n,
            mask_bytes=self._pool.rows.nbytes,
            mask_hits=self._pool.hits,
            mask_misses=self._pool.misses,
            mask_evictions=self._pool.evictions,
            guards_asked=self._asked,
            tables=self._tables.stats.tables,
            table_bytes=self._tables.stats.bytes,
        )
