"""Lookahead: the rows of a model along drafts, several of a sequence in one pass.

A pass reads a sequence and a draft behind it, and gives the row of the sequence and of each of the draft's tokens. The
sampler draws from them one after the other, as it would without; it goes on for as long as it draws what the draft
holds, and the rest is dropped. As a row depends on its prefix alone, the tokens drawn, their law, ledgers and weights
are those of the sampler without drafts, seed by seed: exactly, or up to the rounding by which a model's rows differ
when several are read at a time.

It is the rule of speculative sampling for drafts of one token a place: with l the sampler's law and the draft's law all
on x, x is accepted with probability min(1, l(x) / 1) = l(x), and else the token comes from (l - 1_x)+ normalised, which
is l without x. Both together are a draw from l, and no other rule accepts x more often.

Guards and predicates are asked about guesses, too; those of a guess that was wrong are in no ledger.

Where a model cannot read along a draft (`AheadModel`), it is asked for the beginnings of the draft in one batch.

Source: Leviathan et al. 2023 (arXiv 2211.17192), algorithm 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..errors import BudgetExceeded
from .decode import Sample, checked_rows, logp_rows
from .drafter import Drafter, Guesser
from .ledger import Passes
from .model import Model, Prefix

Rows = NDArray[np.float64]


@runtime_checkable
class AheadModel(Protocol):
    """A model that gives rows of several tokens of a sequence in one pass."""

    def logp_along(self, paths: Sequence[Prefix], ns: Sequence[int]) -> Sequence[NDArray[np.floating[Any]]]:
        """The rows behind the last tokens of every path: (n + 1, width) for its n, the last that of the whole path."""


class Lookahead:
    """Rows for a run of a sampler.

    Parameters
    ----------
    drafters : asked in this order at every token of a draft; the first that has an idea goes on. Without any, a pass
        gives a row of every sequence.
    """

    def __init__(self, model: Model, drafters: Sequence[Drafter]) -> None:
        self.model = model
        self._guessers: list[Guesser] = [drafter.begin(model) for drafter in drafters]
        self._length = max((drafter.length for drafter in drafters), default=0)

    def along(self, samples: Sequence[Sample]) -> Iterator[tuple[Sample, Iterator[Rows]]]:
        """One pass for all samples: each with the rows that it can grow by.

        A row is to be used, so that the sample grows, before the next one is taken; there is no next one behind a token
        that the draft did not hold.
        """
        if not self._guessers:
            for sample, row in zip(samples, logp_rows(self.model, [s.prefix for s in samples]), strict=True):
                yield sample, iter((row,))
            return
        drafts = [self.draft(sample) for sample in samples]
        paths = [Prefix((*s.prefix.tokens, *draft), s.prefix.cache) for s, draft in zip(samples, drafts, strict=True)]
        rows = rows_along(self.model, paths, [len(draft) for draft in drafts])
        for sample, draft, path, own in zip(samples, drafts, paths, rows, strict=True):
            yield sample, self._followed(sample, draft, path, own)

    def draft(self, sample: Sample) -> list[int]:
        """Tokens that the constraint allows behind a sample, as the drafters guess them; none that ends it."""
        room = self.model.context
        limit = self._length if room is None else min(self._length, room - len(sample.prefix))
        state, n = sample.state, len(sample.prefix)
        tokens, end = np.empty(n + max(limit, 0), np.int64), n
        tokens[:n] = sample.prefix.tokens
        while end < len(tokens):
            so_far, left = tokens[:end], len(tokens) - end
            grown = next(filter(None, (self._legal(g, sample, state, so_far, left) for g in self._guessers)), None)
            if grown is None:
                break
            found, state = grown
            tokens[end : end + len(found)] = found
            end += len(found)
        draft: list[int] = tokens[n:end].tolist()
        return draft

    def _legal(
        self, guesser: Guesser, sample: Sample, state: int, tokens: NDArray[np.int64], limit: int
    ) -> tuple[list[int], int] | None:
        """What a guesser adds, as far as it is legal, and the state behind it; `None`: nothing."""
        auto, found = sample.auto, list[int]()
        try:
            for token in guesser.guess(auto, state, tokens, limit)[:limit]:
                after = auto.advance(state, token)
                if after in (0, auto.finished):
                    break
                found.append(token)
                state = after
        except BudgetExceeded:  # a text that the sampler may never come to
            pass
        return (found, state) if found else None

    def _followed(self, sample: Sample, draft: Sequence[int], path: Prefix, rows: Rows) -> Iterator[Rows]:
        """The rows, for as long as the sample takes what the draft holds; then the books."""
        if (passes := sample.ledger.passes) is None:
            passes = sample.ledger.passes = Passes()
        begin, n, right = len(sample.prefix), len(sample.tokens), 0
        for k, row in enumerate(rows):
            yield row
            grown = len(sample.tokens) == n + k + 1  # else it went back, ended, or is dead
            passes.tokens += grown
            if not grown or k == len(draft) or sample.tokens[-1] != draft[k]:
                break
            right += 1
            if sample.done:
                break
        passes.n += 1
        passes.drafted += len(draft)
        passes.accepted += right
        known = min(begin + right, len(sample.prefix))
        cache = path.cache if known == len(path) else path.cut(known).cache
        sample.prefix = Prefix(sample.prefix.tokens, cache)
        if (new := len(sample.tokens) - n) > 0:
            for guesser in self._guessers:
                guesser.learn(sample, new)


def rows_along(model: Model, paths: Sequence[Prefix], ns: Sequence[int]) -> list[Rows]:
    """The rows behind the last n + 1 beginnings of every path, (n + 1, width) float64 each, in one call of the model.

    Raises
    ------
    BackendMismatch : as `logp_rows`.
    """
    if isinstance(model, AheadModel):
        given = model.logp_along(paths, ns)
        return [checked_rows(model, rows, n + 1) for rows, n in zip(given, ns, strict=True)]
    whole = [len(path) for path in paths]
    beginnings = [
        path if i == size else Prefix(path.tokens[:i], path.cache)
        for path, n, size in zip(paths, ns, whole, strict=True)
        for i in range(size - n, size + 1)
    ]
    cuts = np.cumsum([n + 1 for n in ns])[:-1]
    return list(np.split(logp_rows(model, beginnings), cuts))
