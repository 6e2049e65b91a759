"""Masks over logits cost less than other engines' functions for it, and log Z costs little more.

    python benchmarks/apply_mask.py [--columns 128256] [--rows 1,32] [--dtype float32] [--rounds 100] [--out RECORD]

Rows of normal logits are masked in place, on the GPU if torch has one, else on one thread of the processor. Masks allow
one token, half of all, or all but 2 %, drawn at random. Every round goes through all ways in turn, each on a fresh copy
of the logits that is not timed; what each writes is compared with the first. Reported are microseconds a row.

    syntagma              `apply_masks`
    syntagma, log Z       the same with `logz=True`
    torch                 bits spread by shifts, then `masked_fill_`
    torch, log Z          that between two `logsumexp`
    xgrammar, llguidance  their `apply_token_bitmask_inplace`, where they are installed; llguidance's is compiled by
                          `torch.compile`
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import syntagma as sg

#: Shares of the tokens that a mask allows.
MASKS = {"one token": 0.0, "half": 0.5, "98 %": 0.98}
#: A way of masking: logits and masks -> log Z or nothing.
Way = Callable[[torch.Tensor, torch.Tensor], Any]


def with_torch(logits: torch.Tensor, masks: torch.Tensor) -> None:
    """Spread the bits and fill."""
    shifts = torch.arange(32, dtype=torch.int32, device=masks.device)
    bits = (masks.unsqueeze(-1) >> shifts & 1).flatten(1)[:, : logits.shape[1]]
    logits.masked_fill_(bits == 0, -torch.inf)


def weighed_with_torch(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """The same, with log Z."""
    before = torch.logsumexp(logits, -1)
    with_torch(logits, masks)
    return torch.logsumexp(logits, -1) - before


def ways() -> dict[str, Way]:
    """Every way that is installed."""
    found: dict[str, Way] = {
        "syntagma": sg.apply_masks,
        "torch": with_torch,
        "syntagma, log Z": lambda logits, masks: sg.apply_masks(logits, masks, logz=True),
        "torch, log Z": weighed_with_torch,
    }
    if importlib.util.find_spec("xgrammar"):
        import xgrammar

        found["xgrammar"] = lambda x, m: xgrammar.apply_token_bitmask_inplace(x, m, vocab_size=x.shape[1])
    if importlib.util.find_spec("llguidance"):
        from llguidance.torch import apply_token_bitmask_inplace

        found["llguidance"] = apply_token_bitmask_inplace
    return found


def draw_masks(rows: int, columns: int, share: float, device: str) -> torch.Tensor:
    """Masks that allow a share of all tokens, and one in any case."""
    rng = np.random.default_rng(0)
    bits = rng.random((rows, -(-columns // 32) * 32)) < share
    bits[np.arange(rows), rng.integers(0, columns, rows)] = True
    return torch.from_numpy(np.packbits(bits, axis=1, bitorder="little").view(np.int32)).to(device)


def compare(logits: torch.Tensor, masks: torch.Tensor, rounds: int) -> dict[str, dict[str, float]]:
    """Microseconds a row of each way: p50, p99."""
    wait = torch.cuda.synchronize if logits.is_cuda else lambda: None
    wanted, found = logits.clone(), ways()
    with_torch(wanted, masks)
    times: dict[str, list[float]] = {name: [] for name in found}
    for turn in range(-3, rounds):
        for name, way in found.items():
            copy = logits.clone()
            wait()
            begin = time.perf_counter()
            way(copy, masks)
            wait()
            if turn >= 0:
                times[name].append(1e6 * (time.perf_counter() - begin) / len(logits))
            elif not torch.equal(copy, wanted):
                raise SystemExit(f"{name} masks otherwise")
    return {name: {f"p{q}": round(float(np.percentile(t, q)), 2) for q in (50, 99)} for name, t in times.items()}


def main() -> None:
    """Compare, print, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=int, default=128256)
    parser.add_argument("--rows", default="1,32", help="sizes of batches")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--out", type=Path, help="default: benchmarks/record/DATE-COMMIT-apply-mask.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator().manual_seed(0)
    results, grid = [], Table("us a row, p50", *ways())
    for rows in map(int, options.rows.split(",")):
        logits = torch.randn(rows, options.columns, generator=generator).to(device, getattr(torch, options.dtype))
        for title, share in MASKS.items():
            times = compare(logits, draw_masks(rows, options.columns, share, device), options.rounds)
            results.append({"rows": rows, "allowed": title, "us_per_row": times})
            grid.add_row(f"{rows} x {title}", *(f"{entry['p50']:,.1f}" for entry in times.values()))
    Console().print(grid)
    record = {
        "benchmark": "apply-mask",
        "machine": machine.description()
        | {"device": torch.cuda.get_device_name() if device == "cuda" else "cpu, one thread"},
        "versions": {name: _version(name) for name in ("torch", "triton", "numba", "xgrammar", "llguidance")},
        "columns": options.columns,
        "dtype": options.dtype,
        "rounds": options.rounds,
        "results": results,
    }
    machine.write(record, "apply-mask", options.out)


def _version(name: str) -> str | None:
    return importlib.metadata.version(name) if importlib.util.find_spec(name) else None


if __name__ == "__main__":
    main()
