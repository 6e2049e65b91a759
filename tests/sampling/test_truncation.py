"""Truncation against its definition, on unsorted laws."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.naive_automaton import NaiveAutomaton, vocabulary

from syntagma.sampling import Masking, Mirostat, TableModel, Truncation
from syntagma.sampling.truncation import Law, head_entropies, typical

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
    parts = [Truncation(top_k=5), Truncation(top_p=0.83), Truncation(min_p=0.037), Truncation(top_h=0.9)]
    rule = Truncation(top_k=5, top_p=0.83, min_p=0.037, top_h=0.9)
    assert rule.keep(np.log(p) + shift).tolist() == kept(rule, p)
    assert len(kept(rule, p)) == min(len(kept(part, p)) for part in parts)


@pytest.mark.parametrize("scale", [0, 0.01, 1, 4])
@pytest.mark.parametrize(
    "rule",
    [
        Truncation(top_k=40),
        Truncation(top_k=400),
        Truncation(top_p=0.6),
        Truncation(min_p=0.3),
        Truncation(top_h=0.4),
        Truncation(top_h=0.95),
        Truncation(mirostat=Mirostat(tau=3)),
        Truncation(mirostat=Mirostat(tau=3, version=1)),
    ],
)
def test_wide_laws_are_cut_as_narrow_ones(rule, scale):
    p = np.exp(scale * np.random.default_rng(0).standard_normal(5000).round(1))
    p /= p.sum()
    falling = np.sort(np.log(p))[::-1]
    assert len(kept(rule, p)) == rule.head(falling, Law.of(falling))


def test_nothing_set_is_false():
    assert not Truncation()
    assert Truncation(top_k=3)
    with pytest.raises(ValueError, match="top_k"):
        Truncation(top_k=0)


# ---- top-H


def entropy(p):
    """Of a law given by weights, nats."""
    p = np.asarray(p)[np.asarray(p) > 0] / np.sum(p)
    return -(p * np.log(p)).sum()


@given(laws, shares)
def test_top_h_is_the_stated_rule(p, alpha):
    """What stays keeps to the bound, and one more token would break it."""
    stays = kept(Truncation(top_h=alpha), p)
    assert len(stays) == 1 or entropy(p[stays]) <= alpha * entropy(p) + 1e-9
    more = sorted(range(len(p)), key=lambda t: (-p[t], t))[: len(stays) + 1]
    assert len(stays) == len(p) or entropy(p[more]) >= alpha * entropy(p) - 1e-9


@given(laws)
def test_entropies_of_heads_rise(p):
    falling = -np.sort(-p)
    heads = head_entropies(np.log(falling))
    assert heads == pytest.approx([entropy(falling[: n + 1]) for n in range(len(p))], abs=1e-9)
    assert (np.diff(heads) >= -1e-12).all()
    assert Law.of(np.log(p)).entropy == pytest.approx(entropy(p), abs=1e-9)


def test_top_h_keeps_all_of_a_law_at_1():
    assert len(kept(Truncation(top_h=1.0), np.full(300, 1 / 300))) == 300


# ---- typical


@given(laws, shares)
def test_typical(p, share):
    stays = typical(np.log(p), share)
    assert (np.diff(stays) > 0).all()
    far = np.abs(-np.log(p) - entropy(p))
    rest = np.delete(far, stays)
    assert p[stays].sum() >= share - 1e-9
    assert not len(rest) or far[stays].max() <= rest.min() + 1e-9
    last = stays[np.argmax(far[stays])]
    assert p[stays].sum() - p[last] < share + 1e-9 or np.count_nonzero(np.isclose(far[stays], far[last])) > 1


def test_typical_may_drop_the_most_probable():
    p = np.array([0.4, *[0.06] * 10])
    assert 0 not in Truncation(typical_p=0.5).keep(np.log(p))
    assert Truncation(typical_p=0.5, top_k=2).keep(np.log(p)).tolist() == [1, 2]


# ---- mirostat


def zipf(n, exponent=1.1):
    p = 1 / np.arange(1, n + 1) ** exponent
    return p / p.sum()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("tau", [3.0, 5.0])
def test_mirostat_holds_the_mean_surprise(version, tau):
    """10,000 draws from one law; the integral of the error is bounded, so the mean is within (max mu) / (eta n)."""
    rule, rng = Mirostat(tau=tau, version=version), np.random.default_rng(0)
    p = zipf(1000)
    logp, shares = np.log(p), np.cumsum(p)
    law, mu, total, n = Law.of(logp), None, 0.0, 10_000
    for u in rng.random(n).tolist():
        k = rule.head(logp, law.n, law.whole, mu)
        i = int(np.searchsorted(shares[:k], u * shares[k - 1], side="right"))
        total -= np.log2(p[i])
        mu = rule.update(mu, logp, i, k)
    assert abs(total / n - tau) < 0.05


def test_mirostat_2_keeps_what_surprises_no_more_than_mu():
    p = zipf(50)
    logp, law = np.log(p), Law.of(np.log(p))
    for mu in (0.0, 2.5, 4.0, 6.0, 20.0):
        assert Mirostat().head(logp, law.n, law.whole, mu) == max(1, np.count_nonzero(-np.log2(p) <= mu + 1e-12))


def test_mirostat_1_is_the_papers_formula():
    logp, mu = np.log(zipf(500)), 5.0
    i = np.arange(99)
    t, b = np.log((i + 2) / (i + 1)), logp[:99] - logp[1:100]
    s = (t * b).sum() / (t * t).sum()
    k = ((s - 1) * 2**mu / (1 - 500.0 ** -(s - 1))) ** (1 / s)
    law = Law.of(logp)
    assert Mirostat(version=1).head(logp, law.n, law.whole, mu) == round(k)
    exponent_1 = np.log(zipf(500, 1.0))
    assert Mirostat(version=1).head(exponent_1, 500, Law.of(exponent_1).whole, mu) == round(2**mu / np.log(500))
    flat = np.zeros(500)
    assert 1 <= Mirostat(version=1).head(flat, 500, 500.0, mu) <= 500
    assert Mirostat(version=1).head(np.zeros(1), 1, 1.0, mu) == 1


def test_mirostat_does_not_wind_up():
    rule = Mirostat()
    assert rule.update(4.0, np.zeros(1), 0, 1) == 4.0  # nothing to choose
    assert rule.update(4.0, np.array([0.0, -60.0]), 0, 1) == 4.0
    assert rule.update(4.0, np.zeros(4), 0, 4) == 4.0  # all are kept, and still too little surprise
    assert rule.update(4.0, np.zeros(1000), 0, 1) == 4.0  # one is kept, and still too much
    assert rule.update(4.0, np.zeros(4), 0, 3) == pytest.approx(4.3)
    assert rule.update(14.9, np.zeros(4), 0, 3) == 15.0
    assert rule.update(0.1, np.zeros(1000), 0, 2) == 0.0


def test_mirostat_under_a_mask():
    """A forced text leaves the state alone; a free one moves it; sequences have states of their own."""
    words = vocabulary([bytes([97 + t]) for t in range(20)])
    model = TableModel(words, np.random.default_rng(0).standard_normal((22, 21)))
    sampler = Masking(mirostat=Mirostat(tau=2.0), seed=0)
    (forced,) = sampler.sample(model, NaiveAutomaton(words, [b"abcdefgh"]), [[]], 10)
    assert forced.mu == 4.0
    texts = [bytes(x) for x in np.random.default_rng(1).integers(97, 117, (200, 4)).tolist()]
    free = sampler.sample(model, NaiveAutomaton(words, texts), [[]] * 5, 10)
    assert len({s.mu for s in free}) == 5
    assert {s.ledger.weights for s in free} == {"improper"}
    again = sampler.sample(model, NaiveAutomaton(words, texts), [[]] * 2, 10)
    assert [s.tokens for s in again] == [s.tokens for s in free[:2]]


@pytest.mark.parametrize("options", [{"typical_p": 0.2}, {"top_h": 0.1}, {"mirostat": Mirostat(tau=0.05)}])
def test_rules_narrow_what_masking_draws(options):
    words = vocabulary([bytes([97 + t]) for t in range(20)])
    model = TableModel(words, np.random.default_rng(0).standard_normal((22, 21)))
    auto = NaiveAutomaton(words, [bytes([97 + t]) for t in range(20)])
    wide, narrow = (
        Counter(s.tokens[0] for s in sampler.sample(model, auto, [[]] * 200, 3))
        for sampler in (Masking(seed=0), Masking(seed=0, **options))
    )
    assert len(narrow) < len(wide) / 2


@pytest.mark.parametrize("options", [{"tau": 0}, {"eta": 0}, {"version": 3}, {"first": 1}])
def test_bad_mirostat_raises(options):
    with pytest.raises(ValueError, match="Expected"):
        Mirostat(**options)


@pytest.mark.parametrize("rule", ["typical_p", "top_h"])
def test_bad_rules_raise(rule):
    with pytest.raises(ValueError, match=rule):
        Masking(**{rule: 0})
