"""Remote servers: what is sent, what comes back typed, and servers that do not keep their word."""

from __future__ import annotations

import json

import pytest

httpx = pytest.importorskip("httpx", reason="install syntagma[remote]")
pydantic = pytest.importorskip("pydantic", reason="install pydantic")

import syntagma as sg  # noqa: E402
from syntagma.backends.remote import NotEnforced, RemoteFailed, RemoteGenerator  # noqa: E402


class Person(pydantic.BaseModel):
    name: str
    age: int


def server(text='{"age": 36, "name":"Ada"}', reason="stop", status=200, seen=None, **message):
    def answer(request):
        if seen is not None:
            seen.append((request, json.loads(request.content)))
        if status != 200:
            return httpx.Response(status, json={"error": {"message": text}})
        choice = {"message": {"content": text} | message, "finish_reason": reason}
        return httpx.Response(200, json={"choices": [choice], "model": "m-1", "usage": {"total_tokens": 3}})

    return httpx.Client(transport=httpx.MockTransport(answer))


def remote(output=Person, client=None, **options):
    return RemoteGenerator("http://host/v1/", output, model="m", client=client or server(), **options)


def test_the_answer_is_typed_and_the_schema_was_sent():
    seen = []
    generate = remote(client=server(seen=seen), api_key="k", max_tokens=9, temperature=0.5, options={"top_p": 0.9})
    answer = generate("Who?", seed=4)
    assert answer.value == Person(name="Ada", age=36)
    assert (answer.finish_reason, answer.model, answer.usage) == ("stop", "m-1", {"total_tokens": 3})
    ((request, body),) = seen
    assert str(request.url) == "http://host/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer k"
    schema = body.pop("response_format")["json_schema"]["schema"]
    assert set(schema["properties"]) == {"name", "age"}
    assert body == {
        "model": "m",
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 4,
        "messages": [{"role": "user", "content": "Who?"}],
    }


@pytest.mark.parametrize("text", ["Ada is 36.", '{"name": "Ada"}', '{"name": "Ada", "age": "36"}', ""])
def test_a_server_that_does_not_enforce_is_found_out(text):
    with pytest.raises(NotEnforced, match="did not enforce the constraint: line 1, column"):
        remote(client=server(text))("Who?")


def test_layout_is_the_servers_own():
    text = '{\n\t"age" : 3.60e1,\n\t"name" : "\\u0041da"\n}'
    schema = {"properties": {"age": {"type": "integer"}, "name": {"const": "Ada"}}, "required": ["age", "name"]}
    assert remote(schema, server(text))("Who?").value == {"age": 36, "name": "Ada"}


def test_what_was_cut_off_has_no_value():
    answer = remote(client=server('{"name": "A', "length"))("Who?")
    assert (answer.finish_reason, answer.value) == ("length", None)


def test_failures_say_what_the_server_said():
    with pytest.raises(RemoteFailed, match="answered 400: no such model") as caught:
        remote(client=server("no such model", status=400))("Who?")
    assert caught.value.status == 400
    with pytest.raises(RemoteFailed, match="I cannot"):
        remote(client=server(None, "stop", refusal="I cannot"))("Who?")
    with pytest.raises(RemoteFailed, match="content_filter"):
        remote(client=server("x", "content_filter"))("Who?")

    def broken(request):
        raise httpx.ConnectError("refused")

    with pytest.raises(RemoteFailed, match="No answer from http://host/v1: refused"):
        remote(client=httpx.Client(transport=httpx.MockTransport(broken)))("Who?")
    odd = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, text="<html>")))
    with pytest.raises(RemoteFailed, match="Expected JSON"):
        remote(client=odd)("Who?")


FIELDS = [
    (sg.Regex("a+"), "vllm", {"structured_outputs": {"regex": "a+"}}),
    (sg.Choice(["a", "b"]), "vllm", {"structured_outputs": {"choice": ["a", "b"]}}),
    (sg.Lark('start: "a"'), "syntagma", {"structured_outputs": {"grammar": 'start: "a"'}}),
    (sg.Regex("a+"), "sglang", {"regex": "a+"}),
    (sg.Gbnf('root ::= "a"'), "llamacpp", {"grammar": 'root ::= "a"'}),
]


@pytest.mark.parametrize(("output", "dialect", "fields"), FIELDS)
def test_constraints_go_in_the_servers_dialect(output, dialect, fields):
    seen = []
    assert remote(output, server("a", seen=seen), dialect=dialect)("x").value == "a"
    assert seen[0][1] == {"model": "m", "messages": [{"role": "user", "content": "x"}]} | fields


def test_what_a_dialect_cannot_say_is_refused():
    with pytest.raises(sg.BackendError, match="'openai' has no field for Regex"):
        remote(sg.Regex("a+"))


def test_our_own_server_keeps_its_word():
    pytest.importorskip("fastapi", reason="install syntagma[serve]")
    pytest.importorskip("prometheus_client", reason="install syntagma[serve]")
    from oracles.byte_model import ByteModel, running

    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 4}}, "required": ["a"]}
    with running(ByteModel()) as client:
        url = f"{client.base_url}/v1"
        with RemoteGenerator(url, schema, model="bytes") as ask:
            assert len(ask("x").value["a"]) <= 4
        with RemoteGenerator(url, sg.Regex("[ab]{4}"), model="bytes", dialect="syntagma", max_tokens=9) as ask:
            assert ask("x", seed=1).text == ask("x", seed=1).text
