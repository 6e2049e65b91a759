"""Token automaton: a grammar and a vocabulary, ready to fill masks.

A state is one integer: the configuration, or that and what stands beside it, interned (see `states.py`). Equal states
are equal integers, states are never changed, and so forking is copying an integer.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from ..grammar.analysis import reachable
from ..grammar.ir import Grammar
from . import _layout_kernels as L
from ._advance_kernels import advance_bytes, ask_closers
from ._batch_kernels import fill_row
from ._pool_kernels import keep_mask
from .kernel import Direct
from .mask_pool import MaskPool, Row
from .nearest import TokenDistances
from .pushdown import FINISHED, Limits, Pushdown
from .stats import Residual, Stats, residuals_of
from .tables import Ints, tables_of
from .transitions import NO_TEXT, Transitions
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    from .matcher import Matcher

FILL = Direct(fill_row)


class TokenAutomaton(Transitions):
    """What tokens may follow what text; see `compile_grammar`. Safe to use from several threads."""

    def __init__(self, grammar: Grammar, vocabulary: Vocabulary, stop_ids: Sequence[int], limits: Limits) -> None:
        self._tables = tables_of(vocabulary)
        self.mask_width = vocabulary.mask_words
        self._pool = MaskPool(self.mask_width, limits.mask_bytes)
        super().__init__(grammar, vocabulary, stop_ids, limits, self._tables, self._pool)
        self.grammar = grammar
        #: Their row among those of all automata, for `batch.py`; -1 where states mean something else than to kernels.
        self.slot = self.arenas.slot
        #: The row that was written to last.
        self.last_row: Row | None = None
        self._distances: TokenDistances | None = None
        self._runs = 0
        self._matchers: weakref.WeakSet[Matcher] = weakref.WeakSet()

    # Masks

    def _compute(self, state: int, row: Row, found: int) -> int:
        """Write a state's mask, guards not asked, given what the kernel said; returns what is to be asked."""
        if state == 0 or state == FINISHED:
            row[:] = 0
            return L.FETCHED
        config = self._states.split(state)[0]
        while found <= 0:
            if found == L.FAILED:
                self._supply(self._no_guard)
            self.arenas.settle()
            found = FILL.call(self.where, state, config, row)
        if found & (L.POOL_FULL | L.UNSETTLED | L.COMPUTED):
            A = self._pda.A
            self._keep(int(A[A[L.H_CFG] + config * L.CF + L.C_CANON]), row, found)
        return self._compute(state, row, 0) if found & (L.POOL_FULL | L.UNSETTLED) else found

    def _keep(self, canon: int, row: Row, found: int) -> None:
        """Keep what the kernel that computed a mask could not keep."""
        pda, pool = self._pda, self._pool
        at = pda.A[L.H_CLOSERS]
        closers = np.unique(pda.A[at : at + pda.A[L.H_NCLOSERS]])
        if found & L.UNSETTLED:
            self._states.open_keys()
            self._forbid(canon, self._states.tokens_to_ask(False), row)
        if found & (L.POOL_FULL | L.UNSETTLED):
            pool.M[L.M_MISSES] += 1
            if keep_mask(pda.A, self._tables.R, pool.M, canon, row) == L.FAILED:
                pool.begin_anew(pda.A)
                keep_mask(pda.A, self._tables.R, pool.M, canon, row)
        pool.closers[canon] = closers

    def _forbid(self, state: int, tokens: Ints, row: Row) -> None:
        """Clear the tokens of a row, among these, by which an undeclared key comes twice."""
        allowed = tokens[row[tokens >> 5] >> (tokens & 31) & 1 == 1]
        for token in allowed.tolist():
            if self._repeats(state, token):
                row[token >> 5] &= ~np.int32(np.uint32(1 << (token & 31)).view(np.int32))

    def mask(self, state: int) -> Row:
        """The tokens that may follow, guards not asked: a read-only int32 row of `mask_width` words."""
        row = np.zeros(self.mask_width, np.int32)
        with self.lock:
            self._fill(state, row, 0)
        row.setflags(write=False)
        return row

    def fill_mask(self, state: int, row: Row) -> None:
        """Write the tokens that may follow, guards asked, to an int32 row of `mask_width` words."""
        with self.lock:
            self.fill_locked(state, row)

    def fill_locked(self, state: int, row: Row) -> None:
        """`fill_mask`, for whoever holds the lock."""
        if row is not self.last_row:
            self._admit_row(row)
        self.arenas.settle()
        found = FILL.call(self.where, state, 0, row)
        if found != L.FETCHED:
            self.fill_further(state, row, found)

    def fill_further(self, state: int, row: Row, found: int) -> None:
        """Do what `fill_row`, which said `found`, has not done."""
        found = self._fill(state, row, found)
        if found & L.ASK_GUARDS and self._pda.guarded:
            self._ask_closers(*self._states.split(state), row)

    def _admit_row(self, row: Row) -> None:
        """Check a row before kernels write to it."""
        if row.dtype != np.int32 or row.shape != (self.mask_width,):
            raise ValueError(f"Expected an int32 row of {self.mask_width} words, got {row.dtype} of shape {row.shape}.")
        flags = row.flags
        if not flags.c_contiguous or not flags.writeable:
            raise ValueError("Expected a C-contiguous row that can be written.")
        self.last_row = row

    def _fill(self, state: int, row: Row, found: int) -> int:
        """Write the mask of a state, guards not asked; takes and returns what `fill_row` says."""
        if found <= 0 or found & (L.POOL_FULL | L.UNSETTLED | L.COMPUTED):
            found = self._compute(state, row, found)
        if state >= L.KEYED and found & (L.ASK_TOKENS | L.ASK_TWINS):
            self._forbid(state, self._states.tokens_to_ask(bool(found & L.ASK_TOKENS)), row)
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
            status[k] = self.advance_locked(texts.state(config, text), int(tokens[k])) != 0
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
                while advance_bytes(pda.G, pda.A, config, data, i, i + 1, 0, NO_TEXT, 0) < 0:
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
                if self._distances is not None:
                    self._distances.forget_states()

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

    def nearest(self, state: int) -> Iterator[tuple[int, int]]:
        """The tokens of the mask, those that leave least to do first: (bytes left, token).

        First those that bring the end nearer, by their first byte and as a whole, then the others. As guards decide at
        the end of a value, `advance` tells which may follow, and what is left then, if not less.
        """
        for i in count():
            with self.lock:
                found = self._distance().nearest(self, state, i)
            if found is None:
                return
            yield found

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

    def _distance(self) -> TokenDistances:
        if self._distances is None:
            self._distances = TokenDistances(self._pda, self.grammar)
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
            mask_bytes=self._pool.n_bytes,
            mask_hits=int(A[L.H_HITS]) + (int(A[L.H_MORE_HITS]) << 30),
            mask_misses=self._pool.misses,
            mask_evictions=self._pool.evictions,
            guards_asked=self._asked,
            tables=self._tables.stats.tables,
            table_bytes=self._tables.stats.bytes,
        )
