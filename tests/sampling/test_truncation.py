"""Truncation against its definition, on unsorted laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syntagma.sampling import Truncation

laws = st.lists(st.integers(1, 20), min_size=1, max_size=12).map(lambda xs: np.array(xs) / sum(xs))
shares = st.floats(0.01, 1)


def kept(rule, p):
    """The kept indices; asserts that they are a head of the falling order, the lowest of equals first."""
    found = rule.keep(np.log(p)).tolist()
    assert found == sorted(range(len(p)), key=lambda t: (-p[t], t))[: len(found)]
    return found


@given(laws, st.integers(1, 15))
def test_top_k(p, k):
    assert len(kept(Truncation(top_k=k), p)) == min(k, len(p))


@given(laws, shares)
def test_min_p(p, share):
    stays = kept(Truncation(min_p=share), p)
    assert (p[stays] >= share * p.max() * (1 - 1e-9)).all()
    assert (np.delete(p, stays) < share * p.max() * (1 + 1e-9)).all()


@given(laws, shares)
def test_top_p(p, share):
    stays = kept(Truncation(top_p=share), p)
    assert p[stays].sum() >= share - 1e-9
    assert p[stays[:-1]].sum() < share + 1e-9


@given(laws, st.floats(-5, 5))
def test_constants_change_nothing_and_the_shortest_head_stays(p, shift):
    parts = [Truncation(top_k=5), Truncation(top_p=0.83), Truncation(min_p=0.037)]
    rule = Truncation(top_k=5, top_p=0.83, min_p=0.037)
    assert rule.keep(np.log(p) + shift).tolist() == kept(rule, p)
    assert len(kept(rule, p)) == min(len(kept(part, p)) for part in parts)


@pytest.mark.parametrize("scale", [0, 0.01, 1, 4])
@pytest.mark.parametrize(
    "rule", [Truncation(top_k=40), Truncation(top_k=400), Truncation(top_p=0.6), Truncation(min_p=0.3)]
)
def test_wide_laws_are_cut_as_narrow_ones(rule, scale):
    p = np.exp(scale * np.random.default_rng(0).standard_normal(5000).round(1))
    p /= p.sum()
    falling = np.sort(np.log(p))[::-1]
    assert len(kept(rule, p)) == rule.head(falling, np.exp(falling - falling[0]).sum())


def test_nothing_set_is_false():
    assert not Truncation()
    assert Truncation(top_k=3)
    with pytest.raises(ValueError, match="top_k"):
        Truncation(top_k=0)
