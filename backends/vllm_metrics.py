"""Metrics of the vLLM plugin, among vLLM's own at /metrics.

They are in the default registry of prometheus_client, so vLLM's front end shows those of its own process: constraints
compiled, remembered and refused. The engine is another process, which compiles for itself; what it counts, the time of
masks above all, is added where the processes share PROMETHEUS_MULTIPROC_DIR, as they do with several API servers.
"""

from __future__ import annotations

import threading
from dataclasses import asdict
from functools import lru_cache
from weakref import WeakKeyDictionary

from prometheus_client import Counter, Gauge, Histogram

from .automaton_cache import AutomatonCache
from .bounded_cache import CacheStats

_SECONDS = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 1)
_OUTCOMES = {"compiled": "compiled", "hits": "remembered", "refused": "refused", "evicted": "evicted"}


class PluginMetrics:
    """Metrics of one process."""

    def __init__(self) -> None:
        outcomes = Counter("syntagma_constraints", "Constraints by what became of them", ["outcome"])
        self._counters = {field: outcomes.labels(outcome) for field, outcome in _OUTCOMES.items()}
        self._counters["seconds"] = Counter("syntagma_compile_seconds", "Seconds spent compiling constraints")
        self._held = Gauge("syntagma_automata", "Automata held", multiprocess_mode="livesum")
        self.masks = Histogram("syntagma_step_mask_seconds", "Seconds of a step spent on masks", buckets=_SECONDS)
        self.dead_ends = Counter("syntagma_dead_ends", "Masks where nothing may follow")
        self._seen: WeakKeyDictionary[AutomatonCache, dict[str, float]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def note(self, cache: AutomatonCache) -> None:
        """Count what a cache did since the last call; a process may have several, one for each tokenizer object."""
        with self._lock:
            now, seen = asdict(cache.stats), self._seen.get(cache) or asdict(CacheStats())
            for field, counter in self._counters.items():
                counter.inc(now[field] - seen[field])
            self._seen[cache] = now
            self._held.set(sum(map(len, self._seen)))


@lru_cache(maxsize=1)
def metrics() -> PluginMetrics:
    """The metrics of this process; a registry takes a name only once."""
    return PluginMetrics()
