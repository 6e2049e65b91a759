"""What is wrong with a Lark grammar, and where; what is refused by name; and hostile texts, which end."""

import contextlib
import time

import pytest
from oracles.lark_samples import SAMPLES, mutations

from syntagma.errors import BudgetExceeded, GrammarError, GrammarSyntaxError, UnsupportedFeature
from syntagma.grammar.lark import Lark
from syntagma.grammar.normalize import normalize

WRONG = {
    'start: a\nb: "x"': ("'a' used but not defined", 1, 8),
    'start: b\nb: (c | "c")': ("'c' used but not defined", 2, 5),
    "start: B": ("'B' used but not defined", 1, 8),
    'start: "a" | ( "b"\n': ("Expected `)`, got a new line", 1, 19),
    'start: "a" [ "b" )\n': ("Expected `]`, got `)`", 1, 18),
    "start: A\nA: /b(/": ("pattern /b(/: Expected ')' to close", 2, 6),
    "start: /\\p{Foo}/": ("Foo", 1, 9),
    'start: "a\n': ("closing quote", 1, 8),
    "start: x\nx: $": ("Expected Lark syntax, got '$'", 2, 4),
    'start "a"': ("(missing colon): expected `.` or `:`", 1, 7),
    'start: "a"\nstart: "b"': ("more than once", 2, 1),
    'start: x{"a"}\nx{a,b}: a b': ("expected 2, got 1", 1, 8),
    "%import nope.X\nstart: X": ("no `nope.lark`", 1, 1),
    'start: "x"\n %json': ("JSON Schema behind `%json`", 2, 7),
    'start: %json {"type": }': ("JSON Schema behind `%json`", 1, 23),
    "start: A\nA: /a*/": ("Terminal A may match the empty string", 2, 1),
    'start: "a"~3..1': ("0 <= least <= most, got 3..1", 1, 12),
    "start: <[x]>": ("token ids", 1, 8),
    "start: <[3-1]>": ("empty", 1, 8),
    'start: %json {"a": 1} $': ("got '$'", 1, 23),
    'start: A x\nA: x\nx: "a"': ("Rules aren't allowed inside terminals", 2, 4),
    'start: "x" "ab".."c"': ('range of two single characters such as "a".."z", got "ab".."c"', 1, 12),
    'start: A\nA: "z".."a"': ("Terminal A", 2, 1),
    'start: "\\xZZ"': ("cannot be read", 1, 8),
    'start: ""': ("cannot be read", 1, 8),
    "start: A\nA: B\nB: A": ("Recursion in terminal", 1, 8),
}


@pytest.mark.parametrize("text", WRONG)
def test_errors_have_a_position(text: str) -> None:
    message, line, column = WRONG[text]
    with pytest.raises(GrammarError) as caught:
        Lark(text).grammar()
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%declare A\nstart: A", "`A` is only declared"),
        ("%declare a\nstart: a", "`a` is only declared"),
        ("start: A _INDENT A\n%declare _INDENT\nA: /a/", "Indenter"),
        ("start: A\nA: /(a|b)*?a(a|b){12}c?/", "Lazy quantifiers exceed the limit on states"),
        ("start: A\nA: /(a(?=.{300}b)|b)+/", "An assertion in a loop"),
        (r"start: /(a)\1/", "reference"),
    ],
)
def test_what_has_no_translation_is_refused(text: str, message: str) -> None:
    with pytest.raises(UnsupportedFeature, match=message) as caught:
        Lark(text).grammar()
    assert caught.value.offset is not None


def test_start_must_exist() -> None:
    with pytest.raises(GrammarSyntaxError, match=r"rule `main`.*got `foo`, `bar`"):
        Lark('foo: "a"\nbar: "b"', start="main").grammar()
    with pytest.raises(ValueError, match="greedy"):
        Lark('start: "a"', lexer="greedy")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SAMPLES)
def test_broken_grammars_raise_grammar_errors(name: str) -> None:
    for text in mutations([SAMPLES[name][0]], 40, 4):
        with contextlib.suppress(GrammarError, BudgetExceeded):
            normalize(Lark(text).grammar())


HOSTILE = {
    "templates": 't{x}: t{t{x}}\nstart: t{"a"}',
    "terminals": "start: T0\n" + "\n".join(f"T{k}: T{k + 1} T{k + 1}" for k in range(40)) + '\nT40: "z"',
    "chain": "start: T0\n" + "\n".join(f"T{k}: T{k + 1}" for k in range(3000)) + '\nT3000: "z"',
    "nesting": "start: " + "(" * 3000 + '"a"' + ")" * 3000,
    "brackets": "start: " + "[" * 30000,
    "schema": "start: %json " + "[" * 100_000,
    "tokens": "start: <[0-99999999999]>",
    "bounds": 'start: ("a"~0..1000000)~0..1000000',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_grammars_end(name: str) -> None:
    started = time.perf_counter()
    with contextlib.suppress(GrammarError, BudgetExceeded):
        normalize(Lark(HOSTILE[name]).grammar())
    assert time.perf_counter() - started < 15
