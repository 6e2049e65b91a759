"""Texts of open guarded values: what is dropped, and what that costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syntagma.automata.texts import Texts


@given(st.lists(st.tuples(st.integers(1, 9), st.text("ab", max_size=9).map(str.encode)), max_size=20), st.data())
def test_states_that_are_kept_have_their_texts(pairs: list[tuple[int, bytes]], data: st.DataObject) -> None:
    texts = Texts()
    states = {texts.join(config, texts.append(0, text)): (config, text) for config, text in pairs}
    kept = data.draw(st.lists(st.sampled_from(sorted(states)), unique=True) if states else st.just([]))
    fresh, number = texts.kept(kept)
    assert sorted(number) == sorted(kept)
    for state in kept:
        config, text = fresh.split(number[state])
        assert (config, fresh.bytes_of(text)) == states[state]
        assert fresh.append(0, states[state][1]) == text
    beginnings = {states[state][1][:n] for state in kept for n in range(10)}
    assert len(fresh._nodes) == len(beginnings | {b""})


def test_to_keep_every_beginning_of_a_long_text_takes_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, text, states = Texts(), 0, []
    for k in range(3000):
        text = texts.append(text, bytes((k % 251,)))
        states.append(texts.join(1, text))
    added: list[int] = []
    append = Texts.append
    monkeypatch.setattr(
        Texts, "append", lambda self, text, more: (added.append(len(more)), append(self, text, more))[1]
    )
    texts.kept(states)
    assert sum(added) == 3000
