"""Kernels by their exact matrices; chains by frequencies, 1e-7 each."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from oracles.all_outcomes import outcomes
from oracles.bounds import l1_bound
from oracles.exact_law import ExactLaw, HiddenMarkov
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths

import syntagma as sg
from syntagma.errors import SamplingError
from syntagma.sampling import MCMC, Masking, RandomModel, TableModel
from syntagma.sampling import mcmc as module
from syntagma.sampling.job import Job
from syntagma.sampling.task import RowMemory, answer

ALPHA = 1e-7
VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
TEXTS = [b"a", b"ab", b"abc", b"bb", b"cab", b"c"]
MODEL = RandomModel(VOCABULARY, seed=3, scale=1.5)


def odd(text, ended):
    """Refuses texts that end at an even length, and every prefix "ca"."""
    return not text.startswith(b"ca") and not (ended and len(text) % 2 == 0)


def auto(guard=None):
    return NaiveAutomaton(VOCABULARY, TEXTS, guard=guard)


class Exact:
    """The texts of a language, what masking draws, and the matrices of a kernel; row x, column y."""

    def __init__(self, guard, kernel, temperature, monkeypatch):
        self.sampler = MCMC(kernel=kernel, temperature=temperature)
        self.job = Job(0, auto(guard), (), 10, np.random.default_rng(0))
        self.monkeypatch = monkeypatch
        found = defaultdict(float)
        self.texts = {}
        for p, text in self.grown(None, 0):
            if text is not None:
                self.texts[text.tokens] = text
                found[text.tokens] += p
        self.order = sorted(self.texts)
        self.drawn = np.array([found[x] for x in self.order])
        self.p = np.exp([self.texts[x].logp.sum() for x in self.order])
        self.proposals = np.array([self.row(self.texts[x]) for x in self.order])
        accepted = [
            [np.exp(module.log_acceptance(self.texts[x], self.texts[y], kernel)) for y in self.order]
            for x in self.order
        ]
        self.moves = self.proposals * np.array(accepted)
        self.moves += np.diag(1 - self.moves.sum(1))

    def grown(self, x, cut):
        """All that can come of a text behind a cut."""

        def run(chance):
            self.monkeypatch.setattr(module, "draws", chance.order)
            task = self.sampler._regrown(self.job, x, cut, self.job.rng, module.Chain([]))
            *_, found = answer(MODEL, task, MEMORY)
            return found

        return outcomes(run)

    def row(self, x):
        """The law of the proposal, by enumeration of what the code draws."""
        law = defaultdict(float)
        for cut, p_cut in enumerate(np.exp(x.log_cuts(self.sampler.kernel))):
            if p_cut:
                for p, y in self.grown(x, cut):
                    law[None if y is None else y.tokens] += p_cut * p
        assert sum(law.values()) == pytest.approx(1, rel=1e-12)
        return [law[y] for y in self.order]


MEMORY = RowMemory(1 << 20)
kernels = pytest.mark.parametrize("kernel", ["restart", "prefix", "priority"])


@kernels
@pytest.mark.parametrize(("guard", "temperature"), [(None, 1.0), (None, 2.0), (odd, 1.0)])
def test_detailed_balance(kernel, guard, temperature, monkeypatch):
    exact = Exact(guard, kernel, temperature, monkeypatch)
    law = {key: path.p for key, path in paths(MODEL, auto(guard), 10, temperature).items() if path.ended}
    assert dict(zip(exact.order, exact.p, strict=True)) == pytest.approx(law, rel=1e-12)
    flow = exact.p[:, None] * exact.moves
    assert np.abs(flow - flow.T).max() < 1e-14
    assert np.abs(exact.p @ exact.moves - exact.p).max() < 1e-14
    assert (exact.moves >= -1e-15).all()
    reached = np.linalg.matrix_power(exact.moves, 2000)
    assert np.abs(reached - exact.p / exact.p.sum()).max() < 1e-6  # every text reaches every other


@kernels
def test_proposals_have_the_density_that_the_ratio_takes(kernel, monkeypatch):
    exact = Exact(None, kernel, 1.0, monkeypatch)
    for i, x in enumerate(exact.order):
        for j, y in enumerate(exact.order):
            if i != j:
                density = np.exp(module.log_proposal(exact.texts[x], exact.texts[y], kernel))
                assert density == pytest.approx(exact.proposals[i, j], rel=1e-11, abs=1e-15)


@kernels
def test_every_move_comes_closer(kernel, monkeypatch):
    exact = Exact(None, kernel, 1.0, monkeypatch)
    target, law = exact.p / exact.p.sum(), exact.drawn
    assert law.sum() == pytest.approx(1)
    distances = []
    for _ in range(30):
        distances.append(np.abs(law - target).sum())
        law = law @ exact.moves
    assert distances[0] > 0.3
    assert (np.diff(distances) <= 1e-12).all()
    assert distances[-1] < 0.2 * distances[0]


@kernels
def test_last_text_with_the_first_weight_is_proper(kernel, monkeypatch):
    exact = Exact(None, kernel, 1.0, monkeypatch)
    weight = np.exp([exact.texts[x].logw for x in exact.order])
    assert (exact.drawn * weight) @ np.linalg.matrix_power(exact.moves, 3) == pytest.approx(exact.p, rel=1e-12)


@kernels
def test_chains_have_the_law_of_the_matrix(kernel, monkeypatch):
    with monkeypatch.context() as patch:
        exact = Exact(None, kernel, 1.0, patch)
        law = exact.drawn @ np.linalg.matrix_power(exact.moves, 2)
    sampler = MCMC(moves=2, kernel=kernel, burn_in=0, seed=1)
    samples = sampler.sample(MODEL, auto(), [[]] * 500, 10)
    counts = Counter(tuple(s.tokens) for s in samples)
    assert sum(abs(counts[x] / 500 - p) for x, p in zip(exact.order, law, strict=True)) <= l1_bound(
        len(law), 500, ALPHA
    )
    z = exact.p.sum()
    mean = np.mean([np.exp(s.ledger.logw) for s in samples])
    assert mean == pytest.approx(z, abs=5 * np.std([np.exp(s.ledger.logw) for s in samples]) / 500**0.5)


def test_posterior_and_report():
    (sample,) = MCMC(moves=400, chains=3, burn_in=50, seed=0).sample(MODEL, auto(odd), [[0]], 10)
    assert [len(chain.texts) for chain in sample.chains] == [401] * 3
    assert len(sample.posterior) == 3 * 350
    assert all(chain.n_moves == 400 > chain.accepted + chain.same + chain.refused for chain in sample.chains)
    assert all(0.01 < chain.acceptance < 0.9 for chain in sample.chains)
    prompted = paths(Prompted(), auto(odd), 10)
    z = sum(path.p for path in prompted.values() if path.ended)
    law = defaultdict(float)
    for tokens, path in prompted.items():
        if path.ended:
            law[b"".join(VOCABULARY.token_bytes(t) for t in tokens).decode()] += path.p / z
    assert sample.posterior.by_text() == pytest.approx(law, abs=0.12)
    assert sample.ledger.checks == sum(chain.checks for chain in sample.chains)
    assert MCMC(moves=5, burn_in=4, seed=0).posterior(MODEL, auto(), [], 10).ess == 1


class Prompted:
    """The model behind the prompt [0]."""

    def logp_next(self, prefixes):
        return MODEL.logp_next([sg.sampling.Prefix((0, *p.tokens)) for p in prefixes])


def test_agrees_with_the_dynamic_program():
    """Texts of up to 100 tokens over hundreds of states: the mean length, from a start far off."""
    tokens = [b"a", b"b", b"c", b"d", b",", b"ab", b"cd", b"d,", b"aba"]
    words = sg.Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
    constraint = sg.compile(sg.Regex(r"(([ab]{2,5}|cd){1,4},){1,6}"), words)
    hidden = HiddenMarkov.random(words, 4, seed=1, scale=0.5)
    law = ExactLaw(hidden, constraint, 100)
    rng = np.random.default_rng(0)
    exact = np.array([len(law.draw(rng)) for _ in range(200)])
    masked = np.mean([len(s.tokens) for s in Masking(seed=0).sample(hidden, constraint, [[]] * 20, 100)])
    posterior = MCMC(moves=100, burn_in=40, chains=3, kernel="prefix", seed=1).posterior(hidden, constraint, [], 100)
    mean = posterior.expectation(lambda s: len(s.tokens))
    assert masked > 4 * exact.mean()
    assert abs(mean - exact.mean()) < 1.0


def test_dead_ends_before_the_first_text():
    guarded = NaiveAutomaton(VOCABULARY, [b"a", b"cc"], guard=lambda text, ended: not (ended and text == b"cc"))
    samples = MCMC(moves=3, burn_in=0, seed=0).sample(MODEL, guarded, [[]] * 40, 10)
    assert {tuple(s.tokens) for s in samples} == {(0, 5)}
    assert {s.ledger.weights for s in samples} == {"estimated", "improper"}
    never = NaiveAutomaton(VOCABULARY, [b"cab"], guard=lambda text, ended: not ended)
    with pytest.raises(SamplingError, match="100 dead ends"):
        MCMC(seed=0).sample(MODEL, never, [[]], 10)


def test_the_only_text_stays():
    (sample,) = MCMC(seed=0).sample(MODEL, NaiveAutomaton(VOCABULARY, [b"c"]), [[]], 5)
    assert sample.chains[0].same == 20
    words = vocabulary([b"x"], n_eos=0)
    for texts, tokens in (([b"xx"], [0, 0]), ([b""], [])):
        (sample,) = MCMC(seed=0).sample(TableModel.uniform(words), NaiveAutomaton(words, texts), [[]], 5)
        assert (sample.tokens, sample.finish_reason) == (tokens, "stop")


@pytest.mark.parametrize(
    "options", [{"moves": 0}, {"kernel": "suffix"}, {"chains": 0}, {"burn_in": 20}, {"max_starts": 0}, {"seed": -1}]
)
def test_bad_options_raise(options):
    with pytest.raises(ValueError, match="Expected"):
        MCMC(**options)
