"""Fixtures: small vocabularies and the folder of test data."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from syntagma.automata.vocabulary import Vocabulary

_WORDS = (
    b'{"',
    b'":',
    b'": "',
    b'", "',
    b'"}',
    b'"]',
    b"[]",
    b"{}",
    b"true",
    b"false",
    b"null",
    b"  ",
    b"ab",
    b"name",
    b"\xc3\xa9",
)


@pytest.fixture(scope="session")
def byte_vocabulary() -> Vocabulary:
    """Every single byte (id = byte), frequent pieces of JSON, 64 seeded strings, and an EOS id at the end."""
    rng = random.Random(0)
    drawn = [bytes(rng.choices(b'ab01"{}[]:, \n\xc3\xa9', k=rng.randint(2, 5))) for _ in range(64)]
    tokens = [*(bytes((b,)) for b in range(256)), *_WORDS, *drawn]
    return Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)], special={"</s>": len(tokens)})


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of test data: $SYNTAGMA_DATA, else ../shared/data beside the repository."""
    path = Path(os.environ.get("SYNTAGMA_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"no test data at {path}; set SYNTAGMA_DATA to their folder")
    return path
