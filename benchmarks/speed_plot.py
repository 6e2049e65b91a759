"""Draw the records of maskbench.py: how long masks take, and how long the first one.

    python benchmarks/speed_plot.py [RECORDS] [OUT.svg]

RECORDS is a folder, by default `benchmarks/record`. Of every profile and engine the latest record counts that has
histograms and, among those, the most schemas; engines other than syntagma know no profile. Records of another tokenizer
than `TOKENIZER`, and those with shuffled keys, are for comparison and are left out. A line falls from all steps,
or all schemas, to those that take longer than the time below; a schema that an engine does not compile has no first
mask, however long one waits, so that line ends at their share.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import drawing
import machine
import numpy as np

OUT = machine.ROOT / "docs" / "explanation" / "speed.svg"
#: The vocabulary of 128,256 tokens.
TOKENIZER = "llama3"
COLOURS = {
    "syntagma, generation": "#1b9e77",
    "syntagma, spec": "#66c2a5",
    "llguidance": "#d95f02",
    "xgrammar": "#7570b3",
    "outlines": "#999999",
}


def latest(folder: Path) -> dict[str, dict[str, Any]]:
    """What to draw, by label: an engine's entry of a record."""
    found: dict[str, tuple[tuple[int, str], dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        if record.get("benchmark") != "maskbench" or record.get("shuffled"):
            continue
        if record.get("tokenizer", TOKENIZER) != TOKENIZER:
            continue
        for name, entry in record["engines"].items():
            if "tbm_histogram" not in entry["summary"]:
                continue
            label = f"syntagma, {record['profile']}" if name == "syntagma" else name
            rank = (record["schemas"], record["machine"]["date"])
            if label not in found or rank >= found[label][0]:
                found[label] = (rank, entry)
    return {label: found[label][1] for label in COLOURS if label in found}


def survival(histogram: dict[str, Any], of: int) -> tuple[list[float], list[float]]:
    """Times in us, and the share of all `of` that takes at least as long."""
    counts = np.array(histogram["counts"], np.int64)
    edges = 10.0 ** ((histogram["first"] + np.arange(len(counts) + 1)) / histogram["per_decade"])
    return edges.tolist(), ((of - np.concatenate(([0], np.cumsum(counts)))) / of).tolist()


def draw(engines: dict[str, dict[str, Any]]) -> Any:
    """A panel for the steps, a panel for the first masks."""
    figure = drawing.figure("speed", 11, 4.6)
    steps, firsts = figure.subplots(1, 2)
    most = max((entry["summary"]["schemas"] for entry in engines.values()), default=0)
    for label, entry in engines.items():
        counted = entry["summary"]
        title = f"{label} ({entry['version']})"
        if counted["schemas"] < most:
            title += f", the first {counted['schemas']} schemas"
        style = {"color": COLOURS[label], "lw": 1.6, "label": title}
        steps.plot(*survival(counted["tbm_histogram"], max(1, sum(counted["tbm_histogram"]["counts"]))), **style)
        firsts.plot(*survival(counted["ttfm_histogram"], counted["schemas"] - counted["empty"]), **style)
    steps.set(xlabel="us", ylabel="share of steps that take longer", title="a mask and a step (TBM)")
    firsts.set(xlabel="us", ylabel="share of schemas that take longer", title="schema to first mask (TTFM)")
    for axes in (steps, firsts):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.grid(alpha=0.25)
    handles, labels = steps.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def write(folder: Path, out: Path) -> None:
    """Draw the records of a folder; none to draw is an error."""
    engines = latest(folder)
    if not engines:
        raise SystemExit(f"{folder}: no record of maskbench.py has histograms. Run it first.")
    drawing.save(draw(engines), out)


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:3]), *(machine.RECORDS, OUT)[len(sys.argv) - 1 :])
