"""Feasible counts against the definition, by trying all ways through small loops; and patterns beside huge lengths."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import syntagma as sg
from syntagma.automata import feasible
from syntagma.automata.feasible import Counts, Loop
from syntagma.errors import BudgetExceeded

#: No way of more items tells anything new about loops of so few states and bounds so small.
FAR = 60
MOST_STATES = 5
VOCABULARY = sg.Vocabulary.from_tokens([bytes((byte,)) for byte in range(32, 127)], eos_ids=[95])


@st.composite
def loops(draw: st.DrawFn) -> tuple[dict[int, list[tuple[int, bool]]], list[int]]:
    n = draw(st.integers(1, MOST_STATES))
    edge = st.tuples(st.integers(0, n - 1), st.booleans())
    steps = {state: draw(st.lists(edge, max_size=3)) for state in range(n)}
    return steps, draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n))


def lengths_by_trying(steps: dict[int, list[tuple[int, bool]]], ends: list[int]) -> dict[int, set[int]]:
    """By state, the numbers of items, up to `FAR`, that lead to an end."""
    found: dict[int, set[int]] = {state: {0} if state in ends else set() for state in steps}
    while True:
        more = {
            state: found[state] | {r + grows for t, grows in steps[state] for r in found[t] if r + grows <= FAR}
            for state in steps
        }
        if more == found:
            return found
        found = more


def as_set(counts: Counts, top: int) -> set[int]:
    return {
        c for c in range(top + 1) if counts.first <= c <= counts.last and (counts.bits is None or counts.bits >> c & 1)
    }


@settings(max_examples=400, deadline=None)
@given(loops(), st.integers(0, 9), st.none() | st.integers(0, 14))
def test_counts_are_feasible_if_some_way_ends_within_the_bounds(
    loop: tuple[dict[int, list[tuple[int, bool]]], list[int]], low: int, more: int | None
) -> None:
    steps, ends = loop
    high = None if more is None else low + more
    lengths = lengths_by_trying(steps, ends)
    found = Loop(steps, ends, 0).feasible(low, high)
    top = low if high is None else high
    for state in steps:
        most = FAR if high is None else high
        expected = {c for c in range(top + 1) if any(low <= c + r <= most for r in lengths[state])}
        assert as_set(found[state], top) == expected
        assert Loop(steps, ends, state).is_within(low, high) == (
            bool(lengths[state]) and all(low <= r and (high is None or r <= high) for r in lengths[state])
        )


@settings(max_examples=200, deadline=None)
@given(loops())
def test_counts_that_states_are_reached_with(loop: tuple[dict[int, list[tuple[int, bool]]], list[int]]) -> None:
    steps, _ = loop
    counts: dict[int, set[int]] = {state: {0} if state == 0 else set() for state in steps}
    for _ in range(FAR * len(steps)):
        for state in steps:
            for target, grows in steps[state]:
                counts[target] |= {c + grows for c in counts[state] if c + grows <= FAR}
    found = Loop(steps, [], 0).reached()
    assert found.keys() == {state for state in steps if counts[state]}
    for state, (least, most) in found.items():
        assert least == min(counts[state])
        assert (FAR - MOST_STATES if most is None else most) <= max(counts[state]) <= (FAR if most is None else most)


@pytest.mark.parametrize("n", [4, 45])
def test_huge_exact_lengths(n: int) -> None:
    """Each round takes n items: the lengths that are left are multiples of it."""
    high = 1_000_001
    steps = {state: [((state + 1) % n, True)] for state in range(n)}
    found = Loop(steps, [0], 0).feasible(high, high)
    bits = found[1].as_bits()
    assert all((bits >> c & 1) == ((high - c + 1) % n == 0) for c in (*range(3 * n), *range(high - 3 * n, high + 1)))
    assert bits.bit_count() == len(range(n - 1, high + 1, n))


def test_lengths_too_irregular_to_tell_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feasible, "WORK", 10_000)
    steps = {state: [((state + 1) % 60, True), ((state * 7 + 3) % 60, True)] for state in range(60)}
    with pytest.raises(BudgetExceeded, match="counts of a pattern with a length"):
        Loop(steps, [0], 0).feasible(5_000, 5_000)


PATTERNS = [
    "^[0-9]{12}$",
    "^[a-c]*$",
    "^(ab)+$",
    "^x(-[^:]+)?:[a-z]{1,20}:y$",
    "b[a-c]{3,31}",
    "^[a-c]{2,400}$",
    "^x-?q{0,590}:abc:y$",
    "^(?=.{1,600}$)[a-c]+(-[a-c]+)*$",
    "^[a-z]{1,40}(-[a-z]{1,40})*$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("bounds", [(0, 2**31 - 1), (1, 10**7), (0, 2048), (20, 600), (5, 2**32)])
def test_patterns_beside_lengths(pattern: str, bounds: tuple[int, int]) -> None:
    """Texts near what the lengths allow are taken or refused as `re` and the lengths have it."""
    low, high = bounds
    schema = {"type": "string", "pattern": pattern, "minLength": low, "maxLength": high}
    try:
        automaton = sg.compile(sg.JsonSchema(schema), VOCABULARY)
    except sg.EmptyLanguage:
        assert pattern == PATTERNS[0]
        assert low > 12
        return
    texts = ["", "1" * 11, "1" * 12, "1" * 13, "x:abc:y", "x-" + "q" * 30 + ":abc:y", "x:" + "a" * 21 + ":y"]
    texts += [
        part * n
        for part in ("a", "ab", "bc")
        for n in (3, 4, 5, 9, 10, 19, 20, 40, 299, 300, 301, 600, 601, 2048, 2049)
    ]
    texts += ["x-" + "q" * (n - 8) + ":abc:y" for n in (19, 20, 600, 601, 2048, 2049)]
    texts += ["-".join(["a" * 40] * n) for n in (1, 2, 14, 15, 49, 50, 51)]
    for text in texts:
        matcher = automaton.matcher()
        taken = all(matcher.accept(token) for token in [ord(c) - 32 for c in json.dumps(text)] + [95])
        assert taken == (low <= len(text) <= high and re.search(pattern, text) is not None), text[:60]
