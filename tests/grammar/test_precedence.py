"""Precedence: ladders of operators become one list of the same language."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_grammar import language

from syntagma.grammar.ir import EMPTY, Alt, Bytes, Expr, Grammar, Ref, Repeat, Seq
from syntagma.grammar.normalize import is_normal, normalize
from syntagma.grammar.precedence import LEVELS, without_precedence

FORMS = ("left", "right", "loop", "loop in front", "two loops", "not a list")


def level(form: str, item: Expr, separator: Expr, own: Expr) -> Expr:
    """A list of items, as grammars write it."""
    match form:
        case "left":
            return Alt((item, Seq((own, separator, item))))
        case "right":
            return Alt((Seq((item, separator, own)), item))
        case "loop":
            return Seq((item, Repeat(Seq((separator, item)), 0, None)))
        case "loop in front":
            return Seq((Repeat(Seq((item, separator)), 0, None), item))
        case "two loops":
            return Seq((item, Repeat(Alt((Seq((separator, item)), Seq((Bytes(b"!"), item)))), 0, None)))
        case _:
            return Seq((item, Repeat(Seq((separator, item)), 0, 1)))


def ladder(forms: list[str], separators: list[Expr]) -> Grammar:
    names = [f"r{k}" for k in range(len(forms) + 1)]
    rules: dict[str, Expr] = {
        name: level(form, Ref(below), separator, Ref(name))
        for name, below, form, separator in zip(names, names[1:], forms, separators, strict=False)
    }
    operand: Expr = Alt((Bytes(b"a"), Seq((Bytes(b"("), Ref("r0"), Bytes(b")")))))
    return Grammar("r0", rules | {names[-1]: operand})


separators = st.sampled_from([Bytes(b"+"), Bytes(b"*"), Alt((Bytes(b"+"), Bytes(b"-"))), EMPTY, Bytes(b"a")])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FORMS), separators), min_size=1, max_size=4))
def test_the_language_stays(levels: list[tuple[str, Expr]]) -> None:
    grammar = ladder([form for form, _ in levels], [separator for _, separator in levels])
    result = normalize(grammar)
    assert is_normal(result)
    assert language(result, b"a+*-!()", 4) == language(grammar, b"a+*-!()", 4)


def test_a_ladder_of_lists_is_one_rule() -> None:
    forms = ["left", "loop", "right", "loop in front", "two loops"]
    result = normalize(ladder(forms, [Bytes(b"%d" % k) for k in range(5)]))
    assert set(result.rules) <= {"r0", "r5"}


def test_a_level_with_a_bound_stays() -> None:
    """a+a is one, a+a+a none: that must not be lost between levels that are lists."""
    grammar = ladder(["loop", "not a list", "loop"], [Bytes(b"*"), Bytes(b"+"), Bytes(b"-")])
    found = language(normalize(grammar), b"a+*-()", 5)
    assert b"a+a-a" in found
    assert b"a*a+a" in found
    assert b"a+a+a" not in found


def test_long_ladders_are_folded_in_parts() -> None:
    n = 3 * LEVELS
    rules = without_precedence(ladder(["loop"] * n, [Bytes(b"+%d" % k) for k in range(n)]).rules)
    assert all(len(repr(body)) < 60 * LEVELS for body in rules.values())
    assert repr(rules["r0"]).count(f"Ref(rule='r{LEVELS}')") == 2
