"""Samplers on compiled automata draw what they draw on naive ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_automaton import NaiveAutomaton, vocabulary

from syntagma.automata import Vocabulary, compile_grammar
from syntagma.grammar.ir import Bytes, Grammar, Guarded, choice
from syntagma.sampling import Masking, RandomModel
from syntagma.sampling.laws import check_constraint

TOKENS = [b"a", b"b", b"c", b"ab", b"ba", b"abc"]
NAIVE = vocabulary(TOKENS)
VOCABULARY = Vocabulary.from_tokens(TOKENS, eos_ids=[6])
MODEL = RandomModel(NAIVE, seed=1)
texts = st.sets(st.text("abc", max_size=5).map(str.encode), min_size=1, max_size=6)


class Odd:
    pointer, keyword = "#", "odd"

    def __call__(self, text):
        return len(text) % 2 == 1


def grammar(found, check=None):
    body = choice(*map(Bytes, sorted(found)))
    return Grammar("s", {"s": body if check is None else Guarded(body, check)})


@settings(max_examples=30, deadline=None)
@given(texts, st.sampled_from([Masking(seed=1), Masking(greedy=True), Masking(top_k=2, temperature=0.7, seed=2)]))
def test_the_same_samples(found, sampler):
    naive, compiled = NaiveAutomaton(NAIVE, found), compile_grammar(grammar(found), VOCABULARY)
    assert compiled.exact
    check_constraint(compiled, walks=2)
    wanted, got = (sampler.sample(MODEL, auto, [[0]] * 5, 12) for auto in (naive, compiled))
    assert [s.ledger for s in got] == [s.ledger for s in wanted]
    assert all(s.finish_reason == "stop" for s in got)


@settings(max_examples=20, deadline=None)
@given(texts, st.integers(0, 5))
def test_budgets_are_kept(found, budget):
    compiled = compile_grammar(grammar(found), VOCABULARY)
    if min(map(len, found)) <= budget:
        for sample in Masking(seed=budget).sample(MODEL, compiled, [[0]] * 8, budget):
            assert sample.finish_reason == "stop"
            assert len(sample.tokens) <= budget + 1


@settings(max_examples=15, deadline=None)
@given(texts)
def test_guarded_samples_obey(found):
    compiled = compile_grammar(grammar(found, Odd()), VOCABULARY)
    check_constraint(compiled, walks=2)
    for sample in Masking(seed=3).sample(MODEL, compiled, [[0]] * 8, 12):
        if sample.dead is None:
            text = b"".join(VOCABULARY.token_bytes(t) for t in sample.tokens)
            assert text in found
            assert len(text) % 2 == 1
        else:
            assert "No token may follow" in str(sample.dead)


def test_dead_ends_are_certain_where_nothing_passes():
    compiled = compile_grammar(grammar({b"ab", b"abcc"}, Odd()), VOCABULARY)
    samples = Masking(seed=3).sample(MODEL, compiled, [[0]] * 8, 12)
    assert all(s.dead is not None for s in samples)
    assert compiled.exact is False
    with pytest.raises(type(samples[0].dead), match="refused"):
        raise samples[0].dead
