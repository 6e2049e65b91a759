"""What comes out is valid: random texts of real schemas, judged by another validator with its format checkers.

    python benchmarks/generation_check.py FOLDER --tokenizer FOLDER [--schemas N] [--models uniform,embedded]
                                          [--texts N] [--max-tokens N] [--profile generation|spec] [--out RECORD.json]

FOLDER holds files of MaskBench, of which N are taken at even distances. Each finished text is judged by the Python
package `jsonschema`, formats asserted. A text is

    valid      by `jsonschema`
    settled    not by `jsonschema` with floats, but with exact decimals: 0.07 is a multiple of 0.01
    disputed   not by `jsonschema`, but by `jsonschema-rs`; listed with what `jsonschema` says
    repeated   valid, but with a key twice in an object
    invalid    by neither

Exit status: 0 if no text is invalid or repeated and `DISPUTES` explains every disputed one; else 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import machine
from rich.console import Console
from rich.progress import track
from rich.table import Table
from walks import models, walk

import syntagma as sg
from syntagma.errors import SamplingError

#: Kinds of disputes, by the keyword that `jsonschema` names, and who is right.
DISPUTES: dict[str, str] = {}
OUTCOMES = ("valid", "settled", "disputed", "repeated", "invalid", "unfinished", "dead", "unfit")
console = Console(stderr=True)


def judge(schema: Any, text: str) -> tuple[str, str]:
    """The outcome of a finished text, and what speaks against it."""
    repeated: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        repeated.extend(key for key, n in Counter(key for key, _ in found).items() if n > 1)
        return dict(found)

    value = json.loads(text, object_pairs_hook=pairs)
    error = _first_error(schema, value)
    if error is None:
        return ("repeated", f"the key {repeated[0]!r}") if repeated else ("valid", "")
    exact = (json.loads(json.dumps(schema), parse_float=Decimal), json.loads(text, parse_float=_exact_number))
    if _first_error(*exact) is None:
        return "settled", str(error.validator)
    by_the_other = jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    outcome = "disputed" if by_the_other.is_valid(json.loads(text, parse_float=Decimal)) else "invalid"
    return outcome, f"{error.validator}: {error.message[:200]}"


def _exact_number(text: str) -> int | Decimal:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


def _first_error(schema: Any, value: Any) -> jsonschema.ValidationError | None:
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of format checkers that warn about themselves
        return next(kind(schema, format_checker=kind.FORMAT_CHECKER).iter_errors(value), None)


def texts_of(schema: Any, model: Any, prompt: list[int], options: argparse.Namespace) -> list[tuple[str, str, str]]:
    """Outcome, text and objection for every text that the model writes."""
    automaton = sg.compile(sg.JsonSchema(schema, options.profile), model.vocabulary)
    try:
        samples = walk(sg.Masking(seed=0), model, automaton, prompt, options.texts, options.max_tokens, options.seconds)
    except SamplingError as error:
        return [("unfit", "", str(error))] * options.texts
    found = []
    for sample in samples:
        text = b"".join(map(model.vocabulary.token_bytes, sample.tokens)).decode("utf-8", "replace")
        if sample.finish_reason == "stop":
            outcome, objection = judge(schema, text)
            found.append((outcome, text, objection))
        else:
            found.append(("dead" if sample.dead else "unfinished", text, str(sample.dead or "")))
    return found


def run(
    name: str, model: Any, prompt: list[int], schemas: dict[str, Any], options: argparse.Namespace
) -> dict[str, Any]:
    """The texts of all schemas by one model: counts, and all that is not valid."""
    counts: Counter[str] = Counter()
    listed = []
    began = time.perf_counter()
    for file, schema in track(schemas.items(), description=name, console=console):
        for outcome, text, objection in texts_of(schema, model, prompt, options):
            counts[outcome] += 1
            if outcome not in ("valid", "unfinished", "unfit"):
                reason = DISPUTES.get(objection.split(":")[0]) if outcome == "disputed" else None
                listed.append(
                    {"file": file, "outcome": outcome, "text": text[-300:], "says": objection, "reason": reason}
                )
    took = round(time.perf_counter() - began, 1)
    return {"model": name, "seconds": took} | {key: counts[key] for key in OUTCOMES} | {"listed": listed}


def passes(runs: list[dict[str, Any]]) -> bool:
    """Whether nothing invalid came out, and no key twice."""
    unexplained = any(e["outcome"] == "disputed" and not e["reason"] for r in runs for e in r["listed"])
    return not unexplained and all(r["invalid"] == r["repeated"] == 0 and r["valid"] for r in runs)


def main() -> None:
    """Generate, judge, print, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True, help="a folder with tokenizer.json")
    parser.add_argument("--schemas", type=int, default=200)
    parser.add_argument("--models", default="uniform,embedded")
    parser.add_argument("--texts", type=int, default=4, help="per schema")
    parser.add_argument("--max-tokens", type=int, default=300)
    parser.add_argument("--profile", choices=["generation", "spec"], default="generation")
    parser.add_argument("--seconds", type=float, default=60.0, help="that the texts of a schema may take")
    parser.add_argument("--out", type=Path, help="default: record/DATE-COMMIT-generation-check.json")
    options = parser.parse_args()
    paths = sorted(options.folder.glob("*.json"))
    step = max(1, len(paths) // options.schemas)
    chosen = {path.stem: json.loads(path.read_text("utf-8"))["schema"] for path in paths[::step][: options.schemas]}
    where = machine.description()
    runs = [run(*entry, chosen, options) for entry in models(options.models.split(","), options.tokenizer)]
    grid = Table("model", *OUTCOMES)
    for r in runs:
        grid.add_row(r["model"], *(str(r[key]) for key in OUTCOMES))
    out = Console()
    out.print(grid)
    for r in runs:
        for e in r["listed"]:
            out.print(f"{r['model']}, {e['file']}: {e['outcome']}: {e['says']}", markup=False)
    record = {"benchmark": "generation_check", "machine": where, "profile": options.profile, "schemas": len(chosen)}
    record |= {"texts": options.texts, "max_tokens": options.max_tokens, "runs": runs}
    machine.write(record, "generation-check", options.out)
    sys.exit(not passes(runs))


if __name__ == "__main__":
    main()
