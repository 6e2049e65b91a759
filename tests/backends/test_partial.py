"""Partial JSON against its laws, on every prefix."""

import json
import time

from hypothesis import given
from hypothesis import strategies as st

from syntagma.backends.partial import PartialJson

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def is_beginning(part, whole):
    if isinstance(whole, list) and isinstance(part, list):
        return len(part) <= len(whole) and all(map(is_beginning, part, whole))
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and is_beginning(part[key], whole[key]) for key in part)
    if isinstance(whole, str) and isinstance(part, str):
        return whole.startswith(part)
    return type(part) is type(whole) and part == whole


@given(values, st.booleans(), st.sampled_from([None, 2]))
def test_prefixes_show_beginnings(whole, ascii_only, indent):
    text = json.dumps(whole, ensure_ascii=ascii_only, indent=indent)
    partial = PartialJson()
    before = None
    for i, char in enumerate(text):
        assert partial.closed is None or is_beginning(json.loads(partial.closed), whole)
        partial.feed(char)
        assert partial.text == text[: i + 1]
        if before is not None:
            assert is_beginning(before, partial.value)
        before = partial.value if partial.closed is not None else None
    partial.feed("\n")
    assert partial.value == whole
    assert partial.depth == 0


@given(values, st.lists(st.integers(1, 7), min_size=1))
def test_pieces_do_not_matter(whole, sizes):
    text = json.dumps(whole)
    chars, pieces = PartialJson(), PartialJson()
    i, k = 0, 0
    while i < len(text):
        piece = text[i : i + sizes[k % len(sizes)]]
        pieces.feed(piece)
        for char in piece:
            chars.feed(char)
        assert (chars.closed, chars.depth) == (pieces.closed, pieces.depth)
        i, k = i + len(piece), k + 1


def test_what_is_left_out():
    shown = {
        "": None,
        "12": None,
        "tru": None,
        "true": True,
        "12 ": 12,
        '{"a"': {},
        '{"a": ': {},
        '{"a": 1': {},
        '{"a": 1,': {"a": 1},
        '{"a": "x\\': {"a": "x"},
        '{"a": "x\\u00e': {"a": "x"},
        '{"a": "x\\u00e9': {"a": "xé"},
        '["\\ud83d': [""],
        '["\\ud83d\\ude': [""],
        '["\\ud83d\\ude00': ["😀"],
        '["\\ud83dx': ["\ud83dx"],
        '["\\ud83d"': ["\ud83d"],
        '["\\ud83d\\n': ["\ud83d\n"],
        "[[1, -2.5e": [[1]],
        '[{"a": [': [{"a": []}],
    }
    for text, value in shown.items():
        partial = PartialJson()
        partial.feed(text)
        assert partial.value == value, text


def test_depth_counts_open_values():
    for text, depth in {"": 0, "[": 1, '["a': 2, '{"a': 1, '{"a": "b': 2, '{"a": [1, {"b": [': 4, "[[]": 1}.items():
        partial = PartialJson()
        partial.feed(text)
        assert partial.depth == depth, text


def test_long_texts_take_linear_time():
    partial = PartialJson()
    start = time.process_time()
    for _ in range(40_000):
        partial.feed('{"ab": ["c", {"d": "e')
        partial.feed('\\n", "f": 12}')
    assert partial.depth == 80_000
    assert time.process_time() - start < 5
