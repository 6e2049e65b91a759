"""Structural tags: both dialects, every format, the ends of tags around free text, and errors with their pointer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.backends.commands.text_check import compile_for_bytes, first_mismatch
from syntagma.errors import GrammarError, GrammarSyntaxError, UnsupportedFeature
from syntagma.grammar.structural_tag import StructuralTag

INTEGER = {"type": "json_schema", "json_schema": {"type": "integer", "minimum": 0, "maximum": 99}}
F = {"type": "tag", "begin": "<f=a>", "content": INTEGER, "end": "</f>"}
G = {"begin": "<f=b>", "content": {"type": "regex", "pattern": "[xy]+"}, "end": "</f>"}
ANY = {"type": "any_text"}
DISPATCH = {"type": "dispatch", "rules": [["<n>", INTEGER]]}


def check(format: dict[str, Any], accepted: list[str], rejected: list[str]) -> None:
    """Hold a format against texts."""
    auto = compile_for_bytes(StructuralTag({"type": "structural_tag", "format": format}).grammar())
    assert [text for text in accepted if first_mismatch(auto, text.encode()) is not None] == []
    assert [text for text in rejected if first_mismatch(auto, text.encode()) is None] == []


def triggered(**more: Any) -> dict[str, Any]:
    return {"type": "triggered_tags", "triggers": ["<f="], "tags": [F, G], **more}


#: Format -> texts that it accepts, texts that it rejects.
FORMATS: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "const_string": ({"type": "const_string", "value": "a<b"}, ["a<b"], ["a", ""]),
    "json_schema": (INTEGER, ["0", "42"], ["100", "-1", "x"]),
    "json_schema true": ({"type": "json_schema", "json_schema": True}, ['{"a": [null]}', "1"], ["{"]),
    "any_order": (
        {"type": "json_schema", "any_order": True, "json_schema": {"properties": {"a": {}, "b": {}}, "type": "object"}},
        ['{"b": 1, "a": 2}', '{"a": 1, "b": 2}'],
        ['{"a": 1, "a": 2}'],
    ),
    "grammar": ({"type": "grammar", "grammar": 'root ::= "a" root "b" | "c"'}, ["aacbb", "c"], ["acbb"]),
    "regex": ({"type": "regex", "pattern": "[a-c]{2}"}, ["ab"], ["abc"]),
    "any_text": (ANY, ["", "any 🙂 text\n"], []),
    "any_text excludes": ({**ANY, "excludes": ["ab", "c"], "max_chars": 3}, ["a a", "bab"[:2]], ["xab", "c", "aaaa"]),
    "sequence": ({"type": "sequence", "elements": [{"type": "const_string", "value": "n="}, INTEGER]}, ["n=7"], ["7"]),
    "or": ({"type": "or", "elements": [INTEGER, {"type": "const_string", "value": "no"}]}, ["no", "7"], ["no7"]),
    "optional": ({"type": "optional", "content": F}, ["", "<f=a>1</f>"], ["<f=a>1</f><f=a>1</f>"]),
    "plus": ({"type": "plus", "content": F}, ["<f=a>1</f><f=a>2</f>"], [""]),
    "star": ({"type": "star", "content": F}, ["", "<f=a>1</f><f=a>2</f>"], ["x"]),
    "repeat": ({"type": "repeat", "min": 1, "max": 2, "content": INTEGER}, ["1", "1234"], ["", "12345"]),
    "repeat on": ({"type": "repeat", "min": 1, "max": -1, "content": F}, ["<f=a>1</f>" * 5], [""]),
    "tag": (F, ["<f=a>12</f>"], ["<f=a>12", "12</f>", "<f=a></f>"]),
    "tag around text": (
        {"type": "tag", "begin": "<a>", "content": ANY, "end": ["</a>", "</b>"]},
        ["<a></a>", "<a>x</b>", "<a></</a>"],
        ["<a>", "<a>x</a></a>", "<a>x</b></a>"],
    ),
    "tag without an end": ({"type": "tag", "begin": "<a>", "content": ANY, "end": ""}, ["<a>", "<a>x<"], [""]),
    "triggered_tags": (
        triggered(),
        ["", "text <f", "a<f=a>1</f>b<f=b>xy</f>c", "<f=b>x</f><f=a>1</f>"],
        ["<f=", "<f=c>", "<f=a>x</f>", "<f=b>1</f>", "<f=a>1</f><f="],
    ),
    "at_least_one": (triggered(at_least_one=True), ["<f=a>1</f>", "<f=a>1</f> text <f=b>x</f>"], ["", "a<f=a>1</f>"]),
    "stop_after_first": (
        triggered(stop_after_first=True),
        ["a<f=a>1</f>", "a"],
        ["<f=a>1</f>.", "<f=a>1</f><f=a>1</f>"],
    ),
    "exactly one": (
        triggered(stop_after_first=True, at_least_one=True),
        ["<f=a>1</f>"],
        ["", "<f=a>1</f>x", "x<f=a>1</f>"],
    ),
    "triggered excludes": (triggered(excludes=["no"]), ["n<f=a>1</f>o"], ["a no", "no<f=a>1</f>"]),
    "tags_with_separator": (
        {"type": "tags_with_separator", "tags": [F, G], "separator": ","},
        ["", "<f=a>1</f>", "<f=a>1</f>,<f=b>x</f>"],
        [",", "<f=a>1</f>,", "<f=a>1</f><f=b>x</f>"],
    ),
    "tags_with_separator once": (
        {"type": "tags_with_separator", "tags": [F], "separator": ",", "at_least_one": True, "stop_after_first": True},
        ["<f=a>1</f>"],
        ["", "<f=a>1</f>,<f=a>1</f>"],
    ),
    "dispatch": (
        {"type": "dispatch", "rules": [["<n>", INTEGER], ["<m>", {"type": "const_string", "value": "M"}]]},
        ["", "a<n>7 b<m>M", "<"],
        ["<n>", "<m>7", "<m>"],
    ),
    "dispatch in a tag": (
        {"type": "tag", "begin": "[", "end": "]", "content": {**DISPATCH, "loop": False, "excludes": ["]"]}},
        ["[a<n>7]", "[a]", "[]"],
        ["[a<n>7b]", "[a]b]"],
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format(name: str) -> None:
    check(*FORMATS[name])


LEGACY = {
    "structures": [
        {"begin": "<f=a>", "schema": {"type": "integer"}, "end": "</f>"},
        {"begin": "<f=b>", "schema": '{"enum": ["x"]}', "end": "</f>"},
        {"begin": "<g>", "schema": {"type": "null"}, "end": "</g>"},
    ],
    "triggers": ["<f=", "<g>"],
}


@pytest.mark.parametrize("tag", [LEGACY, {"type": "structural_tag", **LEGACY}, json.dumps(LEGACY)])
def test_the_legacy_dialect(tag: Any) -> None:
    auto = compile_for_bytes(StructuralTag(tag).grammar())
    for text in ["", 'a <f=b>"x"</f> <g>null</g>', "<f=a>-12</f><"]:
        assert first_mismatch(auto, text.encode()) is None, text
    for text in ["<f=a>x</f>", "<f=", "<g>1</g>", "<g>"]:
        assert first_mismatch(auto, text.encode()) is not None, text


ARGUMENTS = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"$ref": "#/$defs/Unit"},
        "days": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
    "$defs": {"Unit": {"type": "string", "enum": ["C", "F"]}},
}


def test_arguments_in_xml() -> None:
    check(
        {"type": "json_schema", "style": "qwen_xml", "json_schema": ARGUMENTS},
        [
            "<parameter=city>Oslo</parameter>",
            "\n<parameter=city>\na<b\n\nc\n</parameter>\n<parameter=days>\n3\n</parameter>\n",
            '<parameter=city></parameter><parameter=unit>C</parameter><parameter=tags>["x", "y"]</parameter>',
        ],
        [
            "<parameter=days>3</parameter>",
            "<parameter=city>a</parameter><parameter=x>1</parameter>",
            '<parameter=city>a</parameter><parameter=days>"3"</parameter>',
            "<parameter=city>a</parameter><parameter=unit>K</parameter>",
            "<parameter=city>a",
        ],
    )
    one = {"type": "object", "properties": {"q": {"type": "string", "maxLength": 2}}, "required": ["q"]}
    check(
        {"type": "qwen_xml_parameter", "json_schema": one},
        ["<parameter=q>ab</parameter>"],
        ["<parameter=q>abc</parameter>"],
    )
    styled = {"type": "json_schema", "json_schema": one}
    check({**styled, "style": "minimax_xml"}, ['<parameter name="q">a</parameter>'], ["<parameter=q>a</parameter>"])
    check(
        {**styled, "style": "glm_xml"}, ["<arg_key>q</arg_key><arg_value>a</arg_value>"], ["<arg_value>a</arg_value>"]
    )


TOKENS = {"<t>": 257, "</t>": 258, "<u>": 259}


def token_texts(format: dict[str, Any]) -> Any:
    """A function that tells whether bytes and tokens follow a format."""
    from syntagma.automata import Vocabulary
    from syntagma.automata.compile import compile

    vocabulary = Vocabulary.from_tokens([bytes([b]) for b in range(256)], [256], TOKENS)
    auto = compile(StructuralTag({"format": format}), vocabulary)

    def accepts(text: str) -> bool:
        ids = [
            i
            for piece in re.split("(</?[tu]>)", text)
            for i in ([TOKENS[piece]] if piece in TOKENS else piece.encode())
        ]
        matcher = auto.matcher()
        return all(matcher.accept(each) for each in ids) and bool(matcher.accepts_eos)

    return accepts


def test_tokens() -> None:
    token = {"type": "token", "token": "<t>"}
    tag = {"begin": token, "content": {"type": "any_tokens"}, "end": {"type": "token", "token": 258}}
    accepts = token_texts({"type": "sequence", "elements": [{"type": "tag", **tag}, INTEGER]})
    assert accepts("<t>free </t>12")
    assert not accepts("<t>free <u></t>12")
    assert not accepts("free</t>12")
    dispatched = token_texts(
        {"type": "token_dispatch", "rules": [["<t>", INTEGER], [259, F]], "exclude_tokens": ["</t>"]}
    )
    assert dispatched("a<t>7b<u><f=a>1</f>")
    assert not dispatched("a<t>x")
    assert not dispatched("</t>")
    tags = [{"begin": token, "content": INTEGER, "end": {"type": "token", "token": "</t>"}}]
    some = {"type": "token_triggered_tags", "trigger_tokens": ["<t>"], "tags": tags}
    assert token_texts(some)("a<t>7</t>b<t>8</t>")
    assert not token_texts({**some, "stop_after_first": True})("a<t>7</t>b")
    assert not token_texts({**some, "at_least_one": True})("a<t>7</t>")
    assert token_texts({**some, "at_least_one": True})("<t>7</t>b")
    star = {"type": "star", "content": {"type": "exclude_token", "exclude_tokens": ["<u>"]}}
    assert token_texts(star)("abc")
    assert not token_texts({**star, "type": "plus"})("")


#: Format -> the error's class, what it says, where.
ERRORS: dict[str, tuple[Any, type[GrammarError], str, str]] = {
    "no format": ({"type": "structural_tag"}, GrammarSyntaxError, "field `format`", "#"),
    "a list": ([], GrammarSyntaxError, "an object", "#"),
    "no type": ({"format": {}}, GrammarSyntaxError, "`type` out of", "#/format"),
    "unknown type": ({"format": {"type": "_legacy"}}, GrammarSyntaxError, "_legacy", "#/format"),
    "unknown field": ({"format": {"type": "any_text", "x": 1}}, UnsupportedFeature, "`x`", "#/format"),
    "wrong kind": (
        {"format": {"type": "const_string", "value": 1}},
        GrammarSyntaxError,
        "string, got 1",
        "#/format/value",
    ),
    "budget": ({"format": {**ANY, "max_tokens": 3}}, UnsupportedFeature, "max_tokens", "#/format"),
    "xml of a number": (
        {"format": {**INTEGER, "style": "glm_xml"}},
        UnsupportedFeature,
        "no form",
        "#/format/json_schema",
    ),
    "xml": ({"format": {**INTEGER, "style": "kimi_k3_xml"}}, UnsupportedFeature, "kimi_k3_xml", "#/format/json_schema"),
    "lone token": ({"format": {"type": "exclude_token"}}, UnsupportedFeature, "any_tokens", "#/format"),
    "schema": (
        {"format": {"type": "or", "elements": [ANY, {"type": "json_schema", "json_schema": {"type": "x"}}]}},
        GrammarError,
        "",
        "#/format/elements/1/json_schema",
    ),
    "grammar": (
        {"format": {"type": "grammar", "grammar": "root ::= x"}},
        GrammarSyntaxError,
        "`x`",
        "#/format/grammar",
    ),
    "regex": ({"format": {"type": "regex", "pattern": "("}}, GrammarSyntaxError, "", "#/format/pattern"),
    "trigger": ({"format": triggered(triggers=["<g"])}, GrammarSyntaxError, "begins with", "#/format"),
    "two triggers": (
        {"format": triggered(triggers=["<f", "<f="])},
        GrammarSyntaxError,
        "neither each other",
        "#/format",
    ),
    "unused trigger": ({"format": triggered(triggers=["<f=", "<h"])}, GrammarSyntaxError, "`<h`", "#/format"),
    "bounds": (
        {"format": {"type": "repeat", "min": 3, "max": 2, "content": ANY}},
        GrammarSyntaxError,
        "bounds",
        "#/format",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_where(name: str) -> None:
    tag, kind, message, pointer = ERRORS[name]
    with pytest.raises(kind) as caught:
        StructuralTag(tag).grammar()
    assert message in str(caught.value)
    assert caught.value.pointer == pointer


def test_json_that_is_none_or_too_deep() -> None:
    with pytest.raises(GrammarSyntaxError, match="as JSON"):
        StructuralTag("{").grammar()
    with pytest.raises(Exception, match="nest"):
        StructuralTag('{"format":' + '{"type":"star","content":' * 5000 + "{}" + "}" * 5001).grammar()


def test_tags_are_values() -> None:
    assert StructuralTag(LEGACY) == StructuralTag(json.dumps(LEGACY))
    assert len({StructuralTag(LEGACY), StructuralTag(LEGACY)}) == 1


WORDS = st.text("<f=ab>/1x ", max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(WORDS, st.sampled_from(["<f=a>1</f>", "<f=b>xy</f>", "<f=", "</f>"])), max_size=5).map("".join)
)
def test_triggered_tags_by_definition(text: str) -> None:
    """A text is legal if, read from the left, each trigger begins a tag."""
    rest = text
    while (at := rest.find("<f=")) >= 0 and (tag := re.compile(r"<f=a>[1-9]?\d</f>|<f=b>[xy]+</f>").match(rest, at)):
        rest = rest[tag.end() :]
    assert (first_mismatch(TRIGGERED, text.encode()) is None) == ("<f=" not in rest)


TRIGGERED = compile_for_bytes(StructuralTag({"format": triggered()}).grammar())
