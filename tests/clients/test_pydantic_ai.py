"""The client `pydantic-ai` against our server: native output, output by a tool, streams."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.serving, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def ai():
    return pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed; run: make client-test")


@pytest.fixture(scope="module")
def person_type(ai):
    import pydantic

    class Person(pydantic.BaseModel):
        name: str
        age: int

    return Person


@pytest.fixture(params=["chat", "responses"])
def model(ai, server, request):
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    kind = OpenAIChatModel if request.param == "chat" else OpenAIResponsesModel
    return kind(server.model, provider=OpenAIProvider(base_url=f"{server.url}/v1", api_key=server.key))


def test_native_output(ai, model, facts, person_type):
    agent = ai.Agent(model, output_type=ai.NativeOutput(person_type), model_settings={"temperature": 0})
    assert agent.run_sync(facts).output == person_type(name="Grace Hopper", age=45)


def test_output_by_a_tool(ai, server, facts, person_type):
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=f"{server.url}/v1", api_key=server.key)
    agent = ai.Agent(
        OpenAIChatModel(server.model, provider=provider),
        output_type=ai.ToolOutput(person_type),
        model_settings={"temperature": 0},
    )
    found = agent.run_sync(facts).output
    assert isinstance(found, person_type)
    assert found.age == 45


def test_streams(ai, model, facts, person_type):
    agent = ai.Agent(model, output_type=ai.NativeOutput(person_type), model_settings={"temperature": 0})

    async def main():
        async with agent.run_stream(facts) as run:
            pieces = [piece async for piece in run.stream_output(debounce_by=None)]
            return pieces, await run.get_output()

    pieces, person = asyncio.run(main())
    assert pieces
    assert person == person_type(name="Grace Hopper", age=45)
