"""Lowered rules: one array each, ready to be placed into the grammar arena."""

from __future__ import annotations

from array import array
from collections.abc import Hashable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import BudgetExceeded
from . import _layout_kernels as L

Ints: TypeAlias = NDArray[np.int32]
#: What a frame's payload can count to; no text that memory holds has more items.
MOST_COUNTED = 2**31 - 1
#: Where calls name rules and not places.
NO_CALLEES: Ints = np.zeros(0, np.int32)


def bounds(low: int, high: int | None, most: int = MOST_COUNTED) -> tuple[int, int]:
    """R_MIN and R_MAX of a rule that counts up to `most`: an upper bound beyond that is none.

    Raises
    ------
    BudgetExceeded : the lower bound is beyond it.
    """
    if low > most:
        raise BudgetExceeded("what a rule can count", most, "ask for fewer characters, items or members")
    return low, -1 if high is None or high > most else high


class Family(NamedTuple):
    """Objects whose frames may be kin."""

    key: Hashable
    #: How their keys begin, a bit each.
    beginnings: int


class Lowered(NamedTuple):
    """A finished block; the identity of its array is the content key of shared terminals."""

    #: See `_layout_kernels.py`: B.
    block: Ints
    #: Words of the first seen-set, where payloads are seen-sets.
    start_words: list[int] | None = None
    #: State -> content key of its table, where states of other blocks have the same: inside undeclared keys and loops.
    regions: dict[int, Hashable] = {}  # noqa: RUF012
    #: Whether undeclared keys must be remembered.
    open: bool = False
    #: Classes of undeclared keys.
    n_classes: int = 0
    #: The objects whose frames may be kin to its own.
    family: Family | None = None
    #: Whether it is an object that ends like one of JSON.
    bound: bool = False
    #: The rules that its calls name by their place, from 1 on; none where they name the rules themselves.
    callees: Ints = NO_CALLEES

    @property
    def records(self) -> Ints:
        """The states' records: (n, ST)."""
        return self.block[L.B_HEADER : L.B_HEADER + self.block[L.B_STATES] * L.ST].reshape(-1, L.ST)

    @property
    def kind(self) -> int:
        """What its frames' payload is: R_KIND."""
        return int(self.block[L.B_RULE])

    @property
    def terminal(self) -> bool:
        """Whether it calls nothing."""
        return bool(self.block[L.B_TERMINAL])

    def within(self, low: int, high: int | None) -> Lowered:
        """The same loop with other bounds."""
        block = self.block.copy()
        block[L.B_RULE + L.R_MIN - L.R_KIND : L.B_RULE + L.R_MAX - L.R_KIND + 1] = bounds(low, high)
        return self._replace(block=block)


def pack(
    rule: list[int], rows: list[int], flat: list[int], codes: list[int], words: list[int], calls: list[int]
) -> Ints:
    """The array of a block; `rule` is R_KIND to R_CLASSES, whether it is a terminal, and its priority."""
    header = [len(rows) // L.ST, len(flat), len(codes), len(words), len(calls), *rule]
    header += [0] * (L.B_HEADER - len(header))
    return np.frombuffer(array("i", header + rows + flat + codes + words + calls), np.int32)
