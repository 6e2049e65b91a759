"""JSON Schema: what keywords admit, in both profiles, by the naive reading of the grammar."""

from __future__ import annotations

import itertools
import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.naive_grammar import matches

from syntagma.errors import EmptyLanguage
from syntagma.grammar.jsonschema import JsonSchema, Verdict


def accepts(schema: Any, text: str, **options: Any) -> bool:
    return matches(JsonSchema(schema, **options).grammar(), text.encode())


#: Schemas with instances that they admit and that they refuse.
CASES: list[tuple[Any, list[Any], list[Any]]] = [
    (True, [1, "a", None, {"a": [1]}], []),
    ({"type": ["integer", "null"]}, [0, -7, None], [1.5, "1", True]),
    ({"enum": [1, "a", None, [1, {"b": 2}]]}, [1, "a", None, [1, {"b": 2}]], [2, "b", [1], {}]),
    ({"enum": ["ab", "abc", 3], "minLength": 3}, ["abc", 3], ["ab"]),
    ({"const": {"a": [True]}}, [{"a": [True]}], [{"a": [1]}, {}]),
    ({"type": "integer", "minimum": -2, "exclusiveMaximum": 11}, [-2, 0, 10], [-3, 11, 110]),
    ({"type": "number", "exclusiveMinimum": 0.5, "maximum": 2.25}, [0.51, 1, 2.25], [0.5, 2.26, -1, 3]),
    ({"multipleOf": 5}, [0, 5, -10, 105, "a"], [1, 12, 5.5]),
    ({"multipleOf": 0.01}, [0.07, 1, 2.5], [0.075, 0.001]),
    ({"multipleOf": 7}, [0, 7, 21, -14], [1, 8, 7.5]),
    ({"type": "string", "minLength": 1, "maxLength": 3}, ["a", "äöü", "\u0001\n"], ["", "abcd"]),
    ({"pattern": "^a+$"}, ["a", "aaa", 3], ["", "ab"]),
    ({"pattern": "b", "maxLength": 2}, ["b", "ab"], ["abc", "a"]),
    ({"pattern": r"(a)\1"}, ["aa"], []),
    ({"format": "date"}, ["2024-02-29", "1999-12-31"], ["2023-02-29", "2023-13-01"]),
    ({"items": {"type": "integer"}, "minItems": 1, "maxItems": 2}, [[1], [1, 2], "a"], [[], [1, 2, 3], ["a"]]),
    ({"prefixItems": [{"type": "integer"}, True], "items": False}, [[], [1], [1, "a"]], [["a"], [1, 2, 3]]),
    ({"uniqueItems": True}, [[], [1, "1", True]], [[1, 1.0], [{"a": 1}, {"a": 1}]]),
    ({"contains": {"const": 1}, "maxContains": 1}, [[1], [2, 1]], [[], [2], [1, 1]]),
    (
        {"contains": {"const": 1}, "minContains": 2, "maxItems": 3},
        [[1, 1], [2, 1, 1]],
        [[], [1], [1, 2, 2], [1, 1, 1, 1]],
    ),
    (
        {"contains": {"enum": [1, "a"]}, "prefixItems": [{"type": "string"}], "minItems": 2},
        [["a", 3], ["b", 1], ["b", 2, "a"]],
        [["b"], ["a"], ["b", 2], [1, 1]],
    ),
    ({"not": {"items": {"type": "integer"}}, "type": "array"}, [["a"], [1, "a"], [None, 1]], [[], [1], [1, 2]]),
    ({"not": {"contains": {"const": 1}}, "type": "array"}, [[], [2, "a"]], [[1], [2, 1]]),
    (
        {"not": {"contains": {"const": 1}, "minContains": 2, "maxContains": 2}, "type": "array"},
        [[], [1], [1, 2], [1, 1, 1], [2, 2]],
        [[1, 1], [1, 2, 1]],
    ),
    (
        {"allOf": [{"contains": {"const": 1}}, {"contains": {"const": 2}}], "type": "array"},
        [[1, 2], [3, 2, 1]],
        [[1], [2]],
    ),
    ({"not": {"required": ["a"]}, "type": "object", "properties": {"b": True}}, [{}, {"b": 1}], [{"a": 1}]),
    (
        {"properties": {"a": {"type": "integer"}, "b": False}, "additionalProperties": {"type": "boolean"}},
        [{}, {"a": 1}, {"a": 1, "c": True}],
        [{"a": "x"}, {"b": 1}, {"c": 1}],
    ),
    ({"required": ["a", "b"], "type": "object"}, [{"a": 1, "b": 2}], [{}, {"a": 1}]),
    ({"minProperties": 1, "maxProperties": 2}, [{"a": 1}, {"a": 1, "b": 2}], [{}, {"a": 1, "b": 2, "c": 3}]),
    (
        {"patternProperties": {"^x": {"type": "integer"}, "y$": {"minimum": 3}}, "additionalProperties": False},
        [{"x": 1}, {"xy": 3}, {"y": "a"}],
        [{"xy": 2}, {"x": "a"}, {"a": 1}],
    ),
    ({"propertyNames": {"pattern": "^a"}}, [{"a": 1, "ab": 2}], [{"b": 1}]),
    ({"anyOf": [{"type": "integer"}, {"maxLength": 1}], "type": ["integer", "string"]}, [1, "a"], ["ab"]),
    ({"allOf": [{"minimum": 1}, {"maximum": 2, "type": "integer"}]}, [1, 2], [0, 3, "a"]),
    ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, [1.5], [1, "a"]),
    (
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"},
        [{"a": 1}, {"b": 1, "c": 2}],
        [{}, {"a": 1, "b": 1}],
    ),
    ({"not": {"type": "string"}}, [1, None, {}], ["a"]),
    ({"not": {"enum": ["a", 1]}, "type": ["string", "integer"]}, ["b", 2, "aa"], ["a", 1]),
    ({"not": {"required": ["a"]}}, [{}, {"b": 1}], [{"a": 1}, 3]),
    (
        {"if": {"properties": {"a": {"const": 1}}, "required": ["a"]}, "then": {"required": ["b"]}, "type": "object"},
        [{"a": 1, "b": 2}, {"a": 2}, {}],
        [{"a": 1}],
    ),
    ({"dependentRequired": {"a": ["b"]}}, [{}, {"b": 1}, {"a": 1, "b": 1}], [{"a": 1}]),
    ({"dependentSchemas": {"a": {"maxProperties": 1}}}, [{"a": 1}, {"b": 1, "c": 2}], [{"a": 1, "b": 2}]),
    (
        {"allOf": [{"properties": {"a": True}}], "properties": {"b": True}, "unevaluatedProperties": False},
        [{"a": 1, "b": 2}],
        [{"c": 1}],
    ),
    (
        {"$ref": "#/$defs/t", "$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}},
        [[], [[], [[]]]],
        [1, [1]],
    ),
]


@pytest.mark.parametrize(("schema", "valid", "invalid"), CASES, ids=[json.dumps(case[0])[:60] for case in CASES])
def test_spec_profile_agrees_with_the_specification(schema: Any, valid: list[Any], invalid: list[Any]) -> None:
    grammar = JsonSchema(schema, profile="spec").grammar()
    for value in valid:
        assert matches(grammar, json.dumps(value).encode()), value
    for value in invalid:
        assert not matches(grammar, json.dumps(value).encode()), value


@pytest.mark.parametrize(("schema", "valid", "invalid"), CASES, ids=[json.dumps(case[0])[:60] for case in CASES])
def test_generation_profile_admits_nothing_invalid(schema: Any, valid: list[Any], invalid: list[Any]) -> None:
    grammar = JsonSchema(schema).grammar()
    for value in invalid:
        assert not matches(grammar, json.dumps(value, ensure_ascii=False).encode()), value


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"const": "a/"}, r'"\u0061\/"'),
        ({"const": "😀"}, r'"\uD83d\ude00"'),
        ({"const": 1}, "1.000"),
        ({"const": 1}, "10e-1"),
        ({"type": "integer"}, "1E+2"),
        ({"maximum": 100}, "1e2"),
        ({"required": ["a"]}, r'{"\u0061" : 1 }'),
        ({"pattern": "^é$"}, r'"\u00E9"'),
        ({"maxLength": 1}, r'"\ud83d\ude00"'),
        ({"const": 0}, "-0.0"),
        ({"format": "time"}, '"23:59:60Z"'),
        ({"const": {"a": 1, "b": 2}}, '\n{"b":2,\t"a":1} '),
    ],
)
def test_spec_profile_knows_every_spelling(schema: Any, text: str) -> None:
    assert accepts(schema, text, profile="spec")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string"}, r'"\ud83d"'),
        ({"type": "string"}, '"\n"'),
        ({"type": "integer"}, "15e-1"),
        ({"maximum": 99}, "1e2"),
        ({"const": 1}, "10e-2"),
        ({"type": "number"}, "01"),
        ({"properties": {"a": {"type": "integer"}}}, r'{"\u0061":"x"}'),
        ({"properties": {"a": True}, "additionalProperties": False}, '{"a":1,"a":2}'),
        ({"format": "time"}, '"22:59:60Z"'),
    ],
)
def test_spec_profile_refuses(schema: Any, text: str) -> None:
    assert not accepts(schema, text, profile="spec")


def test_generation_spells_shortest_and_closes_objects() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "string"}}, "required": ["z"]}
    for text in ('{"z":1}', '{"a":-1.5,"b":"é\\n","z":[]}', '{"a": 1, "z": {}}'):
        assert accepts(schema, text)
    for text in (
        '{"b":"","a":1,"z":1}',  # not the order of declaration
        '{"a":1,"z":1,"c":1}',  # not declared
        '{"a":-0,"z":1}',
        '{"a":1e2,"z":1}',
        '{"a":123456789012345678901,"z":1}',
        '{"b":"\\u00e9","z":1}',
        '{"a":  1,"z":1}',
        '{ "z":1}',
        '{"z":1} ',
    ):
        assert not accepts(schema, text)


@pytest.mark.parametrize("more", [{"additionalProperties": True}, {"unevaluatedProperties": True}])
def test_generation_leaves_objects_open_that_say_so(more: dict[str, Any]) -> None:
    assert accepts({"properties": {"a": True}, **more}, '{"a":1,"c":1}')


def test_property_order_can_be_chosen() -> None:
    schema = {"properties": {"a": True, "b": True}}
    assert accepts(schema, '{"b":1,"a":1}', property_order="any")
    assert not accepts(schema, '{"b":1,"a":1}', profile="spec", property_order="schema")


def test_formats_can_be_annotations() -> None:
    assert accepts({"format": "date"}, '"x"', format="annotation")
    assert accepts({"format": "date"}, '"x"', draft="4") is False
    assert accepts({"format": "uuid"}, '"x"', draft="7")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"]},
        {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "integer"}]},
        {"oneOf": [{"properties": {"k": {"const": k}}, "required": ["k"]} for k in "abc"], "type": "object"},
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "type": "object"},
        {"not": {"type": ["string", "object"]}},
        {"type": "number", "multipleOf": 0.25, "minimum": 0.1},
        {"format": "date-time"},
        {"dependentRequired": {"a": ["b"]}, "type": "object"},
        {"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": True, "b": True}},
        {"uniqueItems": True, "maxItems": 1},
    ],
)
def test_common_keywords_need_no_guard_in_generation(schema: Any) -> None:
    assert JsonSchema(schema).residuals == []


_ABC = {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True}


@pytest.mark.parametrize("profile", ["generation", "spec"])
@pytest.mark.parametrize("more", [{}, {"minItems": 2}, {"maxItems": 2}, {"minItems": 1, "maxItems": 1}])
def test_distinct_items_out_of_a_small_enum_need_no_guard(profile: Any, more: dict[str, int]) -> None:
    schema = _ABC | more
    constraint, validator = JsonSchema(schema, profile), jsonschema_rs.Draft202012Validator(schema)
    assert constraint.residuals == []
    for n in range(5):
        for items in itertools.product("abc", repeat=n):
            text = json.dumps(items).encode()
            assert matches(constraint.grammar(), text) == validator.is_valid(list(items)), items


def test_distinct_items_are_as_many_as_there_are_values() -> None:
    with pytest.raises(EmptyLanguage):
        JsonSchema(_ABC | {"minItems": 4})
    schema = {"type": "array", "items": {"enum": [*"abcdef"]}, "uniqueItems": True, "not": {"minItems": 7}}
    assert not accepts(schema, '["a","b","c","d","e","f","g"]')
    both = {"allOf": [_ABC, {"not": {"uniqueItems": True}}]}
    assert not accepts(both, '["a","b"]')


def test_guards_stand_where_they_decide() -> None:
    schema = {"anyOf": [{"type": "integer"}, {"type": "array", "uniqueItems": True}]}
    (guard,) = JsonSchema(schema).residuals
    assert (guard.pointer, guard.keyword) == ("#/anyOf/1", "uniqueItems")
    assert guard(b"[1,2]")
    assert not guard(b"[1,1.0]")


def test_verdicts_name_every_keyword() -> None:
    schema = {"properties": {"a": {"uniqueItems": True, "title": "x", "minItems": 1}}, "$defs": {"b": {}}}
    assert [verdict._replace(reason="") for verdict in JsonSchema(schema).verdicts] == [
        Verdict("#", "properties", "automaton"),
        Verdict("#/properties/a", "uniqueItems", "guard"),
        Verdict("#/properties/a", "title", "annotation"),
        Verdict("#/properties/a", "minItems", "automaton"),
    ]


def test_impossible_branches_are_pruned() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "object", "required": ["x"], "properties": {"x": False}}}}
    assert accepts(schema, "{}")
    assert not accepts(schema, '{"a":{}}')
    grammar = JsonSchema(schema).grammar()
    assert len(grammar.rules) == 1


def test_fingerprints_tell_schemas_and_options_apart() -> None:
    prints = {
        JsonSchema({"type": "string"}).fingerprint,
        JsonSchema({"type": "integer"}).fingerprint,
        JsonSchema({"type": "string"}, profile="spec").fingerprint,
        JsonSchema({"type": "string"}, whitespace="any").fingerprint,
    }
    assert len(prints) == 4
    assert JsonSchema({"type": "string"}).fingerprint == JsonSchema('{"type": "string"}').fingerprint


# A differential test: random schemas and instances, the engine's verdict against the validator's.

_KEYS = st.sampled_from("abc")
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.sampled_from([0.5, 1.0, -1.25]) | st.text("ab1", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=4,
)


def _schemas() -> st.SearchStrategy[Any]:
    leaves = st.one_of(
        st.booleans(),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])}
        ),
        st.fixed_dictionaries({"enum": st.lists(_VALUES, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"const": _VALUES}),
        st.fixed_dictionaries(
            {}, optional={"minimum": st.integers(-2, 5), "exclusiveMaximum": st.sampled_from([1, 2.5, 9])}
        ),
        st.fixed_dictionaries({"multipleOf": st.sampled_from([0.25, 1, 2, 3, 5])}),
        st.fixed_dictionaries({}, optional={"minLength": st.integers(0, 2), "maxLength": st.integers(0, 3)}),
        st.fixed_dictionaries({"pattern": st.sampled_from(["^a", "b$", "a|1", "^[ab]*$"])}),
        st.fixed_dictionaries({}, optional={"minItems": st.integers(0, 2), "maxItems": st.integers(0, 3)}),
        st.fixed_dictionaries({"uniqueItems": st.just(True)}),
        st.fixed_dictionaries({"required": st.lists(_KEYS, unique=True, max_size=2)}),
        st.fixed_dictionaries({}, optional={"minProperties": st.integers(0, 2), "maxProperties": st.integers(0, 3)}),
        st.fixed_dictionaries(
            {"dependentRequired": st.dictionaries(_KEYS, st.lists(_KEYS, unique=True, max_size=2), max_size=2)}
        ),
    )

    def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(inner, min_size=1, max_size=3)
        members = st.dictionaries(_KEYS, inner, max_size=2)
        return st.one_of(
            st.builds(lambda a, b: {**a, **b} if isinstance(a, dict) and isinstance(b, dict) else a, inner, inner),
            st.sampled_from(["allOf", "anyOf", "oneOf"]).flatmap(lambda k: st.fixed_dictionaries({k: several})),
            st.fixed_dictionaries({"not": inner}),
            st.fixed_dictionaries({"if": inner}, optional={"then": inner, "else": inner}),
            st.fixed_dictionaries({}, optional={"items": inner, "prefixItems": several, "contains": inner}),
            st.fixed_dictionaries({"properties": members}, optional={"additionalProperties": inner}),
            st.fixed_dictionaries(
                {"patternProperties": st.dictionaries(st.sampled_from(["a", "^b"]), inner, max_size=2)}
            ),
            st.fixed_dictionaries({"propertyNames": inner}),
            st.fixed_dictionaries({"dependentSchemas": members}),
            st.fixed_dictionaries({"properties": members, "unevaluatedProperties": inner}, optional={"anyOf": several}),
            st.fixed_dictionaries({"prefixItems": several, "unevaluatedItems": inner}, optional={"anyOf": several}),
        )

    return st.recursive(leaves, nested, max_leaves=6)


@settings(max_examples=200, deadline=None)
@given(_schemas(), st.lists(_VALUES, min_size=1, max_size=4))
def test_random_schemas_are_judged_like_the_validator(schema: Any, values: list[Any]) -> None:
    validator = jsonschema_rs.Draft202012Validator(schema)
    try:
        grammar = JsonSchema(schema, profile="spec", whitespace="compact").grammar()
    except EmptyLanguage:
        assert not any(map(validator.is_valid, values))
        return
    for value in values:
        text = json.dumps(value, separators=(",", ":"))
        assert matches(grammar, text.encode()) == validator.is_valid(value), (schema, text)


def test_a_negation_declares_no_members() -> None:
    assert accepts({"not": {"required": ["a"]}}, '{"b":1}')
    assert accepts({"dependentRequired": {"a": ["b"]}}, '{"c":1}')
    assert accepts({"not": {"properties": {"a": {"const": 1}}}}, '{"a":2,"b":1}')


def test_closed_objects_have_the_members_of_what_is_undecided() -> None:
    ifs = [{"if": {"required": [f"x{i}"]}, "then": {"required": [f"k{i}"]}} for i in range(12)]
    schema = {"properties": {f"x{i}": {"type": "integer"} for i in range(12)}, "allOf": ifs}
    assert JsonSchema(schema).residuals
    assert accepts(schema, '{"x1":1,"x11":2,"k1":1,"k11":2}')
    assert not accepts(schema, '{"x1":1}')
    assert not accepts(schema, '{"x1":1,"k1":1,"other":2}')


@pytest.mark.parametrize(
    "schema",
    [
        {"contains": {"const": 1}, "minContains": 2, "maxContains": 5, "type": "array"},
        {"not": {"items": {"type": "integer"}}},
        {"allOf": [{"if": {"properties": {"t": {"const": i}}}, "then": {"required": [f"k{i}"]}} for i in range(20)]}
        | {"properties": {"t": {"enum": list(range(20))}}, "required": ["t"]},
    ],
    ids=["contains", "not items", "conditions on a required enum"],
)
def test_these_are_decided_by_the_automaton(schema: Any) -> None:
    assert not JsonSchema(schema).residuals


def test_many_listed_objects_are_admitted_one_by_one() -> None:
    values = [{"a": i % 7, "b": [i, {"s": 'x,"y' * (i % 4)}], "f": [0.5 * i, 1.0]} for i in range(60)]
    values += [[], {}, [[]], [1], ["a,b"], [{"a": 1}], {"a": 1.0}]
    grammar = JsonSchema({"enum": values}).grammar()
    for value in values:
        assert matches(grammar, json.dumps(value).encode())
    for text in ('{"a": 3, "b": [4, {"s": ""}], "f": [2.0, 1.0]}', "[", "[1,1]", '{"a":2}', '["a"]'):
        assert not matches(grammar, text.encode())
