"""The law of distances: `least_bytes` is the least number of bytes to an end, and `mask_within` keeps to it.

Along random walks on random grammars, against a search by breadth over the automaton itself.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import assume, given
from hypothesis import strategies as st
from laws.test_masks import LETTERS, relaxed
from oracles.json_grammars import documents
from oracles.letter_grammars import grammars
from oracles.mask_bits import tokens_of, vocabulary
from oracles.mask_walk import filled, mask_of

from syntagma.automata import TokenAutomaton, Vocabulary, compile_grammar, distance, nearest
from syntagma.errors import EmptyLanguage, UnsupportedFeature
from syntagma.grammar.ir import (
    NOTHING,
    Alt,
    And,
    Bytes,
    Grammar,
    Member,
    Members,
    OtherMembers,
    Ref,
    Repeat,
    Seq,
    byte_set,
)

BYTES = Vocabulary.from_tokens([bytes((b,)) for b in range(256)], eos_ids=[256])
#: With all bytes that a spelling of a random document's keys may need.
SPELLED = vocabulary(b'ab"{}[]:, 1236nulfF.\\u0/', [b'{"', b'":', b'","', b'"}', b'"a":', b"null", b"a" * 17], n=60)
LETTER = byte_set((0x61, 0x7A))


def shortest(auto: TokenAutomaton, state: int, most: int = 300) -> int | None:
    """Least single bytes and special tokens to the end, by breadth; None if that takes too many states."""
    vocab = auto.vocabulary
    single = [t for t in range(vocab.size) if len(vocab.token_bytes(t)) < 2 and t not in auto.end_ids]
    level, seen, n = [state], {state}, 0
    while level and len(seen) < most:
        if any(map(auto.accepts, level)):
            return n
        after = {auto.advance(s, t) for s in level for t in single} - seen - {0}
        seen |= after
        level, n = sorted(after), n + 1
    return None


def keeps_to_the_budget(auto: TokenAutomaton, state: int, n_tokens: int) -> None:
    """What `mask_within` allows fits; and something is allowed if single bytes fit, unless a guard objects."""
    found = tokens_of(auto.mask_within(state, n_tokens))
    assert found <= filled(auto, state)
    assert found or auto.least_bytes(state) >= n_tokens or not auto.exact
    for token in sorted(found - set(auto.end_ids)):
        assert auto.least_bytes(auto.advance(state, token)) + 1 <= n_tokens - 1


def walk(grammar: Grammar, vocab: Vocabulary, rng: random.Random) -> None:
    try:
        auto = compile_grammar(grammar, vocab)
        state = auto.start
        for _ in range(10):
            enough = auto.least_bytes(state)
            least = shortest(auto, state)
            assert least is None or least == enough or not auto.exact, (grammar, least, enough)
            keeps_to_the_budget(auto, state, enough + 1)
            keeps_to_the_budget(auto, state, enough + 1 + rng.randint(-3, 8))
            going = sorted(mask_of(auto, state) - set(auto.end_ids))
            if not going:
                break
            state = auto.advance(state, rng.choice(going))
    except (EmptyLanguage, UnsupportedFeature):
        assume(False)


@relaxed
@given(grammars(False), st.randoms(use_true_random=False))
def test_distances_in_random_grammars(grammar: Grammar, rng: random.Random) -> None:
    walk(grammar, LETTERS, rng)


@relaxed
@given(documents(False), st.randoms(use_true_random=False))
def test_distances_in_random_documents(grammar: Grammar, rng: random.Random) -> None:
    walk(grammar, SPELLED, rng)


@relaxed
@given(documents(True), st.randoms(use_true_random=False))
def test_what_is_allowed_fits_beside_guards_too(grammar: Grammar, rng: random.Random) -> None:
    walk(grammar, SPELLED, rng)


def distances(auto: TokenAutomaton, text: bytes) -> list[int]:
    """`least_bytes` before each byte of the text and behind it."""
    found, state = [auto.least_bytes(auto.start)], auto.start
    for byte in text:
        state = auto.advance(state, byte)
        found.append(auto.least_bytes(state))
    return found


def downwards(text: bytes) -> list[int]:
    return list(range(len(text), -1, -1))


def an_object(*keys: Member, other: Sequence[OtherMembers] = (), low: int = 0, high: int | None = None) -> Grammar:
    members = Members(keys, tuple(other), "any", min=low, max=high)
    return Grammar("s", {"s": Seq((Bytes(b"{"), members, Bytes(b"}")))})


def quoted(*inside: Repeat) -> Seq:
    return Seq((Bytes(b'"'), *inside, Bytes(b'"')))


ANY_KEY = quoted(Repeat(LETTER))
FORBIDDEN = Member(Bytes(b'"a"'), NOTHING)
ONE, TWO = Bytes(b"1"), Bytes(b"22")


def test_a_forbidden_key_is_no_way_out():
    """The edge that refuses `"a"` shadows that of the undeclared keys."""
    auto = compile_grammar(an_object(FORBIDDEN, other=[OtherMembers(ANY_KEY, ONE)], low=1), BYTES)
    assert distances(auto, b'{"a') == [6, 5, 4, 5]  # {"":1} but {"aa":1}


def test_a_key_that_was_seen_is_no_way_out():
    keys = Member(Bytes(b'"a"'), ONE), Member(Bytes(b'"ab"'), ONE)
    auto = compile_grammar(an_object(*keys, other=[OtherMembers(ANY_KEY, TWO)]), BYTES)
    assert distances(auto, b'{"a":1,"a')[-1] == 5  # b":1}
    assert distances(auto, b'{"a":1,"ab":1,"a')[-1] == 6  # a":22}
    auto = compile_grammar(an_object(*keys, high=2), BYTES)
    assert distances(auto, b'{"a":1,"')[-1] == 6  # ab":1}


def test_the_member_that_is_being_written_is_owed_no_more():
    keys = [Member(Bytes(b'"%s"' % name), TWO, required=True) for name in (b"name", b"age", b"x")]
    text = b'{"age":22,"name":22,"x":22}'
    assert distances(compile_grammar(an_object(*keys), BYTES), text) == downwards(text)


def test_a_minimum_is_filled_up_with_the_cheapest_kind_of_undeclared_key():
    other = OtherMembers(quoted(Repeat(Bytes(b"a"), 1)), ONE), OtherMembers(quoted(Repeat(Bytes(b"b"), 1)), ONE)
    auto = compile_grammar(an_object(FORBIDDEN, other=other, low=2), BYTES)
    text = b'{"b":1,"b":1}'
    assert distances(auto, text) == downwards(text)
    assert distances(auto, b'{"a')[-1] == len(b'a":1,"b":1}')


def test_what_is_owed_to_a_huge_minimum_is_not_listed():
    for item, n in ((LETTER, 10**6), (Seq((LETTER, Bytes(b"-"))), 5000)):
        auto = compile_grammar(Grammar("s", {"s": quoted(Repeat(item, n))}), BYTES)
        least = n * (2 if isinstance(item, Seq) else 1)
        assert distances(auto, b'"a') == [least + 2, least + 1, least]
    auto = compile_grammar(an_object(other=[OtherMembers(ANY_KEY, ONE)], low=30_000), BYTES)
    assert auto.least_bytes(auto.start) == 5 * 30_000 + 1


def test_an_intersection_is_measured_by_its_automaton():
    """The shortest string of both is longer than the shortest of either."""
    both = And((Repeat(Bytes(b"aa"), 1), Repeat(Bytes(b"aaa"), 1)))
    grammar = Grammar("s", {"s": Repeat(Ref("x"), 2), "x": Seq((both, Ref("y"))), "y": Alt((ONE, Ref("s")))})
    auto = compile_grammar(grammar, BYTES)
    assert auto.least_bytes(auto.start) == 14
    counted = And((Repeat(Alt((Bytes(b"ab"), Bytes(b"b"))), 0), Repeat(LETTER, 20, 40)))
    auto = compile_grammar(an_object(Member(Bytes(b'"a"'), quoted(counted), required=True)), BYTES)
    assert distances(auto, b'{"a":"b') == list(range(28, 20, -1))


def test_keys_cost_the_shortest_that_is_not_declared():
    keys = [Member(Bytes(b'"%s"' % name), Bytes(b"1" * 9)) for name in (b"", b"a", b"b")]
    short = OtherMembers(quoted(Repeat(byte_set(0x61, 0x62))), ONE)
    auto = compile_grammar(Grammar("s", {"s": Ref("x"), **an_object(*keys, other=[short], low=1).rules}), BYTES)
    assert auto.least_bytes(auto.start) == len(b'{"aa":1}')


def test_the_token_that_ends_the_text_counts():
    auto = compile_grammar(Grammar("s", {"s": ONE}), BYTES)
    assert auto.least_bytes(0) == distance.FAR
    assert not auto.mask_within(auto.start, 1).any()
    assert tokens_of(auto.mask_within(auto.start, 2)) == {0x31}


def test_large_masks_are_restricted_to_a_part():
    rng = random.Random(0)
    words = {bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(30_000)}
    ends = [word + tail for word in sorted(words)[:50] for tail in (b'"', b'"}')]
    tokens = [bytes((b,)) for b in range(256)] + sorted(words) + ends + [b'"}']
    vocab = Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])
    auto = compile_grammar(an_object(Member(Bytes(b'"a"'), ANY_KEY, required=True)), vocab)
    state = auto.start
    for byte in b'{"a":"':
        state = auto.advance(state, byte)
    assert tokens_of(auto.mask_within(state, 3)) == {0x22, tokens.index(b'"}')}
    assert len(mask_of(auto, state)) > nearest.MOST_TOKENS
    keeps_to_the_budget(auto, state, 40)


def test_distances_of_counted_items_that_are_measured_themselves() -> None:
    """A loop whose items hold a bounded pattern: its length asks for theirs, while those of the rules are found."""
    bounded = And((Repeat(Alt((Bytes(b"aa"), Bytes(b"a")))), Repeat(LETTER, 2, 40)))
    word = Seq((Bytes(b"a"), bounded, Bytes(b".")))
    auto = compile_grammar(Grammar("s", {"s": Repeat(Alt((Ref("y"), Bytes(b"b"))), 2, 40), "y": word}), LETTERS)
    assert auto.least_bytes(auto.start) == 2
    state = auto.start
    for byte, least in ((b"a", 4), (b"a", 3), (b"a", 2), (b".", 1), (b"b", 0)):
        state = auto.advance(state, next(t for t in range(LETTERS.size) if LETTERS.token_bytes(t) == byte))
        assert auto.least_bytes(state) == least
