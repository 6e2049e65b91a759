"""A real vLLM with the plugin, over HTTP: valid answers, clear refusals, and an engine that lives on.

Run by `make serve-test`, in an environment that has vLLM.
"""

from __future__ import annotations

import json
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from oracles.bounded_schema import bounded_schema
from oracles.served import free_port, need, served

pytestmark = [pytest.mark.slow, pytest.mark.serving]
N_SCHEMAS, N_REQUESTS = 50, 4


@pytest.fixture(scope="module")
def client(model_folder, tmp_path_factory):
    need("vllm")
    import httpx

    port = str(free_port())
    words = ["-m", "vllm.entrypoints.openai.api_server", "--model", str(model_folder), "--served-model-name", "tiny"]
    words += ["--dtype", "float32", "--enforce-eager", "--max-model-len", "1024", "--max-num-seqs", "16"]
    words += ["--structured-outputs-config.backend", "syntagma", "--enable-auto-tool-choice"]
    words += ["--tool-call-parser", "hermes", "--port", port]
    log, url = tmp_path_factory.mktemp("vllm") / "log", f"http://127.0.0.1:{port}"
    shared = tmp_path_factory.mktemp("metrics")  # so that the front end shows what the engine counts
    with served(words, log, PROMETHEUS_MULTIPROC_DIR=str(shared)), httpx.Client(base_url=url, timeout=300) as http:
        yield http


def chat(client, **body):
    messages = [{"role": "user", "content": "Answer."}]
    return client.post("/v1/chat/completions", json={"model": "tiny", "messages": messages, "max_tokens": 500} | body)


def content(answer):
    assert answer.status_code == 200, answer.text
    (choice,) = answer.json()["choices"]
    assert choice["finish_reason"] == "stop", choice
    return choice["message"]["content"]


def assert_engine_is_well(client):
    assert re.fullmatch("[ab]{5}", content(chat(client, structured_outputs={"regex": "[ab]{5}"})))


def response_format(schema):
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def test_many_schemas_at_once(client, capsys):
    jsonschema = pytest.importorskip("jsonschema", reason="install syntagma[test]")
    rng = random.Random(7)
    schemas = [bounded_schema(rng) for _ in range(N_SCHEMAS)] * N_REQUESTS

    def ask(job):
        i, schema = job
        return content(chat(client, response_format=response_format(schema), seed=i))

    began = time.perf_counter()
    with ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(ask, enumerate(schemas)))
    seconds = time.perf_counter() - began
    for schema, text in zip(schemas, texts, strict=True):
        jsonschema.validate(json.loads(text), schema, format_checker=jsonschema.FormatChecker())
    with capsys.disabled():
        print(f"\nvLLM: {len(texts)} answers to {N_SCHEMAS} schemas, all valid, in {seconds:.1f} s")
    assert len(set(texts)) > N_SCHEMAS
    assert_engine_is_well(client)


CONSTRAINTS = {
    "regex": ({"regex": "[a-z]{3}-[0-9]{4}"}, r"[a-z]{3}-\d{4}"),
    "choice": ({"choice": ["yes", "no", "maybe"]}, "yes|no|maybe"),
    "lark": ({"grammar": 'start: "a" ("b" | "c")~2'}, "a[bc]{2}"),
    "gbnf": ({"grammar": 'root ::= "x" [0-9]{2} # two\n'}, r"x\d\d"),
    "ebnf": ({"grammar": 'root ::= "x" num\nnum ::= [1-3] [4-6]'}, "x[1-3][4-6]"),
    "compact": ({"json": {"const": [1, {"a": 2}]}, "disable_any_whitespace": True}, r'\[1,\{"a":2\}\]'),
    "white space": ({"json": {"const": [1, 2]}, "whitespace_pattern": "\\n"}, r"\n\[\n1\n,\n2\n\]\n"),
    "json text": ({"json": '{"type": "boolean"}'}, "true|false"),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints(client, name):
    outputs, pattern = CONSTRAINTS[name]
    assert re.fullmatch(pattern, content(chat(client, structured_outputs=outputs)))


def test_json_object(client):
    answer = chat(client, response_format={"type": "json_object"}, max_tokens=20)
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"].startswith("{")


REFUSED = {
    "keyword": ({"json": {"properties": {"a": {"minimum": "3"}}}}, "#/properties/a"),
    "reference": ({"json": {"$ref": "#/$defs/none"}}, "$ref"),
    "empty": ({"json": {"type": "integer", "minimum": 5, "maximum": 4}}, "#"),
    "no JSON": ({"json": "{"}, "line 1"),
    "no choice": ({"choice": []}, "option"),
    "class": ({"regex": "[a-"}, "column"),
    "backreference": ({"regex": r"(a+)\1"}, "column"),
    "grammar": ({"grammar": 'start: "a" missing'}, "missing"),
    "blank grammar": ({"grammar": " "}, "grammar"),
    "tag": ({"structural_tag": "{}"}, "structural_tag"),
    "deep": ({"json": '{"not":' * 3000 + "true" + "}" * 3000}, ""),
    "two": ({"regex": "a", "choice": ["b"]}, "one kind"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused(client, name):
    outputs, words = REFUSED[name]
    answer = chat(client, structured_outputs=outputs)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]["message"]
    assert_engine_is_well(client)


def test_clients_that_go_away(client):
    schema = {"type": "array", "items": {"type": "string"}, "minItems": 100}
    body = {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 900, "stream": True}
    for _ in range(5):
        body["response_format"] = response_format(schema)
        with client.stream("POST", "/v1/chat/completions", json=body) as answer:
            next(answer.iter_lines())
    assert_engine_is_well(client)


PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 8}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS, "strict": True}}]


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_tool_calls(client, choice):
    answer = chat(client, tools=TOOLS, tool_choice=choice)
    assert answer.status_code == 200, answer.text
    calls = answer.json()["choices"][0]["message"]["tool_calls"]
    assert calls
    for call in calls:
        assert call["function"]["name"] == "weather"
        arguments = json.loads(call["function"]["arguments"])
        assert len(arguments["city"]) <= 8
        assert 1 <= arguments["days"] <= 9


LEGACY_TAG = {
    "type": "structural_tag",
    "structures": [{"begin": "<tool_call>", "schema": PARAMETERS, "end": "</tool_call>"}],
    "triggers": ["<tool_call>"],
}
TAG = {
    "type": "structural_tag",
    "format": {
        "type": "tag",
        "begin": "<a>",
        "content": {"type": "json_schema", "json_schema": PARAMETERS},
        "end": "</a>",
    },
}


def test_structural_tags(client):
    text = content(chat(client, structured_outputs={"structural_tag": json.dumps(TAG)}))
    assert 1 <= json.loads(text.removeprefix("<a>").removesuffix("</a>"))["days"] <= 9
    answer = chat(client, structured_outputs={"structural_tag": json.dumps(LEGACY_TAG)}, max_tokens=20)
    assert answer.status_code == 200, answer.text


def test_compiling_leaves_the_event_loop_to_others(client, capsys):
    rng = random.Random(1)
    options = ["".join(rng.choices("abcdefghij", k=12)) for _ in range(20_000)]
    waits = []
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(chat, client, structured_outputs={"choice": options})
        while not job.done():
            asked = time.perf_counter()
            assert client.get("/health").status_code == 200
            waits.append(time.perf_counter() - asked)
            time.sleep(0.01)
    seconds = time.perf_counter() - began
    assert content(job.result()) in options
    with capsys.disabled():
        print(f"\nvLLM: {seconds:.1f} s for 20,000 options, /health meanwhile within {max(waits):.2f} s")
    assert max(waits) < seconds / 4


def metric(client, name):
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


OUTCOMES = [f'syntagma_constraints_total{{outcome="{outcome}"' for outcome in ("compiled", "remembered", "refused")]


def test_metrics(client):
    def counts():
        return [metric(client, name) for name in [*OUTCOMES, "syntagma_step_mask_seconds_count"]]

    before = counts()
    for _ in range(2):
        content(chat(client, structured_outputs={"regex": "[ab]{7}"}))
    assert chat(client, structured_outputs={"regex": "[a"}).status_code == 400
    compiled, remembered, refused, masks = (b - a for a, b in zip(before, counts(), strict=True))
    assert compiled == 2  # in the front end and in the engine
    assert remembered >= 2
    assert refused == 1
    assert masks >= 4
    assert metric(client, "syntagma_compile_seconds_total") > 0
    assert metric(client, "syntagma_automata") >= 2
