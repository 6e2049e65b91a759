"""JSON Schema, differentially: random schemas over all keywords, random instances in random spellings, random tokens.

The engine's verdict on a text, whole and cut into random tokens, must be the validator's verdict on its value under
profile="spec"; under "generation" whatever the engine accepts must be valid. So must what a random walk through the
masks ends with be. A few hundred schemas by default; as many as $SYNTAGMA_FUZZ says (20,000 in the nightly mode). Every
bug found leaves a case in `FOUND`.
"""

from __future__ import annotations

import json
import os
import random
import re
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.random_schemas import Guess, schemas, spelled, values

from syntagma.automata import TokenAutomaton, Vocabulary, compile_grammar
from syntagma.errors import BudgetExceeded, EmptyLanguage
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.jsonschema.values import read_exactly

N_EXAMPLES = int(os.environ.get("SYNTAGMA_FUZZ", "200"))
#: Tokens of a random walk.
LONGEST = 40
#: Numbers that the validator rounds before it divides.
BEYOND_THE_REFEREE = re.compile(rb"\d[\d.]{15}")


def accepts(auto: TokenAutomaton, text: bytes, rng: random.Random | None) -> bool:
    """The engine's verdict on a text cut into random tokens, or into bytes."""
    vocabulary, state = auto.vocabulary, auto.start
    while text:
        fits = [t for t in range(vocabulary.size) if (data := vocabulary.token_bytes(t)) and text.startswith(data)]
        token = rng.choice(fits) if rng else min(fits, key=lambda t: len(vocabulary.token_bytes(t)))
        state = auto.advance(state, token)
        if state == 0:
            return False
        text = text[len(vocabulary.token_bytes(token)) :]
    return auto.accepts(state)


@cache
def vocabulary() -> Vocabulary:
    """The bytes and some pieces of JSON, few enough to cut texts by trying."""
    pieces = (b'{"', b'":', b'"a"', b'":"', b'","', b'"}', b"[]", b"{}", b"},", b"}]", b"1,", b"00", b"ab", b'a":')
    used = sorted(set(b'{}[]:, \n"\\/.+-@_0123456789^$' + bytes(range(97, 123)) + b"ETZPuDH" + "é😀".encode()))
    tokens = [*(bytes((byte,)) for byte in used), *pieces]
    return Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])


def compiled(schema: Any, **options: Any) -> TokenAutomaton | None:
    try:
        return compile_grammar(JsonSchema(schema, **options).grammar(), vocabulary())
    except EmptyLanguage:
        return None


def walked(auto: TokenAutomaton, rng: random.Random) -> bytes | None:
    """What a random walk through the masks ends with, if it ends."""
    vocabulary, state, text = auto.vocabulary, auto.start, b""
    for _ in range(LONGEST):
        if auto.accepts(state) and rng.random() < 0.5:
            return text
        mask = auto.mask(state)
        allowed = [t for t in range(vocabulary.size) if mask[t >> 5] >> (t & 31) & 1 and vocabulary.token_bytes(t)]
        rng.shuffle(allowed)
        moved = next(((t, after) for t in allowed if (after := auto.advance(state, t))), None)
        if moved is None:
            break
        token, state = moved
        text += vocabulary.token_bytes(token)
    return text if auto.accepts(state) else None


def judge(schema: dict[str, Any], texts: list[str], rng: random.Random) -> None:
    """Assert the laws for some texts."""
    validator = jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    spec, generation = (compiled(schema, profile=profile) for profile in ("spec", "generation"))
    for text in texts:
        valid = validator.is_valid(read_exactly(text.encode()))
        for cut in (None, rng):
            found = spec is not None and accepts(spec, text.encode(), cut)
            assert found == valid, f"{json.dumps(schema)}\n{text}\nthe validator says {valid}"
        compact = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        if generation is not None and not validator.is_valid(read_exactly(compact.encode())):
            assert not accepts(generation, compact.encode(), rng), f"generation: {json.dumps(schema)}\n{compact}"
    for auto in (spec, generation):
        end = walked(auto, rng) if auto is not None else None
        assert end is None or not has_twins(end), (schema, end)
        if end is not None and not BEYOND_THE_REFEREE.search(end):
            assert validator.is_valid(read_exactly(end)), f"{json.dumps(schema)}\nwalked to {end!r}"


def has_twins(text: bytes) -> bool:
    """Whether a key comes twice in an object."""
    found: list[int] = []
    json.loads(text, object_pairs_hook=lambda pairs: found.append(len(pairs) - len(dict(pairs))) or dict(pairs))
    return any(found)


@settings(
    max_examples=N_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(schema=schemas(), instances=st.lists(values, max_size=3), seed=st.integers(0, 2**32))
def test_random_schemas(schema: dict[str, Any], instances: list[Any], seed: int) -> None:
    rng, draft_4 = random.Random(seed), "draft-04" in schema["$schema"]
    guess = Guess(schema, rng)
    instances = instances + [guess.value(schema) for _ in range(6)]
    try:
        judge(schema, [spelled(value, rng, draft_4) for value in instances], rng)
    except BudgetExceeded:
        return


#: Schemas and texts on which the engine once erred.
FOUND: list[tuple[dict[str, Any], list[str]]] = [
    (  # dependencies of both kinds beside a reference to another resource
        {
            "$schema": "http://json-schema.org/draft-04/schema#",
            "dependencies": {
                "a": {"type": "null"},
                "b": ["a"],
                "c": {"id": "http://x.test/inner.json", "maxProperties": 1},
            },
            "properties": {"d": {"$ref": "http://x.test/inner.json"}},
        },
        ["{}", '{"b":1}', '{"a":1}', '{"c":1}', '{"c":1,"d":{"a":1}}', '{"d":{"a":1,"b":2}}'],
    ),
    (  # a key that a dependency rules out, and a pattern lets be
        {"patternProperties": {"^a": {}}, "properties": {"b": {}}, "dependentRequired": {"a": ["c", "ab"]}},
        ['{"a":[],"c":0.3}', '{"a":1}', '{"ab":1}', '{"a":1,"c":1,"ab":1}', '{"b":1}'],
    ),
    ({"not": {"properties": {"a": False, "b": {}}}}, ['{"a":[]}', "{}", '{"b":1}', '{"b":1,"a":1}', "1"]),
    # in draft 4 a listed 0 may be written as 0.0 only where it need not be an integer
    *(
        ({"$schema": "http://json-schema.org/draft-04/schema#"} | schema, ["0", "0.0", "-0", "0.00", "null", "2.5"])
        for schema in (
            {"type": ["integer", "null"], "enum": [None, 0]},
            {"type": "integer", "enum": [0.0]},
            {"allOf": [{"type": "integer"}, {"enum": [0, "x"]}]},
            {"anyOf": [{"type": "integer", "enum": [0]}, {"enum": [0, None]}]},
            {"not": {"type": "integer"}, "enum": [0, 2.5]},
            {"enum": [0, None]},
        )
    ),
    *(
        ({"$schema": "http://json-schema.org/draft-04/schema#"} | schema, ["[0]", "[0.0]", "[0,0.0]", "[0.0,0]", "[]"])
        for schema in (
            {"items": {"type": "integer"}, "enum": [[0], [0, 0], []]},
            {"items": {"type": ["integer", "string"]}, "enum": [[0.0], [0, 0.0]]},
            {"enum": [[0], [0, 0]]},
            {"items": {"type": "integer", "enum": [0, 1]}, "uniqueItems": True, "type": "array"},
        )
    ),
    ({"multipleOf": 15}, ["5.4e-3423", "3e1", "1.5e+2", "1.5e0", "3e400", "1e400"]),  # what a float takes for zero
]


@pytest.mark.parametrize(("schema", "texts"), FOUND, ids=[json.dumps(schema)[:60] for schema, _ in FOUND])
def test_found(schema: dict[str, Any], texts: list[str]) -> None:
    judge(schema, texts, random.Random(0))
