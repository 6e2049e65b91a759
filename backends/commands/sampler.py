"""Sampler from options: by name, with what it takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..drafts import DRAFTS, drafters
from .constraint import UsageError

if TYPE_CHECKING:
    from ...sampling import Sampler
    from ...sampling.report import Report

#: Samplers that need every token's law: they take no truncation and no temperature of 0.
LAWFUL = ("awrs", "asap", "cars", "mcmc", "smc", "beam")


@dataclass(frozen=True)
class SamplerOptions:
    """What the command line says about sampling."""

    name: str = "masking"
    #: `None`: 0 for masking, which takes the most probable token, and 1 for the others.
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    seed: int | None = None
    #: For SMC, and the width of a beam.
    particles: int | None = None
    #: File to draw the run of SMC into.
    plot: Path | None = None
    #: For masking: what guesses the next tokens, one of `DRAFTS`.
    draft: str | None = None

    def __post_init__(self) -> None:
        if self.name != "masking" and self.name not in LAWFUL:
            raise UsageError(f"Expected --sampler masking, {', '.join(LAWFUL)}, got {self.name!r}.")
        truncated = any(value is not None for value in (self.top_k, self.top_p, self.min_p))
        if truncated and self.name != "masking":
            raise UsageError("--top-k, --top-p and --min-p are for --sampler masking: others keep the model's law.")
        if truncated and not self.temperature:
            raise UsageError("--top-k, --top-p and --min-p need --temperature above 0.")
        if self.name not in ("smc", "beam") and self.particles is not None:
            raise UsageError("--particles is for --sampler smc and --sampler beam.")
        if self.draft is not None and (self.name != "masking" or self.draft not in DRAFTS):
            raise UsageError(f"--draft {'|'.join(DRAFTS)} is for --sampler masking.")
        if self.name != "smc" and self.plot is not None:
            raise UsageError("--plot is for --sampler smc.")

    def sampler(self, show: bool = False) -> Sampler:
        """Make the sampler; SMC can `show` how far it is on standard error.

        Raises
        ------
        UsageError : an option's value cannot be used.
        """
        from ... import sampling

        temperature = (0.0 if self.name == "masking" else 1.0) if self.temperature is None else self.temperature
        try:
            if self.name == "masking":
                draft = drafters(self.draft)
                return sampling.Masking(temperature, self.top_k, self.top_p, self.min_p, seed=self.seed, draft=draft)
            if self.name == "smc":
                step = sampling.AWRS(temperature=temperature)
                return sampling.SMC(self.particles or 16, step, progress=Progress() if show else None, seed=self.seed)
            if self.name == "beam":
                return sampling.Beam(self.particles or 4, temperature=temperature)
            kinds: dict[str, Any] = dict(awrs=sampling.AWRS, asap=sampling.ASAp, cars=sampling.CARS, mcmc=sampling.MCMC)
            made: Sampler = kinds[self.name](temperature=temperature, seed=self.seed)
            return made
        except ValueError as error:
            raise UsageError(str(error)) from error


class Progress:
    """A line on standard error that says how far the particles are."""

    def __init__(self) -> None:
        from rich.console import Console

        self._status = Console(stderr=True).status("")

    def __call__(self, report: Report) -> None:
        last = report.rounds[-1]
        text = f"token {len(report.rounds)}: {last.live} of {report.n} particles go on, {last.ess:.1f} effective"
        self._status.update(text)
        if last.live:
            self._status.start()
        else:
            self._status.stop()
