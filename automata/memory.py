"""Memory by the small page: fresh memory is dear, as the system clears it, and a huge page keeps a mask waiting."""

from __future__ import annotations

import math
import mmap

import numpy as np
from numpy.typing import NDArray

#: Words from which on an array has small pages.
MANY_WORDS = 1 << 18


def reserved(n_words: int) -> NDArray[np.int32]:
    """Zeros, int32, of which what is never written to takes no memory; their pages are small ones."""
    if not hasattr(mmap, "MAP_PRIVATE"):
        return np.zeros(n_words, np.int32)
    memory = mmap.mmap(-1, 4 * n_words, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.int32)


def room(*shape: int) -> NDArray[np.int32]:
    """Words to write to, int32; of many, those that are not written to cost nothing."""
    n_words = math.prod(shape)
    return (np.empty(n_words, np.int32) if n_words < MANY_WORDS else reserved(n_words)).reshape(shape)
