"""Cache of automata for servers: bounded in bytes, compiling each constraint once however many ask at the same time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from .constraint_spec import ConstraintSpec

if TYPE_CHECKING:
    from ..automata.automaton import TokenAutomaton
    from ..automata.pushdown import Limits
    from ..automata.vocabulary import Vocabulary

    Key: TypeAlias = tuple[ConstraintSpec, tuple[int, ...]]


@dataclass
class CacheStats:
    """Counters of a cache; seconds of compilation in all."""

    hits: int = 0
    compiled: int = 0
    refused: int = 0
    evicted: int = 0
    seconds: float = 0.0


class AutomatonCache:
    """Automata of one vocabulary by constraint and stop ids. Safe to use from several threads.

    Parameters
    ----------
    limits : what each compilation may use.
    max_bytes : what the automata may hold together; the least recently used go first, the last one stays. Those in use
        live on until their sequences end.
    """

    def __init__(self, vocabulary: Vocabulary, limits: Limits | None = None, max_bytes: int = 512 << 20) -> None:
        self.vocabulary = vocabulary
        self.stats = CacheStats()
        self._limits = limits
        self._max_bytes = max_bytes
        self._found: OrderedDict[Key, Future[TokenAutomaton]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._found)

    def automaton(self, spec: ConstraintSpec, stop_ids: Iterable[int] = ()) -> TokenAutomaton:
        """The automaton of a constraint, compiled if need be, here; who asks meanwhile waits for it.

        Raises as `compile` and `ConstraintSpec.constraint`. What was refused is not remembered.
        """
        key = (spec, tuple(sorted(set(stop_ids))))
        with self._lock:
            future = self._found.get(key)
            if future is not None:
                self._found.move_to_end(key)
                self.stats.hits += 1
            else:
                own = self._found[key] = Future()
        if future is None:
            self._compile(key, own)
            future = own
        return future.result()

    def _compile(self, key: Key, future: Future[TokenAutomaton]) -> None:
        from ..automata.compile import compile

        spec, stop_ids = key
        began = time.perf_counter()
        try:
            future.set_result(compile(spec.constraint(), self.vocabulary, stop_ids, self._limits))
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
            if total <= self._max_bytes:
                break
            total -= sizes[key]
            del self._found[key]
            self.stats.evicted += 1


def _bytes_of(automaton: TokenAutomaton) -> int:
    stats = automaton.stats
    return stats.arena_bytes + stats.mask_bytes
