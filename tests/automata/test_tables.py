"""Terminal tables: masks against single steps, tokens taken in bulk, tables that blocks bring along, full ones."""

from __future__ import annotations

import codecs
import re
from random import Random
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.mask_bits import tokens_of

from syntagma.automata import TokenAutomaton, Vocabulary, compile_grammar, tables
from syntagma.automata import _layout_kernels as L
from syntagma.automata._kind_kernels import take_kinds
from syntagma.automata._place_kernels import copy_exits, known_trie, place_rows
from syntagma.automata.pushdown import Limits
from syntagma.automata.tables import tables_of
from syntagma.grammar.ir import Bytes, Grammar, Items, Ref, Seq
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.regex import parse_regex

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


#: White space beyond ASCII.
WHITE = re.compile(r"[^\S\x00-\x7f]|\ufeff")


def allowed(auto: TokenAutomaton, state: int) -> set[int]:
    return tokens_of(auto.mask(state))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(STRINGS), min_size=3, max_size=6, unique_by=str), st.booleans(), st.data())
def test_masks_agree_with_steps(strings: list[dict], keys: bool, data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
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


def text_of(token: bytes) -> str | None:
    """What a token reads, its last character perhaps unfinished; None if it is no text, or has wide white space."""
    for cut in range(4):
        head, tail = (token[: len(token) - cut], token[len(token) - cut :])
        try:
            text = head.decode()
            unfinished = codecs.getincrementaldecoder("utf-8")().decode(tail) == ""
        except UnicodeDecodeError:
            continue
        return None if WHITE.search(text) or not unfinished else text + "?" * (cut > 0)
    return None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, (1 << L.KINDS) - 1), st.integers(-20, 20) | st.sampled_from([L.UNBOUNDED, -L.UNBOUNDED]))
def test_tokens_by_the_kinds_of_their_characters(kinds: int, most: int) -> None:
    """They are those whose bytes are all of these kinds, by their characters."""
    rng = Random(7)
    long = ["".join(rng.choices("ab09 é-", k=k)).encode() for k in range(10, 30) for _ in range(9)]
    spaces = [f"a{chr(c)}".encode() for c in range(128, 0x10000) if WHITE.match(chr(c))]
    tokens = [*TEXTS, *long, *spaces, "\u2028".encode(), *("a\u2030\u3001\uff01".encode()[:-k] for k in (1, 2, 4, 5))]
    vocabulary = Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
    made = tables_of(vocabulary)
    most = most or 1
    rows = np.zeros((L.VARIANTS + 1) * made.words, np.int32)
    lists, tally = np.zeros((3, L.MAX_LONG, 2), np.int32), np.zeros(L.TALLY, np.int64)
    top = take_kinds(made.V, made.R, kinds, most, made.words, 0, rows, lists, tally)
    bits = np.unpackbits(rows.view(np.uint8), bitorder="little").reshape(L.VARIANTS + 1, -1)
    long_ones = dict(lists[L.N_LONG, : tally[L.N_LONG]].tolist())
    found = {(int(t), long_ones.get(int(t), k)) for k in range(top + 1) for t in np.flatnonzero(bits[k])}
    kind_of = made.V[made.V[L.V_KINDS] :]
    expected = set()
    for t, token in enumerate(tokens):
        text = text_of(token)
        if text is not None and all(int(kind_of[b]) & kinds for b in token) and len(text) <= abs(most):
            expected.add((t, len(text) if most < 0 else 0))
    assert found == expected
    assert tally[L.N_INNER] >= len(found)


def steps_agree(auto: TokenAutomaton, text: bytes) -> None:
    """Along a text, byte by byte, masks are what single steps say."""
    state = auto.start
    for byte in text:
        assert allowed(auto, state) == {t for t in range(auto.vocabulary.width) if auto.advance(state, t)}
        state = auto.advance(state, TEXTS.index(bytes((byte,))))


def test_a_block_brings_its_tables_along() -> None:
    """Into another grammar of the same vocabulary, without one being built; another vocabulary builds its own."""
    schema = {"type": "string", "pattern": "^[a-b]*é?[0-9]+-$", "minLength": 3}
    vocabularies = [Vocabulary.from_tokens([*TEXTS, extra], eos_ids=[len(TEXTS) + 1]) for extra in (b"ab0-", b"b00-")]
    grammars = [
        JsonSchema({"type": "array", "prefixItems": [{"const": n}, schema]}, profile="spec").grammar() for n in (1, 2)
    ]
    for vocabulary in (*vocabularies, *vocabularies):
        made = tables_of(vocabulary)
        steps_agree(compile_grammar(grammars[0], vocabulary), b'[1, "ab0-"]')
        built = made.stats.tables
        auto = compile_grammar(grammars[1], vocabulary)
        rows = auto.pushdown.G[auto.pushdown.G[L.G_ST] :][: auto.pushdown.n_states * L.ST].reshape(-1, L.ST)
        brought = (rows[2:, L.S_TABLE] >= 0).sum()
        steps_agree(auto, b'[2, "ab0-"]')
        assert made.stats.tables == built
        assert brought > 2 if vocabulary is vocabularies[0] else brought == 0


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


def test_states_with_the_same_inner_tokens_share_rows() -> None:
    """Wherever they may end; and what they allow stays their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "LISTED_UP_TO", 0)
        vocabulary = Vocabulary.from_tokens([*TEXTS, b"b0b"], eos_ids=[len(TEXTS) + 1])
        schema = {"type": "array", "prefixItems": [{"type": "string", "pattern": p} for p in ("a", "^a", "b$", "")]}
        auto = compile_grammar(JsonSchema(schema, profile="spec").grammar(), vocabulary)
        steps_agree(auto, b'["ab", "ab", "ab", "ab"]')
        made = tables_of(vocabulary)
        assert made._rows - L.KIND_ROWS < made.stats.tables - 4


def test_a_table_that_is_brought_along_is_found_where_the_arenas_have_grown() -> None:
    """Also by an automaton that has not asked for anything since, but for a rule."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "X_ROOM", 16)
        patch.setattr(tables, "R_ROOM", 1)
        patch.setattr(tables, "LISTED_UP_TO", 0)
        vocabulary = Vocabulary.from_tokens([*TEXTS, b"0ab0"], eos_ids=[len(TEXTS) + 1])
        name = parse_regex("[a-z0-9]*0-[a-z]*")
        grammar = Grammar("s", {"s": Seq((Bytes(b'"'), Items((), Ref("t"), 0, 9))), "t": name})
        late = compile_grammar(grammar, vocabulary, limits=Limits(rules=1))
        quoted = late.advance(late.start, TEXTS.index(b'"'))
        late.mask(late.start)
        other = Grammar("s", {"s": Seq((Bytes(b"{"), Items((), Ref("t"), 0, 9))), "t": name})
        steps_agree(compile_grammar(other, vocabulary), b"{a0-b")
        late.pushdown.lower(late.pushdown.lowerer.rule_id(name))  # as those do that count tokens to the end
        late.arenas.settle()
        made = tables_of(vocabulary)
        where = late.where[[L.W_X, L.W_R]].tolist()
        assert where == [made.X.ctypes.data, made.R.ctypes.data]
        assert allowed(late, quoted) == {t for t in range(vocabulary.width) if late.advance(quoted, t)}


def test_rows_and_exits_are_shared_by_content_not_by_hash() -> None:
    words, top = 3, 1
    rows = np.zeros((L.VARIANTS + 1) * words, np.int32)
    rows[: 2 * words] = 1, 2, 4, 8, 16, 32
    R, known = np.zeros(10 * words, np.int32), np.zeros((64, 2), np.int64)
    assert place_rows(rows, top, R, 2, known) == 2
    assert place_rows(rows, top, R, 4, known) == 2
    R[2 * words] ^= 1  # what has the hash is something else
    assert place_rows(rows, top, R, 4, known) == 4

    X, tally, tries = np.zeros(64, np.int32), np.zeros(L.TALLY, np.int64), np.zeros((64, 2), np.int64)
    exits = np.array([[7, 1, 0, 5], [9, 2, 1, 5], [3, 1, 0, 6]], np.int32)
    key = copy_exits(X, 40, exits, 3, 5, tally)
    assert X[40:46].tolist() == [7, 1, 0, 9, 2, 1]
    assert tally[L.N_TRIE] == 2
    assert known_trie(X, 40, key, tries, tally) == 0
    X[20:26], X[10 + L.TRIE_HEADER], X[10 + L.TRIE_HEADER + 1] = X[40:46], 20, 2
    tries[tally[L.TRIE_SLOT]] = tally[L.TRIE_KEY], 10
    assert known_trie(X, 40, key, tries, tally) == 10
    X[21] += 1
    assert known_trie(X, 40, key, tries, tally) == 0


def test_where_no_slot_is_free_nothing_is_shared() -> None:
    rows, R = np.ones((L.VARIANTS + 1) * 2, np.int32), np.zeros(16, np.int32)
    known, tally = np.full((64, 2), -1, np.int64), np.zeros(L.TALLY, np.int64)
    for first in (0, 4):
        assert place_rows(rows, 0, R, first, known) == first
    assert known_trie(np.zeros(64, np.int32), 0, 5, known, tally) == 0
    assert tally[L.TRIE_SLOT] == -1
    assert (known == -1).all()


def test_states_are_walked_where_no_trie_can_be_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "SHARED", 1)  # as if there were more tries than slots
    vocabulary = Vocabulary.from_tokens([*TEXTS, b"a0b0"], eos_ids=[len(TEXTS) + 1])
    schema = {"type": "array", "prefixItems": [{"type": "string", "pattern": p} for p in ("a", "^a", "b$", "^[^0]*$")]}
    auto = compile_grammar(JsonSchema(schema, profile="spec").grammar(), vocabulary)
    steps_agree(auto, b'["ab", "ab", "ab", "ab"]')
    assert tables_of(vocabulary).stats.refused


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(20, 60)), min_size=2, max_size=4, unique=True),
    st.uuids(),
    st.data(),
)
def test_loops_that_differ_in_their_bounds_share_tables(
    bounds: list[tuple[int, int]], name: UUID, data: st.DataObject
) -> None:
    vocabulary = Vocabulary.from_tokens(TEXTS, eos_ids=[len(TEXTS)], special={f"<{name}>": 999})
    opened = TEXTS.index(b'"')
    built = []
    for low, high in bounds:
        schema = {"type": "string", "minLength": low, "maxLength": high}
        auto = compile_grammar(JsonSchema(schema, profile="spec").grammar(), vocabulary)
        state, length = auto.advance(auto.start, opened), 0
        for _ in range(40):
            mask = allowed(auto, state)
            assert mask == {t for t in range(vocabulary.width) if auto.advance(state, t)}
            letters = sorted(t for t in mask if TEXTS[t].isalnum() and TEXTS[t].isascii())
            if not letters:
                break
            token = data.draw(st.sampled_from(letters))
            state, length = auto.advance(state, token), length + len(TEXTS[token])
            assert length <= high
            assert auto.accepts(auto.advance(state, opened)) == (length >= low)
        built.append(tables_of(vocabulary).stats.tables)
    assert len(set(built)) == 1
    assert built[0] > 0


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["a-0", "(ab|b0){2}$", "^[a-b]*-?0[ab-]*$", "^b{0,9}(a0?){3}", "é[^0]*a"]),
    st.integers(0, 3),
    st.integers(20, 70),
    st.data(),
)
def test_tables_far_from_the_maximum_and_near_it(pattern: str, low: int, high: int, data: st.DataObject) -> None:
    """Both allow what single steps do, long tokens among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "LISTED_UP_TO", 0)
        long = {(part * n).encode() for part in ("a", "b", "ab-0", "é") for n in (8, 15, 16, 17, 18, 40)}
        tokens = sorted({*TEXTS, *long})
        vocabulary = Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)], special={f"<{data.draw(st.uuids())}>": 999})
        schema = {"type": "string", "pattern": pattern, "minLength": low, "maxLength": high}
        auto = compile_grammar(JsonSchema(schema).grammar(), vocabulary)
        state, length = auto.advance(auto.start, tokens.index(b'"')), 0
        while length <= high:
            mask = allowed(auto, state)
            assert mask == {t for t in range(vocabulary.width) if auto.advance(state, t)}
            letters = sorted(t for t in mask if t < len(tokens) and tokens[t].isalnum())
            if not letters:
                break
            token = data.draw(st.sampled_from(letters))
            state, length = auto.advance(state, token), length + len(tokens[token].decode())
        assert length <= high
        rows = auto.pushdown.G[auto.pushdown.G[L.G_ST] :][: auto.pushdown.n_states * L.ST].reshape(-1, L.ST)
        if length > high - L.VARIANTS:
            assert (rows[2:, L.S_NEAR] >= 0).any()
