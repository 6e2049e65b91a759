"""Potentials: laws, algebra, async and batched functions, and the lift between bytes and tokens."""

import asyncio
import json
import math

import numpy as np
import pytest
from oracles.naive_automaton import NaiveAutomaton, vocabulary

from syntagma.automata.vocabulary import Vocabulary
from syntagma.errors import SamplingError
from syntagma.sampling import AWRS, SMC, FullMask, Masking, Posterior, Potential, Predicate, RandomModel, TextPotential
from syntagma.sampling.capability import Capability, capabilities
from syntagma.sampling.laws import check_potential, check_step
from syntagma.sampling.lift import Language, Likelihood, next_logw, over_bytes, over_tokens
from syntagma.sampling.posterior import WeightedSample
from syntagma.sampling.potential import whole_characters
from syntagma.sampling.predicate import Filtered

TOKENS = [b"a", b"b", b"ab", b"ba", b"\xc3", b"\xa9", b"\xc3\xa9b"]
VOCABULARY = Vocabulary.from_tokens([*TOKENS, None], eos_ids=[len(TOKENS)])
TEXTS = [b"ab", b"abab", b"bbb", "éb".encode()]


def count(text):
    return 0.5 * text.count("b") - len(text)


POTENTIAL = TextPotential(count, prefix=lambda text: -math.inf if "bbb" in text else count(text))
#: Its complete scores respect law 1, too.
LAWFUL = TextPotential(lambda t: -math.inf if "bbb" in t else count(t), prefix=POTENTIAL._prefix.fn)


def test_laws_hold_and_are_noticed():
    check_potential(LAWFUL, TEXTS)
    check_potential(LAWFUL * LAWFUL**0.5, TEXTS)
    check_potential(over_tokens(LAWFUL, VOCABULARY), [[2, 2], [0, 1], [6]])
    with pytest.raises(AssertionError, match="has weight, its prefix"):
        check_potential(POTENTIAL, TEXTS)
    with pytest.raises(AssertionError, match="give some"):
        check_potential(LAWFUL * TextPotential(lambda text: -math.inf), TEXTS)


def test_product_adds_and_spares_the_second():
    asked = []

    def second(text):
        asked.append(text)
        return 1.0

    first = TextPotential(lambda text: -math.inf if "a" in text else 2.0)
    product = first * TextPotential(second)
    states = [product.read(text) for text in (b"a", b"b")]
    assert product.complete(states).tolist() == [-math.inf, 3.0]
    assert asked == ["b"]
    assert (TextPotential(count) ** 2).complete([b"ab"]).tolist() == [2 * count("ab")]
    with pytest.raises(ValueError, match="over the same symbols"):
        _ = first * over_tokens(first, VOCABULARY)
    with pytest.raises(ValueError, match="positive"):
        _ = first**0


def test_async_functions_run_together():
    running, most = 0, 0

    async def score(text):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return float(len(text))

    potential = TextPotential(score)
    assert potential.complete([b"a", b"bb", b"a"]).tolist() == [1, 2, 1]
    assert most == 2

    async def inside():
        return TextPotential(score).complete([b"abc"]).tolist()

    assert asyncio.run(inside()) == [3], "in a thread that has a running loop"


def test_errors_of_async_functions_come_through():
    async def fail(text):
        raise OSError(text)

    async def inside():
        return TextPotential(fail).complete([b"abc"])

    for call in (lambda: TextPotential(fail).complete([b"abc"]), lambda: asyncio.run(inside())):
        with pytest.raises(OSError, match="abc"):
            call()


def test_batched_functions_and_memory():
    asked = []

    def score(texts):
        asked.append(texts)
        return [len(text) for text in texts]

    potential = TextPotential(score, batched=True, memo=2)
    assert potential.complete([b"a", b"bb", b"a"]).tolist() == [1, 2, 1]
    assert potential.complete([b"a"]).tolist() == [1]
    assert potential.complete([b"ccc"]).tolist() == [3]
    assert asked == [["a", "bb"], ["ccc"]]
    assert len(potential._complete.known) == 2
    for bad in (math.nan, math.inf):
        with pytest.raises(SamplingError, match="log weight"):
            TextPotential(lambda text, bad=bad: bad).complete([b""])


@pytest.mark.parametrize("text", ["", "a", "é", "aé", "€", "a€", "😀", "x😀"])
def test_whole_characters(text):
    data = text.encode()
    assert whole_characters(data) == text
    for cut in range(1, len(text[-1:].encode())):
        assert whole_characters(data[:-cut]) == text[:-1]


def test_next_logw_is_the_difference_of_prefixes():
    potential = over_tokens(LAWFUL, VOCABULARY)
    for state in (b"", b"a", b"bb", b"\xc3"):
        row = next_logw(LAWFUL, state, VOCABULARY)
        assert row == pytest.approx(next_logw(potential, state, VOCABULARY))
        (here,) = LAWFUL.prefix([state])
        for t, text in enumerate(TOKENS):
            assert row[t] == LAWFUL.prefix([state + text])[0] - here
        assert row[-1] == LAWFUL.complete([state])[0] - here
    with pytest.raises(SamplingError, match="weight 0"):
        next_logw(LAWFUL, b"bbb", VOCABULARY)


def test_telescoping():
    """complete(x) - prefix(start) is the sum of what the tokens and the end add."""
    potential = over_tokens(LAWFUL, VOCABULARY)
    tokens, state, total = [2, 0, 6], potential.start, 0.0
    for t in tokens:
        total += next_logw(potential, state, VOCABULARY)[t]
        state = potential.advance(state, t)
    total += next_logw(potential, state, VOCABULARY)[-1]
    assert total == pytest.approx(LAWFUL.complete([b"aba\xc3\xa9b"[:2] + b"a\xc3\xa9b"])[0] - 0)


def test_from_tokens_to_bytes():
    class Count(Potential):
        alphabet = "tokens"
        start = 0

        def advance(self, state, symbol):
            return state + 1

        def prefix(self, states):
            return -np.array(states, float)

        complete = prefix

    lifted = over_bytes(Count(), lambda text: [2] * (len(text) // 2) + [0] * (len(text) % 2))
    assert lifted.complete([lifted.read(b"aba"), b""]).tolist() == [-2, 0]
    assert lifted.prefix([b"aba"]).tolist() == [0]
    check_potential(lifted, TEXTS)
    assert over_bytes(LAWFUL, len) is LAWFUL
    with pytest.raises(ValueError, match="over tokens"):
        type(lifted)(LAWFUL, len)


def test_a_language_is_a_potential():
    auto = NaiveAutomaton(vocabulary([b"a", b"b"]), [b"a", b"ab"])
    language = Language(auto)
    assert language.complete([language.read(t) for t in ([0], [0, 1], [0, 0], [1], [])]).tolist() == [
        0,
        0,
        -np.inf,
        -np.inf,
        -np.inf,
    ]
    check_potential(language, [[0, 1], [1, 0], [0]])


def test_a_model_is_a_potential():
    small = vocabulary([b"a", b"b"])
    model = RandomModel(small, seed=1)
    potential = Likelihood(model, [0])
    check_potential(potential, [[0, 1], [1, 1, 0]], tolerance=1e-12)
    total = sum(math.exp(potential.prefix([(a, b)])[0]) for a in (0, 1, 2) for b in (0, 1, 2))
    assert total == pytest.approx(1)
    (sample,) = SMC(8, step=FullMask(), critic=potential, seed=0).sample(
        RandomModel(small, seed=2), NaiveAutomaton(small, [b"a", b"ab"]), [[]], 4
    )
    assert sample.finish_reason == "stop"


@pytest.mark.parametrize("step", [AWRS(), AWRS(estimator="paper"), FullMask(), AWRS(max_rejects=1)], ids=str)
def test_steps_obey_their_law(step):
    small = vocabulary([b"a", b"b", b"c"])
    auto = NaiveAutomaton(small, [b"a", b"bb", b"bc", b"cc"], guard=lambda text, ended: not text.startswith(b"c"))
    check_step(step, auto, RandomModel(small, seed=4), n=2500)


def test_a_step_that_breaks_its_law_is_noticed():
    class Unweighted(AWRS):
        def draw(self, *args):
            return super().draw(*args)._replace(logw=0.0)

    small = vocabulary([b"a", b"b", b"c"])
    auto = NaiveAutomaton(small, [b"a", b"bb"])
    with pytest.raises(AssertionError, match="mean weight"):
        check_step(Unweighted(), auto, RandomModel(small, seed=4), n=2500)


# ---- predicates and capabilities


def test_predicates_are_asked_once_and_answer_bools():
    asked = []
    predicate = Predicate(lambda text: asked.append(text) is None, on="prefix")
    assert predicate(b"a\xc3", ended=False)
    assert predicate(b"a", ended=False)
    assert predicate(b"a", ended=True)
    assert asked == ["a"]
    with pytest.raises(TypeError, match=r"Expected a bool.*0\.5"):
        Predicate(lambda text: 0.5)(b"", ended=True)
    with pytest.raises(ValueError, match='on="text"'):
        Predicate(bool, on="token")
    assert Predicate(lambda v: v == 1, on="value")(b"1", ended=True)
    assert repr(Predicate(str.isdigit)) == "Predicate(str.isdigit, on='text')"


def test_predicates_forget_the_oldest():
    predicate = Predicate(str.isdigit, memo=2)
    for text in (b"1", b"2", b"3", b"2", b"1"):
        predicate(text, ended=True)
    assert predicate.calls == 4


def test_filtered_forgets_its_states_after_the_last_run():
    small = vocabulary([b"a", b"b"])
    filtered = Filtered(NaiveAutomaton(small, [b"a", b"ab"]), [lambda text: True])
    with filtered.run(), filtered.run():
        state = filtered.advance(filtered.start, 0)
        assert filtered.accepts(state)
        assert filtered.advance(state, 2) == filtered.finished
        assert filtered.advance(filtered.finished, 0) == filtered.advance(0, 0) == 0
        assert not filtered.mask(filtered.finished).any()
    assert len(filtered._pairs) == 2


def test_capabilities():
    small = vocabulary([b"a", b"b"])
    exact, guarded = NaiveAutomaton(small, [b"a"]), NaiveAutomaton(small, [b"a"], guard=lambda text, ended: True)
    assert capabilities(exact) == Capability.EXACT_MASK
    assert capabilities(guarded) == Capability.SUPERSET_MASK
    every = NaiveAutomaton(small, [b"", b"a", b"b"], guard=lambda text, ended: True)
    assert capabilities(every) == Capability.CHECK_ONLY
    every.capabilities = Capability.EXACT_MASK | Capability.COUNTABLE
    assert Capability.COUNTABLE in capabilities(every)


# ---- posterior


def sample(text, w, reason="stop"):
    return WeightedSample((), text, math.log(w) if w else -math.inf, reason, 0.0)


def test_posterior():
    posterior = Posterior([sample("1", 1), sample("1.0", 2), sample("2", 1), sample("x", 0, None)])
    assert posterior.log_evidence == pytest.approx(math.log(4 / 4))
    assert posterior.by_text() == pytest.approx({"1.0": 0.5, "1": 0.25, "2": 0.25})
    assert posterior.by_value(lambda text: float(json.loads(text))) == [(1.0, 0.75), (2.0, 0.25)]
    assert posterior.expectation(lambda s: float(s.text)) == pytest.approx(1.25)
    assert posterior.argmax().text == "1.0"
    assert posterior.ess == pytest.approx(1 / (0.25 + 0.125))
    w = np.array([1, 2, 1, 0])
    assert posterior.log_evidence_se == pytest.approx(w.std(ddof=1) / w.mean() / 2)
    assert {s.text for s in posterior.resample(50, seed=0)} == {"1", "1.0", "2"}
    assert len(posterior[1:3]) == 2


def test_values_of_other_types_are_told_apart():
    assert len(Posterior([sample("true", 1), sample("1", 1)]).by_value(json.loads)) == 2


def test_joined_posteriors_weigh_by_their_numbers():
    one, two = Posterior([sample("a", 1)] * 2), Posterior([sample("b", 4)])
    joined = Posterior.join([one, two])
    assert joined.by_text() == pytest.approx({"b": 4 / 6, "a": 2 / 6})
    assert joined.log_evidence == pytest.approx(math.log(2))
    with pytest.raises(SamplingError, match="Improper"):
        Posterior.join([one, Posterior([sample("a", 1)], "improper")])


def test_posteriors_that_have_nothing_to_say():
    with pytest.raises(SamplingError, match="weight 0"):
        _ = Posterior([sample("a", 0)]).weights
    with pytest.raises(SamplingError, match="improper"):
        Posterior([sample("a", 1)], "improper").by_text()
    with pytest.raises(ValueError, match="at least one"):
        Posterior([])
    assert math.isnan(Posterior([sample("a", 1)]).log_evidence_se)


def test_posterior_of_masked_samples():
    small = vocabulary([b"a", b"b"])
    samples = Masking(seed=1).sample(RandomModel(small, seed=3), NaiveAutomaton(small, [b"a", b"ab"]), [[]] * 50, 4)
    posterior = Posterior.of(samples)
    assert posterior.kind == "exact"
    assert set(posterior.by_text()) == {"a", "ab"}
    assert posterior.log_weights == pytest.approx([s.ledger.logw for s in samples])


def test_merged_families_make_the_error_large():
    """All particles from one ancestor: the standard error says that nothing is known of it."""
    samples = [sample("a", 1)] * 4
    assert Posterior(samples).log_evidence_se == pytest.approx(0, abs=1e-6)
    assert Posterior(samples, families=[0, 0, 0, 0]).log_evidence_se == pytest.approx(1)
