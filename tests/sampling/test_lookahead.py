"""Drafts change the number of passes and nothing else: texts, ledgers and laws are those without.

Statistical tests bound their false alarms as `test_masking.py` does: at most `ALPHA` each, 1e-6 for the file.
"""

import pickle
from collections import Counter

import numpy as np
import pytest
from oracles.bounds import l1_bound, mean_bound
from oracles.naive_automaton import NaiveAutomaton, vocabulary
from oracles.naive_masking import paths

from syntagma.errors import BackendMismatch, BudgetExceeded
from syntagma.sampling import GrammarDrafter, Masking, Mirostat, NGramDrafter, Prefix, RandomModel
from syntagma.sampling.constraint import ids_of
from syntagma.sampling.grammar_drafter import Habits, canonical, few_ids, forced_text
from syntagma.sampling.job import Job
from syntagma.sampling.lookahead import Lookahead, rows_along

ALPHA = 1e-7  # times at most 10 tests
N = 2500
VOCABULARY = vocabulary([b"a", b"b", b"c", b"ab", b"ba"])
EOS = VOCABULARY.eos_ids[0]
TEXTS = [b"a", b"ab", b"abc", b"bb", b"cab", b"c", b"abababab", b"bababa"]


class Ahead:
    """A model that reads along drafts, with rows that it remembers; counts its passes."""

    context = None

    def __init__(self, model):
        self.vocabulary, self.model, self.rows, self.passes = model.vocabulary, model, {}, 0

    def row(self, tokens):
        if tokens not in self.rows:
            self.rows[tokens] = self.model.logp_next([Prefix(tokens)])[0]
        return self.rows[tokens]

    def logp_next(self, prefixes):
        return np.concatenate(self.logp_along(prefixes, [0] * len(prefixes)))

    def logp_along(self, paths, ns):
        self.passes += 1
        return [
            np.stack([self.row(p.tokens[: len(p) - i]) for i in range(n, -1, -1)])
            for p, n in zip(paths, ns, strict=True)
        ]


class Wild:
    """Guesses anything: legal or not, right or not, ends among them."""

    length = 5

    def begin(self, model):
        return self

    def guess(self, auto, state, tokens, limit):
        rng = np.random.default_rng([7, len(tokens), *(t + 1 for t in tokens)])
        return rng.integers(-1, auto.vocabulary.width + 2, size=rng.integers(0, 4)).tolist()

    def learn(self, sample, n):
        assert 0 < n <= len(sample.tokens)


class Knowing(Wild):
    """Guesses one text."""

    length = 8

    def __init__(self, tokens):
        self.tokens = list(tokens)

    def guess(self, auto, state, tokens, limit):
        return self.tokens[len(tokens) :] if self.tokens[: len(tokens)] == list(tokens) else []


DRAFTS = {
    "n-gram": NGramDrafter(shortest=1),
    "grammar": GrammarDrafter(share=0.3),
    "both": [GrammarDrafter(), NGramDrafter(shortest=1)],
    "wild": Wild(),
}
OPTIONS = {
    "as it is": {},
    "temperature": {"temperature": 0.6},
    "greedy": {"greedy": True},
    "truncated": {"top_k": 3, "top_p": 0.9},
    "mirostat": {"mirostat": Mirostat(tau=1.5)},
}


def odd(text, ended):
    """Refuses texts that end at an even length, and every prefix "ca"."""
    return not text.startswith(b"ca") and not (ended and len(text) % 2 == 0)


def trap(text, ended):
    """A dead end behind "ba"."""
    return not text.startswith(b"bab") and not (ended and text == b"ba")


def auto(guard=None):
    return NaiveAutomaton(VOCABULARY, [b"abcba", b"bba", b"bab", *TEXTS], guard)


@pytest.fixture(scope="module")
def model():
    return Ahead(RandomModel(VOCABULARY, seed=3, scale=1.5))


def told(samples):
    """All that a sample tells but its passes."""
    return [
        (s.tokens, s.ledger.steps, s.ledger.weights, s.ledger.checks, s.ledger.taken_back, s.finish_reason, str(s.dead))
        for s in samples
    ]


@pytest.mark.parametrize("guard", [None, odd, trap], ids=["exact", "guarded", "dead ends"])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("draft", DRAFTS)
def test_seed_by_seed_nothing_else_changes(model, draft, options, guard):
    prompts, budgets = [[0, 1, 0, 1, 0], [], [2], [4, 4, 4]] * 8, [9, 3, 5, 1] * 8
    plain = Masking(seed=11, **OPTIONS[options]).sample(model, auto(guard), prompts, budgets)
    drafted = Masking(seed=11, draft=DRAFTS[draft], **OPTIONS[options]).sample(model, auto(guard), prompts, budgets)
    assert told(drafted) == told(plain)
    for sample in drafted:
        passes = sample.ledger.passes
        assert 0 <= passes.accepted <= passes.drafted
        assert passes.tokens == len(sample.tokens) + sample.ledger.taken_back


@pytest.mark.parametrize("draft", ["n-gram", "grammar", "both"])
def test_the_law_is_the_masked_law(model, draft):
    constraint = auto()
    law = {key: path.drawn for key, path in paths(model, constraint, 10).items()}
    samples = Masking(seed=1, draft=DRAFTS[draft]).sample(model, constraint, [[]] * N, 10)
    counts = Counter(tuple(s.tokens) for s in samples)
    assert counts.keys() <= law.keys()
    assert sum(abs(counts[key] / N - p) for key, p in law.items()) <= l1_bound(len(law), N, ALPHA)
    assert sum(s.ledger.passes.accepted for s in samples) > 0


def test_a_draft_is_accepted_with_its_probability(model):
    """Point drafts: the first token of a draft is right as often as the masked law has it."""
    constraint = NaiveAutomaton(VOCABULARY, TEXTS)
    n = N // 2
    samples = Masking(seed=2, draft=Knowing([3, 3, 3])).sample(model, constraint, [[]] * n, 10)
    row = np.exp(model.row(()))
    expected = row[3] / sum(row[t] for t in constraint.allowed(constraint.start))
    first = np.mean([s.tokens[0] == 3 for s in samples])
    assert abs(first - expected) <= mean_bound(n, ALPHA)
    assert all((s.ledger.passes.accepted > 0) == (s.tokens[0] == 3) for s in samples)


def test_what_is_guessed_right_takes_one_pass():
    model = Ahead(RandomModel(VOCABULARY, seed=3))
    (plain,) = Masking(seed=5).sample(model, auto(), [[]], 9)
    model.passes = 0
    (drafted,) = Masking(seed=5, draft=Knowing(plain.tokens)).sample(model, auto(), [[]], 9)
    assert drafted.tokens == plain.tokens
    assert model.passes == drafted.ledger.passes.n == 1
    assert drafted.ledger.passes.tokens_per_pass == len(plain.tokens)
    assert drafted.ledger.passes.drafted == len(plain.tokens) - 1  # the end is not read


def test_forced_tokens_are_read_in_one_pass():
    tokens = vocabulary([b"x", b"y", b"z"])
    model = Ahead(RandomModel(tokens, seed=5))
    constraint = NaiveAutomaton(tokens, [b"xyzzyx", b"xyzzyxxyz"])
    (sample,) = Masking(draft=GrammarDrafter()).sample(model, constraint, [[]], 9)
    assert sample.ledger.passes.n <= 2
    assert all(step.forced for step in sample.ledger.steps[:6])
    assert model.passes == sample.ledger.passes.n


def test_a_batch_shares_its_passes(model):
    model.passes = 0
    samples = Masking(seed=3, draft=DRAFTS["both"]).sample(model, auto(), [[0, 1, 0, 1]] * 16, 9)
    assert model.passes == max(s.ledger.passes.n for s in samples)
    assert model.passes < max(len(s.tokens) for s in samples)


def test_a_model_that_cannot_read_along_is_asked_for_the_beginnings():
    plain = RandomModel(VOCABULARY, seed=3, scale=1.5)
    draws = [Masking(seed=4, draft=DRAFTS["both"]).sample(m, auto(), [[0, 1]] * 8, 9) for m in (plain, Ahead(plain))]
    assert told(draws[0]) == told(draws[1])


def test_rows_are_checked():
    class Narrow(Ahead):
        def logp_along(self, paths, ns):
            return [rows[:, :-1] for rows in super().logp_along(paths, ns)]

    with pytest.raises(BackendMismatch, match=r"shape \(3, 6\), the model gave \(3, 5\)"):
        rows_along(Narrow(RandomModel(VOCABULARY)), [Prefix([0, 1, 2])], [2])


def test_drafts_keep_to_the_context(model):
    class Short(Ahead):
        context = 6

        def row(self, tokens):
            assert len(tokens) <= self.context
            return super().row(tokens)

    short = Short(model.model)
    for sample in Masking(seed=1, draft=Knowing([0, 1] * 9)).sample(short, auto(), [[0, 1]] * 4, 4):
        assert sample.ledger.passes.drafted <= 4


def test_a_budget_that_a_draft_would_break_ends_the_draft(model):
    class Dear(NaiveAutomaton):
        def advance(self, state, token):
            if self.text(state) == b"abab":
                raise BudgetExceeded("states", 10)
            return super().advance(state, token)

    constraint = Dear(VOCABULARY, TEXTS)
    ahead = Lookahead(model, [Knowing([3, 3, 3, 3])])
    sample = Job(0, constraint, (), 9, np.random.default_rng(0)).sample
    assert ahead.draft(sample) == [3, 3]


# ---- drafters


def test_n_grams_are_found_as_a_scan_finds_them():
    rng = np.random.default_rng(0)
    for _ in range(2000):
        tokens = rng.integers(0, 3, rng.integers(0, 15)).tolist()
        shortest = int(rng.integers(1, 4))
        longest = shortest + int(rng.integers(0, 3))
        expected = []
        for n in range(longest, shortest - 1, -1):
            ends = [i for i in range(n, len(tokens)) if tokens[i - n : i] == tokens[len(tokens) - n :]]
            if ends:
                expected = tokens[ends[-1] : ends[-1] + 4]
                break
        drafter = NGramDrafter(4, longest, shortest)
        assert drafter.guess(None, 0, np.array(tokens, np.int64), 9) == expected
        assert drafter.guess(None, 0, np.array(tokens, np.int64), 2) == expected[:2]


def letters(text):
    """A tokenizer that prefers "ab", then "ba"."""
    found = []
    while text:
        token = next(t for t in (3, 4, 0, 1, 2) if text.startswith(VOCABULARY.tokens[t].decode()))
        found.append(token)
        text = text[len(VOCABULARY.tokens[token]) :]
    return found


@pytest.mark.parametrize("share", [0, 0.001, 0.05, 1])
def test_few_ids_are_all_ids(share):
    bits = np.random.default_rng(0).random(32 * 200) < share
    row = np.packbits(bits, bitorder="little").view(np.int32)
    ids = few_ids(row)
    assert (ids is None) == (share == 1)
    assert ids is None or ids.tolist() == ids_of(row).tolist()


def test_forced_text():
    constraint = NaiveAutomaton(VOCABULARY, [b"abcab", b"abcb"])
    assert forced_text(constraint, constraint.start) == (b"abc", False)
    assert forced_text(constraint, constraint.advance(constraint.start, 3)) == (b"c", False)
    ended = NaiveAutomaton(VOCABULARY, [b"ab", b"abc"])
    assert forced_text(ended, ended.start) == (b"ab", False)  # the end may follow, too
    one = NaiveAutomaton(VOCABULARY, [b"abcab"])
    assert forced_text(one, one.start) == (b"abcab", True)


def test_a_space_is_guessed_where_there_may_be_one():
    tokens = vocabulary([b" ", b"a", b"b", b" a"])
    constraint = NaiveAutomaton(tokens, [b"ab", b"a b", b"a  b"])
    assert forced_text(constraint, constraint.start) == (b"a b", True)


def test_forced_text_is_cut_as_the_tokenizer_cuts_it():
    constraint = NaiveAutomaton(VOCABULARY, TEXTS)
    assert canonical(constraint, letters, [], b"abcab", True) == (3, 2, 3)
    assert canonical(constraint, letters, [], b"abcab", False) == (3, 2)  # the last may grow
    assert canonical(constraint, letters, [2], b"abc", False) == (3,)
    assert canonical(constraint, letters, [EOS, 2], b"abc", False) == (3,)
    assert canonical(constraint, letters, [0], b"bc", True) == ()  # it would have made "ab" of what is before
    assert canonical(constraint, letters, [0, 1], b"c", True) == ()  # and does not cut like that
    assert canonical(constraint, lambda text: [0, *letters(text)], [], b"cc", True) == ()  # other bytes
    assert canonical(constraint, letters, [], b"ab\xc3", True) == ()
    assert canonical(constraint, letters, [], b"ab\xff", True) == ()


def test_habits():
    constraint = NaiveAutomaton(VOCABULARY, TEXTS)
    habits = Habits(constraint, [[3, 3, EOS], [3, 2, EOS], [0, EOS]])
    assert habits.token(constraint.start, 0.6) == 3
    assert habits.token(constraint.start, 0.7) is None
    assert habits.token(constraint.advance(constraint.start, 3), 0.5) == 3
    assert habits.token(0, 0.5) is None


def test_habits_outlive_a_run(model):
    constraint, drafter = auto(), GrammarDrafter()
    sampler = Masking(greedy=True, draft=drafter)
    (first,) = sampler.sample(model, constraint, [[]], 9)
    (second,) = sampler.sample(model, constraint, [[]], 9)
    assert told([first]) == told([second])
    assert second.ledger.passes.n == 1 <= first.ledger.passes.n
    guarded = auto(odd)
    Masking(draft=drafter).sample(model, guarded, [[]], 9)
    assert drafter.texts(guarded) == []  # to find its states again would ask the guards
    copy = pickle.loads(pickle.dumps(drafter))
    assert copy == drafter
    assert copy.texts(constraint) == []
    assert drafter.texts(constraint) == [tuple(first.tokens)] * 2


def test_options_are_checked():
    for make in (NGramDrafter, GrammarDrafter):
        with pytest.raises(ValueError, match="length to be at least 1"):
            make(0)
    with pytest.raises(ValueError, match="1 <= shortest <= longest, got 3 and 2"):
        NGramDrafter(longest=2, shortest=3)
    with pytest.raises(ValueError, match=r"share to be in \(0, 1\], got 0"):
        GrammarDrafter(share=0)
