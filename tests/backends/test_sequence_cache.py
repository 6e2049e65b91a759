"""Sequence cache against its law: what a text's row holds is the text's beginning, copies and cuts in any order."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syntagma.backends.sequence_cache import SequenceCache, common

TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple)


class Memory:
    """Rows as they would be in a model."""

    def __init__(self, n_rows):
        self.rows = [()] * n_rows
        self.read = 0

    def cut(self, row, n):
        self.rows[row] = self.rows[row][:n]

    def copy(self, source, target, n):
        assert self.rows[target] == ()
        assert n <= len(self.rows[source])
        self.rows[target] = self.rows[source][:n]

    def extend(self, text, row, n):
        assert self.rows[row] == text[:n]
        assert n < len(text)
        self.rows[row] = text
        self.read += len(text) - n


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(st.integers(1, 5), st.lists(st.lists(TOKENS, max_size=5, unique=True), max_size=12))
def test_rows_hold_what_the_cache_says(n_rows, calls):
    memory = Memory(n_rows)
    cache = SequenceCache(n_rows, memory.cut, memory.copy)
    for texts in calls:
        texts = texts[:n_rows]
        placed = cache.place(texts)
        assert len({row for row, _ in placed}) == len(texts)
        for text, (row, n) in zip(texts, placed, strict=True):
            memory.extend(text, row, n)


def test_particles_cost_one_token_each():
    memory = Memory(8)
    cache = SequenceCache(8, memory.cut, memory.copy)

    def step(texts):
        memory.read = 0
        for text, (row, n) in zip(texts, cache.place(texts), strict=True):
            memory.extend(text, row, n)
        return memory.read

    prompt = tuple(range(100))
    assert step([prompt]) == 100
    assert step([prompt]) == 1  # its logits again
    assert step([(*prompt, i) for i in range(8)]) == 8
    assert step([(*prompt, i, i) for i in range(8)]) == 8
    assert step([(*prompt, 3, 3, i) for i in range(8)]) == 8  # all go on from one
    assert step([(*prompt, 3, 3, i, 5) for i in (7, 1)]) == 2
    assert step([(*prompt[:50], 1), (1,)]) == 2


def test_a_model_that_shares_nothing_reads_all():
    memory = Memory(2)
    cache = SequenceCache(2, memory.cut, memory.copy, shares=False)
    for texts in ([(1, 2), (1, 3)], [(1, 2, 4), (1, 3, 4)]):
        for text, (row, n) in zip(texts, cache.place(texts), strict=True):
            assert n == 0
            memory.extend(text, row, n)
    cache.clear()
    assert memory.rows == [(), ()]


def test_common_beginnings():
    assert common((1, 2, 3), (1, 2, 4)) == 2
    assert common((), (1,)) == 0
    assert common((1, 2), (1, 2, 3)) == 2
