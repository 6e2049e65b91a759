"""Proposal: tokens drawn from another law than the target's, and weighed for the target's.

A second model that knows the task better, or a cheap one that looks at something else; a potential that says which
words lead somewhere. With q what they propose after h and p the base law, tokens are drawn from

    q' = (1 - mix) q + mix p

by any step sampler, and the weight of a token x is the step's, for q', times p(x) / q'(x).

Law: a step that is properly weighted for q' is so for p: E[w 1{x = v}] = q'(v) 1[v may follow h] p(v) / q'(v). So the
target stays what it was, whatever is proposed; a good proposal makes the weights even, a bad one makes them uneven. The
share `mix` of p makes q' positive wherever p is, without which the law would not hold, and bounds a step's weight by
1 / mix.

    a model       q is its law of the next token. It reads the same prompt and tokens; its vocabulary is the target's.
    a potential   q(v) is p(v) exp(prefix(hv) - prefix(h)), normalised, over the `top` most probable tokens, which it
                  is asked about; the others keep the share that they have under p. Of end tokens, `complete` is asked.

Source: Lipkin et al. 2025 (arXiv 2504.05410), section 3, for rejection from a proposal; Hesterberg 1995 for mixtures
with the target's own law.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendMismatch
from .awrs import AWRS
from .chain import StepwiseSampler
from .constraint import Constraint
from .decode import logp_rows
from .model import Model, Prefix, logsumexp
from .potential import Potential, State
from .step import Draw, Spot, StepSampler

K = TypeVar("K")
T = TypeVar("T")
_PROMPTS = 16  # of which a model's prefixes are kept
_TEXTS = 4096  # of which a potential's states are kept


@dataclass(frozen=True, eq=False)
class Proposed(StepwiseSampler):
    """Sample token by token from a proposal; a sampler, and a step for `SMC`.

    Weights are proper for the base law restricted to the constraint, as are those of `step`.

    Parameters
    ----------
    proposal : a model of the same vocabulary, or a potential.
    step : how a token is drawn from what is proposed: `AWRS`, `FullMask`, or another step sampler.
    mix : the share of the base law in what is proposed, above 0 and at most 1.
    top : tokens of which a potential is asked at each step; the other ones are drawn as the base law has them.
    seed : makes runs repeatable.

    >>> from syntagma import AWRS, TextPotential
    >>> Proposed(TextPotential(prefix=len), AWRS(temperature=0.7)).temperature
    0.7
    """

    proposal: Model | Potential
    step: StepSampler = field(default_factory=AWRS)
    mix: float = 0.1
    top: int = 64
    seed: int | None = None
    _source: _Rows | _Words = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.mix <= 1:
            raise ValueError(f"Expected mix to be above 0 and at most 1, got {self.mix}.")
        if self.top < 1:
            raise ValueError(f"Expected top to be at least 1, got {self.top}.")
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"Expected seed to be at least 0, got {self.seed}.")
        of = self.proposal
        object.__setattr__(self, "_source", _Words(of, self.top) if isinstance(of, Potential) else _Rows(of))

    @property
    def temperature(self) -> float:
        """The step's: of the base law, not of what is proposed."""
        return self.step.temperature

    def drawers(self, spots: Sequence[Spot]) -> Sequence[StepSampler]:
        """See `Informed.drawers`.

        Raises
        ------
        BackendMismatch : the proposal is a model of another vocabulary.
        """
        return [
            _Drawer(self.step, self._mixed(spot.base, logq))
            for spot, logq in zip(spots, self._source.logq(spots), strict=True)
        ]

    def _mixed(self, base: NDArray[np.float64], logq: NDArray[np.float64]) -> NDArray[np.float64]:
        """q', and nothing where p is 0."""
        if self.mix == 1:
            return base
        mixed = np.logaddexp(logq + math.log1p(-self.mix), base + math.log(self.mix))
        return np.where(base > -np.inf, mixed, -np.inf)


@dataclass(frozen=True)
class _Drawer:
    """Draws from what was proposed at one spot."""

    step: StepSampler
    #: (width,) log q', nats.
    logq: NDArray[np.float64]

    @property
    def temperature(self) -> float:
        return self.step.temperature

    def draw(
        self, base: NDArray[np.float64], auto: Constraint, state: int, remaining: int, rng: np.random.Generator
    ) -> Draw | int:
        """See `StepSampler.draw`."""
        drawn = self.step.draw(self.logq, auto, state, remaining, rng)
        if not isinstance(drawn, Draw):
            return drawn
        return drawn._replace(logw=drawn.logw + float(base[drawn.token] - self.logq[drawn.token]))


class _Rows:
    """What a model proposes.

    Its prefixes are its own, as what models keep of texts is. Those of the last call for a prompt are kept, so that the
    next ones go on from there.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._last: _Kept[tuple[int, ...], dict[tuple[int, ...], Prefix]] = _Kept(_PROMPTS)

    def logq(self, spots: Sequence[Spot]) -> Sequence[NDArray[np.float64]]:
        """Log-probabilities of the next token, (width,) each, nats."""
        mine, theirs = self.model.vocabulary, [spot.auto.vocabulary for spot in spots]
        if other := next((v for v in theirs if v is not mine and v != mine), None):
            raise BackendMismatch(f"Expected a proposal of the target's vocabulary {other}, got one of {mine}.")
        prefixes = [self._prefix(spot) for spot in spots]
        rows = logp_rows(self.model, prefixes)
        now: dict[tuple[int, ...], dict[tuple[int, ...], Prefix]] = {}
        for spot, prefix in zip(spots, prefixes, strict=True):
            now.setdefault(_prompt(spot), {})[prefix.tokens] = prefix
        for prompt, kept in now.items():
            self._last.keep(prompt, kept)
        return list(rows)

    def _prefix(self, spot: Spot) -> Prefix:
        tokens = spot.prefix.tokens
        before = (self._last.get(_prompt(spot)) or {}).get(tokens[:-1])
        return Prefix(tokens) if before is None or len(tokens) == spot.begin else before.extend(tokens[-1])


def _prompt(spot: Spot) -> tuple[int, ...]:
    return spot.prefix.tokens[: spot.begin]


class _Words:
    """What a potential makes of the base law."""

    def __init__(self, potential: Potential, top: int) -> None:
        self.potential, self.top = potential, top
        self._states: _Kept[tuple[int, ...], State] = _Kept(_TEXTS)

    def logq(self, spots: Sequence[Spot]) -> Sequence[NDArray[np.float64]]:
        """Log-probabilities of the next token, (width,) each, nats."""
        return [self._twisted(spot) for spot in spots]

    def _twisted(self, spot: Spot) -> NDArray[np.float64]:
        """The law of the most probable tokens, their common share unchanged."""
        n = min(self.top, len(spot.base))
        likely = np.argpartition(-spot.base, n - 1)[:n]
        likely = likely[spot.base[likely] > -np.inf]
        twisted = spot.base[likely] + self._gains(spot, likely.tolist())
        if (total := logsumexp(twisted)) == -np.inf:
            return spot.base
        logq = spot.base.copy()
        logq[likely] = twisted - total + logsumexp(spot.base[likely])
        return logq

    def _gains(self, spot: Spot, tokens: list[int]) -> NDArray[np.float64]:
        """What the potential says of the text with each token, less what it says of it now; -inf if that is nothing."""
        here = self._state(spot)
        (now,) = self.potential.prefix([here])
        if now == -np.inf:
            return np.full(len(tokens), -np.inf)
        onward = [t for t in tokens if t not in spot.auto.end_ids]
        said = dict.fromkeys(tokens, float(self.potential.complete([here])[0]))
        if onward:
            words = self.potential.prefix([self._read(spot, t, here) for t in onward]).tolist()
            said.update(zip(onward, words, strict=True))
        return np.array([said[t] for t in tokens], np.float64) - float(now)

    def _state(self, spot: Spot) -> State:
        text = spot.prefix.tokens[spot.begin :]
        before, rest = (self._states.get(text[:-1]), text[-1:]) if text else (None, ())
        if before is None:
            before, rest = self.potential.start, text
        state: State = before
        for t in rest:
            state = self._read(spot, t, state)
        self._states.keep(text, state)
        return state

    def _read(self, spot: Spot, token: int, state: State) -> State:
        over_bytes = self.potential.alphabet == "bytes"
        return self.potential.read(spot.auto.vocabulary.token_bytes(token) if over_bytes else (token,), state)


class _Kept(Generic[K, T]):
    """The last things that were kept; safe to use from several threads. A pickled copy begins anew."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._things: OrderedDict[K, T] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.size,)

    def get(self, key: K) -> T | None:
        with self._lock:
            return self._things.get(key)

    def keep(self, key: K, thing: T) -> None:
        with self._lock:
            self._things[key] = thing
            self._things.move_to_end(key)
            if len(self._things) > self.size:
                self._things.popitem(last=False)
