"""Draw a record of distortion.py: total variation from the conditional law against calls of the model.

python benchmarks/distortion_plot.py RECORD.json OUT.svg
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import drawing

#: What is drawn, in this order: the sampler's name in the record, its label, colour, line and marker.
LINES = [
    ("best of n", "best of n masked, by weight", "#999999", "--", "."),
    ("ASAp", "ASAp, the last of n", "#d95f02", "-", "o"),
    ("ASAp weighted", "ASAp, one of n by weight", "#e6ab02", "-", "s"),
    ("MCMC prefix", "MCMC (prefix), n moves", "#7570b3", "-", "^"),
    ("MCMC priority", "MCMC (priority), n moves", "#b3aed6", "-", "v"),
    ("AWRS-SMC", "AWRS-SMC, n particles", "#1b9e77", "-", "D"),
]


def draw(record: dict[str, Any]) -> Any:
    """One panel for each family."""
    figure = drawing.figure("distortion", 11, 4.4)
    panels = figure.subplots(1, len(record["families"]), sharey=True)
    for axes, family in zip(panels, record["families"], strict=True):
        _panel(axes, family)
    panels[0].set_ylabel("total variation from the conditional law")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def _panel(axes: Any, family: dict[str, Any]) -> None:
    samplers = family["samplers"]
    masking = samplers["masking"][0]
    axes.axhline(masking["tv"], color="black", lw=1, ls=":")
    axes.plot(masking["calls"], masking["tv"], "k*", ms=11, label="masking (stays there, however long)")
    for name, label, colour, line, marker in LINES:
        points = [p for p in samplers[name] if p["n"] > 0]
        calls, tv = [p["calls"] for p in points], [p["tv"] for p in points]
        axes.plot(calls, tv, line, marker=marker, color=colour, ms=4, lw=1.2, label=label)
    first, last = samplers["CARS"][0], samplers["CARS"][-1]
    axes.plot([last["calls"], first["calls"]], [0, 0], "-", color="#e7298a", lw=3, solid_capstyle="butt")
    axes.plot(first["calls"], 0, "P", color="#e7298a", ms=8, label="CARS, exact: the 128th text to the first")
    rejection = samplers["rejection"][0]["calls"]
    if rejection < 1e5:
        axes.plot(rejection, 0, "X", color="#a6761d", ms=8, label="rejection, exact")
    else:
        axes.annotate(
            f"rejection:\n{rejection:.0e} calls",
            (0.97, 0.95),
            xycoords="axes fraction",
            ha="right",
            va="top",
            fontsize=7,
        )
    axes.set_xscale("log")
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("calls of the model until the answer")
    axes.set_title(f"{family['family']}: {family['what']}\n{family['texts']} texts, Z = {family['z']:.1e}", fontsize=9)
    axes.grid(alpha=0.25)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    drawing.save(draw(json.loads(source.read_text("utf-8"))), target)
