"""Samplers whose texts are independent draws of the conditional law, by chi-square.

CARS gives them; and any properly weighted sampler whose weights are at most 1 does if a text is kept with the
probability that is its weight: P(x drawn and kept) = E[w 1{x}] = p(x) on the language. Draws that are rejected leave
the law of the others as it is, so the statistic is that of n independent draws.

The bound on the statistic holds for every n and law (`oracles.bounds.chi_square_bound`); at most 1e-6 false alarms for
the file.
"""

from collections import Counter

import numpy as np
import pytest
from oracles.bounds import chi_square, chi_square_bound
from oracles.exact_law import ExactLaw, HiddenMarkov
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths
from oracles.remembered import Remembered

import syntagma as sg
from syntagma.backends.embedded import WEIGHTS
from syntagma.sampling import AWRS, CARS, FullMask, Masking, Proposed, RandomModel

ALPHA = 2e-8


def kept(samples, rng, greatest=1.0):
    """The texts that are kept, each with the probability that is its weight over the greatest."""
    weights = [np.exp(s.ledger.logw) / greatest if s.finish_reason == "stop" else 0.0 for s in samples]
    assert max(weights) <= 1 + 1e-12
    return [s for s, w in zip(samples, weights, strict=True) if rng.random() < w]


# ---- every text a cell

VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
MODEL = Remembered(RandomModel(VOCABULARY, seed=6, scale=1.5))
STEPS = [
    AWRS(),
    AWRS(max_rejects=2),
    AWRS(estimator="paper"),
    AWRS(estimator="paper", max_rejects=3),
    AWRS(estimator="geometric", max_accepts=3),
    AWRS(prune=False),
    FullMask(),
]


def odd(text, ended):
    """Refuses texts that end at an even length, and every prefix "ca"."""
    return not text.startswith(b"ca") and not (ended and len(text) % 2 == 0)


def guarded():
    auto = NaiveAutomaton(VOCABULARY, [b"a", b"b", b"c", b"ab", b"abc", b"bba", b"cab", b"bab"], guard=odd)
    found = {tokens: path.p for tokens, path in paths(MODEL, auto, 10).items() if path.ended}
    return auto, {tokens: p / sum(found.values()) for tokens, p in found.items()}


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_kept_by_weight(step):
    auto, law = guarded()
    samples = kept(step.sample(MODEL, auto, [[]] * 1000, 10, seed=1), np.random.default_rng(0))
    assert len(samples) > 150
    assert chi_square(Counter(tuple(s.tokens) for s in samples), law) <= chi_square_bound(len(law), ALPHA)


def test_cars():
    auto, law = guarded()
    counts = Counter(tuple(s.tokens) for s in CARS(seed=0).sample(MODEL, auto, [[]] * 1000, 10))
    assert chi_square(counts, law) <= chi_square_bound(len(law), ALPHA)


def test_proposals_kept_by_weight():
    """Three tokens a text, each of weight 1 / mix at most."""
    auto = NaiveAutomaton(VOCABULARY, [b"ab", b"bb", b"ac"])
    model = Remembered(RandomModel(VOCABULARY, seed=8, scale=1.5))
    found = {tokens: path.p for tokens, path in paths(model, auto, 10).items()}
    law = {tokens: p / sum(found.values()) for tokens, p in found.items()}
    step = Proposed(RandomModel(VOCABULARY, seed=9), mix=0.7)
    samples = kept(step.sample(model, auto, [[]] * 3000, 10, seed=1), np.random.default_rng(0), 0.7**-3)
    assert len(samples) > 100
    assert chi_square(Counter(tuple(s.tokens) for s in samples), law) <= chi_square_bound(len(law), ALPHA)


def test_masking_would_be_noticed():
    auto, law = guarded()
    counts = Counter(tuple(s.tokens) for s in Masking().sample(MODEL, auto, [[]] * 1000, 10, seed=1))
    assert chi_square(counts, law) > chi_square_bound(len(law), ALPHA)


def test_the_bound_is_no_wild_guess():
    """Draws of the law itself exceed the bound for 1/20 seldom, and are seldom below a fifth of it."""
    rng = np.random.default_rng(0)
    law = dict(enumerate(rng.dirichlet(np.ones(8)).tolist()))
    draws = rng.multinomial(200, list(law.values()), size=1000).tolist()
    found = np.array([chi_square(dict(enumerate(counts)), law) for counts in draws])
    bound = chi_square_bound(8, 0.05)
    assert np.mean(found > bound) <= 0.05 < np.mean(found > bound / 5) < 0.8


# ---- at realistic size

MAX_TOKENS, N = 100, 80
#: Between these, shares of the law are cells; few texts fall into the last one.
EDGES = [0.0, 0.25, 0.5, 0.75, 0.95, 1.0]
CELLS = len(EDGES) - 1
#: Texts of the second kind seldom have one of their lengths: the law of the first token is not the model's.
PATTERN = "[a-m][a-z]{1,300}|[n-z]([a-z]{59}){1,5}"


@pytest.fixture(scope="module")
def law():
    """Hidden states, the embedded model's vocabulary, an automaton of hundreds of states, half of the mass."""
    pytest.importorskip("tokenizers")
    words = sg.Vocabulary.from_pretrained(WEIGHTS)
    model = HiddenMarkov.random(words, 6, seed=0, scale=0.4)
    likely = [words.token_bytes(t).isalpha() and words.token_bytes(t).islower() for t in range(words.width)]
    emit = model.emit * np.where(likely, 1e4, 1.0)
    emit[:, list(words.eos_ids)] = 0.05 * emit.sum(1, keepdims=True)
    model = HiddenMarkov(words, model.first, model.move, emit / emit.sum(1, keepdims=True))
    law = ExactLaw(model, sg.compile(sg.Regex(PATTERN), words), MAX_TOKENS)
    assert len(law.delta) > 250
    assert 0.2 < law.z < 0.6
    return law


def cells(law, samples, rng):
    """How many texts fall into each cell.

    A text owns an interval of [0, 1) as long as its probability is high, in alphabetical order; a uniform point of the
    interval of a text of the law is uniform on [0, 1).
    """
    words, counts = law.model.vocabulary, Counter()
    order = sorted(range(words.width), key=words.token_bytes)
    rank = np.argsort(order)
    for sample in samples:
        low, width = 0.0, 1.0
        for i, t in enumerate(sample):
            step = law.law(sample[:i])
            low, width = low + width * step[rank < rank[t]].sum(), width * step[t]
        counts[min(int(np.searchsorted(EDGES, low + width * rng.random(), side="right")), CELLS) - 1] += 1
    return counts


def statistic(law, samples):
    return chi_square(cells(law, samples, np.random.default_rng(7)), dict(enumerate(np.diff(EDGES).tolist())))


def test_the_program_draws_by_its_own_law(law):
    rng = np.random.default_rng(1)
    assert statistic(law, [law.draw(rng) for _ in range(N)]) <= chi_square_bound(CELLS, ALPHA)


def test_cars_at_realistic_size(law):
    samples = CARS(seed=3).sample(law.model, law.auto, [[]] * N, MAX_TOKENS)
    assert statistic(law, [s.tokens for s in samples]) <= chi_square_bound(CELLS, ALPHA)


def test_kept_by_weight_at_realistic_size(law):
    """Rejection with the constraint as a black box."""
    samples = AWRS(prune=False).sample(law.model, law.auto, [[]] * (2 * N), MAX_TOKENS, seed=5)
    texts = [s.tokens for s in kept(samples, np.random.default_rng(0))]
    assert len(texts) > N / 2
    assert statistic(law, texts) <= chi_square_bound(CELLS, ALPHA)


def test_masking_would_be_noticed_at_realistic_size(law):
    samples = Masking().sample(law.model, law.auto, [[]] * 100, MAX_TOKENS, seed=1)
    assert statistic(law, [s.tokens for s in samples]) > chi_square_bound(CELLS, ALPHA)
