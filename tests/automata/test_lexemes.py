"""Lexemes: the longest match wins, then the priority; held against a naive lexer, text by text."""

from __future__ import annotations

import os
from itertools import product

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracles.naive_lexer import words

from syntagma.automata import TokenAutomaton, Vocabulary, compile_grammar
from syntagma.errors import EmptyLanguage, UnsupportedFeature
from syntagma.grammar.ir import Alt, Bytes, Expr, Grammar, Lexeme, Ref, Repeat, Seq, byte_set

DIGIT = byte_set((0x30, 0x39))
LETTER = byte_set((0x61, 0x7A))
TEXTS = [
    *(
        b"1..",
        b"..1",
        b"1.",
        b".1.",
        b"ab",
        b"if",
        b"f a",
        b"aab.",
        b".a",
        b"ifa",
        b"b.a",
        b"ab..",
        b"b..b",
        b".b.a.b.",
    ),
    *(b"'.'", b"''.", b".''.", b"'..''", b"'" * 3, b".\xc3", b"\xa9.", b".\xc3.", b"\xc3\xa9\xc3"),
]


def vocabulary(alphabet: bytes) -> Vocabulary:
    tokens = [*(bytes((b,)) for b in alphabet), *(text for text in TEXTS if set(text) <= set(alphabet))]
    return Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])


def hold(grammar: Grammar, alphabet: bytes, length: int, *, viable: int = -1) -> TokenAutomaton:
    """Compare all texts up to a length; prefixes of up to `viable` bytes are viable exactly where a word shows it."""
    auto = compile_grammar(grammar, vocabulary(alphabet))
    language = words(grammar, alphabet, length)
    prefixes = {word[:k] for word in language for k in range(len(word) + 1)}
    states = {b"": auto.start}
    for n in range(length + 1):
        for letters in product(alphabet, repeat=n):
            text = bytes(letters)
            if n:
                before = states[text[:-1]]
                states[text] = auto.advance(before, alphabet.index(text[-1])) if before else 0
            state = states[text]
            assert (state != 0 and auto.accepts(state)) == (text in language), (grammar, text)
            assert state or text not in prefixes, (grammar, text)
            if n <= viable:
                assert (state != 0) == (text in prefixes), (grammar, text)
            if state and n <= length - 3:
                masks_agree(auto, state, alphabet)
    return auto


def masks_agree(auto: TokenAutomaton, state: int, alphabet: bytes) -> None:
    """The mask has the tokens whose bytes can be taken one by one, to the same state."""
    mask = np.unpackbits(auto.mask(state).view(np.uint8), bitorder="little")
    for token in set(range(auto.vocabulary.size)) - set(auto.end_ids):
        here = state
        for byte in auto.vocabulary.token_bytes(token):
            here = auto.advance(here, alphabet.index(byte)) if here else 0
        assert mask[token] == (here != 0), (auto.vocabulary.token_bytes(token), auto.grammar)
        assert auto.advance(state, token) == here


def lexeme(expr: Expr, name: str, priority: int = 0) -> Lexeme:
    return Lexeme(expr, name, priority)


NUMBER = lexeme(Seq((Repeat(DIGIT, 1), Repeat(Seq((Bytes(b"."), Repeat(DIGIT, 1))), 0, 1))), "NUMBER")
DOTS = lexeme(Bytes(b".."), "DOTS")
IF = lexeme(Bytes(b"if"), "IF", 1)
NAME = lexeme(Repeat(LETTER, 1), "NAME")
SPACE = lexeme(Bytes(b" "), "SPACE")
N, D, ID, K, W = map(Ref, "ndikw")


def grammar(start: Expr, **rules: Expr) -> Grammar:
    return Grammar("s", {"s": start, **rules})


def test_a_number_gives_its_dot_back_to_a_range() -> None:
    hold(grammar(Seq((N, D, N)), n=NUMBER, d=DOTS), b"1.", 7, viable=3)


def test_lexemes_in_place_are_the_same_as_rules() -> None:
    hold(grammar(Seq((NUMBER, DOTS, NUMBER))), b"1.", 7, viable=3)


def test_a_keyword_beats_a_name_of_the_same_text() -> None:
    auto = hold(grammar(Alt((Seq((K, W, ID)), Seq((ID, DOTS)))), k=IF, i=NAME, w=SPACE), b"if .", 6, viable=2)
    state = auto.start
    for byte in b"if":
        state = auto.advance(state, b"if .".index(byte))
    mask = np.unpackbits(auto.mask(state).view(np.uint8), bitorder="little")
    assert mask[b"if .".index(b" ")], "the keyword goes on with a space"
    assert not mask[b"if .".index(b".")], "the text is no name"
    assert mask[0], "a longer name still is one"


def test_a_name_may_hold_a_keyword() -> None:
    hold(grammar(Repeat(Alt((K, ID, W))), k=IF, i=NAME, w=SPACE), b"if ", 6, viable=6)


def test_only_lexemes_that_may_stand_there_compete() -> None:
    hold(grammar(Seq((K, ID)), k=IF, i=NAME), b"ifa", 6, viable=4)


def test_an_end_is_given_up_for_a_much_longer_match() -> None:
    parts = [lexeme(Bytes(text), text.decode()) for text in (b"a", b"ab", b"ababb")]
    hold(grammar(Repeat(Alt(tuple(parts)), 1)), b"ab", 9, viable=7)


OTHER = Alt((byte_set((0x00, 0x26), (0x28, 0x7F)), Seq((byte_set((0xC2, 0xDF)), byte_set((0x80, 0xBF))))))
QUOTED = lexeme(Seq((Bytes(b"'"), Repeat(Alt((OTHER, Bytes(b"''")))), Bytes(b"'"))), "QUOTED")
PLAIN = lexeme(Repeat(OTHER, 1), "PLAIN", -1)


def test_behind_an_end_a_lexeme_may_go_on_without_ending_again() -> None:
    """A quote may be the first of two, a byte the first of a letter."""
    q, d = Ref("q"), Ref("d")
    hold(grammar(Seq((q, Repeat(Seq((d, q))))), q=QUOTED, d=lexeme(Bytes(b"."), "DOT")), b"'.", 9, viable=5)
    hold(grammar(Alt((q, d, Seq((q, d, q)))), q=QUOTED, d=PLAIN), b"'.\xc3\xa9", 6)
    hold(grammar(Seq((d, q, Repeat(d, 0, 1))), q=QUOTED, d=PLAIN), b"'.\xc3\xa9", 6)


def test_two_names_cannot_touch() -> None:
    """The munch leaves nothing for the second; the automaton may learn so only at the end, but accepts nothing."""
    hold(grammar(Alt((Seq((ID, ID)), K)), k=IF, i=NAME), b"ifa", 5)


POOL = [
    lexeme(Bytes(b"a"), "A"),
    lexeme(Bytes(b"ab"), "AB"),
    lexeme(Bytes(b"."), "DOT"),
    lexeme(Bytes(b".."), "DOTS"),
    lexeme(Bytes(b"aab"), "AAB", 2),
    lexeme(Repeat(Bytes(b"b"), 1), "BS"),
    lexeme(Repeat(LETTER, 1), "NAME", -1),
    lexeme(Seq((Repeat(Bytes(b"a"), 1), Repeat(Seq((Bytes(b"."), Bytes(b"a"))), 0, 1))), "AS"),
    lexeme(Seq((Bytes(b"a"), Repeat(byte_set((0x61, 0x7A), 0x2E)), Bytes(b"b"))), "LONG", 1),
    lexeme(Seq((Repeat(byte_set((0x61, 0x7A)), 1), Repeat(Bytes(b".b.")))), "PAIRS"),
]


def _grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    some = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        some.map(Seq), some.map(Alt), st.builds(Repeat, inner, st.integers(0, 1), st.sampled_from([None, 2]))
    )


expressions = st.recursive(st.sampled_from([*POOL, Ref("x"), Ref("y")]), _grown, max_leaves=5)


@settings(
    max_examples=int(os.environ.get("SYNTAGMA_EXAMPLES", "60")), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(expressions, expressions, st.sampled_from(POOL))
def test_random_grammars_of_lexemes(s: Expr, x: Expr, y: Expr) -> None:
    rules = Grammar("s", {"s": s, "x": Alt((x, POOL[0])), "y": y})
    try:
        hold(rules, b"ab.", 5)
    except (EmptyLanguage, UnsupportedFeature, RecursionError):
        assume(False)
