"""The HTTP server under bodies and clients that mean no good: refused in time, and others are served meanwhile."""

from __future__ import annotations

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("fastapi", reason="install syntagma[serve]")
pytest.importorskip("uvicorn", reason="install syntagma[serve]")
pytest.importorskip("httpx", reason="install httpx")
pytest.importorskip("prometheus_client", reason="install syntagma[serve]")

from oracles.byte_model import ByteModel, running

from syntagma.automata import Limits
from syntagma.backends.commands.warmup import warm_up

PATH = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "Who?"}]


@pytest.fixture(scope="module")
def client():
    warm_up([], None)  # what is timed is not to be the compilation of kernels
    limits = Limits(bytes=128 << 20, mask_bytes=16 << 20, seconds=2)
    with running(ByteModel(), body_seconds=1.0, limits=limits) as client:
        yield client


def chat(client, **body):
    return client.post(PATH, json={"messages": MESSAGES} | body)


def assert_well(client):
    text = chat(client, regex="[ab]{5}").json()["choices"][0]["message"]["content"]
    assert re.fullmatch("[ab]{5}", text)


NO_JSON = {
    "bad UTF-8": b'{"messages": "\xff"}',
    "a list": b"[1]",
    "cut off": b"{",
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "NaN": b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
    "half a surrogate pair": b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    "a number of 10,000 digits": b'{"messages": [], "seed": ' + b"9" * 10_000 + b"}",
    "nothing": b"",
}


@pytest.mark.parametrize("name", NO_JSON)
def test_bodies_that_are_no_json(client, name):
    answer = client.post(PATH, content=NO_JSON[name])
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["type"] == "invalid_request_error"


def nested(keyword, depth):
    schema = {"type": "null"}
    for _ in range(depth):
        schema = {keyword: [schema]} if keyword == "anyOf" else {keyword: schema}
    return schema


HARD = {
    **{f"{keyword} {n} deep": {"json_schema": nested(keyword, n)} for keyword in ("not", "anyOf") for n in (100, 400)},
    "properties 400 deep": {"json_schema": nested("items", 400)},
    "many properties": {"json_schema": {"properties": {f"key {i}": {"type": "integer"} for i in range(5_000)}}},
    "a long enum": {"json_schema": {"enum": [f"{i * 7919 % 100_003}" for i in range(100_000)]}},
    "references in a circle": {"json_schema": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}},
    "repetitions of repetitions": {"regex": "((((a{1,99}){1,99}){1,99}){1,99}){1,99}"},
    "nested groups": {"regex": "(" * 5_000 + "a" + ")" * 5_000},
    "a long alternation": {"regex": "|".join(f"{i * 7919 % 100_003}x" for i in range(5_000))},
    "endless rules": {"grammar": "start: " + " ".join(f"r{i}" for i in range(9_000))},
    "deep groups of a grammar": {"grammar": "start: " + "(" * 3_000 + '"a"' + ")" * 3_000},
    "a huge seed": {"seed": 10**400, "regex": "a"},
    "a huge top_k": {"top_k": 10**30, "regex": "a"},
    "a huge max_tokens": {"max_tokens": 10**30, "regex": "a"},
}


@pytest.mark.parametrize("name", HARD)
def test_hard_constraints_are_decided_in_time(client, name):
    """Valid text or a refusal, never a fault of the server's; within the budget and what Python adds to it."""
    began = time.perf_counter()
    answer = chat(client, **({"max_tokens": 300} | HARD[name]))
    assert answer.status_code in (200, 400), answer.text[:500]
    assert time.perf_counter() - began < 20
    assert_well(client)


def slowly(client, pieces, pause):
    """Send a request piece by piece over a bare socket; what comes back first."""
    url = client.base_url
    with socket.create_connection((url.host, url.port), timeout=20) as s:
        for piece in pieces:
            s.sendall(piece)
            time.sleep(pause)
        return s.recv(4096).decode()


def test_a_body_that_drips(client):
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(slowly, client, [head.encode(), *[b"x"] * 12], 0.1)
        assert_well(client)
        answer = slow.result()
    assert answer.startswith("HTTP/1.1 408")
    assert "body_timeout" in answer


def test_a_client_that_does_not_read(client):
    body = json.dumps({"messages": MESSAGES, "stream": True, "regex": "[ab]{2000}", "n": 4}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    url = client.base_url
    with socket.create_connection((url.host, url.port), timeout=20) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(head.encode() + body)
        for _ in range(3):
            assert_well(client)
    assert_well(client)


def test_clients_that_go_away_at_once(client):
    url = client.base_url
    for sent in (
        b"",
        b"POST ",
        b"GET /health HTTP/1.1\r\n",
        b"\x00\xff" * 100,
        b"POST / HTTP/1.1\r\nContent-Length: 9",
    ):
        with socket.create_connection((url.host, url.port), timeout=20) as s:
            s.sendall(sent)
    assert_well(client)
