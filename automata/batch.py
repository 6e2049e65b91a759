"""Masks for a batch of sequences, over any mixture of automata.

Masks are copied and computed by kernels that run without the interpreter's lock, a call for each thread; automata are
dealt out among threads, as two must not write to the arenas of one. What lacks something (a rule that is not lowered, a
terminal's table) and what guards have a say in is filled one by one after that.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from . import _layout_kernels as L
from ._batch_kernels import fill_rows
from .arenas import SLOTS
from .automaton import TokenAutomaton
from .kernel import Direct
from .matcher import Matcher, states_of
from .transitions import NO_TEXT

_FILL = Direct(fill_rows)
#: Sequences that a thread is worth at least: to wake one takes as long as to copy the masks of a hundred.
PER_THREAD = 256


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
    threads : how many to use at most, by default one a core; one for every 256 sequences, as fewer are not worth it.

    Raises
    ------
    ValueError : the rows do not fit.
    """
    if indices is not None and len(indices) != len(matchers):
        raise ValueError(f"Expected an index for each of the {len(matchers)} matchers, got {len(indices)}.")
    if not matchers:
        return
    plan = _plan_of([matcher.automaton.slot for matcher in matchers])
    automata = [matchers[i].automaton for i in plan.firsts]
    places = None if indices is None else _places(indices)
    apart = [matchers[i].automaton for i in plan.apart]
    width = matchers[0].automaton.mask_width
    if any([automaton.mask_width != width for automaton in automata + apart]):
        raise ValueError(f"Expected vocabularies of one width: the first has masks of {width} words, another has not.")
    _check_rows(rows, width, np.arange(len(matchers)) if places is None else places)
    n_threads = max(1, min(threads or _cores(), len(matchers) // PER_THREAD))
    for i in _fill(matchers, automata, plan, rows, places, n_threads):
        matchers[i].fill_mask(rows[i if indices is None else indices[i]])


def _places(indices: Sequence[int]) -> NDArray[np.int64]:
    places = np.asarray(indices)
    if places.dtype.kind not in "iu":
        raise ValueError(f"Expected whole numbers as indices, got {places.dtype}.")
    return places.astype(np.int64)


def _check_rows(rows: NDArray[np.int32], width: int, places: NDArray[np.int64]) -> None:
    if rows.dtype != np.int32 or rows.ndim != 2 or rows.shape[1] != width or not rows.flags.c_contiguous:
        raise ValueError(f"Expected C-contiguous int32 rows of {width} words, got {rows.dtype} of shape {rows.shape}.")
    if not rows.flags.writeable:
        raise ValueError("Expected rows that can be written.")
    if places.min() < 0 or places.max() >= len(rows):
        raise ValueError(f"Expected indices from 0 to {len(rows) - 1}, got {places.min()} to {places.max()}.")


class _Plan:
    """How the rows of a batch are dealt out, by the slots of its automata."""

    def __init__(self, slots: list[int]) -> None:
        self.slots = slots
        of = np.array(slots, np.int64)
        order = np.argsort(of, kind="stable")
        self.order = order[np.searchsorted(of[order], 0) :]
        #: Work for the kernel, all but the states: slot, -, row.
        self.work = np.zeros((len(self.order), 3), np.int64)
        self.work[:, 0], self.work[:, 2] = of[self.order], self.order
        #: A matcher of each automaton, by slot; those whose states the kernel does not read.
        self.firsts: list[int] = self.order[np.unique(self.work[:, 0], return_index=True)[1]].tolist()
        self.apart: list[int] = np.flatnonzero(of < 0).tolist()

    def cuts(self, n_threads: int) -> list[int]:
        """Where to cut the work so that each thread has its share, and no automaton two threads."""
        slots, n = self.work[:, 0], len(self.work)
        n_parts = max(1, min(n_threads, n // PER_THREAD))
        return sorted({0, *[int(np.searchsorted(slots, slots[n * k // n_parts])) for k in range(1, n_parts)], n})


_plan = _Plan([])


def _plan_of(slots: list[int]) -> _Plan:
    """The last plan, if it serves: most batches are like the one before."""
    global _plan
    plan = _plan
    if plan.slots != slots:
        plan = _plan = _Plan(slots)
    return plan


def _fill(
    matchers: Sequence[Matcher],
    automata: list[TokenAutomaton],
    plan: _Plan,
    rows: NDArray[np.int32],
    places: NDArray[np.int64] | None,
    n_threads: int,
) -> list[int]:
    """Fill what kernels can; the positions of the other matchers."""
    if not automata:
        return plan.apart
    work, found = plan.work.copy(), np.zeros(len(plan.order), np.int64)
    if places is not None:
        work[:, 2] = places[plan.order]
    with _held(automata):
        for automaton in automata:
            automaton.arenas.settle()
        states = np.frombuffer(array("q", states_of(matchers)), np.int64)
        work[:, 1] = states[plan.order]
        table = SLOTS.table
        _run(plan.cuts(n_threads), lambda a, b: _FILL.call(table, work[a:b], NO_TEXT, rows, found[a:b]))
    left = plan.order[found != L.FETCHED]
    return [*left.tolist(), *plan.apart]


@contextmanager
def _held(automata: Sequence[TokenAutomaton]) -> Iterator[None]:
    """Hold the locks: nobody else may compute a mask, or begin a pool anew, meanwhile."""
    locks = [automaton.lock for automaton in automata]
    held = 0
    try:
        for lock in locks:
            lock.acquire()
            held += 1
        yield
    finally:
        for lock in locks[:held]:
            lock.release()


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
