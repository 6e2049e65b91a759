"""Sequential Monte Carlo: the mean weight is Z exactly, for every way of resampling; what it reports; what it costs.

Small instances are enumerated: every outcome of every draw and of every resampling. Statistical tests use an empirical
Bernstein bound (`bernstein`), with at most 1e-6 false alarms for the file.
"""

import math

import numpy as np
import pytest
from oracles.enumerated_chance import breaks, runs
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths

from syntagma.errors import AllParticlesDied, SamplingError
from syntagma.sampling import (
    AWRS,
    SMC,
    Draw,
    FullMask,
    Masking,
    Posterior,
    Prefix,
    RandomModel,
    TableModel,
    TextPotential,
    rejuvenation,
)
from syntagma.sampling import cloud as cloud_module
from syntagma.sampling.chain import Task
from syntagma.sampling.cloud import Cloud, pump
from syntagma.sampling.resampling import SCHEMES

ALPHA = 1e-8
VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
TEXTS = [b"a", b"ab", b"abc", b"bb", b"cab", b"c"]


class Remembered:
    """A model that remembers its rows, and counts those it was asked for."""

    context = None

    def __init__(self, model):
        self.vocabulary = model.vocabulary
        self.model = model
        self.rows = {}
        self.asked = 0

    def logp_next(self, prefixes):
        self.asked += len(prefixes)
        for p in prefixes:
            if p.tokens not in self.rows:
                self.rows[p.tokens] = self.model.logp_next([p])[0]
        return np.stack([self.rows[p.tokens] for p in prefixes])


@pytest.fixture(scope="module")
def model():
    return Remembered(RandomModel(VOCABULARY, seed=3, scale=1.5))


@pytest.fixture
def auto():
    return NaiveAutomaton(VOCABULARY, TEXTS)


def text_of(tokens):
    return b"".join(VOCABULARY.token_bytes(t) for t in tokens).decode()


def reward(text):
    return 0.7 * text.count("b") - 0.2 * text.count("c")


#: The prefix's word is far from the future's mass, and not even monotone: it may steer badly, not wrongly.
CRITIC = TextPotential(reward, prefix=lambda text: 0.9 * len(text) - 1.1 * text.count("b"))


def target(model, auto, critic=None, power=1.0):
    """The mass of every token sequence under p^power r."""
    found = paths(model, auto, 10)
    return {k: path.p**power * math.exp(reward(text_of(k)) if critic else 0) for k, path in found.items()}


# ---- by enumeration


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
        cloud = Cloud(smc, Task(auto, [], 5), rng)
        for _ in pump(model, [cloud.run()]):
            pass
        return cloud.sample()

    return list(runs(run))


@pytest.mark.parametrize("critic", [None, CRITIC], ids=["plain", "critic"])
@pytest.mark.parametrize("threshold", [0, 0.5, 1])
@pytest.mark.parametrize(("n", "scheme"), [(1, "residual"), *((2, s) for s in SCHEMES), (3, "systematic")])
def test_mean_weight_is_z_by_enumeration(monkeypatch, model, n, scheme, threshold, critic):
    """Texts a, ab, b: one particle may have ended while another goes on."""
    tokens = vocabulary([b"a", b"b"])
    small = Remembered(RandomModel(tokens, seed=1, scale=1.0))
    auto = NaiveAutomaton(tokens, [b"a", b"ab", b"b"])
    smc = SMC(n, step=Enumerated(), resampling=scheme, ess_threshold=threshold, critic=critic)
    outcomes = enumerated(monkeypatch, small, auto, smc)
    found = paths(small, auto, 5)
    word = {(0, 2): "a", (0, 1, 2): "ab", (1, 2): "b"}
    truth = {word[k]: p.p * math.exp(reward(word[k]) if critic else 0) for k, p in found.items()}
    assert sum(p for p, _ in outcomes) == pytest.approx(1)
    mean = dict.fromkeys(truth, 0.0)
    for p, sample in outcomes:
        for one in sample.posterior:
            mean[one.text] += p * math.exp(one.log_weight) / n
    assert mean == pytest.approx(truth, rel=1e-9)


def test_dead_particles_count_in_the_mean(monkeypatch):
    """The guard refuses every text that begins with b; half of the runs lose a particle before any resampling."""
    tokens = vocabulary([b"a", b"b"])
    small = Remembered(RandomModel(tokens, seed=1, scale=1.0))
    auto = NaiveAutomaton(tokens, [b"a", b"ab", b"b"], guard=lambda text, ended: not (ended and text == b"b"))
    outcomes = enumerated(monkeypatch, small, auto, SMC(2, step=Enumerated(), ess_threshold=0.5))
    assert any(sample.dead is not None for _, sample in outcomes)
    z = sum(path.p for path in paths(small, auto, 5).values() if path.ended)
    assert sum(p * math.exp(s.posterior.log_evidence) for p, s in outcomes) == pytest.approx(z, rel=1e-9)


def test_wrong_weights_after_resampling_would_be_noticed(monkeypatch, model):
    """Weights set to 1 / n instead of their mean: the enumeration tells."""
    tokens = vocabulary([b"a", b"b"])
    small = Remembered(RandomModel(tokens, seed=1, scale=1.0))
    auto = NaiveAutomaton(tokens, [b"a", b"ab", b"b"])
    monkeypatch.setattr(cloud_module, "logsumexp", lambda logw: 0.0)
    outcomes = enumerated(monkeypatch, small, auto, SMC(2, step=Enumerated(), ess_threshold=1, critic=CRITIC))
    z = sum(path.p for path in paths(small, auto, 5).values())
    assert sum(p * math.exp(s.posterior.log_evidence) for p, s in outcomes) != pytest.approx(z, rel=1e-3)


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
        cloud = Cloud(smc, Task(auto, [], 5), with_rng)
        if particle is not None:
            cloud.particles, cloud.depth = [particle], particle.place.depth
        return cloud

    def grow(with_rng):
        cloud = cloud_with(None, with_rng)
        for _ in range(2):
            for _ in pump(small, [cloud._round()]):
                pass
        return cloud.particles[0]

    def move(particle):
        def run(with_rng):
            nonlocal rng
            rng = with_rng
            cloud = cloud_with(particle, with_rng)
            for _ in pump(small, [rejuvenation.move(cloud)]):
                pass
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


# ---- on average


def bernstein(values, alpha=ALPHA, top=None):
    """What the mean of draws in [0, top] misses by, but for a probability of alpha (Maurer and Pontil 2009)."""
    n, log = len(values), math.log(2 / alpha)
    return math.sqrt(2 * np.var(values, ddof=1) * log / n) + 7 * (top or max(values)) * log / (3 * (n - 1))


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
    assert abs(np.mean(evidence) - z) <= bernstein(evidence)
    assert bernstein(evidence) < 2 * z
    for key, mass in truth.items():
        means = [sum(math.exp(s.log_weight) * (s.tokens == key) for s in p) / len(p) for p in drawn]
        assert abs(np.mean(means) - mass) <= bernstein(means, ALPHA / 100, max(evidence))


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


# ---- what it costs and says


def test_equal_prefixes_share_a_row(model, auto):
    counted = Remembered(model)
    (sample,) = SMC(32, seed=0).sample(counted, auto, [[]], 10)
    report = sample.report
    assert report.rows_asked > report.rows_computed == counted.asked
    assert report.rows_asked >= 32


def test_prompts_share_calls_and_do_not_see_each_other(model, auto):
    smc = SMC(4, seed=5, critic=CRITIC)
    both = smc.sample(model, auto, [[0], [1]], 10)
    (alone,) = smc.sample(model, auto, [[0]], 10)
    assert both[0].tokens == alone.tokens
    assert both[0].posterior.log_weights.tolist() == alone.posterior.log_weights.tolist()


def test_same_seed_same_run(model, auto):
    smc = SMC(4, moves=1, ess_threshold=1, critic=CRITIC)
    one, two = (smc.sample(model, auto, [[]], 10, seed=2)[0] for _ in range(2))
    assert list(one.ledger) == list(two.ledger)
    assert one.posterior.log_weights.tolist() == two.posterior.log_weights.tolist()


def test_sample_and_evidence_are_properly_weighted(model, auto):
    """The text drawn, weighted by the estimate of Z, as `Posterior.of` of several runs takes it."""
    truth = target(model, auto, CRITIC)
    samples = SMC(4, critic=CRITIC).sample(model, auto, [[]] * 200, 10, seed=11)
    joined = Posterior.of(samples)
    assert joined.log_weights == pytest.approx([s.posterior.log_evidence for s in samples])
    for key, mass in truth.items():
        means = [math.exp(s.ledger.logw) * (tuple(s.tokens) == key) for s in samples]
        assert abs(np.mean(means) - mass) <= bernstein(means, ALPHA / 10, math.exp(joined.log_weights.max()))


def test_budget_is_part_of_the_language(model):
    """At most two tokens: the target is that of the texts which fit, and none is cut."""
    auto = NaiveAutomaton(VOCABULARY, [b"a", b"ab", b"abc", b"abcc", b"bbcc"])
    for sample in SMC(8, seed=1).sample(model, auto, [[]] * 20, 2):
        assert sample.finish_reason == "stop"
        assert all(s.finish_reason == "stop" and len(s.tokens) <= 3 for s in sample.posterior)
    with pytest.raises(SamplingError, match="No text of the constraint fits"):
        SMC(8).sample(model, NaiveAutomaton(VOCABULARY, [b"abcc"]), [[]], 2)


def test_all_dead_is_said(model):
    auto = NaiveAutomaton(VOCABULARY, [b"cab"], guard=lambda text, ended: not ended)
    (sample,) = SMC(4, seed=0).sample(model, auto, [[]], 10)
    assert isinstance(sample.dead, AllParticlesDied)
    assert sample.finish_reason is None
    assert sample.posterior.log_evidence == -np.inf
    assert "All particles died at step" in str(sample.dead)


def test_kl_says_what_masking_distorts(model, auto):
    """Against the exact KL(target || masking)."""
    found = paths(model, auto, 10)
    z = sum(p.p for p in found.values())
    exact = sum(p.p / z * math.log(p.p / z / p.drawn) for p in found.values())
    (sample,) = SMC(2000, step=FullMask(), ess_threshold=0, seed=1).sample(model, auto, [[]], 10)
    assert sample.report.kl == pytest.approx(exact, abs=0.1)


def test_report_and_plot(model, auto, tmp_path):
    pytest.importorskip("matplotlib")
    seen = []
    smc = SMC(
        6, critic=CRITIC, ess_threshold=1, moves=1, seed=4, progress=lambda report: seen.append(len(report.rounds))
    )
    (sample,) = smc.sample(model, auto, [[]], 10)
    report = sample.report
    assert seen == list(range(1, len(report.rounds) + 1))
    assert ((report.ess > 0) & (report.ess <= 6 + 1e-9)).all()
    assert report.log_evidence[-1] == pytest.approx(sample.posterior.log_evidence)
    assert report.lineages().shape == (len(report.rounds), 6)
    assert 0 <= report.moves_accepted <= report.moves > 0
    for name in ("run.png", "run.svg"):
        report.plot(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000


def test_pick_the_most_probable(model, auto):
    (sample,) = SMC(200, pick="map", seed=0).sample(model, auto, [[]], 10)
    truth = target(model, auto)
    assert tuple(sample.tokens) == max(truth, key=truth.__getitem__)
    assert sample.ledger.weights == "improper"


def test_a_vocabulary_without_an_end(model):
    tokens = vocabulary([b"a", b"b"], n_eos=0)
    uniform = TableModel.uniform(tokens)
    (sample,) = SMC(4, step=FullMask(), seed=0).sample(uniform, NaiveAutomaton(tokens, [b"ab", b"ba"]), [[]], 5)
    assert sample.finish_reason == "stop"
    assert math.exp(sample.posterior.log_evidence) == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n to be"),
        ({"block": 0}, "block"),
        ({"resampling": "best"}, "resampling"),
        ({"ess_threshold": 2}, "ess_threshold"),
        ({"power": 0}, "power"),
        ({"pick": "any"}, "pick"),
        ({"lookahead": 2}, "critic"),
        ({"expand": 2, "moves": 1}, "moves"),
        ({"step": Masking(greedy=True)}, "proper weights"),
    ],
)
def test_refuses_odd_options(options, message):
    with pytest.raises(ValueError, match=message):
        SMC(**options)
