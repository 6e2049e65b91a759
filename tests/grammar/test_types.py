"""Python types: their schemas, and objects out of JSON values."""

from __future__ import annotations

import enum
import json
import typing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, TypedDict, Union
from uuid import UUID

import annotated_types as at
import jsonschema_rs
import pydantic
import pytest

from syntagma.errors import GrammarError
from syntagma.grammar.jsonschema import JsonSchema
from syntagma.grammar.types import decoder_of, schema_of


class Color(enum.Enum):
    RED = "red"
    TWO = 2


@dataclass
class Tree:
    value: int
    children: list[Tree] = field(default_factory=list)
    color: Color | None = None


class Movie(TypedDict):
    title: str
    released: NotRequired[date]


class Point(NamedTuple):
    x: int
    label: str


class Person(pydantic.BaseModel):
    name: Annotated[str, pydantic.Field(min_length=1)]
    born: date
    friend: Optional[Person] = None  # noqa: UP045


@dataclass
class Everything:
    person: Person
    movies: dict[str, Movie]
    pair: tuple[int, str]
    either: Union[int, date, str]  # noqa: UP007


ROUND_TRIPS: list[tuple[Any, Any, Any]] = [
    (None, None, None),
    (bool, True, True),
    (int, 3, 3),
    (float, 3, 3.0),
    (str, "a", "a"),
    (Decimal, 1.1, Decimal("1.1")),
    (date, "2024-02-29", date(2024, 2, 29)),
    (time, "12:30:00z", time(12, 30, tzinfo=UTC)),
    (datetime, "2024-01-01t00:00:00Z", datetime(2024, 1, 1, tzinfo=UTC)),
    (UUID, "2eb8aa08-aa98-11ea-b4aa-73b441d16380", UUID("2eb8aa08aa9811eab4aa73b441d16380")),
    (Path, "a/b", Path("a/b")),
    (Any, {"a": [1]}, {"a": [1]}),
    (Color, "red", Color.RED),
    (Literal["a", 1, True, None], 1, 1),
    (Literal[Color.TWO], 2, Color.TWO),
    (int | None, None, None),
    (list[date], ["2024-01-01"], [date(2024, 1, 1)]),
    (set[int], [1, 2], {1, 2}),
    (tuple[int, ...], [1, 2], (1, 2)),
    (tuple[int, date], [1, "2024-01-01"], (1, date(2024, 1, 1))),
    (tuple[()], [], ()),
    (dict[str, date], {"a": "2024-01-01"}, {"a": date(2024, 1, 1)}),
    (dict[Literal["a", "b"], int], {"a": 1}, {"a": 1}),
    (typing.Mapping[str, int], {"a": 1}, {"a": 1}),
    (typing.NewType("Age", int), 3, 3),
    (Movie, {"title": "x", "released": "2024-01-01"}, {"title": "x", "released": date(2024, 1, 1)}),
    (Point, [1, "a"], Point(1, "a")),
    (Tree, {"value": 1, "children": [{"value": 2, "color": "red"}]}, Tree(1, [Tree(2, [], Color.RED)])),
    (Person, {"name": "a", "born": "2024-01-01"}, Person(name="a", born=date(2024, 1, 1))),
    (Union[int, date, str], "2024-01-01", date(2024, 1, 1)),  # noqa: UP007
    (Union[int, date, str], "2024-01-32", "2024-01-32"),  # noqa: UP007
    (
        Everything,
        {
            "person": {"name": "a", "born": "2024-01-01", "friend": {"name": "b", "born": "2024-01-02"}},
            "movies": {"m": {"title": "x"}},
            "pair": [1, "a"],
            "either": 5,
        },
        Everything(
            Person(name="a", born=date(2024, 1, 1), friend=Person(name="b", born=date(2024, 1, 2))),
            {"m": {"title": "x"}},
            (1, "a"),
            5,
        ),
    ),
]


@pytest.mark.parametrize(("tp", "value", "expected"), ROUND_TRIPS, ids=lambda x: str(x)[:40])
def test_values_of_a_type_validate_and_decode(tp: Any, value: Any, expected: Any) -> None:
    schema = schema_of(tp)
    jsonschema_rs.meta.validate(schema)
    assert jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)
    decoded = decoder_of(tp)(json.loads(json.dumps(value)))
    assert decoded == expected
    assert type(decoded) is type(expected)
    assert JsonSchema(tp).grammar().rules


@pytest.mark.parametrize(
    ("tp", "expected"),
    [
        (Annotated[int, at.Ge(3), at.Lt(5)], {"type": "integer", "minimum": 3, "exclusiveMaximum": 5}),
        (Annotated[int, at.Interval(ge=3, le=5), at.MultipleOf(2)], {"minimum": 3, "maximum": 5, "multipleOf": 2}),
        (Annotated[str, at.Len(1, 3)], {"minLength": 1, "maxLength": 3}),
        (Annotated[list[int], at.MinLen(1)], {"minItems": 1}),
        (Annotated[dict[str, int], at.MaxLen(2)], {"maxProperties": 2}),
        (Annotated[str, pydantic.Field(pattern="^a", max_length=4)], {"pattern": "^a", "maxLength": 4}),
        (Annotated[str, "a name"], {"description": "a name"}),
        (Annotated[Decimal, at.Gt(Decimal("0.5"))], {"exclusiveMinimum": 0.5}),
    ],
)
def test_annotations_become_keywords(tp: Any, expected: dict[str, Any]) -> None:
    assert expected.items() <= schema_of(tp).items()


def test_objects_are_closed_and_name_what_is_required() -> None:
    schema = schema_of(Movie)
    assert schema["required"] == ["title"]
    assert schema["additionalProperties"] is False


def test_recursive_classes_are_definitions() -> None:
    schema = schema_of(Tree)
    assert schema["$ref"] == "#/$defs/Tree"
    assert schema["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


@pytest.mark.parametrize("tp", [complex, dict[int, int], typing.Callable, 3, bytes, Literal[b"a"]])
def test_types_that_json_cannot_express_are_refused(tp: Any) -> None:
    with pytest.raises(GrammarError):
        schema_of(tp)


def test_a_constraint_decodes_to_its_type() -> None:
    constraint = JsonSchema(Tree)
    assert constraint.type is Tree
    assert constraint.decode({"value": 1}) == Tree(1)
    assert JsonSchema({"type": "integer"}).decode(1) == 1
