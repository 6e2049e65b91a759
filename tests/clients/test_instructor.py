"""The client `instructor` against our server: the modes that give the server a schema."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.serving, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def person_type():
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed; run: make client-test")

    class Person(pydantic.BaseModel):
        name: str
        age: int

    return Person


def make_client(server, mode):
    instructor = pytest.importorskip("instructor", reason="instructor is not installed; run: make client-test")
    import openai

    plain = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0)
    return instructor.from_openai(plain, mode=getattr(instructor.Mode, mode))


@pytest.mark.parametrize("mode", ["JSON_SCHEMA", "TOOLS"])
def test_modes(server, facts, person_type, mode):
    person = make_client(server, mode).chat.completions.create(
        model=server.model,
        messages=[{"role": "user", "content": facts}],
        response_model=person_type,
        temperature=0,
        max_retries=0,
    )
    assert isinstance(person, person_type)
    assert person.age == 45
    assert mode == "TOOLS" or person.name == "Grace Hopper"


def test_partial_answers(server, facts, person_type):
    client = make_client(server, "JSON_SCHEMA")
    pieces = list(
        client.chat.completions.create_partial(
            model=server.model,
            messages=[{"role": "user", "content": facts}],
            response_model=person_type,
            temperature=0,
        )
    )
    assert len(pieces) > 2
    assert pieces[-1].model_dump() == {"name": "Grace Hopper", "age": 45}
