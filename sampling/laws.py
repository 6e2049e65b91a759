"""Laws: what models, constraints, potentials and steps promise to samplers, as functions for anybody's tests.

Each raises AssertionError with what was found; none needs pytest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .constraint import Constraint, ids_of
from .model import Model, Prefix, logsumexp
from .potential import Potential
from .step import AnyStep, Draw, Spot, drawers, tempered


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


def check_potential(potential: Potential, texts: Sequence[Sequence[int]], *, tolerance: float = 1e-9) -> None:
    """The laws of `potential.Potential` hold along texts: -inf is for ever, batches do not matter, states are values.

    Parameters
    ----------
    texts : bytes or token ids, as the potential reads them; some of positive weight.
    tolerance : largest difference between a score alone and in a batch, nats.
    """
    assert potential.prefix([potential.start])[0] > -np.inf, "the empty prefix has weight 0"
    n_live = 0
    for text in texts:
        states = [potential.start]
        for symbol in text:
            states.append(potential.advance(states[-1], symbol))
        assert states[-1] == potential.read(text), f"{text!r}: the same text, another state"
        assert len({hash(state) for state in (states[-1], potential.read(text))}) == 1, "equal states, other hashes"
        scores = [_scores(score, states, tolerance) for score in (potential.prefix, potential.complete)]
        for i, complete in enumerate(scores[1]):
            dead = np.flatnonzero(scores[0][: i + 1] == -np.inf)
            assert complete == -np.inf or not len(dead), f"{text[:i]!r} has weight, its prefix {text[: dead[0]]!r} none"
        n_live += int(np.isfinite(scores[1]).any())
    assert n_live, "none of the texts has weight: give some that have"


def check_step(
    step: AnyStep,
    auto: Constraint,
    model: Model,
    *,
    n: int = 4000,
    seed: int = 0,
    alpha: float = 1e-7,
    most: float = 0.0,
) -> None:
    """A step sampler's first draw is properly weighted: the mean weight of every token is its base probability where it
    may follow, and 0 elsewhere.

    Parameters
    ----------
    n : draws; the more, the finer.
    alpha : probability of a false alarm (empirical Bernstein bound, Maurer and Pontil 2009).
    most : the greatest log weight that a draw may have, nats; 0 but for steps that draw from a proposal.
    """
    base = tempered(np.asarray(model.logp_next([Prefix()])[0], np.float64), step.temperature)
    (drawer,) = drawers(step, [Spot(auto, Prefix(), 0, base)])
    rng = np.random.default_rng(seed)
    with auto.run():
        budget = auto.least_bytes(auto.start) + 64
        drawn = [drawer.draw(base, auto, auto.start, budget, rng) for _ in range(n)]
        found = [d for d in drawn if isinstance(d, Draw)]
        for d in found:
            assert auto.advance(auto.start, d.token) == d.state != 0, f"token {d.token} may not follow, or to elsewhere"
            assert d.logw <= most + 1e-9, f"token {d.token} has weight {np.exp(d.logw):.3g}, above {np.exp(most):.3g}"
        allowed = [t for t in ids_of(auto.mask(auto.start)).tolist() if auto.check(auto.start, t)]
    log = np.log(2 * len(allowed) / alpha)
    for t in allowed:
        w = np.array([np.exp(d.logw) if isinstance(d, Draw) and d.token == t else 0.0 for d in drawn])
        bound = np.sqrt(2 * w.var(ddof=1) * log / n) + 7 * np.exp(most) * log / (3 * (n - 1))
        p = np.exp(base[t])
        assert abs(w.mean() - p) <= bound, f"token {t}: mean weight {w.mean():.4g}, probability {p:.4g} +- {bound:.2g}"


def _scores(score: Any, states: Sequence[Any], tolerance: float) -> NDArray[np.float64]:
    """The scores of a batch, which are those of each state alone."""
    batch = np.asarray(score(states), np.float64)
    assert batch.shape == (len(states),), f"expected shape {(len(states),)}, found {batch.shape}"
    assert not np.isnan(batch).any(), "a score is NaN"
    assert (batch < np.inf).all(), "a score is +inf"
    _close(batch, np.array([score([state])[0] for state in states]), tolerance, "alone and in a batch")
    return batch


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
