"""Masks for a batch of sequences, over any mixture of automata.

Masks are copied and computed by kernels that run without the interpreter's lock, a call for each thread; automata are
dealt out among threads, as two must not write to the arenas of one. What lacks something (a rule that is not lowered, a
terminal's table) and what guards have a say in is filled one by one after that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from . import _layout_kernels as L
from ._batch_kernels import fill_rows
from .automaton import TokenAutomaton
from .matcher import Matcher
from .transitions import NO_TEXT

#: For automata whose states the kernel does not read.
NOWHERE = np.zeros((1, L.W_COLUMNS), np.int64)
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
    n_threads = max(1, min(threads or _cores(), len(matchers) // (PER_THREAD if threads else PER_THREAD_UNASKED)))
    for i in _fill(matchers, rows, places, n_threads):
        matchers[i].fill_mask(rows[places[i]])


def _check(matchers: Sequence[Matcher], rows: NDArray[np.int32], places: Sequence[int]) -> None:
    width = matchers[0].automaton.mask_width
    if rows.dtype != np.int32 or rows.ndim != 2 or rows.shape[1] != width or not rows.flags.c_contiguous:
        raise ValueError(f"Expected C-contiguous int32 rows of {width} words, got {rows.dtype} of shape {rows.shape}.")
    if not rows.flags.writeable:
        raise ValueError("Expected rows that can be written.")
    if any(automaton.mask_width != width for automaton in {matcher.automaton for matcher in matchers}):
        raise ValueError(f"Expected vocabularies of one width: the first has masks of {width} words, another has not.")
    if min(places) < 0 or max(places) >= len(rows):
        raise ValueError(f"Expected indices from 0 to {len(rows) - 1}, got {min(places)} to {max(places)}.")


def _fill(matchers: Sequence[Matcher], rows: NDArray[np.int32], places: Sequence[int], n_threads: int) -> list[int]:
    """Fill what kernels can; the positions of the other matchers."""
    owners = [matcher.automaton for matcher in matchers]
    automata = sorted(set(owners), key=id)
    with _held(automata):
        arenas = [automaton.arenas() for automaton in automata]
        numbers = {automata[k]: -1 if where is None else k for k, where in enumerate(arenas)}
        work = np.zeros((len(matchers), 4), np.int64)
        work[:, 0] = [numbers[owner] for owner in owners]
        work[:, 1] = [matcher.state for matcher in matchers]
        work[:, 3] = places
        order = np.argsort(work[:, 0], kind="stable")
        order = order[np.searchsorted(work[order, 0], 0) :]
        work, found = work[order], np.zeros(len(order), np.int64)
        if len(order):
            where = np.concatenate([NOWHERE if where is None else where for where in arenas])
            _run(_cuts(work[:, 0], n_threads), lambda a, b: fill_rows(where, work[a:b], NO_TEXT, rows, found[a:b]))
        done = np.zeros(len(matchers), np.int64)
        done[order] = found & ~L.COMPUTED
        return np.flatnonzero(done != L.FETCHED).tolist()


@contextmanager
def _held(automata: Sequence[TokenAutomaton]) -> Iterator[None]:
    """Hold the locks: nobody else may compute a mask, or begin a pool anew, meanwhile."""
    held = []
    try:
        for automaton in automata:
            automaton.lock.acquire()
            held.append(automaton)
        yield
    finally:
        for automaton in held:
            automaton.lock.release()


def _cuts(automata: NDArray[np.int64], n_threads: int) -> list[int]:
    """Where to cut sorted rows so that each thread has its share, and no automaton two threads."""
    n = len(automata)
    n_parts = max(1, min(n_threads, n // PER_THREAD))
    cuts = [int(np.searchsorted(automata, automata[n * k // n_parts])) for k in range(1, n_parts)]
    return sorted({0, *cuts, n})


def _run(cuts: list[int], task: Callable[[int, int], object]) -> None:
    """Run the task over the parts, the first of them here."""
    parts = [_pool(len(cuts)).submit(task, a, b) for a, b in pairwise(cuts[1:])]
    try:
        task(0, cuts[1])
    finally:  # nobody may have the locks before all parts are done
        wait(parts)
    for part in parts:
        part.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "syntagma-masks")


@cache
def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if hasattr(os, "register_at_fork"):  # a child has none of the threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
