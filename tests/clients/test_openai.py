"""The client `openai` against our server: parse, streams, tools, responses, refusals."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.serving, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def openai() -> Any:
    return pytest.importorskip("openai", reason="openai is not installed; run: make client-test")


@pytest.fixture(scope="module")
def client(openai, server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def person_type(openai):
    pydantic = pytest.importorskip("pydantic")
    return pydantic.create_model("Person", name=(str, ...), age=(int, ...))


@pytest.fixture
def ask(server, facts):
    return {"model": server.model, "messages": [{"role": "user", "content": facts}], "temperature": 0}


def test_parse(client, ask, person_type):
    done = client.chat.completions.parse(response_format=person_type, **ask)
    assert done.choices[0].message.parsed == person_type(name="Grace Hopper", age=45)
    assert done.choices[0].finish_reason == "stop"
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens


def test_streams_of_chat(client, ask, person_type):
    with client.chat.completions.stream(response_format=person_type, **ask) as events:
        kinds = [event.type for event in events]
        done = events.get_final_completion()
    assert kinds.count("content.delta") > 3
    assert done.choices[0].message.parsed == person_type(name="Grace Hopper", age=45)
    chunks = list(
        client.chat.completions.create(
            stream=True, stream_options={"include_usage": True}, extra_body={"regex": "[ab]{4}"}, **ask
        )
    )
    assert re.fullmatch("[ab]{4}", "".join(c.choices[0].delta.content or "" for c in chunks if c.choices))
    assert chunks[-1].usage.completion_tokens >= 2


def test_responses(client, server, facts, person_type):
    ask = {"model": server.model, "input": facts, "temperature": 0, "text_format": person_type}
    assert client.responses.parse(**ask).output_parsed == person_type(name="Grace Hopper", age=45)
    with client.responses.stream(**ask) as events:
        events.until_done()
        assert events.get_final_response().output_parsed == person_type(name="Grace Hopper", age=45)
    assert client.responses.create(model=server.model, input=facts, max_output_tokens=2).status in (
        "incomplete",
        "completed",
    )


@pytest.mark.parametrize("stream", [False, True])
def test_tools(client, openai, ask, person_type, stream):
    ask |= {"tools": [openai.pydantic_function_tool(person_type, name="save")], "parallel_tool_calls": False}
    for choice in ("required", {"type": "function", "function": {"name": "save"}}):
        if stream:
            with client.chat.completions.stream(tool_choice=choice, **ask) as events:
                message = events.get_final_completion().choices[0].message
        else:
            message = client.chat.completions.parse(tool_choice=choice, **ask).choices[0].message
        (call,) = message.tool_calls
        assert call.function.name == "save"
        assert call.function.parsed_arguments == person_type.model_validate(json.loads(call.function.arguments))


def test_completions_and_models(client, server):
    done = client.completions.create(model=server.model, prompt=["a", "b"], n=2, extra_body={"regex": "[xy]{3}"})
    assert [choice.index for choice in done.choices] == [0, 1, 2, 3]
    assert all(re.fullmatch("[xy]{3}", choice.text) for choice in done.choices)
    assert [model.id for model in client.models.list()] == [server.model]


def test_refusals_are_the_clients_errors(client, openai, server, ask):
    with pytest.raises(openai.BadRequestError, match="guided_json") as refused:
        client.chat.completions.create(extra_body={"guided_json": {}}, **ask)
    assert refused.value.param == "guided_json"
    with pytest.raises(openai.BadRequestError, match="#/properties/a"):
        client.chat.completions.create(extra_body={"json_schema": {"properties": {"a": {"minimum": "3"}}}}, **ask)
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.models.list()


def test_many_at_once(openai, server, ask, person_type):
    async def main():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0) as client:
            jobs = [client.chat.completions.parse(response_format=person_type, **ask) for _ in range(8)]
            return await asyncio.gather(*jobs)

    found = [done.choices[0].message.parsed for done in asyncio.run(main())]
    assert found == [person_type(name="Grace Hopper", age=45)] * 8
