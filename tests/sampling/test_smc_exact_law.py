"""SMC at realistic size: hidden-Markov models over the embedded model's vocabulary, hundreds of states, texts of up
to a hundred tokens, held against the exact law by dynamic programming.
"""

import math

import numpy as np
import pytest
from oracles.exact_law import ExactLaw, HiddenMarkov

import syntagma as sg
from syntagma.backends.embedded import WEIGHTS
from syntagma.sampling import SMC, Draw, Masking, Potential

MAX_TOKENS = 100


PATTERN = "([a-f]{2,5} ){15}[a-f]{2,5}|x([a-f]{2,5}-){15}[a-f]{2,5}|y([a-c]{2,4}_){15}[a-c]{2,4}"


@pytest.fixture(scope="module")
def law():
    """Emissions favour tokens of the language's letters, as a model does that knows what it is to write."""
    pytest.importorskip("tokenizers")
    vocabulary = sg.Vocabulary.from_pretrained(WEIGHTS)
    auto = sg.compile(sg.Regex(PATTERN), vocabulary)
    model = HiddenMarkov.random(vocabulary, 6, seed=0, scale=0.4)
    likely = [set(vocabulary.token_bytes(t)) <= set(b"abcdef xy-_") for t in range(vocabulary.width)]
    emit = model.emit * np.where(likely, 300.0, 1.0)
    emit[:, list(vocabulary.eos_ids)] = 0.02 * emit.sum(1, keepdims=True)
    law = ExactLaw(
        HiddenMarkov(vocabulary, model.first, model.move, emit / emit.sum(1, keepdims=True)), auto, MAX_TOKENS
    )
    assert len(law.delta) > 250
    return law


class Twist(Potential):
    """The exact future mass of a text's tokens."""

    alphabet = "tokens"
    start = ()

    def __init__(self, law):
        self.law, self.known = law, {}

    def advance(self, state, symbol):
        return (*state, symbol)

    def prefix(self, states):
        for s in states:
            if s not in self.known:
                self.known[s] = math.log(self.law.future(s))
        return np.array([self.known[s] for s in states])

    def complete(self, states):
        return np.zeros(len(states))


class Conditional:
    """Draws from the exact conditional law, or from a power of it, and weighs for the model's.

    It is told the state only: the hidden law is read off the row, and the number of a state off the way there.
    """

    temperature = 1.0

    def __init__(self, law, power=1.0):
        self.law, self.power, self.numbers = law, power, {law.auto.start: 2}
        self.inverse = np.linalg.pinv(law.model.emit.T)

    def draw(self, base, auto, state, remaining, rng):
        belief = self.inverse @ np.exp(base)
        share = self.law._law(self.numbers[state], belief, remaining) ** self.power
        share[self.law.delta[self.numbers[state]] == 0] = 0
        share /= share.sum()
        i = int(rng.choice(len(share), p=share))
        after = auto.advance(state, i)
        self.numbers[after] = int(self.law.delta[self.numbers[state], i])
        return Draw(i, after, float(base[i] - np.log(share[i])), len(share), 0, True)


def test_the_exact_twist_makes_all_weights_equal(law):
    smc = SMC(8, step=Conditional(law), critic=Twist(law), ess_threshold=0.9, seed=1)
    (sample,) = smc.sample(law.model, law.auto, [[]], MAX_TOKENS)
    assert sample.posterior.log_weights == pytest.approx([math.log(law.z)] * 8, abs=1e-8)
    assert sample.report.n_resampled == 0


@pytest.mark.parametrize("resampling", ["systematic", "multinomial", "stratified", "residual"])
def test_evidence(law, resampling):
    """A proposal that is too flat: resampled time and again, the evidence comes out right all the same."""
    smc = SMC(24, step=Conditional(law, 0.85), resampling=resampling, ess_threshold=0.8, critic=Twist(law), seed=2)
    (sample,) = smc.sample(law.model, law.auto, [[]], MAX_TOKENS)
    assert sample.report.n_resampled > 3
    assert abs(sample.posterior.log_evidence - math.log(law.z)) < 0.3
    assert all(np.isfinite(law.logp(s.tokens)) for s in sample.posterior)


def test_better_than_masking(law):
    """Mean exact log-probability of texts: SMC without any critic comes nearer to exact draws than masking does."""
    rng = np.random.default_rng(0)
    exact = np.mean([law.logp(law.draw(rng)) for _ in range(10)])
    masked = Masking(seed=1).sample(law.model, law.auto, [[]] * 40, MAX_TOKENS)
    (sample,) = SMC(96, seed=1).sample(law.model, law.auto, [[]], MAX_TOKENS)
    plain = np.mean([law.logp(s.tokens) for s in masked])
    weighted = sample.posterior.expectation(lambda s: law.logp(s.tokens))
    assert plain < weighted
    assert abs(weighted - exact) < 0.7 * abs(plain - exact)
