"""The cache of automata: bounded in bytes, each made once, nothing kept that nobody uses."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from syntagma.automata.compile import compile
from syntagma.automata.vocabulary import Vocabulary
from syntagma.backends.bounded_cache import BoundedCache, cache_bytes
from syntagma.backends.generator import Generator
from syntagma.grammar.literals import Choice
from syntagma.sampling import RandomModel


def test_the_least_recently_used_go_first(byte_vocabulary: Vocabulary) -> None:
    made = [compile(Choice([text]), byte_vocabulary) for text in "abc"]
    sizes = [a.stats.arena_bytes + a.stats.mask_bytes for a in made]
    cache = BoundedCache(sum(sizes) - 1)
    for i in (0, 1, 0, 2):
        assert cache.get(i, lambda i=i: made[i]) is made[i]
    assert (len(cache), cache.stats.evicted, cache.stats.hits) == (2, 1, 1)
    assert cache.get(0, _never) is made[0]
    assert cache.get(1, lambda: made[1]) is made[1]
    assert cache.stats.compiled == 4
    small = BoundedCache(1)
    assert [small.get(i, lambda i=i: made[i]) for i in range(3)] == made
    assert (len(small), small.get(2, _never)) == (1, made[2])


def _never() -> None:
    raise AssertionError("It was remembered.")


def test_each_is_made_once_and_errors_are_not_remembered(byte_vocabulary: Vocabulary) -> None:
    cache, begun, go = BoundedCache(), list[int](), threading.Event()

    def make():
        begun.append(1)
        assert go.wait(10)
        return compile(Choice(["a"]), byte_vocabulary)

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(cache.get, "a", make) for _ in range(4)]
        go.set()
        assert len({id(one.result()) for one in waiting}) == len(begun) == 1
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            cache.get("b", lambda: 1 // 0)
    assert (len(cache), cache.stats.refused) == (1, 2)


def test_its_size_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_bytes() == 512 << 20
    monkeypatch.setenv("SYNTAGMA_CACHE_BYTES", "1000")
    assert BoundedCache().max_bytes == 1000


def test_a_generator_is_dropped_at_once(byte_vocabulary: Vocabulary) -> None:
    """Servers make one for each request, and nothing waits for the collector."""
    gc.collect()
    gc.disable()
    try:
        generator = Generator(RandomModel(byte_vocabulary), Choice(["yes", "no"]), where=lambda text: text == "yes")
        assert generator([]).value == "yes"
        seen = weakref.ref(generator)
        del generator
        assert seen() is None
    finally:
        gc.enable()
