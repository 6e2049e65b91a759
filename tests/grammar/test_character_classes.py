"""Character classes: an expression over them says the same, however its code points are written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.grammar.character_classes import over_classes
from syntagma.grammar.fold import fold, rebuild
from syntagma.grammar.ir import (
    Alt,
    And,
    Bytes,
    ByteSet,
    CodePointSet,
    Expr,
    Not,
    Repeat,
    Seq,
    Written,
    choice,
    sequence,
)
from syntagma.grammar.jsonschema.scalars import pattern_text
from syntagma.grammar.jsonschema.strings import EVERY
from syntagma.grammar.regular import compile_regular, is_empty
from syntagma.grammar.unicode import ANY, SURROGATES, CodePoints, intersection, union

CHARACTERS = 'abz"\\\né\ud7ff\udc00\ue000\U0001f600'


def back(expr: Expr, classes: tuple[CodePoints, ...]) -> Expr:
    """The expression over bytes that spells the code points of each class."""

    def put(node: Expr, kids: list[Expr]) -> Expr:
        match node:
            case Bytes(data):
                return sequence(*(EVERY.characters(classes[k]) for k in data))
            case ByteSet(mask):
                return choice(*(EVERY.characters(classes[k]) for k in range(len(classes)) if mask >> k & 1))
        return rebuild(node, kids)

    return fold(expr, put)


sets = st.lists(st.tuples(st.sampled_from(CHARACTERS), st.integers(0, 40)), min_size=1, max_size=3).map(
    lambda pairs: CodePointSet(union([(ord(first), min(ord(first) + more, 0x10FFFF)) for first, more in pairs]))
)


def _larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    items = st.lists(inner, max_size=4).map(tuple)
    return st.one_of(
        items.map(Seq),
        items.map(Alt),
        items.map(lambda each: And((Repeat(CodePointSet(ANY)), *each))),
        inner.map(lambda item: And((Repeat(CodePointSet(ANY)), Not(item)))),
        st.tuples(inner, st.integers(0, 2), st.integers(0, 2)).map(lambda p: Repeat(p[0], p[1], p[1] + p[2])),
        inner.map(Repeat),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(sets, _larger, max_leaves=8))
def test_the_language_is_the_same(text: Expr) -> None:
    found = over_classes([text])
    assert found is not None
    assert compile_regular(back(found.exprs[0], found.classes)) == compile_regular(Written(text, EVERY))
    assert is_empty(compile_regular(found.exprs[0])) == is_empty(compile_regular(Written(text, EVERY)))


@settings(max_examples=50, deadline=None)
@given(st.lists(sets, max_size=6).map(lambda items: Seq(tuple(items))))
def test_classes_are_disjoint_and_without_surrogates(text: Expr) -> None:
    found = over_classes([text])
    assert found is not None
    codes = [ranges for classed in found.classes for ranges in classed]
    assert len(union(codes)) <= len(codes)
    assert sum(hi - lo + 1 for lo, hi in codes) == sum(hi - lo + 1 for lo, hi in union(codes))
    assert all(not intersection(ranges, SURROGATES) and ranges for ranges in found.classes)


@pytest.mark.parametrize(("pattern", "n"), [("^[a-z]+$", 1), ("a", 2), ("^(a|[a-c]|[^c])$", 4), ("^$", 0)])
def test_there_are_few(pattern: str, n: int) -> None:
    text = pattern_text(pattern)
    assert text is not None
    found = over_classes([text])
    assert found is not None
    assert len(found.classes) == n


def test_there_may_be_too_many() -> None:
    def letters(n: int) -> Expr:
        return Seq(tuple(CodePointSet(((code, code),)) for code in range(0x4E00, 0x4E00 + n)))

    assert over_classes([letters(256)]) is not None
    assert over_classes([letters(257)]) is None
