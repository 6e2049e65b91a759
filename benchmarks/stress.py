"""Hard schemas cost syntagma no more a step than easy ones.

    python benchmarks/stress.py --tokenizer FOLDER [--engines syntagma,llguidance] [--draws N] [--seed S]
                                [--profile spec|generation] [--out RECORD.json]

For each family of `stress_cases.py` some schemas of random size are drawn; their instances are valid and replayed as in
`maskbench.py`, each engine in a process of its own. Reported are the average and the 99th percentile of a step (mask
and accept, us), the time to the first mask (average, ms), and the other engines' average step over syntagma's.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import Any

import machine
from engines import ENGINES
from maskbench import case_of, run_engine, settings
from report import percentiles, verdicts
from rich.console import Console
from rich.table import Table
from stress_cases import FAMILIES
from tokenizers import Tokenizer


def draw(draws: int, seed: int, tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """Cases of every family; equal for equal seeds."""
    cases = []
    for family, make in FAMILIES.items():
        for k in range(draws):
            schema, instances = make(random.Random(f"{family} {seed} {k}"))
            content = {"schema": schema, "tests": [{"data": instance, "valid": True} for instance in instances]}
            cases.append(case_of(f"{family} #{k}", content, tokenizer))
    return cases


def by_family(cases: list[dict[str, Any]], answers: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Steps and first masks of each family; what failed or was refused is counted."""
    found = {}
    for family in FAMILIES:
        mine = [case for case in cases if case["file"].rsplit(" #", 1)[0] == family]
        got = [(case, answers[case["file"]]) for case in mine]
        ok = [answer for _, answer in got if answer["status"] == "ok"]
        found[family] = {
            "failed": len(got) - len(ok),
            "rejected": sum((verdicts(case, answer) or [True]).count(False) for case, answer in got),
            "step_us": percentiles(step for answer in ok for step in answer["step_ns"]),
            "ttfm_us": percentiles(answer["ttfm_ns"] for answer in ok),
        }
    return found


def table(engines: dict[str, dict[str, Any]]) -> Table:
    """One row per family and engine."""
    grid = Table("family", "engine", "step avg, us", "step p99, us", "first mask avg, ms", "failed", "over ours")
    for family in FAMILIES:
        ours = engines.get("syntagma", {}).get(family, {}).get("step_us", {}).get("avg")
        for name, found in engines.items():
            entry = found[family]
            step, first = entry["step_us"], entry["ttfm_us"]
            if not step["n"]:
                grid.add_row(family, name, "-", "-", "-", str(entry["failed"]), "-")
                continue
            ratio = f"{step['avg'] / ours:.2f}" if ours else "-"
            failed = str(entry["failed"] + entry["rejected"])
            cells = (f"{step['avg']:,.1f}", f"{step['p99']:,.1f}", f"{first['avg'] / 1000:,.1f}", failed, ratio)
            grid.add_row(family, name, *cells)
    return grid


def main() -> None:
    """Run the engines one after the other, print, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path, required=True, help="a folder with tokenizer.json")
    parser.add_argument("--engines", default="syntagma,llguidance", help=f"some of {', '.join(ENGINES)}")
    parser.add_argument("--profile", choices=["spec", "generation"], default="generation")
    parser.add_argument("--draws", type=int, default=5, help="schemas of each family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="default: benchmarks/record/DATE-COMMIT-stress.json")
    options = parser.parse_args()
    options.engines, options.python, options.order = options.engines.split(","), {}, None
    options.timeout, options.memory = 60.0, 16.0
    tokenizer = Tokenizer.from_file(str(options.tokenizer / "tokenizer.json"))
    cases = draw(options.draws, options.seed, tokenizer)
    engines = {}
    versions = {}
    for setting in settings(options, tokenizer):
        run = run_engine(setting, cases)
        engines[setting.engine] = by_family(cases, run["answers"])
        versions[setting.engine] = run["version"]
    Console().print(table(engines))
    where = machine.description()
    record = {"benchmark": "stress", "machine": where, "profile": options.profile, "seed": options.seed}
    record |= {"draws": options.draws, "tokenizer": options.tokenizer.name, "versions": versions, "engines": engines}
    machine.write(record, "stress", options.out)


if __name__ == "__main__":
    main()
