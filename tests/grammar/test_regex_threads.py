"""Threads against Python's `re`: what it finds first with lazy quantifiers, and assertions wherever they stand."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from syntagma.errors import BudgetExceeded, UnsupportedFeature
from syntagma.grammar.regex import parse_regex, parse_terminal
from syntagma.grammar.regex_syntax import Parser
from syntagma.grammar.regex_threads import without_assertions
from syntagma.grammar.regex_tree import lower
from syntagma.grammar.regular import Dfa, accepts, compile_regular
from syntagma.grammar.unicode import code_points

TEXTS = ["".join(word) for n in range(6) for word in product("ab1", repeat=n)]
TEXTS += ["é", "aéb", "a\n", "\n", "ab\nab", "aabb11aabb", "ab1ab1ab1"]

atoms = st.sampled_from(["a", "b", "1", "ab", ".", "[ab]", "[^a]", r"\d", "", "é"])
edges = st.sampled_from(["^", "$", r"\b", r"\B", "(?<=a)", "(?<!b)", "(?<=ab)", "(?<![ab]1)"])
quantifiers = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{,2}", "{1,}"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join).map("(?:{})".format),
        st.tuples(inner, quantifiers, st.sampled_from(["", "?"])).map(lambda p: f"(?:{p[0]}){p[1]}{p[2]}"),
        st.tuples(st.sampled_from(["(?=", "(?!"]), inner).map(lambda p: f"{p[0]}{p[1]})"),
    )


patterns = st.recursive(st.one_of(atoms, atoms, edges), _grown, max_leaves=8)


@lru_cache(maxsize=4)
def texts(pattern: str) -> list[str]:
    r"""The texts to try; before Python 3.14 `\B` refuses the empty one."""
    return TEXTS[1:] if r"\B" in pattern else TEXTS


def dfa_of(pattern: str, which: str) -> Dfa:
    tree = without_assertions(Parser(pattern, "python").parse(), pattern, which)  # type: ignore[arg-type]
    return compile_regular(lower(tree, code_points))


@settings(deadline=None, max_examples=150)
@given(patterns)
@example("(?:|a)*?b?")
@example("(?:(?:a|ab)(?!b)|ab)*?(?:b|1)*")
@example("(?:a(?=.*1)|[ab])+?b??1?")
def test_first_is_what_match_takes_whole(pattern: str) -> None:
    try:
        dfa = dfa_of(pattern, "first")
    except BudgetExceeded:
        assume(False)
    compiled = re.compile(pattern)
    for text in texts(pattern):
        found = compiled.match(text)
        assert bool(accepts(dfa, text.encode())) == (found is not None and found.end() == len(text)), text


@settings(deadline=None, max_examples=150)
@given(patterns)
@example("(?:(?!ab).)*1")
@example("(?:(?:(?=a)|b)*1?)*")
def test_whole_is_what_fullmatch_matches(pattern: str) -> None:
    try:
        dfa = dfa_of(pattern, "whole")
    except BudgetExceeded:
        assume(False)
    compiled = re.compile(pattern)
    for text in texts(pattern):
        assert bool(accepts(dfa, text.encode())) == bool(compiled.fullmatch(text)), text


@settings(deadline=None, max_examples=100)
@given(
    st.recursive(atoms, lambda inner: _grown(inner).filter(lambda p: "(?=" not in p and "(?!" not in p), max_leaves=8)
)
def test_the_longest_prefix_is_what_match_finds(pattern: str) -> None:
    try:
        dfa = dfa_of(pattern, "first")
    except BudgetExceeded:
        assume(False)
    compiled = re.compile(pattern)
    for text in TEXTS:
        found = compiled.match(text)
        ends = [n for n in range(len(text) + 1) if accepts(dfa, text[:n].encode())]
        assert (max(ends) if ends else None) == (found and found.end()), text


greedy = st.recursive(
    st.sampled_from(["a", "b", "1", "ab", "a1", ".", "[ab]", ""]),
    lambda inner: _grown(inner).filter(lambda p: "(?=" not in p and "(?!" not in p),
    max_leaves=5,
)


@settings(deadline=None, max_examples=100)
@given(greedy, st.sampled_from(["(?>{})", "(?:{})*+", "(?:{})?+", "(?:{}){{1,2}}+"]), greedy, st.booleans())
@example("a|ab", "(?>{})", "b?1", False)
@example("ab|a", "(?:{})*+", "[ab]", True)
def test_atomic_groups_keep_their_first_match(inside: str, group: str, behind: str, loops: bool) -> None:
    pattern = group.format(inside) + f"(?:{behind})"
    pattern = f"(?:{pattern}|1)*" if loops else pattern
    try:
        dfa = compile_regular(parse_regex(pattern))
    except (BudgetExceeded, UnsupportedFeature):
        assume(False)
    compiled = re.compile(pattern)
    for text in TEXTS:
        assert bool(accepts(dfa, text.encode())) == bool(compiled.fullmatch(text)), text


#: Lazy terminals -> texts that are one lexeme, texts that are not.
TERMINALS = {
    r'".*?(?<!\\)(\\\\)*?"': ([r'""', r'"a\"b"', r'"\\"'], [r'"a"b"', r'"a\"', '"\n"']),
    r'".*?(?<!\\)(\\\\)*?"i?': (['"a"', '"a"i', r'"\"i"'], ['"a"i"', '"a"ii']),
    r"/(?!/)(\\/|\\\\|[^/])*?/[imslux]*": (["/a/", "/a/im", r"/\//", "/a\\/"], ["//", "/a/b/", "/a"]),
    r"/\*(.|\n)*?\*/": (["/**/", "/* * \n*/"], ["/* */ */", "/*/"]),
    "a+?b*": (["a", "ab", "abbb"], ["aa", "aab"]),
    "(?:a|ab)(?:c|bcd)??d*": (["a", "ad"], ["ab", "abcd", "ac"]),
    "_.*(?<!x)_??": (["_", "_a_b", "_ax_"], ["ax", "_x"]),
    r"(\w+?)\1?".replace(r"\1", "x"): (["a", "ax"], ["ab", "axx"]),
}


@pytest.mark.parametrize("pattern", TERMINALS)
def test_lazy_terminals(pattern: str) -> None:
    good, bad = TERMINALS[pattern]
    dfa = compile_regular(parse_terminal(pattern))
    for text in good + bad:
        found = re.match(pattern, text)
        assert bool(accepts(dfa, text.encode())) == (text in good) == (found is not None and found.end() == len(text))


def test_terminals_without_lazy_quantifiers_are_languages() -> None:
    assert parse_terminal("a|ab") == parse_regex("a|ab")
    assert parse_terminal("(?=a*?)ab") == parse_regex("(?=a*?)ab")


def test_too_many_states_are_refused() -> None:
    with pytest.raises(UnsupportedFeature, match="Lazy quantifiers exceed"):
        parse_terminal("(?:a|b)*?a(?:a|b){12}c?")
    with pytest.raises(UnsupportedFeature, match="Lazy quantifiers exceed the limit on instructions"):
        parse_terminal("(?:a{1000}){1000}?b")
    assert parse_terminal("(?:(?:){999999999}){999999999}a??") == parse_terminal("a??")
