"""What masks cost inside vLLM: the share of a step that filling them takes, by backend.

python tests/serving/measure_vllm.py MODEL_FOLDER BACKEND     prints one JSON line

The engine runs in this process; the same requests, 16 at a time, are answered by whichever backend is named.
"""

import json
import os
import random
import sys
import time
from pathlib import Path

os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
sys.path.insert(0, str(Path(__file__).parents[1]))

from vllm.plugins import load_general_plugins

load_general_plugins()

from oracles.bounded_schema import bounded_schema  # noqa: E402
from vllm import LLM, SamplingParams  # noqa: E402
from vllm.sampling_params import StructuredOutputsParams  # noqa: E402
from vllm.v1.engine.core import EngineCore  # noqa: E402
from vllm.v1.structured_output import StructuredOutputManager  # noqa: E402

OTHERS_REFUSE = ("uniqueItems", "multipleOf", "oneOf", "not", "format", "pattern")
SPENT = {"masks": 0.0, "accepts": 0.0, "steps": 0.0, "n": 0}


def timed(owner, name, what):
    """Add the time of every call to SPENT."""
    original = getattr(owner, name)

    def wrapped(*arguments, **options):
        began = time.perf_counter()
        result = original(*arguments, **options)
        SPENT[what] += time.perf_counter() - began
        SPENT["n"] += what == "steps"
        return result

    setattr(owner, name, wrapped)


def main() -> None:
    folder, backend = sys.argv[1:]
    timed(StructuredOutputManager, "grammar_bitmask", "masks")
    timed(StructuredOutputManager, "accept_tokens", "accepts")
    timed(EngineCore, "step", "steps")
    timed(EngineCore, "step_with_batch_queue", "steps")
    llm = LLM(
        folder,
        dtype="float32",
        enforce_eager=True,
        max_model_len=1024,
        max_num_seqs=16,
        structured_outputs_config={"backend": backend},
    )
    rng = random.Random(7)
    drawn = (bounded_schema(rng) for _ in range(1000))
    schemas = [s for s in drawn if not any(word in json.dumps(s) for word in OTHERS_REFUSE)][:16]
    limits = [SamplingParams(max_tokens=120, structured_outputs=StructuredOutputsParams(json=s)) for s in schemas]
    llm.generate(["Answer."] * 16, limits, use_tqdm=False)  # compiles, and meets most states for the first time
    SPENT.update(masks=0.0, accepts=0.0, steps=0.0, n=0)
    answers = [a for _ in range(5) for a in llm.generate(["Answer."] * 16, limits, use_tqdm=False)]
    tokens = sum(len(a.outputs[0].token_ids) for a in answers)
    result = {"backend": backend, "tokens": tokens, **SPENT}
    result["microseconds_per_token"] = 1e6 * (SPENT["masks"] + SPENT["accepts"]) / tokens
    result["share"] = (SPENT["masks"] + SPENT["accepts"]) / SPENT["steps"]
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main()
