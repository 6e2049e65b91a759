"""A server under 64 streams for minutes: no errors, valid answers, flat memory, and how long a token takes to follow.

    python benchmarks/soak.py --seconds 300 --warm 120 --record benchmarks/record/soak.json

The server is a process of its own with the embedded model. Every client asks again as soon as it has its answer, half
of the time with one of sixteen schemas, else with one of `--others`: if these hold more than `--cache-mib` together,
automata are made and dropped all the time. One client in sixteen goes away in the middle. The time between tokens is
that between two pieces of text, as a client sees it. What goes before, `--warm` seconds, meets every schema, and is not
counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import numpy as np
from machine import description

FACTS = "Grace Hopper is 45 years old and lives in Oslo."


@dataclass
class Seen:
    """What the clients and the watcher saw."""

    gaps: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    answers: int = 0
    left: int = 0
    invalid: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    #: (seconds, MiB)
    memory: list[tuple[float, float]] = field(default_factory=list)


def schema_of(rng: random.Random, others: int) -> dict[str, Any]:
    """One of sixteen schemas, or one of the others."""
    i = rng.randrange(16) if not others or rng.random() < 0.5 else rng.randrange(16, 16 + others)
    properties = {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 100 + i},
        "tags": {"type": "array", "items": {"enum": ["a", "b", f"c{i}"]}, "uniqueItems": True, "maxItems": 3},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


async def ask(client: httpx.AsyncClient, rng: random.Random, others: int, seen: Seen) -> None:
    """One stream, read to its end, or left."""
    schema, leaves = schema_of(rng, others), rng.random() < 1 / 16
    body = {
        "messages": [{"role": "user", "content": FACTS}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}},
        "stream": True,
        "seed": rng.randrange(1 << 30),
    }
    text, last, reason = "", time.perf_counter(), None
    async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        if answer.status_code != 200:
            seen.errors.append(f"{answer.status_code}: {(await answer.aread()).decode()[:200]}")
            return
        async for line in answer.aiter_lines():
            if not line.startswith("data: ") or line.endswith("[DONE]"):
                continue
            event = json.loads(line.removeprefix("data: "))
            if "error" in event:
                seen.errors.append(line[:200])
                return
            (choice,) = event["choices"]
            reason = choice["finish_reason"] or reason
            if piece := choice["delta"].get("content"):
                now = time.perf_counter()
                (seen.gaps if text else seen.firsts).append(now - last)
                text, last = text + piece, now
                if leaves and len(text) > 12:
                    seen.left += 1
                    return
    seen.answers += 1
    if reason != "stop" or not jsonschema_rs.is_valid(schema, json.loads(text)):
        seen.invalid.append(f"{reason}: {text[:200]}")


async def soak(url: str, pid: int, options: argparse.Namespace, seconds: float, seen: Seen) -> None:
    """All clients until the time is over, and the server's memory meanwhile."""
    end, began = time.monotonic() + seconds, time.monotonic()

    async def client(seed: int) -> None:
        rng = random.Random(seed)
        while time.monotonic() < end:
            try:
                await ask(http, rng, options.others, seen)
            except httpx.HTTPError as error:
                seen.errors.append(repr(error))

    async def watch() -> None:
        while time.monotonic() < end:
            seen.memory.append((round(time.monotonic() - began, 1), resident(pid)))
            await asyncio.sleep(1)

    limits = httpx.Limits(max_connections=options.streams)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as http:
        await asyncio.gather(watch(), *(client(seed) for seed in range(options.streams)))


def resident(pid: int) -> float:
    """Resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def summary(seen: Seen, seconds: float) -> dict[str, Any]:
    """Counts, percentiles in milliseconds, and memory after a warm-up of a third."""

    def percentiles(values: list[float]) -> dict[str, float]:
        points = np.percentile(np.array(values) * 1e3, [50, 99, 99.9, 100])
        return dict(zip(("p50", "p99", "p99.9", "max"), map(float, points.round(1)), strict=True))

    times, mib = np.array([m for m in seen.memory if m[0] >= seconds / 3]).T
    return {
        "answers": seen.answers,
        "left_by_clients": seen.left,
        "errors": len(seen.errors),
        "invalid": len(seen.invalid),
        "examples": (seen.errors + seen.invalid)[:5],
        "pieces_per_second": round(len(seen.gaps) / seconds, 1),
        "between_pieces_ms": percentiles(seen.gaps),
        "first_piece_ms": percentiles(seen.firsts),
        "memory_mib": {"begin": seen.memory[0][1], "after_a_third": mib[0], "end": mib[-1], "max": mib.max()},
        "memory_mib_median_of_minutes": minutes(seen.memory),
        "memory_mib_per_minute": round(float(np.polyfit(times, mib, 1)[0]) * 60, 2),
    }


def minutes(memory: list[tuple[float, float]]) -> list[float]:
    """The median of every whole minute."""
    times, mib = np.array(memory).T
    return [float(np.median(mib[times // 60 == i])) for i in range(int(times[-1] + 1) // 60)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--others", type=int, default=80, help="schemas beside the sixteen")
    parser.add_argument("--cache-mib", type=int, default=512, help="what the automata may hold together")
    parser.add_argument("--warm", type=float, default=60)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    words = ["-m", "syntagma", "serve", "--port", str(port), "--max-running", str(options.streams)]
    server = subprocess.Popen(
        [sys.executable, *words],
        env=os.environ | {"OMP_NUM_THREADS": "1", "SYNTAGMA_CACHE_BYTES": str(options.cache_mib << 20)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    url, seen = f"http://127.0.0.1:{port}", Seen()
    try:
        wait_for(url, server)
        asyncio.run(soak(url, server.pid, options, options.warm, Seen()))  # kernels, caches, the allocator
        asyncio.run(soak(url, server.pid, options, options.seconds, seen))
        steps = [
            line
            for line in httpx.get(f"{url}/metrics").text.splitlines()
            if line.startswith(("syntagma_batch_rows_", "syntagma_running", "syntagma_waiting"))
            and "bucket" not in line
        ]
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    result = (
        {"seconds": options.seconds, "warm": options.warm, "streams": options.streams}
        | {"schemas": 16 + options.others, "cache_mib": options.cache_mib}
        | summary(seen, options.seconds)
        | {"metrics": steps}
    )
    print(json.dumps(result, indent=1))
    if options.record:
        options.record.write_text(json.dumps({"machine": description(), **result}, indent=1) + "\n", "utf-8")


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers."""
    while server.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    raise SystemExit("The server did not start; run `syntagma serve` to see why.")


if __name__ == "__main__":
    main()
