"""Tools: free text, or calls of functions in the way of a family of models.

    tools([weather, search], style="hermes")

Laws
    1. What `parse` finds in a text of the grammar are the calls that the grammar saw, with their arguments.
    2. Free text in front of calls holds no mark that begins a call.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import GrammarSyntaxError
from .combinators import FreeText, Json, regex
from .combinators import json as json_part
from .ir import Expr
from .marks import first_mark, marked, pattern_of_marks
from .part import Book, Part, in_sequence, one_of
from .tool_style import ToolStyle, tool_style
from .xml_arguments import read_xml_arguments, xml_arguments

#: The number of a call.
_INDEX = regex("0|[1-9][0-9]{0,3}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@dataclass(frozen=True)
class Call:
    """A call of a tool, as a model wrote it."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class ToolAnswer:
    """What a model answered: text, and the calls behind it."""

    text: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call."""

    name: str
    #: The JSON Schema of its arguments.
    arguments: Json


@dataclass(frozen=True, slots=True, repr=False)
class Tools(Part):
    """Text or calls; see `tools`."""

    tools: tuple[Tool, ...]
    style: str
    choice: Literal["auto", "required"]
    parallel: bool

    def __repr__(self) -> str:
        shown = [f"[{', '.join(tool.name for tool in self.tools)}]", f"style={self.style!r}"]
        shown += [f"choice={self.choice!r}"] if self.choice != "auto" else []
        shown += ["parallel=False"] if not self.parallel else []
        return f"tools({', '.join(shown)})"

    def parts(self) -> tuple[Part, ...]:
        calls = self._calls()
        if self.choice == "required":
            return (calls,)
        style = tool_style(self.style)
        free = FreeText(tuple(dict.fromkeys(self._triggers())), None)
        if style.text_begin:
            end = [marked(style.text_end, style.special)] if style.text_end else []
            return (one_of(in_sequence(marked(style.text_begin, style.special), free, *end), calls),)
        return (in_sequence(free, calls.optional()),)

    def expression(self, book: Book) -> Expr:
        return self.parts()[0].expression(book)

    def _calls(self) -> Part:
        style = tool_style(self.style)
        call = one_of(*(_call(tool, style) for tool in self.tools))
        items = [marked(style.begin, style.special)] if style.begin else []
        if style.optional_begin:
            items = [marked(style.optional_begin, style.special).optional(), *items]
        items.append(call)
        if self.parallel and style.parallel:
            more = [marked(style.separator, style.special)] if style.separator else []
            items.append(in_sequence(*more, call).repeat())
        if style.end:
            items.append(marked(style.end, style.special))
        return in_sequence(*items)

    def _triggers(self) -> list[str]:
        """What free text must not hold."""
        style = tool_style(self.style)
        marks = [style.optional_begin, style.text_end, style.begin or style.call_begin.partition("{name}")[0]]
        return [first_mark(mark, style.special) for mark in marks if mark]

    def parse(self, text: str) -> ToolAnswer:
        """The text and the calls of an answer; special tokens may be spelled in it or have been dropped.

        Raises
        ------
        GrammarSyntaxError : a call is cut off or broken; with the offset.
        """
        style = tool_style(self.style)
        first = text.find(style.text_begin) if style.text_begin else -1
        at = _behind(style.text_begin, style, text, 0) if style.text_begin else 0
        pattern = _call_pattern(style, [tool.name for tool in self.tools])
        begin = re.compile(f"(?:{_optional(style.optional_begin, style)}{_optional(style.begin, style)})?{pattern}")
        found = begin.search(text, at)
        if found is None or (style.text_begin and first == 0):
            last = re.compile(f"{pattern_of_marks(style.text_end, style.special)}$").search(text, at)
            return ToolAnswer(text[at : last.start() if style.text_end and last else None], ())
        prose, calls = text[at : found.start()], []
        while found is not None:
            arguments, end = self._arguments_at(text, found.end(), found["name"])
            calls.append(Call(found["name"], arguments))
            at = _behind(style.call_end, style, text, end)
            found = re.compile(f"{pattern_of_marks(style.separator, style.special)}{pattern}").match(text, at)
        at = _behind(style.end, style, text, at)
        if text[at:].strip():
            raise GrammarSyntaxError("Expected another call or the end behind a call.", source=text, offset=at)
        return ToolAnswer(prose, tuple(calls))

    def _arguments_at(self, text: str, at: int, name: str) -> tuple[dict[str, Any], int]:
        """The arguments of a call of that tool, and where they end."""
        style = tool_style(self.style)
        if style.arguments == "json":
            return _json_at(text, at)
        tool = next(tool for tool in self.tools if tool.name == name)
        return read_xml_arguments(text, at, json.loads(tool.arguments.schema), style.arguments)


def tools(
    tools: Sequence[Any],
    style: str = "hermes",
    *,
    choice: Literal["auto", "required"] = "auto",
    parallel: bool = True,
) -> Tools:
    """Free text, or text and calls, in the way of a family of models.

    Parameters
    ----------
    tools : functions with annotated parameters, dataclasses or pydantic models (the arguments), or objects in OpenAI's
        form: `{"type": "function", "function": {"name": ..., "parameters": ...}}`.
    style : "hermes" (and Qwen, Granite 4), "qwen3_coder", "llama3", "mistral", "mistral_v11", "deepseek_v3",
        "deepseek_v31", "deepseek_v32", "glm45", "kimi_k2", "minimax_m2", "seed_oss", "granite3", "phi4_mini",
        "command", "hunyuan", "nemotron", "internlm2", "apertus", "invoke" (as in Claude's prompts) or "harmony"
        (gpt-oss).
    choice : "auto" (text, or calls with text before them) or "required" (calls only).
    parallel : whether there may be several calls, where the style knows how.

    Raises
    ------
    ValueError : the style is not known, there is no tool, or a tool has no name that can be written.
    GrammarError : parameters have no JSON form, or the schema is wrong.
    """
    tool_style(style)
    if choice not in ("auto", "required"):
        raise ValueError(f'Expected choice to be "auto" or "required", got {choice!r}.')
    found = tuple(_tool(tool) for tool in tools)
    names = [tool.name for tool in found]
    if not found or len(set(names)) != len(names):
        raise ValueError(f"Expected tools of different names, at least one, got {names}.")
    if odd := next((name for name in names if not _NAME.fullmatch(name)), None):
        raise ValueError(f"Expected a tool's name of letters, digits, `_`, `.` and `-`, got {odd!r}.")
    return Tools(found, style, choice, parallel)


def _tool(tool: Any) -> Tool:
    if isinstance(tool, dict):
        function = tool.get("function", tool)
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise ValueError(f"Expected a tool as an object with a name, got {tool!r}.")
        return Tool(function["name"], _arguments(function.get("parameters", {"type": "object"})))
    if isinstance(tool, type):
        return Tool(tool.__name__, _arguments(tool))
    if callable(tool):
        return Tool(tool.__name__, _arguments(_parameters(tool)))
    raise ValueError(f"Expected a function, a type or an object in OpenAI's form, got {tool!r}.")


def _arguments(schema: Any) -> Json:
    part = json_part(schema)
    assert isinstance(part, Json)
    return dataclasses.replace(part, type=None)


def _parameters(function: Any) -> Any:
    """A dataclass of a function's parameters: those with a default may be left out."""
    hints = typing.get_type_hints(function, include_extras=True)
    fields: list[Any] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ValueError(f"Expected parameters with names in {function.__name__}, got `{parameter}`.")
        default = [] if parameter.default is parameter.empty else [dataclasses.field(default=None, kw_only=True)]
        fields.append((name, hints.get(name, Any), *default))
    return dataclasses.make_dataclass(function.__name__, fields)


def _call(tool: Tool, style: ToolStyle) -> Part:
    before, *behind = (
        marked(mark, style.special) for mark in style.call_begin.replace("{name}", tool.name).split("{index}")
    )
    begin = in_sequence(before, *(part for mark in behind for part in (_INDEX, mark)))
    end = [marked(style.call_end, style.special)] if style.call_end else []
    arguments: Part = tool.arguments
    if style.arguments != "json":
        arguments = xml_arguments(json.loads(tool.arguments.schema), style.arguments, special=style.special)
    return in_sequence(begin, arguments, *end)


def _call_pattern(style: ToolStyle, names: Iterable[str]) -> str:
    before, _, behind = style.call_begin.partition("{name}")
    chosen = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    first, last = (
        r"\d+".join(pattern_of_marks(m, style.special) for m in x.split("{index}")) for x in (before, behind)
    )
    return f"{first}(?P<name>{chosen}){last}"


def _optional(mark: str, style: ToolStyle) -> str:
    return f"(?:{pattern_of_marks(mark, style.special)})?" if mark else ""


def _behind(mark: str, style: ToolStyle, text: str, at: int) -> int:
    """The place behind a mark; the same place if the mark is not there because it was dropped."""
    found = re.compile(pattern_of_marks(mark, style.special)).match(text, at)
    return found.end() if found else at


def _json_at(text: str, at: int) -> tuple[dict[str, Any], int]:
    try:
        value, end = json.JSONDecoder().raw_decode(text, at)
    except ValueError as error:
        raise GrammarSyntaxError(f"Expected the arguments of a call: {error}.", source=text, offset=at) from error
    if not isinstance(value, dict):
        raise GrammarSyntaxError("Expected the arguments of a call as a JSON object.", source=text, offset=at)
    return value, end
