"""JSON Schemas that are hostile or huge: they compile and fill masks within the budget, or say what they lack."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from typing import Any

import pytest

from syntagma.automata import Vocabulary, compile_grammar
from syntagma.errors import BudgetExceeded, EmptyLanguage, GrammarError
from syntagma.grammar.jsonschema import JsonSchema

#: Seconds of processor time for schema, automaton and masks: far more than any takes, far less than a hang.
ENOUGH = 40
MEMORY_KIB = 2 << 20


def nested_one_of(depth: int) -> Any:
    """Branches that overlap, each built of the one below it, twice."""
    defs: dict[str, Any] = {"d0": {"minimum": 3}}
    for i in range(1, depth + 1):
        below = {"$ref": f"#/$defs/d{i - 1}"}
        defs[f"d{i}"] = {"oneOf": [below, {"multipleOf": i + 1}, {"properties": {"a": below}}], "not": {"const": i}}
    return {"$ref": f"#/$defs/d{depth}", "$defs": defs}


def large(n: int) -> Any:
    """About 4,400 bytes for each of n members."""
    members = {
        f"property number {i}": {
            "type": "object",
            "properties": {
                "a": {"type": "string", "maxLength": i % 50 + 1},
                "b": {"enum": [f"value {k} of {i}, spelled out" for k in range(130)]},
                "c": {"$ref": "#/$defs/d"},
            },
            "required": ["a"],
        }
        for i in range(n)
    }
    return {"properties": members, "$defs": {"d": {"type": "array", "items": {"type": "integer"}}}}


def chain(n: int) -> Any:
    """Conditions on one member, of which each asks for another one."""
    ifs = [{"if": {"properties": {"t": {"const": i}}}, "then": {"required": [f"k{i}"]}} for i in range(n)]
    return {"properties": {"t": {"enum": list(range(n))}}, "required": ["t"], "allOf": ifs}


def deep(n: int, wrap: Callable[[Any], Any]) -> Any:
    schema: Any = {"type": "integer"}
    for _ in range(n):
        schema = wrap(schema)
    return schema


def shared(n: int, keyword: str) -> Any:
    """Definitions of which each refers twice to the one before: 2 ** n ways through them."""
    defs: dict[str, Any] = {"d0": {"type": "integer"}}
    for i in range(n):
        below = {"$ref": f"#/$defs/d{i}"}
        defs[f"d{i + 1}"] = (
            {"properties": {"a": below, "b": below}} if keyword == "properties" else {keyword: [below] * 2}
        )
    return {"$ref": f"#/$defs/d{n}", "$defs": defs}


million = 10**6
SCHEMAS: dict[str, tuple[Any, str]] = {
    "4 MB": (large(1_000), '{"property number 7": {"a":"x", "b"'),
    "100k strings": ({"enum": [f"member number {i}" for i in range(100_000)]}, '"member number 99'),
    "100k numbers": ({"enum": list(range(100_000))}, "9999"),
    "5k objects": ({"enum": [{"a": i, "b": [i]} for i in range(5_000)]}, '{"a":199'),
    "not 5k strings": ({"not": {"enum": [f"string {i}" for i in range(5_000)]}}, '"string 7'),
    "allOf of 3k": ({"allOf": [{"properties": {f"k{i}": {"type": "integer"}}} for i in range(3_000)]}, '{"k77":1'),
    "oneOf of 1k": (
        {"oneOf": [{"properties": {"t": {"const": f"t{i}"}}, "required": ["t"]} for i in range(1_000)]},
        '{"t":"t',
    ),
    "anyOf of 1k": ({"anyOf": [{"properties": {f"k{i}": {"type": "integer"}}} for i in range(1_000)]}, '{"k77":1'),
    "10k members": (
        {"properties": {f"k{i}": {"type": "integer"} for i in range(10_000)}, "type": "object"},
        '{"k77":1',
    ),
    "30 conditions": (chain(30), '{"t":7,"k7":1}'),
    "100 conditions": (chain(100), '{"t":7,"k7":1'),
    "properties nested 5000 deep": (deep(5_000, lambda s: {"properties": {"a": s}}), '{"a":{"a":{'),
    "allOf nested 5000 deep": (deep(5_000, lambda s: {"allOf": [s]}), "1"),
    **{f"shared {k}": (shared(40, k), "") for k in ("allOf", "anyOf", "oneOf", "properties")},
    "dependencies of 300": ({"dependentRequired": {f"k{i}": [f"k{i + 1}"] for i in range(300)}}, '{"k299":1'),
    "oneOf nested 20 deep": (nested_one_of(20), '{"a":{"a":3'),
    "a million items": ({"items": {"items": {}, "minItems": million, "type": "array"}, "maxItems": million}, "[[1,2,"),
    "a million characters": ({"minLength": million, "maxLength": 10**9}, '"a'),
    "a million members": ({"minProperties": million, "type": "object"}, '{"a":1'),
    "3000 optional members": ({"properties": {f"k{i}": {} for i in range(3000)}}, '{"k12":1'),
    "a cycle": ({"$ref": "#"}, "1"),
    "cycles": ({"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"oneOf": [{"$ref": "#"}, {"type": "null"}]}}}, "n"),
    "a negated cycle": ({"not": {"$ref": "#"}}, "1"),
}
LARGE = ("100k strings", "100k numbers", "5k objects", "not 5k strings", "10k members")
PATTERNS = (
    "^(a+)+$",
    "^(a|aa)+$",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(a|b)*a(a|b){40}",
    "^" + "(a?b?c?){3}" * 2_000 + "$",
    "(" * 2_000 + "a" + ")" * 2_000,
    "^(.*a){30}$",
    "^((a{1,20}){1,20}){1,20}$",
    "^(?=(.*a){12})(?=(.*b){12})(?!(.*c){12}).*$",
)


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("profile", ["generation", "spec"])
def test_huge_schemas_end(name: str, profile: Any, byte_vocabulary: Vocabulary) -> None:
    if profile == "spec" and name in LARGE:
        pytest.skip("takes its time, and differs in the spellings of keys and strings alone")
    schema, text = SCHEMAS[name]
    assert name != "4 MB" or len(json.dumps(schema)) > 4e6
    compiles_and_goes_on(schema, text, profile, byte_vocabulary)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_that_backtrack_end(pattern: str, byte_vocabulary: Vocabulary) -> None:
    compiles_and_goes_on({"type": "string", "pattern": pattern}, '"aaaa', "generation", byte_vocabulary)
    bounded = {"type": "string", "pattern": pattern, "minLength": 100, "maxLength": million}
    compiles_and_goes_on(bounded, '"aaaa', "generation", byte_vocabulary)


def compiles_and_goes_on(schema: Any, text: str, profile: Any, vocabulary: Vocabulary) -> None:
    """Within time and memory; a budget that does not suffice, or a schema without instances, is an answer, too."""
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        auto = compile_grammar(JsonSchema(schema, profile).grammar(), vocabulary)
        state = auto.start
        for byte in text.encode():
            assert auto.mask(state)[byte >> 5] >> (byte & 31) & 1, f"byte {chr(byte)!r} is masked"
            state = auto.advance(state, byte)
            assert state
        auto.mask(state)
    except (BudgetExceeded, EmptyLanguage):
        pass
    assert time.process_time() - began < ENOUGH
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


def product_of_unions(n: int) -> Any:
    return {"allOf": [{"anyOf": [{"properties": {f"k{i}": {"minimum": j}}} for j in range(60)]} for i in range(n)]}


def keys_and_patterns(n: int) -> Any:
    """More patterns than are kept compiled, and as many keys to match with them."""
    return {
        "patternProperties": {f"^k{i}x*$": {"type": "integer"} for i in range(n)},
        "properties": {f"k{i}": {} for i in range(n)},
    }


def nested_conditions(depth: int) -> Any:
    """Conditions on members that have conditions on their members, each of them twice."""
    defs: dict[str, Any] = {"d0": {"type": "integer"}}
    for i in range(1, depth + 1):
        below = {"$ref": f"#/$defs/d{i - 1}"}
        branches = [{"type": "object", "properties": {"a": below, "b": below}}, {"type": "array", "items": below}]
        defs[f"d{i}"] = {"oneOf": branches, "if": below, "then": {"minItems": 1}, "else": {"minProperties": 1}}
    return {"$ref": f"#/$defs/d{depth}", "$defs": defs}


LONG: dict[str, tuple[Any, Any, str]] = {
    "lists": ({"allOf": [{"enum": list(range(3_000))}] * 300}, "spec", "multiplying out alternatives at #"),
    "values": ({"enum": list(range(50_000)), "not": {"multipleOf": 7}}, "generation", "listed values at #"),
    "unions": (product_of_unions(500), "spec", " at #"),
    "negated unions": ({"not": product_of_unions(500)}, "generation", " at #/not"),
    "conditions": (nested_conditions(20), "spec", " at #/$defs/d"),
    "patterns": (keys_and_patterns(3_000), "generation", "matching keys with `patternProperties` at #"),
}


@pytest.mark.parametrize("name", LONG)
def test_what_takes_long_is_stopped_and_says_what_it_was_doing(name: str) -> None:
    schema, profile, doing = LONG[name]
    began = time.perf_counter()
    with pytest.raises(BudgetExceeded, match=r"seconds for a schema \(0\.3\); it was .*Simplify it") as caught:
        len(JsonSchema(schema, profile, seconds=0.3).grammar().rules)
    assert time.perf_counter() - began < 5
    assert doing in str(caught.value)


def test_only_the_time_spent_on_the_schema_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("syntagma.grammar.jsonschema.clock.perf_counter", lambda: now[0])
    schema = JsonSchema({"properties": {"a": {"properties": {"b": {}}}}}, seconds=5)
    now[0] += 100
    rules, clock = schema.grammar().rules, schema.reader.clock
    assert len(rules)
    with clock, clock:
        now[0] += 4
        clock.check("waiting", schema.reader.document.root)
    now[0] += 100
    with clock:
        now[0] += 1.1
        with pytest.raises(BudgetExceeded, match="it was waiting at #"):
            clock.check("waiting", schema.reader.document.root)
    clock.check("reporting, which is not counted", schema.reader.document.root)


@pytest.mark.parametrize("name", ["$anchor", "$id"])
def test_thousands_of_names_are_resolved_at_once(name: str) -> None:
    n, prefix = 3_000, "#" if name == "$anchor" else ""
    defs = {f"d{i}": {name: f"a{i}", "type": "integer"} for i in range(n)}
    schema = {"$defs": defs, "properties": {f"k{i}": {"$ref": f"{prefix}a{i}"} for i in range(n)}}
    assert JsonSchema(schema, seconds=20).residuals == []


def test_a_required_cycle_is_empty(byte_vocabulary: Vocabulary) -> None:
    with pytest.raises(EmptyLanguage, match="it requires itself"):
        JsonSchema({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]})


def test_a_constant_that_nests_too_deep_is_said_so() -> None:
    with pytest.raises(GrammarError, match="nests less deeply"):
        JsonSchema({"const": deep(5_000, lambda s: [s])})


def equal_alternatives(depth: int) -> Any:
    """Arrays of arrays, each of two kinds that only the innermost value tells apart, every copy written out."""
    numbers: Any = {"type": "array", "items": {"type": "integer"}}
    words: Any = {"type": "array", "items": {"type": ["integer", "string"]}}
    for _ in range(depth):
        numbers, words = ({"type": "array", "items": {"anyOf": both}} for both in ([numbers, words], [words, numbers]))
    return json.loads(json.dumps({"anyOf": [numbers, words]}))


def test_equal_alternatives_of_alternatives_are_written_once(byte_vocabulary: Vocabulary) -> None:
    def rules(depth: int) -> int:
        auto = compile_grammar(JsonSchema(equal_alternatives(depth)).grammar(), byte_vocabulary)
        state = auto.start
        for byte in b"[" * (depth + 1) + b'1, "a"' + b"]" * (depth + 1):
            state = auto.advance(state, byte)
        assert auto.accepts(state)
        return auto.stats.rules

    assert rules(10) - rules(9) == rules(9) - rules(8) < 20


def test_alternatives_that_are_only_equal_in_python_are_told_apart(byte_vocabulary: Vocabulary) -> None:
    """1 is True, and {"a": 1, "b": 2} is {"b": 2, "a": 1}: not so in a schema, where order is that of the members."""
    ways = [{"anyOf": [{"enum": [[1]]}, {"const": 5}]}, {"anyOf": [{"enum": [[True]]}, {"const": 5}]}]
    members = [{"a": {"type": "null"}, "b": {"type": "null"}}, {"b": {"type": "null"}, "a": {"type": "null"}}]
    objects = [{"type": "object", "properties": each, "required": ["a", "b"]} for each in members]
    ways += [{"oneOf": [each, {"const": 6}]} for each in objects]
    auto = compile_grammar(JsonSchema({"anyOf": ways}).grammar(), byte_vocabulary)
    for text in (b"[1]", b"[true]", b"5", b"6", b'{"a": null, "b": null}', b'{"b": null, "a": null}'):
        state = auto.start
        for byte in text:
            state = auto.advance(state, byte)
        assert auto.accepts(state), text
