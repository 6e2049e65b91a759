"""Masks for a batch of sequences cost syntagma little more than copying them; large batches are shared among cores.

    python benchmarks/batch.py FOLDER --tokenizer FOLDER [--profile spec|generation] [--sequences N] [--steps N]
                               [--seed S] [--out RECORD.json]

As many sequences as said, over instances of schemas drawn at random (those that both engines accept), go forward token
by token, as a server's batch does; one that ends begins again. Timed is the call that fills all masks of a step:
`fill_masks` on one thread and on all, and llguidance's executor on the same number. First visits count; `warm` is a
later pass over the same sequences. Each engine runs in a process of its own. Microseconds a batch; `a row` is the
median of a warm one over its sequences, `scaling` the median on one thread over that on all, first and warm.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import numpy as np
from engines import version
from maskbench import load_cases
from report import percentiles
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer

Fill = Callable[[np.ndarray], None]
Sequences = list[tuple[str, list[int]]]


class Ours:
    """Matchers of this project."""

    def __init__(self, tokenizer: Path, profile: str) -> None:
        import syntagma

        self.sg, self.profile = syntagma, profile
        self.vocabulary = syntagma.Vocabulary.from_pretrained(tokenizer)
        self.width = self.vocabulary.width
        self.compiled: dict[str, Any] = {}

    def start(self, schema: str) -> Any:
        if schema not in self.compiled:
            constraint = self.sg.JsonSchema(schema, profile=self.profile)
            self.compiled[schema] = self.sg.compile(constraint, self.vocabulary)
        return self.compiled[schema].matcher()

    def fill(self, matchers: list[Any], rows: np.ndarray, threads: int) -> None:
        self.sg.fill_masks(matchers, rows, threads=threads)

    def accept(self, matcher: Any, token: int) -> bool:
        return bool(matcher.accept(token))


class Theirs:
    """Matchers of llguidance, one compilation a schema."""

    def __init__(self, tokenizer: Path, profile: str) -> None:
        import llguidance

        config = json.loads((tokenizer / "tokenizer_config.json").read_text("utf-8"))
        eos = config["eos_token"]["content"] if isinstance(config["eos_token"], dict) else config["eos_token"]
        fast = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
        self.width = 1 + max(fast.get_vocab(with_added_tokens=True).values())
        self.llg = llguidance
        self.tokenizer = llguidance.LLTokenizer(
            str(tokenizer / "tokenizer.json"),
            n_vocab=self.width,
            eos_token=fast.token_to_id(eos),
            slices=llguidance.LLTokenizer.json_slices(),
        )
        self.compiled: dict[str, Any] = {}
        self.executors: dict[int, Any] = {}

    def start(self, schema: str) -> Any:
        if schema not in self.compiled:
            grammar = self.llg.LLMatcher.grammar_from_json_schema(schema)
            self.compiled[schema] = self.llg.LLMatcher(self.tokenizer, grammar, log_level=0)
        return self.compiled[schema].deep_copy()

    def fill(self, matchers: list[Any], rows: np.ndarray, threads: int) -> None:
        executor = self.executors.get(threads)
        if executor is None:
            executor = self.executors[threads] = self.llg.LLExecutor(threads)
        pairs = [(matcher, i) for i, matcher in enumerate(matchers)]
        executor.unsafe_compute_mask_ptr(pairs, rows.ctypes.data, rows.shape[1] * 4, len(rows))

    def accept(self, matcher: Any, token: int) -> bool:
        return bool(matcher.consume_token(token))


ENGINES: dict[str, type[Ours] | type[Theirs]] = {"syntagma": Ours, "llguidance": Theirs}


def draw(folder: Path, tokenizer: Path, n: int, seed: int) -> Sequences:
    """Valid instances of schemas, one a sequence."""
    rng = random.Random(seed)
    cases = load_cases(folder, Tokenizer.from_file(str(tokenizer / "tokenizer.json")), None)
    rng.shuffle(cases)
    found: Sequences = []
    for case in cases:
        good = [ids for ids, label in zip(case["instances"], case["labels"], strict=True) if label and len(ids) > 20]
        if good and len(case["schema"]) < 20_000:
            found.append((case["schema"], rng.choice(good)))
    return [found[k % min(len(found), n // 4)] for k in range(n)]


def accepted(engine: Ours | Theirs, sequences: Sequences) -> list[bool]:
    """Which sequences the engine accepts to their ends."""
    verdicts: dict[int, bool] = {}
    for schema, ids in sequences:
        if id(ids) not in verdicts:
            try:
                matcher = engine.start(schema)
                verdicts[id(ids)] = all(engine.accept(matcher, token) for token in ids)
            except Exception:  # whatever an engine says to a schema that it does not take
                verdicts[id(ids)] = False
    return [verdicts[id(ids)] for _, ids in sequences]


def measure(engine: Ours | Theirs, sequences: Sequences, steps: int, threads: int) -> list[int]:
    """Nanoseconds of each step's masks."""
    matchers = [engine.start(schema) for schema, _ in sequences]
    rows = np.zeros((len(sequences), (engine.width + 31) // 32), np.int32)
    at = [0] * len(sequences)
    times = []
    for _ in range(steps):
        begin = time.perf_counter_ns()
        engine.fill(matchers, rows, threads)
        times.append(time.perf_counter_ns() - begin)
        for k, (schema, ids) in enumerate(sequences):
            token = ids[at[k]]
            assert rows[k, token >> 5] >> (token & 31) & 1
            engine.accept(matchers[k], token)
            at[k] += 1
            if at[k] == len(ids):
                matchers[k], at[k] = engine.start(schema), 0
    return times


def run(options: argparse.Namespace) -> None:
    """One engine, in this process: read the sequences, print what they cost."""
    sequences = [(schema, ids) for schema, ids in json.load(sys.stdin)]
    engine = ENGINES[options.engine](options.tokenizer, options.profile)
    if options.check:
        print(json.dumps(accepted(engine, sequences)))
        return
    measure(engine, sequences[:8], 4, options.threads)  # kernels, executors
    first = measure(type(engine)(options.tokenizer, options.profile), sequences, options.steps, options.threads)
    measure(engine, sequences, options.steps, options.threads)
    warm = measure(engine, sequences, options.steps, options.threads)
    print(json.dumps({"first": percentiles(first), "warm": percentiles(warm)}))


def in_process(options: argparse.Namespace, name: str, sequences: Sequences, *extra: str) -> Any:
    """The answer of one engine."""
    words = [sys.executable, __file__, str(options.folder), "--tokenizer", str(options.tokenizer), "--engine", name]
    words += ["--profile", options.profile, "--steps", str(options.steps), *extra]
    answer = subprocess.run(words, input=json.dumps(sequences), capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(answer.stderr)
    return json.loads(answer.stdout.splitlines()[-1])


def table(engines: dict[str, dict[int, Any]], n: int) -> Table:
    """A row per engine and number of threads, for batches of n sequences."""
    grid = Table("threads, us", "first p50", "p99", "warm p50", "p99", "a row", "scaling")
    for name, runs in engines.items():
        for threads, entry in runs.items():
            cells = [f"{entry[part][q]:,.0f}" for part in ("first", "warm") for q in ("p50", "p99")]
            scaling = [f"{runs[1][part]['p50'] / entry[part]['p50']:.2f}" for part in ("first", "warm")]
            grid.add_row(f"{name} {threads}", *cells, f"{entry['warm']['p50'] / n:.1f}", " ".join(scaling))
    return grid


def main() -> None:
    """Run the engines one after the other, print, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True, help="a folder with tokenizer.json")
    parser.add_argument("--profile", choices=["spec", "generation"], default="spec")
    parser.add_argument("--sequences", type=int, default=256)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="default: benchmarks/record/DATE-COMMIT-batch.json")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        run(options)
        return
    engines = [name for name in ENGINES if version(name)]
    sequences = draw(options.folder, options.tokenizer, options.sequences, options.seed)
    verdicts = [in_process(options, name, sequences, "--check") for name in engines]
    left_out = {name: oks.count(False) for name, oks in zip(engines, verdicts, strict=True)}
    Console(stderr=True).print("sequences that an engine does not take:", left_out)
    good = [sequence for sequence, *oks in zip(sequences, *verdicts, strict=True) if all(oks)]
    sequences = [good[k % len(good)] for k in range(options.sequences)]
    cores = len(os.sched_getaffinity(0))
    found = {
        name: {n: in_process(options, name, sequences, "--threads", str(n)) for n in dict.fromkeys((1, cores))}
        for name in engines
    }
    Console().print(table(found, len(sequences)))
    where = machine.description()
    record = {
        "benchmark": "batch",
        "machine": where,
        "sequences": len(sequences),
        "schemas": len({s for s, _ in sequences}),
    }
    record |= {"profile": options.profile, "left_out": left_out, "steps": options.steps}
    record |= {"tokenizer": options.tokenizer.name, "engines": found}
    machine.write(record, "batch", options.out)


if __name__ == "__main__":
    main()
