"""Proposals: weights stay proper whatever is proposed, by enumeration of every outcome in exact fractions.

Statistical tests have at most 1e-6 false alarms for the file.
"""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from oracles.bounds import bernstein
from oracles.enumerated_chance import outcomes
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths
from oracles.remembered import Remembered

from syntagma.errors import BackendMismatch
from syntagma.sampling import AWRS, SMC, Draw, FullMask, Prefix, Proposed, RandomModel, TableModel, TextPotential
from syntagma.sampling import awrs as awrs_module
from syntagma.sampling.laws import check_step
from syntagma.sampling.lift import OverTokens
from syntagma.sampling.step import Spot, drawers

ALPHA = 1e-8
VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
TEXTS = [b"a", b"b", b"c", b"ab", b"abc", b"bba", b"cab"]
MODEL = Remembered(RandomModel(VOCABULARY, seed=3, scale=1.5))
OTHER = Remembered(RandomModel(VOCABULARY, seed=4, scale=2.0))
#: Says that nothing comes of a text with two b's, which is wrong.
WRONG = TextPotential(
    lambda text: -float(len(text)), prefix=lambda text: 2.0 * text.count("a") - 1e3 * (text.count("b") > 1)
)
STEPS = [AWRS(), AWRS(max_rejects=2), AWRS(estimator="paper"), AWRS(estimator="paper", max_rejects=2), FullMask()]


def odd(text, ended):
    """Refuses texts that end at an even length, and every prefix "ca"."""
    return not text.startswith(b"ca") and not (ended and len(text) % 2 == 0)


def table(weights):
    """A model of one law, given by whole numbers."""
    return TableModel(VOCABULARY, np.log([weights] * (len(weights) + 1)))


# ---- by enumeration


P, Q = [3, 1, 4, 2, 5, 1], [1, 6, 2, 2, 1, 4]


@pytest.mark.parametrize("step", STEPS, ids=repr)
@pytest.mark.parametrize("mix", [Fraction(1, 4), Fraction(1)])
def test_properly_weighted_by_enumeration(step, mix, monkeypatch):
    """E[w 1{x = v}] = p(v) 1[v may follow], for tokens drawn from (1 - mix) q + mix p."""
    monkeypatch.setattr(awrs_module, "Random", lambda chance: chance)
    monkeypatch.setattr("syntagma.sampling.full_mask.Random", lambda chance: chance)
    auto = NaiveAutomaton(VOCABULARY, TEXTS, guard=lambda text, ended: not text.startswith(b"b"))
    p, q = ([Fraction(w, sum(weights)) for w in weights] for weights in (P, Q))
    law = [(1 - mix) * b + mix * a for a, b in zip(p, q, strict=True)]
    base = table(P).logp[-1]
    (drawer,) = drawers(Proposed(table(Q), step, mix=float(mix)), [Spot(auto, Prefix(), 0, base)])
    ids = auto.allowed(auto.start)
    total, mean = Fraction(0), np.zeros(6)
    passing = [v for v in ids if auto.check(auto.start, v)]
    known = passing if isinstance(step, FullMask) else ids
    assert passing != list(ids)
    weights = [law[v] if v in known else Fraction(0) for v in ids]
    for probability, drawn in outcomes(weights, lambda chance: drawer.draw(base, auto, auto.start, 10, chance)):
        total += probability
        if isinstance(drawn, Draw):
            mean[drawn.token] += float(probability) * np.exp(drawn.logw)
    assert total == 1
    assert mean == pytest.approx([float(p[v]) if v in passing else 0.0 for v in range(6)], rel=1e-12)


def test_an_uncorrected_proposal_would_be_noticed(monkeypatch):
    from syntagma.sampling import proposal

    monkeypatch.setattr(proposal._Drawer, "draw", lambda self, base, *rest: self.step.draw(self.logq, *rest))
    with pytest.raises(AssertionError):
        test_properly_weighted_by_enumeration(AWRS(), Fraction(1, 4), monkeypatch)


# ---- what is proposed


def proposed(step, auto, tokens=(), prompt=()):
    """The law that tokens are drawn from."""
    prefix = Prefix([*prompt, *tokens])
    base = MODEL.logp_next([prefix])[0]
    (drawer,) = drawers(step, [Spot(auto, prefix, len(prompt), base)])
    return np.exp(drawer.logq), np.exp(base)


@pytest.mark.parametrize("tokens", [(), (0,), (0, 1)])
def test_a_model_proposes_its_law(tokens):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    for prompt in ((), (2, 2)):
        q, p = proposed(Proposed(OTHER, mix=0.2), auto, tokens, prompt)
        assert q == pytest.approx(0.8 * np.exp(OTHER.logp_next([Prefix([*prompt, *tokens])])[0]) + 0.2 * p)


@pytest.mark.parametrize("lift", [lambda potential: potential, lambda potential: OverTokens(potential, VOCABULARY)])
def test_a_potential_twists_the_most_probable(lift):
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    potential = TextPotential(lambda text: 1.0, prefix=lambda text: 0.5 * len(text))
    q, p = proposed(Proposed(lift(potential), mix=0.5, top=3), auto, (0,), (2,))
    asked = np.argsort(-p)[:3]
    others = [v for v in range(6) if v not in asked]
    gain = [0.5 if v in auto.end_ids else 0.5 * len(VOCABULARY.token_bytes(v)) for v in range(6)]
    twisted = p * np.exp(gain)
    twisted *= p[asked].sum() / twisted[asked].sum()
    assert q[asked] == pytest.approx(0.5 * (twisted + p)[asked])
    assert q[others] == pytest.approx(p[others])
    assert q.sum() == pytest.approx(1)


def test_a_potential_that_says_no_to_everything_proposes_nothing():
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    for potential in (
        TextPotential(lambda text: -np.inf, prefix=lambda text: -np.inf if text else 0.0),
        TextPotential(prefix=lambda text: -np.inf),
    ):
        q, p = proposed(Proposed(potential), auto)
        assert q == pytest.approx(p)


def test_another_vocabulary_is_refused():
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    other = RandomModel(vocabulary([b"a", b"b", b"c", b"ab", b"xx"]))
    with pytest.raises(BackendMismatch, match="vocabulary"):
        Proposed(other).sample(MODEL, auto, [[]], 5)


class Keeping:
    """A model that keeps of a prefix how often it was called for it, and tells whether it was given its own."""

    context = None

    def __init__(self, model):
        self.vocabulary, self.model, self.afresh = VOCABULARY, model, 0

    def logp_next(self, prefixes):
        for p in prefixes:
            owner, n = p.cache or (self, 0)
            assert owner is self, "a prefix of another model"
            assert n in (0, len(p) - 1), "what was kept is of another text"
            self.afresh += not n and len(p) > 1
            p.cache = (self, len(p))
        return self.model.logp_next([Prefix(p.tokens) for p in prefixes])


@pytest.mark.parametrize("driver", [lambda step: step, lambda step: SMC(8, step=step, ess_threshold=1)])
def test_models_keep_their_own(driver):
    """Each goes on from what it kept itself, and reads nothing twice."""
    target, proposal = Keeping(MODEL), Keeping(OTHER)
    driver(Proposed(proposal)).sample(target, NaiveAutomaton(VOCABULARY, TEXTS), [[], [0]], 10, seed=1)
    assert target.afresh == proposal.afresh == 0


# ---- on average


@pytest.mark.parametrize("proposal", [OTHER, WRONG], ids=["model", "potential"])
@pytest.mark.parametrize("smc", [None, {}, {"power": 1.5}, {"moves": 1, "ess_threshold": 1}], ids=str)
def test_weights_are_right_on_average(proposal, smc):
    """Alone and under SMC, with guards: the mean weight of every text is its mass."""
    auto, n = NaiveAutomaton(VOCABULARY, TEXTS, guard=odd), 300
    step = Proposed(proposal, AWRS(temperature=0.8), mix=0.2, top=4)
    power = (smc or {}).get("power", 1.0)
    truth = {k: path.p**power for k, path in paths(MODEL, auto, 10, 0.8).items() if path.ended}
    if smc is None:
        runs = [[s] for s in step.sample(MODEL, auto, [[]] * n, 10, seed=1)]
        drawn = [[(tuple(s.tokens), s.ledger.logw if s.finish_reason else -np.inf) for s in run] for run in runs]
    else:
        runs = SMC(4, step=step, **smc).sample(MODEL, auto, [[]] * n, 10, seed=2)
        drawn = [[(s.tokens, s.log_weight) for s in run.posterior] for run in runs]
    evidence = [np.mean(np.exp([logw for _, logw in one])) for one in drawn]
    assert abs(np.mean(evidence) - sum(truth.values())) <= bernstein(evidence, ALPHA)
    for key, mass in truth.items():
        means = [np.mean([np.exp(logw) * (tokens == key) for tokens, logw in one]) for one in drawn]
        assert abs(np.mean(means) - mass) <= bernstein(means, ALPHA / 10, max(evidence))


@pytest.mark.parametrize("step", [AWRS(), FullMask(), AWRS(estimator="paper")], ids=repr)
def test_steps_obey_the_law_for_third_parties(step):
    auto = NaiveAutomaton(VOCABULARY, TEXTS, guard=odd)
    check_step(Proposed(OTHER, step, mix=0.25), auto, MODEL, most=np.log(4))
    with pytest.raises(AssertionError, match="above 1"):
        check_step(Proposed(OTHER, step, mix=0.25), auto, MODEL)


def test_the_conditional_as_proposal_makes_weights_even():
    """A potential that knows the future mass: SMC's weights differ by the step's noise alone."""
    letters = vocabulary([b"a", b"b", b"c"])
    model = Remembered(RandomModel(letters, seed=2, scale=1.5))
    auto = NaiveAutomaton(letters, [b"a", b"ab", b"abc", b"bb", b"cab", b"c"])
    mass = {b"".join(letters.token_bytes(t) for t in k).decode(): p.p for k, p in paths(model, auto, 10).items()}

    def future(text):
        prefix = ["abc".index(c) for c in text]
        so_far = np.prod([np.exp(model.logp_next([Prefix(prefix[:i])])[0][t]) for i, t in enumerate(prefix)])
        ahead = sum(p for k, p in mass.items() if k.startswith(text)) / so_far
        return float(np.log(ahead)) if ahead else -np.inf

    step = Proposed(TextPotential(prefix=future), FullMask(), mix=1e-9, top=10)
    plain, guided = (
        [s.ledger.logw for s in sampler.sample(model, auto, [[]] * 30, 10, seed=0)] for sampler in (FullMask(), step)
    )
    assert guided == pytest.approx([np.log(sum(mass.values()))] * 30, abs=1e-6)
    assert np.std(plain) > 0.1


def test_pickled_copies_begin_anew():
    auto, step = NaiveAutomaton(VOCABULARY, TEXTS), Proposed(RandomModel(VOCABULARY, seed=4))
    texts = step.sample(MODEL, auto, [[]] * 5, 10, seed=1)
    again = pickle.loads(pickle.dumps(step)).sample(MODEL, auto, [[]] * 5, 10, seed=1)
    assert [s.tokens for s in again] == [s.tokens for s in texts]


@pytest.mark.parametrize("options", [{"mix": 0}, {"mix": 1.5}, {"top": 0}, {"seed": -1}])
def test_refuses_odd_options(options):
    with pytest.raises(ValueError, match="Expected"):
        Proposed(OTHER, **options)
