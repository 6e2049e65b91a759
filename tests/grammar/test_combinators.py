"""Combinators: parts are values, and accept what they say."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_grammar import matches

import syntagma as sg
from syntagma.backends.commands.text_check import compile_for_bytes, first_mismatch
from syntagma.errors import BudgetExceeded, EmptyLanguage, GrammarSyntaxError
from syntagma.grammar.ir import Token
from syntagma.grammar.part import Part
from syntagma.grammar.substring import suffix_automaton


@dataclass
class Person:
    name: str
    age: int


def accepts(part: Part, text: str) -> bool:
    return first_mismatch(compile_for_bytes(part.grammar()), text.encode()) is None


NUMBER = sg.regex("[0-9]+")
NESTED = ("(" + sg.ref("x").optional() + ")").named("x")

#: Part -> its repr, texts that it accepts, texts that it rejects.
PARTS: dict[Part, tuple[str, list[str], list[str]]] = {
    sg.lit("a\n"): (r"lit('a\n')", ["a\n"], ["a", ""]),
    "x" + NUMBER + "y": ("lit('x') + regex('[0-9]+') + lit('y')", ["x12y"], ["xy"]),
    sg.lit("a") >> sg.Choice(["b", "c"]): ("lit('a') + Choice([b'b', b'c'])", ["ab", "ac"], ["a"]),
    ("a" | NUMBER) + "b": ("(lit('a') | regex('[0-9]+')) + lit('b')", ["ab", "1b"], ["b"]),
    NUMBER | sg.Choice(["z"]): (
        "regex('[0-9]+') | Choice([b'z'])",
        ["z"],
        [""],
    ),
    (sg.lit("a") + "b").repeat(1, 2): ("(lit('a') + lit('b')).repeat(1, 2)", ["ab", "abab"], ["", "ababab"]),
    sg.lit("a").repeat(): ("lit('a').repeat(0)", ["", "aaa"], ["b"]),
    sg.optional("a"): ("lit('a').optional()", ["", "a"], ["aa"]),
    sg.regex("A", flags="i"): ("regex('A', flags='i')", ["a", "A"], ["b"]),
    sg.regex(r"\d", flavour="ecma"): (r"regex('\\d', flavour='ecma')", ["1"], ["١"]),
    sg.json(Person): ("json(Person)", ['{"name": "é", "age": 3}'], ['{"age": 3}']),
    sg.json({"enum": [1]}) + ";": ("""json({"enum": [1]}) + lit(';')""", ["1;"], ["2;"]),
    NESTED: ("(lit('(') + ref('x').optional() + lit(')')).named('x')", ["()", "((()))"], ["(", "()()"]),
    sg.until("</a>") + "</a>": ("until('</a>') + lit('</a>')", ["</a>", "x</</a>"], ["x</a></a>", "x</a"]),
    sg.until("a", "bc", max_chars=3): ("until('a', 'bc', max_chars=3)", ["", "bé", "b b"], ["a", "bc", "dddd"]),
    sg.until(min_chars=1): ("until(min_chars=1)", ["a"], [""]),
    sg.permutation("a", "b", NUMBER, separator=","): (
        "permutation(lit('a'), lit('b'), regex('[0-9]+'), separator=lit(','))",
        ["a,b,1", "12,b,a"],
        ["a,b", "a,a,1", "ab1", "a,b,1,"],
    ),
    sg.permutation(): ("permutation()", [""], ["a"]),
    sg.substring("to be"): ("substring('to be', by='chars')", ["", "to be", "o b", "e"], ["tb", "to be."]),
    sg.substring("to be, or", by="words"): (
        "substring('to be, or', by='words')",
        ["to be", ", or", ""],
        ["o", "be or"],
    ),
    sg.lit("a").capture("x"): ("lit('a').capture('x')", ["a"], ["b"]),
    sg.Lark('start: "a" "b"') + sg.lit("c"): (
        "Lark(text='start: \"a\" \"b\"', start='start', lexer='longest', base_path=None) + lit('c')",
        ["abc"],
        ["ab"],
    ),
}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: repr(part)[:40])
def test_parts(part: Part) -> None:
    shown, accepted, rejected = PARTS[part]
    assert repr(part) == shown
    auto = compile_for_bytes(part.grammar())
    assert [text for text in accepted if first_mismatch(auto, text.encode()) is not None] == []
    assert [text for text in rejected if first_mismatch(auto, text.encode()) is None] == []
    again = pickle.loads(pickle.dumps(part))
    assert again == part
    assert hash(again) == hash(part)
    assert again.grammar() == part.grammar()


def test_parts_are_constraints() -> None:
    vocabulary = sg.Vocabulary.from_tokens([bytes([b]) for b in range(256)], [256], {"<think>": 257})
    matcher = sg.compile(sg.special("<think>") + NUMBER, vocabulary).matcher()
    assert matcher.accept(257)
    assert matcher.accept(ord("7"))
    assert matcher.accepts_eos
    from syntagma.backends.output import output_of

    assert output_of(sg.lit("a")).decode("a") == "a"


def test_special_tokens() -> None:
    part = sg.special("<a>") + sg.special(7) + sg.special("<b>", or_text=True)
    assert repr(part) == "special('<a>') + special(7) + special('<b>', or_text=True)"
    assert matches(part.grammar(), [Token(name="<a>"), Token(id=7), Token(name="<b>", or_text=True)])


def test_equal_constraints_share_their_rules() -> None:
    one, two = sg.json(Person), sg.json(Person) + sg.json(Person)
    assert one == sg.json(Person) != sg.json({"type": "integer"})
    assert len(two.grammar().rules) <= len(one.grammar().rules) + 1


def test_references_and_names() -> None:
    item = sg.json({"type": "integer"}) | "[" + (sg.ref("v") + sg.optional("," + sg.ref("v"))).optional() + "]"
    assert accepts(item.named("v"), "[1,[[],2]]")
    with pytest.raises(GrammarSyntaxError, match="name 'gone'"):
        sg.ref("gone").grammar()
    with pytest.raises(GrammarSyntaxError, match="two that differ"):
        (sg.lit("a").named("x") + sg.lit("b").named("x")).grammar()
    both = sg.lit("a").named("x") + sg.lit("a").named("x")
    assert accepts(both, "aa")
    with pytest.raises(EmptyLanguage):
        compile_for_bytes(("a" + sg.ref("x")).named("x").grammar())


def test_what_is_refused() -> None:
    with pytest.raises(TypeError, match="json"):
        sg.lit("a") + int
    with pytest.raises(TypeError):
        sg.lit("a") | 3
    with pytest.raises(ValueError, match="bounds"):
        sg.lit("a").repeat(3, 2)
    with pytest.raises(ValueError, match="not empty"):
        sg.until("")
    with pytest.raises(ValueError, match="bounds"):
        sg.until("a", max_chars=1, min_chars=2)
    with pytest.raises(ValueError, match="at most 12"):
        sg.permutation(*"abcdefghijklm")
    part = sg.lit("a")
    for _ in range(5000):
        part = part.optional().capture("x")
    with pytest.raises(BudgetExceeded, match="nesting"):
        part.grammar()


@settings(max_examples=60, deadline=None)
@given(st.text("ab", max_size=9), st.text("abc", max_size=4))
def test_substrings_by_definition(text: str, piece: str) -> None:
    assert matches(sg.substring(text).grammar(), piece.encode()) == (piece in text)


@settings(max_examples=40, deadline=None)
@given(st.text("abc", max_size=30))
def test_suffix_automata_are_linear_and_know_every_factor(text: str) -> None:
    next_of = suffix_automaton(text)
    assert len(next_of) <= max(2, 2 * len(text))
    paths, found = [("", 0)], set()
    for word, q in paths:
        found.add(word)
        paths += [(word + char, t) for char, t in next_of[q].items()]
    assert len(found) == len(paths)
    assert found == {text[i:j] for i in range(len(text) + 1) for j in range(i, len(text) + 1)}


def test_a_long_text_stays_cheap() -> None:
    text = " ".join(f"sentence {i} of a text that is long" for i in range(120))
    auto = compile_for_bytes(sg.substring(text).grammar())
    assert first_mismatch(auto, text[7:1500].encode()) is None
    assert first_mismatch(auto, (text[7:1500] + "!").encode()) is not None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "ab"]), max_size=3))
def test_permutations_by_definition(words: list[str]) -> None:
    grammar = sg.permutation(*words, separator="-").grammar()
    expected = {"-".join(order) for order in permutations(words)}
    assert all(matches(grammar, text.encode()) for text in expected)
    assert not matches(grammar, ("-".join([*words, "a"])).encode())
