"""AWRS: adaptive weighted rejection sampling of a token.

Tokens are drawn by their probability under the base law, without replacement, and offered to the constraint; the first
that passes is taken. So a token is drawn by p(v | h) 1[v may follow h] / Z(h), after a few checks however large the
vocabulary is; and a little more work estimates Z(h) without bias. With R the mass refused before the token x:

    recursive   one more check, of the next token in the order: it passes -> 1 - R, it is refused -> p(x), none is
                left -> 1 - R. Without noise where one token is allowed.
    paper       a second pass, in an order of its own, over all that was not refused, x included, up to a token that
                passes; n refusals in both passes together -> (1 - R) / (n + 1).
    geometric   the draws with replacement that these stand for: refusals of known tokens are counted (geometrically),
                not made, until `max_accepts` A passes: (A - 1) / (passes + refusals - 1). Less noise for larger A.

All are properly weighted jointly with the token: E[Z-hat 1{x = v}] = p(v | h) 1[v may follow h].

`max_rejects` D gives up after D refusals with weight 0, and stays unbiased:

    recursive   says 1 - R, without a second check, where D - 1 were refused before x.
    paper       says (1 - R) / D as soon as n = D - 1, in the middle of the second pass, too.
    geometric   says min(A - 1, passes) / (passes + refusals - 1), refusals cut at D.

Why the paper's is right: the second pass draws from what the first one left, so refusals b_1 .. b_n, n_1 of them in the
first pass, have the probability P(b) of an order without replacement, wherever x came between them. With q_x = p(x) /
(1 - R) that x is drawn after n_1, and g_n that what follows b_n passes,

    E[Z-hat 1{x = v}] = sum_b sum_{n_1 <= n} P(b) q_v (1 - R) a_n g_n = p(v) sum_b P(b) g_n (n + 1) a_n

which is p(v) for a_n = 1 / (n + 1): P(b) g_n sums to 1, as some token passes at last. Orders of D refusals, which the
limit cuts short, have the mass that is missing from the sum over n < D; x can have come at D places in them (at
n_1 = D it was given up), so a_D = 1 / D makes them whole. That is a_{D-1}: the D-th refusal needs no asking.

The constraint's mask prunes beforehand: only what it allows is offered, and its mass multiplies the estimate. Mass that
is left is summed over what is left, never taken as 1 - R, so allowed shares of 1e-30 keep their weights.

Source: Lipkin et al. 2025 (arXiv 2504.05410), sections 3 and 4; inverse binomial sampling: Girshick et al. 1946.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .chain import StepwiseSampler
from .constraint import Constraint
from .model import logsumexp
from .step import Chance, Draw, Offer, Random, behind, offers


class Estimate(NamedTuple):
    """A token and the estimate of the log share of what may follow; -inf: given up after `max_rejects`."""

    i: int
    logz: float


@dataclass(frozen=True)
class AWRS(StepwiseSampler):
    """Sample token by token with few checks; a sampler, and a step for `SMC`.

    Weights are proper for the base law restricted to the constraint. Sequences are drawn as `Masking` draws them.

    Parameters
    ----------
    estimator : of the allowed share, see the module.
    max_rejects : refusals after which a token is given up, with weight 0; `None`: never.
    max_accepts : passes that the geometric estimator waits for, at least 2.
    prune : whether the mask prunes; without it the constraint is a black box.
    temperature : divides the log-probabilities; part of the base law.
    seed : makes runs repeatable.
    """

    estimator: Literal["recursive", "paper", "geometric"] = "recursive"
    max_rejects: int | None = None
    max_accepts: int = 2
    prune: bool = True
    temperature: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.estimator not in ("recursive", "paper", "geometric"):
            raise ValueError(f'Expected estimator "recursive", "paper" or "geometric", got {self.estimator!r}.')
        if self.max_rejects is not None and self.max_rejects < 1:
            raise ValueError(f"Expected max_rejects to be at least 1, got {self.max_rejects}.")
        if self.max_accepts < 2:
            raise ValueError(f"Expected max_accepts to be at least 2, got {self.max_accepts}.")
        if not 0 < self.temperature < np.inf:
            raise ValueError(f"Expected temperature to be finite and above 0, got {self.temperature}.")
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"Expected seed to be at least 0, got {self.seed}.")

    def draw(
        self, base: NDArray[np.float64], auto: Constraint, state: int, remaining: int, rng: np.random.Generator
    ) -> Draw | int:
        """See `StepSampler.draw`."""
        checks = 0
        for pruned in offers(auto, state, remaining):
            offer = self._unpruned(pruned, auto)
            known: dict[int, int] = {}
            ask = _remembering(behind(auto, state, remaining, offer), known)
            found = self.estimate(base[offer.ids], ask, Random(rng), is_sure=offer.is_sure)
            refused = sum(not after for after in known.values())
            checks += len(known)
            if found is not None and found.logz > -np.inf:
                exact, n = auto.exact and not refused, len(offer.ids) - refused
                return Draw(int(offer.ids[found.i]), ask(found.i), min(found.logz, 0.0), n, checks, exact)
            if found is not None:
                break
        return checks

    def estimate(
        self, mass: NDArray[np.float64], ask: Callable[[int], object], chance: Chance, *, is_sure: bool = False
    ) -> Estimate | None:
        """A token that passes and the log mass of those that would; `None`: none does.

        Parameters
        ----------
        mass : (n,) nats; need not be normalised.
        ask : whether token i passes; asked at most once for each.
        is_sure : all pass, and none needs asking.
        """
        if is_sure:
            i = next(chance.order(mass), None)
            return None if i is None else Estimate(i, logsumexp(mass))
        if self.estimator == "geometric":
            return _geometric(mass, ask, chance, self.max_accepts, self.max_rejects or np.inf)
        if self.estimator == "paper":
            return _paper(mass, ask, chance, self.max_rejects)
        return _recursive(mass, ask, chance, self.max_rejects)

    def _unpruned(self, offer: Offer, auto: Constraint) -> Offer:
        """The offer, or with `prune=False` every token where the budget leaves the choice to the constraint."""
        if self.prune or not offer.asks_fit:
            return offer
        return Offer(np.arange(auto.vocabulary.size), True, False)


def _recursive(
    mass: NDArray[np.float64], ask: Callable[[int], object], chance: Chance, limit: int | None
) -> Estimate | None:
    order = chance.order(mass)
    i, refused = _first(order, ask, limit)
    if i is None:
        return _given_up(refused, limit)
    left = logsumexp(np.delete(mass, refused))
    if len(refused) + 1 != limit and (j := next(order, None)) is not None and not ask(j):
        left = float(mass[i])
    return Estimate(i, left)


def _paper(
    mass: NDArray[np.float64], ask: Callable[[int], object], chance: Chance, limit: int | None
) -> Estimate | None:
    i, refused = _first(chance.order(mass), ask, limit)
    if i is None:
        return _given_up(refused, limit)
    pool, n = mass.copy(), len(refused)
    pool[refused] = -np.inf
    for j in chance.order(pool):
        if n + 1 == limit or j == i or ask(j):
            break
        n += 1
    return Estimate(i, logsumexp(pool) - float(np.log(n + 1)))


def _first(order: Iterator[int], ask: Callable[[int], object], limit: int | None) -> tuple[int | None, list[int]]:
    """The first token that passes, `None` if none does or `limit` are refused; and those refused."""
    refused: list[int] = []
    for i in order:
        if ask(i):
            return i, refused
        refused.append(i)
        if len(refused) == limit:
            break
    return None, refused


def _given_up(refused: list[int], limit: int | None) -> Estimate | None:
    """Weight 0 where more might have passed."""
    return Estimate(refused[-1], -np.inf) if len(refused) == limit else None


def _geometric(
    mass: NDArray[np.float64], ask: Callable[[int], object], chance: Chance, accepts: int, limit: float
) -> Estimate | None:
    pool, whole = mass.copy(), logsumexp(mass)
    passed: list[int] = []
    refusals = 0.0
    while len(passed) < accepts and (left := logsumexp(pool)) > -np.inf:
        refusals += chance.failures(left - whole)
        if refusals >= limit:
            break
        i = next(chance.order(pool))
        if i in passed or ask(i):
            passed.append(i)
            continue
        pool[i] = -np.inf
        refusals += 1
        if refusals >= limit:
            break
    if not passed:
        return Estimate(0, -np.inf) if refusals >= limit else None
    share = min(accepts - 1, len(passed)) / (len(passed) + min(refusals, limit) - 1)
    return Estimate(passed[0], whole + float(np.log(share)))


def _remembering(ask: Callable[[int], int], known: dict[int, int]) -> Callable[[int], int]:
    """The same question, put once for each token."""

    def remembered(i: int) -> int:
        if i not in known:
            known[i] = ask(i)
        return known[i]

    return remembered
