"""Prefix sharing: tokens that a transformers model reads against those of the prefixes that it is asked for."""

import numpy as np
import pytest

from syntagma.backends.transformers import TransformersModel
from syntagma.sampling import SMC, Prefix
from syntagma.sampling.laws import check_model


def fresh(llama, **options):
    """The same network with nothing read yet."""
    return TransformersModel(llama.model, llama.tokenizer, vocabulary=llama.vocabulary, **options)


@pytest.fixture
def model(llama):
    return fresh(llama)


def test_equal_prefixes_are_read_once(model):
    prefixes = [Prefix([1, 2, 3]), Prefix([1, 2, 3]), Prefix([1, 2, 4])]
    rows = model.logp_next(prefixes)
    assert (rows[0] == rows[1]).all()
    assert (model.usage.asked, model.usage.computed, model.usage.calls) == (9, 6, 1)
    forks = [prefixes[1].extend(7), prefixes[0].extend(8)]
    model.logp_next(forks)
    assert model.usage.computed == 8


def test_a_cut_keeps_its_row(model, llama):
    long = Prefix([1, *range(20, 60)])
    model.logp_next([long])
    cut = long.cut(25)
    rows = model.logp_next([cut])
    assert model.usage.computed == len(long) + 1
    assert rows == pytest.approx(fresh(llama).logp_next([Prefix(cut.tokens)]), abs=1e-4)
    assert Prefix([1, 2, 3], cache="of a model that cannot cut").cut(2).cache is None


def test_prefixes_that_begin_alike_take_a_row_that_was_kept(llama):
    model = fresh(llama, keep_tokens=4096)
    long = Prefix([1, *range(20, 60)])
    model.logp_next([long])
    cut = Prefix(long.tokens[:25])
    other = Prefix([*long.tokens[:30], 5, 6])
    rows = model.logp_next([cut, other])
    assert model.usage.computed == len(long) + 1 + 2
    assert rows == pytest.approx(fresh(llama).logp_next([Prefix(cut.tokens), Prefix(other.tokens)]), abs=1e-4)


def test_what_is_kept_is_bounded(llama):
    model = fresh(llama, keep_tokens=10)
    model.logp_next([Prefix([1, 2, 3, 4])])
    model.logp_next([Prefix([5, 6, 7, 8])])
    model.logp_next([Prefix([9, 10, 11])])
    assert [batch.tokens for batch in model._recent] == [((9, 10, 11),), ((5, 6, 7, 8),)]
    model.logp_next([Prefix(range(1, 20))])
    assert model._recent == ()


@pytest.mark.parametrize("keep_tokens", [0, 50, 4096])
def test_the_law_holds_with_and_without(llama, keep_tokens):
    check_model(fresh(llama, keep_tokens=keep_tokens), [[1, 2, 3], [4], [1, 2, 5, 6, 7]])


def test_particles_read_little(model):
    """A run of SMC with moves: the prompt is read once, and a step reads one token of every particle that differs."""
    import syntagma as sg

    prompt = [1, *np.random.default_rng(0).integers(3, 300, 60).tolist()]
    auto = sg.compile(sg.Regex("[a-z]{12}"), model.vocabulary)
    smc = SMC(16, moves=1, ess_threshold=1, seed=1)
    (sample,) = smc.sample(model, auto, [prompt], 20)
    assert sample.report.moves > 0
    assert model.usage.asked > 20 * model.usage.computed
    assert model.usage.computed <= len(prompt) + 2 * sample.report.rows_computed


def test_runs_on_one_prompt_read_it_once(model):
    """Several runs of SMC on the same prompt, some of whose particles go the same way for a while."""
    import syntagma as sg

    prompt = [1, *np.random.default_rng(0).integers(3, 300, 60).tolist()]
    auto = sg.compile(sg.Regex("x{6}[a-z]{6}"), model.vocabulary)
    samples = SMC(8, ess_threshold=0, seed=1).sample(model, auto, [prompt] * 3, 20)
    rows = sum(s.report.rows_computed for s in samples)
    assert model.usage.computed < len(prompt) + rows
