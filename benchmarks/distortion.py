"""Masking keeps answering from the wrong distribution; the samplers that correct it reach the right one.

    python benchmarks/distortion.py [--tables N] [--samples N] [--out RECORD.json]

For three constraints whose exact conditional law can be enumerated (`families.py`), the law of what a sampler answers
is held against it, by how many rows of the model it has asked for until then. Equal prefixes count once where they are
asked for together (best of n, SMC), and every time where one sample follows another: the samplers' memory of rows,
which languages as small as these would fit into, is switched off.

    masking        the law itself, enumerated
    rejection      from the model, given up at the first wrong token: exact; its calls are computed
    best of n      n masked samples, one drawn by its weight
    ASAp           the law of the sample after n - 1 others, enumerated from the table, averaged over tables
    ASAp weighted  n samples, one drawn by its weight
    CARS           exact; calls for the n-th text, averaged over tables
    MCMC           the law after k moves: that of masking times the k-th power of the kernel's exact matrix
    AWRS-SMC       a particle drawn by its weight out of n

Laws of what is drawn by weight are means of normalised weights over many runs: `noise` is what an exact sampler's total
variation from the truth would be expected to read for one draw from each run, which is an upper bound.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import machine
import numpy as np
from families import Family, distance, divergence, easy_families, families
from numpy.typing import NDArray
from rich.console import Console

import syntagma as sg
from syntagma.sampling import Prefix
from syntagma.sampling.ledger import Step
from syntagma.sampling.mcmc import KERNELS, Kernel, Text, log_proposal

SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
console = Console(stderr=True)

Law = Mapping[str, float]


class Point(NamedTuple):
    """A sampler at one setting."""

    #: Samples, moves or particles.
    n: int
    #: Rows of the model asked for until the answer.
    calls: float
    #: Total variation from the conditional.
    tv: float
    #: KL(conditional || law), nats; `None`: infinite, or not estimated.
    kl: float | None
    noise: float = 0.0


def noise(exact: Law, n: float) -> float:
    """The total variation that n draws of an exact sampler are expected to show."""
    return float(sum(np.sqrt(2 * p * (1 - p) / (np.pi * n)) for p in exact.values()) / 2)


def mean_law(laws: Iterable[Law]) -> dict[str, float]:
    """The average of laws."""
    total: dict[str, float] = defaultdict(float)
    n = 0
    for law in laws:
        n += 1
        for x, p in law.items():
            total[x] += p
    return {x: p / n for x, p in total.items()}


def masking(family: Family, n: int) -> Point:
    """The exact law, and the mean length."""
    family.model.calls = 0
    sg.Masking(seed=0).sample(family.model, family.auto, [family.prompt] * n, family.max_tokens)
    exact, law = family.exact, family.masked
    return Point(1, family.model.calls / n, distance(exact, law), divergence(exact, law))


def best_of(family: Family, runs: int) -> list[Point]:
    """One of n masked samples, drawn by its weight: from the enumerated law, so without the model."""
    rng, exact, points = np.random.default_rng(0), family.exact, []
    keys = list(family.sequences)
    logw = np.array([family.sequences[x][1] for x in keys])
    p = np.array([np.exp(family.sequences[x][0] - w) for x, w in zip(keys, logw, strict=True)])
    texts = [family.text(x) for x in keys]
    for n in SIZES:
        total, calls = np.zeros(len(keys)), 0
        for _ in range(runs):
            drawn = rng.choice(len(keys), n, p=p / p.sum())
            calls += len({keys[k][:i] for k in set(drawn.tolist()) for i in range(len(keys[k]))})
            w = np.exp(logw[drawn] - logw[drawn].max())
            np.add.at(total, drawn, w / w.sum())
        law: dict[str, float] = defaultdict(float)
        for x, q in zip(texts, total / runs, strict=True):
            law[x] += float(q)
        points.append(Point(n, calls / runs, distance(exact, law), None, noise(exact, runs)))
    return points


def asap(family: Family, tables: int) -> dict[str, list[Point]]:
    """Fresh tables, most of them for few samples only: where weights are drawn from, more tables are needed."""
    plain: dict[int, list[Law]] = defaultdict(list)
    weighted: dict[int, list[Law]] = defaultdict(list)
    calls: dict[int, list[int]] = defaultdict(list)
    for k in range(40 * tables):
        most = 128 if k < tables else 16 if k < 4 * tables else 4 if k < 16 * tables else 2
        sampler, drawn = sg.ASAp(row_bytes=0), []
        family.model.calls = 0
        for n in range(1, most + 1):
            if n in SIZES and k < tables:
                root = sampler.future(family.model, family.auto, family.prompt, family.max_tokens).root
                plain[n].append(family.twisted(root))
            drawn += sampler.sample(family.model, family.auto, [family.prompt], family.max_tokens, seed=1000 * k + n)
            if n in SIZES:
                weighted[n].append(sg.Posterior.of(drawn).by_text())
                calls[n].append(family.model.calls)
    exact = family.exact

    def points(found: dict[int, list[Law]], noisy: bool) -> Iterable[Point]:
        for n, laws in sorted(found.items()):
            law = mean_law(laws)
            kl = None if noisy else divergence(exact, law)
            yield Point(n, float(np.mean(calls[n])), distance(exact, law), kl, noise(exact, len(laws)) if noisy else 0)

    return {"ASAp": list(points(plain, False)), "ASAp weighted": list(points(weighted, True))}


def cars(family: Family, tables: int) -> list[Point]:
    """Calls for the n-th text of a table, and how far all texts together are from the truth."""
    spent: dict[int, list[int]] = defaultdict(list)
    texts: dict[str, float] = defaultdict(float)
    for k in range(tables):
        sampler = sg.CARS(batch=1, row_bytes=0, max_attempts=10**6)
        for n in range(1, SIZES[-1] + 1):
            family.model.calls = 0
            (sample,) = sampler.sample(family.model, family.auto, [family.prompt], family.max_tokens, seed=1000 * k + n)
            spent[n].append(family.model.calls)
            texts[family.text(tuple(sample.tokens))] += 1 / (tables * SIZES[-1])
    exact = family.exact
    tv, floor = distance(exact, texts), noise(exact, tables * SIZES[-1])
    return [Point(n, float(np.mean(spent[n])), tv, None, floor) for n in SIZES]


def mcmc(family: Family, kernel: Kernel) -> list[Point]:
    """Powers of the exact matrix; calls by simulation."""
    calls = {}
    for moves in (1, 16):
        family.model.calls = 0
        sampler = sg.MCMC(moves=moves, burn_in=0, kernel=kernel, row_bytes=0)
        for seed in range(50):
            sampler.sample(family.model, family.auto, [family.prompt], family.max_tokens, seed=seed)
        calls[moves] = family.model.calls / 50
    per_move = (calls[16] - calls[1]) / 15
    texts = [_text(family, x) for x in family.sequences]
    keys = list(family.sequences)
    p = np.array([np.exp(logp - logw) for logp, logw in family.sequences.values()])
    matrix = _matrix(texts, kernel)
    exact, points, law, k = family.exact, [], p, 0
    for moves in (0, *SIZES):
        law = law @ np.linalg.matrix_power(matrix, moves - k)
        k = moves
        found = family.by_text(dict(zip(keys, law.tolist(), strict=True)))
        spent = calls[1] + per_move * (moves - 1)
        points.append(Point(moves, spent, distance(exact, found), divergence(exact, found)))
    return points


def _text(family: Family, tokens: tuple[int, ...]) -> Text:
    """A sequence as a chain holds it."""
    choices = [family.tree[tokens[:i]] for i in range(len(tokens))]
    logp = np.array([c.mass[int(c.where([t])[0])] for c, t in zip(choices, tokens, strict=True)])
    steps = tuple(Step(t, 0.0, c.logz, len(c.ids), 0, False, 0) for c, t in zip(choices, tokens, strict=True))
    return Text(steps, (), logp, np.array([c.entropy for c in choices]), Prefix())


def _matrix(texts: list[Text], kernel: Kernel) -> NDArray[np.float64]:
    """The probability to go from each text to each other one."""
    n = len(texts)
    logp = np.array([text.logp.sum() for text in texts])
    logq = np.array([[log_proposal(x, y, kernel) if x is not y else 0.0 for y in texts] for x in texts])
    matrix = np.exp(np.minimum(logq, logp[None, :] + logq.T - logp[:, None]))
    matrix[range(n), range(n)] = 0.0
    return np.asarray(matrix + np.diag(1 - matrix.sum(1)))


def smc(family: Family, draws: int) -> list[Point]:
    """Runs of n particles, fewer of them the more particles there are."""
    exact, points = family.exact, []
    for n in SIZES[:7]:
        runs = max(30, draws // n)
        family.model.calls = 0
        sampler = sg.SMC(n, step=sg.AWRS())
        laws = []
        for k in range(runs):
            (sample,) = sampler.sample(family.model, family.auto, [family.prompt], family.max_tokens, seed=k)
            laws.append(sample.posterior.by_text())
        law = mean_law(laws)
        points.append(Point(n, family.model.calls / runs, distance(exact, law), None, noise(exact, runs)))
    return points


def measure(family: Family, tables: int, draws: int) -> dict[str, Any]:
    """All samplers on one family."""
    found: dict[str, list[Point]] = {"masking": [masking(family, 200)]}
    found["rejection"] = [Point(1, family.calls_of_rejection, 0.0, 0.0)]
    parts: list[tuple[str, Callable[[], dict[str, list[Point]]]]] = [
        ("best of n", lambda: {"best of n": best_of(family, 20 * draws)}),
        ("ASAp", lambda: asap(family, tables)),
        ("CARS", lambda: {"CARS": cars(family, tables)}),
        ("MCMC", lambda: {f"MCMC {kernel}": mcmc(family, kernel) for kernel in KERNELS}),
        ("AWRS-SMC", lambda: {"AWRS-SMC": smc(family, draws)}),
    ]
    for name, part in parts:
        console.print(f"{family.name}: {name}")
        found |= part()
    return _facts(family) | {"samplers": {name: [p._asdict() for p in points] for name, points in found.items()}}


def _facts(family: Family) -> dict[str, Any]:
    exact, masked = family.exact, family.masked
    best = sorted(exact, key=lambda x: -exact[x])[:4]
    top = [[x, exact[x], masked[x]] for x in best]
    return {"family": family.name, "what": family.what, "texts": len(exact), "sequences": len(family.sequences)} | {
        "z": family.z,
        "masking_tv": distance(exact, masked),
        "masking_kl": divergence(exact, masked),
        "most_probable": top,
    }


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tables", type=int, default=16, help="tables of ASAp and CARS")
    parser.add_argument("--samples", type=int, default=400, help="particles, over all runs of a size")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    record: dict[str, Any] = {"machine": machine.description(), "tables": options.tables, "samples": options.samples}
    record |= {"families": [], "easy": []}
    for family in families():
        record["families"].append(measure(family, options.tables, options.samples))
        console.print(f"{family.name}: wrote {machine.write(record, 'distortion', options.out)}")
    record["easy"] = [_facts(family) for family in easy_families()]
    machine.write(record, "distortion", options.out)


if __name__ == "__main__":
    main()
