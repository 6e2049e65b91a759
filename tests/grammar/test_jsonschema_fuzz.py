"""JSON Schema, differentially: random schemas over all keywords, random instances in random spellings, random tokens.

The engine's verdict on a text, cut into random tokens, must be the validator's verdict on its value under
profile="spec"; under "generation" whatever the engine accepts must be valid. A few hundred schemas by default; as many
as $SYNTAGMA_FUZZ says (20,000 in the nightly mode). Every bug found leaves a case in `FOUND`.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syntagma.automata import TokenAutomaton, Vocabulary, compile_grammar
from syntagma.errors import BudgetExceeded, EmptyLanguage
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.jsonschema.dialect import DIALECTS
from syntagma.grammar.jsonschema.values import read_exactly

N_EXAMPLES = int(os.environ.get("SYNTAGMA_FUZZ", "300"))
DRAFTS = ("2020-12", "2020-12", "2019-09", "7", "6", "4")
KEYS = ("a", "b", "ab", "c")
TEXTS = ("", "a", "b", "ab", "ba", "é", "a\n", "😀", "2024-02-29", "1.2.3.4", "a@b.c", "12:00:00Z", "/a", "x:/y")
FORMATS = ("date", "time", "date-time", "ipv4", "email", "uri", "json-pointer", "uuid", "regex", "unknown")
PATTERNS = ("^a", "b$", "a|1", "^[ab]*$", "^.$", r"^\w+$", "(?=a)", r"(a)\1", "^(?!a)", "^$", r"[^\d]")
NUMBERS = (0, 1, 2, 3, 7, -1, 12, 100, 0.5, 1.0, -1.25, 2.5, 0.3, 21, 1e3)
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")

Draw = Callable[[st.SearchStrategy[Any]], Any]

values = st.recursive(
    st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=5,
)


class Maker:
    """Draws schemas of one draft."""

    def __init__(self, draw: Draw, draft: str) -> None:
        self.draw, self.draft, self.age = draw, draft, DIALECTS[draft].age
        self.keywords = [k for k in self.table() if DIALECTS[draft].knows(k)]

    def one(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def several(self, depth: int, fewest: int = 1) -> list[Any]:
        return [self.schema(depth) for _ in range(self.draw(st.integers(fewest, 3)))]

    def keyed(self, keys: tuple[str, ...], make: Callable[[], Any]) -> dict[str, Any]:
        chosen = self.draw(st.lists(st.sampled_from(keys), unique=True, min_size=1, max_size=2))
        return {key: make() for key in chosen}

    def names(self, fewest: int = 0) -> list[str]:
        fewest = max(fewest, self.age == 4)
        return self.draw(st.lists(st.sampled_from(KEYS), unique=True, min_size=fewest, max_size=2))  # type: ignore[no-any-return]

    def child(self, depth: int) -> Any:
        """A subschema of a member or an item; only there may it be a reference, so that there is progress."""
        if self.draw(st.integers(0, 5)) == 0:
            return {"$ref": self.one("#", "#/definitions/x", "#/definitions/y")}
        return self.schema(depth)

    def schema(self, depth: int) -> Any:
        if self.age > 4 and self.draw(st.integers(0, 11)) == 0:
            return self.draw(st.booleans())
        schema: dict[str, Any] = {}
        for _ in range(self.draw(st.integers(1, 3))):
            keyword = self.one(*self.keywords)
            found = self.table()[keyword](max(0, depth - 1)) if depth or keyword in LEAVES else None
            if found is not None:
                schema[keyword] = found
        if "if" in schema:
            schema |= {k: self.schema(depth - 1) for k in ("then", "else") if self.draw(st.booleans())}
        if "contains" in schema and self.age >= 2019:
            schema |= {k: self.one(0, 1, 2) for k in ("minContains", "maxContains") if self.draw(st.booleans())}
        if self.age == 4:
            schema |= {f"exclusive{k.capitalize()}": True for k in ("minimum", "maximum") if k in schema and depth}
        return schema

    def table(self) -> dict[str, Callable[[int], Any]]:
        one, draw = self.one, self.draw
        small = st.integers(0, 3)
        table: dict[str, Callable[[int], Any]] = {
            "type": lambda d: one(*TYPES, ["integer", "string"], ["array", "object"], ["number", "null"]),
            "enum": lambda d: draw(st.lists(values, min_size=1, max_size=3, unique_by=repr)),
            "const": lambda d: draw(values),
            "minimum": lambda d: one(*NUMBERS),
            "maximum": lambda d: one(*NUMBERS),
            "multipleOf": lambda d: one(1, 2, 3, 7, 0.5, 0.01, 0.3, 5, 15),
            "minLength": lambda d: draw(small),
            "maxLength": lambda d: draw(small),
            "pattern": lambda d: one(*PATTERNS),
            "format": lambda d: one(*FORMATS),
            "minItems": lambda d: draw(small),
            "maxItems": lambda d: draw(small),
            "uniqueItems": lambda d: draw(st.booleans()),
            "minProperties": lambda d: draw(small),
            "maxProperties": lambda d: draw(small),
            "required": lambda d: self.names(),
            "dependentRequired": lambda d: self.keyed(KEYS, self.names),
            "items": lambda d: self.child(d) if self.age >= 2020 or draw(st.booleans()) else self.several(d),
            "additionalItems": self.child,
            "prefixItems": self.several,
            "contains": self.child,
            "unevaluatedItems": self.child,
            "properties": lambda d: self.keyed(KEYS, lambda: self.child(d)),
            "patternProperties": lambda d: self.keyed(("^a", "b$", "^[ac]$"), lambda: self.child(d)),
            "additionalProperties": self.child,
            "propertyNames": self.schema,
            "unevaluatedProperties": self.child,
            "allOf": self.several,
            "anyOf": self.several,
            "oneOf": self.several,
            "not": self.schema,
            "if": self.schema,
            "dependentSchemas": lambda d: self.keyed(KEYS, lambda: self.schema(d)),
            "title": lambda d: "a title",
        }
        if self.age >= 2019:  # the validator asserts it in draft 7
            table["contentEncoding"] = lambda d: "base64"
        if self.age > 4:
            table |= dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), lambda d: one(*NUMBERS))
        if self.age < 2019:
            table["dependencies"] = lambda d: self.keyed(
                KEYS, lambda: self.names(1) if draw(st.booleans()) else self.schema(d)
            )
        return table


#: Keywords that hold no schemas.
LEAVES = frozenset({
    *("type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems"),
    *("minProperties", "maxProperties", "required", "dependentRequired"),
})  # fmt: skip


@st.composite
def schemas(draw: Draw) -> dict[str, Any]:
    """A schema that says its draft."""
    draft = draw(st.sampled_from(DRAFTS))
    maker = Maker(draw, draft)
    schema = maker.schema(3)
    root = dict(schema) if isinstance(schema, dict) else {"not": {}} if schema is False else {}
    root["$schema"] = DIALECTS[draft].uri + ("#" if maker.age < 2019 else "")
    root["definitions"] = {"x": maker.schema(1), "y": maker.schema(2)}
    return root


def spelled(value: Any, rng: random.Random, draft_4: bool = False) -> str:
    """One of the spellings of a value; in draft 4 without exponents, which the validator takes for integers there."""
    gap = rng.choice(["", "", "", " ", "\n"])
    if isinstance(value, bool) or value is None:
        return json.dumps(value) + gap
    if isinstance(value, int | float):
        plain = json.dumps(value)
        more = [plain] if draft_4 else [f"{plain}e0", f"{plain}E+00"]
        return rng.choice([plain, plain, f"{plain}.0" if isinstance(value, int) else f"{plain}0", *more]) + gap
    if isinstance(value, str):
        return spelled_text(value, rng) + gap
    if isinstance(value, list):
        return "[" + gap + ("," + gap).join(spelled(v, rng, draft_4) for v in value) + "]"
    members = (f"{spelled_text(k, rng)}{gap}:{gap}{spelled(v, rng, draft_4)}" for k, v in value.items())
    return "{" + gap + ",".join(members) + "}" + gap


def spelled_text(text: str, rng: random.Random) -> str:
    return json.dumps(text, ensure_ascii=rng.random() < 0.3).replace("a", rng.choice(["a", "a", "a", "\\u0061"]))


def accepts(auto: TokenAutomaton, text: bytes, rng: random.Random) -> bool:
    """The engine's verdict on a text cut into random tokens."""
    vocabulary, state = auto.vocabulary, auto.start
    while text:
        fits = [t for t in range(vocabulary.size) if (data := vocabulary.token_bytes(t)) and text.startswith(data)]
        token = rng.choice(fits) if rng.random() < 0.7 else fits[0]
        state = auto.advance(state, token)
        if state == 0:
            return False
        text = text[len(vocabulary.token_bytes(token)) :]
    return auto.accepts(state)


@cache
def vocabulary() -> Vocabulary:
    """The bytes and some pieces of JSON, few enough to cut texts by trying."""
    pieces = (b'{"', b'":', b'"a"', b'":"', b'","', b'"}', b"[]", b"{}", b"},", b"}]", b"1,", b"00", b"ab", b'a":')
    used = sorted(set(b'{}[]:, \n"\\/.+-@_0123456789' + bytes(range(97, 123)) + b"ETZPu" + "é😀".encode()))
    tokens = [*(bytes((byte,)) for byte in used), *pieces]
    return Vocabulary.from_tokens(tokens, eos_ids=[len(tokens)])


def compiled(schema: Any, **options: Any) -> TokenAutomaton | None:
    try:
        return compile_grammar(JsonSchema(schema, **options).grammar(), vocabulary())
    except EmptyLanguage:
        return None


def judge(schema: dict[str, Any], texts: list[str], rng: random.Random) -> None:
    """Assert both laws for some texts."""
    validator = jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    spec, generation = (compiled(schema, profile=profile) for profile in ("spec", "generation"))
    for text in texts:
        valid = validator.is_valid(read_exactly(text.encode()))
        found = spec is not None and accepts(spec, text.encode(), rng)
        assert found == valid, f"{json.dumps(schema)}\n{text}\nthe validator says {valid}"
        compact = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        if not valid and generation is not None:
            assert not accepts(generation, compact.encode(), rng), f"generation: {json.dumps(schema)}\n{compact}"


@settings(
    max_examples=N_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(schema=schemas(), instances=st.lists(values, min_size=3, max_size=8), seed=st.integers(0, 2**32))
def test_random_schemas(schema: dict[str, Any], instances: list[Any], seed: int) -> None:
    rng, draft_4 = random.Random(seed), "draft-04" in schema["$schema"]
    try:
        judge(schema, [spelled(value, rng, draft_4) for value in instances], rng)
    except BudgetExceeded:
        return


#: Schemas and texts on which the engine once erred.
FOUND: list[tuple[dict[str, Any], list[str]]] = []


@pytest.mark.parametrize(("schema", "texts"), FOUND, ids=[json.dumps(schema)[:60] for schema, _ in FOUND])
def test_found(schema: dict[str, Any], texts: list[str]) -> None:
    judge(schema, texts, random.Random(0))
