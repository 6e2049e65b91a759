"""The lexers of the Lark front end against lark's own."""

import re
from itertools import product

import lark
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles.lark_samples import KEYWORDS, SAMPLES, accepted_by, accepted_by_engine, mutations
from oracles.naive_grammar import matches

from syntagma.grammar.ir import Lexeme
from syntagma.grammar.lark import Lark
from syntagma.grammar.normalize import normalize


@pytest.mark.parametrize("name", SAMPLES)
def test_dynamic_as_lark(name: str) -> None:
    text, samples = SAMPLES[name]
    if name == "keywords":
        text = text.replace("%ignore COMMENT", "")  # the oracle knows no munch
    expected = accepted_by(lark.Lark(text, parser="earley", lexer="dynamic_complete"))
    grammar = normalize(Lark(text, lexer="dynamic").grammar())
    for word in mutations([s for s in samples if len(s) < 32], 40, 1):
        assert matches(grammar, word.encode()) == expected(word), word


@pytest.mark.parametrize("name", SAMPLES)
def test_dynamic_engine_as_lark(name: str) -> None:
    text, samples = SAMPLES[name]
    expected = accepted_by(lark.Lark(text, parser="earley", lexer="dynamic_complete"))
    accepts = accepted_by_engine(Lark(text, lexer="dynamic").grammar())
    assert all(map(expected, samples))
    for word in mutations(samples, 150, 2):
        assert accepts(word) == expected(word), word


@pytest.mark.parametrize("name", ["arithmetic", "json", "sql", "python", "keywords"])
def test_longest_as_larks_contextual_lexer(name: str) -> None:
    text, samples = SAMPLES[name]
    if name == "keywords":
        text = text.replace('expression "+" expression', 'NAME "+" expression')
    expected = accepted_by(lark.Lark(text, parser="lalr", lexer="contextual"))
    accepts = accepted_by_engine(Lark(text).grammar())
    for word in mutations(samples, 300, 3):
        assert accepts(word) == expected(word), word


def test_longest_lexemes_are_no_prefixes_of_others() -> None:
    grammar = Lark(KEYWORDS).grammar()
    accepts = accepted_by_engine(grammar)
    assert accepts("1..2;")
    assert accepts("a=1.5;")
    assert accepts("ifx=1;")
    assert not accepts("if=1;")  # the keyword wins where both may stand
    assert accepts("if if then b=if;")  # and only there
    assert accepts("notx=notx;")
    assert not accepts("if 1then b=2;x")


def test_priorities_decide_between_equal_texts() -> None:
    text = """
    start: (A "1" | B "2" | C "3" | "ab" "4") ";"?
    A: /[ab]{2}/
    B: /[a-c]{2}/
    C.1: /[cd]+/
    """
    rules = Lark(text).grammar().rules
    rank = {name: body.priority for name, body in rules.items() if isinstance(body, Lexeme)}
    assert rank["C"] > rank['"ab"'] > rank["B"] > rank["A"]
    accepts = accepted_by_engine(Lark(text).grammar())
    assert [accepts(word) for word in ("ab1", "ab2", "ab4", "aa1", "aa2", "bc2", "cc2", "cc3", "ca2")] == [
        *(False, False, True),
        *(False, True, True),
        *(False, True, True),
    ]


def test_where_longest_differs_from_lark() -> None:
    text = 'start: (A | AB | "c")+\nA: /a+/\nAB: "ab"'
    theirs = accepted_by(lark.Lark(text, parser="lalr", lexer="contextual"))
    ours = accepted_by_engine(Lark(text).grammar())
    assert ours("ab")
    assert not theirs("ab")  # the wider /a+/ is tried first and matches
    text = 'start: A "b"?\nA: /a|ab/'
    assert not accepted_by(lark.Lark(text, parser="earley", lexer="dynamic_complete"))("abb")
    assert accepted_by_engine(Lark(text, lexer="dynamic").grammar())("abb")


def test_lazy_terminals_end_where_they_first_may() -> None:
    text = 'start: C "x"? | S+\n%import common.C_COMMENT -> C\n%import common.ESCAPED_STRING -> S\n'
    for lexer in ("longest", "dynamic"):
        accepts = accepted_by_engine(Lark(text, lexer="longest" if lexer == "longest" else "dynamic").grammar())
        assert accepts("/* a * b */x")
        assert not accepts("/* a */ */")
        assert accepts(r'"a\\""b\""')
        assert not accepts(r'"a"b"')


@pytest.mark.parametrize("ignored", ["/#[ x]+/", "/#[ x]/", "/# /", "/#x/"])
@pytest.mark.parametrize("space", ['" "', '"x"'])
def test_ignored_text_that_rules_may_read_otherwise(ignored: str, space: str) -> None:
    text = f'start: "a" c?\nc: "#" "c"\n%ignore {ignored}\n%ignore {space}\n'
    theirs = accepted_by(lark.Lark(text, parser="earley", lexer="dynamic_complete"))
    ours = accepted_by_engine(Lark(text, lexer="dynamic").grammar())
    for word in map("".join, (letters for n in range(1, 5) for letters in product("a#xc ", repeat=n))):
        assert ours(word) == theirs(word), word


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join).map("({})".format),
        st.tuples(inner, st.sampled_from(["*?", "+?", "??", "{1,2}?", "*", "+", "?"])).map(lambda p: f"({p[0]}){p[1]}"),
    )


LAZY = st.recursive(st.sampled_from(["a", "b", "ab", "[ab]", "ba"]), _grown, max_leaves=6)


@settings(deadline=None, max_examples=60)
@given(LAZY.filter(lambda pattern: any(lazy in pattern for lazy in ("*?", "+?", "??", "}?"))), st.booleans())
def test_lazy_terminals_are_cut_as_lark_cuts_them(pattern: str, dynamic: bool) -> None:
    """With both lexers, on all short texts: a terminal of lazy quantifiers, alternatives and greedy ones behind."""
    assume(re.match(pattern, "") is None)
    text = f'start: (T "!"?)+\nT: /{pattern}/'
    grammar = Lark(text, lexer="dynamic" if dynamic else "longest").grammar()
    options = (
        {"parser": "earley", "lexer": "dynamic_complete"} if dynamic else {"parser": "lalr", "lexer": "contextual"}
    )
    theirs, ours = accepted_by(lark.Lark(text, **options)), accepted_by_engine(grammar)
    for word in map("".join, (letters for n in range(1, 6) for letters in product("ab!", repeat=n))):
        assert ours(word) == theirs(word), word
