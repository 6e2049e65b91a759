"""The pool of masks gives back what was put in, whatever the form in which it keeps it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.automata import _layout_kernels as L
from syntagma.automata import mask_pool
from syntagma.automata._pool_kernels import keep_mask, take_mask
from syntagma.automata.mask_pool import MaskPool, Row

WIDTH = 500
#: Configurations of the arena that the tests make.
CONFIGS = 40


def arena(base: int) -> Row:
    """Configurations without masks; what is kept is kept near this row of R, plus one."""
    A = np.zeros(L.A_HEADER + CONFIGS * L.CF, np.int32)
    A[L.H_CFG], A[L.H_NCFG], A[L.H_BASE] = L.A_HEADER, CONFIGS, base
    return A


def line_of(A: Row, config: int) -> int:
    return int(A[L.A_HEADER + config * L.CF + L.C_ROW])


@st.composite
def masks(draw: st.DrawFn) -> tuple[Row, Row]:
    """Two rows of R, and a mask that differs from one of them, or from nothing, in some words."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    R = rng.integers(-(2**31), 2**31, 2 * WIDTH, np.int64).astype(np.int32)
    rows = [np.zeros(WIDTH, np.int32), R[:WIDTH], R[WIDTH:]]
    row = rows[draw(st.integers(0, 2))].copy()
    changed = rng.choice(WIDTH, draw(st.sampled_from([0, 1, 5, 31, 32, 200, WIDTH])), replace=False)
    row[changed] = rng.integers(-(2**31), 2**31, len(changed), np.int64).astype(np.int32)
    return R, row


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(masks(), st.integers(0, 2)), min_size=1, max_size=8))
def test_masks_come_back(given: list[tuple[tuple[Row, Row], int]]) -> None:
    pool = MaskPool(WIDTH, 1 << 20)
    kept = []
    for config, ((R, row), base) in enumerate(given):
        A = arena(base)
        assert keep_mask(A, R, pool.M, config, row) == L.OK
        kept.append((R, row, line_of(A, config)))
    assert pool.n == len(given)
    for R, row, line in kept:
        found = np.full(WIDTH, -1, np.int32)
        take_mask(R, pool.M, line, found)
        np.testing.assert_array_equal(found, row)


def test_few_words_take_little_room() -> None:
    pool, A, R = MaskPool(WIDTH, 1 << 20), arena(0), np.zeros(1, np.int32)
    row = np.zeros(WIDTH, np.int32)
    row[[3, 400]] = -1, 1 << 30
    before = pool.n_bytes
    keep_mask(A, R, pool.M, 1, row)
    assert pool.n_bytes - before == 4 * L.LINE
    row[:] = 1
    keep_mask(A, R, pool.M, 2, row)
    assert pool.n_bytes - before >= 4 * WIDTH


def test_a_full_pool_is_begun_anew() -> None:
    pool, A, R = MaskPool(WIDTH, 1), arena(0), np.zeros(1, np.int32)
    row = np.arange(1, WIDTH + 1, dtype=np.int32)
    config = 0
    while keep_mask(A, R, pool.M, config, row) == L.OK:
        config += 1
    assert 1 < config < CONFIGS
    assert line_of(A, config) == 0
    pool.begin_anew(A)
    assert (pool.n, pool.evictions) == (0, config)
    assert all(line_of(A, c) == 0 for c in range(CONFIGS))
    assert keep_mask(A, R, pool.M, config, row) == L.OK


def test_memory_is_lent_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by a pool that was written to far, as its memory would be held for little."""
    monkeypatch.setattr(mask_pool, "_spares", {})
    first = MaskPool(WIDTH, 64 << 20)
    address = first.M.ctypes.data
    first.M[:] = 1
    del first
    second = MaskPool(WIDTH, 64 << 20)
    assert second.M.ctypes.data == address
    assert second.n == 0
    second.M[L.M_USED] = mask_pool.SPARE_BYTES // (4 * L.LINE) + 1
    del second
    assert mask_pool._spares == {64 << 18: []}
