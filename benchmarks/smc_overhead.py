"""What do N particles cost over N independent masked samples? Tokens per second, on the embedded model.

    python benchmarks/smc_overhead.py --record benchmarks/record/smc_overhead.json --plot docs/explanation/overhead.svg

The same prompt, grammar, budget and temperature. Particles begin alike: equal prefixes share a row of the model. Every
token of every particle counts as one.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from machine import description

import syntagma as sg

PROMPT = [{"role": "user", "content": "Our new programmer is Ada Lovelace, who is 36 years old and lives in London."}]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"],
}
SIZES = (1, 4, 16, 64)
TEMPERATURE = 1.5  # warm enough for particles to differ


def measure(model: Any, n: int, repeat: int) -> dict[str, float]:
    """Tokens per second of both, and the share of rows that equal prefixes saved."""
    masked = sg.Generator(model, SCHEMA, sg.Masking(TEMPERATURE), max_tokens=60)
    smc = sg.Generator(model, SCHEMA, sg.SMC(n, step=sg.AWRS(temperature=TEMPERATURE)), max_tokens=60)
    tokens, seconds, rows = {"masking": 0, "smc": 0}, {"masking": 0.0, "smc": 0.0}, [0, 0]
    for seed in range(repeat + 1):  # the first round warms up
        begun = time.perf_counter()
        found = masked.batch([PROMPT] * n, seed=seed)
        middle = time.perf_counter()
        report = smc(PROMPT, seed=seed).report
        done = time.perf_counter()
        if seed:
            tokens["masking"] += sum(len(g.tokens) for g in found)
            tokens["smc"] += report.rows_asked
            seconds["masking"] += middle - begun
            seconds["smc"] += done - middle
            rows = [rows[0] + report.rows_asked, rows[1] + report.rows_computed]
    rate = {way: round(tokens[way] / seconds[way], 1) for way in tokens}
    return rate | {
        "n": n,
        "rows_saved": round(1 - rows[1] / rows[0], 3),
        "ratio": round(rate["smc"] / rate["masking"], 3),
    }


def draw(figures: list[dict[str, float]], path: Path) -> None:
    """Tokens per second over N."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    sizes = [f["n"] for f in figures]
    axes.plot(sizes, [f["masking"] for f in figures], "o-", label="N masked samples in a batch")
    axes.plot(sizes, [f["smc"] for f in figures], "o-", label="SMC, N particles")
    axes.set_xscale("log", base=2)
    axes.set_xlabel("N")
    axes.set_ylabel("tokens per second")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=4)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    model = sg.load("embedded")
    figures = [measure(model, n, options.repeat) for n in SIZES]
    print(json.dumps(figures, indent=1))
    if options.record:
        record = {"machine": description(), "temperature": TEMPERATURE, "repeat": options.repeat, "figures": figures}
        options.record.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    if options.plot:
        draw(figures, options.plot)


if __name__ == "__main__":
    main()
