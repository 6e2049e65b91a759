"""ASAp against its laws, by enumeration; frequencies by bounds that hold for every n, 1e-7 each."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.all_outcomes import outcomes
from oracles.bounds import l1_bound
from oracles.exact_law import ExactLaw, HiddenMarkov
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths

import syntagma as sg
from syntagma.errors import SamplingError
from syntagma.sampling import ASAp, Masking, RandomModel
from syntagma.sampling import asap as module

ALPHA = 1e-7
VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
TEXTS = [b"a", b"ab", b"abc", b"bb", b"cab", b"c"]
FEW = [b"a", b"ab", b"cb"]


class Remembered:
    """A model that remembers its rows and counts what it is asked."""

    context = None

    def __init__(self, model):
        self.vocabulary, self.model, self.rows, self.asked = model.vocabulary, model, {}, 0

    def logp_next(self, prefixes):
        self.asked += len(prefixes)
        for p in prefixes:
            if p.tokens not in self.rows:
                self.rows[p.tokens] = self.model.logp_next([p])[0]
        return np.stack([self.rows[p.tokens] for p in prefixes])


def odd(text, ended):
    """Refuses texts that end at an even length, and every prefix "ca"."""
    return not text.startswith(b"ca") and not (ended and len(text) % 2 == 0)


@pytest.fixture(scope="module")
def model():
    return Remembered(RandomModel(VOCABULARY, seed=3, scale=1.5))


def future_mass(model, auto, max_tokens=10):
    """c(h) of every prefix h of the language, from enumeration."""
    mass = defaultdict(float)
    for tokens, path in paths(model, auto, max_tokens).items():
        if path.ended:
            rows = [model.logp_next([sg.sampling.Prefix(tokens[:i])])[0] for i in range(len(tokens))]
            after = np.cumsum([row[t] for row, t in zip(rows, tokens, strict=True)])
            for i in range(len(tokens)):
                mass[tokens[:i]] += path.p / np.exp(after[i - 1] if i else 0.0)
    return mass


def nodes(future):
    """Every prefix of the table with its bound."""
    stack = [((), future.root)]
    while stack:
        tokens, node = stack.pop()
        yield tokens, np.exp(node.log_theta)
        stack += [((*tokens, t), child) for t, child in node.children.items()]


# ---- weights, by enumeration


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("guard", [None, odd])
def test_every_sample_is_properly_weighted(model, guard, together, monkeypatch):
    """Two samples of one table, over all that chance can do: E[w 1{x = y}] = p(y) for both, and for every text y.

    One after the other, or side by side, where one may end and be learned from while the other still grows.
    """
    auto = NaiveAutomaton(VOCABULARY, FEW, guard=guard)
    found = [defaultdict(float), defaultdict(float)]
    total = 0.0

    def run(chance):
        monkeypatch.setattr(module, "draws", chance.order)
        sampler = ASAp()
        if together:
            return sampler.sample(model, auto, [[], []], 10)
        return [sampler.sample(model, auto, [[]], 10)[0] for _ in range(2)]

    for p, samples in outcomes(run):
        total += p
        for sums, sample in zip(found, samples, strict=True):
            if sample.finish_reason == "stop":
                sums[tuple(sample.tokens)] += p * np.exp(sample.ledger.logw)
    wanted = {key: path.p for key, path in paths(model, auto, 10).items() if path.ended}
    assert total == pytest.approx(1, rel=1e-12)
    for sums in found:
        assert sums == pytest.approx(wanted, rel=1e-11)


def test_first_weight_is_that_of_masking(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    for seed in range(20):
        (first,) = ASAp().sample(model, auto, [[]], 10, seed=seed)
        (masked,) = Masking().sample(model, auto, [[]], 10, seed=seed)
        assert first.ledger.steps == masked.ledger.steps
        assert first.ledger.logw == pytest.approx(masked.ledger.logw, abs=1e-12)
        assert first.ledger.weights == "estimated"


def test_first_sample_is_that_of_masking_with_guards(model):
    auto = NaiveAutomaton(VOCABULARY, [b"a", b"b", b"c", b"ab", b"abc", b"bba", b"cab"], guard=odd)
    for seed in range(20):
        (first,) = ASAp().sample(model, auto, [[]], 10, seed=seed)
        (masked,) = Masking().sample(model, auto, [[]], 10, seed=seed)
        assert first.ledger.steps == masked.ledger.steps


# ---- the table


@settings(max_examples=25, deadline=None)
@given(st.sets(st.text("abc", max_size=4).map(str.encode), min_size=1, max_size=8), st.integers(0, 5), st.booleans())
def test_bounds_lie_above_and_never_rise(texts, seed, guarded):
    table = Remembered(RandomModel(VOCABULARY, seed=seed, scale=2.0))
    auto = NaiveAutomaton(VOCABULARY, texts, guard=odd if guarded else None)
    mass = future_mass(table, auto)
    sampler = ASAp()
    before = {}
    for i in range(12):
        sampler.sample(table, auto, [[]], 10, seed=i)
        bounds = dict(nodes(sampler.future(table, auto, [], 10)))
        for tokens, theta in bounds.items():
            assert theta >= mass[tokens] - 1e-12
            assert theta <= before.get(tokens, 1.0)
        before = bounds


def test_bounds_become_exact_where_everything_was_visited(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    mass, sampler = future_mass(model, auto), ASAp(seed=0)
    for i in range(400):
        sampler.sample(model, auto, [[]], 10, seed=i)
    visited = dict(nodes(sampler.future(model, auto, [], 10)))
    assert visited.keys() >= mass.keys()
    assert all(visited[tokens] == pytest.approx(c, rel=1e-12) for tokens, c in mass.items())


def test_dead_ends_are_learned(model):
    """The mask lets "cc" begin, the guard lets nothing come of it: it is met once."""
    auto = NaiveAutomaton(VOCABULARY, [b"a", b"cc"], guard=lambda text, ended: not (ended and text == b"cc"))
    sampler = ASAp()
    dead = [s for i in range(60) for s in sampler.sample(model, auto, [[]], 10, seed=i) if s.dead]
    assert len(dead) == 1
    assert "No token may follow 'cc'" in str(dead[0].dead)
    assert sampler.future(model, auto, [], 10).log_theta([2]) == -np.inf
    mass = sum(path.p for path in paths(model, auto, 10).values() if path.ended)
    assert np.exp(sampler.future(model, auto, [], 10).root.log_theta) == pytest.approx(mass)


def test_memory_is_bounded(model):
    auto = NaiveAutomaton(
        VOCABULARY, [bytes(x) for x in np.random.default_rng(0).choice([97, 98, 99], (40, 6)).tolist()]
    )
    mass, sampler = future_mass(model, auto), ASAp(max_nodes=40)
    before = 1.0
    for i in range(200):
        sampler.sample(model, auto, [[]], 10, seed=i)
        future = sampler.future(model, auto, [], 10)
        bounds = dict(nodes(future))
        assert future.n_nodes == len(bounds) <= 40 + 30
        assert all(theta >= mass[tokens] - 1e-12 for tokens, theta in bounds.items())
        assert bounds[()] <= before
        before = bounds[()]


def test_tables_belong_to_prompts_models_constraints_and_budgets(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    sampler = ASAp(seed=0)
    sampler.sample(model, auto, [[0], [1]], [10, 9])
    assert sampler.future(model, auto, [0], 10).n_samples == 1
    assert sampler.future(model, auto, [1], 9).n_samples == 1
    assert sampler.future(model, auto, [1], 10).n_samples == 0
    assert sampler.future(model, NaiveAutomaton(VOCABULARY, TEXTS), [0], 10).n_samples == 0


def test_tables_not_used_are_dropped(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    sampler = ASAp(seed=0, max_nodes=30)
    for prompt in range(5):
        for seed in range(30):
            sampler.sample(model, auto, [[prompt]], 10, seed=seed)
    assert sampler.future(model, auto, [4], 10).n_samples == 30
    assert sampler.future(model, auto, [0], 10).n_samples == 0


# ---- laws, in the long run


def test_samples_tend_to_the_conditional(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    found = paths(model, auto, 10)
    z = sum(path.p for path in found.values())
    law = {key: path.p / z for key, path in found.items()}
    sampler = ASAp()
    sampler.sample(model, auto, [[]] * 300, 10, seed=0)
    samples = sampler.sample(model, auto, [[]] * 2000, 10, seed=1)
    counts = Counter(tuple(s.tokens) for s in samples)
    distance = sum(abs(counts[key] / 2000 - p) for key, p in law.items())
    assert distance <= l1_bound(len(law), 2000, ALPHA)
    first = Counter(tuple(s.tokens) for s in Masking().sample(model, auto, [[]] * 2000, 10, seed=1))
    assert sum(abs(first[key] / 2000 - p) for key, p in law.items()) > l1_bound(len(law), 2000, ALPHA)


def test_posterior_of_weighted_samples(model):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    found = paths(model, auto, 10)
    z = sum(path.p for path in found.values())
    law = defaultdict(float)
    for tokens, path in found.items():
        law[b"".join(VOCABULARY.token_bytes(t) for t in tokens).decode()] += path.p / z
    posterior = ASAp(seed=4).posterior(model, auto, [], 2000, 10)
    assert posterior.log_evidence == pytest.approx(np.log(z), abs=0.05)
    assert posterior.by_text() == pytest.approx(law, abs=0.05)


def test_evidence_at_realistic_size():
    """Hundreds of states, texts of up to 100 tokens: the mean weight finds the evidence, the bound stays above it."""
    tokens = [b"a", b"b", b"c", b"d", b",", b"ab", b"cd", b"d,", b"aba"]
    words = sg.Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
    auto = sg.compile(sg.Regex(r"(([ab]{2,5}|cd){1,4},){1,6}"), words)
    hidden = HiddenMarkov.random(words, 4, seed=1, scale=0.5)
    law = ExactLaw(hidden, auto, 100)
    assert len(law.delta) > 180
    sampler = ASAp()
    posterior = sampler.posterior(hidden, auto, [], 150, 100, seed=5)
    assert abs(posterior.log_evidence - np.log(law.z)) < 4 * posterior.log_evidence_se < 1.5
    future = sampler.future(hidden, auto, [], 100)
    assert np.log(law.z) <= future.root.log_theta < -1
    for sample in posterior[:20]:
        for i in range(len(sample.tokens)):
            assert future.log_theta(sample.tokens[:i]) >= np.log(law.future(sample.tokens[:i])) - 1e-9


# ---- work and errors


def test_rows_met_again_cost_no_call(model):
    auto, counting = NaiveAutomaton(VOCABULARY, TEXTS), Remembered(model)
    sampler = ASAp(seed=1)
    sampler.sample(counting, auto, [[]] * 200, 10)
    assert counting.asked == len(counting.rows)
    plain = ASAp(seed=1, row_bytes=0)
    plain.sample(counting, auto, [[]], 10)
    assert counting.asked > len(counting.rows)


def test_errors(model):
    with pytest.raises(ValueError, match="temperature"):
        ASAp(temperature=0)
    with pytest.raises(ValueError, match="max_nodes"):
        ASAp(max_nodes=0)
    with pytest.raises(SamplingError, match="shortest"):
        ASAp().sample(model, NaiveAutomaton(VOCABULARY, [b"cccc"]), [[]], 2)


def test_a_text_may_end_without_an_end_token():
    tokens = vocabulary([b"x"], n_eos=0)
    (sample,) = ASAp().sample(RandomModel(tokens), NaiveAutomaton(tokens, [b"xx"]), [[]], 5)
    assert (sample.tokens, sample.finish_reason) == ([0, 0], "stop")
