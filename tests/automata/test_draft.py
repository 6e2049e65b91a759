"""Drafts: masks of paths and trees are those of a plain loop over forks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import syntagma as sg
from syntagma.automata.draft import Draft, fill_draft_masks, validate

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 5}, "tags": {"type": "array", "uniqueItems": True}},
    "required": ["name"],
}
CONSTRAINTS = {"schema": sg.JsonSchema(SCHEMA), "regex": sg.Regex("(ab|a)*[01]{2}"), "nothing else": sg.Choice(["ab"])}


@pytest.fixture(scope="module", params=CONSTRAINTS)
def automaton(request, byte_vocabulary):
    return sg.compile(CONSTRAINTS[request.param], byte_vocabulary)


def naive(matcher, tokens, parents):
    """Fork, accept, mask: the forks of the legal nodes, None for the others."""
    forks = []
    for token, parent in zip(tokens, parents, strict=True):
        before = matcher if parent < 0 else forks[parent]
        fork = before and before.fork()
        forks.append(fork if fork and fork.accept(token) else None)
    return forks


def row_of(matcher):
    row = np.zeros(matcher.automaton.mask_width, np.int32)
    matcher.fill_mask(row)
    return row


def tokens_of(matcher):
    return np.flatnonzero(np.unpackbits(row_of(matcher).view(np.uint8), bitorder="little")).tolist()


@st.composite
def trees(draw, matcher):
    """Trees whose nodes are mostly legal, of a few nodes, on a matcher that has gone some steps."""
    for _ in range(draw(st.integers(0, 6))):
        if may_follow := tokens_of(matcher):
            matcher.accept(draw(st.sampled_from(may_follow)))
    tokens, parents, forks = [], [], []
    for i in range(draw(st.integers(0, 8))):
        parents.append(draw(st.integers(-1, i - 1)))
        before = matcher if parents[-1] < 0 else forks[parents[-1]]
        legal = tokens_of(before) if before else []
        wild = st.integers(-2, matcher.automaton.vocabulary.width + 2)
        tokens.append(draw(st.sampled_from(legal) if legal and draw(st.integers(0, 4)) else wild))
        forks = naive(matcher, tokens, parents)
    return tokens, parents, forks


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_trees_are_as_forks_have_it(automaton, data):
    matcher = automaton.matcher()
    tokens, parents, forks = data.draw(trees(matcher))
    before, n = matcher.state, matcher.n_tokens
    draft = Draft(matcher, tokens, parents)
    rows = np.full((1 + len(tokens), automaton.mask_width), 7, np.int32)
    legal = draft.fill_masks(rows)
    assert legal.tolist() == [fork is not None for fork in forks]
    assert (rows[0] == row_of(matcher)).all()
    for row, fork in zip(rows[1:], forks, strict=True):
        assert (row == (0 if fork is None else row_of(fork))).all()
    for node in range(-1, len(tokens)):
        assert (matcher.state, matcher.n_tokens) == (before, n)
        if node >= 0 and forks[node] is None:
            with pytest.raises(sg.SyntagmaError, match="leaves the language"):
                draft.commit(node)
            continue
        moved = draft.commit(node)
        assert matcher.n_tokens == n + moved
        assert matcher.state == (before if node < 0 else forks[node].state)
        matcher.rollback(moved)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_validate_counts_what_a_loop_accepts(automaton, data):
    matcher = automaton.matcher()
    tokens, _, _ = data.draw(trees(matcher))
    fork = matcher.fork()
    expected = next((i for i, t in enumerate(tokens) if not fork.accept(t)), len(tokens))
    assert matcher.validate(tokens) == validate(matcher, tokens) == expected == Draft(matcher, tokens).n_legal


def test_nothing_follows_the_end(byte_vocabulary):
    automaton = sg.compile(sg.Choice(["ab"]), byte_vocabulary)
    (eos,) = automaton.end_ids
    matcher = automaton.matcher()
    draft = Draft(matcher, [97, 98, eos, eos])
    rows = np.ones((5, automaton.mask_width), np.int32)
    assert draft.fill_masks(rows, unreached=-1).tolist() == [True, True, True, False]
    assert not rows[3].any()
    assert (rows[4] == -1).all()
    assert draft.commit(2) == 3
    assert matcher.finished
    with pytest.raises(sg.SyntagmaError, match="has moved"):
        draft.commit(0)


def test_drafts_of_a_batch_lie_behind_each_other(byte_vocabulary):
    automata = [sg.compile(c, byte_vocabulary) for c in CONSTRAINTS.values()]
    drafts = [Draft(a.matcher(), [123, 34][:n]) for a in automata for n in range(3)] * 8  # more than a thread is worth
    rows = np.zeros((sum(1 + len(d) for d in drafts), automata[0].mask_width), np.int32)
    found = fill_draft_masks(drafts, rows)
    at = 0
    for draft, legal in zip(drafts, found, strict=True):
        own = np.zeros((1 + len(draft), automata[0].mask_width), np.int32)
        assert (draft.fill_masks(own) == legal).all()
        assert (rows[at : at + len(own)] == own).all()
        at += len(own)


def test_what_is_no_tree_is_refused(automaton):
    matcher = automaton.matcher()
    with pytest.raises(ValueError, match="a parent for each of the 2 tokens, got 1"):
        Draft(matcher, [1, 2], [-1])
    with pytest.raises(ValueError, match="parent of node 1 to be from -1 to 0, got 1"):
        Draft(matcher, [1, 2], [-1, 1])
    with pytest.raises(ValueError, match="Expected 3 rows"):
        Draft(matcher, [1, 2]).fill_masks(np.zeros((2, automaton.mask_width), np.int32))
    with pytest.raises(sg.SyntagmaError, match="from -1 to 1, got 2"):
        Draft(matcher, [1, 2]).commit(2)


def test_states_stay_valid_while_a_draft_lives(byte_vocabulary):
    """Its run ends with it; an automaton drops states between runs."""
    automaton = sg.compile(CONSTRAINTS["schema"], byte_vocabulary)
    draft = Draft(automaton.matcher(), [123, 34, 110])
    states = draft.states
    for _ in range(3):
        automaton.matcher()
        assert automaton._runs == 1
    rows = np.zeros((4, automaton.mask_width), np.int32)
    assert draft.fill_masks(rows).all()
    assert draft.states == states
    assert draft.commit(2) == 3
    del draft
    assert automaton._runs == 0
