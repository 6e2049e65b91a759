"""Laws: what a model and a constraint promise to samplers, as functions for anybody's tests.

Each raises AssertionError with what was found; none needs pytest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .constraint import Constraint, ids_of
from .model import Model, Prefix, logsumexp


def check_model(model: Model, prompts: Sequence[Sequence[int]], *, steps: int = 4, tolerance: float = 1e-4) -> None:
    """Rows have the right shape, are normalised, and do not depend on the batch or on what was kept of a prefix.

    Parameters
    ----------
    prompts : at least two, of different lengths.
    steps : tokens by which each is extended, with its cache, in a walk over the most probable tokens.
    tolerance : largest difference of two log-probabilities, nats.
    """
    prefixes = [Prefix(p) for p in prompts]
    for _ in range(steps):
        rows = model.logp_next(prefixes)
        check_rows(rows, (len(prefixes), model.vocabulary.width), tolerance)
        for prefix, row in zip(prefixes, rows, strict=True):
            _close(model.logp_next([Prefix(prefix.tokens)])[0], row, tolerance, f"alone and afresh, {prefix}")
        forks = [p.extend(int(np.argsort(-row)[k])) for p, row in zip(prefixes, rows, strict=True) for k in (1, 0)]
        together = model.logp_next(forks[::-1])[::-1]
        for fork, row in zip(forks, together, strict=True):
            _close(model.logp_next([fork])[0], row, tolerance, f"forked, {fork}")
        prefixes = forks[1::2]


def check_rows(rows: NDArray[Any], shape: tuple[int, int], tolerance: float) -> None:
    """The rows have the shape, a float type, no NaN, no value above 0 and a logsumexp of 0."""
    assert rows.shape == shape, f"expected shape {shape}, found {rows.shape}"
    assert rows.dtype in (np.float32, np.float64), f"expected float32 or float64, found {rows.dtype}"
    assert not np.isnan(rows).any(), "a row holds NaN"
    worst = max(abs(logsumexp(row)) for row in rows)
    assert worst <= tolerance, f"a row is not normalised: logsumexp {worst:.3g}"


def check_constraint(auto: Constraint, *, seed: int = 0, walks: int = 8, steps: int = 16) -> None:
    """Mask, check, advance and the end of sequence agree along random walks."""
    rng = np.random.default_rng(seed)
    with auto.run():
        for _ in range(walks):
            state = auto.start
            for _ in range(steps):
                allowed = set(ids_of(auto.mask(state)).tolist())
                some = _sample(range(auto.vocabulary.width), allowed, rng)
                passing = [t for t in some if _agree(auto, state, t, allowed)]
                ends = [t for t in auto.end_ids if t in allowed and auto.advance(state, t) == auto.finished]
                if auto.exact and auto.end_ids:
                    assert bool(ends) == auto.accepts(state), "accepts differs from the mask"
                onward = [t for t in passing if t not in ends]
                if not onward:
                    break
                state = auto.advance(state, int(rng.choice(onward)))


def _sample(tokens: range, allowed: set[int], rng: np.random.Generator) -> list[int]:
    """Some allowed tokens and some of all."""
    some = sorted(allowed)
    picks = [some[i] for i in rng.permutation(len(some))[:32]]
    return sorted({*picks, *rng.choice(tokens, size=min(32, len(tokens)), replace=False).tolist()})


def _agree(auto: Constraint, state: int, token: int, allowed: set[int]) -> bool:
    """Assert the laws for one token; return whether it may follow."""
    legal, lives, passes = token in allowed, auto.advance(state, token) != 0, auto.check(state, token)
    assert passes == lives, f"token {token}: check says {passes}, advance says {lives}"
    assert legal or not passes, f"token {token}: masked, but check passes"
    assert passes or not (legal and auto.exact), f"token {token}: exact, allowed, but check refuses"
    return passes


def _close(a: NDArray[Any], b: NDArray[Any], tolerance: float, what: str) -> None:
    """The finite entries of two rows differ by at most `tolerance`, and the same ones are finite."""
    finite = np.isfinite(a)
    assert np.array_equal(finite, np.isfinite(b)), f"{what}: different tokens have probability 0"
    worst = float(np.abs(a[finite] - b[finite]).max(initial=0))
    assert worst <= tolerance, f"{what}: rows differ by {worst:.3g} nats"
