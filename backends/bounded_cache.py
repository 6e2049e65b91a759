"""Cache of automata, bounded in bytes: each is made once, however many ask at the same time.

Sizes are looked at when an automaton is added, as they grow with use. The least recently used go first, and the last
one stays, whatever its size; those in use live on until their sequences end.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..automata.automaton import TokenAutomaton


@dataclass
class CacheStats:
    """Counters of a cache; seconds of compilation in all."""

    hits: int = 0
    compiled: int = 0
    refused: int = 0
    evicted: int = 0
    seconds: float = 0.0


def cache_bytes() -> int:
    """What a cache may hold unless told otherwise: the environment's SYNTAGMA_CACHE_BYTES, or 512 MiB."""
    return int(os.environ.get("SYNTAGMA_CACHE_BYTES", str(512 << 20)))


class BoundedCache:
    """Automata by key. Safe to use from several threads.

    Parameters
    ----------
    max_bytes : what the automata may hold together; `cache_bytes()` unless told otherwise.
    """

    def __init__(self, max_bytes: int | None = None) -> None:
        self.stats = CacheStats()
        self.max_bytes = cache_bytes() if max_bytes is None else max_bytes
        self._found: OrderedDict[Hashable, Future[TokenAutomaton]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: Hashable, make: Callable[[], TokenAutomaton]) -> TokenAutomaton:
        """The automaton of a key, made if need be, here; who asks meanwhile waits for it.

        Raises what `make` raises, which is not remembered.
        """
        with self._lock:
            future = self._found.get(key)
            if future is not None:
                self._found.move_to_end(key)
                self.stats.hits += 1
            else:
                own = self._found[key] = Future()
        if future is None:
            self._make(key, own, make)
            future = own
        return future.result()

    def _make(self, key: Hashable, future: Future[TokenAutomaton], make: Callable[[], TokenAutomaton]) -> None:
        began = time.perf_counter()
        try:
            future.set_result(make())
        except BaseException as error:
            with self._lock:
                del self._found[key]
                self.stats.refused += 1
            future.set_exception(error)
            return
        with self._lock:
            self.stats.compiled += 1
            self.stats.seconds += time.perf_counter() - began
            self._evict()

    def _evict(self) -> None:
        sizes = {key: _bytes_of(future.result()) for key, future in self._found.items() if future.done()}
        total = sum(sizes.values())
        for key in list(sizes)[:-1]:
            if total <= self.max_bytes:
                break
            total -= sizes[key]
            del self._found[key]
            self.stats.evicted += 1


def _bytes_of(automaton: TokenAutomaton) -> int:
    stats = automaton.stats
    return stats.arena_bytes + stats.mask_bytes
