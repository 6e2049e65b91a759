"""Masks over logits from the definition: a bit a column, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def is_allowed(words: NDArray[np.int32], t: int) -> bool:
    """Whether bit t of a mask is set; bits behind its end are not."""
    return t // 32 < len(words) and (int(words[t // 32]) >> (t % 32)) & 1 == 1


def masked(
    logits: NDArray[np.float64], masks: NDArray[np.int32], indices: Sequence[int] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The logits after masking, and log Z of every row."""
    out, logz = logits.copy(), np.zeros(len(logits))
    for i in range(len(logits)) if indices is None else indices:
        allowed = [is_allowed(masks[i], t) for t in range(logits.shape[1])]
        out[i, np.logical_not(allowed)] = -np.inf
        logz[i] = _logsumexp(out[i]) - _logsumexp(logits[i]) if np.isfinite(out[i]).any() else -np.inf
    return out, logz


def _logsumexp(row: NDArray[np.float64]) -> float:
    top = row.max()
    return float(top + np.log(np.exp(row - top).sum()))
