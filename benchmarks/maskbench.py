"""syntagma decides more JSON Schemas rightly than other engines, and its masks come sooner.

    python benchmarks/maskbench.py FOLDER --tokenizer FOLDER [--engines syntagma,llguidance] [--profile spec|generation]
                                   [--order schema|any] [--limit N] [--timeout S] [--python ENGINE=INTERPRETER]
                                   [--out RECORD.json]

Every file of FOLDER holds {"schema": ..., "tests": [{"data": ..., "valid": bool}, ...]}. An instance is written as
`json.dumps(data, ensure_ascii=False)`, tokenised without special tokens and replayed token by token; at the end the
engine must allow end of sequence. With `--order any` declared members may come in any order, and the keys of every
instance come shuffled, alike in every run; engines that know one order only refuse most. Each engine runs in a process
of its own, one after the other. Reported are

    TTFM   schema text -> first mask filled, in us; the tokenizer's set-up is done once, before, and reported apart
    TBM    one `fill_mask` and one `accept` called from Python, in us, end of sequence included
    right  the schema compiles and every instance gets the verdict of its label; a schema that the engine proves
           unsatisfiable rejects everything
    no later   of the invalid instances that the other engine refuses, those that syntagma refuses at no later a token
    exact  schemas that syntagma decides without guards, under both profiles
    first mask   a new process to its first mask, without and with compiled kernels on disk

A record that goes to `benchmarks/record` is drawn at once, with the others there, by `speed_plot.py`, unless keys are
shuffled. For a larger vocabulary, `o200k.py` writes a tokenizer.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import first_mask
import machine
import speed_plot
from engines import ENGINES, version
from report import comparison, summary, table
from rich.console import Console
from rich.progress import track
from tokenizers import Tokenizer
from worker import Setting, Worker

#: Compiled and replayed in every process before anything is timed.
WARM_UP = {
    "schema": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 2, "maxLength": 40},
            "code": {"type": "string", "pattern": "^([a-z]{1,9}-){1,16}[0-9]{2,4}$"},
            "kind": {"enum": ["one", "two", 3, None]},
            "size": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "format": "date"}]},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 5},
            "unique": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        },
        "required": ["name", "tags"],
        "additionalProperties": {"type": "integer"},
    },
    "tests": [
        {
            "data": {
                "name": "a b",
                "code": "ab-12",
                "kind": "two",
                "size": 1.5,
                "tags": ["a", "b"],
                "unique": ["a", "b"],
                "x": 7,
            },
            "valid": True,
        },
        {"data": {"name": "ä", "tags": []}, "valid": False},
    ],
}
#: The order of members that a profile has by itself.
ORDERS = {"generation": "schema", "spec": "any"}
console = Console(stderr=True)


def load_cases(folder: Path, tokenizer: Tokenizer, limit: int | None, *, shuffle: bool = False) -> list[dict[str, Any]]:
    """The cases of a folder, in the order of the files' names."""
    paths = sorted(folder.glob("*.json"))[:limit]
    return [case_of(path.stem, json.loads(path.read_text("utf-8")), tokenizer, shuffle=shuffle) for path in paths]


def case_of(name: str, content: dict[str, Any], tokenizer: Tokenizer, *, shuffle: bool = False) -> dict[str, Any]:
    """A schema as text, its instances as token ids, their labels; shuffled keys depend on the name alone."""
    rng = random.Random(name)
    instances = [shuffled(test["data"], rng) if shuffle else test["data"] for test in content["tests"]]
    texts = [json.dumps(instance, ensure_ascii=False) for instance in instances]
    instances = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    return {
        "file": name,
        "schema": json.dumps(content["schema"], ensure_ascii=False),
        "instances": instances,
        "lengths": [len(ids) for ids in instances],
        "labels": [test["valid"] for test in content["tests"]],
    }


def shuffled(data: Any, rng: random.Random) -> Any:
    """The same data, the members of its objects in an order drawn at random."""
    match data:
        case dict():
            return {key: shuffled(data[key], rng) for key in rng.sample([*data], len(data))}
        case list():
            return [shuffled(item, rng) for item in data]
        case _:
            return data


def run_engine(setting: Setting, cases: list[dict[str, Any]], *, replay: bool = True) -> dict[str, Any]:
    """Send every case through one engine; {"answers": by file, "version", "setup_s", ...}."""
    worker = Worker(setting)
    hello, answers = worker.hello, {}
    peak, gc_before, gc_runs = hello["rss_kb"], hello["gc"], 0
    for case in track(cases, description=f"{setting.engine} ({setting.profile})", console=console):
        answer = worker.ask({"schema": case["schema"], "instances": case["instances"] if replay else []})
        peak = max(peak, answer.get("rss_kb", 0))
        gc_after = answer.get("gc", worker.hello["gc"])  # without it the process is a new one
        gc_runs += max(0, gc_after - gc_before)
        gc_before = gc_after
        answers[case["file"]] = answer
    worker.close()
    return {
        "answers": answers,
        "version": hello["version"],
        "setup_s": hello["setup_s"],
        "setup_rss_kb": hello["rss_kb"],
        "peak_rss_kb": peak,
        "gc_runs": gc_runs,
    }


def exact_share(setting: Setting, cases: list[dict[str, Any]]) -> dict[str, Any]:
    """How many schemas syntagma decides without guards under `setting.profile`, by compiling alone."""
    answers = run_engine(setting, cases, replay=False)["answers"]
    ok = {name: answer for name, answer in answers.items() if answer["status"] == "ok"}
    return {
        "schemas": len(cases),
        "compiled": sum(answer["status"] in ("ok", "empty") for answer in answers.values()),
        "exact": sum(answer["facts"]["exact"] for answer in ok.values())
        + sum(answer["status"] == "empty" for answer in answers.values()),
        "guarded": sorted(name for name, answer in ok.items() if not answer["facts"]["exact"]),
    }


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True, help="a folder with tokenizer.json")
    parser.add_argument("--engines", default=",".join(ENGINES), help="default: all that are installed")
    parser.add_argument("--profile", choices=["spec", "generation"], default="spec")
    parser.add_argument("--order", choices=["schema", "any"], help="of declared members; default: the profile's")
    parser.add_argument("--limit", type=int, help="only the first N files")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds a schema with its instances may take")
    parser.add_argument("--memory", type=float, default=16.0, help="GiB of address space an engine may take")
    parser.add_argument(
        "--python", action="append", default=[], metavar="ENGINE=INTERPRETER", help="the Python that has the engine"
    )
    parser.add_argument("--skip-first-mask", action="store_true", help="leave out the cold and the warm start")
    parser.add_argument("--out", type=Path, help="default: benchmarks/record/DATE-COMMIT-PROFILE[-any]-TOKENIZER.json")
    options = parser.parse_args(arguments)
    options.engines = options.engines.split(",")
    if unknown := set(options.engines) - set(ENGINES):
        parser.error(f"unknown engines {', '.join(sorted(unknown))}; known are {', '.join(ENGINES)}")
    options.python = dict(entry.split("=", 1) for entry in options.python)
    return options


def settings(options: argparse.Namespace, tokenizer: Tokenizer) -> Iterator[Setting]:
    """One setting per engine that can run here."""
    config = json.loads((options.tokenizer / "tokenizer_config.json").read_text("utf-8"))
    eos = config["eos_token"]["content"] if isinstance(config["eos_token"], dict) else config["eos_token"]
    eos_id = tokenizer.token_to_id(eos)
    if eos_id is None:
        raise SystemExit(f"{options.tokenizer}: the tokenizer has no token {eos!r}, its end of sequence")
    width = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())
    for engine in options.engines:
        python = options.python.get(engine, sys.executable)
        if engine not in options.python and version(engine) is None:
            console.print(f"{engine} is not installed: left out")
            continue
        yield Setting(
            engine,
            options.tokenizer.resolve(),
            eos_id,
            width,
            options.profile,
            options.order or ORDERS[options.profile],
            options.timeout,
            options.memory,
            python,
            case_of("warm-up", WARM_UP, tokenizer),
        )


def show(record: dict[str, Any]) -> None:
    """Print the table and the comparisons."""
    out = Console()
    out.print(table(record["engines"]))
    for name, entry in record["comparisons"].items():
        out.print(f"[bold]syntagma beside {name}[/bold], over the {entry['schemas']} schemas that both compile:")
        for key, title in (("ttfm_us", "TTFM"), ("tbm_us", "TBM")):
            ratios = ", ".join(f"{q} {value:g}" for q, value in entry[key]["theirs_over_ours"].items())
            out.print(f"  {title}, {name}'s over syntagma's: {ratios}")
        if entry["share"] is not None:
            share = f"{entry['by_us_no_later']} of {entry['refused_by_them']} ({100 * entry['share']:.1f} %)"
            out.print(f"  invalid instances refused by syntagma at no later a token than by {name}: {share}")
    for profile, entry in record.get("exact", {}).items():
        out.print(f"exact under profile={profile!r}: {entry['exact']} of {entry['schemas']}")
    if "first_mask" in record:
        cold, warm = record["first_mask"]["cold"], record["first_mask"]["warm"]
        out.print(f"new process to first mask: cold {cold['process_s']:.2f} s, warm {warm['process_s']:.2f} s")
        out.print(f"  torch imported: {cold['torch_imported'] or warm['torch_imported']}")


def main() -> None:
    """Run the engines one after the other, print, and write the record."""
    options = parse()
    tokenizer = Tokenizer.from_file(str(options.tokenizer / "tokenizer.json"))
    cases = load_cases(options.folder, tokenizer, options.limit, shuffle=options.order == "any")
    chosen = {setting.engine: setting for setting in settings(options, tokenizer)}
    runs = {name: run_engine(setting, cases) for name, setting in chosen.items()}
    record: dict[str, Any] = {
        "benchmark": "maskbench",
        "machine": machine.description(),
        "profile": options.profile,
        "order": options.order or ORDERS[options.profile],
        "shuffled": options.order == "any",
        "tokenizer": options.tokenizer.name,
        "vocabulary": next(iter(chosen.values())).width if chosen else None,
        "schemas": len(cases),
        "instances": sum(len(case["labels"]) for case in cases),
        "timeout_s": options.timeout,
        "engines": {},
        "comparisons": {},
    }
    for name, run in runs.items():
        figures = {key: value for key, value in run.items() if key != "answers"}
        record["engines"][name] = figures | {"summary": summary(cases, run["answers"])}
    if "syntagma" in runs:
        ours = runs["syntagma"]["answers"]
        for name in runs.keys() - {"syntagma"}:
            record["comparisons"][name] = comparison(cases, ours, runs[name]["answers"])
        ours_setting = chosen["syntagma"]
        record["exact"] = {p: exact_share(replace(ours_setting, profile=p, order=ORDERS[p]), cases) for p in ORDERS}
        if not options.skip_first_mask:
            record["first_mask"] = first_mask.measure(options.tokenizer)
    show(record)
    name = "-".join([options.profile, *(["any"] * record["shuffled"]), options.tokenizer.name])
    out = machine.write(record, name, options.out)
    console.print(f"written to {out}")
    if out.resolve().parent == machine.RECORDS:
        speed_plot.write(machine.RECORDS, speed_plot.OUT)
        console.print(f"drawn in {speed_plot.OUT}")


if __name__ == "__main__":
    main()
