"""What do drafts save? Tokens a pass, and tokens per second of processor time: embedded model, one text at a time.

    python benchmarks/drafts.py --record benchmarks/record/drafts.json

Facts about people are read from sentences, as an object and as a list of objects. Every way answers the same prompts
with the same seeds, in turns, and must give the same texts up to rounding: how many differ is counted. Drafters that
learn have seen the texts of the prompts before.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from machine import description

import syntagma as sg

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"],
}
SCHEMAS = {"object": PERSON, "list": {"type": "array", "items": PERSON, "minItems": 2, "maxItems": 2}}
WAYS = ("none", "ngram", "grammar", "both")
NAMES = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Emmy Noether", "Kurt Goedel", "Mary Kenneth Keller")
CITIES = ("London", "Oslo", "Lisbon", "Vienna", "Prague", "Dublin")


def prompts(n: int) -> Iterator[list[dict[str, str]]]:
    """Messages with two people in each."""
    for i in range(n):
        one, two = NAMES[i % 6], NAMES[(i + 1) % 6]
        here, there = CITIES[(i * 5) % 6], CITIES[(i * 5 + 2) % 6]
        text = f"{one} is {20 + i} years old and lives in {here}. {two} is {60 - i} years old and lives in {there}."
        yield [{"role": "user", "content": text}]


def drafters(way: str) -> list[Any]:
    """The drafters of a way."""
    made = {"none": [], "ngram": [sg.NGramDrafter()], "grammar": [sg.GrammarDrafter()]}
    return made.get(way, [sg.GrammarDrafter(), sg.NGramDrafter()])


def measure(model: Any, schema: dict[str, Any], temperature: float, n: int) -> dict[str, dict[str, float]]:
    """The figures of all ways."""
    generate = {
        way: sg.Generator(model, schema, sg.Masking(temperature, draft=drafters(way)), max_tokens=120) for way in WAYS
    }
    figures = {
        way: {"texts": 0, "tokens": 0, "passes": 0, "drafted": 0, "accepted": 0, "cpu_seconds": 0.0} for way in WAYS
    }
    others = dict.fromkeys(WAYS, 0)
    for seed, prompt in enumerate(prompts(n)):
        texts = {}
        for way, figure in figures.items():
            begun = time.process_time()
            found = generate[way](prompt, seed=seed)
            took = time.process_time() - begun
            texts[way] = found.text
            others[way] += found.text != texts["none"]
            if seed:  # the first one warms up
                passes = found.ledger.passes
                figure["texts"] += 1
                figure["tokens"] += len(found.tokens)
                figure["passes"] += passes.n if passes else len(found.tokens)
                figure["drafted"] += passes.drafted if passes else 0
                figure["accepted"] += passes.accepted if passes else 0
                figure["cpu_seconds"] += took
    for way, figure in figures.items():
        figure["other_texts"] = others[way]
        figure["tokens_per_pass"] = round(figure["tokens"] / figure["passes"], 2)
        figure["tokens_per_cpu_second"] = round(figure["tokens"] / figure["cpu_seconds"], 1)
        figure["cpu_seconds"] = round(figure["cpu_seconds"], 3)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=24)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    model = sg.load("embedded")
    figures = {
        f"{name}, temperature {temperature}": measure(model, schema, temperature, options.texts + 1)
        for name, schema in SCHEMAS.items()
        for temperature in (0, 1)
    }
    print(json.dumps(figures, indent=1))
    if options.record:
        record = {"machine": description(), "texts": options.texts, "figures": figures}
        options.record.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
