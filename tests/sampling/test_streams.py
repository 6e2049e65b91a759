"""What samplers show before the end: `Sample.prospects`, with one of which the finished text begins."""

import numpy as np
import pytest
from oracles.bounds import mean_bound
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths
from oracles.remembered import Remembered

from syntagma.sampling import CARS, MCMC, SMC, ASAp, Beam, BestFirst, Masking, RandomModel, TextPotential

VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
TEXTS = [b"aab", b"aabc", b"aaabbc", b"aaabca", b"aaba"]
MODEL = Remembered(RandomModel(VOCABULARY, seed=3, scale=1.5))
CRITIC = TextPotential(lambda text: 0.7 * text.count("b"), prefix=lambda text: 0.9 * len(text))

GROWING = {
    "smc": SMC(4),
    "critic": SMC(4, critic=CRITIC, ess_threshold=1),
    "lookahead": SMC(3, critic=CRITIC, lookahead=2),
    "expand": SMC(3, expand=3),
    "map": SMC(4, pick="map"),
    "beam": Beam(3),
    "groups": Beam(4, groups=2),
    "asap": ASAp(),
    "masking": Masking(),
}
AT_ONCE = {
    "moves": SMC(4, moves=1, ess_threshold=1),
    "cars": CARS(),
    "mcmc": MCMC(moves=5, burn_in=2),
    "best": BestFirst(),
}


def auto():
    return NaiveAutomaton(VOCABULARY, TEXTS)


@pytest.mark.parametrize("name", [*GROWING, *AT_ONCE])
def test_the_text_begins_with_a_prospect(name):
    """Of every step of twenty runs, two prompts side by side."""
    sampler = (GROWING | AT_ONCE)[name]
    for seed in range(20):
        shown = []
        for samples in sampler.steps(MODEL, auto(), [[], [1]], 10, seed=seed):
            shown.append([list(map(tuple, s.prospects)) for s in samples])
        for at_once in shown:
            for prospects, sample in zip(at_once, samples, strict=True):
                assert any(tuple(sample.text_tokens[: len(p)]) == p for p in prospects)
        assert shown[-1] == [[tuple(s.text_tokens)] for s in samples]


@pytest.mark.parametrize("name", GROWING)
def test_something_is_known_before_the_end(name):
    """All texts begin with "aa"."""
    steps = [
        [list(map(tuple, s.prospects)) for s in samples] for samples in GROWING[name].steps(MODEL, auto(), [[]], 10)
    ]
    assert len(steps) > 2
    assert all(prospect[:1] for ((prospect, *_),) in steps)


@pytest.mark.parametrize("name", AT_ONCE)
def test_what_may_still_be_rejected_is_not_shown(name):
    *before, _ = [s.prospects for (s,) in AT_ONCE[name].steps(MODEL, auto(), [[]], 10, seed=1)]
    assert all(not any(prospects) for prospects in before)


@pytest.mark.parametrize("sampler", [ASAp(seed=0), CARS(seed=0), Beam()], ids=lambda s: type(s).__name__)
def test_two_runs_of_one_sampler_take_turns(sampler):
    """Read in turn by one thread: neither waits for the other's end."""
    runs = [sampler.steps(MODEL, auto(), [[]], 10) for _ in range(2)]
    last = [next(run)[0] for run in runs]
    while live := [i for i in (0, 1) if not last[i].done]:
        for i in live:
            (last[i],) = next(runs[i])
    assert [sample.finish_reason for sample in last] == ["stop", "stop"]


def test_a_run_that_is_given_up_lets_others_go_on():
    sampler = ASAp(seed=0)
    next(sampler.steps(MODEL, auto(), [[]], 10))
    assert sampler.sample(MODEL, auto(), [[]], 10)[0].finish_reason == "stop"


def test_weights_of_interleaved_runs_are_proper():
    """Two ASAp runs learn while the other draws: the mean weight of each is still Z."""
    means = []
    for seed in range(150):
        sampler, constraint = ASAp(), auto()
        runs = [sampler.steps(MODEL, constraint, [[]], 10, seed=1000 * k + seed) for k in (0, 1)]
        last = [next(run)[0] for run in runs]
        while live := [i for i in (0, 1) if not last[i].done]:
            for i in live:
                (last[i],) = next(runs[i])
        means.append(np.mean([np.exp(s.ledger.logw) for s in last]))
    z = sum(path.p for path in paths(MODEL, auto(), 10).values())
    assert abs(np.mean(means) - z) <= mean_bound(150, 1e-7)
