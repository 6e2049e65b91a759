"""Beam search and best-first search against all texts of small languages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.exact_law import HiddenMarkov
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths

import syntagma as sg
from syntagma.errors import DeadEnd, SamplingError
from syntagma.sampling import ASAp, Beam, BestFirst, Masking, Prefix, RandomModel, TableModel
from syntagma.sampling.hypothesis import falling

VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
languages = st.sets(st.text("abc", max_size=4).map(str.encode), min_size=1, max_size=8)


def odd(text, ended):
    """Refuses texts that end at an even length, and every prefix "ca"."""
    return not text.startswith(b"ca") and not (ended and len(text) % 2 == 0)


class Asked:
    """A model that counts the rows that it is asked for."""

    context = None

    def __init__(self, model):
        self.vocabulary, self.model, self.asked = model.vocabulary, model, []

    def logp_next(self, prefixes):
        self.asked += [p.tokens for p in prefixes]
        return self.model.logp_next(prefixes)


def ranking(model, auto, max_tokens=10, temperature=1.0):
    """Every token sequence of the language with its log-probability, the best first."""
    found = [(x, np.log(path.p)) for x, path in paths(model, auto, max_tokens, temperature).items() if path.ended]
    return sorted(found, key=lambda item: (-item[1], item[0]))


def score(sample):
    return sample.ledger.logp


@given(st.lists(st.integers(-3, 3), max_size=200))
def test_falling_is_a_stable_sort(values):
    values = np.where(np.array(values, float) == -3, -np.inf, np.array(values, float))
    wanted = sorted((i for i in range(len(values)) if values[i] > -np.inf), key=lambda i: (-values[i], i))
    assert list(falling(values)) == wanted


# ---- best-first


@settings(max_examples=40, deadline=None)
@given(languages, st.integers(0, 3), st.booleans(), st.sampled_from([1, 3]))
def test_best_first_is_the_arg_max(texts, seed, guarded, batch):
    model = RandomModel(VOCABULARY, seed=seed, scale=2.0)
    auto = NaiveAutomaton(VOCABULARY, texts, guard=odd if guarded else None)
    wanted = ranking(model, auto)
    (sample,) = BestFirst(n=3, batch=batch).sample(model, auto, [[]], 10)
    assert [tuple(s.tokens) for s in sample.hypotheses] == [x for x, _ in wanted[:3]]
    if wanted:
        assert (sample.finish_reason, tuple(sample.tokens)) == ("stop", wanted[0][0])
        assert score(sample) == pytest.approx(wanted[0][1])
        assert sample.ledger.weights == "improper"
    else:
        assert sample.dead is not None


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_best_first_at_a_temperature(temperature):
    model, auto = RandomModel(VOCABULARY, seed=9), NaiveAutomaton(VOCABULARY, [b"abc", b"ba", b"ccc", b"c", b"bab"])
    (sample,) = BestFirst(temperature=temperature).sample(model, auto, [[]], 10)
    assert tuple(sample.tokens) == ranking(model, auto, 10, temperature)[0][0]


def test_best_first_looks_at_nothing_in_vain():
    """Only at prefixes that are at least as probable as the text found; fewer with a bound."""
    rng = np.random.default_rng(0)
    auto = NaiveAutomaton(VOCABULARY, [bytes(x) for x in rng.choice([97, 98, 99], (60, 6)).tolist()])
    model = Asked(RandomModel(VOCABULARY, seed=2))
    best, logp = ranking(model, auto)[0]
    model.asked.clear()
    (plain,) = BestFirst().sample(model, auto, [[]], 10)
    assert plain.expanded == len(model.asked) == len(set(model.asked))
    for tokens in model.asked:
        rows = [model.model.logp_next([Prefix(tokens[:i])])[0][t] for i, t in enumerate(tokens)]
        assert sum(rows) >= logp - 1e-12
    asap = ASAp(seed=0)
    asap.sample(model, auto, [[]] * 500, 10)
    (bounded,) = BestFirst(bound=asap).sample(model, auto, [[]], 10)
    assert tuple(bounded.tokens) == tuple(plain.tokens) == best
    assert bounded.expanded < plain.expanded / 2


def test_best_first_at_realistic_size():
    """A chain over hundreds of states: no beam and no masked sample finds anything more probable."""
    tokens = [b"a", b"b", b"c", b"d", b",", b"ab", b"cd", b"d,", b"aba"]
    words = sg.Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
    auto = sg.compile(sg.Regex(r"(([ab]{2,5}|cd){2,4},){1,6}"), words)
    model = HiddenMarkov.random(words, 4, seed=1, scale=2.0)
    (best,) = BestFirst(max_expansions=20_000).sample(model, auto, [[]], 100)
    wide = Beam(width=64).search(model, auto, [], 100)
    drawn = Masking(seed=0).sample(model, auto, [[]] * 100, 100)
    assert wide[0].tokens == best.tokens
    assert max(score(s) for s in drawn) <= score(best) + 1e-9


def test_best_first_gives_up_when_told():
    model, auto = TableModel.uniform(VOCABULARY), NaiveAutomaton(VOCABULARY, [b"abc" * 3, b"cba" * 3])
    with pytest.raises(SamplingError, match=r"3 prefixes were looked at .* Raise max_expansions"):
        BestFirst(max_expansions=3).sample(model, auto, [[]], 10)


# ---- beam


@settings(max_examples=40, deadline=None)
@given(languages, st.integers(0, 3), st.booleans())
def test_a_wide_beam_is_exhaustive(texts, seed, guarded):
    model = RandomModel(VOCABULARY, seed=seed, scale=2.0)
    auto = NaiveAutomaton(VOCABULARY, texts, guard=odd if guarded else None)
    wanted = ranking(model, auto)
    if not wanted:
        with pytest.raises(DeadEnd):
            Beam(width=200).search(model, auto, [], 10)
        return
    found = Beam(width=200).search(model, auto, [], 10)
    assert [tuple(s.tokens) for s in found] == [x for x, _ in wanted]
    assert [score(s) for s in found] == pytest.approx([logp for _, logp in wanted])


def naive_beam(model, auto, width, max_tokens=10):
    """By the definition, over plain lists; guards are not asked."""
    live, done = [((), 0.0, auto.start)], []
    for _ in range(max_tokens + 1):
        grown = []
        for tokens, logp, state in live:
            row = model.logp_next([Prefix(tokens)])[0]
            allowed = [t for t in auto.allowed(state) if len(tokens) < max_tokens or t in auto.end_ids]
            grown += [((*tokens, t), logp + row[t], auto.advance(state, t)) for t in allowed]
        grown.sort(key=lambda h: (-h[1], h[0]))
        done += [h for h in grown if h[2] == auto.finished]
        live = [h for h in grown if h[2] != auto.finished][:width]
    return sorted(done, key=lambda h: (-h[1], h[0]))[:width]


@settings(max_examples=40, deadline=None)
@given(languages, st.integers(0, 3), st.integers(1, 4))
def test_beam_is_beam_search(texts, seed, width):
    model, auto = RandomModel(VOCABULARY, seed=seed, scale=2.0), NaiveAutomaton(VOCABULARY, texts)
    found = Beam(width=width).search(model, auto, [], 10)
    assert [tuple(s.tokens) for s in found] == [tokens for tokens, _, _ in naive_beam(model, auto, width)]


def test_scores_are_global():
    """Behind "x" all is free but unlikely, behind "y" one token is left: a masked score would take y."""
    words = vocabulary([b"x", b"y", b"p", b"q"])
    logits = np.log([[0.01, 0.01, 0.48, 0.46, 0.04]] * 6)
    logits[-1] = np.log([0.5, 0.45, 0.02, 0.02, 0.01])
    logits[1] = np.log([0.4, 0.4, 0.01, 0.1, 0.09])
    logits[2:4] = np.log([0.01, 0.01, 0.04, 0.04, 0.9])
    auto = NaiveAutomaton(words, [b"xp", b"xq", b"yp"])
    (best, *_) = Beam(width=1).search(TableModel(words, logits), auto, [], 5)
    assert best.tokens == [0, 2, 4]
    assert [tuple(s.tokens) for s in Beam(width=9).search(TableModel(words, logits), auto, [], 5)][-1] == (1, 2, 4)


@pytest.mark.parametrize("seed", range(4))
def test_groups(seed):
    rng = np.random.default_rng(seed)
    auto = NaiveAutomaton(VOCABULARY, [bytes(x) for x in rng.choice([97, 98, 99], (60, 5)).tolist()])
    model = RandomModel(VOCABULARY, seed=seed)
    plain = [s.tokens for s in Beam(width=3).search(model, auto, [], 10)]
    alike = [s.tokens for s in Beam(width=9, groups=3, diversity=0).search(model, auto, [], 10)]
    assert alike == plain  # the groups found the same texts
    diverse = Beam(width=9, groups=3, diversity=3.0).search(model, auto, [], 10)
    assert len(diverse) > len(plain)
    assert {tuple(s.tokens) for s in diverse} >= {tuple(t) for t in plain}  # the first group sees no penalty
    assert [score(s) for s in diverse] == sorted((score(s) for s in diverse), reverse=True)
    assert len({s.tokens[0] for s in diverse}) > 1


def test_prompts_are_searched_together():
    auto = NaiveAutomaton(VOCABULARY, [b"abc", b"bb", b"c"])
    model = RandomModel(VOCABULARY, seed=1)
    together = Beam(width=2).sample(model, auto, [[0], [1, 1], [2]], 10)
    alone = [Beam(width=2).sample(model, auto, [p], 10)[0] for p in ([0], [1, 1], [2])]
    assert [s.tokens for s in together] == [s.tokens for s in alone]


@pytest.mark.parametrize("sampler", [Beam(), BestFirst()])
def test_ends(sampler):
    words = vocabulary([b"x"], n_eos=0)
    (sample,) = sampler.sample(TableModel.uniform(words), NaiveAutomaton(words, [b"xx"]), [[]], 5)
    assert (sample.tokens, sample.finish_reason) == ([0, 0], "stop")
    never = NaiveAutomaton(VOCABULARY, [b"cab"], guard=lambda text, ended: not ended)
    (dead,) = sampler.sample(TableModel.uniform(VOCABULARY), never, [[]], 10)
    assert "No token may follow" in str(dead.dead)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Beam, {"width": 0}),
        (Beam, {"width": 4, "groups": 3}),
        (Beam, {"diversity": -1}),
        (BestFirst, {"n": 0}),
        (BestFirst, {"max_expansions": 0}),
        (BestFirst, {"temperature": 0}),
    ],
)
def test_bad_options_raise(kind, options):
    with pytest.raises(ValueError, match="Expected"):
        kind(**options)


def test_a_bound_of_another_temperature_raises():
    with pytest.raises(ValueError, match=r"for temperature 2\.0"):
        BestFirst(bound=ASAp(temperature=2.0))
