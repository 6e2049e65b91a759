"""The Lark front end: rules, templates, imports, special tokens and inline schemas."""

from pathlib import Path

import pytest
from oracles.lark_samples import JSON, accepted_by_engine

from syntagma.errors import GrammarError, GrammarSyntaxError
from syntagma.grammar.ir import Repeat, Token
from syntagma.grammar.lark import Lark, LarkWarning


def test_bounds_stay_bounds() -> None:
    grammar = Lark('start: "a"~2..10000 ["b"]').grammar()
    assert any(isinstance(node, Repeat) and (node.min, node.max) == (2, 10000) for node in grammar.rules["start"].items)


def test_templates_with_templates_as_arguments() -> None:
    text = """
    start: apply{pair, "x"} | nested{"y"}
    apply{f, x}: f{x, x}
    pair{a, b}: a "," b
    nested{x}: x | "(" nested{x} ")"
    """
    accepts = accepted_by_engine(Lark(text).grammar())
    assert [accepts(word) for word in ("x,x", "y", "((y))", "x", "x,y", "(y")] == [True] * 3 + [False] * 3


def test_special_tokens() -> None:
    grammar = Lark('start: "a" <|end|> "b"* <[257-258]>').grammar()
    assert grammar.rules["start"].items[1].rule in grammar.rules
    bodies = set(grammar.rules.values())
    assert Token(name="<|end|>") in bodies
    accepts = accepted_by_engine(grammar)
    assert accepts([97, 257, 98, 98, 257])
    assert accepts([97, 257, 258])
    assert not accepts("a<|end|>b")
    assert not accepts("ab")


def test_inline_json_schema() -> None:
    text = """
    start: "call" NAME obj  // %json in a comment, and "%json {" in a string
    obj: %json {"type": "object", "properties": {"a": {"enum": ["}", 1]}},
                "required": ["a"], "additionalProperties": false}
       | "none %json"
    NAME: /[a-z]+/
    %ignore " "
    """
    accepts = accepted_by_engine(Lark(text).grammar())
    assert accepts('call f {"a": "}"} ')
    assert accepts('call f{"a": 1}')
    assert accepts("call f none %json")
    assert not accepts('call f {"a": 2}')
    assert not accepts("call f {}")
    with pytest.raises(GrammarError) as caught:
        Lark('start: "x"\n  | %json {"$ref": "#/nowhere"}\n').grammar()
    assert caught.value.line == 2


def test_inline_schemas_do_not_mix() -> None:
    schema = '%json {"$defs": {"x": {"const": KIND}}, "type": "array", "items": {"$ref": "#/$defs/x"}, "minItems": 1}'
    text = "start: " + schema.replace("KIND", "1") + " | " + schema.replace("KIND", "2")
    accepts = accepted_by_engine(Lark(text).grammar())
    assert [accepts(word) for word in ("[1]", "[2, 2]", "[1, 2]")] == [True, True, False]


def test_imports_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "list.lark").write_text('items{x}: x ("," x)*\nword: WORD\nWORD: /[a-z]+/\n')
    text = "start: items{word}\n%import PLACE (items, word)\n"
    for place in (".parts.list", "parts.list"):
        grammar = Lark(text.replace("PLACE", place), base_path=tmp_path).grammar()
        assert accepted_by_engine(grammar)("a,bc")
    with pytest.raises(GrammarSyntaxError, match="base_path"):
        Lark(text.replace("PLACE", ".parts.list")).grammar()
    (tmp_path / "bad.lark").write_text('x: "a" (\n')
    with pytest.raises(GrammarSyntaxError, match="imported"):
        Lark("%import .bad.x\nstart: x", base_path=tmp_path).grammar()


def test_extend_and_override() -> None:
    text = '%import common.DIGIT\n%extend DIGIT: "x"\nstart: a DIGIT\na: "b"\n%override a: "c"\n'
    accepts = accepted_by_engine(Lark(text).grammar())
    assert [accepts(word) for word in ("c1", "cx", "b1")] == [True, True, False]


def test_rule_priorities_warn() -> None:
    with pytest.warns(LarkWarning, match="`a`"):
        Lark('start: a\na.2: "x"').grammar()


def test_places() -> None:
    grammar = Lark(JSON).grammar()
    assert grammar.places["pair"] == "line 6"
    assert grammar.places["start"] == "line 2"
