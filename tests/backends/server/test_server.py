"""The HTTP server under real sockets: answers, streams, refusals, limits, and clients that go away."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

fastapi = pytest.importorskip("fastapi", reason="install syntagma[serve]")
uvicorn = pytest.importorskip("uvicorn", reason="install syntagma[serve]")
httpx = pytest.importorskip("httpx", reason="install httpx")
pytest.importorskip("prometheus_client", reason="install syntagma[serve]")

from oracles.byte_model import ByteModel, running  # noqa: E402

from syntagma.backends.server.batcher import Batcher  # noqa: E402

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 5}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
    "required": ["name", "age"],
}


@pytest.fixture(scope="module")
def model():
    return ByteModel()


@pytest.fixture(scope="module")
def client(model):
    with running(model) as client:
        yield client


def chat(client, **body):
    return client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "Who?"}]} | body)


def json_schema(schema):
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def events(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    datas = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(data) for data in datas if data != "[DONE]"]


def metric(client, name):
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_a_schema_is_obeyed_and_receipted(client):
    answer = chat(client, response_format=json_schema(SCHEMA), seed=1).json()
    assert answer["object"] == "chat.completion"
    (choice,) = answer["choices"]
    value = json.loads(choice["message"]["content"])
    assert len(value["name"]) <= 5
    assert 0 <= value["age"] <= 99
    assert choice["finish_reason"] == "stop"
    receipt = choice["syntagma"]
    assert receipt["accepted"]
    assert receipt["tokens_masked"] > 0
    assert receipt["logw"] < 0
    usage = answer["usage"]
    assert usage["completion_tokens"] == len(choice["message"]["content"].encode()) + 1
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert answer == answer | chat(client, response_format=json_schema(SCHEMA), seed=1).json() | {
        key: answer[key] for key in ("id", "created")
    }


SPELLINGS = {
    "regex": ({"regex": "[ab]{3}"}, "[ab]{3}"),
    "ebnf": ({"ebnf": 'root ::= "a" [0-9]'}, r"a\d"),
    "gbnf": ({"grammar": 'root ::= "a" [0-9]{2}'}, r"a\d\d"),
    "lark": ({"grammar": 'start: "x"~2'}, "xx"),
    "json_schema": ({"json_schema": {"const": 1}}, "1"),
    "json": ({"structured_outputs": {"json": {"const": [1, 2]}, "disable_any_whitespace": True}}, r"\[1,2\]"),
    "choice": ({"structured_outputs": {"choice": ["yes", "no"]}}, "yes|no"),
    "format with schema": ({"response_format": {"type": "json_object", "schema": {"const": True}}}, "true"),
    "format regex": ({"response_format": {"type": "regex", "pattern": "q+r"}}, "q+r"),
    "spec": (
        {"json_schema": {"const": "a"}, "syntagma": {"profile": "spec", "whitespace": "compact"}},
        r'"(a|\\u0061)"',
    ),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_constraints_in_every_spelling(client, name):
    body, pattern = SPELLINGS[name]
    text = chat(client, max_tokens=60, **body).json()["choices"][0]["message"]["content"]
    assert re.fullmatch(pattern, text)


@pytest.mark.parametrize("sampler", ["masking", "awrs", "smc"])
def test_samplers(client, sampler):
    more = {"sampler": sampler} | ({"particles": 4} if sampler == "smc" else {})
    (choice,) = chat(client, regex="[ab]{3}", syntagma=more).json()["choices"]
    assert re.fullmatch("[ab]{3}", choice["message"]["content"])
    assert choice["syntagma"]["weights"] in ("exact", "estimated", "improper")


def test_several_choices_differ_and_a_seed_repeats_them(client):
    texts = [
        [c["message"]["content"] for c in chat(client, regex="[a-z]{20}", n=3, seed=seed).json()["choices"]]
        for seed in (5, 5)
    ]
    assert len(set(texts[0])) == 3
    assert texts[0] == texts[1]


def test_a_stream_has_the_same_text(client):
    body = {"response_format": json_schema(SCHEMA), "seed": 4}
    whole = chat(client, **body).json()["choices"][0]["message"]["content"]
    found = events(chat(client, stream=True, stream_options={"include_usage": True}, **body))
    assert found[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "".join(e["choices"][0]["delta"].get("content", "") for e in found[:-1]) == whole
    assert found[-2]["choices"][0]["finish_reason"] == "stop"
    assert found[-2]["choices"][0]["syntagma"]["accepted"]
    assert found[-1]["usage"]["completion_tokens"] == len(whole.encode()) + 1
    assert len(found) > 5


def test_completions(client):
    answer = client.post("/v1/completions", json={"prompt": ["a", "b"], "regex": "[ab]{3}", "n": 2}).json()
    assert answer["object"] == "text_completion"
    assert [c["index"] for c in answer["choices"]] == [0, 1, 2, 3]
    assert all(re.fullmatch("[ab]{3}", c["text"]) for c in answer["choices"])
    found = events(client.post("/v1/completions", json={"prompt": [65, 66], "regex": "[ab]{3}", "stream": True}))
    assert re.fullmatch("[ab]{3}", "".join(e["choices"][0]["text"] for e in found))


def test_free_text_ends_at_stop_texts_and_at_its_length(client):
    body = {"prompt": "x", "max_tokens": 400, "seed": 2}
    (free,) = client.post("/v1/completions", json=body).json()["choices"]
    stop = free["text"][10:13]
    (cut,) = client.post("/v1/completions", json=body | {"stop": [stop, "never"]}).json()["choices"]
    assert cut["text"] == free["text"][: free["text"].index(stop)]
    assert cut["finish_reason"] == "stop"
    pieces = events(client.post("/v1/completions", json=body | {"stop": stop, "stream": True}))
    assert "".join(e["choices"][0]["text"] for e in pieces) == cut["text"]
    (short,) = client.post("/v1/completions", json={"prompt": "x", "max_tokens": 3}).json()["choices"]
    assert short["finish_reason"] in ("length", "stop")


def test_responses(client):
    body = {"input": "Who?", "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}, "seed": 1}
    answer = client.post("/v1/responses", json=body).json()
    assert answer["status"] == "completed"
    (item,) = answer["output"]
    assert set(json.loads(item["content"][0]["text"])) == {"name", "age"}
    found = events(client.post("/v1/responses", json=body | {"stream": True}))
    kinds = [e["type"] for e in found]
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert [e["sequence_number"] for e in found] == list(range(len(found)))
    text = "".join(e["delta"] for e in found if e["type"] == "response.output_text.delta")
    assert text == item["content"][0]["text"] == found[-1]["response"]["output"][0]["content"][0]["text"]


TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "time", "parameters": {"type": "object", "properties": {}}}},
]


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls(client, stream):
    for choice in ("required", {"type": "function", "function": {"name": "weather"}}):
        body = {"tools": TOOLS, "tool_choice": choice, "parallel_tool_calls": False, "stream": stream}
        answer = chat(client, **body)
        if stream:
            found = [e["choices"][0] for e in events(answer)]
            (calls,) = [c["delta"]["tool_calls"] for c in found if "tool_calls" in c["delta"]]
            assert found[-1]["finish_reason"] == "tool_calls"
        else:
            (found,) = answer.json()["choices"]
            calls = found["message"]["tool_calls"]
            assert found["finish_reason"] == "tool_calls"
            assert found["message"]["content"] is None
        (call,) = calls
        assert call["function"]["name"] in ("weather", "time")
        arguments = json.loads(call["function"]["arguments"])
        assert isinstance(choice, str) or set(arguments) == {"name", "age"}
    text = chat(client, tools=TOOLS, tool_choice="none", regex="ok").json()["choices"][0]["message"]["content"]
    assert text == "ok"


REFUSED = {
    "unknown": ({"guided_json": {}}, "guided_json"),
    "unknown inside": ({"structured_outputs": {"json": True, "jsonn": 1}}, "jsonn"),
    "unknown format": ({"response_format": {"type": "xml"}}, "xml"),
    "unknown in format": ({"response_format": {"type": "json_object", "shema": {}}}, "shema"),
    "no schema": ({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}}, "schema"),
    "two": ({"regex": "a", "json_schema": True}, "at most one"),
    "penalty": ({"frequency_penalty": 1}, "frequency_penalty"),
    "bias": ({"logit_bias": {"5": 1}}, "logit_bias"),
    "logprobs": ({"logprobs": True}, "logprobs"),
    "stop": ({"regex": "a", "stop": "a"}, "stop"),
    "schema": ({"json_schema": {"properties": {"a": {"minimum": "3"}}}}, "#/properties/a"),
    "class": ({"regex": "[a"}, "column"),
    "grammar": ({"grammar": 'start: "a" missing'}, "missing"),
    "tokens": ({"regex": "a{50}", "max_tokens": 3}, "max_tokens"),
    "context": ({"messages": [{"role": "user", "content": "x" * 5000}]}, "context"),
    "particles": ({"syntagma": {"particles": 3}}, "particles"),
    "top_k": ({"top_k": 3, "syntagma": {"sampler": "awrs"}}, "top_k"),
    "role": ({"messages": [{"content": "x"}]}, "role"),
    "image": ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "text"),
    "no messages": ({"messages": []}, "messages"),
    "choice": ({"tool_choice": "required"}, "tools"),
    "no such tool": ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "x"}}}, "'x'"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_refused(client, name, stream):
    body, words = REFUSED[name]
    answer = chat(client, stream=stream, **body)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]["message"]


def test_an_error_in_a_schema_has_its_pointer(client):
    error = chat(client, json_schema={"properties": {"a": {"minimum": "3"}}}).json()["error"]
    assert error["pointer"] == "#/properties/a"
    assert error["code"] == "invalid_constraint"


def test_models_health_and_metrics(client):
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/v1/models").json()["data"][0]["id"] == "bytes"
    assert metric(client, "syntagma_requests_total{") > 0
    assert metric(client, "syntagma_batch_rows_count") > 0
    refusals = 'syntagma_refusals_total{code="invalid_constraint"}'
    before = metric(client, refusals)
    chat(client, regex="[a")
    assert metric(client, refusals) == before + 1
    assert client.get("/openapi.json").json()["paths"]["/v1/chat/completions"]
    assert client.get("/nowhere").status_code == 404


def test_many_requests_share_steps():
    model = ByteModel(pause=0.005)
    with running(model) as client, ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(lambda i: chat(client, regex="[ab]{30}", seed=i).json(), range(16)))
        assert len({t["choices"][0]["message"]["content"] for t in texts}) == 16
        alone = [chat(client, regex="[ab]{30}", seed=i).json() for i in (0, 9)]
    assert [a["choices"][0]["message"] for a in alone] == [texts[i]["choices"][0]["message"] for i in (0, 9)]
    assert max(model.rows) >= 8
    assert len(model.rows) < 16 * 31 / 3


def test_a_full_queue_refuses():
    with running(ByteModel(pause=0.02), max_running=1, max_waiting=1) as client, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: chat(client, regex="[ab]{40}"), range(4)))
        codes = sorted(a.status_code for a in answers)
        assert codes == [200, 200, 429, 429]
        refused = next(a for a in answers if a.status_code == 429)
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["error"]["type"] == "rate_limit_error"


def test_who_has_the_answer_finds_the_place_free(monkeypatch):
    leave = Batcher.count

    def slowly(self, n):
        time.sleep(0.2 if n < 0 else 0)
        leave(self, n)

    monkeypatch.setattr(Batcher, "count", slowly)
    with running(ByteModel(), max_running=1, max_waiting=0) as client:
        for _ in range(3):
            assert chat(client, regex="[ab]{3}").status_code == 200
            assert metric(client, "syntagma_running") == 0


def test_a_client_that_goes_away_frees_its_place():
    model = ByteModel(pause=0.02)
    with running(model, max_running=1) as client:
        long = {"messages": [{"role": "user", "content": "x"}], "regex": "[ab]{900}"}
        with client.stream("POST", "/v1/chat/completions", json=long | {"stream": True}) as answer:
            lines = answer.iter_lines()  # held: it closes the connection when it goes
            next(lines)
            for stream in (False, True):  # these wait
                with pytest.raises(httpx.ReadTimeout):
                    client.post("/v1/chat/completions", json=long | {"stream": stream}, timeout=0.5)
        with pytest.raises(httpx.ReadTimeout):  # this runs
            client.post("/v1/chat/completions", json=long, timeout=0.5)
        assert chat(client, regex="[ab]{3}").status_code == 200
        assert metric(client, "syntagma_running") == metric(client, "syntagma_waiting") == 0


def test_limits_of_time_and_size():
    with running(ByteModel(pause=0.05), seconds=0.5, body_bytes=1000) as client:
        answer = chat(client, regex="[ab]{900}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")
        assert chat(client, regex="a" * 2000).status_code == 413
        assert chat(client, regex="[ab]{3}").status_code == 200


def test_the_key_is_asked_for():
    with running(ByteModel(), api_key="secret") as client:
        assert client.get("/health").status_code == 200
        assert client.get("/v1/models").status_code == 401
        assert client.get("/v1/models", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/v1/models", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_a_model_that_fails_fails_one_request():
    class Fails(ByteModel):
        def logp_next(self, prefixes):
            if any(bytes(p.tokens).startswith(b"user: fail") for p in prefixes):
                raise RuntimeError("broken")
            return super().logp_next(prefixes)

    with running(Fails()) as client, ThreadPoolExecutor(2) as pool:
        jobs = [("ok", 200), ("fail", 500)]
        ask = lambda job: chat(client, messages=[{"role": "user", "content": job[0]}], regex="[ab]{9}")  # noqa: E731
        for (_, status), answer in zip(jobs, pool.map(ask, jobs), strict=True):
            assert answer.status_code == status
            assert "broken" not in answer.text


def test_batches_are_what_the_model_gives_alone():
    """The batcher's law, without HTTP."""
    from syntagma.backends.server.batcher import Batcher, Session
    from syntagma.sampling.laws import check_model

    batcher = Batcher(ByteModel())
    check_model(Session(batcher, np.inf), [[1, 2], [3], [1, 2, 3]], steps=3)
    batcher.close()


def along_drafts(jobs):
    """Texts and weights of seeded runs, with and without drafts, through one batcher, many at a time."""
    from syntagma.backends.drafts import drafters
    from syntagma.backends.server.batcher import Batcher, Session
    from syntagma.sampling import Masking

    model, draft = ByteModel(), drafters("both")
    batcher = Batcher(model)

    def run(job):
        auto, seed, guesses = job
        batcher.count(1)
        try:
            session = Session(batcher, np.inf)
            (sample,) = Masking(draft=draft if guesses else ()).sample(session, auto, [[65, 66]], 60, seed=seed)
        finally:
            batcher.count(-1)
        return sample

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(run, jobs))
    batcher.close()
    return found


def test_drafts_change_no_draw():
    """Seed by seed: the law is the same because every draw is."""
    import syntagma as sg

    vocabulary = ByteModel().vocabulary
    autos = [sg.compile(c, vocabulary) for c in (sg.JsonSchema(SCHEMA), sg.Regex("(abcd|bcda|x){4}"))]
    jobs = [(auto, seed) for auto in autos for seed in range(40)]
    plain = along_drafts([(*job, False) for job in jobs])
    drafted = along_drafts([(*job, True) for job in jobs])
    assert [s.tokens for s in plain] == [s.tokens for s in drafted]
    assert [s.ledger.logw for s in plain] == pytest.approx([s.ledger.logw for s in drafted], abs=1e-9)
    assert len({tuple(s.tokens) for s in plain}) > 40
    passes = [s.ledger.passes for s in drafted]
    assert sum(p.tokens for p in passes) > 1.5 * sum(p.n for p in passes)


def test_a_server_that_drafts():
    bodies = [{"response_format": json_schema(SCHEMA), "seed": seed} for seed in range(8)]
    with running(ByteModel()) as client:
        plain = [chat(client, **body).json()["choices"][0] for body in bodies]
        assert "tokens_per_pass" not in plain[0]["syntagma"]
    model = ByteModel()
    with running(model, draft="both") as client, ThreadPoolExecutor(8) as pool:
        drafted = [answer.json()["choices"][0] for answer in pool.map(lambda body: chat(client, **body), bodies)]
        assert chat(client, regex="[ab]{3}", syntagma={"sampler": "awrs"}).status_code == 200
        assert events(chat(client, regex="(abcdefgh){4}", stream=True))
    assert [c["message"] for c in drafted] == [c["message"] for c in plain]
    assert max(c["syntagma"]["tokens_per_pass"] for c in drafted) > 1
    with pytest.raises(ValueError, match="Expected the draft ngram, grammar, both"), running(model, draft="oracle"):
        pass
