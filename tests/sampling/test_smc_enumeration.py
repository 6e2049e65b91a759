"""Sequential Monte Carlo by enumeration: the mean weight is Z exactly, for every way of resampling.

Every outcome of every draw and of every resampling is gone through. Texts are few and short.
"""

import math

import numpy as np
import pytest
from oracles.enumerated_chance import breaks, runs
from oracles.letter_texts import CRITIC, reward
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths
from oracles.remembered import Remembered

from syntagma.sampling import SMC, Draw, Proposed, RandomModel, rejuvenation
from syntagma.sampling import cloud as cloud_module
from syntagma.sampling.cloud import Cloud
from syntagma.sampling.job import Job
from syntagma.sampling.resampling import SCHEMES
from syntagma.sampling.task import answer


def finish(model, task):
    """Run a task to its end."""
    for _ in answer(model, task):
        pass


class Enumerated:
    """Masking as a step, every draw of which is a choice of the enumerated generator."""

    temperature = 1.0

    def draw(self, base, auto, state, remaining, rng):
        ids = [t for t in auto.allowed(state) if auto.check(state, t)]
        if not ids:
            return 0
        mass = np.exp(base[ids])
        i = rng.choose(list(enumerate((mass / mass.sum()).tolist())))
        return Draw(ids[i], auto.advance(state, ids[i]), float(np.log(mass.sum())), len(ids), 0, True)


def enumerated(monkeypatch, model, auto, smc):
    """Every run of a sampler, with its probability."""

    def knowing(name):
        def scheme(weights, rng):
            rng.breaks = breaks(weights, name)
            return SCHEMES[name](weights, rng)

        return scheme

    monkeypatch.setattr(cloud_module, "SCHEMES", {name: knowing(name) for name in SCHEMES})

    def run(rng):
        cloud = Cloud(smc, Job(0, auto, (), 5, rng))
        finish(model, cloud.run())
        return cloud.sample()

    return list(runs(run))


#: Texts a, ab, b, each of one tokenisation: one particle may have ended while another goes on.
WORDS = vocabulary([b"a", b"b"])
SMALL = Remembered(RandomModel(WORDS, seed=1, scale=1.0))
TEXT = {(0, 2): "a", (0, 1, 2): "ab", (1, 2): "b"}
TEXTS = [b"a", b"ab", b"b"]


def check_mean_weights(monkeypatch, smc, texts=TEXTS):
    """The mean weight of each text is its mass: E[mean of w 1{x = y}] = p(y) r(y), and so E[Z-hat] = Z."""
    auto = NaiveAutomaton(WORDS, texts)
    outcomes, found = enumerated(monkeypatch, SMALL, auto, smc), paths(SMALL, auto, 5)
    truth = {TEXT[k]: p.p * math.exp(reward(TEXT[k]) if smc.critic else 0) for k, p in found.items()}
    assert sum(p for p, _ in outcomes) == pytest.approx(1)
    mean = dict.fromkeys(truth, 0.0)
    for p, sample in outcomes:
        for one in sample.posterior:
            mean[one.text] += p * math.exp(one.log_weight) / smc.n
    assert mean == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize("critic", [None, CRITIC], ids=["plain", "critic"])
@pytest.mark.parametrize("threshold", [0, 0.5, 1])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_mean_weight_is_z_by_enumeration(monkeypatch, n, scheme, threshold, critic):
    has_many_runs = n == 3 and threshold == 1 and scheme in ("multinomial", "stratified")
    smc = SMC(n, step=Enumerated(), resampling=scheme, ess_threshold=threshold, critic=critic)
    check_mean_weights(monkeypatch, smc, [b"a", b"b"] if has_many_runs else TEXTS)


@pytest.mark.parametrize("proposal", [RandomModel(WORDS, seed=7), CRITIC], ids=["model", "potential"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_proposals_leave_the_mean_weight_as_it_is(monkeypatch, proposal, scheme):
    step = Proposed(proposal, Enumerated(), mix=0.25)
    check_mean_weights(monkeypatch, SMC(2, step=step, resampling=scheme, ess_threshold=1, critic=CRITIC))


def test_dead_particles_count_in_the_mean(monkeypatch):
    """The guard refuses every text that begins with b; half of the runs lose a particle before any resampling."""
    auto = NaiveAutomaton(WORDS, TEXTS, guard=lambda text, ended: not (ended and text == b"b"))
    outcomes = enumerated(monkeypatch, SMALL, auto, SMC(2, step=Enumerated(), ess_threshold=0.5))
    assert any(sample.dead is not None for _, sample in outcomes)
    z = sum(path.p for path in paths(SMALL, auto, 5).values() if path.ended)
    assert sum(p * math.exp(s.posterior.log_evidence) for p, s in outcomes) == pytest.approx(z, rel=1e-9)


def test_wrong_weights_after_resampling_would_be_noticed(monkeypatch):
    """Weights set to 1 / n instead of their mean: the enumeration tells."""
    monkeypatch.setattr(cloud_module, "logsumexp", lambda logw: 0.0)
    with pytest.raises(AssertionError):
        check_mean_weights(monkeypatch, SMC(2, step=Enumerated(), ess_threshold=1, critic=CRITIC))


@pytest.mark.parametrize("critic", [None, CRITIC], ids=["plain", "critic"])
def test_moves_are_in_detailed_balance(monkeypatch, critic):
    """The exact matrix of a move over all texts of two tokens that go on: pi P = P^T pi, so pi is left as it is."""
    tokens = vocabulary([b"a", b"b", b"ab"])
    small = Remembered(RandomModel(tokens, seed=1, scale=1.0))
    auto = NaiveAutomaton(tokens, [b"aaa", b"aab", b"abb", b"bab", b"bb", b"abab", b"ababa"])
    smc = SMC(1, step=Enumerated(), critic=critic, ess_threshold=1)

    def knowing(old, new, word):
        rng.breaks = [math.exp(min(0.0, ratio(old, new, word)))]
        return ratio(old, new, word)

    ratio, rng = rejuvenation.log_ratio, None
    monkeypatch.setattr(rejuvenation, "log_ratio", knowing)

    def cloud_with(particle, with_rng):
        cloud = Cloud(smc, Job(0, auto, (), 5, with_rng))
        if particle is not None:
            cloud.particles, cloud.depth = [particle], particle.place.depth
        return cloud

    def grow(with_rng):
        cloud = cloud_with(None, with_rng)
        for _ in range(2):
            finish(small, cloud._round())
        return cloud.particles[0]

    def move(particle):
        def run(with_rng):
            nonlocal rng
            rng = with_rng
            cloud = cloud_with(particle, with_rng)
            finish(small, rejuvenation.move(cloud))
            assert cloud.particles[0].logw == particle.logw
            return cloud.particles[0].place.tokens

        row = dict.fromkeys(starts, 0.0)
        for p, text in runs(run):
            row[text] += p
        assert sum(row.values()) == pytest.approx(1)
        return row

    starts = {p.place.tokens: p for _, p in runs(grow) if p.live}
    assert len(starts) > 4
    mass = {k: math.exp(sum(s.logp for s in p.place.steps) + p.twist) for k, p in starts.items()}
    matrix = {k: move(p) for k, p in starts.items()}
    for h, row in matrix.items():
        for k, p in row.items():
            assert mass[h] * p == pytest.approx(mass[k] * matrix[k][h], rel=1e-9, abs=1e-15)
    assert all(row[h] < 1 for h, row in matrix.items())
