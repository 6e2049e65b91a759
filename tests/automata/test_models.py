"""Tables that share the inner tokens of a model: every mask against single steps, and when a model serves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.mask_bits import tokens_of

from syntagma.automata import TokenAutomaton, Vocabulary, compile_grammar, tables
from syntagma.automata.tables import tables_of
from syntagma.grammar.jsonschema import JsonSchema

PIECES = [chr(0x22), "a", "b", "0", "é", chr(0x5C) + chr(0x22), r"\u0061", " ", "-"]
TEXTS = sorted(
    {(x + y + z).encode() for x in PIECES for y in ["", *PIECES] for z in ["", '"', '",', '":', "b"]}
    | {bytes((b,)) for b in b'{}[]:,\\u0123456789ab -"'}
    | {b"\xc3", b"\xa9", b"\xe2", b"\x82", b"\xac", b'{"', b'["', b'"]', b'", "'}
)
STRINGS = [
    {},
    {"maxLength": 40},
    {"minLength": 2, "maxLength": 30},
    {"pattern": "b"},
    {"pattern": "b$"},
    {"pattern": "^a"},
    {"pattern": "^[a-z0-9]+$"},
    {"pattern": "^[^0-9]*$"},
    {"pattern": "^(a|b|0)*-?[ab]+$", "maxLength": 50},
    {"pattern": "^[a-z0-9]{1,40}$"},
    {"pattern": "a.*0", "minLength": 20},
    {"not": {"const": "ab"}},
]


def allowed(auto: TokenAutomaton, state: int) -> set[int]:
    return tokens_of(auto.mask(state))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(STRINGS), min_size=3, max_size=6, unique_by=str), st.booleans(), st.data())
def test_masks_agree_with_steps(strings: list[dict], keys: bool, data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "MODEL_FROM", 1)
        patch.setattr(tables, "X_ROOM", 16)  # both grow
        patch.setattr(tables, "R_ROOM", 1)
        vocabulary = Vocabulary.from_tokens(TEXTS, eos_ids=[len(TEXTS)], special={f"<{data.draw(st.uuids())}>": 999})
        options = [{"type": "string", **one} for one in strings]
        if keys:
            schema = {"type": "object", "additionalProperties": options[0], "propertyNames": options[1]}
        else:
            schema = {"type": "array", "prefixItems": options}
        auto = compile_grammar(JsonSchema(schema, profile="spec").grammar(), vocabulary)
        state = auto.start
        for _ in range(12):
            mask = allowed(auto, state)
            assert mask == {t for t in range(vocabulary.width) if auto.advance(state, t)}
            going = sorted(t for t in mask if t < len(TEXTS) and len(TEXTS[t]) > 1) or sorted(mask)
            state = auto.advance(state, data.draw(st.sampled_from(going)))
            if state == auto.finished:
                break


def test_a_model_serves() -> None:
    """Not every table is made in full: patterns that say nothing of what is left share inner tokens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "MODEL_FROM", 1)
        vocabulary = Vocabulary.from_tokens(TEXTS, eos_ids=[len(TEXTS)])
        schema = {"type": "array", "prefixItems": [{"type": "string", "pattern": p} for p in ("a", "^a", "b$", "")]}
        auto = compile_grammar(JsonSchema(schema, profile="spec").grammar(), vocabulary)
        state = auto.start
        for byte in b'["ab", "ab", "ab", "ab"]':
            auto.mask(state)
            state = auto.advance(state, TEXTS.index(bytes((byte,))))
        made = tables_of(vocabulary)
        assert made.stats.tables > 6
        assert made._n_models < made.stats.tables


def test_full_tables_are_begun_anew() -> None:
    """What has no table any more is walked, and allows the same; the next automaton has new tables."""
    vocabulary = Vocabulary.from_tokens([*TEXTS, b"abababa"], eos_ids=[len(TEXTS) + 1])
    grammar = JsonSchema({"type": "string", "pattern": "^[a-z]*[0-9]*-[a-z0-9]*$"}).grammar()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "MAX_TABLES", 1)
        made = []
        for _ in range(2):
            auto = compile_grammar(grammar, vocabulary)
            made.append(auto._tables)
            state = auto.start
            for byte in b'"a0-b':
                state = auto.advance(state, TEXTS.index(bytes((byte,))))
                assert tokens_of(auto.mask(state)) == {t for t in range(vocabulary.width) if auto.advance(state, t)}
            assert auto.stats.tables == 1
            assert auto._tables.stats.refused > 0
    assert made[0] is not made[1]
