"""`uniqueItems` over listed strings: decided without a guard, an item is refused where it comes again."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from oracles.naive_grammar import matches

from syntagma.automata import Vocabulary, compile_grammar
from syntagma.grammar.jsonschema import JsonSchema

VALUES = ["a", "b", "cc", 'd"e', "é", "f"]


def distinct(values: list[str], **bounds: int) -> dict[str, Any]:
    return {"type": "array", "items": {"enum": values}, "uniqueItems": True, **bounds}


@pytest.mark.parametrize("bounds", [{}, {"minItems": 2}, {"maxItems": 2}, {"minItems": 1, "maxItems": 6}], ids=str)
def test_lists_of_distinct_strings(bounds: dict[str, int]) -> None:
    schema = JsonSchema(distinct(VALUES, **bounds))
    assert schema.residuals == []
    for n in range(4):
        for items in product([*VALUES[:4], "x"], repeat=n):
            right = len({*items}) == n and "x" not in items
            right = right and bounds.get("minItems", 0) <= n <= bounds.get("maxItems", 9)
            text = json.dumps(items, ensure_ascii=False, separators=(",", ":"))
            assert matches(schema.grammar(), text.encode()) == right, text


def test_an_item_is_refused_where_it_comes_again(byte_vocabulary: Vocabulary) -> None:
    auto = compile_grammar(
        JsonSchema(distinct([f"word {i:03}" for i in range(500)], minItems=3)).grammar(), byte_vocabulary
    )
    assert auto.exact
    state = auto.start
    for byte in b'["word 017","word 400","word 01':
        state = auto.advance(state, byte)
        assert state
    allowed = [byte for byte in range(256) if auto.mask(state)[byte >> 5] >> (byte & 31) & 1]
    assert bytes(allowed) == b"012345689"


def test_beginnings_of_each_other_and_other_spellings_are_left_to_a_guard() -> None:
    assert JsonSchema(distinct(["one", "two", "three", "four", "fourteen"])).residuals != []
    assert JsonSchema(distinct(VALUES), "spec").residuals != []
    assert JsonSchema(distinct(VALUES), whitespace="indent=2").residuals != []
