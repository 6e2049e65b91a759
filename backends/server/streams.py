"""Streams of server-sent events; a run's jobs end when its stream is closed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from . import answers
from .answers import Collected, sse
from .running import Run


async def chat(run: Run, ident: str, model: str, with_usage: bool) -> AsyncGenerator[bytes, None]:
    """Chunks of a chat completion. Answers that may call tools come whole: only their end tells what they are."""
    head = {"id": ident, "object": "chat.completion.chunk", "created": answers.now(), "model": model}

    def chunk(index: int, delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": index, "delta": delta, "finish_reason": reason, "logprobs": None, **more}
        return sse(head | {"choices": [choice]})

    begun: set[int] = set()
    async with aclosing(run.pieces()) as pieces:
        async for index, text in pieces:
            role = {} if index in begun else {"role": "assistant"}
            begun.add(index)
            if run.done[index].plan.tools is None:
                yield chunk(index, role | {"content": text})
            elif role:
                yield chunk(index, role)
    for index, one in enumerate(run.done):
        choice = one.chat_choice(index)
        if one.plan.tools is not None:
            yield chunk(index, _delta(choice["message"]))
        role = {} if index in begun else {"role": "assistant", "content": ""}
        yield chunk(index, role, choice["finish_reason"], **_receipt(choice))
    if with_usage:
        yield sse(head | {"choices": [], "usage": answers.usage(run.prompt_tokens, run.completion_tokens)})
    yield sse("[DONE]")


def _delta(message: dict[str, Any]) -> dict[str, Any]:
    """A whole message as one delta."""
    calls = [call | {"index": i} for i, call in enumerate(message.get("tool_calls", ()))]
    return {"content": message["content"]} | ({"tool_calls": calls} if calls else {})


async def completion(run: Run, ident: str, model: str, with_usage: bool) -> AsyncGenerator[bytes, None]:
    """Chunks of a completion."""
    head = {"id": ident, "object": "text_completion", "created": answers.now(), "model": model}
    async with aclosing(run.pieces()) as pieces:
        async for index, text in pieces:
            yield sse(head | {"choices": [{"index": index, "text": text, "finish_reason": None, "logprobs": None}]})
    for index, one in enumerate(run.done):
        yield sse(head | {"choices": [one.completion_choice(index) | {"text": ""}]})
    if with_usage:
        yield sse(head | {"choices": [], "usage": answers.usage(run.prompt_tokens, run.completion_tokens)})
    yield sse("[DONE]")


async def response(run: Run, ident: str, model: str) -> AsyncGenerator[bytes, None]:
    """Events of a response."""
    n = 0

    def event(kind: str, **fields: Any) -> bytes:
        nonlocal n
        n += 1
        return sse({"type": kind, "sequence_number": n - 1, **fields}, kind)

    item = answers.output_item(ident, None, "in_progress")
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    begun = False
    async with aclosing(run.pieces()) as pieces:
        async for _, text in pieces:
            if not begun:
                begun = True
                for piece in _opening(event, ident, model, item, place):
                    yield piece
            yield event("response.output_text.delta", **place, delta=text, logprobs=[])
    (one,) = run.done
    for piece in () if begun else _opening(event, ident, model, item, place):
        yield piece
    for piece in _closing(event, ident, model, one, place):
        yield piece


def _opening(event: Any, ident: str, model: str, item: dict[str, Any], place: dict[str, Any]) -> list[bytes]:
    begun = answers.response(ident, model, None, "in_progress")
    return [
        event("response.created", response=begun),
        event("response.in_progress", response=begun),
        event("response.output_item.added", output_index=0, item=item),
        event("response.content_part.added", **place, part={"type": "output_text", "text": "", "annotations": []}),
    ]


def _closing(event: Any, ident: str, model: str, one: Collected, place: dict[str, Any]) -> list[bytes]:
    status = "incomplete" if one.reason == "length" else "completed"
    item = answers.output_item(ident, one.text, status)
    return [
        event("response.output_text.done", **place, text=one.text, logprobs=[]),
        event("response.content_part.done", **place, part=item["content"][0]),
        event("response.output_item.done", output_index=0, item=item),
        event(f"response.{status}", response=answers.response(ident, model, one, status)),
    ]


def _receipt(choice: dict[str, Any]) -> dict[str, Any]:
    return {"syntagma": choice["syntagma"]} if "syntagma" in choice else {}
