"""Tools of chat requests: what to offer the model, and the calls in its answer."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ...errors import GrammarError
from ..output import Output, output_of
from .bodies import ChatBody, OfferedTool
from .constraint import BadRequest

if TYPE_CHECKING:
    from ...grammar.tools import Tools


def tools_of(body: ChatBody, style: str) -> Tools | None:
    """What the answer may call; `None`: nothing.

    Raises
    ------
    BadRequest : the choice is none of those known, or names a tool that is not there.
    GrammarError : the parameters of a tool are no JSON Schema.
    """
    choice = body.tool_choice if body.tool_choice is not None else "auto" if body.tools else "none"
    if choice == "none":
        return None
    if not body.tools:
        raise BadRequest("Found a tool_choice without tools.", "tool_choice")
    offered = body.tools
    if isinstance(choice, dict):
        name = _name(choice)
        offered = [tool for tool in body.tools if tool.function.name == name]
        if not offered:
            raise BadRequest(f"Expected the name of one of the tools, got {name!r}.", "tool_choice")
    elif choice not in ("auto", "required"):
        raise BadRequest(f"Expected none, auto, required or a function, got {choice!r}.", "tool_choice")
    is_free = choice == "auto"
    parallel = body.parallel_tool_calls is not False and not isinstance(choice, dict)
    try:
        return _tools(json.dumps(shown(offered)), style, is_free, parallel)
    except GrammarError:
        raise
    except ValueError as error:
        raise BadRequest(str(error), "tools") from error


@lru_cache(maxsize=128)
def _tools(offered: str, style: str, is_free: bool, parallel: bool) -> Tools:
    from ...grammar.tools import tools

    return tools(json.loads(offered), style, choice="auto" if is_free else "required", parallel=parallel)


@lru_cache(maxsize=128)
def output_of_tools(tools: Tools) -> Output:
    """Text with calls, as an output; equal tools have the same."""
    return output_of(tools)


def _name(tool: dict[str, Any]) -> str | None:
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def shown(offered: Sequence[OfferedTool]) -> list[dict[str, Any]]:
    """The functions, without what was left out."""
    return [tool.function.model_dump(exclude_none=True) for tool in offered]


def with_tools(messages: Sequence[dict[str, Any]], offered: Sequence[OfferedTool]) -> list[dict[str, Any]]:
    """The messages, with the tools shown before the first."""
    text = json.dumps(shown(offered), separators=(",", ":"), ensure_ascii=False)
    return [{"role": "system", "content": f"Functions that you may call: {text}"}, *messages]


def message_of(tools: Tools, text: str) -> dict[str, Any]:
    """The assistant's message: text, and calls if there are any.

    Raises
    ------
    GrammarSyntaxError : a call is cut off.
    """
    answer = tools.parse(text)
    calls = [
        {
            "id": f"call_{uuid.uuid4().hex[:24]}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)},
        }
        for call in answer.calls
    ]
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    return message | ({"tool_calls": calls} if calls else {})
