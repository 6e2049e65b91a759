"""Masks for a batch of sequences, over any mixture of automata.

Remembered masks are copied by kernels that run without the interpreter's lock; those that are missing, and those with
guards to ask, are filled one by one, where kernels of different automata again run beside each other. A batch is cut
into parts for threads only where that pays.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ._batch_kernels import B_COLUMNS, fetch_masks
from .matcher import Matcher

#: Sequences that a thread is worth at least, and those from which on another one is taken unasked: remembered masks are
#: copied, which one core does as fast as memory goes.
PER_THREAD, PER_THREAD_UNASKED = 32, 512


def fill_masks(
    matchers: Sequence[Matcher],
    rows: NDArray[np.int32],
    indices: Sequence[int] | None = None,
    *,
    threads: int | None = None,
) -> None:
    """Write the tokens that may follow each sequence, guards asked.

    Parameters
    ----------
    matchers : n of them, of automata over vocabularies of one width.
    rows : (m, mask_width) int32, C-contiguous; written in place, format as in `Matcher.fill_mask`.
    indices : (n,) the row of each matcher; by default in order. Rows not named stay as they are.
    threads : how many to use at most; by default one for every 512 sequences, and one a core.

    Raises
    ------
    ValueError : the rows do not fit.
    """
    places = range(len(matchers)) if indices is None else indices
    if len(places) != len(matchers):
        raise ValueError(f"Expected an index for each of the {len(matchers)} matchers, got {len(places)}.")
    if not matchers:
        return
    _check(matchers, rows, places)
    n = max(1, min(threads or _cores(), len(matchers) // (PER_THREAD if threads else PER_THREAD_UNASKED)))
    left = _fetch(matchers, rows, places, n)
    _run(n, len(left), lambda a, b: _fill([(matchers[i], places[i]) for i in left[a:b]], rows))


def _check(matchers: Sequence[Matcher], rows: NDArray[np.int32], places: Sequence[int]) -> None:
    width = matchers[0].automaton.mask_width
    if rows.dtype != np.int32 or rows.ndim != 2 or rows.shape[1] != width or not rows.flags.c_contiguous:
        raise ValueError(f"Expected C-contiguous int32 rows of {width} words, got {rows.dtype} of shape {rows.shape}.")
    if not rows.flags.writeable:
        raise ValueError("Expected rows that can be written.")
    if any(m.automaton.mask_width != width for m in matchers):
        raise ValueError(f"Expected vocabularies of one width: the first has masks of {width} words, another has not.")
    if min(places) < 0 or max(places) >= len(rows):
        raise ValueError(f"Expected indices from 0 to {len(rows) - 1}, got {min(places)} to {max(places)}.")


def _fetch(matchers: Sequence[Matcher], rows: NDArray[np.int32], places: Sequence[int], n_threads: int) -> list[int]:
    """Copy the masks that are remembered; the positions of the other matchers."""
    automata = {id(matcher.automaton): matcher.automaton for matcher in matchers}
    with ExitStack() as locks:  # nobody else may compute a mask, or begin a pool anew, while the kernels copy
        for _, automaton in sorted(automata.items()):
            locks.enter_context(automaton.lock)
        left: list[int] = []
        kept: list[int] = []
        words: list[int] = []
        for i, matcher in enumerate(matchers):
            state = matcher.state
            addresses = matcher.automaton.memory(state)
            if addresses is None:
                left.append(i)
                continue
            kept.append(i)
            words += (*addresses, state, places[i])
        batch = np.array(words, np.int64).reshape(-1, B_COLUMNS)
        missed = np.zeros(len(kept), np.int64)
        _run(n_threads, len(kept), lambda a, b: fetch_masks(batch[a:b], rows, missed[a:b]))
        return left + [kept[k] for k in np.flatnonzero(missed).tolist()]


def _fill(places: Iterable[tuple[Matcher, int]], rows: NDArray[np.int32]) -> None:
    for matcher, place in places:
        matcher.fill_mask(rows[place])


def _run(n_threads: int, n: int, task: Callable[[int, int], object]) -> None:
    """Run the task over [0, n), cut into parts where threads pay; the first part here."""
    n_parts = max(1, min(n_threads, n // PER_THREAD))
    cuts = [n * k // n_parts for k in range(n_parts + 1)]
    parts = [_pool(n_threads).submit(task, a, b) for a, b in pairwise(cuts[1:])]
    task(0, cuts[1])
    wait(parts)
    for part in parts:
        part.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "syntagma-masks")


@cache
def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
