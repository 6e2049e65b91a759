"""Cloud: the particles of one prompt, and a round of SMC.

Particles take a token together (`grown`), are weighed (`words`), and are selected. What needs the model is a generator:
it yields prefixes and gets their rows, so that the clouds of several prompts share calls (`task.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import AllParticlesDied, Refusal
from . import rejuvenation
from .chain import ends_unsaid, step_of
from .constraint import text_of
from .dead_end import refused_by
from .job import Job
from .ledger import Ledger, Weights
from .model import Prefix, logsumexp
from .particle import Drawn, Particle, Place, advanced
from .posterior import Posterior, WeightedSample
from .report import Report, effective_size
from .resampling import SCHEMES, thin
from .step import Draw, Spot, StepSampler, drawers, tempered
from .task import Task

if TYPE_CHECKING:
    from .smc import SMC


class Law(NamedTuple):
    """How the token behind a prefix is drawn."""

    #: The model's row, nats.
    row: NDArray[np.float64]
    #: The base law, raised to the power of the target, nats.
    base: NDArray[np.float64]
    #: The log of what that power took out of it.
    norm: float
    step: StepSampler


class Cloud:
    """The particles of one prompt."""

    def __init__(self, options: SMC, job: Job) -> None:
        self.options, self.auto, self.job, self.rng = options, job.auto, job, job.rng
        self.step = options.drawer
        self.report = Report(options.n)
        self.kind: Weights = "exact" if self.auto.exact else "estimated"
        critic = options.critic
        mark = None if critic is None else critic.start
        start = Place(None, None, self.auto.start, mark, 0, job.max_tokens, 0.0)
        prefix = Prefix(job.prompt)
        self.particles = [Particle(start, prefix, 0.0, 0.0, i) for i in range(options.n)]
        self.result: Drawn | None = None
        #: What refused the particles that died, and how many of them.
        self.refusals: Counter[Refusal] = Counter()
        self._explained: dict[int, list[Refusal]] = {}
        #: Rounds so far: the tokens of every live particle.
        self.depth = 0

    def run(self) -> Task[None]:
        """Rounds until every particle has ended or died."""
        while any(p.live for p in self.particles):
            yield from self._round()
            if self.options.progress is not None:
                self.options.progress(self.report)
        self.result = self._finish()

    def sample(self) -> Drawn:
        """The result; before the end, a sample without tokens that knows those of the particles (`Sample.ways`).

        Whatever comes out descends from a particle that weighs something now, and begins as it does; unless `moves`
        may grow it anew.
        """
        if self.result is not None:
            return self.result
        sample = self._drawn(Ledger(self.kind))
        begin = len(self.job.prompt)
        weighty = [p for p in self.particles if p.logw > -np.inf]
        sample.ways = [()] if self.options.moves else [p.prefix.tokens[begin:] for p in weighty]
        return sample

    def grown(self, particles: Sequence[Particle]) -> Task[list[Particle]]:
        """Every live particle one token on; equal prefixes share a row of the model."""
        live = [p for p in particles if p.live]
        unique = {p.prefix.tokens: p.prefix for p in live}
        self.report.rows_asked += len(live)
        self.report.rows_computed += len(unique)
        laws: dict[tuple[int, ...], Law] = {}
        if unique:
            rows = yield list(unique.values())
            for p in live:
                p.prefix.cache = unique[p.prefix.tokens].cache
            laws = dict(zip(unique, self._laws(list(unique.values()), rows), strict=True))
        return [self._child(p, laws[p.prefix.tokens]) if p.live else p for p in particles]

    def words(self, particles: Sequence[Particle]) -> Task[list[float]]:
        """What the critic says of texts that go on, nats."""
        critic, anneal = self.options.critic, self.options.anneal
        if critic is None or not particles:
            return [0.0] * len(particles)
        if self.options.lookahead:
            said = yield from self._ahead(particles)
        else:
            said = critic.prefix([p.place.mark for p in particles]).tolist()
        strength = [min(1.0, p.place.depth / anneal) if anneal else 1.0 for p in particles]
        return [word * beta if word > -np.inf else word for word, beta in zip(said, strength, strict=True)]

    def _round(self) -> Task[None]:
        options = self.options
        n_children = options.expand if self.depth % options.block == 0 else 1
        origins = [i for i, p in enumerate(self.particles) for _ in range(n_children if p.live else 1)]
        parents = [self.particles[i] for i in origins]
        if n_children > 1:
            parents = [replace(p, logw=p.logw - float(np.log(n_children))) if p.live else p for p in parents]
        self.particles = yield from self.grown(parents)
        self.depth += 1
        at_block = self.depth % options.block == 0
        yield from self._weigh(at_block and (options.ess_threshold > 0 or options.expand > 1))
        if options.expand > 1:
            self._thin(origins)
        else:
            yield from self._resample(at_block)

    def _weigh(self, live_too: bool) -> Task[None]:
        """The critic's last word on texts that have just ended, and its word on those that go on."""
        critic = self.options.critic
        if critic is None:
            return
        weighed = list(self.particles)
        ended = [i for i, p in enumerate(weighed) if p.place.ended and p.place.depth == self.depth]
        if ended:
            said = critic.complete([weighed[i].place.mark for i in ended]).tolist()
            for i, word in zip(ended, said, strict=True):
                weighed[i] = self._told(weighed[i], word)
        live = [i for i, p in enumerate(weighed) if p.live] if live_too else []
        words = yield from self.words([weighed[i] for i in live])
        for i, word in zip(live, words, strict=True):
            weighed[i] = self._told(weighed[i], word)
        self.particles = weighed

    def _told(self, particle: Particle, word: float) -> Particle:
        """With what the critic says now."""
        if word == -np.inf < particle.logw:
            self.refusals["critic", type(self.options.critic).__name__] += 1
        return particle.weighed(word)

    def _resample(self, at_block: bool) -> Task[None]:
        """Resample and move, where few particles carry the weight; and note the round."""
        options, logw = self.options, np.array([p.logw for p in self.particles])
        n_live = sum(p.live for p in self.particles)
        few = effective_size(logw) < options.ess_threshold * options.n * (1 - 1e-9)
        if not (n_live and at_block and few):
            self.report.note(logw, n_live, None)
            return
        total = logsumexp(logw)
        ancestors = SCHEMES[options.resampling](np.exp(logw - total), self.rng)
        mean = total - float(np.log(options.n))
        self.report.note(logw, n_live, ancestors)
        self.particles = [replace(self.particles[i], logw=mean) for i in ancestors]
        for _ in range(options.moves):
            yield from rejuvenation.move(self)

    def _thin(self, origins: Sequence[int]) -> None:
        """Join equal particles, keep at most n of them without replacement, and fill up with dead ones."""
        n, dead = self.options.n, self.particles[0]
        joined: dict[tuple[tuple[int, ...], bool], tuple[Particle, int]] = {}
        totals = np.full(n, -np.inf)
        for p, origin in zip(self.particles, origins, strict=True):
            totals[origin] = np.logaddexp(totals[origin], p.logw)
            key = p.place.tokens, p.place.ended
            if p.logw > -np.inf and key in joined:
                first, at = joined[key]
                logw = np.logaddexp(first.logw, p.logw - p.twist + first.twist)
                joined[key] = replace(first, logw=float(logw)), at
            elif p.logw > -np.inf:
                joined[key] = p, origin
        pairs = list(joined.values())
        kept, logw = thin(np.array([p.logw for p, _ in pairs]), n, self.rng)
        padding = n - len(kept)
        self.particles = [replace(pairs[i][0], logw=float(w)) for i, w in zip(kept, logw, strict=True)]
        self.particles += [replace(dead, logw=-np.inf)] * padding
        ancestors = np.array([pairs[i][1] for i in kept] + [0] * padding, np.intp)
        self.report.note(totals, sum(p.live for p in self.particles), ancestors)

    def _laws(self, prefixes: Sequence[Prefix], rows: NDArray[np.float64]) -> list[Law]:
        power, begin = self.options.power, len(self.job.prompt)
        bases, norms = [tempered(row, self.step.temperature) for row in rows], [0.0] * len(rows)
        if power != 1:
            norms = [logsumexp(power * base) for base in bases]
            bases = [power * base - norm for base, norm in zip(bases, norms, strict=True)]
        spots = [Spot(self.auto, p, begin, base) for p, base in zip(prefixes, bases, strict=True)]
        steps = drawers(self.step, spots)
        return [Law(*law) for law in zip(rows, bases, norms, steps, strict=True)]

    def _child(self, parent: Particle, law: Law) -> Particle:
        """One token on; without weight where none may follow."""
        place, auto = parent.place, self.auto
        if ends_unsaid(auto, place.state):
            return replace(parent, place=replace(place, before=place, step=None, depth=place.depth + 1, ended=True))
        drawn = law.step.draw(law.base, auto, place.state, place.remaining, self.rng)
        if not isinstance(drawn, Draw):
            self.report.checks += 0 if auto.exact else drawn
            self._mourn(place, law)
            return replace(parent, logw=-np.inf)
        step = step_of(drawn, law.row, auto)
        self.report.checks += step.checks
        if not drawn.exact:
            self.kind = "estimated"
        logw = drawn.logw + law.norm
        after = advanced(place, step, drawn.state, logw, auto, self.options.critic)
        prefix = parent.prefix if after.ended else parent.prefix.extend(drawn.token)
        return replace(parent, place=after, prefix=prefix, logw=parent.logw + logw)

    def _mourn(self, place: Place, law: Law) -> None:
        """Note what refused a particle that dies here."""
        if place.state not in self._explained:
            self._explained[place.state] = refused_by(self.auto, place.state, law.base)
        self.refusals.update(self._explained[place.state])

    def _ahead(self, particles: Sequence[Particle]) -> Task[list[float]]:
        """Log of the mean final word on a few texts completed from each particle, smoothed by half a text of word 1.

        Any positive number would be right; the smoothing keeps texts alive of which none of the few came to anything.
        """
        critic, k = self.options.critic, self.options.lookahead
        assert critic is not None
        texts = [replace(p, logw=0.0) for p in particles for _ in range(k)]
        while any(p.live for p in texts):
            texts = yield from self.grown(texts)
        logw = np.array([p.logw for p in texts]).reshape(len(particles), k)
        last = critic.complete([p.place.mark for p in texts]).reshape(len(particles), k) + logw
        means = [
            logsumexp(row) - logsumexp(w) if w.max() > -np.inf else -np.inf for row, w in zip(last, logw, strict=True)
        ]
        return [float(np.logaddexp(mean, -np.log(2 * k)) - np.log1p(1 / (2 * k))) for mean in means]

    def _finish(self) -> Drawn:
        """The text to show, with posterior and report."""
        texts = [self._weighted(p) for p in self.particles]
        posterior = Posterior(texts, self.kind, [p.family for p in self.particles])
        if not np.isfinite(posterior.log_evidence):
            dead = self._drawn(Ledger(self.kind), posterior)
            dead.dead = AllParticlesDied(self.depth, [refusal for refusal, _ in self.refusals.most_common()])
            return dead
        spent = np.array([p.place.logw + p.twist if p.logw > -np.inf else 0.0 for p in self.particles])
        self.report.kl = max(0.0, float(posterior.weights @ spent) - posterior.log_evidence)
        i = int(self.rng.choice(len(self.particles), p=posterior.weights))
        if self.options.pick == "map":
            i = posterior.samples.index(posterior.argmax())
        steps = self.particles[i].place.steps
        correction = posterior.log_evidence - sum(step.logz for step in steps)
        ledger = Ledger(self.kind if self.options.pick == "sample" else "improper", steps, correction=correction)
        return self._drawn(ledger, posterior)

    def _weighted(self, p: Particle) -> WeightedSample:
        steps = p.place.steps
        tokens = [step.token for step in steps]
        text = text_of(self.auto.vocabulary, tokens)
        ended = p.place.ended and p.logw > -np.inf
        return WeightedSample(tuple(tokens), text, p.logw, "stop" if ended else None, sum(step.logp for step in steps))

    def _drawn(self, ledger: Ledger, posterior: Posterior | None = None) -> Drawn:
        """A sample of the ledger's tokens; finished if there is a posterior."""
        tokens = [step.token for step in ledger]
        left = self.job.max_tokens - len(tokens)
        prefix = Prefix([*self.job.prompt, *tokens])
        drawn = Drawn(self.auto, prefix, self.auto.start, left, self.rng, ledger, tokens)
        drawn.posterior, drawn.report = posterior, self.report
        if posterior is not None and np.isfinite(posterior.log_evidence):
            drawn.finish_reason, drawn.state = "stop", self.auto.finished
        return drawn
