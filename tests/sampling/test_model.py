"""Toy models and the laws that models and constraints are held to."""

from types import SimpleNamespace

import numpy as np
import pytest
from oracles.naive_automaton import NaiveAutomaton, vocabulary

from syntagma.sampling import Prefix, RandomModel, TableModel
from syntagma.sampling.laws import check_constraint, check_model

VOCABULARY = vocabulary([b"a", b"b", b"ab"], padding=3)


def test_toy_models_keep_the_laws():
    rng = np.random.default_rng(0)
    table = TableModel(VOCABULARY, rng.standard_normal((8, 7)))
    for model in (RandomModel(VOCABULARY, seed=1), table, TableModel.uniform(VOCABULARY)):
        check_model(model, [[], [0], [1, 2, 0]], tolerance=1e-12)


def test_rows_of_a_table_follow_the_last_token():
    table = TableModel(VOCABULARY, np.random.default_rng(0).standard_normal((8, 7)))
    rows = table.logp_next([Prefix(), Prefix([3, 5])])
    assert np.array_equal(rows, table.logp[[7, 5]])
    with pytest.raises(ValueError, match=r"\(8, 7\), got \(7, 7\)"):
        TableModel(VOCABULARY, np.zeros((7, 7)))


def test_random_rows_differ_by_prefix():
    model = RandomModel(VOCABULARY)
    rows = model.logp_next([Prefix(), Prefix([0]), Prefix([0, 0]), Prefix([1])])
    assert len(np.unique(rows[:, 0])) == 4


def test_prefixes_share_what_a_model_keeps():
    prefix = Prefix([1, 2], cache="kept")
    left, right = prefix.extend(3), prefix.extend(4)
    assert (left.tokens, right.tokens, left.cache) == ((1, 2, 3), (1, 2, 4), "kept")


def test_the_laws_find_broken_models():
    model = RandomModel(VOCABULARY)
    good = model.logp_next

    def with_rows(change):
        return SimpleNamespace(vocabulary=VOCABULARY, logp_next=lambda ps: change(good(ps), ps))

    broken = {
        "not normalised": lambda rows, ps: rows - 0.1,
        "shape": lambda rows, ps: rows[:, :-1],
        "float": lambda rows, ps: rows.astype(np.float16),
        "NaN": lambda rows, ps: rows * np.nan,
        "alone": lambda rows, ps: rows if len(ps) == 1 else np.roll(rows, 1, axis=1),
    }
    for message, change in broken.items():
        with pytest.raises(AssertionError, match=message):
            check_model(with_rows(change), [[0], [1, 2]])


def test_constraints_keep_the_laws():
    texts = [b"", b"a", b"abab", b"bba"]
    check_constraint(NaiveAutomaton(VOCABULARY, texts))
    check_constraint(NaiveAutomaton(VOCABULARY, texts, guard=lambda text, ended: b"ba" not in text))


def test_the_laws_find_broken_constraints():
    auto = NaiveAutomaton(VOCABULARY, [b"ab"])
    auto.advance = lambda state, token: 3
    with pytest.raises(AssertionError, match="check says False, advance says True"):
        check_constraint(auto)
    auto = NaiveAutomaton(VOCABULARY, [b"ab"])
    auto.check = lambda state, token: False
    with pytest.raises(AssertionError, match="check refuses"):
        check_constraint(auto)
