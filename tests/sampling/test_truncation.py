"""Truncation against its definition, on unsorted laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syntagma.sampling import Truncation

laws = st.lists(st.integers(1, 20), min_size=1, max_size=12).map(lambda xs: np.sort(np.array(xs) / sum(xs))[::-1])


@given(laws, st.integers(1, 15))
def test_top_k(p, k):
    assert Truncation(top_k=k).head(np.log(p)) == min(k, len(p))


@given(laws, st.floats(0.01, 1))
def test_min_p(p, share):
    n = Truncation(min_p=share).head(np.log(p))
    assert (p[:n] >= share * p[0] * (1 - 1e-9)).all()
    assert (p[n:] < share * p[0] * (1 + 1e-9)).all()


@given(laws, st.floats(0.01, 1))
def test_top_p(p, share):
    n = Truncation(top_p=share).head(np.log(p))
    assert p[:n].sum() >= share - 1e-9
    assert p[: n - 1].sum() < share + 1e-9


@given(laws, st.floats(-5, 5))
def test_constants_change_nothing(p, shift):
    rule = Truncation(top_k=5, top_p=0.83, min_p=0.037)
    n = rule.head(np.log(p) + shift)
    assert n == rule.head(np.log(p))
    parts = [Truncation(top_k=5), Truncation(top_p=0.83), Truncation(min_p=0.037)]
    assert n == min(part.head(np.log(p)) for part in parts)


def test_nothing_set_is_false():
    assert not Truncation()
    assert Truncation(top_k=3)
    with pytest.raises(ValueError, match="top_k"):
        Truncation(top_k=0)
