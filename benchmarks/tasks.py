"""Does AWRS-SMC answer at least as well as masking, with far fewer checks than a full mask of the predicate would take?

    python benchmarks/tasks.py --prompts 16 --record benchmarks/record/tasks.json --plot docs/explanation/tasks.svg

The embedded model, temperature 1, prompts with words that it was not trained on. Four tasks; each has a grammar and a
predicate, a black box about what no grammar of the form knows:

    json        facts into JSON; every value must stand in the sentence, as far as it is written (asked of every prefix)
    sql         a question to SQL; column names must be the table's (prefix), SQLite must run it (finished)
    pattern     a date to ISO; its numbers must stand in the sentence (finished)
    arithmetic  a sum; the answer must be right modulo nine (finished): a check that does not know the answer

Ways to answer:

    free        the model alone
    masking     the grammar alone
    best of n   n times masking; the most probable of those that the predicate accepts
    awrs        grammar and predicate, token by token
    smc         the same steps with n particles; accuracy is the posterior's
    smc+critic  and a critic that takes 1 nat off for every word that does not stand in the prompt

Accuracy is that of execution for SQL and of values elsewhere. A text that the predicate refuses, or none, is invalid.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from machine import description

import syntagma as sg

sys.path.insert(0, str(Path(__file__).parent / "embedded"))
from generate import examples

SEED = 7
N = 8
TASKS = {"json": "extraction", "sql": "sql", "pattern": "date", "arithmetic": "arithmetic"}
WAYS = ("free", "masking", "best of n", "awrs", "smc", "smc+critic")


@dataclass
class Case:
    """One prompt with its grammar, its predicates, and the test of an answer."""

    message: str
    constraint: Any
    where: list[Callable[[], sg.Predicate]]
    is_right: Callable[[str], bool]

    def predicates(self) -> list[sg.Predicate]:
        return [make() for make in self.where]

    def is_valid(self, text: str) -> bool:
        return all(predicate(text.encode(), ended=True) for predicate in self.predicates())


def json_case(message: str, answer: str, constraint: Any) -> Case:
    sentence, _, schema = message.partition("\nAnswer with JSON")

    def copied(text: str) -> bool:
        closed = re.findall(r'(?:: |\[|, )("(?:[^"\\]|\\.)*"|-?\d+(?=[,}\]]))(?!:)', text)
        inside = re.search(r'(?:: |\[|, )"([^"\\]*)$', re.sub(r'"[^"]*":', "", text))
        fine = all(v.strip('"') in sentence or v in schema for v in closed)
        return fine and (inside is None or inside[1] in sentence or f'"{inside[1]}' in schema)

    return Case(message, sg.JsonSchema(constraint), [lambda: sg.Predicate(copied, on="prefix")], same_json(answer))


def sql_case(message: str, answer: str, constraint: Any) -> Case:
    name, columns = re.match(r"Table (\w+)\((.*?)\)", message).groups()  # type: ignore[union-attr]
    known = {name.lower(), *(c.split()[0].lower() for c in columns.split(", "))}
    known |= {"select", "count", "from", "where", "order", "by", "desc"}
    base = sqlite3.connect(":memory:")
    base.execute(f"create table {name}({columns})")
    rng = np.random.default_rng(0)
    literals = re.findall(r"'([^']*)'", answer) or ["x"]
    numbers = [int(n) for n in re.findall(r"\b\d+\b", answer)] or [5]
    for _ in range(40):
        row = [
            int(rng.integers(0, 2 * max(numbers) + 2)) if "int" in c else str(rng.choice([*literals, "other", "more"]))
            for c in columns.split(", ")
        ]
        base.execute(f"insert into {name} values ({','.join('?' * len(row))})", row)

    def rows(text: str) -> Any:
        try:
            return base.execute(text).fetchmany(100)
        except sqlite3.Error:
            return None

    def columns_known(text: str) -> bool:
        words = re.findall(r"\w+(?=\W)", re.sub(r"'[^']*'?", "", text).lower())
        return all(word in known or word.isdigit() for word in words)

    where = [
        lambda: sg.Predicate(columns_known, on="prefix"),
        lambda: sg.Predicate(lambda text: rows(text) is not None),
    ]
    return Case(
        message, sg.Regex(constraint), where, lambda text: rows(text) is not None and rows(text) == rows(answer)
    )


def date_case(message: str, answer: str, constraint: Any) -> Case:
    numbers = {int(n) for n in re.findall(r"\d+", message)}

    def plausible(text: str) -> bool:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return False
        return {day.day, day.year} <= numbers

    return Case(message, sg.Regex(constraint), [lambda: sg.Predicate(plausible)], answer.__eq__)


def sum_case(message: str, answer: str, constraint: Any) -> Case:
    (rest,) = {value % 9 for value in json.loads(answer).values()}
    fine = lambda value: all(v % 9 == rest for v in value.values())  # noqa: E731
    where = [lambda: sg.Predicate(fine, on="value", decode=json.loads)]
    return Case(message, sg.JsonSchema(constraint), where, same_json(answer))


def same_json(answer: str) -> Callable[[str], bool]:
    def is_right(text: str) -> bool:
        try:
            return bool(json.loads(text) == json.loads(answer))
        except ValueError:
            return False

    return is_right


CASES = {"json": json_case, "sql": sql_case, "pattern": date_case, "arithmetic": sum_case}


def critic_of(case: Case) -> sg.TextPotential:
    """One nat off for every word that has ended and does not stand in the prompt."""
    known = set(re.findall(r"[^\W_]+", case.message.lower()))

    def score(text: str) -> float:
        return -1.0 * sum(word not in known for word in re.findall(r"[^\W_]+(?=[\W_])", text.lower() + " "))

    def so_far(text: str) -> float:
        return -1.0 * sum(word not in known for word in re.findall(r"[^\W_]+(?=[\W_])", text.lower()))

    return sg.TextPotential(score, prefix=so_far)


def answers(model: Any, case: Case, way: str, seed: int) -> tuple[list[tuple[str, float]], dict[str, float]]:
    """Texts with their probabilities, and what they cost."""
    prompt, where, cost = [{"role": "user", "content": case.message}], case.predicates(), {}
    output = sg.Regex("[^\\x00]*") if way == "free" else case.constraint
    samplers = {
        "free": sg.Masking(),
        "masking": sg.Masking(),
        "best of n": sg.Masking(),
        "awrs": sg.AWRS(),
        "smc": sg.SMC(N, step=sg.AWRS()),
        "smc+critic": sg.SMC(N, step=sg.AWRS(), critic=critic_of(case)),
    }
    asked = where if way in ("awrs", "smc", "smc+critic") else ()
    generate = sg.Generator(model, output, samplers[way], max_tokens=100, where=asked, show_schema=False)
    runs = N if way == "best of n" else 1
    found = generate.batch([prompt] * runs, seed=seed, return_errors=True)
    done = [g for g in found if not isinstance(g, sg.DeadEnd)]
    cost["tokens"] = sum(len(g.tokens) for g in done)
    cost["calls"] = sum(p.calls for p in generate.where)
    cost["full"] = sum(step.support for g in done for step in g.ledger)
    if way == "best of n":
        fine = [g for g in done if g.receipt.accepted and case.is_valid(g.text)]
        return ([(max(fine, key=lambda g: g.logprob).text, 1.0)] if fine else []), cost
    if way.startswith("smc"):
        return ([*done[0].posterior.by_text().items()] if done else []), cost
    return [(g.text, 1.0) for g in done if g.receipt.accepted], cost


def measure(n_prompts: int) -> dict[str, dict[str, dict[str, float]]]:
    """Accuracy, validity, seconds and checks a token, for every task and way."""
    model, figures = sg.load("embedded"), {}
    for task, source in TASKS.items():
        is_text = task in ("sql", "pattern")
        drawn = [
            e for e in examples(source, 4 * n_prompts, SEED, new_wording=False) if isinstance(e[2], str) == is_text
        ]
        cases = [CASES[task](*example) for example in drawn[:n_prompts]]
        figures[task] = {}
        for way in WAYS:
            begun, right, valid, cost = time.perf_counter(), 0.0, 0.0, {"tokens": 0.0, "calls": 0.0, "full": 0.0}
            for i, case in enumerate(cases):
                texts, spent = answers(model, case, way, SEED + i)
                right += sum(p for text, p in texts if case.is_valid(text) and case.is_right(text))
                valid += sum(p for text, p in texts if case.is_valid(text))
                cost = {key: cost[key] + spent[key] for key in cost}
            seconds = (time.perf_counter() - begun) / n_prompts
            figures[task][way] = {
                "accuracy": round(right / n_prompts, 3),
                "valid": round(valid / n_prompts, 3),
                "seconds": round(seconds, 3),
                "predicate_calls_per_token": round(cost["calls"] / max(cost["tokens"], 1), 2),
                "allowed_per_token": round(cost["full"] / max(cost["tokens"], 1), 1),
            }
            print(task, way, figures[task][way], flush=True)
    return figures


def draw(figures: dict[str, dict[str, dict[str, float]]], path: Path) -> None:
    """Accuracy by task and way, validity behind it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes, width = figure.subplots(), 0.8 / len(WAYS)
    for k, way in enumerate(WAYS):
        at = np.arange(len(TASKS)) + (k - (len(WAYS) - 1) / 2) * width
        axes.bar(at, [figures[t][way]["valid"] for t in TASKS], 0.9 * width, color=f"C{k}", alpha=0.25)
        axes.bar(at, [figures[t][way]["accuracy"] for t in TASKS], 0.9 * width, color=f"C{k}", label=way)
    axes.set_xticks(np.arange(len(TASKS)), TASKS)
    axes.set_ylabel("accuracy (pale: valid)")
    axes.legend(ncols=6, loc="upper center", bbox_to_anchor=(0.5, 1.15), frameon=False)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=16, help="of each task")
    parser.add_argument("--record", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    figures = measure(options.prompts)
    if options.record:
        record = {"machine": description(), "prompts": options.prompts, "particles": N, "figures": figures}
        options.record.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    if options.plot:
        draw(figures, options.plot)


if __name__ == "__main__":
    main()
