"""Budgets of tokens against the definition: whichever way texts are cut, tokens with bytes in a rule are counted."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import numpy as np
import pytest

import syntagma as sg
from syntagma.automata.token_budget import BudgetedAutomaton
from syntagma.errors import VocabularyError

PIECES = [
    b"a",
    b"b",
    b"<",
    b"/",
    b"t",
    b">",
    b"<t",
    b"t>",
    b"</",
    b"/t>",
    b"ab",
    b"a<",
    b">b",
    b"</t>",
    b"b</t>a",
    b"\n",
]
TEXT = sg.Vocabulary.from_tokens([*PIECES, None], eos_ids=[len(PIECES)])
MARKS = sg.Vocabulary.from_tokens([*PIECES, None, None, None], [len(PIECES)], {"<t>": 17, "</t>": 18})


def reasoning(budget: int | None) -> sg.Part:
    return sg.reasoning(budget, begin="<t>", end="</t>") >> sg.lit("a").repeat(0, 2)


def texts_of(vocabulary: sg.Vocabulary) -> list[bytes]:
    names = {t: name.encode() for name, t in vocabulary.special.items()}
    return [names.get(t) or vocabulary.token_bytes(t) for t in range(vocabulary.size)]


def inside(tokens: tuple[int, ...], texts: list[bytes]) -> int:
    """How many tokens have bytes in the reasoning of a finished text."""
    whole = b"".join(texts[t] for t in tokens)
    begin = 3 if whole.startswith(b"<t>") else 0
    stop = whole.index(b"</t>", begin)
    ends = list(itertools.accumulate(len(texts[t]) for t in tokens))
    return sum(max(begin, lo) < min(hi, stop) for lo, hi in itertools.pairwise([0, *ends]))


def accepted(auto: sg.TokenAutomaton, tokens: tuple[int, ...]) -> bool:
    """Whether the tokens are a text, the masks saying the same at each step."""
    matcher = auto.matcher()
    row = np.zeros(auto.mask_width, np.int32)
    for token in tokens:
        matcher.fill_mask(row)
        allowed = bool(row[token >> 5] >> (token & 31) & 1)
        assert (auto.mask(matcher.state) == row).all()
        assert matcher.accept(token) == allowed
        if not allowed:
            return False
    matcher.fill_mask(row)
    end = auto.end_ids[0]
    assert bool(row[end >> 5] >> (end & 31) & 1) == matcher.accepts_eos
    return matcher.accepts_eos


@pytest.mark.parametrize("vocabulary", [TEXT, MARKS], ids=["text", "special"])
@pytest.mark.parametrize("budget", [1, 2, 3, 5])
def test_budget_is_the_count_of_tokens_inside(vocabulary: sg.Vocabulary, budget: int) -> None:
    free, auto = sg.compile(reasoning(None), vocabulary), sg.compile(reasoning(budget), vocabulary)
    texts, rng = texts_of(vocabulary), random.Random(budget)
    seen = set()
    for _ in range(400):
        matcher, tokens = free.matcher(), list[int]()
        while len(tokens) < 12:
            if matcher.accepts_eos:
                legal = inside(tuple(tokens), texts) <= budget
                assert accepted(auto, tuple(tokens)) == legal, [texts[t] for t in tokens]
                seen.add(legal)
            token = rng.choice([t for t in range(vocabulary.size) if free.check(matcher.state, t)])
            if token in free.end_ids:
                break
            assert matcher.accept(token)
            tokens.append(token)
    assert seen == {True, False}


@pytest.mark.parametrize("vocabulary", [TEXT, MARKS], ids=["text", "special"])
def test_no_mask_is_empty_and_the_end_stays_near(vocabulary: sg.Vocabulary) -> None:
    auto = sg.compile(reasoning(3), vocabulary)
    for seed in range(100):
        rng, state, left = random.Random(seed), auto.start, auto.least_bytes(auto.start)
        for _ in range(8):
            allowed = [t for t in range(vocabulary.size) if auto.check(state, t) and t not in auto.end_ids]
            if not allowed:
                break
            state = auto.advance(state, rng.choice(allowed))
            left = auto.least_bytes(state)
        while not auto.accepts(state):  # single tokens of the mask lead to the end as promised
            near = auto.mask_within(state, left + 1)
            options = [t for t in range(vocabulary.size) if near[t >> 5] >> (t & 31) & 1]
            state = auto.advance(state, options[0])
            assert auto.least_bytes(state) <= left - 1
            left -= 1


def test_a_character_that_has_begun_is_completed() -> None:
    vocabulary = sg.Vocabulary.from_tokens([*(bytes([b]) for b in range(256)), None], [256])
    auto = sg.compile(sg.reasoning(2, end="."), vocabulary)
    matcher = auto.matcher()
    assert all(matcher.accept(byte) for byte in "xé".encode())
    assert not matcher.accept(ord("x"))
    assert matcher.accept(ord("."))
    assert matcher.accepts_eos


def test_every_block_has_its_own_budget() -> None:
    vocabulary = sg.Vocabulary.from_tokens([*(bytes([b]) for b in range(256)), None], [256])
    part = (sg.reasoning(2, begin="", end=".") + sg.reasoning(3, begin="", end=";")).repeat(1, 2)
    auto = sg.compile(part, vocabulary)
    for text, legal in [
        ("xx.xxx;", True),
        ("xx.xxx;xx.xxx;", True),
        ("xxx.x;", False),
        ("x.xxxx;", False),
        (".;x.xxxx;", False),
    ]:
        assert accepted(auto, tuple(text.encode())) == legal, text


def test_forks_rollbacks_and_batches() -> None:
    auto = sg.compile(reasoning(2), TEXT)
    matchers = [auto.matcher() for _ in range(3)]
    for matcher, text in zip(matchers, [[], [0], [0, 0]], strict=True):
        assert all(map(matcher.accept, text))
    rows, one = np.zeros((3, auto.mask_width), np.int32), np.zeros(auto.mask_width, np.int32)
    sg.fill_masks(matchers, rows)
    for matcher, row in zip(matchers, rows, strict=True):
        matcher.fill_mask(one)
        assert (row == one).all()
    spent = matchers[2].fork()
    assert not spent.accept(0)
    matchers[2].rollback(1)
    assert matchers[2].state == matchers[1].state
    assert matchers[2].accept(0)


def test_the_fingerprint_knows_the_budget() -> None:
    assert len({sg.compile(reasoning(n), TEXT).fingerprint for n in (None, 1, 2)}) == 3


def test_a_vocabulary_without_an_end_cannot_count() -> None:
    with pytest.raises(VocabularyError, match="end-of-sequence token"):
        sg.compile(reasoning(2), sg.Vocabulary.from_tokens(PIECES, []))


def test_grammars_in_others_keep_their_budgets() -> None:
    inner = reasoning(2).grammar()
    auto = sg.compile(sg.lit("b") + inner, TEXT)
    assert isinstance(auto, BudgetedAutomaton)
    assert accepted(auto, (1, 0, 0, 13))
    assert not accepted(auto, (1, 0, 0, 0, 13))
    assert not isinstance(sg.compile(replace(inner, budgets={}), TEXT), BudgetedAutomaton)


@pytest.mark.parametrize("lexer", ["longest", "dynamic"])
def test_max_tokens_of_a_lark_rule(lexer: str) -> None:
    text = """
    start: number "," word "!" | word
    number[max_tokens=2]: /[0-9][0-9.]*/
    word[max_tokens=3]: WORD
    WORD: /[a-z]+/
    %ignore " "
    """
    vocabulary = sg.Vocabulary.from_tokens(
        [*(bytes([b]) for b in range(256)), b"ab", b"cd1", b"12", b"2,", None], [260]
    )
    auto = sg.compile(sg.Lark(text, lexer=lexer), vocabulary)  # type: ignore[arg-type]
    ab, pair, last = 256, 258, 259
    legal = [
        [*b"12,abc!"], [*b"12, abc !"], [pair, pair, 44, ab, ab, ab, 33], [pair, last, *b"abc!"], [*b"1.,a!"],
        [*b"abc"], [ab, ab, ab], [*b" abc "], [pair, *b"2,a!"],
    ]  # fmt: skip
    illegal = [[*b"123,abc!"], [*b"12,abcd!"], [*b"abcd"], [*b"1", pair, last, *b"a!"], [*b"1.55,a!"], [ab, ab, ab, ab]]
    assert [tokens for tokens in legal if not accepted(auto, tuple(tokens))] == []
    assert [tokens for tokens in illegal if accepted(auto, tuple(tokens))] == []


@pytest.mark.parametrize("lexer", ["longest", "dynamic"])
def test_max_tokens_of_a_terminal_that_may_be_empty(lexer: str) -> None:
    vocabulary = sg.Vocabulary.from_tokens([*(bytes([b]) for b in range(256)), None], [256])
    auto = sg.compile(sg.Lark("start: x /;/ x\nx[max_tokens=2]: /[^;]*/", lexer=lexer), vocabulary)  # type: ignore[arg-type]
    for text, legal in [(";", True), ("ab;", True), ("ab;cd", True), ("abc;", False), (";abc", False)]:
        assert accepted(auto, tuple(text.encode())) == legal, text
