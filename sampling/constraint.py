"""Constraint: what a sampler needs to know of an automaton.

`automata.TokenAutomaton` is one; tests and other engines may bring their own. States are small integers, immutable, and
equal states have equal futures, so that forking is copying an integer.

Laws (checked by `laws.check_constraint`)
    1. `advance` is 0 (dead) exactly where `check` refuses.  2. `check` is at most as generous as the mask, and
    equal to it where `exact`.  3. End-of-sequence ids are in the mask exactly where the text may end as far as the
    automaton decides, and `advance` then gives `finished`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..automata.vocabulary import Vocabulary


class Constraint(Protocol):
    """Bare integer states over the tokens of one vocabulary."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens."""

    @property
    def start(self) -> int:
        """The state before the first token."""

    @property
    def finished(self) -> int:
        """The state after an end-of-sequence token that was legal."""

    @property
    def exact(self) -> bool:
        """Whether `mask` decides alone, so that `check` need not be asked."""

    @property
    def end_ids(self) -> Sequence[int]:
        """The tokens that end a sequence: end-of-sequence and stop ids."""

    def advance(self, state: int, token: int) -> int:
        """The state after the token, guards asked; 0 is dead."""

    def accepts(self, state: int) -> bool:
        """Whether the text may end here, guards asked."""

    def mask(self, state: int) -> NDArray[np.int32]:
        """The tokens that may follow, guards not asked: bit t of a read-only (ceil(width / 32),) row is token t."""

    def check(self, state: int, token: int) -> bool:
        """Whether the token may follow, guards asked."""

    def mask_within(self, state: int, n: int) -> NDArray[np.int32]:
        """The tokens of the mask after which at most n - 1 more complete the text, the one that ends it included."""

    def nearest(self, state: int) -> Iterator[tuple[int, int]]:
        """(`least_bytes` behind it, token) of those that may follow, guards not asked: what leaves least first."""

    def least_bytes(self, state: int) -> int:
        """An upper bound of the tokens still needed to complete the text: its least number of bytes."""

    def run(self) -> AbstractContextManager[Any]:
        """The lifetime of the states that a sampling run makes."""


def ids_of(row: NDArray[np.int32]) -> NDArray[np.intp]:
    """The token ids whose bits are set in a mask row, ascending.

    >>> ids_of(np.array([0b1010, 1], np.int32)).tolist()
    [1, 3, 32]
    """
    return np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))


def text_of(vocabulary: Vocabulary, tokens: Sequence[int]) -> str:
    """The tokens' bytes as text, for messages; what is not UTF-8 is replaced."""
    return b"".join(vocabulary.token_bytes(t) for t in tokens).decode("utf-8", "replace")
