"""No key comes twice in an object, however it is spelled and however tokens cut it; and nothing else is refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import syntagma as sg
from syntagma.automata import TokenAutomaton, Vocabulary
from syntagma.automata.pushdown import Limits
from syntagma.errors import BudgetExceeded

#: Tokens that end a key, hold one, or hold several.
PIECES = [
    *(b'"a"', b'"a":', b'{"a":1,"a":1}', b'{"":1,"":1}', b'""', b'"b', b'b":', b'a":1,"', b"\\u0061", b"\\u00", b"61"),
    *(b'","', b'":{"a":', b"}}", b',"a"', b'"x":1', b'{"a":1,"', b'a":1,"a":', b'},"a":1', b'{"a":{"a":1},"a":2}'),
    *(b"\\ud83d", b"\\ude00", "😀".encode(), "😀".encode()[:2], "😀".encode()[2:], b'"\\u0061":', b'1},{"a":'),
]
TOKENS = [bytes([b]) for b in range(256)] + PIECES
VOCABULARY = Vocabulary.from_tokens(TOKENS, [len(TOKENS)])
VALUE = {"anyOf": [{"type": "integer"}, {"$ref": "#"}]}
SCHEMAS: dict[str, Any] = {
    "map": {"type": "object", "additionalProperties": VALUE},
    "declared": {"type": "object", "properties": {"a": VALUE, "ab": VALUE}, "additionalProperties": VALUE},
    "patterns": {"type": "object", "patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": VALUE},
    "counted": {"type": "object", "additionalProperties": VALUE, "minProperties": 2, "maxProperties": 3},
    "guarded": {"type": "object", "additionalProperties": {"type": "array", "uniqueItems": True, "items": VALUE}},
    "either": {"anyOf": [{"properties": {"a": VALUE}, "additionalProperties": False}, {"type": "array"}]},
}


@pytest.fixture(scope="module", params=[(name, profile) for name in SCHEMAS for profile in ("generation", "spec")])
def automaton(request: pytest.FixtureRequest) -> TokenAutomaton:
    name, profile = request.param
    return sg.compile(sg.JsonSchema(SCHEMAS[name], profile=profile), VOCABULARY)


def has_twins(text: bytes) -> bool:
    """Whether an object of the JSON text has a key twice."""
    found = False

    def hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        found |= len(dict(pairs)) < len(pairs)
        return dict(pairs)

    json.loads(text, object_pairs_hook=hook)
    return found


def state_after(auto: TokenAutomaton, tokens: list[int]) -> int:
    state = auto.start
    for token in tokens:
        state = auto.advance(state, token)
    return state


def allowed(auto: TokenAutomaton, state: int) -> set[int]:
    row = np.zeros(auto.mask_width, np.int32)
    auto.fill_mask(state, row)
    return set(np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist())


@pytest.mark.parametrize("profile", ["generation", "spec"])
@pytest.mark.parametrize(
    "text",
    [
        *('{"a":1,"b":2}', '{"a":1,"a":2}', '{"a": {"a": 1}, "b": {"a": 2}}', '{"a":{"a":1},"a":{"a":2}}'),
        *('{"a":{"b":1,"b":1}}', '{"a":1,"\\u0061":2}', '{"\\u00e9":1,"é":2}', '{"\\ud83d\\ude00":1,"😀":2}'),
        *('{"":1,"":2}', '{"ab":1,"a":2}', '{"a":1,"ab":2}', '{"\\"":1,"\\u0022":2}', '{"\\\\":1,"\\"":2}'),
        *('{"\\n":1,"\\u000a":2}', '{"a":1,"A":2,"\\u0041":3}', '{"\\u00FF":1,"\\u00ff":2}', '{"/":1,"\\/":2}'),
    ],
)
def test_a_key_comes_once(text: str, profile: Any) -> None:
    auto = sg.compile(sg.JsonSchema(SCHEMAS["map"], profile=profile), VOCABULARY)
    state = state_after(auto, list(text.encode()))
    spelled = profile == "spec" or "\\/" not in text  # a needless escape is none of the canonical spellings
    if not has_twins(text.encode()) or not spelled:
        assert auto.accepts(state) is spelled
    else:
        assert state == 0


def test_masks_are_the_single_steps(automaton: TokenAutomaton) -> None:
    for seed in range(8):
        rng, state, text = Random(seed), automaton.start, b""
        for _ in range(40):
            after = {t: s for t in range(len(TOKENS) + 1) if (s := automaton.advance(state, t))}
            assert allowed(automaton, state) == set(after), text
            assert set(np.flatnonzero(np.unpackbits(automaton.mask(state).view(np.uint8), bitorder="little"))) >= set(
                after
            )
            likely = [t for t in after if t >= 256 or chr(t) in '"ab:{},1\\u06[]']
            token = rng.choice(likely if likely and rng.random() < 0.9 else sorted(after))
            if token == len(TOKENS):
                break
            text, state = text + TOKENS[token], after[token]
        if automaton.accepts(state):
            assert not has_twins(text), text


KEYS = st.sampled_from(["", "a", "b", "ab", "aa", "é", "😀", '"', "\\", "x", "\n"])


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> str:
    """A JSON object's text, with a key twice now and then."""
    members = []
    for key in draw(st.lists(KEYS, max_size=4)):
        spelled = json.dumps(key, ensure_ascii=draw(st.booleans()))
        value = draw(objects(depth - 1)) if depth and draw(st.booleans()) else "1"
        members.append(f"{spelled}:{value}")
    return "{" + ",".join(members) + "}"


@st.composite
def tokenised(draw: st.DrawFn, text: bytes) -> list[int]:
    """The text cut into tokens somehow."""
    tokens = []
    while text:
        token = draw(st.sampled_from([t for t, piece in enumerate(TOKENS) if text.startswith(piece)]))
        tokens.append(token)
        text = text[len(TOKENS[token]) :]
    return tokens


MAP = sg.compile(sg.JsonSchema(SCHEMAS["map"], profile="spec"), VOCABULARY)


@settings(max_examples=200, deadline=None)
@given(objects(), st.data())
def test_a_text_is_refused_exactly_if_a_key_comes_twice(text: str, data: st.DataObject) -> None:
    tokens = data.draw(tokenised(text.encode()))
    state = state_after(MAP, tokens)
    assert bool(state) is not has_twins(text.encode())
    assert state == state_after(MAP, list(text.encode()))


def test_objects_in_other_text() -> None:
    grammar = sg.Lark('start: "say \\"{" obj ", " obj "!"\nobj: %json {"type": "object", "additionalProperties": true}')
    auto = sg.compile(grammar, VOCABULARY)
    assert auto.accepts(state_after(auto, list(b'say "{{"a":1}, {"a":1,"b":{"a":2}}!')))
    assert state_after(auto, list(b'say "{{"a":1}, {"a":1,"a":')) == 0


def test_many_keys() -> None:
    auto = sg.compile({"type": "object", "additionalProperties": {"type": "integer"}}, VOCABULARY)
    text = "{" + ", ".join(f'"key{i}": 1' for i in range(2000))
    state = state_after(auto, list(text.encode()))
    assert state
    behind = state_after(auto, list((text + ', "key123').encode()))
    assert ord('"') not in allowed(auto, behind)
    assert ord("4") in allowed(auto, behind)


def test_keys_seen_keep_within_the_limit() -> None:
    limits = Limits(bytes=1 << 20)
    auto = sg.compile({"type": "object", "additionalProperties": {"type": "integer"}}, VOCABULARY, limits=limits)
    text = "{" + ", ".join(f'"key{i}": 1' for i in range(20_000))
    with pytest.raises(BudgetExceeded, match="keys seen"):
        state_after(auto, list(text.encode()))


@pytest.mark.parametrize("values", ["map", "guarded"])
def test_what_no_sequence_needs_is_dropped(values: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syntagma.automata.states.RECLAIM_FROM", 150_000)
    auto = sg.compile(SCHEMAS[values], VOCABULARY)
    value = "[1, 2]" if values == "guarded" else "1"
    kept = auto.matcher()
    for byte in f'{{"a": {value}, "b": {value[:-1] or value}'.encode():
        assert kept.accept(byte)
    sizes = []
    for i in range(60):
        matcher = auto.matcher()
        for byte in f'{{"key{i}": {value}, "other{i}": {value.replace("1", str(i + 3))}, "a{i}"'.encode():
            assert matcher.accept(byte)
        sizes.append(auto.stats.arena_bytes)
    assert sizes[-1] < 2 * sizes[5]
    if values == "guarded":
        assert ord("]") in allowed(auto, kept.state)
        assert all(map(kept.accept, b", 1"))
        assert ord("]") not in allowed(auto, kept.state)
        assert all(map(kept.accept, b"1]"))
    assert all(map(kept.accept, b', "a'))
    assert ord('"') not in allowed(auto, kept.state)
    assert all(map(kept.accept, b'c"'))


def test_threads_disturb_no_matcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syntagma.automata.states.RECLAIM_FROM", 20_000)
    auto = sg.compile(SCHEMAS["guarded"], VOCABULARY)

    def write(thread: int) -> None:
        for i in range(40):
            matcher = auto.matcher()
            text = f'{{"a{thread}": [{i}, {thread + 100}], "b{i}": [], "a'
            assert all(map(matcher.accept, text.encode()))
            assert all(map(matcher.accept, str(thread).encode()))
            row = np.zeros(auto.mask_width, np.int32)
            matcher.fill_mask(row)
            assert not row[1] >> 2 & 1  # the quote
            matcher.rollback(len(str(thread)) + 1)
            assert all(map(matcher.accept, f'c{i}": [1]'.encode()))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(1, 5)))
