"""Report: what a run of SMC did, step by step.

`plot` draws it: effective sample size and log-evidence, weights, and the ancestry of what survived.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendMissing
from .model import logsumexp


class Round(NamedTuple):
    """One step of all particles."""

    #: (n,) float64 log weights after the step, before resampling, nats.
    log_weights: NDArray[np.float64]
    #: Effective sample size.
    ess: float
    #: Estimate of log Z so far, nats.
    log_evidence: float
    #: Particles that go on.
    live: int
    #: (n,) intp: whose successor each particle of the next step is; `None`: not resampled.
    ancestors: NDArray[np.intp] | None


@dataclass(slots=True, repr=False)
class Report:
    """The rounds of a run, and what it cost."""

    n: int
    rounds: list[Round] = field(default_factory=list)
    #: Particles whose next token was wanted, over all rounds.
    rows_asked: int = 0
    #: Rows that the model was asked for: equal prefixes share one.
    rows_computed: int = 0
    #: How often tokens were checked.
    checks: int = 0
    #: Moves of rejuvenation, proposed and accepted.
    moves: int = 0
    moves_accepted: int = 0
    #: Estimate of KL(target || the law that steps alone would draw), nats: what reweighting corrected. An upper bound
    #: where weights are estimated.
    kl: float = float("nan")

    def __repr__(self) -> str:
        found = f", log_evidence={self.log_evidence[-1]:.4g}" if self.rounds else ""
        rows = f"rows_asked={self.rows_asked}, rows_computed={self.rows_computed}"
        return f"Report(n={self.n}, {len(self.rounds)} rounds, {rows}, checks={self.checks}{found})"

    @property
    def ess(self) -> NDArray[np.float64]:
        """Effective sample size after every step, (n_rounds,)."""
        return np.array([r.ess for r in self.rounds])

    @property
    def log_evidence(self) -> NDArray[np.float64]:
        """Estimate of log Z after every step, (n_rounds,), nats; the last one is the run's."""
        return np.array([r.log_evidence for r in self.rounds])

    @property
    def n_resampled(self) -> int:
        """How often was resampled."""
        return sum(r.ancestors is not None for r in self.rounds)

    def note(self, logw: NDArray[np.float64], live: int, ancestors: NDArray[np.intp] | None) -> None:
        """Add a round."""
        log_evidence = logsumexp(logw) - float(np.log(self.n))
        self.rounds.append(Round(logw.copy(), effective_size(logw), log_evidence, live, ancestors))

    def lineages(self) -> NDArray[np.intp]:
        """(n_rounds, n): the particle of each round that each particle of the end descends from."""
        lines, at = [], np.arange(self.n)
        for r in reversed(self.rounds):
            if r.ancestors is not None:
                at = r.ancestors[at]
            lines.append(at)
        return np.array(lines[::-1], np.intp).reshape(len(self.rounds), self.n)

    def plot(self, path: str | Path) -> None:
        """Draw the run into a file; its suffix says the format (.png, .svg, .pdf).

        Raises
        ------
        BackendMissing : matplotlib is not installed.
        ValueError : the run has no rounds.
        """
        if not self.rounds:
            raise ValueError("The run has no rounds to draw.")
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError as error:
            raise BackendMissing("matplotlib", "draw") from error
        figure = Figure(figsize=(8, 8), layout="constrained")
        FigureCanvasAgg(figure)
        top, middle, bottom = figure.subplots(3, sharex=True)
        self._draw_size(top)
        self._draw_weights(middle)
        self._draw_ancestry(bottom)
        for axes in (middle, bottom):
            axes.yaxis.get_major_locator().set_params(integer=True)
        bottom.xaxis.get_major_locator().set_params(integer=True)
        figure.savefig(path)

    def _draw_size(self, axes: Any) -> None:
        steps = np.arange(1, len(self.rounds) + 1)
        axes.plot(steps, self.ess, color="C0")
        for k in (k for k, r in enumerate(self.rounds, 1) if r.ancestors is not None):
            axes.axvline(k, color="0.8", linewidth=0.6, zorder=0)
        axes.set_ylim(0, 1.05 * self.n)
        axes.set_ylabel("effective sample size", color="C0")
        twin = axes.twinx()
        twin.plot(steps, self.log_evidence, color="C1")
        twin.set_ylabel("log-evidence (nats)", color="C1")
        axes.set_title(f"{self.n} particles, resampled {self.n_resampled} times (grey lines)")

    def _draw_weights(self, axes: Any) -> None:
        share = np.array([np.exp(r.log_weights - _top(r.log_weights)) for r in self.rounds])
        share /= np.maximum(share.sum(1, keepdims=True), 1e-300)
        edges = np.arange(len(self.rounds) + 1) + 0.5
        mesh = axes.pcolormesh(edges, np.arange(self.n + 1) - 0.5, share.T, cmap="Blues", vmin=0)
        axes.figure.colorbar(mesh, ax=axes, label="normalised weight")
        axes.set_ylabel("particle")

    def _draw_ancestry(self, axes: Any) -> None:
        from matplotlib.collections import LineCollection

        own = np.arange(self.n)
        steps = [
            [(k, parent), (k + 1, i)]
            for k, r in enumerate(self.rounds[:-1], 1)
            for i, parent in enumerate(own if r.ancestors is None else r.ancestors)
        ]
        axes.add_collection(LineCollection(steps, colors="0.85", linewidths=0.5, zorder=0))
        lines = np.unique(self.lineages(), axis=1)
        axes.plot(np.arange(1, len(lines) + 1), lines, color="C0", linewidth=1)
        axes.set_ylabel("particle")
        axes.set_xlabel("token (blue: ancestors of the survivors)")


def effective_size(logw: NDArray[np.float64]) -> float:
    """(sum w)^2 / sum w^2; 0 if every weight is 0."""
    if (total := logsumexp(logw)) == -np.inf:
        return 0.0
    return float(np.exp(2 * total - logsumexp(2 * logw)))


def _top(logw: NDArray[np.float64]) -> float:
    top = float(logw.max())
    return top if np.isfinite(top) else 0.0
