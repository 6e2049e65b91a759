"""The OpenAPI description: what every endpoint takes, answers, and refuses with.

The handlers read bodies by themselves, within limits, so the description is written here from the same models; its
answers are open: what is listed is always there.
"""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from .bodies import ChatBody, CompletionBody, ResponseBody

_POSTS: dict[str, tuple[type[BaseModel], str]] = {
    "/v1/chat/completions": (ChatBody, "ChatCompletion"),
    "/v1/completions": (CompletionBody, "Completion"),
    "/v1/responses": (ResponseBody, "Response"),
}
_REFUSALS = {
    "400": "What was asked for cannot be done; a constraint's error has its JSON pointer, or line and column",
    "401": "The key is missing or wrong",
    "408": "The body came too slowly",
    "413": "The body is too large",
    "422": "A dead end: guards refused every token",
    "429": "The queue is full",
    "500": "A fault of the server's",
    "503": "The server is closing",
    "504": "The generation took too long",
}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


_TEXT, _WHOLE, _LIST = {"type": "string"}, {"type": "integer"}, {"type": "array"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_USAGE = _object(
    "prompt_tokens completion_tokens total_tokens", prompt_tokens=_WHOLE, completion_tokens=_WHOLE, total_tokens=_WHOLE
)
_REASON = {"enum": ["stop", "length", "tool_calls"]}
_MESSAGE = _object("role content", role={"const": "assistant"}, content=_MAYBE_TEXT, tool_calls=_LIST)
_RECEIPT = _object("constraint accepted exact tokens_masked guard_checks logprob logw weights")


def _choices(required: str, **properties: Any) -> dict[str, Any]:
    choice = _object(f"index finish_reason {required}", index=_WHOLE, finish_reason=_REASON, **properties)
    choice["properties"]["syntagma"] = {"$ref": "#/components/schemas/Receipt"}
    whole = _object(
        "id object created model choices usage",
        id=_TEXT,
        object=_TEXT,
        created=_WHOLE,
        model=_TEXT,
        choices={"type": "array", "items": choice},
    )
    whole["properties"]["usage"] = _USAGE
    return whole


_ANSWERS = {
    "Receipt": _RECEIPT,
    "ChatCompletion": _choices("message", message=_MESSAGE),
    "Completion": _choices("text", text=_TEXT),
    "Response": _object(
        "id object created_at status model output usage",
        id=_TEXT,
        status={"enum": ["completed", "incomplete"]},
        output=_LIST,
    ),
    "Models": _object("object data", object={"const": "list"}, data=_LIST),
    "Health": _object("status", status={"const": "ok"}),
    "Failure": _object(
        "error",
        error=_object("message type param code", message=_TEXT, type=_TEXT, param=_MAYBE_TEXT, code={}, pointer=_TEXT),
    ),
}


def describe(app: FastAPI, *, has_key: bool) -> None:
    """Have the application answer /openapi.json with this description."""
    taken: list[tuple[type[BaseModel], Literal["validation"]]] = [(body, "validation") for body, _ in _POSTS.values()]
    _, defined = models_json_schema(taken, ref_template="#/components/schemas/{model}")
    paths = {path: {"post": _post(path, body, answer)} for path, (body, answer) in _POSTS.items()}
    paths |= {
        "/v1/models": {"get": _operation("The one model", {"200": _json("Models")}, "401")},
        "/metrics": {"get": _operation("Prometheus' exposition", {"200": _content("text/plain", _TEXT)}, "401")},
        "/health": {"get": _operation("Whether the server is there", {"200": _json("Health")}) | {"security": []}},
    }
    components: dict[str, Any] = {"schemas": defined["$defs"] | _ANSWERS}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": app.title, "version": app.version},
        "paths": paths,
        "components": components,
    }
    if has_key:
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}]
    app.openapi = lambda: document  # type: ignore[method-assign]  # as FastAPI's documentation does


def _post(path: str, body: type[BaseModel], answer: str) -> dict[str, Any]:
    whole = _json(answer)
    whole["content"] |= _content("text/event-stream", _object("data", data=_TEXT))["content"]
    operation = _operation((body.__doc__ or path).strip(), {"200": whole}, *_REFUSALS)
    schema = {"$ref": f"#/components/schemas/{body.__name__}"}
    return operation | {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _operation(summary: str, responses: dict[str, Any], *refusals: str) -> dict[str, Any]:
    refused = {status: _json("Failure") | {"description": _REFUSALS[status]} for status in refusals}
    return {"summary": summary, "responses": responses | refused}


def _json(name: str) -> dict[str, Any]:
    return _content("application/json", {"$ref": f"#/components/schemas/{name}"})


def _content(media: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "The answer", "content": {media: {"schema": schema}}}
