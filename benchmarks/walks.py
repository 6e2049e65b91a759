"""Walks: random texts of a schema, under a uniform law or a model's, for benchmarks that look at what comes out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import syntagma as sg
from syntagma.sampling import Prefix
from syntagma.sampling.decode import Sample

#: What the embedded model is asked.
MESSAGE = {"role": "user", "content": "Give one example."}


class Uniform:
    """A model of which every token is as likely as any other."""

    context: int | None = None

    def __init__(self, vocabulary: sg.Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._row = np.full(vocabulary.width, -np.log(vocabulary.width))

    def logp_next(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        """The same row for all, (n, width) float64."""
        return np.broadcast_to(self._row, (len(prefixes), len(self._row)))


def models(names: Sequence[str], tokenizer: Path) -> Iterator[tuple[str, Any, list[int]]]:
    """Name, model and prompt: "uniform" over the tokenizer's vocabulary, or the "embedded" model."""
    for name in names:
        if name == "embedded":
            model = sg.load("embedded")
            yield name, model, model.encode_chat([MESSAGE])
        else:
            yield name, Uniform(sg.Vocabulary.from_pretrained(tokenizer)), []


def walk(
    sampler: sg.Masking, model: Any, automaton: Any, prompt: list[int], n: int, max_tokens: int, seconds: float
) -> list[Sample]:
    """So many texts; those not `done` when the seconds are over are left as they are."""
    samples: list[Sample] = []
    until = time.perf_counter() + seconds
    for samples in sampler.steps(model, automaton, [prompt] * n, max_tokens):  # noqa: B007  (the last are returned)
        if time.perf_counter() > until:
            break
    return samples
