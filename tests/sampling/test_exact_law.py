"""The dynamic program of the exact law against enumeration."""

from collections import Counter

import numpy as np
import pytest
from oracles.bounds import l1_bound
from oracles.exact_law import ExactLaw, HiddenMarkov
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths

from syntagma.sampling.laws import check_model

VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
TEXTS = [b"a", b"ab", b"abc", b"bb", b"cab", b"c"]


def chain():
    laws = np.exp(np.random.default_rng(2).standard_normal((7, 6)))
    laws /= laws.sum(1, keepdims=True)
    return HiddenMarkov.chain(VOCABULARY, laws[6], laws[:6])


@pytest.mark.parametrize("model", [HiddenMarkov.random(VOCABULARY, 3, seed=1), chain()])
@pytest.mark.parametrize("max_tokens", [2, 10])
def test_equals_enumeration(model, max_tokens):
    check_model(model, [[0], [1, 2, 3]], tolerance=1e-12)
    auto = NaiveAutomaton(VOCABULARY, TEXTS)
    law, found = ExactLaw(model, auto, max_tokens), paths(model, auto, max_tokens)
    ended = {key: path.p for key, path in found.items() if path.ended}
    assert law.z == pytest.approx(sum(ended.values()), rel=1e-12)
    for tokens, p in ended.items():
        assert np.exp(law.logp(tokens)) == pytest.approx(p / law.z, rel=1e-12)
        steps = [law.law(tokens[:i])[t] for i, t in enumerate(tokens)]
        assert np.prod(steps) == pytest.approx(p / law.z, rel=1e-12)
        ahead = sum(q for key, q in ended.items() if key[:1] == tokens[:1])
        assert law.future(tokens[:1]) * (model.first @ model.emit)[tokens[0]] == pytest.approx(ahead, rel=1e-12)
    rng = np.random.default_rng(0)
    counts = Counter(tuple(law.draw(rng)) for _ in range(1000))
    assert counts.keys() <= ended.keys()
    distance = sum(abs(counts[x] / 1000 - p / law.z) for x, p in ended.items())
    assert distance <= l1_bound(len(ended), 1000, 1e-7)
