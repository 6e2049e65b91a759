"""The client `litellm` against our server, by both of its ways to such servers."""

from __future__ import annotations

import json
import os
import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.serving, pytest.mark.filterwarnings("default")]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA, "strict": True}}
TOOL = {"type": "function", "function": {"name": "save", "parameters": SCHEMA}}


@pytest.fixture(scope="module")
def litellm():
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it waits for a list of prices from the network
    return pytest.importorskip("litellm", reason="litellm is not installed; run: make client-test")


@pytest.fixture(params=["openai", "hosted_vllm"])
def ask(server, facts, request):
    return {
        "model": f"{request.param}/{server.model}",
        "api_base": f"{server.url}/v1",
        "api_key": server.key,
        "messages": [{"role": "user", "content": facts}],
        "temperature": 0,
        "num_retries": 0,
    }


def test_a_schema(litellm, ask):
    done = litellm.completion(response_format=FORMAT, **ask)
    assert json.loads(done.choices[0].message.content) == {"name": "Grace Hopper", "age": 45}
    assert done.choices[0].finish_reason == "stop"
    assert done.usage.completion_tokens > 5


def test_a_stream(litellm, ask):
    pieces = list(litellm.completion(response_format=FORMAT, stream=True, **ask))
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert json.loads(text) == {"name": "Grace Hopper", "age": 45}
    assert len(pieces) > 3


def test_tools(litellm, ask):
    done = litellm.completion(tools=[TOOL], tool_choice="required", **ask)
    for call in done.choices[0].message.tool_calls:
        assert call.function.name == "save"
        assert set(json.loads(call.function.arguments)) == {"name", "age"}


def test_constraints_of_ours(litellm, ask):
    done = litellm.completion(extra_body={"regex": "[ab]{4}"}, **ask)
    assert re.fullmatch("[ab]{4}", done.choices[0].message.content)


def test_refusals(litellm, ask):
    with pytest.raises(litellm.BadRequestError, match="column"):
        litellm.completion(extra_body={"regex": "[a"}, **ask)
