"""Character tries: the minimal machine of all spellings, labelled with the class that was read."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.grammar.character_trie import UTF8, CharacterTrie, character_trie
from syntagma.grammar.ir import Expr
from syntagma.grammar.jsonschema.strings import EVERY, SHORTEST
from syntagma.grammar.machine import Machine, minimise
from syntagma.grammar.nfa import determinize
from syntagma.grammar.unicode import SURROGATES, CodePoints, code_points, intersection, negation, union

LIMIT = 50_000
#: Where the ways to write a code point change.
EDGES = [0, 8, 0xE, 0x1F, 0x22, 0x2F, 0x5C, 0x7F, 0x7FF, 0xFFF, 0xD7FF, 0xDFFF, 0xFFFF, 0x103FF, 0xFFFFF, 0x10FFFF]
WRITINGS = {
    "UTF-8": (lambda classes: character_trie(UTF8, classes), code_points),
    "shortest": (SHORTEST.trie, SHORTEST.characters),
    "every": (EVERY.trie, EVERY.characters),
}


@st.composite
def partitions(draw: st.DrawFn) -> tuple[CodePoints, ...]:
    """Disjoint classes without surrogates."""
    code = st.one_of(st.sampled_from(EDGES), st.integers(0, 0x180), st.integers(0, 0x10FFFF))
    cuts = sorted(
        {0, 0x110000, *(min(cut + draw(st.integers(-1, 1)), 0x10FFFF) for cut in draw(st.lists(code)))} - {-1}
    )
    n = draw(st.integers(1, 4))
    classes: list[list[tuple[int, int]]] = [[] for _ in range(n)]
    for first, behind in pairwise(cuts):
        k = draw(st.integers(-1, n - 1))
        if k >= 0:
            classes[k].append((first, behind - 1))
    cleaned = [intersection(union(ranges), negation(SURROGATES)) for ranges in classes]
    return tuple(ranges for ranges in cleaned if ranges)


def machine_of(trie: CharacterTrie, n_classes: int) -> Machine:
    """The trie as a machine: its root first, a final state for each class last."""
    last = len(trie) - 1
    number = {last: 0} | {node: node + 1 for node in range(last)} | {~k: len(trie) + k for k in range(n_classes)}
    rows = [{number[target]: mask for mask, target in trie[node]} for node in (last, *range(last))]
    labels = [0] * len(trie) + [k + 1 for k in range(n_classes)]
    return Machine(rows + [{} for _ in range(n_classes)], labels)


@pytest.mark.parametrize("writing", WRITINGS)
@settings(max_examples=120, deadline=None)
@given(classes=partitions())
def test_tries_are_minimal_machines(writing: str, classes: tuple[CodePoints, ...]) -> None:
    trie_of: Callable[[tuple[CodePoints, ...]], CharacterTrie]
    spell: Callable[[CodePoints], Expr]
    trie_of, spell = WRITINGS[writing]
    trie = trie_of(classes)
    wanted = determinize([spell(ranges) for ranges in classes], LIMIT)
    assert minimise(machine_of(trie, len(classes))) == wanted
    if classes:
        assert len(trie) + len(classes) == len(wanted.rows)
    assert all(target < node for node, row in enumerate(trie) for _, target in row)


def test_one_character() -> None:
    assert EVERY.trie((((0x61, 0x61),),))[-1] == ((1 << 0x5C, 4), (1 << 0x61, ~0))
    assert SHORTEST.trie((((0x61, 0x61),),)) == (((1 << 0x61, ~0),),)


def test_no_character() -> None:
    assert character_trie(UTF8, ()) == ((),)
