"""schemathesis over our OpenAPI description: requests that fit it, and requests that do not, drawn at random.

Every check but one: a body that fits the description may still be refused, since no description says which patterns,
grammars and schemas are well-formed, or that there may be one constraint only.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.serving]


def test_the_server_does_what_it_says(server, tmp_path):
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("schemathesis is not installed; run: make client-test")
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{server.url}/openapi.json"]
    options = ["--header", f"Authorization: Bearer {server.key}", "--exclude-checks", "positive_data_acceptance"]
    options += ["--max-examples", "60", "--seed", "7", "--generation-database", "none", "--request-timeout", "60"]
    hooks = {"SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("schemathesis_hooks.py")), "NO_COLOR": "1"}
    run = subprocess.run([*command, *options], cwd=tmp_path, env=os.environ | hooks, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    print(run.stdout[-1500:])
