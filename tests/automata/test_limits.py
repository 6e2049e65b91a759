"""Limits: hostile grammars get an error, long texts grow the arenas, full pools begin anew, threads agree."""

from __future__ import annotations

import gc
import random
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from oracles.mask_bits import tokens_of

from syntagma.automata import Limits, TokenAutomaton, Vocabulary, compile_grammar, lower
from syntagma.errors import BudgetExceeded
from syntagma.grammar.ir import (
    ANY_BYTE,
    Alt,
    And,
    Bytes,
    Expr,
    Grammar,
    Items,
    Member,
    Members,
    Not,
    OtherMembers,
    Ref,
    Repeat,
    Seq,
    byte_set,
)

A, B, S = Bytes(b"a"), Bytes(b"b"), Ref("s")
LETTER = byte_set((0x61, 0x7A))
TOKENS = [
    b"a",
    b"b",
    b"[",
    b"]",
    b",",
    b'"',
    b":",
    b"{",
    b"}",
    b"aa",
    b"ab",
    b"[[",
    b"]]",
    b"a,",
    b'":',
    b'"a',
    b"a" * 9,
]
VOCABULARY = Vocabulary.from_tokens(TOKENS, eos_ids=[len(TOKENS)])


def grammar(start: Expr, **rules: Expr) -> Grammar:
    return Grammar("s", {"s": start, **rules})


def compiled(start: Expr, limits: Limits | None = None, **rules: Expr) -> TokenAutomaton:
    return compile_grammar(grammar(start, **rules), VOCABULARY, limits=limits)


def run(auto: TokenAutomaton, text: bytes) -> int:
    state = auto.start
    for byte in text:
        state = auto.advance(state, TOKENS.index(bytes((byte,))))
    return state


def allowed(auto: TokenAutomaton, state: int) -> set[bytes]:
    return {TOKENS[t] if t < len(TOKENS) else b"" for t in tokens_of(auto.mask(state))}


# Growth


def test_deep_nesting() -> None:
    auto = compiled(Alt((Seq((Bytes(b"["), S, Bytes(b"]"))), A)))
    state = run(auto, b"[" * 2000)
    assert allowed(auto, state) == {b"a", b"[", b"[["}
    state = auto.advance(state, TOKENS.index(b"a"))
    for _ in range(999):
        state = auto.advance(state, TOKENS.index(b"]]"))
    assert allowed(auto, state) == {b"]", b"]]"}
    state = auto.advance(state, TOKENS.index(b"]]"))
    assert allowed(auto, state) == {b""}


def test_deep_nesting_of_lists_with_layout() -> None:
    auto = compiled(Alt((Seq((Bytes(b"["), Items((), S, 0, None), Bytes(b"]"))), A)))
    state = run(auto, b"[a," * 700 + b"[]" + b"]" * 699)
    assert not auto.accepts(state)
    assert auto.accepts(auto.advance(state, TOKENS.index(b"]")))


def test_ambiguity_stays_polynomial() -> None:
    """S = S S | a has exponentially many parses; a text of 800 letters takes little."""
    auto = compiled(Alt((Seq((S, S)), A, Seq((Bytes(b"["), S, Bytes(b"]"))))))
    began = time.perf_counter()
    state = run(auto, b"a" * 800 + b"[" * 100 + b"a" * 100 + b"]" * 100)
    assert auto.accepts(state)
    assert time.perf_counter() - began < 5


def test_many_stacks_at_once() -> None:
    """Hundreds of frames take the next byte: one list for each depth that the text may have."""
    inner: Expr = A
    rules = {}
    for k in range(300):
        rules[f"r{k}"] = Alt((Seq((Bytes(b"["), Ref(f"r{k + 1}"), Bytes(b"]"))), Seq((A, Ref(f"r{k + 1}")))))
    rules["r300"] = inner
    auto = compiled(Alt(tuple(Seq((A, Ref(f"r{k}"), Bytes(b"b" * (k % 7)))) for k in range(301))), **rules)
    state = run(auto, b"aaa[")
    assert allowed(auto, state) >= {b"a", b"["}
    assert auto.stats.rules_lowered > 250


def test_palindromes() -> None:
    """Every middle is possible: as many stacks as letters."""
    auto = compiled(Alt((Seq((A, S, A)), Seq((B, S, B)), A, B)))
    half = bytes(random.Random(0).choices(b"ab", k=150))
    assert auto.accepts(run(auto, half + b"a" + half[::-1]))
    assert not auto.accepts(run(auto, half + b"aa" + half[::-1]))


def test_right_recursion_does_not_grow_the_stack() -> None:
    auto = compiled(Alt((Seq((A, Ref("t"))), B)), t=Alt((Seq((B, S)), Seq((Bytes(b"["), S)), B)))
    run(auto, b"ab" * 50)
    before = auto.stats.configurations
    run(auto, b"ab" * 3000)
    assert auto.stats.configurations == before


def test_large_bounds_are_counted() -> None:
    body = Seq((Bytes(b'"'), Repeat(LETTER, 9_000, 10_000), Bytes(b'"')))
    auto = compiled(Seq((Bytes(b"["), Items((), body, 0, 5_000), Bytes(b"]"))))
    assert auto.stats.states < 100
    state = run(auto, b'["' + b"a" * 8_999)
    assert b'"' not in allowed(auto, state)
    state = run(auto, b'["' + b"a" * 9_995)
    assert {b"a", b"aa", b'"'} <= allowed(auto, state)
    assert b"a" * 9 not in allowed(auto, state)


def test_an_object_of_many_keys() -> None:
    keys = tuple(Member(Bytes(b'"%s"' % (b"a" * k + b"b")), A, k % 50 == 0) for k in range(300))
    others = (OtherMembers(Seq((Bytes(b'"'), Repeat(LETTER), Bytes(b'"'))), B),)
    members = Members(keys, others, "any")
    auto = compiled(Seq((Bytes(b"{"), members, Bytes(b"}"))))
    order = random.Random(1).sample(range(300), 300)
    text = b",".join(b'"%s":a' % (b"a" * k + b"b") for k in order)
    assert auto.accepts(run(auto, b"{" + text + b',"aa":b}'))
    assert run(auto, b"{" + text + b',"aab"') == 0, "a key comes at most once"
    needed = b",".join(b'"%s":a' % (b"a" * k + b"b") for k in range(0, 250, 50))
    state = run(auto, b"{" + needed)
    assert b"}" not in allowed(auto, state)


# Budgets


def hostile() -> Iterator[tuple[str, Expr]]:
    letters = Alt((A, B))
    yield "exponential determinisation", Seq((Repeat(letters), A, *[letters] * 40))
    yield (
        "with calls",
        Seq(
            (Repeat(Alt((A, S, B))), Bytes(b"["), *[Alt((A, B, Seq((B, S))))] * 12, Repeat(letters), A, *[letters] * 30)
        ),
    )
    yield "complement", And((Not(Seq((Repeat(letters), A, *[letters] * 40))), Repeat(letters)))
    yield "counts of a pattern", And((Repeat(Seq((Repeat(A), B))), Repeat(ANY_BYTE, 0, 1 << 30)))
    yield "nested counts", Repeat(Repeat(Repeat(Alt((A, Bytes(b"aa"))), 17, 5000), 17, 5000), 17, 5000)


@pytest.mark.parametrize(
    ("what", "start"), list(hostile()), ids=lambda x: x.replace(" ", "-") if isinstance(x, str) else ""
)
def test_hostile_grammars_end(what: str, start: Expr) -> None:
    """They compile in bounded time, or say which budget they need."""
    began = time.perf_counter()
    with suppress(BudgetExceeded):
        auto = compiled(Alt((start, Bytes(b"[]"))), Limits(states=2000, seconds=5))
        allowed(auto, auto.start)
    assert time.perf_counter() - began < 8, what


def test_the_budget_of_bytes() -> None:
    auto = compiled(Alt((Seq((Bytes(b"["), S, Bytes(b"]"))), A)), Limits(bytes=1 << 21))
    with pytest.raises(BudgetExceeded, match="configurations"):
        run(auto, b"[" * 100_000)
    assert allowed(auto, auto.start) == {b"a", b"[", b"[["}, "what is known stays usable"


# The pool of masks


def test_rows_handed_out_outlive_the_pool() -> None:
    nested = Alt((Seq((Bytes(b"["), Items((), S, 0, 3), Bytes(b"]"))), A))
    auto, plain = compiled(nested, Limits(mask_bytes=64)), compiled(nested)
    held = []
    state, other = auto.start, plain.start
    for byte in b"[a,[" * 80 + b"a]]" * 60:
        token = TOKENS.index(bytes((byte,)))
        row = auto.mask(state)
        assert not row.flags.writeable
        held.append((row, row.copy(), plain.mask(other).copy()))
        state, other = auto.advance(state, token), plain.advance(other, token)
    assert auto.stats.mask_evictions > 0
    for row, copy, expected in held:
        np.testing.assert_array_equal(row, copy)
        np.testing.assert_array_equal(row, expected)
    np.testing.assert_array_equal(auto.mask(auto.start), held[0][1])


# Threads


def document() -> Grammar:
    text = Seq((Bytes(b'"'), Repeat(LETTER, 0, 40), Bytes(b'"')))
    keys = tuple(Member(Bytes(b'"%s"' % name), Ref("v"), name == b"a") for name in (b"a", b"b", b"aa", b"ab"))
    members = Members(keys, (OtherMembers(Seq((Bytes(b'"'), Repeat(LETTER), Bytes(b'"'))), text),), "any")
    return grammar(
        Seq((Bytes(b"{"), members, Bytes(b"}"))),
        v=Alt((text, S, Seq((Bytes(b"["), Items((), Ref("v"), 0, 30), Bytes(b"]"))), A)),
    )


def walk(auto: TokenAutomaton, seed: int, steps: int = 150) -> list[tuple[int, bytes]]:
    """A random walk: the tokens and the masks."""
    rng = random.Random(seed)
    matcher = auto.matcher()
    row = np.zeros(auto.mask_width, np.int32)
    trail = []
    for _ in range(steps):
        matcher.fill_mask(row)
        bits = sorted(tokens_of(row))
        if not bits:
            break
        token = rng.choice([t for t in bits if t not in auto.end_ids] or bits)
        assert matcher.accept(token)
        trail.append((token, row.tobytes()))
    return trail


def test_threads_agree_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight threads on one cold automaton see what one sees alone."""
    monkeypatch.setattr(lower, "_terminals", type(lower._terminals)())
    tokens = [*TOKENS, b"not among them"]  # a vocabulary without tables yet
    shared = compile_grammar(
        document(), Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)]), limits=Limits(mask_bytes=512)
    )
    alone = compile_grammar(document(), Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)]))
    found: dict[int, list[tuple[int, bytes]]] = {}
    gate = threading.Barrier(8)

    def work(k: int) -> None:
        gate.wait()
        for seed in range(k % 4, 24, 4):
            found[100 * k + seed] = walk(shared, seed)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 48
    for key, trail in found.items():
        assert trail == walk(alone, key % 100)


@pytest.mark.parametrize("n", [64, 500])
def test_many_literals(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merged arrays against the minimal machine of the same words, along some of them."""
    rng = random.Random(n)
    words = sorted({bytes(rng.choices(b"abcdefghijkl", k=rng.randint(1, 5))) for _ in range(2 * n)})[:n]
    tokens = [bytes((b,)) for b in range(256)] + [b"ab", b"cde", b"lk", b"ki"]
    vocabulary = Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
    grammar = Grammar("s", {"s": Alt(tuple(map(Bytes, words)))})
    arrays = compile_grammar(grammar, vocabulary)
    monkeypatch.setattr(lower, "lower_literals", lambda words: None)
    lower._terminals.clear()
    lower._terminals_by_id.clear()
    machine = compile_grammar(grammar, vocabulary)
    assert arrays.stats.states == machine.stats.states
    for word in rng.sample(words, 40):
        states = [arrays.start, machine.start]
        for byte in (*word, None):
            assert (arrays.mask(states[0]) == machine.mask(states[1])).all()
            assert arrays.accepts(states[0]) == machine.accepts(states[1])
            if byte is not None:
                states = [auto.advance(state, byte) for auto, state in zip((arrays, machine), states, strict=True)]
        assert arrays.accepts(states[0])


def test_a_dropped_automaton_is_freed_at_once() -> None:
    """Its arenas are in no cycle that only a collection would end."""
    gc.collect()
    gc.disable()
    try:
        auto = compiled(Repeat(Alt((A, Seq((B, S))))))
        auto.mask(auto.start)
        auto.matcher().accept(0)
        arenas = weakref.ref(auto.pushdown)
        del auto
        assert arenas() is None
    finally:
        gc.enable()


def test_an_automaton_that_lacks_room_says_so_again() -> None:
    """What did not fit the first time does not fit the second time: nothing is written beyond an arena."""
    keys = tuple(Member(Bytes(b'"k%05d"' % k), Ref("v")) for k in range(4000))
    rules = {"s": Seq((Bytes(b"a"), Ref("m"))), "m": Seq((Bytes(b"{"), Members(keys), Bytes(b"}"))), "v": Bytes(b"1")}
    auto = compile_grammar(Grammar("s", rules), VOCABULARY, limits=Limits(rules=1, bytes=1 << 19))
    state = auto.advance(auto.start, 0)
    for _ in range(3):
        with pytest.raises(BudgetExceeded, match="bytes of the automaton"):
            auto.mask(state)
