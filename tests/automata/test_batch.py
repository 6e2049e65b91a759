"""Batches of masks against single ones: mixed automata, guards, threads, rows that do not fit."""

from __future__ import annotations

import json
import os
import random

import numpy as np
import pytest
from oracles.mask_bits import tokens_of

import syntagma as sg
from syntagma.automata import Matcher, TokenAutomaton, Vocabulary, compile_grammar, fill_masks
from syntagma.automata import batch as batch_module
from syntagma.grammar.jsonschema import JsonSchema

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="interpreted kernels follow no addresses"
)

TEXTS = [bytes((b,)) for b in range(256)] + [b'{"', b'":', b", ", b'"a"', b"12", b"true"]
VOCABULARY = Vocabulary.from_tokens(TEXTS, eos_ids=[len(TEXTS)])
SCHEMAS: list[object] = [
    {"type": "array", "items": {"type": "integer"}},
    {"type": "object", "properties": {"a": {"type": "string"}}},
    {"type": "string", "format": "uuid"},
    {"type": "array", "items": {"enum": [1, "b", None]}, "uniqueItems": True},  # guarded
    {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "boolean"}}},
]


@pytest.fixture(autouse=True)
def few_are_worth_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_module, "PER_THREAD", 16)


def automata() -> list[TokenAutomaton]:
    return [compile_grammar(JsonSchema(schema).grammar(), VOCABULARY) for schema in SCHEMAS]


def walked(auto: TokenAutomaton, steps: int, rng: random.Random) -> Matcher:
    """A matcher some random tokens along; nothing of its last mask is remembered yet."""
    matcher, row = auto.matcher(), np.zeros(auto.mask_width, np.int32)
    for _ in range(steps):
        matcher.fill_mask(row)
        matcher.accept(rng.choice(sorted(tokens_of(row))))
        if matcher.finished:
            break
    return matcher


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_batches_are_single_masks(threads: int) -> None:
    rng = random.Random(threads)
    batch = [walked(auto, rng.randrange(9), rng) for auto in automata() for _ in range(40)]
    rng.shuffle(batch)
    alone = [compile_grammar(JsonSchema(SCHEMAS[0]).grammar(), VOCABULARY).matcher()]
    assert alone[0].automaton.mask_width == batch[0].automaton.mask_width
    for _ in range(2):  # first with most masks missing, then remembered
        rows = np.full((len(batch), batch[0].automaton.mask_width), -1, np.int32)
        fill_masks(batch, rows, threads=threads)
        single = np.zeros_like(rows)
        for matcher, row in zip(batch, single, strict=True):
            matcher.fill_mask(row)
        assert (rows == single).all()


def test_rows_by_index_leave_others_alone() -> None:
    auto = automata()[0]
    matchers = [auto.matcher(), auto.matcher()]
    assert matchers[1].accept(TEXTS.index(b"["))
    rows = np.full((5, auto.mask_width), 7, np.int32)
    sg.fill_masks(matchers, rows, indices=[3, 1])
    assert (rows[[0, 2, 4]] == 7).all()
    for matcher, place in zip(matchers, (3, 1), strict=True):
        row = np.zeros(auto.mask_width, np.int32)
        matcher.fill_mask(row)
        assert (rows[place] == row).all()
    fill_masks([], rows)


def test_what_does_not_fit() -> None:
    auto = automata()[0]
    matchers, width = [auto.matcher()], auto.mask_width
    bad: list[tuple[object, str]] = [
        (np.zeros((1, width + 1), np.int32), "rows of"),
        (np.zeros((1, width), np.int64), "int32"),
        (np.zeros((2, 2 * width), np.int32)[:, ::2], "C-contiguous"),
        (np.zeros(width, np.int32), "shape"),
    ]
    for rows, words in bad:
        with pytest.raises(ValueError, match=words):
            fill_masks(matchers, rows)  # type: ignore[arg-type]
    rows = np.zeros((1, width), np.int32)
    with pytest.raises(ValueError, match="indices from 0 to 0"):
        fill_masks(matchers, rows, indices=[1])
    with pytest.raises(ValueError, match="an index for each"):
        fill_masks(matchers, rows, indices=[0, 0])
    with pytest.raises(ValueError, match="whole numbers"):
        fill_masks(matchers, rows, indices=[0.5])  # type: ignore[list-item]
    alone = [np.zeros(width + 1, np.int32), np.zeros(width, np.uint32), np.zeros((1, width), np.int32)]
    for row in (*alone, np.zeros(2 * width, np.int32)[::2], np.frombuffer(bytes(4 * width), np.int32)):
        with pytest.raises(ValueError, match=r"words, got|C-contiguous row that can be written"):
            matchers[0].fill_mask(row)
    rows.setflags(write=False)
    with pytest.raises(ValueError, match="written"):
        fill_masks(matchers, rows)
    other = compile_grammar(
        JsonSchema({}).grammar(), Vocabulary.from_tokens(TEXTS + [b"%d!" % k for k in range(99)], eos_ids=[999])
    )
    with pytest.raises(ValueError, match="one width"):
        fill_masks([auto.matcher(), other.matcher()], np.zeros((2, width), np.int32))


def test_ids_that_no_token_has() -> None:
    matcher = automata()[2].matcher()
    assert matcher.accept(TEXTS.index(b'"'))
    for token in (-1, len(TEXTS) + 1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**70, -(2**70)):
        assert not matcher.accept(token)


def test_masks_of_a_text_by_batches() -> None:
    """A whole text in several copies, one a step behind the other, on two threads."""
    auto = automata()[1]
    text = json.dumps({"a": "xyz"}).encode()
    matchers = [auto.matcher() for _ in range(64)]
    rows = np.zeros((64, auto.mask_width), np.int32)
    for step in range(len(text)):
        fill_masks(matchers, rows)
        for k, matcher in enumerate(matchers):
            token = text[max(0, step - k % 3)]
            if step >= k % 3:
                assert rows[k, token >> 5] >> (token & 31) & 1
                assert matcher.accept(token)


def test_slots_serve_again_and_batches_follow() -> None:
    """Batches whose automata lie in the slots of others, dropped meanwhile, are filled from their own arenas."""
    rng = random.Random(5)
    for _ in range(4):
        batch = [walked(auto, rng.randrange(6), rng) for auto in automata() for _ in range(3)]
        rows = np.zeros((len(batch), batch[0].automaton.mask_width), np.int32)
        for _ in range(2):
            fill_masks(batch, rows)
            for matcher, row in zip(batch, rows, strict=True):
                assert (row == matcher.automaton.mask(matcher.state)).all() or not matcher.automaton.exact
        rng.shuffle(batch)
        fill_masks(batch, rows)
        for matcher, row in zip(batch, rows, strict=True):
            single = np.zeros_like(row)
            matcher.fill_mask(single)
            assert (row == single).all()


def test_more_automata_than_slots_at_first() -> None:
    many = [compile_grammar(JsonSchema({"const": k}).grammar(), VOCABULARY).matcher() for k in range(150)]
    assert len({matcher.automaton.slot for matcher in many}) == len(many)
    rows = np.zeros((len(many), many[0].automaton.mask_width), np.int32)
    fill_masks(many, rows)
    for k, row in enumerate(rows):
        assert tokens_of(row) & {ord(c) for c in "0123456789"} == {ord(str(k)[0])}


def test_threads_share_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[list[int]] = []
    run = batch_module._run
    monkeypatch.setattr(batch_module, "_run", lambda cuts, task: (shares.append(cuts), run(cuts, task)))
    batch = [auto.matcher() for auto in automata() for _ in range(8)]
    rows = np.zeros((len(batch), batch[0].automaton.mask_width), np.int32)
    for threads in (1, 2, 4):
        fill_masks(batch, rows, threads=threads)
    assert [len(cuts) - 1 for cuts in shares] == [1, 2, 2]  # 40 rows are worth two threads of 16
