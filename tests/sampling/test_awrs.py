"""Rejection sampling of a token: proper weights by enumeration of every outcome, and what tight constraints do.

Statistical tests bound their false alarms by `l1_bound` and `mean_bound`: all of the file together at most 1e-6.
"""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from oracles.bounds import l1_bound, mean_bound
from oracles.enumerated_chance import outcomes
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths
from oracles.remembered import Remembered

from syntagma.sampling import AWRS, Draw, FullMask, RandomModel, TableModel
from syntagma.sampling.awrs import Estimate
from syntagma.sampling.model import logsumexp
from syntagma.sampling.step import Random

ALPHA = 1e-7
N = 3000
VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
TEXTS = [b"a", b"b", b"c", b"ab", b"abc", b"bba", b"cab"]


def odd(text, ended):
    """Refuses texts that end at an even length, and every prefix "ca"."""
    return not text.startswith(b"ca") and not (ended and len(text) % 2 == 0)


def instances():
    """Laws over few tokens, as integer weights, with the set of those that pass."""
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 4, 5):
        for _ in range(4):
            weights = rng.integers(1, 20, n).tolist()
            passing = set(np.flatnonzero(rng.random(n) < 0.5).tolist()) or {0}
            yield weights, passing


SAMPLERS = [AWRS(estimator=e, max_rejects=d) for e in ("paper", "recursive") for d in (None, 1, 2, 3)]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: f"{s.estimator}-{s.max_rejects}")
@pytest.mark.parametrize(("weights", "passing"), list(instances()))
def test_properly_weighted_by_enumeration(sampler, weights, passing):
    check_proper(sampler, weights, passing)


@pytest.mark.parametrize(("accepts", "rejects"), [(2, 1), (2, 2), (3, 2), (2, 3)])
@pytest.mark.parametrize(("weights", "passing"), [i for i in instances() if len(i[0]) <= 3])
def test_geometric_is_properly_weighted_by_enumeration(weights, passing, accepts, rejects):
    check_proper(AWRS(estimator="geometric", max_accepts=accepts, max_rejects=rejects), weights, passing)


def check_proper(sampler, weights, passing):
    """E[Z-hat 1{x = v}] = p(v) 1[v passes], summed over every outcome."""
    law = [Fraction(w, sum(weights)) for w in weights]
    mass = np.log(np.array(weights) / sum(weights))

    def run(chance):
        asked = []

        def ask(i):
            asked.append(i)
            return i in passing

        found = sampler.estimate(mass, ask, chance)
        assert len(asked) == len(set(asked)), "a token was asked twice"
        return found

    total, mean = Fraction(0), np.zeros(len(weights))
    for probability, found in outcomes(law, run, limit=sampler.max_rejects or 4):
        total += probability
        if found is not None and found.logz > -np.inf:
            mean[found.i] += float(probability) * np.exp(found.logz)
    assert total == 1
    assert mean == pytest.approx([float(p) * (i in passing) for i, p in enumerate(law)], rel=1e-12)


class WithoutTheCoin(AWRS):
    """The recursive estimator that forgets its second check."""

    def estimate(self, mass, ask, chance, *, is_sure=False):
        refused = []
        for i in chance.order(mass):
            if ask(i):
                return Estimate(i, logsumexp(np.delete(mass, refused)))
            refused.append(i)


def test_a_forgotten_coin_would_be_noticed():
    with pytest.raises(AssertionError):
        check_proper(WithoutTheCoin(), [3, 2, 4], {0, 2})


class Halved(AWRS):
    """The clipped estimator that divides by D + 1, as if a token had passed after D refusals."""

    def estimate(self, mass, ask, chance, *, is_sure=False):
        n = 0

        def counting(i):
            nonlocal n
            n += not (passes := ask(i))
            return passes

        found = super().estimate(mass, counting, chance)
        if found is None or found.logz == -np.inf or n + 1 < self.max_rejects:
            return found
        return found._replace(logz=found.logz + np.log(self.max_rejects / (self.max_rejects + 1)))


def test_a_clipped_estimate_of_the_wrong_size_would_be_noticed():
    with pytest.raises(AssertionError):
        check_proper(Halved(estimator="paper", max_rejects=2), [3, 2, 4], {0})


THREE = [AWRS(estimator="paper"), AWRS(), AWRS(estimator="geometric", max_accepts=4)]


@pytest.mark.parametrize("sampler", THREE, ids=lambda s: s.estimator)
@pytest.mark.parametrize("exponent", [-3, -8, -30, -300])
def test_tight_constraints_keep_their_weight(sampler, exponent):
    """One token may follow, of probability 10^exponent: its weight is that probability, and never 0."""
    logp = exponent * np.log(10)
    mass = np.append(np.full(1000, np.log(1e-3)), logp)
    found = [sampler.estimate(mass, lambda i: i == 1000, Random(np.random.default_rng(k))) for k in range(10)]
    assert all(f is not None and f.i == 1000 and np.isfinite(f.logz) for f in found)
    if sampler.estimator == "recursive":
        assert [f.logz for f in found] == pytest.approx([logp] * 10)


def test_random_order_is_without_replacement():
    """The first two of an order against their exact law; beyond the sorted head every token comes once."""
    p = np.array([0.5, 0.3, 0.15, 0.05])
    random = Random(np.random.default_rng(0))
    pairs = Counter()
    for _ in range(N):
        order = list(random.order(np.log(p)))
        assert sorted(order) == [0, 1, 2, 3]
        pairs[order[0], order[1]] += 1
    law = {(i, j): p[i] * p[j] / (1 - p[i]) for i in range(4) for j in range(4) if i != j}
    assert sum(abs(pairs[k] / N - v) for k, v in law.items()) <= l1_bound(len(law), N, ALPHA)
    mass = np.log(np.random.default_rng(1).dirichlet(np.ones(300)))
    mass[::7] = -np.inf
    assert sorted(random.order(mass)) == np.flatnonzero(mass > -np.inf).tolist()


@pytest.mark.parametrize("log_success", [-0.01, -0.7, -3.0])
def test_failures_are_geometric(log_success):
    p = np.exp(log_success)
    random = Random(np.random.default_rng(0))
    drawn = Counter(min(random.failures(log_success), 5) for _ in range(N))
    law = {n: p * (1 - p) ** n for n in range(5)} | {5: (1 - p) ** 5}
    assert sum(abs(drawn[k] / N - v) for k, v in law.items()) <= l1_bound(6, N, ALPHA)
    assert random.failures(0.0) == 0


@pytest.fixture(scope="module")
def model():
    return Remembered(RandomModel(VOCABULARY, seed=3, scale=1.5))


@pytest.mark.parametrize(
    "sampler",
    [
        AWRS(seed=1),
        AWRS(estimator="paper", seed=2),
        AWRS(estimator="geometric", max_accepts=3, seed=3),
        AWRS(max_rejects=2, seed=4),
        AWRS(estimator="paper", max_rejects=2, seed=7),
        AWRS(prune=False, seed=5),
        AWRS(temperature=0.7, seed=6),
        FullMask(),
    ],
    ids=["recursive", "paper", "geometric", "clipped", "clipped paper", "unpruned", "tempered", "full"],
)
def test_weights_are_right_on_average(model, sampler):
    auto = NaiveAutomaton(VOCABULARY, TEXTS, guard=odd)
    found = paths(model, auto, 10, sampler.temperature)
    samples = sampler.sample(model, auto, [[]] * N, 10, seed=getattr(sampler, "seed", 0) or 0)
    for key, path in found.items():
        drawn = [np.exp(s.ledger.logw) * (tuple(s.tokens) == key and s.finish_reason == "stop") for s in samples]
        assert abs(np.mean(drawn) - path.p) <= mean_bound(N, ALPHA / 8 / len(found))
    if getattr(sampler, "max_rejects", None) is None:
        counts = Counter(tuple(s.tokens) for s in samples)
        distance = sum(abs(counts[key] / N - path.drawn) for key, path in found.items())
        assert distance <= l1_bound(len(found), N, ALPHA)


def test_full_mask_weights_are_exact(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS, guard=odd)
    found = paths(model, auto, 10)
    for sample in FullMask().sample(model, auto, [[]] * 50, 10, seed=0):
        path = found[tuple(sample.tokens)]
        assert np.exp(sample.ledger.logw) * path.drawn == pytest.approx(path.p, rel=1e-12)


def test_few_checks_where_the_model_agrees():
    """1000 tokens, one of which has nearly all the mass: a draw and its weight take two checks, not 1000."""
    tokens = vocabulary([bytes((i % 251 + 1, i // 251 + 1)) for i in range(1000)])
    logits = np.zeros((tokens.width + 1, tokens.width))
    logits[:, 7] = 20
    auto = NaiveAutomaton(tokens, [tokens.token_bytes(t) for t in range(0, 1000)], guard=lambda text, ended: True)
    draw = AWRS().draw(TableModel(tokens, logits).logp[-1], auto, auto.start, 5, np.random.default_rng(0))
    assert isinstance(draw, Draw)
    assert (draw.token, draw.checks) == (7, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "best"}, "estimator"),
        ({"max_rejects": 0}, "max_rejects"),
        ({"max_accepts": 1}, "max_accepts"),
        ({"temperature": 0}, "temperature"),
        ({"seed": -1}, "seed"),
    ],
)
def test_refuses_odd_options(options, message):
    with pytest.raises(ValueError, match=message):
        AWRS(**options)
