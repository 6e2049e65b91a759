"""How many checks, and how long, does a token take when one check costs 100 us? AWRS against the full mask.

    python benchmarks/awrs_checks.py --record benchmarks/record/awrs_checks.json --plot docs/explanation/awrs_checks.svg
    python benchmarks/awrs_checks.py --beside VENV/bin/python    # and genlm-control, installed there

One token of a law over V tokens (log-normal, spread 3 nats) under a random predicate that allows a given share of the
tokens: the law does not know the predicate, which is the worst case for rejection but for a hostile one. The predicate
waits 100 us. Reported: checks and milliseconds a token, and the standard deviation of the weight over its mean.

`tight` allows one token of probability 5e-6: the share of draws whose weight is not 0, and the mean weight over 5e-6.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

COST = 100e-6
SIZES = (1_280, 128_256)
SHARES = (0.9, 0.5, 0.1, 0.01)
#: Draw once: (logp, accept) -> (token or None, log weight).
Draw = Callable[[np.ndarray, Callable[[int], bool]], tuple[int | None, float]]


def law(n: int, seed: int = 0) -> np.ndarray:
    """Log-probabilities, (n,) float64."""
    logits = 3 * np.random.default_rng(seed).standard_normal(n)
    top = logits.max()
    return logits - top - np.log(np.exp(logits - top).sum())


def measure(draw: Draw, n: int, share: float, repeat: int) -> dict[str, float]:
    """Checks, time and noise of one way to draw."""
    logp, weights, checks = law(n), [], 0
    allowed = np.random.default_rng(1).random(n) < share

    def accept(token: int) -> bool:
        nonlocal checks
        checks += 1
        until = time.perf_counter() + COST
        while time.perf_counter() < until:
            pass
        return bool(allowed[token])

    begun = time.perf_counter()
    for _ in range(repeat):
        token, logw = draw(logp, accept)
        assert token is None or allowed[token]
        weights.append(np.exp(logw))
    seconds = time.perf_counter() - begun
    truth = float(np.exp(logp[allowed]).sum())
    return {
        "checks": round(checks / repeat, 2),
        "ms": round(1e3 * seconds / repeat, 3),
        "mean_over_z": round(float(np.mean(weights)) / truth, 3),
        "sd_over_z": round(float(np.std(weights)) / truth, 3),
    }


def tight(draw: Draw, repeat: int = 200) -> dict[str, float]:
    """One token of probability 5e-6 among a thousand."""
    logp = np.log(np.append(np.full(999, (1 - 5e-6) / 999), 5e-6))
    weights = [np.exp(draw(logp, lambda token: token == 999)[1]) for _ in range(repeat)]
    return {"alive": float(np.mean(np.array(weights) > 0)), "mean_over_z": round(float(np.mean(weights)) / 5e-6, 4)}


def ours(**options: Any) -> Draw:
    """AWRS of this package."""
    from syntagma.sampling import AWRS
    from syntagma.sampling.step import Random

    rng, sampler = np.random.default_rng(0), AWRS(**options)

    def draw(logp: np.ndarray, accept: Callable[[int], bool]) -> tuple[int | None, float]:
        found = sampler.estimate(logp, accept, Random(rng))
        return (None, -np.inf) if found is None else (found.i, found.logz)

    return draw


def full_mask(logp: np.ndarray, accept: Callable[[int], bool]) -> tuple[int | None, float]:
    """Every token is checked."""
    mass = np.where([accept(t) for t in range(len(logp))], np.exp(logp), 0.0)
    return int(np.random.default_rng(0).choice(len(mass), p=mass / mass.sum())), float(np.log(mass.sum()))


def genlm() -> Draw:
    """AWRS of genlm-control, by its public classes: a model and a Boolean condition as potentials."""
    import asyncio

    from genlm.control import Potential
    from genlm.control.sampler.token import AWRS

    samplers: dict[int, tuple[Any, Any, Any]] = {}
    loop = asyncio.new_event_loop()

    def made(logp: np.ndarray) -> tuple[Any, Any, Any]:
        vocabulary = [str(t).encode() for t in range(len(logp))]

        class Model(Potential):
            async def prefix(self, context: Any) -> float:
                return 0.0

            async def complete(self, context: Any) -> float:
                return -np.inf

            async def logw_next(self, context: Any) -> Any:
                return self.make_lazy_weights(np.append(logp, -np.inf))

        class Condition(Potential):
            accept: Any = None

            async def prefix(self, context: Any) -> float:
                return 0.0 if not context or self.accept(int(context[-1])) else -np.inf

            async def complete(self, context: Any) -> float:
                return -np.inf

        condition = Condition(vocabulary)
        return AWRS(Model(vocabulary), condition, seed=0, autobatch=False), condition, logp

    def draw(logp: np.ndarray, accept: Callable[[int], bool]) -> tuple[int | None, float]:
        if len(logp) not in samplers or samplers[len(logp)][2] is not logp:
            samplers[len(logp)] = made(logp)
        sampler, condition, _ = samplers[len(logp)]
        condition.accept = accept
        token, logw, _ = loop.run_until_complete(sampler.sample([]))
        return (int(token) if np.isfinite(logw) else None), float(logw)

    return draw


def figures(ways: dict[str, Draw], repeat: int) -> list[dict[str, Any]]:
    """Every way, size and share; the full mask once, and only for the small vocabulary (the other takes 13 s)."""
    rows: list[dict[str, Any]] = []
    for way, draw in ways.items():
        for n in SIZES:
            for share in SHARES if way != "full mask" else SHARES[:1]:
                if way == "full mask" and n > 10_000:
                    continue
                times = 1 if way == "full mask" else max(4, int(repeat * min(1.0, 4 * share)))
                draw(law(n), lambda token: True)  # tables, first call
                rows.append({"way": way, "vocabulary": n, "allowed": share, **measure(draw, n, share, times)})
                print(rows[-1], flush=True)
        if way != "full mask":
            rows.append({"way": way, "tight": tight(draw)})
            print(rows[-1], flush=True)
    return rows


def draw_plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Milliseconds over the share allowed, for both vocabularies; the full mask as a line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    for axes, n in zip(figure.subplots(1, 2, sharey=True), SIZES, strict=True):
        for way in dict.fromkeys(row["way"] for row in rows if row["way"] != "full mask"):
            some = [row for row in rows if row["way"] == way and row.get("vocabulary") == n]
            axes.plot([row["allowed"] for row in some], [row["ms"] for row in some], "o-", label=way)
        axes.axhline(1e3 * COST * n, color="0.5", linestyle="--", label="full mask")
        axes.set(xscale="log", yscale="log", xlabel="share of tokens allowed", title=f"{n:,} tokens")
    figure.axes[0].set_ylabel("ms per token, 100 us a check")
    figure.axes[1].legend(frameon=False, fontsize="small")
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=100)
    parser.add_argument("--beside", type=Path, help="a Python that has genlm-control")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    if options.worker:
        from importlib.metadata import version

        found = figures({f"genlm-control {version('genlm-control')}": genlm()}, options.repeat)
        print(json.dumps(found), file=sys.stderr)
        return
    ways: dict[str, Draw] = {
        "AWRS, recursive": ours(),
        "AWRS, paper": ours(estimator="paper"),
        "AWRS, geometric": ours(estimator="geometric", max_accepts=4),
        "full mask": full_mask,
    }
    rows = figures(ways, options.repeat)
    if options.beside:
        words = [str(options.beside), __file__, "--worker", "--repeat", str(options.repeat)]
        done = subprocess.run(words, stdout=None, stderr=subprocess.PIPE, text=True, check=True)
        rows += json.loads(done.stderr.strip().splitlines()[-1])
    if options.record:
        from machine import description

        record = {"machine": description(), "cost_us": 1e6 * COST, "repeat": options.repeat, "figures": rows}
        options.record.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    if options.plot:
        draw_plot(rows, options.plot)


if __name__ == "__main__":
    main()
