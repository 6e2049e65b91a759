"""Rejuvenation: moves of particles that a resampling has made alike.

A live particle's text is regrown: a cut is drawn uniformly among its tokens, those behind it are drawn anew by the step
sampler, and the new text is taken with probability min(1, w' r' / (w r)), where w, w' are the products of the step
weights behind the cut and r, r' the critic's words on the texts. A regrown text that ends, or dies, is refused.

Law: on the space of texts together with all that was drawn to weigh them, the move is a Metropolis-Hastings kernel that
leaves the law of the particles as it is: the proposal has density target / (w r) there, and the cut depends on nothing.
So the weights stay as they are, and estimates of step weights do no harm.

Source: Del Moral et al. 2006 and Andrieu and Roberts 2009 (pseudo-marginal moves).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .particle import Particle
from .task import Task

if TYPE_CHECKING:
    from .cloud import Cloud


def move(cloud: Cloud) -> Task[None]:
    """One move of every live particle."""
    live = [i for i, p in enumerate(cloud.particles) if p.live]
    old = [cloud.particles[i] for i in live]
    new = yield from _regrown(cloud, [_cut(cloud, p) for p in old])
    through = [k for k, p in enumerate(new) if p.live]
    words = yield from cloud.words([new[k] for k in through])
    cloud.report.moves += len(live)
    for k, word in zip(through, words, strict=True):
        chance = math.exp(min(0.0, log_ratio(old[k], new[k], word)))
        if cloud.rng.random() < chance:
            cloud.particles[live[k]] = replace(old[k], place=new[k].place, prefix=new[k].prefix, twist=word)
            cloud.report.moves_accepted += 1


def log_ratio(old: Particle, new: Particle, word: float) -> float:
    """Log of w' r' / (w r); steps before the cut cancel."""
    return new.place.logw + word - old.place.logw - old.twist


def _cut(cloud: Cloud, p: Particle) -> Particle:
    """The particle as it was at a random place before."""
    place = p.place.at(int(cloud.rng.integers(p.place.depth)))
    n = len(cloud.job.prompt) + place.depth
    return replace(p, place=place, prefix=p.prefix.cut(n))


def _regrown(cloud: Cloud, particles: Sequence[Particle]) -> Task[list[Particle]]:
    """The particles at the cloud's depth again, but for those that ended or died on the way."""
    out = list(particles)
    while short := [i for i, p in enumerate(out) if p.live and p.place.depth < cloud.depth]:
        grown = yield from cloud.grown([out[i] for i in short])
        for i, p in zip(short, grown, strict=True):
            out[i] = p
    return out
