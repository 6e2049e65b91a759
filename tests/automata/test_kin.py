"""Masks that frames share which no token can tell apart, against the tokens one by one, by tokens that nearly can."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import syntagma as sg
from syntagma.automata import TokenAutomaton, Vocabulary
from syntagma.automata.enclosure import Ways, enclosed
from syntagma.automata.kin import begun_keys, family_of, is_json_end, is_json_opening, reaches_out
from syntagma.errors import EmptyLanguage
from syntagma.grammar.ir import And, Bytes, Expr, Member, Members, Ref, Repeat, Seq, Spelled, byte_set, sequence

KEYS = ["a", "ab", "abc", "b", "Name", "lastName", "firstName", "#x", "\\k", '"q', "", "é", "\n"]
#: Tokens that go to the end of a key or further, never into the next one.
FAR = [
    b"ab",
    b"abc",
    b"Name",
    b"last",
    b"first",
    b"#x",
    b'":1',
    b'":1,"',
    b'":1}',
    b'":{}',
    b'":{},"',
    b'":{}}',
    b'b":1}',
]
#: Tokens that end where a key begins, and what tokens are made of that reach further.
BYTES = [bytes([b]) for b in sorted({*b'{}[]":, \n\\abc1nul#xkqNamelstfir0e', *"é".encode()})]
TAME = [
    *FAR,
    b'"',
    b'",',
    b'","',
    b', "',
    b'":',
    b'":"',
    b'"},',
    b'},{"',
    b"}}",
    b"1,",
    b'],"',
    b'":{"',
    b'":[',
    b"null,",
    b"{}",
    b'{},"',
    b"{}}",
]
#: Without those that lead from a key to behind its object.
WITHIN = [token for token in TAME if not re.search(rb'"\s*:.*}', token)]
PARTS = [b'"', b",", b", ", b":", b"{", b"}", b"a", b"b", b"1", b"\\", b"u00", b"61", b"#", b"[", b"]", b"Name", b'""']


def vocabulary_of(pieces: list[bytes]) -> Vocabulary:
    tokens = BYTES + pieces
    return Vocabulary.from_tokens(tokens, [len(tokens)])


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> Any:
    kind = draw(st.sampled_from(["integer", "string", "enum", "array", "object", "object"][: 6 if depth else 3]))
    match kind:
        case "enum":
            return {"enum": draw(st.lists(st.sampled_from(["a", "b", 1, None]), min_size=1, unique=True))}
        case "array":
            return {"type": "array", "items": draw(values(depth - 1)), "maxItems": 3}
        case "object":
            return draw(objects(depth - 1))
    return {"type": kind}


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> Any:
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=5, unique=True))
    shared = draw(values(depth))
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    for key in keys:
        schema["properties"][key] = shared if draw(st.booleans()) else draw(values(depth))
    schema["required"] = draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
    if draw(st.booleans()):
        schema["additionalProperties"] = draw(st.sampled_from([False, True, {"type": "integer"}]))
    if draw(st.integers(0, 4)) == 0:
        schema["patternProperties"] = {draw(st.sampled_from(["^a", "x$"])): {"type": "integer"}}
    if draw(st.integers(0, 4)) == 0:
        schema["maxProperties"] = draw(st.integers(1, 4))
    return schema


def bits(row: np.ndarray) -> set[int]:
    return set(np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist())


def one_by_one(auto: TokenAutomaton, state: int) -> set[int]:
    return {token for token in range(auto.vocabulary.width) if auto.check(state, token)}


def walk(auto: TokenAutomaton, rng: Random, steps: int = 60) -> None:
    """Go on by tokens drawn at random, long ones rather; hold each mask against its tokens."""
    row = np.zeros(auto.mask_width, np.int32)
    matcher = auto.matcher()
    for _ in range(steps):
        matcher.fill_mask(row)
        ids = bits(row)
        assert ids == one_by_one(auto, matcher.state)
        if not ids or matcher.finished:
            return
        long = sorted(token for token in ids if token >= len(BYTES))
        assert matcher.accept(rng.choice(long if long and rng.random() < 0.7 else sorted(ids)))


@pytest.mark.parametrize("tame", [TAME, WITHIN, []], ids=["tame", "within", "wild"])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_masks_are_those_of_the_tokens_one_by_one(data: st.DataObject, tame: list[bytes]) -> None:
    pieces = tame or [b"".join(p) for p in data.draw(st.lists(st.lists(st.sampled_from(PARTS), min_size=2)))]
    options = {
        "profile": data.draw(st.sampled_from(["generation", "spec"])),
        "property_order": data.draw(st.sampled_from(["schema", "any"])),
        "whitespace": data.draw(st.sampled_from([None, "compact", "any", 2, "indent=1"])),
    }
    try:
        auto = sg.compile(sg.JsonSchema(data.draw(objects()), **options), vocabulary_of(pieces))
    except EmptyLanguage:
        return
    rng = Random(data.draw(st.integers(0, 1 << 30)))
    for _ in range(5):
        walk(auto, rng)


INTEGER = {"type": "integer"}
ALIKE = {"type": "object", "properties": {"b": INTEGER, "abc": INTEGER, "Name": INTEGER, "c": {"type": "null"}}}
OPEN = ALIKE | {"required": ["b"], "additionalProperties": INTEGER}
MANY = {f"a{i}{j}": INTEGER for i in "abcef" for j in "bcnklst#"}
CHOSEN = {
    "open": ALIKE | {"additionalProperties": INTEGER},
    "required": OPEN,
    "closed": ALIKE | {"additionalProperties": False, "required": ["b"]},
    "patterns": ALIKE | {"patternProperties": {"b$": INTEGER}, "additionalProperties": {"type": "null"}},
    "nested": {"type": "object", "properties": {"a": ALIKE, "b": ALIKE | {"required": ["b"]}, "c": INTEGER}},
    "undeclared": {"type": "object", "properties": {"a": OPEN, "b": OPEN | {"additionalProperties": ALIKE}}},
    "many": {"type": "object", "properties": MANY, "required": ["abb", "ab#", "afc"]},
}


def text_of(schema: Any, rng: Random) -> str:
    """An instance of the schema, as a rule; keys may come twice, and undeclared."""
    if schema["type"] != "object":
        return "1" if schema["type"] == "integer" else "null"
    declared = schema["properties"]
    keys = rng.sample([*declared], rng.choice([1, len(declared) - 1, len(declared)]))
    if rng.random() < 0.3:
        keys.insert(rng.randrange(len(keys)), rng.choice([*declared, "xb"]))
    other = schema.get("additionalProperties") or INTEGER
    return "{" + ",".join(f'"{key}":{text_of(declared.get(key, other), rng)}' for key in keys) + "}"


@pytest.mark.parametrize("pieces", [TAME, WITHIN], ids=["tame", "within"])
@pytest.mark.parametrize("profile", ["generation", "spec"])
@pytest.mark.parametrize("name", CHOSEN)
def test_keys_that_were_seen_show_where_they_matter(name: str, profile: Any, pieces: list[bytes]) -> None:
    auto = sg.compile(sg.JsonSchema(CHOSEN[name], profile=profile, property_order="any"), vocabulary_of(pieces))
    row = np.zeros(auto.mask_width, np.int32)
    for seed in range(60 if name != "many" else 10):
        matcher = auto.matcher()
        for letter in text_of(CHOSEN[name], Random(seed)).encode():
            matcher.fill_mask(row)
            assert bits(row) == one_by_one(auto, matcher.state)
            if not matcher.accept(BYTES.index(bytes([letter]))):
                break


def misses(schema: Any, text: str, pieces: list[bytes], **options: Any) -> int:
    """Masks that are computed along a text, byte by byte."""
    auto = sg.compile(sg.JsonSchema(schema, **options), vocabulary_of(pieces))
    matcher, row = auto.matcher(), np.zeros(auto.mask_width, np.int32)
    for letter in text.encode():
        matcher.fill_mask(row)
        assert matcher.accept(BYTES.index(bytes([letter])))
    return auto.stats.mask_misses


FOUR = {"properties": {key: {"type": "string"} for key in ("a", "b", "ab", "abc")}}
TEXT = '{"a":"x","b":"x","ab":"x","abc":"x"}'


@pytest.mark.parametrize("order", ["schema", "any"])
def test_values_share_their_masks_whatever_was_seen(order: str) -> None:
    many = misses(FOUR, TEXT, [*TAME, b'","a'], property_order=order)
    few = misses(FOUR, TEXT, TAME, property_order=order)
    # colon, quote, x and quote are the same for the first three of four keys
    assert few <= many - 2 * 4


def test_objects_of_a_kind_share_masks() -> None:
    inner = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    keys = ["a", "b", "c"]
    schema = {"properties": {key: inner | {"title": key} for key in keys}, "required": keys}
    text = '{"a":{"x":1},"b":{"x":1},"c":{"x":1}}'
    many = misses(schema, text, [*TAME, b'{"x', b',"a'])
    # what begins with the quote and the colon behind the first two keys is the same
    assert misses(schema, text, TAME) <= many - len('":{"x":1}')


@pytest.mark.parametrize("order", ["schema", "any"])
def test_before_and_inside_a_key_it_does_not_matter_what_the_object_stands_in(order: str) -> None:
    inner = {"type": "object", "properties": {"ab": {"type": "integer"}, "abc": {"type": "integer"}}}
    schema = {"properties": {"a": inner, "b": {"type": "array", "items": inner}}}
    text = '{"a":{"ab":1,"abc":1},"b":[{"ab":1,"abc":1}]}'
    many = misses(schema, text, [*WITHIN, b'":1}'], property_order=order)
    assert misses(schema, text, WITHIN, property_order=order) <= many - len('"abc')


@given(st.lists(st.lists(st.sampled_from(b' {":}a\n'), min_size=1).map(bytes)))
def test_what_tokens_reach(tokens: list[bytes]) -> None:
    found = reaches_out(Vocabulary.from_tokens(tokens, [len(tokens)]))
    assert found == any(re.search(rb'"\s*:.*}', token, re.DOTALL) for token in tokens)


def naive_begun(tokens: list[bytes]) -> set[int | str]:
    found: set[int | str] = set()
    for token in tokens:
        for i, byte in enumerate(token):
            behind = token[i + 1 :].lstrip(b" \t\r\n")
            if byte not in b",{" or behind[:1] != b'"' or len(behind) < 2:
                continue
            found.add(behind[1])
            if behind[1:2] == b"\\" and behind[1:] not in (b"\\", b"\\u"):
                found.add("escape")
            if re.search(rb'"\s*:', behind[1:]):
                found.add("any")
    return found


@given(st.lists(st.lists(st.sampled_from(b', {":\\ua#'), min_size=1).map(bytes)))
def test_what_tokens_begin(tokens: list[bytes]) -> None:
    found = begun_keys(Vocabulary.from_tokens(tokens, [len(tokens)]))
    names: dict[int, int | str] = {256: "escape", 257: "any"}
    assert {names.get(bit, bit) for bit in range(258) if found >> bit & 1} == naive_begun(tokens)


SPACES, COLON, A_KEY = Repeat(byte_set(0x20, 0x0A)), Bytes(b":"), Bytes(b'"a"')


@pytest.mark.parametrize(
    ("comma", "is_json"),
    [
        (Bytes(b","), True),
        (sequence(SPACES, Bytes(b","), SPACES), True),
        (Bytes(b";"), False),
        (SPACES, False),
        (Bytes(b",,"), False),
        (Repeat(Bytes(b",")), False),
        (Repeat(byte_set(0x20, 0x2C)), False),
    ],
)
def test_only_a_comma_of_json_tells_where_keys_begin(comma: Any, is_json: bool) -> None:
    assert (family_of([Bytes(b'"a"')], comma, COLON, (), "around", 100) is not None) == is_json


def test_keys_that_begin_otherwise_have_no_family() -> None:
    for keys in ([Bytes(b"a")], [Spelled(""), Spelled("a")], [Spelled("a"), Bytes(b'"b"')]):
        assert family_of(keys, Bytes(b","), COLON, (), "around", 100) is None


def test_only_a_brace_opens_an_object_of_json() -> None:
    def opening(before: list[Expr]) -> Ways:
        members = Members((Member(Bytes(b'"a"'), Ref("v"), False),), (), "any", Bytes(b":"), Bytes(b","))
        found = enclosed(Seq((*before, members, Bytes(b"}"))), 100)
        assert found
        return found[1].opening

    assert is_json_opening(opening([Bytes(b"{")]))
    assert is_json_opening(opening([Bytes(b"{\n")]))
    assert is_json_opening(opening([Bytes(b"{"), SPACES]))
    assert not is_json_opening(opening([Bytes(b"(")]))
    assert not is_json_opening(opening([Bytes(b"{!")]))


def test_only_a_quote_a_colon_and_a_brace_end_an_object_of_json() -> None:
    def ends(*after: Expr, key: Any = A_KEY, colon: Expr = COLON) -> bool:
        members = Members((Member(key, Ref("v"), False),), (), "any", colon, Bytes(b","))
        found = enclosed(Seq((Bytes(b"{"), members, *after)), 100)
        assert found
        return is_json_end([key], colon, found[1], 100)

    assert ends(Bytes(b"}"))
    assert ends(Bytes(b"\n}"))
    assert ends(SPACES, Bytes(b"}"), key=Spelled("a"))
    assert not ends(Bytes(b")"))
    assert not ends(Repeat(Bytes(b"!"), 0, 1), Bytes(b"}"))
    assert not ends(Bytes(b"}"), colon=Bytes(b"="))
    assert not ends(Bytes(b"}"), key=Bytes(b"a"))
    assert not ends(Bytes(b"}"), key=Bytes(b'"'))


def word(first: str, letters: str, last: str) -> Expr:
    return sequence(Bytes(first.encode()), Repeat(byte_set(*letters.encode())), Bytes(last.encode()))


@pytest.mark.parametrize(
    ("keys", "colon", "other", "is_kin"),
    [
        ([Bytes(b'"a"')], COLON, word('"', "xyz", '"'), True),
        ([Spelled("a")], COLON, word('"', "xyz", '"'), False),
        ([Bytes(b'"a"')], COLON, word("#", "xyz", '"'), False),
        ([Bytes(b'"a"')], COLON, word('"', "xyz", "#"), False),
        ([Bytes(b'"a"')], COLON, And((Bytes(b'"x"'), Bytes(b'"y"'))), False),
        ([Bytes(b'"a"')], Bytes(b"="), word('"', "xyz", '"'), False),
        ([Bytes(b'"a')], COLON, word('"', "xyz", '"'), False),
    ],
)
def test_undeclared_keys_are_those_of_json(keys: Any, colon: Expr, other: Expr, is_kin: bool) -> None:
    assert (family_of(keys, Bytes(b","), colon, (other,), "around", 100) is not None) == is_kin


@pytest.mark.parametrize("profile", ["generation", "spec"])
@pytest.mark.parametrize("pattern", [r"^[^\s\S]$", "^$", "^k$", '^"$'])
def test_few_undeclared_keys(pattern: str, profile: Any) -> None:
    schema = ALIKE | {"patternProperties": {pattern: INTEGER}, "additionalProperties": False}
    pieces = [b',"', b'1,"', b'":1,"', b',"\\', b',"\\u', b'":1,"\\u']
    options = {"profile": profile, "property_order": "any", "whitespace": "compact"}
    auto = sg.compile(sg.JsonSchema(schema, **options), vocabulary_of(pieces))
    row = np.zeros(auto.mask_width, np.int32)
    for seed in range(20):
        matcher = auto.matcher()
        for letter in text_of(ALIKE, Random(seed)).encode():
            matcher.fill_mask(row)
            assert bits(row) == one_by_one(auto, matcher.state)
            if not matcher.accept(BYTES.index(bytes([letter]))):
                break
