"""Patterns in plain words: the same language, and nothing that engines read differently."""

from __future__ import annotations

import re

import pytest

from syntagma.grammar.ir import Bytes
from syntagma.grammar.jsonschema.patterns import for_referee, has_match, is_regex
from syntagma.grammar.regex import parse_regex
from syntagma.grammar.regex_syntax import Parser
from syntagma.grammar.regex_text import plain_text
from syntagma.grammar.regex_tree import EVERY, CharSet, Meet, concat
from syntagma.grammar.regular import compile_regular, difference, is_empty

PATTERNS = [
    r"^[\w-_.]+$",
    r"^\${{\s*if(.*?)\s*}}$",
    r"\A(a|b{2,}|\d*?)\Z",
    "[xX]{3}y{0,2}z+",
    r"^[^]{2}[]|[]]$",
    r"a{,3}]",
    r"(?=ab)\w+(?<!c)d?",
    r"\u{1F600}|\p{Lu}\P{L}",
    r"[\ud800-\udfff]?x",
    r"",
    r"()|a",
    r"a(?i)b|c(?-i)d(e(?i:f)g)",
    r"(?is).x(y(?i)z)y",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_language_is_the_same(pattern: str) -> None:
    text = plain_text(Parser(pattern, "ecma").parse())
    assert text is not None
    for anchored in (True, False):
        a = compile_regular(parse_regex(pattern, flavour="ecma", anchored=anchored))
        b = compile_regular(parse_regex(text, flavour="ecma", anchored=anchored))
        assert is_empty(difference(a, b))
        assert is_empty(difference(b, a))
    assert re.compile(text)  # Python reads it, too


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"^[\w-_.]+$", ["a-b", "_.", "9"], ["", "a b", "-é"]),
        (r"^\${{\s*if(.*?)\s*}}$", ["${{ if x }}"], ["{if}", "${{x}}"]),
        (r"\Ax{\Z", ["x{"], ["x{\n", "ax{", "x"]),
        (r"^a{,2}$", ["a{,2}"], ["", "a", "aa"]),
        (r"(?i)^ab$", ["ab", "Ab", "AB"], ["a", "abc"]),
        (r"^(a(?i)b|c)d$", ["abd", "aBd", "Cd"], ["Abd", "cD"]),
        (r"^[a-z]{2}]?$", ["ab", "ab]"], ["a]"]),
    ],
)
def test_the_referee_matches_what_it_would_refuse(pattern: str, yes: list[str], no: list[str]) -> None:
    assert for_referee(pattern) not in (pattern, None)
    assert [has_match(pattern, text) for text in yes + no] == [True] * len(yes) + [False] * len(no)


def test_what_has_no_plain_words_is_no_regular_expression_for_the_referee() -> None:
    assert not is_regex(r"(?<n>a)\k<n>")
    assert not is_regex("[")
    assert is_regex(r"(a)\1")
    assert plain_text(concat([Meet(CharSet(((97, 97),)), Bytes(b"a")), EVERY])) is None


@pytest.mark.parametrize(
    ("pattern", "plainer"),
    [
        ("[a-z]{3,31}", "[a-z]{3}"),
        ("a*b+c?", "b"),
        ("(x{2,9}|y*z)", "x{2}|z"),
        ("(a|b*)", ""),
        ("^a{2,3}", "^a{2}"),
        ("a{2,3}$", "a{2}$"),
        (r"(?<=q)a+b{4,}(?!c)", r"(?<=q)a+b{4,}(?!c)"),
        (r"\ba{3,5}", r"\ba{3}"),
    ],
)
def test_what_any_text_beside_takes_in_is_not_asked_for(pattern: str, plainer: str) -> None:
    a, b = (parse_regex(text, flavour="ecma", anchored=False) for text in (pattern, plainer))
    assert a == b
