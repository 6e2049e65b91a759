"""Ambiguity: witnesses have two parses by a parser that knows only the definition, and none is shorter."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import assume, example, given, settings
from oracles.naive_parses import TooLong, parses
from oracles.random_grammars import small_grammars

import syntagma as sg
from syntagma.errors import UnsupportedFeature
from syntagma.grammar.ambiguity import Verdict, find_ambiguity
from syntagma.grammar.ir import Bytes, Grammar, Ref, Repeat, Seq
from syntagma.grammar.parses import Tree


def as_naive(tree: Tree, at: int = 0) -> tuple[object, int]:
    """The tree as the oracle writes it, and where it ends."""
    children: list[object] = []
    start = at
    for kid in tree.children:
        if isinstance(kid, bytes):
            children += kid
            at += len(kid)
        else:
            inner, at = as_naive(kid, at)
            children.append(inner)
    return (tree.rule, start, at, tuple(children)), at


@settings(max_examples=100, deadline=None)
@given(small_grammars())
@example(Grammar("S", {"S": Repeat(Seq((Ref("S"), Ref("S"), Bytes(b"a"))), 0, 1)}))
def test_witnesses_are_ambiguous_and_shortest(grammar: Grammar) -> None:
    verdict = find_ambiguity(grammar, limit=3000)
    try:
        _compare(grammar, verdict)
    except TooLong:
        assume(False)


def _compare(grammar: Grammar, verdict: Verdict) -> None:
    found = verdict.ambiguity
    if found is not None:
        assert len(parses(grammar, found.text)) == 2
        first, second = found.parses
        assert first != second
        assert first.rule == second.rule == found.rule
        assert first.text == second.text
    for length in range(4 if verdict.unambiguous else min(4, len(found.text) if found else verdict.length)):
        for word in product(b"ab", repeat=length):
            assert len(parses(grammar, bytes(word))) <= 1, word


def test_the_parses_are_those_of_the_definition() -> None:
    grammar = sg.Lark('start: start start | "a"', lexer="dynamic").grammar()
    found = find_ambiguity(grammar).ambiguity
    assert found is not None
    assert found.text == b"aaa"
    assert {as_naive(tree)[0] for tree in found.parses} == parses(grammar, b"aaa", 9)


@pytest.mark.parametrize(
    ("text", "witness", "rule"),
    [
        ('start: e\ne: e "+" e | e "*" e | N\nN: /[0-9]+/', b"0*0*0", "e"),
        ('start: "if" start | "if" start "else" start | "x"\n%ignore " "', b"ififxelsex", "start"),
        ('start: a | b\na: "x"\nb: "x"', b"x", "start"),
        ('start: a\na: a | "x"', b"x", "a"),
        ('start: o o\no: "x"?', b"x", "start"),
        ('start: p+\np: NAME NAME? ";"?\nNAME: /[a-z]+/\n%ignore " "', b"a a", "start"),
        ('start: s*\ns: NAME "*" NAME ";" | e ";"\ne: NAME | e "*" e\nNAME: /[a-z]+/', b"a*a;", "s"),
    ],
    ids=["operators", "dangling-else", "same", "cycle", "empty", "needs-a-space", "declaration-or-product"],
)
def test_known_ambiguities(text: str, witness: bytes, rule: str) -> None:
    found = find_ambiguity(sg.Lark(text).grammar()).ambiguity
    assert found is not None
    assert (found.text, found.rule) == (witness, rule)


@pytest.mark.parametrize(
    "text",
    [
        'start: x* x*\nx: "x"',
        'start: (NAME | kw)*\nkw: "if"\nNAME: /[a-z]+/\n%ignore " "',
        'start: start "+" "x" | "x"',
        'start: "a" | "a"',
    ],
)
def test_grammars_that_are_found_unambiguous(text: str) -> None:
    assert find_ambiguity(sg.Lark(text).grammar()).unambiguous


def test_what_lexemes_decide_is_not_ambiguous() -> None:
    keyword = 'start: (NAME | "if")\nNAME: /[a-z]+/'
    assert find_ambiguity(sg.Lark(keyword).grammar()).unambiguous
    assert find_ambiguity(sg.Lark(keyword, lexer="dynamic").grammar()).ambiguity is not None


def test_searches_end() -> None:
    nested = sg.Lark('start: e\ne: e "+" t | t\nt: t "*" f | f\nf: "(" e ")" | "x"').grammar()
    verdict = find_ambiguity(nested, limit=5000)
    assert verdict.ambiguity is None
    assert not verdict.unambiguous
    assert verdict.length >= 4
    with pytest.raises(UnsupportedFeature):
        find_ambiguity(sg.JsonSchema({"type": "object"}).grammar())
