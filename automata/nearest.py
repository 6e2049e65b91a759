"""Nearest: the tokens that bring the end of the text nearer, and those behind which it is near enough.

A token of n bytes leaves at most n bytes less than before it, one without bytes one less. So tokens are tried from the
longest down, and one that leaves less than any shorter one can is known before those are tried.

Laws
    1. The order is that of (bytes left, token), first over the tokens of the mask whose first byte brings the end
       nearer and that leave less than there was, then over the others, as a vocabulary may not spell the shortest
       text: if they are more than `MOST_TOKENS`, over that many of the shortest.
       `tests/automata/test_nearest.py` holds it.
    2. No state is made of what is not near enough: what is left is a matter of configurations.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..grammar.ir import Grammar
from .distance import Distances

if TYPE_CHECKING:
    from .automaton import TokenAutomaton
    from .pushdown import Pushdown
    from .vocabulary import Vocabulary

#: Of a mask of more tokens, only so many are tried: promising ones, if there are.
MOST_TOKENS = 2000
#: Bytes that may be kept of what brings states nearer to the end.
MOST_BYTES = 16 << 20


class TokenDistances(Distances):
    """Distances, and what the tokens that may follow do to them."""

    def __init__(self, pda: Pushdown, grammar: Grammar) -> None:
        super().__init__(pda, grammar)
        self.forget_states()

    def nearest(self, automaton: TokenAutomaton, state: int, i: int) -> tuple[int, int] | None:
        """The i-th token, those that leave least to do first: bytes left, and the token; None behind the last.

        What is left is told without guards; those that close a value are asked whether it may be closed.
        """
        config = automaton.split(state)[0]
        if self._kept_bytes > MOST_BYTES:
            self.forget_states()
        found = self._kept.get(state)
        if found is None:
            tokens = self._promising(automaton, config, _tokens_of(automaton, state))
            found = self._kept[state] = Nearest(automaton.vocabulary, self.least(config), tokens)
            self._kept_bytes += found.n_bytes
        left_behind = partial(self._left_behind, automaton, config)
        return found.at(i, left_behind, partial(_shortest_of, automaton, state))

    def forget_states(self) -> None:
        """Forget what is known of states, whose numbers may be given to others."""
        self._kept: dict[int, Nearest] = {}
        self._kept_bytes = 0

    def restrict(self, automaton: TokenAutomaton, state: int, row: NDArray[np.int32], n_tokens: int) -> None:
        """Clear the tokens of a mask behind which more than `n_tokens - 1` tokens are needed, if each is a byte.

        Of a mask of more than `MOST_TOKENS`, those are tried whose first byte brings the end nearer: first the tokens
        without bytes, then the shortest. So what is left may be a part, but it is not empty if single bytes suffice.
        """
        config = automaton.split(state)[0]
        tokens = _ids_of(row)
        if len(tokens) > MOST_TOKENS:
            tokens = self._promising(automaton, config, tokens)[:MOST_TOKENS]
        bits = np.zeros(32 * len(row), np.uint8)
        bits[[t for t in tokens.tolist() if self._fits(automaton, state, config, t, n_tokens)]] = 1
        row[:] = np.packbits(bits, bitorder="little").view(np.int32)

    def _fits(self, automaton: TokenAutomaton, state: int, config: int, token: int, n_tokens: int) -> bool:
        """Whether so many tokens suffice with this one."""
        is_end = token in automaton.end_ids
        if not is_end and self._left_behind(automaton, config, token) + 1 > n_tokens - 1:
            return False
        after = automaton.advance(state, token)
        if after == automaton.finished and is_end:
            return n_tokens >= 1
        return after != 0 and automaton.least_bytes(after) + 1 <= n_tokens - 1

    def _left_behind(self, automaton: TokenAutomaton, config: int, token: int) -> float:
        """Bytes that suffice behind a token, guards and keys seen not asked; infinity where it may not follow."""
        after = automaton.run_token(config, token)
        return self.least(after) if after else math.inf

    def _promising(self, automaton: TokenAutomaton, config: int, tokens: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those of the tokens that have no bytes, or whose first brings the end nearer; the shortest first."""
        least, vocab = self.least(config), automaton.vocabulary
        sizes = vocab.token_start[tokens + 1] - vocab.token_start[tokens]
        spelled = sizes > 0
        firsts = vocab.token_data[vocab.token_start[tokens[spelled]]]
        nearer = np.zeros(256, np.bool_)
        for byte in np.unique(firsts).tolist():
            fits, after = automaton.run_text(config, bytes((byte,)))
            nearer[byte] = bool(fits) and self.least(after) < least
        kept = ~spelled
        kept[spelled] = nearer[firsts]
        return tokens[kept][np.argsort(sizes[kept], kind="stable")]


class Nearest:
    """What brings one state nearer to the end, and what else may follow; found as far as it is asked for.

    Parameters
    ----------
    least : bytes that suffice now.
    tokens : those that may follow and whose first byte brings the end nearer, the shortest first.
    """

    def __init__(self, vocabulary: Vocabulary, least: int, tokens: NDArray[np.intp]) -> None:
        starts = vocabulary.token_start
        self._least: float = least
        self._order: list[tuple[int, int]] = []
        self._tried: list[tuple[int, int]] = []
        self._candidates = tokens[::-1].astype(np.int32)
        self._lengths = np.maximum(1, starts[tokens + 1] - starts[tokens])[::-1].astype(np.int32)
        self._next = 0

    @property
    def n_bytes(self) -> int:
        """Bytes that it takes, about."""
        return 500 + 2 * self._candidates.nbytes

    def at(
        self, i: int, left_behind: Callable[[int], float], tokens: Callable[[], NDArray[np.intp]]
    ) -> tuple[int, int] | None:
        """The i-th: bytes left, and the token; None behind the last.

        `left_behind` tells how many bytes suffice behind a token; infinity where it may not follow. `tokens` gives
        those that may follow, where the ones that bring the end nearer are not enough.
        """
        while len(self._order) <= i:
            while self._next < len(self._candidates) and not self._is_settled():
                token = int(self._candidates[self._next])
                left = left_behind(token)
                if left < self._least:
                    heapq.heappush(self._tried, (int(left), token))
                self._next += 1
            if self._tried:
                self._order.append(heapq.heappop(self._tried))
            elif self._least < math.inf:
                known = [token for _, token in self._order]
                self._least, self._next = math.inf, 0
                self._candidates = np.setdiff1d(tokens(), known).astype(np.int32)
            else:
                return None
        return self._order[i]

    def _is_settled(self) -> bool:
        """Whether no token that was not tried leaves as little as the best that was."""
        if not self._tried or self._least == math.inf:
            return False
        return self._tried[0][0] < self._least - int(self._lengths[self._next])


def _tokens_of(automaton: TokenAutomaton, state: int) -> NDArray[np.intp]:
    """The tokens that may follow, ascending."""
    row = np.zeros(automaton.mask_width, np.int32)
    automaton.fill_mask(state, row)
    return _ids_of(row)


def _shortest_of(automaton: TokenAutomaton, state: int) -> NDArray[np.intp]:
    """The tokens that may follow, or `MOST_TOKENS` of the shortest."""
    tokens, starts = _tokens_of(automaton, state), automaton.vocabulary.token_start
    return tokens[np.argsort(starts[tokens + 1] - starts[tokens], kind="stable")][:MOST_TOKENS]


def _ids_of(row: NDArray[np.int32]) -> NDArray[np.intp]:
    """The token ids whose bits are set, ascending."""
    return np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))
