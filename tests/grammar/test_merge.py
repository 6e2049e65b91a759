"""Merging alternatives: the language stays; objects of one shape that differ in one value are one."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_grammar import matches

from syntagma.automata import Vocabulary, compile_grammar
from syntagma.grammar.ir import NOTHING, Alt, Bytes, Expr, Grammar, Member, Members, OtherMembers, Ref, Seq, choice
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.merge import merged

VALUES: list[Expr] = [
    *(Bytes(b"1"), Bytes(b"2"), Alt((Bytes(b"1"), Bytes(b"3")))),
    *(NOTHING, Seq((Bytes(b"2"), Bytes(b"2")))),
]
MEMBERS = [key + b":" + value for key in (b"a", b"b", b"c", b"d") for value in (b"1", b"2", b"3", b"22", b"4")]


@st.composite
def objects(draw: st.DrawFn) -> Expr:
    """`{a:1,b:2}` in a few shapes."""
    members = tuple(
        Member(Bytes(bytes((key,))), draw(st.sampled_from(VALUES)), draw(st.booleans()) and draw(st.booleans()))
        for key in draw(st.sampled_from([b"a", b"ab", b"abc"]))
    )
    other = (OtherMembers(Bytes(b"d"), Bytes(b"4")),) if draw(st.integers(0, 3)) == 0 else ()
    order = draw(st.sampled_from(["schema", "schema", "any"]))
    return Seq((Bytes(b"{"), Members(members, other, order), Bytes(b"}")))  # type: ignore[arg-type]


texts = st.lists(st.sampled_from(MEMBERS), max_size=3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(objects(), min_size=2, max_size=4), st.lists(st.lists(st.sampled_from(MEMBERS), max_size=3), max_size=40)
)
def test_the_language_stays(ways: list[Expr], lists: list[list[bytes]]) -> None:
    rules = {f"o{k}": way for k, way in enumerate(ways)}
    refs = list(map(Ref, rules))
    few = merged([*refs, Bytes(b"x")], lambda expr: rules[expr.rule] if isinstance(expr, Ref) else expr)
    assert len(few) <= len(ways) + 1
    before = Grammar("s", {"s": choice(*refs, Bytes(b"x")), **rules})
    after = Grammar("s", {"s": choice(*few), **rules})
    singles = [[member] for member in MEMBERS]
    for members in [*lists, *singles, [b"a:1", b"b:1"], [b"a:1", b"b:2"], [b"a:2", b"b:1"], [b"a:1", b"b:1", b"c:1"]]:
        text = b"{" + b",".join(members) + b"}"
        assert matches(after, text) == matches(before, text), text


def test_variants_of_one_shape_are_read_once() -> None:
    """As many configurations and rules for sixty kinds as for two."""

    def sizes(n: int) -> tuple[int, int]:
        kinds = [
            {"type": "object", "properties": {"id": {"type": "integer"}, "kind": {"const": f"k{k:02}"}}}
            | {"required": ["id", "kind"], "additionalProperties": False}
            for k in range(n)
        ]
        vocabulary = Vocabulary.from_tokens([bytes((byte,)) for byte in range(256)], [256])
        auto = compile_grammar(JsonSchema({"anyOf": kinds}).grammar(), vocabulary)
        for k in (0, n - 1):
            state = auto.start
            for byte in json.dumps({"id": 12, "kind": f"k{k:02}"}).encode():
                state = auto.advance(state, byte)
            assert auto.accepts(state)
        return auto.stats.rules_lowered, auto.stats.configurations

    (rules, configurations), (more_rules, more_configurations) = sizes(2), sizes(60)
    assert more_rules == rules
    assert more_configurations <= configurations + 5
