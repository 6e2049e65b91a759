"""A server of the embedded model, in a process of its own, for clients that do not know syntagma.

`make client-test` runs each client in an environment that holds the client and pytest, nothing else; SYNTAGMA_PYTHON
names the Python that serves. A client that is not there is skipped by name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from oracles.served import free_port, served

KEY = "key-of-the-tests"


@dataclass(frozen=True)
class Served:
    """Where the server is, and what it wants."""

    url: str
    key: str = KEY
    model: str = "embedded"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server; started once."""
    port = free_port()
    words = ["-m", "syntagma", "serve", "--model", "embedded", "--api-key", KEY, "--port", str(port)]
    python = os.environ.get("SYNTAGMA_PYTHON", sys.executable)
    with served(words, tmp_path_factory.mktemp("server") / "log", python=python):
        yield Served(f"http://127.0.0.1:{port}")


@pytest.fixture
def facts() -> str:
    """A sentence of the kind that the embedded model reads."""
    return "Grace Hopper is 45 years old and lives in Oslo."
