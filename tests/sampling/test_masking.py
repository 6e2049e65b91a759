"""Masked sampling against its law, enumerated.

Statistical tests bound their false alarms by concentration inequalities that hold for every n
(`l1_bound`, `mean_bound`): each at most `ALPHA`, all of the file together at most 1e-6.
"""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from oracles.bounds import l1_bound, mean_bound
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths

from syntagma.automata import Vocabulary, compile_grammar
from syntagma.errors import BackendMismatch, SamplingError
from syntagma.grammar.ir import Alt, Bytes, Grammar, Repeat, Seq, byte_set
from syntagma.sampling import Masking, Prefix, RandomModel, TableModel

ALPHA = 1e-7  # times at most 10 tests
N = 4000
VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
EOS = VOCABULARY.eos_ids[0]
TEXTS = [b"a", b"ab", b"abc", b"bb", b"cab", b"c"]


class Remembered:
    """A model that remembers its rows: the same law, faster."""

    context = None

    def __init__(self, model):
        self.vocabulary = model.vocabulary
        self.model = model
        self.rows = {}
        self.calls = 0

    def logp_next(self, prefixes):
        self.calls += 1
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


def draw(sampler, model, auto, n, max_tokens=10):
    return sampler.sample(model, auto, [[]] * n, max_tokens)


def frequencies_are(samples, law, alpha=ALPHA):
    counts = Counter(tuple(s.tokens) for s in samples)
    assert counts.keys() <= law.keys()
    distance = sum(abs(counts[key] / len(samples) - p) for key, p in law.items())
    return distance <= l1_bound(len(law), len(samples), alpha)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_draws_the_masked_law(model, auto, temperature):
    law = {key: path.drawn for key, path in paths(model, auto, 10, temperature).items()}
    assert sum(law.values()) == pytest.approx(1)
    assert frequencies_are(draw(Masking(temperature, seed=1), model, auto, N), law)


def test_the_frequency_test_tells_other_laws_apart(model, auto):
    found = paths(model, auto, 10)
    total = sum(path.p for path in found.values())
    conditional = {key: path.p / total for key, path in found.items()}
    assert not frequencies_are(draw(Masking(seed=1), model, auto, N), conditional)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_law_times_weight_is_the_base_law(model, auto, temperature):
    found = paths(model, auto, 10, temperature)
    for sample in draw(Masking(temperature, seed=2), model, auto, 300):
        path = found[tuple(sample.tokens)]
        assert sample.ledger.weights == "exact"
        assert path.drawn * np.exp(sample.ledger.logw) == pytest.approx(path.p, rel=1e-12)
        if temperature == 1:
            assert np.exp(sample.ledger.logp) == pytest.approx(path.p, rel=1e-12)


def test_mean_weight_is_the_mass_of_the_language(model, auto):
    mass = sum(path.p for path in paths(model, auto, 10).values())
    samples = draw(Masking(seed=3), model, auto, N)
    assert abs(np.mean([np.exp(s.ledger.logw) for s in samples]) - mass) <= mean_bound(N, ALPHA)


def test_a_mask_of_everything_weighs_nothing():
    tokens = vocabulary([b"a"])
    auto = NaiveAutomaton(tokens, [b"a" * n for n in range(60)])
    for sample in draw(Masking(seed=0), TableModel.uniform(tokens), auto, 20, max_tokens=59):
        assert sample.ledger.logw == 0


def test_forced_tokens_are_scored():
    tokens = vocabulary([b"x", b"y"])
    model = RandomModel(tokens, seed=5)
    (sample,) = draw(Masking(), model, NaiveAutomaton(tokens, [b"xy"]), 1)
    rows = [model.logp_next([Prefix(sample.tokens[:i])])[0] for i in range(3)]
    assert sample.tokens == [0, 1, 2]
    assert [s.logz for s in sample.ledger] == pytest.approx([row[t] for row, t in zip(rows, [0, 1, 2], strict=True)])
    assert [s.logp for s in sample.ledger] == [s.logz for s in sample.ledger]
    assert all(s.forced and s.support == 1 and s.masked == 2 and s.checks == 0 for s in sample.ledger)


# ---- guards


def odd(text, ended):
    """Refuses texts that end at an even length, and every prefix "ca"."""
    return not text.startswith(b"ca") and not (ended and len(text) % 2 == 0)


def test_guarded_tokens_are_drawn_by_the_restricted_law(model):
    auto = NaiveAutomaton(VOCABULARY, [b"a", b"b", b"c", b"ab", b"abc", b"bba", b"cab"], guard=odd)
    found = paths(model, auto, 10)
    samples = draw(Masking(seed=4), model, auto, N)
    dead = {key for key, path in found.items() if not path.ended}
    assert not dead
    assert all(s.ledger.weights == "estimated" and s.ledger.checks >= len(s.tokens) for s in samples)
    assert frequencies_are(samples, {key: path.drawn for key, path in found.items()})


def test_guarded_weights_are_right_on_average(model):
    auto = NaiveAutomaton(VOCABULARY, [b"a", b"b", b"c", b"ab", b"abc", b"bba", b"cab"], guard=odd)
    found = paths(model, auto, 10)
    samples = draw(Masking(seed=5), model, auto, N)
    for key, path in found.items():
        mean = np.mean([np.exp(s.ledger.logw) * (tuple(s.tokens) == key) for s in samples])
        assert abs(mean - path.p) <= mean_bound(N, ALPHA / len(found))


def test_dead_ends_say_where(model):
    auto = NaiveAutomaton(VOCABULARY, [b"cab"], guard=lambda text, ended: not ended)
    (sample,) = draw(Masking(seed=0), model, auto, 1)
    assert sample.dead is not None
    assert sample.finish_reason is None
    assert "No token may follow 'cab'. All 1 tokens that the mask allows were refused" in str(sample.dead)


def test_a_guard_that_refuses_the_end_at_the_cap_gives_length(model):
    auto = NaiveAutomaton(VOCABULARY, [b"cab"], guard=lambda text, ended: not ended)
    (sample,) = draw(Masking(seed=2), model, NaiveAutomaton(VOCABULARY, [b"bb"], guard=auto.guard), 1, max_tokens=2)
    assert sample.finish_reason == "length"


def test_a_dead_end_leaves_the_rest_of_the_batch_alone(model):
    auto = NaiveAutomaton(VOCABULARY, [b"a", b"cc"], guard=lambda text, ended: not (ended and text == b"cc"))
    samples = draw(Masking(seed=0, backtrack=0), model, auto, 40)
    assert {s.finish_reason for s in samples} == {"stop", None}
    assert all((s.dead is None) == (s.finish_reason == "stop") for s in samples)


# ---- going back


def never(*texts):
    """Refuses the end of some texts: dead ends that the mask does not see."""
    return lambda text, ended: not (ended and text in texts)


def test_a_dead_end_is_backed_out_of(model):
    auto = NaiveAutomaton(VOCABULARY, [b"abca", b"abcb", b"abcc", b"bbbc"], guard=never(b"abca", b"abcb", b"abcc"))
    for sample in draw(Masking(seed=0), model, auto, 40):
        assert b"".join(map(VOCABULARY.token_bytes, sample.tokens)) == b"bbbc"
        assert sample.remaining == 10 - len(sample.tokens)
        assert len(sample.states) == len(sample.tokens) == len(sample.ledger)
        assert (sample.ledger.weights == "improper") == (sample.ledger.taken_back > 0)
    assert any(s.ledger.taken_back for s in draw(Masking(seed=0), model, auto, 40))


def test_no_more_is_taken_back_than_the_budget_allows(model):
    """`settled` only grows, so that what it covers may be shown."""
    auto = NaiveAutomaton(VOCABULARY, [b"c" * 6 + bytes([x]) for x in b"abc"], guard=lambda text, ended: not ended)
    settled, shown = [0] * 10, [[]] * 10
    for samples in Masking(seed=1, backtrack=5).steps(model, auto, [[]] * 10, 20):
        for i, sample in enumerate(samples):
            assert sample.tokens[: settled[i]] == shown[i]
            assert sample.settled >= settled[i]
            settled[i], shown[i] = sample.settled, sample.tokens[: sample.settled]
    assert all(s.dead is not None and 0 < s.ledger.taken_back <= 5 for s in samples)
    assert "tokens were taken back before" in str(samples[0].dead)


def test_the_same_token_does_not_lead_to_the_same_dead_end_again(model):
    auto = NaiveAutomaton(VOCABULARY, [b"c" + bytes([x]) for x in b"abc"], guard=never(b"ca", b"cb"))
    for sample in draw(Masking(seed=2), model, auto, 40):
        assert sample.finish_reason == "stop"
        assert sample.ledger.taken_back <= 2 + 2


def test_samples_that_never_went_back_keep_proper_weights(model):
    auto = NaiveAutomaton(VOCABULARY, [b"a", b"b", b"c", b"ab", b"cab", b"cb"], guard=never(b"cab", b"cb", b"c"))
    found = {key: path for key, path in paths(model, auto, 10).items() if path.ended}
    samples = draw(Masking(seed=6), model, auto, N)
    proper = [s for s in samples if s.ledger.weights != "improper"]
    assert 0 < len(proper) < N
    for key, path in found.items():
        mean = sum(np.exp(s.ledger.logw) for s in proper if tuple(s.tokens) == key) / N
        assert abs(mean - path.p) <= mean_bound(N, ALPHA / len(found))


def test_nothing_is_taken_back_where_the_automaton_is_exact(model, auto):
    assert all(s.backtrack == 0 for s in draw(Masking(seed=0), model, auto, 3))


def test_no_probability_anywhere_is_a_dead_end():
    tokens = vocabulary([b"x", b"y"])
    logits = np.zeros((4, 3))
    logits[:, 0] = -np.inf
    for sampler in (Masking(seed=0), Masking(greedy=True), Masking(top_p=0.5, seed=0)):
        (sample,) = draw(sampler, TableModel(tokens, logits), NaiveAutomaton(tokens, [b"x"]), 1)
        assert "no probability" in str(sample.dead)


# ---- greedy and truncation


def test_greedy_takes_the_most_probable_and_the_lowest_of_equals(model, auto):
    (sample,) = draw(Masking(greedy=True), model, auto, 1)
    state, tokens = auto.start, []
    while state != auto.finished:
        row = model.logp_next([Prefix(tokens)])[0]
        tokens.append(max(auto.allowed(state), key=lambda t: (row[t], -t)))
        state = auto.advance(state, tokens[-1])
    assert sample.tokens == tokens
    assert sample.ledger.weights == "improper"
    (zero,) = draw(Masking(temperature=0), model, auto, 1)
    assert zero.tokens == tokens
    (equal,) = draw(Masking(greedy=True), TableModel.uniform(VOCABULARY), auto, 1)
    assert equal.tokens == [0, 1, 2, EOS]


def test_greedy_goes_on_to_the_next_when_a_guard_refuses():
    auto = NaiveAutomaton(VOCABULARY, TEXTS, guard=lambda text, ended: text[:1] not in (b"a", b"b"))
    (sample,) = draw(Masking(greedy=True), TableModel.uniform(VOCABULARY), auto, 1)
    assert sample.tokens == [2, 0, 1, EOS]
    assert [s.checks for s in sample.ledger] == [3, 1, 1, 1]  # a and b are refused


@pytest.mark.parametrize("sampler", [Masking(greedy=True), Masking(top_k=2, seed=0), Masking(top_p=0.2, seed=0)])
def test_truncated_draws_find_the_one_token_that_passes(sampler):
    tokens = vocabulary([bytes([t]) for t in range(200)])
    auto = NaiveAutomaton(tokens, tokens.tokens[:-1], guard=lambda text, ended: text == b"\x96")
    (sample,) = draw(sampler, RandomModel(tokens), auto, 1)
    assert sample.tokens == [150, 200]
    assert sample.ledger.steps[0].support < 200


@pytest.mark.parametrize("sampler", [Masking(top_k=1, seed=0), Masking(top_p=1e-9, seed=0), Masking(min_p=1.0, seed=0)])
def test_the_narrowest_truncation_is_greedy(model, auto, sampler):
    assert draw(sampler, model, auto, 1)[0].tokens == draw(Masking(greedy=True), model, auto, 1)[0].tokens


def test_truncation_follows_the_mask():
    """The most probable token is masked: top-k of what remains, not of everything."""
    tokens = vocabulary([b"m", b"x", b"y"])
    logits = np.log([[0.9, 0.06, 0.03, 0.01]] * 5)
    samples = draw(Masking(top_k=1, seed=0), TableModel(tokens, logits), NaiveAutomaton(tokens, [b"x", b"y"]), 5)
    assert {s.tokens[0] for s in samples} == {1}
    assert samples[0].ledger.steps[0].logz == pytest.approx(np.log(0.09))
    assert samples[0].ledger.weights == "improper"


# ---- seeds


def test_streams_do_not_depend_on_the_batch(model, auto):
    sampler = Masking(seed=11)
    many = [s.tokens for s in draw(sampler, model, auto, 8)]
    assert [s.tokens for s in draw(sampler, model, auto, 3)] == many[:3]
    assert draw(sampler, model, auto, 1)[0].ledger.steps == draw(sampler, model, auto, 8)[0].ledger.steps
    assert len({tuple(t) for t in many}) > 1
    assert [s.tokens for s in sampler.sample(model, auto, [[]] * 8, 10, seed=12)] != many


def test_without_a_seed_runs_differ(model, auto):
    runs = {tuple(tuple(s.tokens) for s in draw(Masking(), model, auto, 12)) for _ in range(4)}
    assert len(runs) > 1  # all equal by chance: far below 1e-7


def test_one_model_row_per_token(auto):
    model = Remembered(RandomModel(VOCABULARY, seed=3))
    samples = draw(Masking(seed=1), model, auto, 5)
    assert model.calls == max(len(s.tokens) for s in samples)
    assert auto.runs == 1


# ---- budget


@pytest.mark.parametrize("max_tokens", [3, 4, 5, 8, 9, 12])
def test_texts_are_closed_within_the_budget(model, max_tokens):
    auto = NaiveAutomaton(VOCABULARY, [b"c" + b"abb" * n + b"c" for n in range(9)] + [b"ab" * 3])
    for sample in draw(Masking(seed=max_tokens), model, auto, 50, max_tokens=max_tokens):
        assert sample.finish_reason == "stop"
        assert len(sample.tokens) <= max_tokens + 1


def test_a_budget_in_tokens_below_the_least_bytes_is_enough(model):
    auto = NaiveAutomaton(VOCABULARY, [b"ababab", b"cccccccc"])
    for sample in draw(Masking(seed=7), model, auto, 20, max_tokens=3):
        assert sample.tokens == [3, 3, 3, EOS]


def test_leaps_past_the_budget_are_refused_and_weigh_right():
    """From afar: "b" opens a text that is too long, so it is refused when drawn; weights stay right on average."""
    tokens = vocabulary([b"a", b"b"])
    auto = NaiveAutomaton(tokens, [b"", b"a", b"aa", b"ab" + b"a" * 9])
    table = RandomModel(tokens, seed=4)
    found = paths(table, NaiveAutomaton(tokens, [b"", b"a", b"aa"]), 6)
    samples = draw(Masking(seed=5), Remembered(table), auto, N, max_tokens=6)
    assert {s.ledger.weights for s in samples} == {"exact", "estimated"}
    assert frequencies_are(samples, {key: path.drawn for key, path in found.items()})
    for key, path in found.items():
        mean = np.mean([np.exp(s.ledger.logw) * (tuple(s.tokens) == key) for s in samples])
        assert abs(mean - path.p) <= mean_bound(N, ALPHA / len(found))


def test_weights_at_the_cap_are_those_of_the_capped_language(model):
    auto = NaiveAutomaton(vocabulary([b"a"]), [b"a" * n for n in range(9)])
    table = RandomModel(auto.vocabulary, seed=1)
    found = paths(table, auto, 3)
    for sample in draw(Masking(seed=1), table, auto, 50, max_tokens=3):
        path = found[tuple(sample.tokens)]
        assert path.drawn * np.exp(sample.ledger.logw) == pytest.approx(path.p, rel=1e-12)


def test_a_budget_too_small_for_any_text_raises_at_once(model):
    auto = NaiveAutomaton(VOCABULARY, [b"ababab", b"cccccccc"])
    with pytest.raises(SamplingError, match=r"max_tokens=2: the shortest has 6 bytes and takes 3 tokens"):
        draw(Masking(), model, auto, 1, max_tokens=2)
    with pytest.raises(SamplingError, match="at least 0"):
        draw(Masking(), model, auto, 1, max_tokens=-1)


def test_a_text_may_end_without_an_end_token():
    tokens = vocabulary([b"x"], n_eos=0)
    (sample,) = draw(Masking(), TableModel.uniform(tokens), NaiveAutomaton(tokens, [b"xx"]), 1)
    assert (sample.tokens, sample.finish_reason) == ([0, 0], "stop")


# ---- bad input


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1},
        {"temperature": np.inf},
        {"top_k": 0},
        {"top_p": 0},
        {"top_p": 1.5},
        {"min_p": -0.1},
        {"seed": -1},
        {"backtrack": -1},
    ],
)
def test_bad_options_raise(options):
    with pytest.raises(ValueError, match="Expected"):
        Masking(**options)


def test_rows_that_do_not_fit_raise(auto):
    wide = TableModel.uniform(vocabulary([b"a"]))
    wide.vocabulary = VOCABULARY
    with pytest.raises(BackendMismatch, match=r"\(1, 6\), the model gave \(1, 2\)"):
        draw(Masking(), wide, auto, 1)
    broken = TableModel.uniform(VOCABULARY)
    broken.logp[:] = np.nan
    with pytest.raises(BackendMismatch, match="NaN"):
        draw(Masking(), broken, auto, 1)


def test_near_the_end_not_every_token_is_tried():
    """Of 18,000 tokens that may follow, one leads to an end within the budget; it is looked for, not hit upon."""
    letters = [bytes(word) for n in (1, 2, 3) for word in product(range(97, 123), repeat=n)]
    vocabulary = Vocabulary.from_tokens([*letters, b"!", b"-"], eos_ids=[len(letters) + 2])
    word = Seq((Repeat(byte_set((97, 122)), 1), Bytes(b"-" * 40)))
    auto = compile_grammar(Grammar("s", {"s": Seq((Bytes(b"k"), Alt((Bytes(b"!"), word))))}), vocabulary)
    advance, asked = auto.advance, 0

    def counted(state, token):
        nonlocal asked
        asked += 1
        return advance(state, token)

    auto.advance = counted
    (sample,) = Masking(seed=1).sample(RandomModel(vocabulary, seed=5), auto, [[]], 6)
    assert b"".join(map(vocabulary.token_bytes, sample.tokens)) == b"k!"
    assert sample.finish_reason == "stop"
    assert sample.ledger.weights == "estimated"
    assert asked < 2000
