"""A real vLLM with drafts and reasoning in front: texts obey, drafts are accepted, and the engine does not fail."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from oracles.served import ENVIRONMENT, need

pytestmark = [pytest.mark.slow, pytest.mark.serving]


def test_drafts_and_reasoning(model_folder, capsys):
    need("vllm")
    script = Path(__file__).parent / "speculative_vllm.py"
    run = subprocess.run(
        [sys.executable, script, model_folder],
        capture_output=True,
        text=True,
        timeout=400,
        env=os.environ | ENVIRONMENT,
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, run.stdout[-2000:] + run.stderr[-4000:]
    result = json.loads(lines[0].removeprefix("RESULT "))
    assert set(result["finish"]) == {"stop"}
    thought = [text.partition("</think>")[2] for text in result["thought"] if "</think>" in text]
    assert thought  # some end the text while they think, which is theirs to do
    for text in [*result["plain"], *(answer.removesuffix("</s>") for answer in thought)]:
        value = json.loads(text)
        assert len(value["name"]) <= 6
        assert 6 <= len(value["tags"]) <= 9
        assert set(value["tags"]) <= {"a", "b"}
    assert result["counts"]["vllm:spec_decode_num_accepted_tokens"] > 0
    with capsys.disabled():
        print(f"\nvLLM with drafts: {result['counts']}")
