"""Mask rows as sets of tokens, and vocabularies to make masks of."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from syntagma.automata import Vocabulary


def tokens_of(row: np.ndarray) -> set[int]:
    """The tokens whose bits are set."""
    return set(np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist())


def vocabulary(
    alphabet: bytes, more: Sequence[bytes] = (), *, seed: int = 0, n: int = 40, width: int = 5
) -> Vocabulary:
    """The bytes of the alphabet, random strings over it (some of them twice), two EOS ids and two special tokens."""
    rng = random.Random(seed)
    drawn = [bytes(rng.choices(alphabet, k=rng.randint(2, width))) for _ in range(n)]
    tokens = [*(bytes((b,)) for b in alphabet), *more, *drawn, *rng.sample(drawn, n // 8), alphabet[:1]]
    rng.shuffle(tokens)
    n = len(tokens)
    return Vocabulary.from_tokens(
        tokens, eos_ids=[n, n + 1], special={"<s>": n, "</s>": n + 1, "<x>": n + 2, "<y>": n + 3}, width=n + 40
    )
