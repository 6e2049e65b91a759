"""Guards seldom lead into a dead end: at most 1 % of uniform random walks meet one under the default profile.

    python benchmarks/dead_ends.py FOLDER --tokenizer FOLDER [--profiles generation,spec] [--models uniform,embedded]
                                   [--walks N] [--max-tokens N] [--schemas N] [--seconds S] [--minutes M]
                                   [--out RECORD.json]

FOLDER holds files of MaskBench. A walk draws token by token from what mask and guards allow, with
`Masking(backtrack=0)`: uniformly ("uniform", over the tokenizer's vocabulary), or by the law of the embedded model
("embedded", over its own). It closes within `max_tokens`, and ends

    stop     where the schema lets it
    length   without an end: a guard refused it when the tokens ran out
    dead     where no token was left: a dead end
    late     because the schema's `seconds` were over

and `backed out` counts the dead walks that, drawn again with the sampler's default `backtrack`, reach an end. A schema
that is exact has no dead ends (a law, held by the tests, but for keys of bounded length about to come twice, see the
README), so its walks count as ended without being made. Reported are
the shares of exact schemas and of dead walks over all walks, and each schema that met one, with pointers and keywords.

The files are taken in an order that is shuffled, always alike, and the record is written after each of them; so what is
there when the `minutes` of a profile and model are over, or when the run is stopped, is a fair sample.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import machine
from rich.console import Console
from rich.progress import track
from rich.table import Table
from walks import models, walk

import syntagma as sg
from syntagma.errors import SamplingError, SyntagmaError
from syntagma.sampling.decode import Sample

console = Console(stderr=True)


def outcome(sample: Sample) -> str:
    """How a walk ended."""
    return "dead" if sample.dead is not None else sample.finish_reason or "late"


def look_at(schema: Any, profile: str, model: Any, prompt: list[int], options: argparse.Namespace) -> dict[str, Any]:
    """The walks of one schema: counts by outcome, and what stood in the way."""
    try:
        automaton = sg.compile(sg.JsonSchema(schema, profile), model.vocabulary)
        if automaton.exact:
            return {"exact": True}
        budget = (prompt, options.walks, options.max_tokens, options.seconds)
        samples = walk(sg.Masking(seed=0, backtrack=0), model, automaton, *budget)
        counts = Counter(map(outcome, samples))
        found: dict[str, Any] = {"exact": False, "residuals": [list(r) for r in _pairs(automaton)], **counts}
        if counts["dead"]:
            again = Counter(map(outcome, walk(sg.Masking(seed=0), model, automaton, *budget)))
            found["backed out"] = counts["dead"] - again["dead"]
            found["refused by"] = sorted({pair for s in samples if s.dead for pair in s.dead.refused_by})
            found["dead texts"] = sorted({s.dead.text[-60:] for s in samples if s.dead})[:3]
    except SamplingError as error:
        return {"exact": False, "unfit": str(error)}
    except SyntagmaError as error:
        return {"exact": False, "error": f"{type(error).__name__}: {error}"[:300]}
    return found


def _pairs(automaton: Any) -> list[tuple[str, str]]:
    return [(r.pointer, r.keyword) for r in automaton.residuals[:20]]


def summary(answers: dict[str, dict[str, Any]], n_walks: int) -> dict[str, Any]:
    """Shares over all schemas, and what the schemas with dead ends have to say."""
    n = len(answers) * n_walks
    counts = {key: sum(a.get(key, 0) for a in answers.values()) for key in ("dead", "backed out", "length", "late")}
    return {
        "schemas": len(answers),
        "exact": sum(a["exact"] for a in answers.values()),
        "walks": n,
        **counts,
        "dead share": counts["dead"] / n,
        "with dead ends": {name: a for name, a in answers.items() if a.get("dead")},
        "unfit": {name: a for name, a in answers.items() if "error" in a or "unfit" in a},
    }


def run(
    profile: str, named: tuple[str, Any, list[int]], schemas: dict[str, Any], options: argparse.Namespace, record: Any
) -> None:
    """Walk all schemas under a profile, by a model with name and prompt; record and write that after each schema."""
    model_name, model, prompt = named
    began, place = time.perf_counter(), len(record["runs"])
    answers: dict[str, dict[str, Any]] = {}
    for name, schema in track(schemas.items(), description=f"{profile}, {model_name}", console=console):
        answers[name] = look_at(schema, profile, model, prompt, options)
        took = time.perf_counter() - began
        found = {"profile": profile, "model": model_name, "seconds": round(took, 1), "of": len(schemas)}
        record["runs"][place:] = [found | summary(answers, options.walks)]
        machine.write(record, "dead-ends", options.out)
        if took > 60 * options.minutes:
            break


def show(runs: list[dict[str, Any]]) -> None:
    """Print a row for each profile and model, and the schemas with dead ends."""
    keys = ("schemas", "exact", "walks", "dead", "backed out", "length", "late")
    grid = Table("profile", "model", *keys, "dead share")
    for run in runs:
        grid.add_row(run["profile"], run["model"], *(str(run[k]) for k in keys), f"{100 * run['dead share']:.2f} %")
    out = Console()
    out.print(grid)
    for run in runs:
        for name, a in run["with dead ends"].items():
            out.print(f"{run['profile']}, {run['model']}: {name}: {a['dead']} dead, by {a['refused by']}", markup=False)


def main() -> None:
    """Walk, print, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True, help="a folder with tokenizer.json")
    parser.add_argument("--profiles", default="generation,spec")
    parser.add_argument("--models", default="uniform,embedded")
    parser.add_argument("--walks", type=int, default=10, help="per schema")
    parser.add_argument("--max-tokens", type=int, default=200)
    parser.add_argument("--schemas", type=int, help="only so many of the files")
    parser.add_argument("--seconds", type=float, default=60.0, help="that the walks of a schema may take")
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="after which a profile and model take no more files"
    )
    parser.add_argument("--out", type=Path, help="default: record/DATE-COMMIT-dead-ends.json")
    options = parser.parse_args()
    paths = sorted(options.folder.glob("*.json"))
    random.Random(0).shuffle(paths)
    schemas = {path.stem: json.loads(path.read_text("utf-8"))["schema"] for path in paths[: options.schemas]}
    record = {"benchmark": "dead_ends", "machine": machine.description(), "tokenizer": options.tokenizer.name}
    record |= {"walks": options.walks, "max_tokens": options.max_tokens, "runs": []}
    for named in models(options.models.split(","), options.tokenizer):
        for profile in options.profiles.split(","):
            run(profile, named, schemas, options, record)
    show(record["runs"])
    console.print(f"written to {machine.write(record, 'dead-ends', options.out)}")


if __name__ == "__main__":
    main()
