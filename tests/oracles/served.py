"""Servers as processes of their own."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}

#: Until a server is there.
SECONDS = 600.0


def need(library: str) -> None:
    """Skip where a library is absent."""
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed; run: make serve-test")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def served(arguments: list[str], log: Path, python: str = sys.executable, **variables: str) -> Iterator[int]:
    """A server's process, by its id, once its /health answers; the last argument is its port. Children end with it."""
    with log.open("wb") as out:
        environment = os.environ | ENVIRONMENT | variables
        process = subprocess.Popen(
            [python, *arguments], stdout=out, stderr=out, env=environment, start_new_session=True
        )
    try:
        end = time.monotonic() + SECONDS
        while not healthy(arguments[-1]):
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail("the server did not start:\n" + log.read_text("utf-8", "replace")[-3000:])
            time.sleep(1)
        yield process.pid
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def healthy(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False
