"""Kernels against their definition: byte ranges, the split of a vocabulary, tries of suffixes, unions, key rules."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_split import kernel_split, naive_split

from syntagma.automata import Vocabulary, compile_grammar
from syntagma.automata import _layout_kernels as L
from syntagma.automata import _trie_kernels as Tries
from syntagma.automata._config_kernels import union
from syntagma.automata.ranges import byte_ranges
from syntagma.automata.tables import tables_of
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

LETTER = byte_set((0x61, 0x7A))
STRING = Seq((Bytes(b'"'), Repeat(LETTER), Bytes(b'"')))


@given(st.sets(st.integers(0, 255)))
def test_byte_ranges(bytes_: set[int]) -> None:
    ranges = byte_ranges(sum(1 << b for b in bytes_))
    assert {b for lo, hi in ranges for b in range(lo, hi + 1)} == bytes_
    assert all(a[1] + 1 < b[0] for a, b in pairwise(ranges))


def drawn(alphabet: bytes, n: int, seed: int) -> list[bytes]:
    rng = random.Random(seed)
    return [*(bytes((b,)) for b in alphabet), *(bytes(rng.choices(alphabet, k=rng.randint(1, 6))) for _ in range(n))]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_split_tokens_and_suffixes(compiled: bool, seed: int) -> None:
    """Inner tokens stay in the terminal and can go on; exits end it somewhere and leave the rest over."""
    tokens = drawn(b'ab".', 80, seed)
    vocab = Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
    body = [STRING, Seq((Repeat(LETTER, 1), Repeat(Seq((Bytes(b"."), LETTER)), 0, 1))), Repeat(LETTER, 0, 20)][seed % 3]
    auto = compile_grammar(Grammar("s", {"s": Seq((Bytes(b"x"), Items((), Ref("t"), 0, 9))), "t": body}), vocab)
    pda, tables = auto.pushdown, tables_of(vocab)
    pda.lower(rule := pda.lowerer.rule_id(body))
    state = int(pda.G[pda.G[L.G_RT] + rule * L.RT + L.R_START])
    found, exits = kernel_split(tables, pda.G, state, compiled)
    assert found == naive_split(pda.G, state, tokens)
    if len(exits):
        suffix_trie_holds(tables, exits, tokens)


def suffix_trie_holds(tables: object, exits: np.ndarray, tokens: list[bytes]) -> None:
    n = len(exits)
    data, start = tables.data, tables.start  # type: ignore[attr-defined]
    order, spare = np.empty(n, np.int64), np.empty(2 * n, np.int64)
    Tries.sort_exits(exits, n, data, start, order, spare)
    suffixes = [tokens[exits[e, 0]][exits[e, 1] :] for e in order.tolist()]
    assert suffixes == sorted(suffixes)
    nodes, pairs, kids = np.zeros((6 * n + 2, 4), np.int32), np.zeros((n, 2), np.int32), np.zeros(6 * n + 2, np.int32)
    n_nodes = Tries.build_suffix_trie(exits, n, order, data, start, np.zeros(9, np.int64), nodes, pairs, kids)
    found, path = [], b""
    for k in range(n_nodes):
        depth = int(nodes[k, 0]) >> 8
        path = path[: max(0, depth - 1)] + (bytes((nodes[k, 0] & 255,)) if depth else b"")
        found += [(path, int(t)) for t in pairs[nodes[k, 2] : nodes[k + 1, 2], 0]]
        assert k < nodes[k, 1] <= n_nodes
        inside = range(k + 1, nodes[k, 1])
        children = [j for j in inside if nodes[j, 0] >> 8 == depth + 1]
        assert kids[nodes[k, 3] : nodes[k + 1, 3]].tolist() == [j << 8 | nodes[j, 0] & 255 for j in children]
        assert all(nodes[j, 0] >> 8 > depth for j in inside)
    assert sorted(found) == sorted((tokens[exits[e, 0]][exits[e, 1] :], int(exits[e, 0])) for e in range(n))


# Configurations as sets of stacks


def stacks(auto: object, config: int) -> frozenset[tuple[tuple[int, int], ...]]:
    """The stacks of a configuration, spelled out."""
    A = auto.pushdown.A  # type: ignore[attr-defined]
    at = A[L.H_CFG] + config * L.CF
    first = A[L.H_ENT] + A[at + L.C_ENT] * L.EN
    found = set()
    for s, p, below, _ in A[first : first + A[at + L.C_NENT] * L.EN].reshape(-1, L.EN).tolist():
        found |= {((s, p),)} if s == 1 else {((s, p), *rest) for rest in stacks(auto, below)}
    return frozenset(found)


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_unions_are_unions_of_stacks(rng: random.Random) -> None:
    tokens = [b"a", b"b", b"["]
    s = Alt(
        (Seq((Bytes(b"a"), Ref("s"), Bytes(b"a"))), Seq((Bytes(b"b"), Ref("s"), Ref("s"))), Bytes(b"a"), Bytes(b"b"))
    )
    auto = compile_grammar(Grammar("s", {"s": s}), Vocabulary.from_tokens(tokens, eos_ids=[3]))
    pda, known = auto.pushdown, {auto.start}
    for _ in range(12):
        state = auto.start
        for _ in range(rng.randint(0, 7)):
            state = auto.advance(state, rng.randrange(2)) or state
        known.add(state)
    for a in sorted(known):
        for b in sorted(known):
            while (c := int(union(pda.G, pda.A, a, b))) < 0:
                pda.supply(lambda guard, lo, hi: None)
            assert stacks(auto, c) == stacks(auto, a) | stacks(auto, b)
            assert c == int(union(pda.G, pda.A, b, a))
    assert len({stacks(auto, c) for c in range(3, auto.stats.configurations)}) == auto.stats.configurations - 3


# Which keys may come


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_keys_come_where_a_legal_object_is_left(data: st.DataObject) -> None:
    """Against all legal lists of keys, one letter each, `x` an undeclared one; values and layout do not matter."""
    n = data.draw(st.integers(1, 3))
    required = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    order = data.draw(st.sampled_from(["schema", "any"]))
    low, high = data.draw(st.tuples(st.integers(0, 3), st.sampled_from([None, 1, 2, 3, 4])))
    names = [b"a", b"b", b"c"][:n]
    keys = tuple(Member(Bytes(name), Bytes(b"."), need) for name, need in zip(names, required, strict=True))
    other = (OtherMembers(Bytes(b"x"), Bytes(b".")),) if data.draw(st.booleans()) else ()
    legal = {
        text for text in lists(names + [b"x"] * bool(other), 3 + n) if is_legal(text, names, required, order, low, high)
    }
    if not legal:
        return
    members: Expr = Members(keys, other, order, Bytes(b"="), Bytes(b","), low, high)
    tokens = [b"a", b"b", b"c", b"d", b"x", b"=", b".", b",", b"{", b"}"]
    auto = compile_grammar(
        Grammar("s", {"s": Seq((Bytes(b"{"), members, Bytes(b"}")))}),
        Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)]),
    )
    for text in lists([*names, b"x"], 3):
        state = auto.start
        for byte in b"{" + b",".join(b"%c=." % key for key in text):
            state = auto.advance(state, tokens.index(bytes((byte,)))) if state else 0
        assert (state != 0) == any(word.startswith(text) for word in legal), (text, legal)
        closed = auto.advance(state, tokens.index(b"}")) if state else 0
        assert (closed != 0) == (text in legal), (text, legal)


def lists(letters: list[bytes], longest: int) -> list[bytes]:
    found = level = [b""]
    for _ in range(longest):
        level = [text + letter for text in level for letter in letters]
        found = found + level
    return found


def is_legal(text: bytes, names: list[bytes], required: list[bool], order: str, low: int, high: int | None) -> bool:
    declared = [c for c in text if bytes((c,)) in names]
    positions = [names.index(bytes((c,))) if bytes((c,)) in names else len(names) for c in text]
    return (
        len(set(declared)) == len(declared)
        and all(name[0] in text for name, need in zip(names, required, strict=True) if need)
        and (order == "any" or positions == sorted(positions))
        and low <= len(text)
        and (high is None or len(text) <= high)
    )
