"""Written texts: their blocks are those that the expression over bytes gives, state by state."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles.blocks import states

from syntagma.automata import _layout_kernels as L
from syntagma.automata.counted import counted_parts, lower_counted
from syntagma.automata.determinize import determinize
from syntagma.automata.lower import machine_block
from syntagma.automata.lowered import Lowered
from syntagma.automata.machines import machine_of
from syntagma.automata.written_block import lower_written, plainly, written_in
from syntagma.automata.written_rows import written_machine
from syntagma.errors import BudgetExceeded
from syntagma.grammar.ir import And, Bytes, CodePointSet, Expr, Not, Repeat, Seq, Written, sequence
from syntagma.grammar.jsonschema.formats import FORMATS
from syntagma.grammar.jsonschema.scalars import pattern_text
from syntagma.grammar.jsonschema.strings import EVERY, QUOTE, SHORTEST, Spelling, quoted
from syntagma.grammar.unicode import ANY, union

LIMIT = 20_000
ANY_TEXT = Repeat(CodePointSet(ANY))
CHARACTERS = 'ab"\\/\n\x00\x7fé߿ࠀ\ud7ff\ue000\uffff\U00010000\U0001f600\U0010ffff'
SPELLINGS = pytest.mark.parametrize("spelling", [SHORTEST, EVERY], ids=["shortest", "every"])
PATTERNS = [
    "^[a-z]+( [a-z]+)*$",
    "^[^ Z]*(Z.{9})?$",
    "^([^.]{3}\\.)*[^.]*$",
    "^(Z?[^Z]{4})*$",
    "^[^-]*-[^-]*-[^é]{3,}$",
    "Zab|b-.*b",
    "\\bab\\b",
    "^(?!ab)[a-c]*$",
    "^\\p{L}+$",
    '^[\\u{1F600}-\\u{1F64F}"/]*$',
    "^\\w{1,5}(\\.\\w{1,5}){0,4}$",
]


def between(text: Expr, spelling: Spelling) -> Expr:
    """The text between signs of which the first is inside no character, so that no state stands for two places."""
    return Seq((Bytes(b"<"), Written(text, spelling), QUOTE))


def over_bytes_alone(expr: Expr) -> Lowered:
    """The block of the minimal machine over bytes."""
    return machine_block(determinize((plainly(expr),), LIMIT)).finish()


def counted_over_bytes(expr: Expr) -> Lowered:
    parts = counted_parts(plainly(expr))
    assert parts is not None
    block = lower_counted(*parts, LIMIT)
    assert block is not None
    return block.finish()


ranges = st.lists(st.tuples(st.sampled_from(CHARACTERS), st.integers(0, 300)), min_size=1, max_size=3).map(
    lambda pairs: union([(ord(first), min(ord(first) + more, 0x10FFFF)) for first, more in pairs])
)
leaves = st.one_of(
    ranges.map(CodePointSet),
    st.sampled_from(CHARACTERS).map(lambda char: CodePointSet(((ord(char), ord(char)),))),
    st.just(CodePointSet(ANY)),
)


def _larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    items = st.lists(inner, min_size=1, max_size=4).map(tuple)
    bounds = st.tuples(st.integers(0, 2), st.none() | st.integers(0, 2))
    return st.one_of(
        items.map(Seq),
        items.map(lambda each: And((ANY_TEXT, *map(Not, each)))),
        items.map(And),
        st.tuples(inner, bounds).map(lambda p: Repeat(p[0], p[1][0], None if p[1][1] is None else sum(p[1]))),
    )


texts = st.recursive(leaves, _larger, max_leaves=10)


@settings(max_examples=150, deadline=None)
@given(texts, st.sampled_from([SHORTEST, EVERY]), st.booleans())
def test_random_texts(text: Expr, spelling: Spelling, bare: bool) -> None:
    written = Written(text, spelling)
    expr = Seq((Bytes(b"" if bare else b"<<"), written, QUOTE))
    found = lower_written(expr, LIMIT)
    assume(found is not None)
    assert found is not None
    assert states(found) == states(over_bytes_alone(expr))


@SPELLINGS
@pytest.mark.parametrize("pattern", [*PATTERNS, *sorted(format_.sure for format_ in FORMATS.values())])
def test_patterns(pattern: str, spelling: Spelling) -> None:
    text = pattern_text(pattern)
    assert text is not None
    expr = between(text, spelling)
    found = lower_written(expr, LIMIT)
    if found is not None:
        assert states(found) == states(over_bytes_alone(expr))


@SPELLINGS
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(("low", "high"), [(0, 20), (4, 19), (17, None), (0, 64), (60, 64), (40, 200), (30, 30)])
def test_lengths_beside_patterns(pattern: str, low: int, high: int | None, spelling: Spelling) -> None:
    text = pattern_text(pattern)
    assert text is not None
    expr = between(And((Repeat(CodePointSet(ANY), low, high), text)), spelling)
    found = lower_written(expr, LIMIT)
    assert found is not None
    wanted = counted_over_bytes(expr)
    assert states(found) == states(wanted)
    assert found.block[L.B_RULE : L.B_RULE + 4].tolist() == wanted.block[L.B_RULE : L.B_RULE + 4].tolist()


@pytest.mark.parametrize(
    "text",
    [
        Repeat(CodePointSet(ANY), 0, 90),
        sequence(CodePointSet(((97, 97),)), Repeat(CodePointSet(ANY), 3, 9)),
        And((Repeat(sequence(CodePointSet(((97, 97),)), CodePointSet(((98, 98),))), 0, 40), ANY_TEXT)),
        And((ANY_TEXT, Not(ANY_TEXT))),
        Seq(()),
        Seq(tuple(CodePointSet(((code, code),)) for code in range(0x4E00, 0x4F01))),
        Repeat(CodePointSet(((0xD800, 0xDFFF),)), 1),
    ],
    ids=["a loop", "a loop behind a letter", "a loop of two", "nothing", "no character", "257 classes", "surrogates"],
)
def test_what_is_lowered_in_another_way(text: Expr) -> None:
    assert lower_written(between(text, EVERY), LIMIT) is None


def test_a_literal_behind_that_begins_like_a_character() -> None:
    written = Written(CodePointSet(((97, 97),)), SHORTEST)
    assert lower_written(Seq((QUOTE, written, Bytes(b"a"))), LIMIT) is None
    assert lower_written(Seq((QUOTE, written, Bytes(b"b"))), LIMIT) is not None
    assert lower_written(Seq((QUOTE, written)), LIMIT) is None


def test_states_are_limited() -> None:
    text = Seq((ANY_TEXT, CodePointSet(((97, 97),)), *[CodePointSet(ANY)] * 9))
    with pytest.raises(BudgetExceeded, match="automaton states"):
        lower_written(between(text, SHORTEST), 500)
    chain = Seq(tuple(CodePointSet(((code, code + 1),)) for code in range(0x3A0, 0x3B8)))
    assert len(states(over_bytes_alone(between(chain, EVERY)))) > 100
    with pytest.raises(BudgetExceeded, match="automaton states"):
        lower_written(between(chain, EVERY), 100)


def test_counts_are_limited() -> None:
    text = And((Repeat(CodePointSet(ANY), 200_000_000, 200_000_000), pattern_text("^([ab]c{3})*$") or ANY_TEXT))
    with pytest.raises(BudgetExceeded, match="counts of a pattern with a length"):
        lower_written(between(text, SHORTEST), LIMIT)


def test_written_texts_are_found_in_sequences() -> None:
    written = Written(CodePointSet(((97, 97),)), SHORTEST)
    assert written_in(written) is written
    assert written_in(quoted(written)) is written
    assert written_in(QUOTE) is None
    assert plainly(quoted(written)) == Bytes(b'"a"')


@SPELLINGS
def test_machines_of_several_texts(spelling: Spelling) -> None:
    """As those over bytes: each text has its label, and what more than one matches has the first."""
    patterns = ["^x-", "^x-a+$", "-[0-9]+$", "é|\\n"]
    texts = [pattern_text(pattern) or ANY_TEXT for pattern in patterns]
    whole = [quoted(Written(text, spelling)) for text in (*texts, And((ANY_TEXT, *map(Not, texts))))]
    assert written_machine(whole, LIMIT) == determinize(tuple(map(plainly, whole)), LIMIT)
    assert written_machine(whole[::-1], LIMIT) == determinize(tuple(map(plainly, whole[::-1])), LIMIT)
    assert machine_of(tuple(whole), LIMIT) == written_machine(whole, LIMIT)


def test_machines_of_other_expressions() -> None:
    written = Written(CodePointSet(((97, 97),)), SHORTEST)
    assert written_machine([quoted(written), QUOTE], LIMIT) is None
    assert written_machine([quoted(written), quoted(Written(written.expr, EVERY))], LIMIT) is None
    assert written_machine([Seq((QUOTE, written, Bytes(b"a")))], LIMIT) is None
    assert written_machine([quoted(Written(And((ANY_TEXT, Not(ANY_TEXT))), EVERY))], LIMIT) is None
    assert written_machine([], LIMIT) is None
    assert len(written_machine([Seq((Bytes(b"<<"), written, Bytes(b">>")))], LIMIT).rows) == 6
