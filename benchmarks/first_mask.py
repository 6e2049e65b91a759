"""A new process fills its first mask in under 10 s without compiled kernels and in under 1 s with them, without torch.

    python benchmarks/first_mask.py TOKENIZER_FOLDER [--runs 5]

Measured from the start of the process to the filled mask, vocabulary included: once with an empty cache folder (cold:
the kernels are compiled, the vocabulary is built), then again and again with that folder (warm). Python keeps the
bytecode of modules, as it does where a package is installed, even if the environment says that it is not to.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SCHEMA = (
    '{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name"]}'
)

SCRIPT = """
import json, sys, time
begin = time.perf_counter()
import numpy as np
import syntagma as sg
imported = time.perf_counter()
vocabulary = sg.Vocabulary.from_pretrained(sys.argv[1])
loaded = time.perf_counter()
automaton = sg.compile(sg.JsonSchema(sys.argv[2]), vocabulary)
row = np.zeros(automaton.mask_width, np.int32)
automaton.matcher().fill_mask(row)
filled = time.perf_counter()
assert row.any()
print(json.dumps({"import_s": imported - begin, "vocabulary_s": loaded - imported, "mask_s": filled - loaded,
                  "torch_imported": "torch" in sys.modules}))
"""


def first_mask(tokenizer: Path, cache: Path) -> dict[str, Any]:
    """Seconds from the start of a new process to its first filled mask, and the parts."""
    env = os.environ | {"SYNTAGMA_CACHE_DIR": str(cache)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    begin = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tokenizer), SCHEMA],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return {"process_s": time.perf_counter() - begin} | json.loads(run.stdout)


def measure(tokenizer: Path, runs: int = 5) -> dict[str, Any]:
    """One cold start, then `runs` warm ones; the warm figure is their median, the slowest stands beside it."""
    with tempfile.TemporaryDirectory(prefix="syntagma-cold-") as folder:
        cold = first_mask(tokenizer, Path(folder))
        warm = sorted((first_mask(tokenizer, Path(folder)) for _ in range(runs)), key=lambda run: run["process_s"])
    return {"cold": cold, "warm": warm[runs // 2], "warm_max_s": warm[-1]["process_s"], "runs": runs}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print(json.dumps(measure(options.tokenizer, options.runs), indent=2))
