"""CARS against its laws: by enumeration where attempts are few, by frequencies (1e-7 each) where they are many."""

import pickle
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from oracles.all_outcomes import outcomes
from oracles.bounds import chi_square, chi_square_bound, l1_bound, mean_bound
from oracles.exact_law import ExactLaw, HiddenMarkov
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths

import syntagma as sg
from syntagma.errors import SamplingError
from syntagma.sampling import CARS, MCMC, ASAp, Beam, BestFirst, Masking, RandomModel, TableModel
from syntagma.sampling import cars as module

ALPHA = 1e-7
VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
TEXTS = [b"a", b"ab", b"abc", b"bb", b"cab", b"c"]


def odd(text, ended):
    """Refuses texts that end at an even length, and every prefix "ca"."""
    return not text.startswith(b"ca") and not (ended and len(text) % 2 == 0)


@pytest.fixture(scope="module")
def model():
    return RandomModel(VOCABULARY, seed=3, scale=1.5)


def conditional(model, auto, max_tokens=10):
    """The exact law, and the evidence."""
    found = {key: path.p for key, path in paths(model, auto, max_tokens).items() if path.ended}
    z = sum(found.values())
    return {key: p / z for key, p in found.items()}, z


# ---- by enumeration


def all_runs(guard, n, batch, monkeypatch):
    """The law, and the probability of every outcome of n texts of at most two attempts each, all found.

    By the numbers of rejected attempts and the texts.
    """
    words = vocabulary([b"a", b"b"])
    model, auto = RandomModel(words, seed=5), NaiveAutomaton(words, [b"a", b"ab"], guard=guard)
    law, _ = conditional(model, auto, 2)
    found, total = defaultdict(float), 0.0

    def run(chance):
        monkeypatch.setattr(module, "draws", chance.order)
        try:
            return CARS(max_attempts=2, batch=batch).sample(model, auto, [[]] * n, 2)
        except SamplingError:
            return None

    for p, samples in outcomes(run):
        total += p
        if samples is not None:
            found[tuple(s.ledger.rejected for s in samples), tuple(tuple(s.tokens) for s in samples)] += p
    assert total == pytest.approx(1, rel=1e-11)
    return law, found


def odd_b(text, ended):
    """Refuses "ab"."""
    return text != b"ab"


@pytest.mark.parametrize("guard", [None, odd_b])
def test_one_text_has_the_exact_law_after_any_number_of_rejections(guard, monkeypatch):
    law, found = all_runs(guard, 1, 1, monkeypatch)
    for k in (0, 1):
        mass = {texts[0]: p for (rejected, texts), p in found.items() if rejected == (k,)}
        assert {x: p / sum(mass.values()) for x, p in mass.items()} == pytest.approx(law, rel=1e-11)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_later_text_has_the_exact_law_given_the_earlier(batch, monkeypatch):
    """Side by side, the later one is the one that was rejected more often."""
    law, found = all_runs(None, 2, batch, monkeypatch)
    for pattern in {rejected for rejected, _ in found}:
        later = 0 if batch == 2 and pattern[0] > pattern[1] else 1
        for x in law:
            mass = {texts[later]: p for (r, texts), p in found.items() if r == pattern and texts[1 - later] == x}
            if mass:
                assert {y: p / sum(mass.values()) for y, p in mass.items()} == pytest.approx(law, rel=1e-10)


# ---- by frequencies


@pytest.mark.parametrize(("guard", "batch"), [(None, 1), (None, 3), (odd, 2)])
def test_every_sample_of_a_table_has_the_exact_law(model, guard, batch):
    """The first to the third text of 250 fresh tables, each by chi-square."""
    auto = NaiveAutomaton(VOCABULARY, TEXTS, guard=guard)
    law, _ = conditional(model, auto)
    runs = [CARS(batch=batch).sample(model, auto, [[]] * 3, 10, seed=seed) for seed in range(250)]
    for k in range(3):
        counts = Counter(tuple(run[k].tokens) for run in runs)
        assert chi_square(counts, law) <= chi_square_bound(len(law), ALPHA)
    masked = Counter(tuple(s.tokens) for s in Masking().sample(model, auto, [[]] * 250, 10, seed=0))
    assert chi_square(masked, law) > chi_square_bound(len(law), ALPHA)


def test_attempts_become_fewer(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    _, z = conditional(model, auto)
    runs = [CARS(batch=1).sample(model, auto, [[]] * 30, 10, seed=seed) for seed in range(40)]
    rejected = np.array([[s.ledger.rejected for s in run] for run in runs]).mean(0)
    assert rejected[0] < 1 / z - 1  # fewer than plain rejection makes
    assert rejected[20:].mean() < 0.2 * rejected[0]


def test_evidence(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    _, z = conditional(model, auto)
    sampler = CARS(seed=2)
    posterior = sampler.posterior(model, auto, [], 2000, 10)
    table = sampler.exclusions(model, auto, [], 10)
    assert table.n_accepted == 2000 <= table.n_attempts
    assert abs(np.exp(posterior.log_evidence) - z) <= mean_bound(2000, ALPHA)
    assert np.log(z) <= table.root.log_theta
    assert posterior.ess == pytest.approx(2000)


def test_samples_weigh_one_and_tell_what_was_rejected(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS, guard=odd)
    sampler = CARS(seed=0)
    samples = sampler.sample(model, auto, [[]] * 50, 10)
    table = sampler.exclusions(model, auto, [], 10)
    assert {s.ledger.logw for s in samples} == {0.0}
    assert {s.ledger.weights for s in samples} == {"exact"}
    assert sum(s.ledger.rejected for s in samples) == table.n_attempts - table.n_accepted > 0


def test_exact_at_realistic_size():
    """A third of a thousand states: marginals of exact draws from the dynamic program and of CARS agree."""
    tokens = [b"a", b"b", b"c", b"d", b",", b"ab", b"cd", b"d,", b"aba"]
    words = sg.Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
    auto = sg.compile(sg.Regex(r"(([ab]{2,5}|cd){1,4},){1,6}"), words)
    hidden = HiddenMarkov.random(words, 4, seed=1, scale=0.5)
    law = ExactLaw(hidden, auto, 100)
    sampler = CARS(seed=3)
    samples = sampler.sample(hidden, auto, [[]] * 100, 100)
    first = Counter(s.tokens[0] for s in samples)
    wanted = law.law([])
    assert sum(abs(first[t] / 100 - p) for t, p in enumerate(wanted)) <= l1_bound(np.count_nonzero(wanted), 100, ALPHA)
    rng = np.random.default_rng(0)
    lengths = np.array([[len(s.tokens), len(law.draw(rng))] for s in samples])
    mean, sd = lengths.mean(0), lengths.std(0)
    assert abs(mean[0] - mean[1]) < 5 * np.hypot(*sd) / 100**0.5
    assert sampler.exclusions(hidden, auto, [], 100).log_evidence == pytest.approx(np.log(law.z), abs=0.6)


# ---- prompts, threads, memory, budgets


def test_threads_take_turns(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    law, _ = conditional(model, auto)
    sampler = CARS()
    with ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda seed: sampler.sample(model, auto, [[]] * 5, 10, seed=seed), range(60))
    counts = Counter(tuple(s.tokens) for part in parts for s in part)
    assert sampler.exclusions(model, auto, [], 10).n_accepted == 300
    assert sum(abs(counts[x] / 300 - p) for x, p in law.items()) <= l1_bound(len(law), 300, ALPHA)


@pytest.mark.parametrize("sampler", [CARS(batch=3, seed=1), ASAp(max_nodes=7), MCMC(moves=30), Beam(), BestFirst(n=2)])
def test_pickled_copies_begin_anew(model, sampler):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    sampler.sample(model, auto, [[]], 10, seed=1)
    copy = pickle.loads(pickle.dumps(sampler))
    assert repr(copy) == repr(sampler)
    assert [s.finish_reason for s in copy.sample(model, auto, [[]], 10, seed=1)] == ["stop"]


def test_prompts_keep_their_places(model):
    table = TableModel(VOCABULARY, np.random.default_rng(0).standard_normal((7, 6)) * 3)
    autos = [NaiveAutomaton(VOCABULARY, [text]) for text in (b"a", b"b", b"a", b"c")]
    samples = CARS(seed=1).sample(table, autos, [[0], [1], [0], [2]], 3)
    assert [s.tokens[0] for s in samples] == [0, 1, 0, 2]


def test_forgetting_changes_no_law(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    law, _ = conditional(model, auto)
    sampler = CARS(max_nodes=4, seed=1)
    counts = Counter(tuple(s.tokens) for s in sampler.sample(model, auto, [[]] * 1000, 10))
    assert sampler.exclusions(model, auto, [], 10).n_nodes < 30
    assert sum(abs(counts[x] / 1000 - p) for x, p in law.items()) <= l1_bound(len(law), 1000, ALPHA)


def test_a_spent_budget_says_what_to_do():
    words = vocabulary([b"x", b"y"])
    rare = TableModel(words, np.log([[1e-9, 0.5, 0.5]] * 4))
    auto = NaiveAutomaton(words, [b"xxxx", b"y" + b"x" * 7])
    with pytest.raises(
        SamplingError, match=r"None of 3 attempts gave a text.*at most .* Raise max_attempts, or take ASAp"
    ):
        CARS(max_attempts=3, batch=1, seed=0).sample(rare, auto, [[]], 10)


def test_no_probability_anywhere_is_an_error():
    words = vocabulary([b"x", b"y"])
    logits = np.zeros((4, 3))
    logits[:, 0] = -np.inf
    with pytest.raises(SamplingError, match="no probability"):
        CARS().sample(TableModel(words, logits), NaiveAutomaton(words, [b"x"]), [[]], 5)
    never = NaiveAutomaton(words, [b"x", b"yx"], guard=lambda text, ended: not ended)
    with pytest.raises(SamplingError, match="no probability"):
        CARS(seed=0).sample(RandomModel(words), never, [[]], 5)


@pytest.mark.parametrize("options", [{"max_attempts": 0}, {"batch": 0}, {"temperature": 0}, {"seed": -1}])
def test_bad_options_raise(options):
    with pytest.raises(ValueError, match="Expected"):
        CARS(**options)


def test_a_text_may_end_without_an_end_token():
    words = vocabulary([b"x"], n_eos=0)
    (sample,) = CARS().sample(RandomModel(words), NaiveAutomaton(words, [b"xx"]), [[]], 5)
    assert (sample.tokens, sample.finish_reason) == ([0, 0], "stop")
