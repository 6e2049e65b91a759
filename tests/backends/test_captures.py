"""Captures: what named parts matched, and what a generation gives for parts."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import syntagma as sg
from syntagma.backends.captures import captures
from syntagma.backends.output import output_of
from syntagma.errors import GrammarSyntaxError
from syntagma.grammar.tools import Call, ToolAnswer


@dataclass
class Person:
    name: str
    age: int


WORD = sg.regex("[a-z]+")


def test_text_and_values() -> None:
    part = sg.reasoning().capture("why") >> sg.json(Person).capture("who")
    text = '<think>so ü so</think>\n{"name": "Ä", "age": 3}'
    assert captures(part, text) == {"why": "<think>so ü so</think>\n", "who": Person("Ä", 3)}
    inner = "<think>" + sg.until("</think>").capture("why") + "</think>" + sg.json(int).capture("n")
    assert captures(inner, "<think>a<b</think>12") == {"why": "a<b", "n": 12}


def test_special_tokens_may_have_been_dropped() -> None:
    part = sg.special("<a>") + WORD.capture("w") + sg.special("</a>", or_text=True)
    assert captures(part, "<a>x</a>") == captures(part, "x") == {"w": "x"}


def test_repetitions_give_lists() -> None:
    pair = WORD.capture("key") + "=" + sg.json(int).capture("value")
    part = pair + (";" + pair).repeat()
    assert captures(part, "a=1") == {"key": ["a"], "value": [1]}
    assert captures(part, "a=1;b=2;c=3") == {"key": ["a", "b", "c"], "value": [1, 2, 3]}
    assert captures(pair.repeat(), "") == {"key": [], "value": []}
    assert captures(pair.optional(), "") == {}


def test_alternatives_and_greed() -> None:
    part = (WORD.capture("a") | sg.regex("[a-z0-9]+").capture("b")) + sg.until().capture("rest")
    assert captures(part, "ab-") == {"a": "ab", "rest": "-"}
    assert captures(part, "ab1") == {"b": "ab1", "rest": ""}
    assert captures(part, "1b-") == {"b": "1b", "rest": "-"}


def test_names_and_references() -> None:
    nested = (WORD.capture("w") + ("(" + sg.ref("x") + ")").optional()).named("x")
    assert captures(nested, "a(b(c))") == {"w": ["a", "b", "c"]}


def test_a_text_of_another_language() -> None:
    with pytest.raises(GrammarSyntaxError, match="matches"):
        captures(WORD.capture("w"), "1")


def now() -> None:
    """The time."""


def test_generations_of_parts() -> None:
    tools = sg.tools([now])
    call = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
    assert output_of(tools).decode("a" + call) == ToolAnswer("a", (Call("now", {}),))
    assert output_of(sg.reasoning() >> tools.capture("x")).decode("</think>" + call) == {
        "x": ToolAnswer("", (Call("now", {}),))
    }
    assert output_of(WORD).decode("a") == "a"
    assert output_of(sg.json(Person)).decode('{"name": "a", "age": 1}') == Person("a", 1)
    assert output_of("n=" + sg.json(int)).decode("n=1") == "n=1"


def test_an_empty_body_that_repeats_ends() -> None:
    part = sg.optional("a").repeat().capture("x") + "b"
    assert captures(part, "aab") == {"x": "aa"}
