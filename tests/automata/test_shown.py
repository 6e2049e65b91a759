"""What shows of the keys seen: sets of them share a mask where no token tells them apart, and only there."""

from __future__ import annotations

from itertools import combinations
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import syntagma as sg
from syntagma.automata import TokenAutomaton, Vocabulary
from syntagma.automata._shown_kernels import MANY_SETS

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
BYTES = [bytes([b]) for b in b'{}[]":, \n\t' + LETTERS.encode()]
INTEGER = {"type": "integer"}
#: Keys that make an object's set of seen keys too large for a word; three bits of the first are left to other keys.
MORE = [f"z{i}" for i in range(29)]


def compiled(
    keys: list[str], pieces: list[bytes], order: Any = "any", whitespace: str = "compact", **more: Any
) -> TokenAutomaton:
    schema = {"type": "object", "properties": dict.fromkeys(keys, INTEGER), "additionalProperties": False} | more
    tokens = BYTES + sorted({piece for piece in pieces if len(piece) > 1})
    constraint = sg.JsonSchema(schema, profile="generation", property_order=order, whitespace=whitespace)
    return sg.compile(constraint, Vocabulary.from_tokens(tokens, [len(tokens)]))


def state_behind(auto: TokenAutomaton, text: str) -> int:
    state = auto.start
    for letter in text.encode():
        state = auto.advance(state, BYTES.index(bytes([letter])))
    return state


def masks(auto: TokenAutomaton, sets: list[tuple[str, ...]], end: str) -> tuple[set[bytes], int]:
    """The different masks behind objects that have seen these keys, and how many were computed."""
    found, row = set(), np.zeros(auto.mask_width, np.int32)
    with auto.run():
        before = auto.stats.mask_misses
        for seen in sets:
            state = state_behind(auto, "{" + "".join(f'"{key}":1,' for key in seen) + end)
            if state == 0:  # all keys that begin so were seen
                continue
            auto.fill_mask(state, row)
            bits = np.unpackbits(row.view(np.uint8), bitorder="little")
            assert np.flatnonzero(bits).tolist() == [t for t in range(auto.vocabulary.width) if auto.check(state, t)]
            found.add(row.tobytes())
        return found, auto.stats.mask_misses - before


def begun(key: str, rng: Random) -> bytes:
    """A part of a key, perhaps with a quote."""
    text = f'"{key}"'
    at = rng.randrange(len(text) - 1)
    return text[at : at + rng.randint(2, 5)].encode()


@pytest.mark.parametrize("end", ["", '"', '"a'], ids=["before", "inside", "further"])
@pytest.mark.parametrize("more", [[], MORE], ids=["few", "many"])
@pytest.mark.parametrize("open", [False, True])
@pytest.mark.parametrize("order", ["any", "schema"])
@settings(deadline=None, max_examples=25)
@given(
    keys=st.lists(st.text("ab", min_size=1, max_size=4), min_size=3, max_size=5, unique=True),
    required=st.lists(st.integers(0, 2), max_size=2, unique=True),
    seed=st.integers(0, 1 << 30),
)
def test_sets_that_no_token_tells_apart_share_a_mask(
    keys: list[str], required: list[int], seed: int, order: str, open: bool, more: list[str], end: str
) -> None:
    rng = Random(seed)
    pieces = [begun(rng.choice(keys), rng) for _ in range(rng.choice([0, 3, 8]))]
    auto = compiled(more + keys, pieces, order, additionalProperties=open, required=[keys[k] for k in required])
    # Behind the last key but one it may show that none is left.
    sets = [seen for n in range(1, len(keys) + 1 if more or open else len(keys) - 1) for seen in combinations(keys, n)]
    rng.shuffle(sets)
    masks(auto, [()], end)  # makes the tables
    found, computed = masks(auto, sets, end)
    if order == "any":
        assert computed <= len(found)


def test_one_token_may_tell_that_no_key_is_left() -> None:
    for pieces in ([], [b'"ab":1,"'], [b'ab":1,"']):
        auto = compiled(["ab", "ac", "b"], pieces)
        masks(auto, [("b",), ("ac", "b"), ("ac",), ("ab", "b")], "")
        masks(auto, [("b",), ("ac", "b"), ("ac",), ("ab", "b")], '"')


def test_keys_whose_beginnings_are_too_many() -> None:
    keys = [f"{first}{last}" for first in LETTERS[: MANY_SETS + 2] for last in "ab"]
    sets = [("aa",), ("aa", "ab"), ("ba", "aa"), ("aa", "ab", "ba")]
    for some, n in ((keys, len(sets)), (keys[: 2 * MANY_SETS], 2)):
        found, computed = masks(compiled(some, []), sets, '"')
        assert (len(found), computed) == (2, n)


def test_where_a_required_key_is_missing_it_does_not_matter_what_the_object_stands_in() -> None:
    inner = {"type": "object", "properties": {"x": INTEGER, "y": INTEGER}, "required": ["x", "y"]}
    schema = {"properties": {"a": inner, "b": {"type": "array", "items": inner}}, "required": ["a"]}
    auto = compiled([], [b"1,", b"}}", b"}]", b"1}"], **schema)
    row, computed = np.zeros(auto.mask_width, np.int32), {}
    for text in ('{"a":{"x":1', '{"b":[{"x":1', '{"a":{"x":1,"y":1', '{"b":[{"x":1,"y":1'):
        before = auto.stats.mask_misses
        state = state_behind(auto, text)
        auto.fill_mask(state, row)
        computed[text] = auto.stats.mask_misses - before
    assert list(computed.values()) == [1, 0, 1, 1]


def test_far_from_its_end_a_declared_key_is_like_any_other() -> None:
    auto = compiled(["abcd", "bbcd", "xyz"], [b"ab", b'cd"', b'd":'], additionalProperties=True)
    row = np.zeros(auto.mask_width, np.int32)
    for text, n in (("a", 1), ("b", 0), ("zz", 0), ("ab", 1), ("bb", 1), ("x", 0), ("xy", 0), ("xyz", 1)):
        before = auto.stats.mask_misses
        auto.fill_mask(state_behind(auto, '{"' + text), row)
        assert auto.stats.mask_misses - before == n, text


def test_a_forbidden_key_shows() -> None:
    schema = {"properties": {"ab": False, "cd": INTEGER}, "additionalProperties": True}
    auto = compiled([], [b'b"', b'b":', b'd"'], **schema)
    for seen in ((), ("cd",)):
        for end in ('"', '"a', '"c', '"ab', '"cd'):
            masks(auto, [seen], end)


@pytest.mark.parametrize("whitespace", ["any", " *", r"\n*", r"[ \n]*", r"(\n *)?", r"(\n )*", r"( |\n\t*)?"])
@pytest.mark.parametrize("open", [False, True])
def test_keys_behind_white_space_show(whitespace: str, open: bool) -> None:
    keys = ["ab", "ac", "b", "c"]
    sets = [seen for n in range(1, 3) for seen in combinations(keys, n)]
    for space in ("", "\n", " ", "\n ", "\n\t", " \n"):
        pieces = [f'{space}"ab"'.encode(), f'{space}"a'.encode()]
        auto = compiled(keys, pieces, whitespace=whitespace, additionalProperties=open)
        for end in ("", "\n", " ", '"'):
            masks(auto, sets, end)


def test_white_space_alone_may_tell_that_an_object_may_end() -> None:
    schema = {"required": ["ac"], "additionalProperties": False, "minProperties": 1}
    auto = compiled(["ab", "ac", "b"], [b'b":1\n', b'b":1,\n', b'":1\n', b'"ab":'], whitespace="indent=1", **schema)
    row = np.zeros(auto.mask_width, np.int32)
    for first in ("ac", "b"):
        for end in ("", '"', '"a', '"ab', '"b'):
            state = state_behind(auto, f'{{\n "{first}": 1,\n ' + end)
            assert state or end == f'"{first}'
            auto.fill_mask(state, row)
            bits = np.unpackbits(row.view(np.uint8), bitorder="little")
            assert np.flatnonzero(bits).tolist() == [t for t in range(auto.vocabulary.width) if auto.check(state, t)]
