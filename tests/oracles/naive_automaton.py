"""Naive token automaton: a finite set of texts, spelled out.

From the definition, with sets: a token may follow a prefix iff some text of the set starts with the result. All
tokenisations of a text count. A guard is a predicate on texts and prefixes that closes over nothing; `mask` does not
ask it, `check` does, so that dead ends can happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class NaiveVocabulary:
    """Tokens as a list of byte strings; the ids in `eos_ids` and those of empty strings have no text."""

    tokens: tuple[bytes, ...]
    eos_ids: tuple[int, ...]
    width: int
    special: dict[str, int] = field(default_factory=dict)
    fingerprint: str = "naive"

    @property
    def size(self) -> int:
        return len(self.tokens)

    @cached_property
    def token_data(self) -> NDArray[np.uint8]:
        return np.frombuffer(b"".join(map(self.token_bytes, range(self.width))), np.uint8)

    @cached_property
    def token_start(self) -> NDArray[np.int64]:
        return np.cumsum([0, *(len(self.token_bytes(t)) for t in range(self.width))])

    def token_bytes(self, token: int) -> bytes:
        return self.tokens[token] if token < len(self.tokens) and token not in self.eos_ids else b""


def vocabulary(tokens: Iterable[bytes], n_eos: int = 1, padding: int = 0) -> NaiveVocabulary:
    """The tokens, then `n_eos` end ids, then `padding` columns that no token has."""
    texts = tuple(tokens)
    eos = tuple(range(len(texts), len(texts) + n_eos))
    return NaiveVocabulary(texts + (b"",) * n_eos, eos, len(texts) + n_eos + padding)


class NaiveAutomaton:
    """The token automaton of a finite set of texts, by brute force."""

    def __init__(
        self, vocabulary: NaiveVocabulary, texts: Iterable[bytes], guard: Callable[[bytes, bool], bool] | None = None
    ) -> None:
        """`guard(text, ended)` says whether a prefix, or an ended text, passes."""
        self.vocabulary = vocabulary
        self.texts = frozenset(texts)
        self.guard = guard
        self.exact = guard is None
        self.end_ids = vocabulary.eos_ids
        self.finished = 1
        self.states: dict[bytes, int] = {b"": 2}
        self.texts_by_state: list[bytes] = [b"", b"", b""]
        self.start = 2
        self.runs = 0

    @cached_property
    def prefixes(self) -> frozenset[bytes]:
        return frozenset(text[:i] for text in self.texts for i in range(len(text) + 1))

    def text(self, state: int) -> bytes:
        return self.texts_by_state[state]

    @cache  # noqa: B019
    def allowed(self, state: int) -> tuple[int, ...]:
        return tuple(self._allowed(state))

    def _allowed(self, state: int) -> Iterator[int]:
        if state in (0, self.finished):
            return
        text = self.text(state)
        for t in range(self.vocabulary.size):
            data = self.vocabulary.token_bytes(t)
            if (t in self.end_ids and text in self.texts) or (data and text + data in self.prefixes):
                yield t

    def advance(self, state: int, token: int) -> int:
        if not self.check(state, token):
            return 0
        if token in self.end_ids:
            return self.finished
        text = self.text(state) + self.vocabulary.token_bytes(token)
        if text not in self.states:
            self.states[text] = len(self.texts_by_state)
            self.texts_by_state.append(text)
        return self.states[text]

    def accepts(self, state: int) -> bool:
        text = self.text(state)
        return text in self.texts and (self.guard is None or self.guard(text, True))

    @cache  # noqa: B019
    def check(self, state: int, token: int) -> bool:
        if token not in self.allowed(state):
            return False
        text = self.text(state) + self.vocabulary.token_bytes(token)
        return self.guard is None or self.guard(text, token in self.end_ids)

    def row(self, tokens: Iterable[int]) -> NDArray[np.int32]:
        bits = np.zeros(-(-self.vocabulary.width // 32) * 32, np.uint8)
        bits[list(tokens)] = 1
        out = np.packbits(bits, bitorder="little").view(np.int32)
        out.setflags(write=False)
        return out

    @cache  # noqa: B019
    def mask(self, state: int) -> NDArray[np.int32]:
        return self.row(self.allowed(state))

    @cache  # noqa: B019
    def mask_within(self, state: int, n: int) -> NDArray[np.int32]:
        after = {t: self.text(state) + self.vocabulary.token_bytes(t) for t in self.allowed(state)}
        return self.row(t for t, text in after.items() if (0 if t in self.end_ids else self.least(text) + 1) <= n - 1)

    def nearest(self, state: int) -> Iterator[tuple[int, int]]:
        going = set(self.allowed(state)) - set(self.end_ids)
        return iter(sorted((self.least(self.text(state) + self.vocabulary.token_bytes(t)), t) for t in going))

    def least_bytes(self, state: int) -> int:
        return self.least(self.text(state))

    def least(self, text: bytes) -> int:
        return min(len(whole) - len(text) for whole in self.texts if whole.startswith(text))

    def run(self) -> AbstractContextManager[None]:
        self.runs += 1
        return nullcontext()
