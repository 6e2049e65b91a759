"""Enclosures: containers lowered with their braces allow what they allow when the braces are a rule of their own."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from syntagma.automata import TokenAutomaton, Vocabulary, compile_grammar, lower
from syntagma.automata import _layout_kernels as L
from syntagma.automata.enclosure import enclosed
from syntagma.grammar.ir import (
    Alt,
    Bytes,
    Expr,
    Grammar,
    Items,
    Member,
    Members,
    OtherMembers,
    Ref,
    Repeat,
    Seq,
    byte_set,
)
from syntagma.grammar.jsonschema import JsonSchema

LIMIT = 20_000
PIECES = [b'{"', b'":', b'": ', b'", "', b'","', b'"}', b'"]', b'"}]', b"}]", b"[]", b"{}", b"[[", b"]]", b", ", b"  "]
PIECES += [b'"a":', b'{"a":', b'1,"b"', b"\n ", b" }", b" ]", b"] }", b"1]", b"1}", b'"x"', b"],", b"},", b'"a', b'a"']
VOCABULARY = Vocabulary.from_tokens([*(bytes((b,)) for b in range(256)), *PIECES], eos_ids=[256 + len(PIECES)])

SCHEMAS: list[dict[str, Any]] = [
    {"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["b"]},
    {"properties": {"a": {"type": "integer"}, "b": {"enum": ["x"]}}, "additionalProperties": {"type": "null"}},
    {"properties": {"a": False}, "additionalProperties": {"type": "boolean"}},
    {"properties": {"a": {}, "ab": {"type": "null"}}, "minProperties": 1, "maxProperties": 2},
    {"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": False},
    {"type": "object", "maxProperties": 0},
    {"type": "object", "additionalProperties": False},
    {"type": "object", "properties": {"a": False}, "additionalProperties": False},
    {"type": "object", "required": ["a"], "propertyNames": {"maxLength": 2}},
    {"type": "array", "items": {"type": "array", "items": {"enum": [1, "x"]}}, "minItems": 1, "maxItems": 3},
    {"type": "array", "prefixItems": [{"const": 1}, {"const": "a"}], "items": False},
    {"type": "array", "prefixItems": [{"const": 1}], "items": {"type": "object", "maxProperties": 1}, "minItems": 2},
    {"type": "array", "maxItems": 0},
    {"type": "array", "items": {"properties": {"a": {"$ref": "#"}}}, "uniqueItems": True},
    {"type": "object", "properties": {"a": {"type": "array", "contains": {"const": 1}}}, "required": ["a"]},
    {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": {"type": "integer"}}},
]


def schema(number: int) -> dict[str, Any]:
    return {"type": "object", **SCHEMAS[number]}


def both(grammar: Grammar, monkeypatch: pytest.MonkeyPatch) -> tuple[TokenAutomaton, TokenAutomaton]:
    """The automaton, and the one whose containers are rules beside their braces."""
    fused = compile_grammar(grammar, VOCABULARY)
    with monkeypatch.context() as patch:
        patch.setattr(lower, "enclosed", lambda expr, limit: None)
        apart = compile_grammar(grammar, VOCABULARY)
    return fused, apart


def walk_together(one: TokenAutomaton, other: TokenAutomaton, rng: random.Random, steps: int) -> None:
    """Equal masks and distances along a random text."""
    first, second = one.matcher(), other.matcher()
    rows = np.zeros((2, VOCABULARY.mask_words), np.int32)
    text = b""
    for _ in range(steps):
        first.fill_mask(rows[0])
        second.fill_mask(rows[1])
        assert np.array_equal(rows[0], rows[1]), (text, np.flatnonzero(rows[0] != rows[1]))
        assert one.least_bytes(first.state) == other.least_bytes(second.state), text
        tokens = np.flatnonzero(np.unpackbits(rows[0].view(np.uint8), bitorder="little")).tolist()
        if not tokens and not one.exact:
            break  # a guard refuses what is left
        assert tokens, text
        short = [t for t in tokens if one.least_bytes(one.advance(first.state, t)) < one.least_bytes(first.state)]
        token = rng.choice(short if short and len(text) > 60 else tokens)
        assert first.accept(token)
        assert second.accept(token)
        if first.finished:
            break
        text += VOCABULARY.token_bytes(token)


@pytest.mark.parametrize("number", range(len(SCHEMAS)))
@pytest.mark.parametrize("options", [{}, {"profile": "spec"}, {"whitespace": "indent=2"}, {"property_order": "any"}])
def test_equal_masks(number: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = both(JsonSchema(schema(number), **options).grammar(), monkeypatch)
    for seed in range(4):
        walk_together(one, other, random.Random(seed), 120)


OTHERS = OtherMembers(Seq((Bytes(b"<"), Repeat(Bytes(b"k"), 1), Bytes(b">"))), Ref("v"))
GRAMMARS: list[Expr] = [
    Seq((Bytes(b"begin "), Members((Member(Bytes(b"<a>"), Ref("v"), True),), (OTHERS,)), Bytes(b" end"))),
    Seq((Bytes(b"("), Repeat(Bytes(b" ")), Items((), Ref("v"), 0, 3, Bytes(b";")), Repeat(Bytes(b" ")), Bytes(b")"))),
    Seq((Bytes(b"("), Repeat(Bytes(b" ")), Items((), Ref("v"), 0, 3, Bytes(b" ")), Repeat(Bytes(b" ")), Bytes(b")"))),
    Seq((Bytes(b"(,"), Items((Ref("v"),), None, 0, None, Bytes(b",")), Bytes(b",)"))),
    Seq((Bytes(b"("), Items((), Ref("v"), 0, None, Bytes(b",")), Bytes(b",)"))),
]


def test_one_machine_where_each_way_is_sure() -> None:
    assert [isinstance(body, Seq) and enclosed(body, LIMIT) is not None for body in GRAMMARS] == [
        True,
        True,
        *[False] * 3,
    ]


@pytest.mark.parametrize("body", GRAMMARS)
def test_other_braces(body: Expr, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = both(Grammar("s", {"s": body, "v": Bytes(b"1")}, is_normal=True), monkeypatch)
    for seed in range(6):
        walk_together(one, other, random.Random(seed), 60)


A_KEY = OtherMembers(Seq((Bytes(b">"), Repeat(Bytes(b"k"), 1), Bytes(b"."))), Ref("v"))
A_SPACE = OtherMembers(Seq((Bytes(b" "), Repeat(Bytes(b"k"), 1), Bytes(b"."))), Ref("v"))
AMBIGUOUS: list[tuple[Expr, bytes, bool]] = [
    # a separator that what closes begins with: the maximum is kept
    (Seq((Bytes(b"("), Items((), Ref("v"), 0, 2, Bytes(b",")), Bytes(b",)"))), b"(1,1,1,)", False),
    (Seq((Bytes(b"("), Items((), Ref("v"), 0, 2, Bytes(b",")), Bytes(b",)"))), b"(1,1,)", True),
    (
        Seq((Bytes(b"("), Items((), Ref("v"), 0, 3, Bytes(b" ")), Repeat(Bytes(b" ")), Bytes(b")"))),
        b"(1 1 1 1)",
        False,
    ),
    # what closes, and a separator that begins so: minimum and required keys are kept
    (Seq((Bytes(b"("), Items((), Ref("v"), 2, None, Bytes(b"),")), Bytes(b")"))), b"(1)", False),
    (Seq((Bytes(b"("), Items((), Ref("v"), 2, None, Bytes(b"),")), Bytes(b")"))), b"(1),1)", True),
    (
        Seq((Bytes(b"("), Members((Member(Bytes(b"a"), Ref("v"), True),), comma=Bytes(b");")), Bytes(b")"))),
        b"()",
        False,
    ),
    # undeclared keys that begin like the layout, or like what closes
    (Seq((Bytes(b"<"), Members((), (A_KEY,)), Bytes(b">"))), b"<>k.:1>", True),
    (Seq((Bytes(b"<"), Members((Member(Bytes(b"a"), Ref("v")),), (A_KEY,)), Bytes(b">"))), b"<>k.:1>", True),
    (Seq((Bytes(b"<"), Repeat(Bytes(b" ")), Members((), (A_SPACE,), min=1), Bytes(b">"))), b"<  k.:1>", True),
]


@pytest.mark.parametrize(("body", "text", "fits"), AMBIGUOUS)
def test_where_one_way_lies_behind_the_other(
    body: Expr, text: bytes, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = both(Grammar("s", {"s": body, "v": Bytes(b"1")}, is_normal=True), monkeypatch)
    for auto in (one, other):
        taken, config = auto.run_text(auto.start, text)
        assert (taken == len(text) and auto.accepts(config)) == fits
    for seed in range(4):
        walk_together(one, other, random.Random(seed), 40)


def test_too_large_to_be_one_machine() -> None:
    letter = byte_set((97, 100))

    def window(last: int) -> Seq:
        return Seq((Repeat(letter), byte_set((97, last)), Repeat(letter, 12, 12)))

    items = Items((), Ref("v"), 0, None, Seq((Bytes(b","), window(98), Bytes(b";"))))
    body = Seq((Bytes(b"("), items, Bytes(b","), window(99), Bytes(b")")))
    assert enclosed(body, LIMIT) is None
    auto = compile_grammar(Grammar("s", {"s": body, "v": Bytes(b"1")}, is_normal=True), VOCABULARY)
    text = b"(1," + b"a" * 13 + b";1," + b"a" * 13 + b")"
    taken, config = auto.run_text(auto.start, text)
    assert taken == len(text)
    assert auto.accepts(config)


ITEMS = Items((), Ref("v"), 0, None, Bytes(b")"))
NOT_ENCLOSED = [
    Seq((ITEMS,)),
    Seq((Bytes(b"("), ITEMS)),
    Seq((Bytes(b"("), ITEMS, Bytes(b")"))),  # a separator that is the end
    Seq((Bytes(b"("), ITEMS, ITEMS, Bytes(b"."))),
    Seq((Bytes(b"("), ITEMS, Ref("v"), Bytes(b"."))),
    Seq((Bytes(b"("), Bytes(b"x"), Bytes(b"."))),
    Seq(()),
]


@pytest.mark.parametrize("body", NOT_ENCLOSED)
def test_what_is_not_enclosed(body: Seq) -> None:
    assert enclosed(body, LIMIT) is None


def test_braces_that_begin_like_a_key() -> None:
    """Both ways stay open where what closes an object begins as a key does."""
    body = Seq((Bytes(b"<"), Members((Member(Bytes(b">a"), Bytes(b"1")),), colon=Bytes(b"")), Bytes(b">")))
    auto = compile_grammar(Grammar("s", {"s": body}, is_normal=True), VOCABULARY)
    for text, fits in ((b"<>", True), (b"<>a1>", True), (b"<>a1", False)):
        taken, config = auto.run_text(auto.start, text)
        assert taken == len(text)
        assert auto.accepts(config) == fits


def test_a_container_is_one_frame() -> None:
    document = {"a": [{"a": [[1]]}]}
    auto = compile_grammar(JsonSchema({"$ref": "#/$defs/v", "$defs": {"v": {}}}).grammar(), VOCABULARY)
    state, pda = auto.start, auto.pushdown
    for byte in json.dumps(document)[:12].encode():
        state = auto.advance(state, byte)
    depth, config = 0, auto.split(state)[0]
    while config > 1:
        at = pda.A[L.H_CFG] + config * L.CF
        assert pda.A[at + L.C_NENT] == 1
        config = int(pda.A[pda.A[L.H_ENT] + pda.A[at + L.C_ENT] * L.EN + 2])
        depth += 1
    assert depth == 3  # an object, an array, an object


def test_an_alternation_of_braces_stays_together(monkeypatch: pytest.MonkeyPatch) -> None:
    items = Items((), Ref("v"), 1, None, Bytes(b","))
    body = Alt((Bytes(b"[]"), Seq((Bytes(b"[\n"), items, Bytes(b"\n]")))))
    one, other = both(Grammar("s", {"s": body, "v": Bytes(b"1")}, is_normal=True), monkeypatch)
    for seed in range(4):
        walk_together(one, other, random.Random(seed), 40)
