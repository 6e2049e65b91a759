"""Spellings: words of symbols as the kernels of `_letter_kernels.py` want them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import BudgetExceeded
from ..grammar.spelled import Symbols, spellings_of
from . import _layout_kernels as L
from .lowered import Ints

#: Symbols are code points and the complements of bytes.
_SYMBOLS = 256 + 0x110000
#: Code points from here on come in another order in UTF-16.
_SURROGATES = 0xD800


class Spellings:
    """How symbols are spelled, as the kernel wants it; what is there stays where it is."""

    def __init__(self) -> None:
        self.place: Ints = np.zeros(_SYMBOLS, np.int32)  # pages that nobody writes to take no room
        self.ways: Ints = np.zeros(1 << 12, np.int32)
        self._used = 1
        self._lock = threading.Lock()

    def admit(self, symbols: Ints) -> None:
        """See to it that these are there."""
        with self._lock:
            for symbol in set(symbols.tolist()):
                if not self.place[symbol + 256]:
                    self._add(symbol)

    def _add(self, symbol: int) -> None:
        ways = spellings_of(symbol)
        words = [len(ways)]
        for way in ways:
            words += [len(way), *(letter[0] | letter[-1] << 8 for letter in way)]
        first, last = self._used, self._used + len(words)
        if last > len(self.ways):  # whoever has the old array sees that the new places are none of its
            first, last = len(self.ways), len(self.ways) + len(words)
            self.ways = np.concatenate((self.ways, np.zeros(max(last, len(self.ways)), np.int32)))
        self.ways[first:last] = words
        self._used = last
        self.place[symbol + 256] = first

    def renew_lock(self) -> None:
        """Have a lock that nobody has."""
        self._lock = threading.Lock()


SPELLINGS = Spellings()
if hasattr(os, "register_at_fork"):  # another thread may have had the lock
    os.register_at_fork(after_in_child=SPELLINGS.renew_lock)


def lay_symbols(lay: Callable[[int], int], symbols: Ints, room: int, most: int, what: str) -> int:
    """What a kernel says that lays words of these symbols: OK, CLASH or OVERLAP.

    Parameters
    ----------
    lay : calls it with room for so many states.
    room, most : states that there is room for at first, and those that there may be.
    what : whose states they are, for the error.

    Raises
    ------
    BudgetExceeded : there are too many.
    """
    while (status := lay(room)) in (L.UNKNOWN, L.NO_ROOM):
        if status == L.UNKNOWN:
            SPELLINGS.admit(symbols)
        elif (room := 4 * room) > most:
            raise BudgetExceeded(f"states of {what}", most, "make them fewer or shorter")
    return status


class SortedWords(NamedTuple):
    """Words of symbols, in the order that the kernels want."""

    symbols: Ints
    #: Where the symbols of each word begin, and the end.
    at: NDArray[np.int64]
    #: Which word it is.
    numbers: Ints


def sorted_words(words: Sequence[Symbols]) -> SortedWords:
    """The words, sorted so that those that begin alike, however they are spelled, lie side by side."""
    order = sorted(range(len(words)), key=words.__getitem__)
    if any([word and max(word) >= _SURROGATES for word in words]):
        order.sort(key=[tuple(map(_rank, word)) for word in words].__getitem__)
    ends = accumulate([len(words[k]) for k in order], initial=0)
    flat = np.array(list(chain.from_iterable([words[k] for k in order])), np.int32)
    return SortedWords(flat, np.array(list(ends), np.int64), np.array(order, np.int32))


def _rank(symbol: int) -> tuple[int, int]:
    """What orders symbols as UTF-16 does, so that those behind a part of a spelling lie side by side."""
    high, low = divmod(symbol - 0x10000, 0x400)
    return (_SURROGATES + high, low) if symbol > 0xFFFF else (symbol, -1)
