"""Drafter: guesses the tokens that follow, so that a model can read several of them in one pass.

A guess changes nothing but the number of passes (see `lookahead.py`), so a drafter may look at whatever it likes. What
it learns from the texts of a run, and what of it outlives the run, is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .constraint import Constraint
from .decode import Sample
from .model import Model


class Guesser(Protocol):
    """A drafter at work in one run of a sampler."""

    def guess(self, auto: Constraint, state: int, tokens: NDArray[np.int64], limit: int) -> Sequence[int]:
        """Tokens that may come next, one after the other; none without an idea.

        Parameters
        ----------
        state : of the constraint behind `tokens`.
        tokens : (n,) the prompt and the text so far, the draft's tokens included; not to be kept.
        limit : how many are used at most.
        """

    def learn(self, sample: Sample, n: int) -> None:
        """Take notice of the last n tokens of a sample, which may be done."""


class Drafter(Protocol):
    """Makes guessers."""

    @property
    def length(self) -> int:
        """How many tokens to guess at most."""

    def begin(self, model: Model) -> Guesser:
        """A guesser for a run with this model."""


@dataclass(frozen=True)
class NGramDrafter:
    """Guesses that what followed the last tokens earlier, in prompt or text, follows them again.

    Good where texts repeat their prompts: extraction, edits, summaries, tables.

    Parameters
    ----------
    length : how many tokens to guess at most.
    longest, shortest : how many of the last tokens to look for, the longest of their earlier places first, and among
        places equally long the last one.

    Source: prompt lookup decoding (Saxena 2023).
    """

    length: int = 8
    longest: int = 4
    shortest: int = 2

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"Expected length to be at least 1, got {self.length}.")
        if not 1 <= self.shortest <= self.longest:
            raise ValueError(f"Expected 1 <= shortest <= longest, got {self.shortest} and {self.longest}.")

    def begin(self, model: Model) -> NGramDrafter:
        """Itself: what it looks at are the tokens."""
        return self

    def guess(self, auto: Constraint, state: int, tokens: NDArray[np.int64], limit: int) -> Sequence[int]:
        """What followed the last tokens before."""
        at = self._earlier(tokens)
        found: list[int] = [] if at is None else tokens[at : at + min(limit, self.length)].tolist()
        return found

    def learn(self, sample: Sample, n: int) -> None:
        """Nothing: the next guess sees the tokens."""

    def _earlier(self, tokens: NDArray[np.int64]) -> int | None:
        """The place behind the last of the longest earlier matches of the last tokens."""
        if not len(tokens):
            return None
        found = np.flatnonzero(tokens[:-1] == tokens[-1])  # where the last of the tokens stands, too
        for k in range(1, self.longest):
            longer = found[found >= k]
            longer = longer[tokens[longer - k] == tokens[-1 - k]] if k < len(tokens) else longer[:0]
            if not len(longer):
                return int(found[-1]) + 1 if len(found) and k >= self.shortest else None
            found = longer
        return int(found[-1]) + 1 if len(found) else None
