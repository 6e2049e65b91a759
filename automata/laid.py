"""Laid states: a part of a block as arrays, and states that are laid many times over.

What stands behind the keys of an object is the same for each, but for the value that it calls and the key that it has
seen; so it is laid once (`Copied`) and then only copied, moved to its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _layout_kernels as L

#: Local numbers from here on stand for states laid behind all others, whose numbers are known at the end.
LATER = 1 << 26


class Laid(NamedTuple):
    """States as arrays, ready to be appended to a block."""

    records: NDArray[np.int32]
    flat: NDArray[np.int32]
    #: Positions in the block's flat list that hold codes.
    codes: NDArray[np.int64]
    #: By state: whether S_AUX is a position in the flat list.
    has_words: NDArray[np.bool_]


def join(parts: Sequence[Laid], starts: Sequence[NDArray[np.int64]]) -> Laid:
    """Parts laid behind one another; codes that name states by `LATER` get the numbers, which `starts` has in order."""
    laid = Laid(*map(np.concatenate, zip(*parts, strict=True)))
    codes = laid.flat[laid.codes]
    names = codes & L.TARGET
    named = np.flatnonzero((names >= LATER) & (codes > 0))
    names = names[named]
    laid.flat[laid.codes[named]] += np.concatenate(starts).astype(np.int32)[names - LATER] - names
    return laid


class Copied(NamedTuple):
    """States from number 1 on, some of which call a rule and leave by the call."""

    records: NDArray[np.int32]
    flat: NDArray[np.int32]
    codes: NDArray[np.int64]
    #: Which of the codes lead to one of these states.
    inner: NDArray[np.int64]
    #: Positions in `flat` of the rules called.
    calls: NDArray[np.int64]

    def lay(self, calls: Sequence[tuple[int, int]], first: int, at: int) -> Laid:
        """A copy for each (rule called, S_AUX of the first state), from state `first` and position `at` on."""
        n, n_states, n_flat = len(calls), len(self.records), len(self.flat)
        rules, aux = np.array(calls, np.int32).reshape(-1, 2).T
        base = np.arange(n, dtype=np.int32)[:, None]
        records = np.empty((n, n_states, L.ST), np.int32)
        records[:] = self.records
        for column in (L.S_EDGES, L.S_CALLS, L.S_TOKENS):
            records[:, :, column] += at + n_flat * base
        records[:, 0, L.S_AUX] = aux
        flat = np.empty((n, n_flat), np.int32)
        flat[:] = self.flat
        flat[:, self.inner] += first - 1 + n_states * base
        flat[:, self.calls] = rules[:, None]
        codes = self.codes + (at + n_flat * base.astype(np.int64))
        return Laid(records.reshape(-1, L.ST), flat.reshape(-1), codes.reshape(-1), np.zeros(n * n_states, np.bool_))
