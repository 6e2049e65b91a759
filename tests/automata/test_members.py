"""The states that read keys, against the spellings of the keys and a run of the undeclared keys' machine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.automata import _layout_kernels as L
from syntagma.automata import key_states
from syntagma.automata.enclosure import enclosed
from syntagma.automata.lowered import Lowered
from syntagma.automata.machines import machine_of
from syntagma.automata.members import lower_members
from syntagma.errors import BudgetExceeded, UnsupportedFeature
from syntagma.grammar.ir import NOTHING, Bytes, Expr, Member, Members, OtherMembers, Ref, Seq, Spelled
from syntagma.grammar.regex import parse_terminal
from syntagma.grammar.spelling import spellings

LIMIT = 2000
ANY_KEY = parse_terminal(r'"([^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
SHORT_KEY = parse_terminal(r'"[a-c]{0,2}"')
OTHER = OtherMembers(SHORT_KEY, Ref("v")), OtherMembers(ANY_KEY, Ref("w"))


class Outcome(NamedTuple):
    """Where a text leads behind the start of a key."""

    #: "key", "other", "inside" or "dead"
    what: str
    #: The key that ends, or those that may still come.
    keys: frozenset[int] = frozenset()
    #: Whether an undeclared key may still come.
    other: bool = False


class Reader:
    """A lowered object, read byte by byte in plain Python."""

    def __init__(self, lowered: Lowered) -> None:
        self.records = lowered.records
        at = L.B_HEADER + self.records.size
        self.flat = lowered.block[at : at + lowered.block[L.B_FLAT]]

    def code(self, state: int, byte: int) -> int:
        record = self.records[state - 1]
        at = int(record[L.S_EDGES])
        if record[L.S_FLAGS] & L.DENSE:
            return int(self.flat[at + byte])
        for i in range(at, at + 2 * int(record[L.S_NEDGES]), 2):
            if self.flat[i] & 255 <= byte <= self.flat[i] >> 8:
                return int(self.flat[i + 1])
        return 0

    def outcome(self, state: int, text: bytes) -> Outcome:
        for i, byte in enumerate(text):
            code = self.code(state, byte)
            if code == 0 and self.records[state - 1][L.S_FLAGS] & L.SHADOW:
                code = self.code(int(self.records[state - 1][L.S_FALLBACK]), byte)
            if code <= 0:
                return Outcome("dead")
            state = code & L.TARGET
            if code >> L.FLAG_SHIFT & L.ADD:
                key = int(self.records[state - 1][L.S_AUX])
                left = Outcome("key", frozenset([key])) if key >= 0 else Outcome("other")
                return left if i + 1 == len(text) else Outcome("dead")
        record = self.records[state - 1]
        at = int(record[L.S_AUX])
        keys = frozenset(self.flat[at + 1 : at + 1 + self.flat[at]].tolist()) if text else frozenset()
        return Outcome("inside", keys, bool(record[L.S_FLAGS] & L.OTHER))


def all_spellings(key: Bytes | Spelled) -> Iterator[bytes]:
    if isinstance(key, Bytes):
        yield key.data
    else:
        yield from map(b"".join, product(*[expand(part) for part in spellings(key.text).items]))  # type: ignore[attr-defined]


def expand(expr: Expr) -> list[bytes]:
    machine = machine_of((expr,), LIMIT)
    found, waiting = [], [(0, b"")]
    while waiting:
        q, text = waiting.pop()
        if machine.labels[q]:
            found.append(text)
        waiting += [(t, text + bytes([b])) for t, mask in machine.rows[q].items() for b in range(256) if mask >> b & 1]
    return found


def expected(members: Members, text: bytes) -> Outcome:
    """The same from the spellings of all keys."""
    allowed = [m.key for m in members.keys if m.value != NOTHING]
    forbidden = [m.key for m in members.keys if m.value == NOTHING]
    keys = set()
    for k, key in enumerate(allowed):
        for spelling in all_spellings(key):
            if spelling == text:
                return Outcome("key", frozenset([k]))
            if spelling.startswith(text):
                keys.add(k)
    if any(text == spelling for key in forbidden for spelling in all_spellings(key)):
        return Outcome("dead")
    other = False
    if members.other:
        machine, q = machine_of(tuple(o.key for o in members.other), LIMIT), 0
        for byte in text:
            q = next((t for t, mask in machine.rows[q].items() if mask >> byte & 1), -1)
            if q < 0:
                break
        if q >= 0 and machine.labels[q]:
            return Outcome("other")
        other = q >= 0
    return Outcome("inside", frozenset(keys), other) if keys or other else Outcome("dead")


def read(members: Members, text: bytes) -> Outcome:
    return Reader(lower_members(members, None, LIMIT)).outcome(1, text)


#: Characters that share much of their spellings: surrogates and what lies around them, hexadecimal digits, slashes.
CHARACTERS = 'ab/"\\\n\u00e9\u00ea\u0e81\uac00\ud7ff\udbff\udc00\ue000\uff08\U00010000\U0001f600'


@st.composite
def objects(draw: st.DrawFn) -> Members:
    texts = draw(st.lists(st.text(CHARACTERS, max_size=2), max_size=5, unique=True))
    values = [Ref("v") if draw(st.booleans()) else NOTHING for _ in texts]
    keys = tuple(Member(Spelled(text), value) for text, value in zip(texts, values, strict=True))
    return Members(keys, draw(st.sampled_from([(), OTHER[1:], OTHER])), order="schema")


@settings(deadline=None)
@given(objects(), st.data())
def test_keys_are_read_as_they_are_spelled(members: Members, data: st.DataObject) -> None:
    known = [text for m in members.keys for text in all_spellings(m.key)]
    texts = st.sampled_from([*known, b'"', b'"abc"', b'"\\u00e']) | st.text(CHARACTERS, max_size=3).map(
        lambda text: b'"' + text.encode("utf-8", "replace")
    )
    for text in data.draw(st.lists(texts, min_size=1, max_size=4)):
        for end in range(1, len(text) + 1):
            assert read(members, text[:end]) == expected(members, text[:end]), text[:end]


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=3).map(lambda b: b + b"!"), max_size=6), st.binary(max_size=4))
def test_keys_of_bytes_stand_for_themselves(keys: list[bytes], text: bytes) -> None:
    keys = [key for key in keys if b"!" not in key[:-1]]
    members = Members(tuple(Member(Bytes(key), Ref("v")) for key in dict.fromkeys(keys)))
    for other in (text, *keys):
        for end in range(1, len(other) + 1):
            assert read(members, other[:end]) == expected(members, other[:end])


def test_a_key_given_twice_counts_once() -> None:
    members = Members(tuple(Member(Bytes(key), Ref("v")) for key in (b'"a"', b'"a"', b'"b"')))
    assert read(members, b'"a"') == Outcome("key", frozenset([0]))
    assert read(members, b'"') == Outcome("inside", frozenset([0, 2]))


def test_where_any_key_may_come_none_is_listed() -> None:
    members = Members((Member(Spelled("ab"), Ref("v")),), OTHER[1:], order="any")
    assert read(members, b'"a') == Outcome("inside", frozenset(), True)


def test_arrays_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"{word}{k}" for word in ("color", "colour", "collar") for k in range(12)]
    members = Members(tuple(Member(Spelled(key), Ref("v")) for key in keys), OTHER[1:])
    whole = lower_members(members, None, LIMIT)
    monkeypatch.setattr(key_states, "FEW", 1)
    monkeypatch.setattr(key_states._SCRATCH, "_room", 0)
    assert lower_members(members, None, LIMIT).block.tobytes() == whole.block.tobytes()


def test_keys_with_a_spelling_in_common_are_refused() -> None:
    members = Members((Member(Bytes(b'"\\u0061"'), Ref("v")), Member(Spelled("a"), Ref("v"))))
    with pytest.raises(UnsupportedFeature, match="spelled in one way"):
        lower_members(members, None, LIMIT)


def test_a_layout_that_begins_like_a_key_is_refused() -> None:
    found = enclosed(Seq((Bytes(b"{"), Members((Member(Bytes(b"}}"), Ref("v")),)), Bytes(b"}"))), LIMIT)
    assert found is not None
    body, enclosure = found
    assert isinstance(body, Members)
    with pytest.raises(UnsupportedFeature, match="layout before a key"):
        lower_members(body, enclosure, LIMIT)


def test_keys_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_states, "MAX_STATES", 1 << 13)
    with pytest.raises(BudgetExceeded, match="states of an object"):
        lower_members(Members((Member(Spelled("a" * 10_000), Ref("v")),)), None, LIMIT)
