"""Dead ends of real schemas: backed out of, streamed without taking anything back, explained."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from syntagma.automata.compile import compile
from syntagma.automata.vocabulary import Vocabulary
from syntagma.backends.generator import Generator
from syntagma.errors import DeadEnd
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.sampling import Masking, Prefix, RandomModel

#: About half of the random texts have one letter twice, which leads to a dead end.
LETTER = {"type": "string", "pattern": "^[ab]$"}
TRAP = {"type": "array", "items": LETTER, "uniqueItems": True, "minItems": 2, "maxItems": 2}


def generator(vocabulary: Vocabulary, schema: Any, **options: Any) -> Generator:
    return Generator(RandomModel(vocabulary), schema, Masking(**options))


def test_dead_ends_are_backed_out_of(byte_vocabulary: Vocabulary) -> None:
    gen = generator(byte_vocabulary, TRAP, seed=1)
    results = gen.batch([[]] * 12)
    assert all(sorted(r.value) == ["a", "b"] for r in results)
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


class Forgetful:
    """A model that reads every prefix anew."""

    def __init__(self, model: Any) -> None:
        self.model, self.vocabulary, self.context = model, model.vocabulary, model.context

    def logp_next(self, prefixes: Any) -> Any:
        """As the model's own, with nothing kept."""
        return self.model.logp_next([Prefix(prefix.tokens) for prefix in prefixes])


def test_what_is_taken_back_is_cut_from_the_cache(tokenizer: Any, llama: Any) -> None:
    """The same texts as without a cache; what was read of a prompt is not read again."""
    double = type(llama)(copy.deepcopy(llama.model).double(), tokenizer)
    prompts = [[0, *range(40 + i, 80)] for i in range(12)]
    sampler = Masking(seed=3)
    auto = compile(JsonSchema(TRAP), double.vocabulary)
    kept = sampler.sample(double, auto, prompts, 20)
    read = double.usage.computed
    anew = sampler.sample(Forgetful(double), auto, prompts, 20)
    assert [s.tokens for s in kept] == [s.tokens for s in anew]
    assert [s.ledger.logw for s in kept] == pytest.approx([s.ledger.logw for s in anew])
    assert sum(s.returns for s in kept) > 0
    drawn = sum(len(s.tokens) + s.ledger.taken_back + s.returns for s in kept)
    assert read <= sum(map(len, prompts)) + drawn
