"""Sequential Monte Carlo: what it costs, what it says and what it refuses."""

import math
import pickle

import numpy as np
import pytest
from oracles.letter_texts import CRITIC, TEXTS, VOCABULARY
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths
from oracles.remembered import Remembered

import syntagma as sg
from syntagma.errors import AllParticlesDied, SamplingError
from syntagma.sampling import (
    AWRS,
    SMC,
    Filtered,
    FullMask,
    Masking,
    Predicate,
    TableModel,
    TextPotential,
)


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


def test_what_killed_them_is_said(model):
    """Predicates, critics and the guards of an automaton, what killed most first."""
    auto = NaiveAutomaton(VOCABULARY, TEXTS)

    def never(text):
        return False

    (sample,) = SMC(4, seed=0).sample(model, Filtered(auto, [Predicate(never)]), [[]], 10)
    assert sample.dead.refused_by == (("where", never.__qualname__),)
    assert "never` (where)" in str(sample.dead)
    (sample,) = SMC(4, critic=TextPotential(lambda text: -np.inf), seed=0).sample(model, auto, [[]], 10)
    assert sample.dead.refused_by == (("critic", "TextPotential"),)
    assert "refused by `TextPotential` (critic). Take more particles" in str(sample.dead)
    (sample,) = AWRS(seed=0).sample(model, Filtered(auto, [Predicate(never)]), [[]], 10)
    assert "never`." in str(sample.dead)
    assert pickle.loads(pickle.dumps(sample.dead)).refused_by == sample.dead.refused_by


def test_guards_that_killed_are_said():
    words = sg.Vocabulary.from_tokens([bytes([b]) for b in b"[]0123456789,"], eos_ids=[13])
    schema = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 2}}
    schema |= {"minItems": 3, "maxItems": 3, "uniqueItems": True}
    (sample,) = SMC(4, seed=0).sample(TableModel.uniform(words), sg.compile(sg.JsonSchema(schema), words), [[]], 10)
    assert sample.dead.refused_by == (("#", "uniqueItems"),)


def test_reprs_are_short(model, auto):
    (sample,) = SMC(64, seed=0).sample(model, auto, [[]], 10)
    assert repr(sample.report).startswith("Report(n=64, ")
    assert repr(sample.posterior).startswith("Posterior(64 samples, kind='exact', log_evidence=")
    assert max(len(repr(thing)) for thing in (sample.report, sample.posterior, sample.ledger)) < 120


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
    found = paths(model, auto, 10)
    assert tuple(sample.tokens) == max(found, key=lambda tokens: found[tokens].p)
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
