"""Dead ends of real schemas: backed out of, streamed without taking anything back, explained."""

from __future__ import annotations

from typing import Any

import pytest

from syntagma.automata.vocabulary import Vocabulary
from syntagma.backends.generator import Generator
from syntagma.errors import DeadEnd
from syntagma.sampling import Masking, RandomModel

#: About half of the random texts begin with a 2, which leads to a dead end.
TRAP = {"type": "array", "items": {"enum": [1, 2]}, "not": {"const": [2]}, "minItems": 1, "maxItems": 1}


def generator(vocabulary: Vocabulary, schema: Any, **options: Any) -> Generator:
    return Generator(RandomModel(vocabulary), schema, Masking(**options))


def test_dead_ends_are_backed_out_of(byte_vocabulary: Vocabulary) -> None:
    gen = generator(byte_vocabulary, TRAP, seed=1)
    results = gen.batch([[]] * 12)
    assert all(r.value == [1] for r in results)
    assert {r.ledger.weights for r in results} == {"estimated", "improper"}
    none = generator(byte_vocabulary, TRAP, seed=1, backtrack=0).batch([[]] * 12, return_errors=True)
    for one, other in zip(none, results, strict=True):
        assert isinstance(one, DeadEnd) == (other.ledger.taken_back > 0)


def test_streams_take_nothing_back(byte_vocabulary: Vocabulary) -> None:
    gen = generator(byte_vocabulary, TRAP)
    taken_back = 0
    for seed in range(12):
        *events, last = gen.stream([], seed=seed)
        assert last.generation is not None
        assert "".join(e.text for e in (*events, last)) == last.generation.text
        taken_back += last.generation.ledger.taken_back
    assert taken_back


def test_dead_ends_name_pointer_and_keyword(byte_vocabulary: Vocabulary) -> None:
    schema = {"type": "object", "properties": {"a": {"pattern": r"^(a)\1$", "maxLength": 1, "type": "string"}}}
    with pytest.raises(DeadEnd, match=r"`pattern` at #/properties/a\. \d+ tokens were taken back") as dead:
        generator(byte_vocabulary, {**schema, "required": ["a"]}, seed=0)([])
    assert dead.value.refused_by == (("#/properties/a", "pattern"),)
