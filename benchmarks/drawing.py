"""Figures as SVG files that are the same for the same data, with text that can be searched."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def figure(name: str, width: float, height: float) -> Any:
    """An empty figure, inches; `name` seeds the ids inside its file."""
    from matplotlib import rcParams
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    rcParams["svg.hashsalt"] = name
    rcParams["svg.fonttype"] = "none"
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(made)
    return made


def save(made: Any, out: Path) -> None:
    """Write a figure, without the date."""
    made.savefig(out, format="svg", metadata={"Date": None})
