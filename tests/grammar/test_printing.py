"""Printers: what is printed and read again accepts the same language, or is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_grammar import language, matches
from oracles.naive_lexer import words

import syntagma as sg
from syntagma.errors import EmptyLanguage, GrammarError, UnsupportedFeature
from syntagma.grammar.convert import convert
from syntagma.grammar.ebnf import Ebnf
from syntagma.grammar.gbnf import Gbnf
from syntagma.grammar.ir import (
    ANY_BYTE,
    NOTHING,
    Alt,
    And,
    Bytes,
    ByteSet,
    Expr,
    Grammar,
    Guarded,
    Not,
    Ref,
    Repeat,
    Seq,
    Spelled,
    Token,
    byte_set,
)
from syntagma.grammar.printable import printable
from syntagma.grammar.regular import compile_regular
from syntagma.grammar.unicode import ANY, code_points

FIXTURES = sorted((Path(__file__).resolve().parent.parent / "fixtures" / "gbnf").glob("*.gbnf"))

LEAVES = st.sampled_from(
    [Bytes(b"a"), Bytes(b"b"), Bytes(b'"\\/'), byte_set((97, 98)), Seq(()), NOTHING, Ref("r"), Ref("s")]
)


def both(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """Sequences, alternations and repetitions."""
    parts = st.lists(inner, max_size=3).map(tuple)
    bounds = st.sampled_from([(0, None), (1, None), (0, 1), (2, 2), (0, 2), (2, None)])
    return st.one_of(parts.map(Seq), parts.map(Alt), st.tuples(inner, bounds).map(lambda x: Repeat(x[0], *x[1])))


BODIES = st.recursive(LEAVES, both, max_leaves=6)
REGULAR = st.recursive(LEAVES.filter(lambda leaf: not isinstance(leaf, Ref)), both, max_leaves=5)
GRAMMARS = st.tuples(BODIES, BODIES, BODIES).map(
    lambda bodies: Grammar("start", dict(zip(("start", "r", "s"), bodies, strict=True)))
)


def via_ebnf(grammar: Grammar) -> Grammar:
    return Ebnf(convert(grammar, "gbnf").text).grammar()


WAYS: dict[str, Callable[[Grammar], Grammar]] = {
    "lark": lambda grammar: convert(grammar, "lark").grammar(),
    "gbnf": lambda grammar: convert(grammar, "gbnf").grammar(),
    "ebnf": via_ebnf,
}


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(grammar=GRAMMARS)
def test_printed_grammars_accept_the_same_texts(way: str, grammar: Grammar) -> None:
    expected = language(grammar, b"ab", 4)
    try:
        again = WAYS[way](grammar)
    except EmptyLanguage:
        assert expected == set()
        return
    assert language(again, b"ab", 4) == expected


@settings(max_examples=60, deadline=None)
@given(first=REGULAR, second=REGULAR)
def test_printed_regular_expressions_have_the_same_automaton(first: Expr, second: Expr) -> None:
    expr = And((Alt((first, Seq((first, second)))), Not(second)))
    grammar = Grammar("start", {"start": expr})
    for to in ("regex", "gbnf"):
        try:
            again = convert(grammar, to).grammar()
        except EmptyLanguage:
            assert not compile_regular(expr).accept.any()
            return
        if len(again.rules) == 1:
            assert compile_regular(again.rules[again.start]) == compile_regular(expr)


def test_an_automaton_that_others_print_as_rules_is_a_pattern() -> None:
    """Whose rules call each other, which no pattern can say."""
    quoted = Bytes(b'"\\/')
    first = Alt((Repeat(ByteSet(0b11 << 97)), Seq((Repeat(Bytes(b"a")), quoted))))
    expr = And((Alt((first, Seq((first, Bytes(b"a"), quoted)))), Not(Seq((Bytes(b"a"), quoted)))))
    grammar = Grammar("start", {"start": expr})
    assert len(printable(grammar).rules) > 1
    again = convert(grammar, "regex").grammar()
    assert compile_regular(again.rules[again.start]) == compile_regular(expr)


CHARACTERS = st.sampled_from(
    [0, 9, 10, 34, 45, 47, 92, 93, 94, 97, 0x7F, 0x80, 0xE9, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF]
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(CHARACTERS, CHARACTERS).map(sorted), min_size=1, max_size=4))
def test_classes_of_characters_are_found_again(ranges: list[list[int]]) -> None:
    from syntagma.grammar.unicode import SURROGATES, intersection, negation, union

    chosen = intersection(union([(lo, hi) for lo, hi in ranges]), negation(SURROGATES))
    expr = Seq((Bytes(b"x"), code_points(chosen), Bytes("é".encode()), Repeat(code_points(negation(chosen)))))
    expected = compile_regular(expr)
    grammar = Grammar("start", {"start": expr})
    for to in ("gbnf", "lark", "regex"):
        again = convert(grammar, to)
        rules = again.grammar().rules
        assert len(again.text) < 400
        assert len(rules) > 1 or compile_regular(rules[again.grammar().start]) == expected


def test_bytes_that_are_characters_only_together() -> None:
    lead, tail = ByteSet(0xFF << 0xC4), byte_set((0x80, 0xBF))
    for expr in (
        Seq((lead, Repeat(tail, 1, 1))),
        Seq((Bytes(b"\xc3"), Alt((Bytes(b"\xa9x"), Bytes(b"\xa8"))))),
        And((Repeat(code_points(ANY), 1, 2), Not(Seq((Repeat(ANY_BYTE), Bytes("é".encode()), Repeat(ANY_BYTE)))))),
    ):
        again = convert(Grammar("start", {"start": expr}), "regex").grammar()
        assert compile_regular(again.rules[again.start]) == compile_regular(expr)
    with pytest.raises(UnsupportedFeature, match="UTF-8"):
        convert(Grammar("start", {"start": lead}), "gbnf")
    with pytest.raises(UnsupportedFeature, match="apart"):
        convert(Grammar("start", {"start": Seq((lead, Ref("r"))), "r": tail}), "gbnf")


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_real_grammars_print_readably(path: Path) -> None:
    grammar = Gbnf(path.read_text("utf-8")).grammar()
    text = convert(grammar, "gbnf").text
    assert convert(Gbnf(text), "gbnf").text == text
    assert set(Gbnf(text).grammar().rules) == set(grammar.rules)
    assert len(convert(convert(grammar, "lark"), "lark").grammar().rules) >= len(grammar.rules)


SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": "integer", "minimum": -3, "maximum": 12},
        "b": {"enum": ["x", "é"]},
        "c": {"type": "boolean"},
    },
    "required": ["b"],
}
DOCUMENTS = [
    '{"b": "x"}',
    '{"a": -3, "b": "é"}',
    '{"b":"x","c":true}',
    '{"a": 13, "b": "x"}',
    '{"a": 1}',
    '{"b": "y"}',
    "{}",
]


@pytest.mark.parametrize("to", ["lark", "gbnf", "regex"])
def test_schemas_print(to: str) -> None:
    grammar = sg.JsonSchema(SCHEMA).grammar()
    again = convert(sg.JsonSchema(SCHEMA), to).grammar()  # type: ignore[call-overload]
    for text in DOCUMENTS:
        assert matches(again, text.encode()) == matches(grammar, text.encode()), text


def test_terminals_that_compete_print_as_lark_for_the_same_lexer() -> None:
    lark = sg.Lark('start: (A "=" B | B "if")+\nA: /[ab]+/\nB.2: /[a=]/\n%ignore " "', lexer="longest")
    grammar = lark.grammar()
    again = convert(lark, "lark")
    assert again.lexer == "longest"
    assert words(again.grammar(), b"ab= ", 5) == words(grammar, b"ab= ", 5)
    for to in ("gbnf", "regex"):
        with pytest.raises(UnsupportedFeature, match=r"compete"):
            convert(lark, to)  # type: ignore[call-overload]


TERMINALS = st.sampled_from(
    ['"a"', '"ab"', "/a+/", "/[ab]+?b/", "/ba*/", "/(?!ab)[ab]b/", "/(a(?!a)|b)+/", '/[ab]+/ & ~"ab"', '"b"i']
)
LEXED = st.sampled_from(["T U", "(T | U)+", "T start? U", "T | U start", "[T] U+", "U{1,2} T"])


@settings(max_examples=40, deadline=None)
@given(TERMINALS, TERMINALS, LEXED, st.sampled_from(["", '%ignore " "', "%ignore /b /"]), st.integers(0, 2))
def test_lexed_grammars_print_as_lark(one: str, two: str, body: str, ignored: str, priority: int) -> None:
    lark = sg.Lark(f"start: {body}\nT: {one}\nU.{priority}: {two}\n{ignored}\n")
    again = convert(lark, "lark")
    assert again.lexer == "longest"
    assert words(again.grammar(), b"ab ", 5) == words(lark.grammar(), b"ab ", 5)


def test_special_tokens() -> None:
    grammar = Grammar("start", {"start": Seq((Token(name="<think>"), Bytes(b"a"), Repeat(Token(id=7))))})
    for to in ("lark", "gbnf"):
        again = convert(grammar, to).grammar()  # type: ignore[call-overload]
        assert matches(again, [Token(name="<think>"), 97, Token(id=7), Token(id=7)])
    with pytest.raises(UnsupportedFeature, match="special tokens"):
        convert(grammar, "regex")
    with pytest.raises(UnsupportedFeature, match=r"\[INST\]"):
        convert(Grammar("start", {"start": Token(name="[INST]")}), "gbnf")


class _Even:
    pointer, keyword = "#/a", "multipleOf"

    def __call__(self, text: bytes) -> bool:
        return len(text) % 2 == 0


def test_guards_are_refused_by_name() -> None:
    grammar = Grammar("start", {"start": Guarded(Bytes(b"ab"), _Even())})
    with pytest.raises(UnsupportedFeature, match="`multipleOf` at #/a"):
        convert(grammar, "lark")


def test_a_spelled_string_prints() -> None:
    grammar = Grammar("start", {"start": Spelled('a"')})
    again = convert(grammar, "gbnf").grammar()
    for text in ('"a\\""', '"\\u0061\\u0022"', '"a""', '"b\\""'):
        assert matches(again, text.encode()) == matches(grammar, text.encode())


@pytest.mark.parametrize(
    "rules", [{"start": Ref("gone")}, {"start": NOTHING}, {"start": Seq((Bytes(b"a"), Ref("start")))}]
)
def test_what_cannot_be_printed_at_all(rules: dict[str, Expr]) -> None:
    with pytest.raises(GrammarError):
        convert(Grammar("start", rules), "gbnf")


def test_recursion_is_no_regular_expression_unless_it_is_a_loop() -> None:
    loop = Grammar("start", {"start": Alt((Seq((Bytes(b"a"), Ref("start"))), Bytes(b"b")))})
    assert convert(loop, "regex").text == "a*b"
    nested = Grammar("start", {"start": Alt((Seq((Bytes(b"a"), Ref("start"), Bytes(b"b"))), Bytes(b"c")))})
    with pytest.raises(UnsupportedFeature, match="calls itself"):
        convert(nested, "regex")


def test_names_stay_apart() -> None:
    rules = {"start": Seq((Ref("A b"), Ref("a-b"), Ref("1"), Ref("root"))), "A b": Bytes(b"1"), "a-b": Bytes(b"2")}
    grammar = Grammar("start", rules | {"1": Bytes(b"3"), "root": Bytes(b"4")})
    for to in ("lark", "gbnf", "regex"):
        assert matches(convert(grammar, to).grammar(), b"1234")  # type: ignore[call-overload]


def test_every_pair_of_characters_in_a_literal() -> None:
    odd = '"\\/\n\t\r\0a]é🙂'
    for pair in product(odd, repeat=2):
        text = "".join(pair)
        for to in ("lark", "gbnf", "regex"):
            again = convert(Grammar("start", {"start": Bytes(text.encode())}), to).grammar()  # type: ignore[call-overload]
            assert matches(again, text.encode()), text
