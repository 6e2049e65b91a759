"""The law of masks: bit t is set if and only if prefix + t can still become a text of the language.

Random grammars and vocabularies, held along random walks against `naive_mask` (viability, from the IR's definition) and
`naive_grammar` (whole texts, of the grammar before it is normalised).
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracles.naive_grammar import matches
from oracles.naive_mask import NaiveMask, Stack, Symbol, TooManyStacks, is_empty

from syntagma.automata import Limits, TokenAutomaton, Vocabulary, compile_grammar, tables
from syntagma.errors import BudgetExceeded, EmptyLanguage, UnsupportedFeature
from syntagma.grammar.ir import (
    EMPTY,
    NOTHING,
    Alt,
    And,
    Bytes,
    Expr,
    Grammar,
    Guarded,
    Items,
    Member,
    Members,
    OtherMembers,
    Ref,
    Repeat,
    Seq,
    Spelled,
    Token,
    byte_set,
)
from syntagma.grammar.normalize import normalize

A, B = Bytes(b"a"), Bytes(b"b")
LETTER = byte_set((0x61, 0x7A))
#: Examples of each law; raise it for a long search.
EXAMPLES = int(os.environ.get("SYNTAGMA_EXAMPLES", "25"))

relaxed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def vocabulary(
    alphabet: bytes, more: Sequence[bytes] = (), *, seed: int = 0, n: int = 40, width: int = 5
) -> Vocabulary:
    """The bytes of the alphabet, random strings over it (some of them twice), two EOS ids and two special tokens."""
    rng = random.Random(seed)
    drawn = [bytes(rng.choices(alphabet, k=rng.randint(2, width))) for _ in range(n)]
    tokens = [*(bytes((b,)) for b in alphabet), *more, *drawn, *rng.sample(drawn, n // 8), alphabet[:1]]
    rng.shuffle(tokens)
    n = len(tokens)
    return Vocabulary.from_tokens(
        tokens, eos_ids=[n, n + 1], special={"<s>": n, "</s>": n + 1, "<x>": n + 2, "<y>": n + 3}, width=n + 40
    )


def tokens_of(row: np.ndarray) -> set[int]:
    return set(np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist())


def mask_of(auto: TokenAutomaton, state: int) -> set[int]:
    return tokens_of(auto.mask(state))


def filled(auto: TokenAutomaton, state: int) -> set[int]:
    row = np.full(auto.mask_width, -1, np.int32)
    auto.fill_mask(state, row)
    return tokens_of(row)


def symbols(vocab: Vocabulary, token: int) -> list[Symbol]:
    return list(vocab.token_bytes(token)) or [Token(token)]


def allowed(oracle: NaiveMask, stacks: frozenset[Stack], vocab: Vocabulary, ends: Sequence[int]) -> set[int]:
    """The tokens that the oracle allows, one trie of stacks for all."""
    known: dict[bytes, frozenset[Stack]] = {b"": stacks}
    found = set(ends) if oracle.accepts(stacks) else set()
    for token in range(vocab.size):
        text = vocab.token_bytes(token)
        for k in range(len(text)):
            if text[: k + 1] not in known:
                known[text[: k + 1]] = oracle.after(known[text[:k]], text[k : k + 1])
        if known[text] if text else oracle.after(stacks, [Token(token)]):
            found.add(token)
    return found


@dataclass
class Walk:
    """A random walk, held against the oracles at every step."""

    grammar: Grammar
    vocab: Vocabulary
    rng: random.Random
    limits: Limits | None = None

    def __post_init__(self) -> None:
        try:
            self.auto = compile_grammar(self.grammar, self.vocab, limits=self.limits)
        except EmptyLanguage:
            assume(False)
        normal = normalize(self.grammar)
        special = dict(self.vocab.special)
        self.oracle = NaiveMask(normal, special)
        self.lazy = self.oracle if self.auto.exact else NaiveMask(normal, special, eager=False)

    def run(self, steps: int) -> None:
        auto, oracle, lazy, vocab = self.auto, self.oracle, self.lazy, self.vocab
        state, stacks, slack = auto.start, oracle.start, lazy.start
        matcher = auto.matcher()
        text: list[Symbol] = []
        for step in range(steps):
            expected = allowed(oracle, stacks, vocab, auto.end_ids)
            most = expected if auto.exact else allowed(lazy, slack, vocab, auto.end_ids)
            found = filled(auto, state)
            where = (self.grammar, text)
            self.compare(found, expected, most, where)
            bare = mask_of(auto, state)
            assert found <= bare, where
            assert found == {t for t in range(vocab.width) if auto.check(state, t)}, where
            assert auto.accepts(state) == oracle.accepts(stacks), where
            if len(text) < 14 and (auto.exact or all(isinstance(s, int) for s in text)):
                named = [Token(name=self.name(s.id)) if isinstance(s, Token) else s for s in text]
                assert auto.accepts(state) == (matches(self.grammar, text) or matches(self.grammar, named)), where
            refused = sorted(set(range(vocab.width)) - found)
            assert not matcher.accept(self.rng.choice(refused))
            assert matcher.state == state
            going = sorted(found - set(auto.end_ids))
            if not going:
                return
            first = self.rng.choice(sorted({vocab.token_bytes(t)[:1] for t in going}))
            token = self.rng.choice([t for t in going if vocab.token_bytes(t)[:1] == first])
            more = symbols(vocab, token)
            after = auto.advance(state, token)
            assert after != 0
            if isinstance(more[0], int):
                assert after == self.bytewise(state, more), (*where, token)
            fork = matcher.fork()
            assert fork.accept(token)
            assert fork.state == after
            assert matcher.state == state
            fork.rollback(1)
            assert fork.state == state
            assert matcher.accept(token)
            state, text = after, text + more
            stacks, slack = oracle.after(stacks, more), lazy.after(slack, more)
            if step == steps - 1:
                matcher.rollback(matcher.n_tokens)
                assert matcher.state == auto.start

    def compare(self, found: set[int], least: set[int], most: set[int], where: object) -> None:
        text = self.vocab.token_bytes
        assert not least - found, ("missing", [(t, text(t)) for t in least - found], where)
        assert not found - most, ("too many", [(t, text(t)) for t in found - most], where)

    def bytewise(self, state: int, more: Sequence[Symbol]) -> int:
        single = {self.vocab.token_bytes(t): t for t in range(self.vocab.width) if len(self.vocab.token_bytes(t)) == 1}
        for byte in more:
            state = self.auto.advance(state, single[bytes((byte,))])  # type: ignore[arg-type]
        return state

    def name(self, token: int | None) -> str | None:
        return next((n for n, t in self.vocab.special.items() if t == token), None)


def keeps_the_law(grammar: Grammar, rng: random.Random, vocab: Vocabulary, steps: int) -> None:
    """Walk through the grammar, as far as the oracle can."""
    try:
        Walk(grammar, vocab, rng).run(steps)
    except (BudgetExceeded, UnsupportedFeature):
        assume(False)
    except TooManyStacks:
        return


@dataclass(frozen=True)
class Even:
    """Whether the text's length is even, or odd."""

    even: bool
    pointer: str = "#"
    keyword: str = "length"

    def __call__(self, text: bytes) -> bool:
        return (len(text) % 2 == 0) == self.even


@dataclass(frozen=True)
class Without:
    """Whether the text lacks a byte string."""

    word: bytes
    pointer: str = "#/a"
    keyword: str = "not"

    def __call__(self, text: bytes) -> bool:
        return self.word not in text


checks = st.one_of(st.builds(Even, st.booleans()), st.builds(Without, st.sampled_from([b"a", b"ab", b"", b"aab"])))

# Random grammars over the letters a and b

BOUNDS = [(0, 17), (17, 17), (0, 20), (18, 20), (17, None), (2, 40), (16, 18)]
LEAVES: list[Expr] = [
    A,
    B,
    A,
    B,
    *map(Ref, "sxyz"),
    Ref("x"),
    EMPTY,
    NOTHING,
    Bytes(b"ab"),
    byte_set(97, 98),
    Token(name="<x>"),
]


def _bounded(words: list[bytes], bound: tuple[int, int | None]) -> Expr:
    """A string of some words whose length is bounded, if there is one."""
    both = And((Repeat(Alt(tuple(map(Bytes, words)))), Repeat(LETTER, *bound)))
    return A if is_empty(both) else Seq((A, both, Bytes(b".")))


def _grown(inner: st.SearchStrategy[Expr], guarded: bool) -> st.SearchStrategy[Expr]:
    some = st.lists(inner, max_size=3).map(tuple)
    few = st.integers(0, 2)
    kinds = [
        some.map(Seq),
        some.map(Seq),
        some.map(Alt),
        some.map(Alt),
        st.builds(Repeat, inner, few, st.sampled_from([None, None, 0, 1, 2, 3])),
        st.builds(lambda item, bound: Repeat(item, *bound), inner, st.sampled_from(BOUNDS)),
        st.builds(
            _bounded,
            st.lists(st.sampled_from([b"a", b"b", b"ab", b"aa", b"aab"]), min_size=1, max_size=3),
            st.sampled_from(BOUNDS),
        ),
        st.builds(Items, some, st.one_of(st.none(), inner), few, st.sampled_from([None, 1, 3]), st.just(B)),
    ]
    if guarded:
        kinds += [st.builds(Guarded, inner, checks)] * 2
    return st.one_of(kinds)


def grammars(guarded: bool) -> st.SearchStrategy[Grammar]:
    expressions = st.recursive(st.sampled_from(LEAVES), lambda inner: _grown(inner, guarded), max_leaves=6)
    return st.builds(lambda *bodies: Grammar("s", dict(zip("sxyz", bodies, strict=True))), *[expressions] * 4)


LETTERS = vocabulary(b"ab.", [b"a" * 17, b"ab" * 10, b"a" * 40])


@relaxed
@given(grammars(False), st.randoms(use_true_random=False))
def test_random_grammars(grammar: Grammar, rng: random.Random) -> None:
    keeps_the_law(grammar, rng, LETTERS, 10)


@relaxed
@given(grammars(True), st.randoms(use_true_random=False))
def test_random_guarded_grammars(grammar: Grammar, rng: random.Random) -> None:
    keeps_the_law(grammar, rng, LETTERS, 10)


# JSON-like grammars: strings, lists, objects

CHAR = byte_set((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E))
QUOTE = Bytes(b'"')


def quoted(*inside: Expr) -> Expr:
    return Seq((QUOTE, *inside, QUOTE))


ANY_STRING = quoted(Repeat(Alt((CHAR, Seq((Bytes(b"\\"), byte_set(0x22, 0x5C, 0x61)))))))
NUMBER = Seq(
    (
        byte_set((0x30, 0x39)),
        Repeat(byte_set((0x30, 0x39))),
        Repeat(Seq((Bytes(b"."), Repeat(byte_set((0x30, 0x39)), 1))), 0, 1),
    )
)
SPACE = Bytes(b" ")
COMMAS: list[Expr] = [
    Bytes(b","),
    Seq((Bytes(b","), Repeat(SPACE))),
    Seq((Repeat(SPACE), Bytes(b","), Repeat(SPACE, 0, 1))),
]
COLONS: list[Expr] = [Bytes(b":"), Seq((Bytes(b":"), Repeat(SPACE))), Seq((Repeat(SPACE, 0, 1), Bytes(b":")))]
NAMES = ["", "a", "b", "ab", "aa", "ba", "bb", "aab", "abb", "/", '"', "1"]
OTHERS: list[Expr] = [
    ANY_STRING,
    quoted(Repeat(byte_set((0x61, 0x7A)))),
    quoted(Bytes(b"a"), Repeat(CHAR)),
    quoted(Repeat(Bytes(b"b"), 1), Repeat(CHAR)),
]
ATOMS: list[Expr] = [
    Bytes(b"1"),
    Bytes(b"null"),
    NUMBER,
    ANY_STRING,
    quoted(Repeat(LETTER, 0, 20)),
    quoted(Repeat(LETTER, 2, 18)),
    Ref("s"),
    Ref("x"),
    Ref("y"),
]
bounds = st.sampled_from(
    [(0, None), (0, None), (0, None), (1, None), (0, 2), (1, 2), (2, 3), (0, 1), (2, None), (0, 0)]
)


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[Expr], closed: bool = False) -> Expr:
    """The members of an object: declared, required, forbidden and other keys, in some order and number."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=5, unique=True))
    spelled = draw(st.booleans())
    keys = []
    for name in names:
        plain = b'"' + name.replace('"', '\\"').encode() + b'"'
        required = draw(st.sampled_from([False, False, True]))
        value = NOTHING if not required and draw(st.integers(0, 7)) == 0 else draw(values)
        keys.append(Member(Spelled(name) if spelled else Bytes(plain), value, required))
    kinds = [] if closed else draw(st.sampled_from([[], [], OTHERS[:1], OTHERS[1:2], OTHERS[2:], OTHERS[2:3]]))
    other = tuple(OtherMembers(kind, draw(values)) for kind in kinds)
    low, high = draw(bounds)
    order = draw(st.sampled_from(["schema", "any"]))
    colon, comma = draw(st.sampled_from(COLONS)), draw(st.sampled_from(COMMAS))
    return Seq((Bytes(b"{"), Members(tuple(keys), other, order, colon, comma, low, high), Bytes(b"}")))


@st.composite
def lists(draw: st.DrawFn, values: st.SearchStrategy[Expr]) -> Expr:
    prefix = tuple(draw(st.lists(values, max_size=3)))
    rest = draw(st.one_of(st.none(), values))
    low, high = draw(bounds)
    return Seq((Bytes(b"["), Items(prefix, rest, low, high, draw(st.sampled_from(COMMAS))), Bytes(b"]")))


def values(guarded: bool) -> st.SearchStrategy[Expr]:
    def grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
        kinds = [
            objects(inner),
            objects(inner),
            lists(inner),
            st.lists(inner, min_size=2, max_size=3).map(lambda x: Alt(tuple(x))),
        ]
        if guarded:
            kinds += [st.builds(Guarded, inner, checks)] * 2
        return st.one_of(kinds)

    return st.recursive(st.sampled_from(ATOMS), grown, max_leaves=8)


def documents(guarded: bool) -> st.SearchStrategy[Grammar]:
    return st.builds(
        lambda s, x, y: Grammar("s", {"s": s, "x": x, "y": y}),
        objects(values(guarded)),
        values(guarded),
        values(guarded),
    )


JSON = vocabulary(
    b'ab"{}[]:, 16nlu.\\u0/',
    [
        b'{"',
        b'":',
        b'", "',
        b'","',
        b'"}',
        b'"]',
        b"},{",
        b'"a"',
        b'"a":',
        b'"ab":1,"',
        b"\\u0061",
        b"null",
        b"a" * 17,
        b"ab" * 12,
    ],
    n=60,
)


@relaxed
@given(documents(False), st.randoms(use_true_random=False))
def test_random_documents(grammar: Grammar, rng: random.Random) -> None:
    keeps_the_law(grammar, rng, JSON, 14)


@relaxed
@given(documents(True), st.randoms(use_true_random=False))
def test_random_guarded_documents(grammar: Grammar, rng: random.Random) -> None:
    keeps_the_law(grammar, rng, JSON, 14)


# Large bounds, large objects, large vocabularies

WIDE = vocabulary(b'ab"{}[]:, 1', [b"a" * k for k in range(15, 40)] + [b'a":1', b'","', b'":', b', "'], n=900, width=8)


@pytest.mark.parametrize("listed", [512, 4])
@settings(relaxed, max_examples=max(2, EXAMPLES // 5))
@given(st.sampled_from([(0, 5), (3, 17), (0, 30), (20, 40), (17, None)]), st.randoms(use_true_random=False))
def test_counted_strings(listed: int, bound: tuple[int, int | None], rng: random.Random) -> None:
    """The inner tokens of a counted string come from a list, or from a row for each small number of items left."""
    vocab = WIDE if listed > 4 else ROWED
    for body in (Repeat(LETTER, *bound), And((Repeat(Alt((Bytes(b"ab"), Bytes(b"b")))), Repeat(LETTER, *bound)))):
        keeps_the_law(Grammar("s", {"s": Items((), quoted(body), 1, 3)}), rng, vocab, 8)


#: As `WIDE`, with other padding: it has tables of its own, made with a small `LISTED_UP_TO`.
ROWED = Vocabulary.from_tokens([WIDE.token_bytes(t) for t in range(WIDE.size - 4)], eos_ids=[WIDE.size])


@pytest.fixture(autouse=True)
def _few_listed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    callspec = getattr(request.node, "callspec", None)
    if callspec and "listed" in callspec.params:
        monkeypatch.setattr(tables, "LISTED_UP_TO", callspec.params["listed"])


@st.composite
def large_objects(draw: st.DrawFn) -> Grammar:
    """Objects of more than 30 keys, whose seen-sets are interned."""
    size = draw(st.integers(31, 70))
    needed = draw(st.sets(st.integers(0, size - 1), max_size=2))
    keys = tuple(Member(Bytes(b'"%s"' % _binary(k)), Bytes(b"1"), k in needed) for k in range(size))
    other = draw(st.sampled_from([(), (OtherMembers(ANY_STRING, Bytes(b"11")),)]))
    low, high = draw(st.sampled_from([(0, None), (2, 3), (0, 2), (3, None), (len(needed), len(needed))]))
    order = draw(st.sampled_from(["schema", "any"]))
    return Grammar("s", {"s": Seq((Bytes(b"{"), Members(keys, other, order, min=low, max=high), Bytes(b"}")))})


def _binary(k: int) -> bytes:
    return bin(k)[2:].replace("0", "a").replace("1", "b").encode()


@settings(relaxed, max_examples=max(1, EXAMPLES // 4))
@given(large_objects(), st.randoms(use_true_random=False))
def test_large_objects(grammar: Grammar, rng: random.Random) -> None:
    keeps_the_law(grammar, rng, JSON, 20)
