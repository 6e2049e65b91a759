"""Lint of grammars: each code where it belongs, with its line, and silence elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from oracles.random_grammars import small_grammars

import syntagma as sg
from syntagma.automata.lint import lint
from syntagma.automata.lint_tokens import unusable_tokens
from syntagma.automata.vocabulary import Vocabulary
from syntagma.errors import EmptyLanguage
from syntagma.grammar.finding import Finding
from syntagma.grammar.ir import Alt, Bytes, Grammar, Guarded, Ref, Repeat
from syntagma.grammar.lint_grammar import lint_grammar
from syntagma.grammar.network import network


@dataclass(frozen=True)
class MatchingNothing:
    """A check that refuses everything."""

    pointer: str = "#"
    keyword: str = "not"

    def __call__(self, text: bytes) -> bool:
        return False


def codes(text: str) -> list[str]:
    return [finding.code for finding in lint(sg.Lark(text))]


def only(text: str, code: str) -> Finding:
    (finding,) = [finding for finding in lint(sg.Lark(text)) if finding.code == code]
    return finding


def test_a_clean_grammar_has_no_findings() -> None:
    rules = 'start: item (", " item)*\nitem: NAME "=" "(" start ")" | NAME "=" NUMBER\n'
    assert codes(rules + "NAME: /[a-z]{1,9}/\nNUMBER: /[0-9]{1,9}/") == []


@pytest.mark.parametrize(
    ("text", "code", "line", "says"),
    [
        ('start: "a" start', "empty-language", None, "leads back to it"),
        ('start: "a" | x\nx: "b" x', "useless-rule", 2, "`x` matches no text"),
        ('start: "a"\n\nx: "b"\n', "unreachable-rule", 3, "refers to `x`"),
        ('start: b\nb: "x" | c\nc: b', "cycle-without-progress", 2, "b -> c -> b"),
        ('start: a*\na: "x"?', "cycle-without-progress", 1, "a turn of the loop reads nothing"),
        ('start: e\n\ne: e "+" e | "1"', "ambiguity", 3, "'1+1+1' has two parses"),
        ("start: A | B\nA.2: /[a-z]/\nB: /[a-c]/", "shadowed-terminal", 3, "taken by `A`"),
        ("start: A | B\nA: /[a-d]/\nB: /[b-z]/", "terminal-overlap", 3, "'b' is both `A` and `B`"),
        ('start: "a" WS "b"\nWS: /[ \\n]+/', "unbounded-whitespace", 2, "forever"),
        ('start: "a" "b"\n%ignore / /', "unbounded-whitespace", None, "Ignored text"),
        ('start: "a" | N\nN: /[0-9]+/', "unbounded-loop", 2, "repeat '0123456789' forever"),
        ('start: "a" | N\nN: /(a|b)*a(a|b){11}/', "large-rule", 2, "states"),
    ],
)
def test_what_is_found(text: str, code: str, line: int | None, says: str) -> None:
    finding = only(text, code)
    assert finding.line == line
    assert says in finding.message
    assert finding.fix


def test_the_same_terminal_where_no_rival_may_stand_is_not_shadowed() -> None:
    assert "shadowed-terminal" not in codes('start: A | "0" B\nA.2: /[a-z]/\nB: /[a-c]/')


def test_a_grammar_that_cannot_be_compiled_is_an_error_among_the_findings() -> None:
    check = Guarded(Repeat(Ref("S"), 1), MatchingNothing())
    found = lint_grammar(Grammar("S", {"S": Alt((check, Bytes(b"a"))), "T": Bytes(b"b")}))
    assert [(finding.code, finding.severity) for finding in found] == [
        ("large-rule", "error"),
        ("unreachable-rule", "warning"),
    ]


def test_the_language_of_schemas_and_other_constraints() -> None:
    assert [finding.code for finding in lint({"type": "object", "required": ["a"]})]
    assert lint(sg.Choice(["a", "b"])) == []
    assert [finding.code for finding in lint(sg.Regex(r"a\s*b"))] == ["unbounded-whitespace"]


TOKENS = [*(bytes([b]) for b in b"ab"), b"aa", b"ab", b"ba", b"bb", b"aab", b"abab", b"bba", b"c", b"ac"]


@settings(max_examples=60, deadline=None)
@given(small_grammars())
def test_unusable_tokens_are_in_no_text(grammar: Grammar) -> None:
    """Against the texts themselves, as far as they go."""
    vocabulary = Vocabulary.from_tokens(TOKENS, [])
    unusable = {TOKENS[t] for t in unusable_tokens(network(grammar), vocabulary)}
    try:
        strings = sg.Strings(grammar, 7)
    except (EmptyLanguage, sg.UnsupportedFeature):
        return
    for text in map(strings.unrank, range(min(len(strings), 400))):
        assert not [token for token in unusable if token in text]
    assert {b"c", b"ac"} <= unusable


def test_tokens_of_a_vocabulary() -> None:
    vocabulary = Vocabulary.from_tokens([b"a", b"b", b"ab", b"ba", b"abc"], [])
    found = {finding.code: finding for finding in lint(sg.Lark('start: "aa" | "ab"'), vocabulary)}
    assert "2 of 5 tokens" in found["unusable-tokens"].message
    missing = lint(sg.Lark('start: "ax"'), vocabulary)[0]
    assert (missing.code, missing.severity) == ("unspellable-text", "error")
    assert "'x'" in missing.message
    schema = lint(sg.JsonSchema({"type": "object"}), vocabulary)
    assert "tokens-not-checked" in {finding.code for finding in schema}
