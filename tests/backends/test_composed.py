"""Composed answers: reasoning, tool calls and typed answers, whatever the tokens merge across their borders."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from oracles.byte_model import ByteModel
from oracles.splits import merged, split_faults

import syntagma as sg
from syntagma.errors import GrammarSyntaxError
from syntagma.grammar.tool_style import tool_style, tool_styles
from syntagma.grammar.tools import Call, ToolAnswer, Tools
from syntagma.grammar.xml_arguments import XML_STYLES


@dataclass
class Answer:
    ok: bool
    items: list[str]


def merging(texts: list[str], special: tuple[str, ...] = ()) -> sg.Vocabulary:
    """A vocabulary of all bytes and every piece of two to five bytes of the texts, and special tokens."""
    pieces: dict[bytes, None] = {bytes([b]): None for b in range(256)}
    for text in texts:
        data = text.encode()
        pieces |= {data[i : i + n]: None for n in range(2, 6) for i in range(len(data) - n + 1)}
    n = len(pieces)
    return sg.Vocabulary.from_tokens(list(pieces), [n], {name: n + 1 + k for k, name in enumerate(special)})


def cut(vocabulary: sg.Vocabulary, text: str, rng: random.Random, special: tuple[str, ...] = ()) -> list[int]:
    """The tokens of a text, cut at random; special names become their tokens."""
    ids: list[int] = []
    data = text.encode()
    at = 0
    while at < len(data):
        name = next((name for name in special if data.startswith(name.encode(), at)), None)
        if name is not None:
            ids.append(vocabulary.special[name])
            at += len(name.encode())
            continue
        end = min((i for name in special if (i := data.find(name.encode(), at)) >= 0), default=len(data))
        lengths = [n for n in range(1, 6) if at + n <= end and vocabulary.tokens_with_bytes(data[at : at + n])]
        n = rng.choice(lengths)
        ids.append(vocabulary.tokens_with_bytes(data[at : at + n])[0])
        at += n
    return ids


def follow(auto: Any, ids: list[int]) -> bool:
    """Whether tokens lead to an end, each of them in its mask."""
    matcher = auto.matcher()
    row = np.zeros(auto.mask_width, np.int32)
    for token in ids:
        matcher.fill_mask(row)
        if not (int(row[token // 32]) >> (token % 32)) & 1:
            return False
        assert matcher.accept(token)
    return bool(matcher.accepts_eos)


REASONED = sg.reasoning(budget=40, unit="chars") >> sg.json(Answer)
GOOD = [
    '<think>a]\n< </thin"></think>\n\n{"ok": true, "items": ["]\\n", "</think>"]}',
    'no start</think>{"ok": false, "items": []}',
    '<think></think>\n{"ok": false, "items": ["a"]}',
]
BAD = [
    '<think>a</think>\n\n\n{"ok": true, "items": []}',
    '<think>a</think>b</think>{"ok": true, "items": []}',
    '<think>a<think>b</think>{"ok": true, "items": []}',
    '{"ok": true, "items": []}',
    "x" * 41 + '</think>{"ok": true, "items": []}',
    "<think>a</think>",
]


@pytest.mark.parametrize("special", [(), ("<think>", "</think>"), ("</think>",)], ids=["text", "both", "end"])
def test_reasoning_and_an_answer_at_every_split(special: tuple[str, ...]) -> None:
    vocabulary = merging(GOOD + BAD, special)
    auto = sg.compile(REASONED, vocabulary)
    rng = random.Random(1)
    for text in GOOD:
        if special and text.count("</think>") > 1:
            text = text.replace('", "</think>"', '"')
        for _ in range(6):
            assert follow(auto, cut(vocabulary, text, rng, special)), text
    for text in BAD:
        for _ in range(2):
            assert not follow(auto, cut(vocabulary, text, rng, special)), text


@pytest.mark.parametrize("special", [(), ("<think>", "</think>"), ("</think>",)], ids=["text", "both", "end"])
def test_every_split_of_reasoning_leads_to_the_same_states(special: tuple[str, ...]) -> None:
    texts = [text.replace('", "</think>"', '"') if special else text for text in GOOD]
    texts += ['a]\n"></think>\n\n{"ok": true, "items": ["]\\n", "\\">"]}']
    auto = sg.compile(REASONED, merged(texts, special))
    assert [fault for text in texts for fault in split_faults(auto, text, special)] == []


def test_control_tokens_stay_out_of_reasoning_and_the_budget_closes_it() -> None:
    vocabulary = merging(GOOD, ("<think>", "</think>", "<|im_end|>"))
    auto = sg.compile(REASONED, vocabulary)
    matcher = auto.matcher()
    assert matcher.accept(vocabulary.special["<think>"])
    assert not matcher.accept(vocabulary.special["<|im_end|>"])
    assert not matcher.accept(vocabulary.special["<think>"])
    assert not matcher.accept(vocabulary.eos_ids[0])
    for _ in range(40):
        assert matcher.accept(ord("x"))
    row = np.zeros(auto.mask_width, np.int32)
    matcher.fill_mask(row)
    allowed = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist()
    assert allowed == [vocabulary.special["</think>"]]


def weather(city: str, days: int = 1) -> str:
    """The weather of a city."""
    return f"{city} {days}"


def now() -> str:
    """The time."""
    return "now"


SEARCH = {"type": "function", "function": {"name": "search", "parameters": {
    "type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"], "additionalProperties": False,
}}}  # fmt: skip
CALLS = (Call("weather", {"city": 'Oslo "}\n</tool_call>', "days": 3}), Call("now", {}), Call("search", {"q": "é]"}))


def written_arguments(style_name: str, call: Call) -> str:
    """The arguments as a model of the family would write them."""
    style = tool_style(style_name).arguments
    if style == "json":
        return json.dumps(call.arguments, ensure_ascii=False)
    xml, written = XML_STYLES[style], "\n"
    for name, value in call.arguments.items():
        is_text = isinstance(value, str)
        shown = value if is_text else json.dumps(value)
        begin = xml.begin.replace("{name}", name).replace("{string}", json.dumps(is_text))
        written += begin + (f"\n{shown}\n" if xml.trims else shown) + xml.end + "\n"
    return written


def rendered(style_name: str, text: str, calls: tuple[Call, ...]) -> str:
    """An answer as a model of the family would write it."""
    style = tool_style(style_name)
    if not calls:
        return style.text_begin + text + style.text_end
    written = [
        style.call_begin.replace("{name}", call.name).replace("{index}", str(i))
        + written_arguments(style_name, call)
        + style.call_end
        for i, call in enumerate(calls)
    ]
    return text + style.begin + style.separator.join(written) + style.end


def answers(style: str) -> list[ToolAnswer]:
    """Answers that the style can write."""
    known = tool_style(style)
    calls = CALLS if known.parallel else CALLS[:1]
    prose = [] if known.text_begin else [ToolAnswer("I look. <\n", calls)]
    return [ToolAnswer("", calls), ToolAnswer("", CALLS[1:2]), ToolAnswer("No tool <tool", ()), *prose]


@pytest.mark.parametrize("style", tool_styles())
@pytest.mark.parametrize("as_text", [False, True], ids=["tokens", "text"])
def test_every_style_is_accepted_at_every_split_and_parsed_back(style: str, as_text: bool) -> None:
    special = () if as_text else tool_style(style).special
    tools = sg.tools([weather, now, SEARCH], style)
    texts = {rendered(style, answer.text, answer.calls): answer for answer in answers(style)}
    vocabulary = merging([*texts], special)
    auto = sg.compile(tools, vocabulary)
    rng = random.Random(2)
    for text, answer in texts.items():
        assert tools.parse(text) == answer
        if not as_text and any(name in str(answer.calls) for name in special):
            continue  # a special token's name inside of a string is no token
        for _ in range(3):
            assert follow(auto, cut(vocabulary, text, rng, special)), text


@pytest.mark.parametrize("style", tool_styles())
@pytest.mark.parametrize("as_text", [False, True], ids=["tokens", "text"])
def test_every_split_of_every_style_leads_to_the_same_states(style: str, as_text: bool) -> None:
    special = () if as_text else tool_style(style).special
    given = [answer for answer in answers(style) if not any(name in str(answer.calls) for name in special)]
    texts = [rendered(style, answer.text, answer.calls) for answer in given]
    auto = sg.compile(sg.tools([weather, now, SEARCH], style), merged(texts, special, 8))
    assert [fault for text in texts for fault in split_faults(auto, text, special, 8)] == []


@pytest.mark.parametrize("style", ["hermes", "mistral", "qwen3_coder"])
def test_every_split_of_thought_and_calls_leads_to_the_same_states(style: str) -> None:
    texts = [f"<think>a]\n></think>\n\n{rendered(style, answer.text, answer.calls)}" for answer in answers(style)]
    auto = sg.compile(sg.reasoning() >> sg.tools([weather, now, SEARCH], style), merged(texts))
    assert [fault for text in texts for fault in split_faults(auto, text)] == []


@pytest.mark.parametrize("style", tool_styles())
def test_calls_are_found_where_special_tokens_were_dropped(style: str) -> None:
    tools = sg.tools([weather, now], style)
    text = rendered(style, "", CALLS[1:2])
    for name in tool_style(style).special:
        text = text.replace(name, "")
    assert tools.parse(text).calls == CALLS[1:2]


def accepts(tools: Tools, text: str) -> bool:
    vocabulary = sg.Vocabulary.from_tokens([bytes([b]) for b in range(256)], [256])
    return follow(sg.compile(tools, vocabulary), list(text.encode()))


def test_harmony_with_its_own_reasoning() -> None:
    style = tool_style("harmony")
    special = (*style.special, "<|start|>", "<|end|>")
    thinking = sg.reasoning(begin="<|channel|>analysis<|message|>", end="<|end|><|start|>assistant")
    whole = thinking >> sg.tools([weather, now], "harmony")
    texts = [
        f"<|channel|>analysis<|message|>They ask.<|end|><|start|>assistant{rendered('harmony', text, calls)}"
        for text, calls in (("Hello.", ()), ("", CALLS[1:2]))
    ]
    for names in ((), special):
        vocabulary = merging(texts, names)
        auto = sg.compile(whole, vocabulary)
        for text in texts:
            assert follow(auto, cut(vocabulary, text, random.Random(3), names)), text


def test_broken_arguments_in_xml() -> None:
    tools = sg.tools([weather], "qwen3_coder")
    begin = "<tool_call>\n<function=weather>\n<parameter=days>\n"
    for rest in ("3", "x</parameter></function>\n</tool_call>"):
        with pytest.raises(GrammarSyntaxError, match="Expected"):
            tools.parse(begin + rest)


def test_choice_and_parallel() -> None:
    one, two = rendered("hermes", "", CALLS[1:2]), rendered("hermes", "", CALLS[:2])
    required = sg.tools([weather, now], choice="required")
    assert accepts(required, two)
    assert not accepts(required, "text")
    assert not accepts(required, "a" + one)
    alone = sg.tools([weather, now], parallel=False)
    assert accepts(alone, "a" + one)
    assert not accepts(alone, two)
    assert repr(alone) == "tools([weather, now], style='hermes', parallel=False)"


def test_arguments_follow_their_schema() -> None:
    tools = sg.tools([weather])
    before, behind = '<tool_call>\n{"name": "weather", "arguments": ', "}\n</tool_call>"
    assert accepts(tools, before + '{"city": "a"}' + behind)
    for arguments in ('{"city": 1}', "{}", '{"city": "a", "more": 1}', '{"city": "a", "days": "1"}'):
        assert not accepts(tools, before + arguments + behind), arguments
    assert not accepts(tools, '<tool_call>\n{"name": "other", "arguments": {}}\n</tool_call>')
    assert not accepts(tools, "text with <tool_call>")


def test_tools_of_types_and_of_objects() -> None:
    tools = sg.tools([Answer, SEARCH, SEARCH["function"] | {"name": "b"}])
    assert [tool.name for tool in tools.tools] == ["Answer", "search", "b"]
    assert sg.tools([Answer]) == sg.tools([Answer])
    assert hash(sg.tools([Answer])) == hash(sg.tools([Answer]))


def starred(*names: str) -> None:
    """Takes any names."""


@pytest.mark.parametrize(
    ("tools", "options", "message"),
    [
        ([], {}, "at least one"),
        ([now, now], {}, "different names"),
        ([now], {"style": "klingon"}, "one of the styles"),
        ([now], {"choice": "none"}, "choice"),
        ([{"name": "a b"}], {}, "letters"),
        ([{"function": 1}], {}, "a name"),
        ([3], {}, "OpenAI"),
        ([starred], {}, "with names"),
    ],
)
def test_what_is_no_tool(tools: list[Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sg.tools(tools, **options)


@pytest.mark.parametrize(
    "text",
    ['<tool_call>\n{"name": "now", "arguments": {', '<tool_call>\n{"name": "now", "arguments": 1}\n</tool_call>',
     '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call> and more'],
)  # fmt: skip
def test_broken_calls(text: str) -> None:
    with pytest.raises(GrammarSyntaxError):
        sg.tools([now]).parse(text)


@pytest.mark.parametrize("options", [{"end": ""}, {"budget": -1}])
def test_what_is_no_reasoning(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        sg.reasoning(**options)


@pytest.mark.parametrize(
    "sampler", [sg.Masking(), sg.Masking(greedy=True), sg.SMC(3), sg.AWRS()], ids=["draw", "greedy", "smc", "awrs"]
)
@pytest.mark.parametrize("special", [(), ("<think>", "</think>")], ids=["text", "special"])
def test_generated_reasoning_keeps_to_its_tokens(sampler: Any, special: tuple[str, ...]) -> None:
    vocabulary = merging(['</think>\n\n{"ok": true, "items": ["a"]}', "I think so"], special)
    model = sg.sampling.RandomModel(vocabulary, seed=5)
    thinking = sg.reasoning(6) >> sg.json(Answer)
    generate = sg.Generator(model, thinking, sampler, max_tokens=60, heal=False)
    for result in generate.batch([[65]] * 4, seed=1):
        assert result.finish_reason == "stop"
        names = {t: name.encode() for name, t in vocabulary.special.items()}
        tokens = [names.get(t) or vocabulary.token_bytes(t) for t in result.tokens]
        whole = b"".join(tokens)
        begin = 7 if whole.startswith(b"<think>") else 0
        stop, at, inside = whole.index(b"</think>", begin), 0, 0
        for data in tokens:
            inside += max(begin, at) < min(at + len(data), stop)
            at += len(data)
        assert inside <= 6 + 3  # a character is completed


def test_a_budget_of_tokens_bounds_healed_and_streamed_text() -> None:
    model = ByteModel()
    generate = sg.Generator(model, sg.reasoning(5) >> sg.regex("[0-9]{2}"), max_tokens=30)
    *_, last = generate.stream("What is it? ", seed=3)
    assert last.generation is not None
    thought, _, answer = last.generation.text.partition("</think>")
    assert len(thought.removeprefix("<think>").encode()) <= 5 + 3
    assert len(answer.strip()) == 2
