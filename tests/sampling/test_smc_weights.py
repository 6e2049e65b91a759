"""Sequential Monte Carlo on average: weights are right whatever the options.

Tests use an empirical Bernstein bound, with at most 1e-6 false alarms for the file.
"""

import math

import numpy as np
import pytest
from oracles.bounds import bernstein
from oracles.letter_texts import CRITIC, TEXTS, VOCABULARY, reward
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths
from oracles.remembered import Remembered

from syntagma.sampling import AWRS, SMC, Draw, Masking, Posterior, Prefix, RandomModel, TextPotential
from syntagma.sampling.resampling import SCHEMES

ALPHA = 1e-8


def text_of(tokens):
    return b"".join(VOCABULARY.token_bytes(t) for t in tokens).decode()


def target(model, auto, critic=None, power=1.0):
    """The mass of every token sequence under p^power r."""
    found = paths(model, auto, 10)
    return {k: path.p**power * math.exp(reward(text_of(k)) if critic else 0) for k, path in found.items()}


def odd(text, ended):
    return not text.startswith(b"ca") and not (ended and len(text) % 2 == 0)


OPTIONS = {
    "many": {"n": 8},
    "critic": {"n": 4, "critic": CRITIC},
    "moves": {"n": 4, "critic": CRITIC, "moves": 2, "ess_threshold": 1},
    "expand": {"n": 3, "critic": CRITIC, "expand": 3},
    "lookahead": {"n": 3, "critic": CRITIC, "lookahead": 2},
    "blocks": {"n": 4, "critic": CRITIC, "block": 2, "anneal": 3},
    "expanded blocks": {"n": 3, "expand": 2, "block": 2},
    "power": {"n": 4, "power": 1.5},
    "low power": {"n": 4, "power": 0.5, "critic": CRITIC},
    "paper": {"n": 4, "step": AWRS(estimator="paper")},
    "clipped": {"n": 4, "step": AWRS(max_rejects=2)},
    "masking": {"n": 4, "step": Masking()},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_weights_are_right_on_average(model, name):
    """Guards, rejection, critics, moves: the mean weight of every text is its mass."""
    auto = NaiveAutomaton(VOCABULARY, [b"a", b"b", b"c", b"ab", b"abc", b"bba", b"cab"], guard=odd)
    options = OPTIONS[name]
    smc = SMC(**options)
    truth = target(model, auto, options.get("critic"), options.get("power", 1.0))
    z = sum(truth.values())
    n_runs = 200
    drawn = [s.posterior for s in smc.sample(model, auto, [[]] * n_runs, 10, seed=7)]
    evidence = [math.exp(p.log_evidence) for p in drawn]
    assert abs(np.mean(evidence) - z) <= bernstein(evidence, ALPHA)
    assert bernstein(evidence, ALPHA) < 3 * z
    for key, mass in truth.items():
        means = [sum(math.exp(s.log_weight) * (s.tokens == key) for s in p) / len(p) for p in drawn]
        assert abs(np.mean(means) - mass) <= bernstein(means, ALPHA / 100, max(evidence))


@pytest.mark.parametrize("threshold", [0, 0.5, 1])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_evidence_of_eight_particles(model, auto, scheme, threshold):
    """Where enumeration is out of reach."""
    z = sum(target(model, auto, CRITIC).values())
    smc = SMC(8, resampling=scheme, ess_threshold=threshold, critic=CRITIC)
    evidence = [math.exp(s.posterior.log_evidence) for s in smc.sample(model, auto, [[]] * 50, 10, seed=5)]
    assert abs(np.mean(evidence) - z) <= bernstein(evidence, ALPHA) < 3 * z


def test_the_target_is_reached_with_many_particles(model, auto):
    truth = target(model, auto, CRITIC)
    z = sum(truth.values())
    (sample,) = SMC(1500, critic=CRITIC, seed=3).sample(model, auto, [[]], 10)
    law = sample.posterior.by(lambda s: s.tokens)
    distance = sum(abs(law.get(k, 0) - mass / z) for k, mass in truth.items())
    plain = {k: p.drawn for k, p in paths(model, auto, 10).items()}
    assert distance < 0.12 < sum(abs(plain[k] - mass / z) for k, mass in truth.items())
    assert abs(sample.posterior.log_evidence - math.log(z)) < 6 * sample.posterior.log_evidence_se + 0.05


class Informed:
    """Draws a token by the mass of all texts that go on with it, and weighs it for the base law."""

    temperature = 1.0

    def __init__(self, future):
        self.future = future

    def draw(self, base, auto, state, remaining, rng):
        ids = list(auto.allowed(state))
        ahead = [1.0 if t in auto.end_ids else self.future(auto.text(auto.advance(state, t)).decode()) for t in ids]
        mass = np.exp(base[ids]) * ahead
        i = int(rng.choice(len(ids), p=mass / mass.sum()))
        logw = float(base[ids[i]] - np.log(mass[i] / mass.sum()))
        return Draw(ids[i], auto.advance(state, ids[i]), logw, len(ids), 0, True)


def test_an_exact_twist_makes_all_weights_equal():
    """The critic knows the mass of each text's continuations: every particle weighs Z, and nothing is resampled."""
    letters = vocabulary([b"a", b"b", b"c"])  # a text has one tokenisation
    model = Remembered(RandomModel(letters, seed=2, scale=1.5))
    auto = NaiveAutomaton(letters, TEXTS)
    mass = {b"".join(letters.token_bytes(t) for t in k).decode(): p.p for k, p in paths(model, auto, 10).items()}

    def future(text):
        rows = model.logp_next([Prefix(["abc".index(c) for c in text[:i]]) for i in range(len(text))] or [Prefix()])
        so_far = math.exp(sum(row["abc".index(c)] for c, row in zip(text, rows, strict=False)))
        return sum(p for k, p in mass.items() if k.startswith(text)) / so_far

    critic = TextPotential(prefix=lambda text: math.log(future(text)))
    (sample,) = SMC(6, step=Informed(future), critic=critic, ess_threshold=0.9, seed=1).sample(model, auto, [[]], 10)
    assert sample.posterior.log_weights == pytest.approx([math.log(sum(mass.values()))] * 6, abs=1e-10)
    assert sample.report.n_resampled == 0
    assert sample.posterior.log_evidence_se == pytest.approx(0, abs=1e-6)


def test_sample_and_evidence_are_properly_weighted(model, auto):
    """The text drawn, weighted by the estimate of Z, as `Posterior.of` of several runs takes it."""
    truth = target(model, auto, CRITIC)
    samples = SMC(4, critic=CRITIC).sample(model, auto, [[]] * 200, 10, seed=11)
    joined = Posterior.of(samples)
    assert joined.log_weights == pytest.approx([s.posterior.log_evidence for s in samples])
    for key, mass in truth.items():
        means = [math.exp(s.ledger.logw) * (tuple(s.tokens) == key) for s in samples]
        assert abs(np.mean(means) - mass) <= bernstein(means, ALPHA / 10, math.exp(joined.log_weights.max()))
