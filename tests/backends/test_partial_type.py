"""Partial typed values: finished parts as they will be, open ones as far as they go."""

import dataclasses
import datetime
import enum
import json
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict

import pytest

from syntagma.backends.partial import PartialJson
from syntagma.backends.partial_type import partial_value


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass(frozen=True)
class Inner:
    when: datetime.date
    note: str = "none"


@dataclasses.dataclass
class Outer:
    name: str
    inner: Inner
    all: list[Inner]
    color: Color


class Point(NamedTuple):
    x: float
    y: float


class Table(TypedDict):
    a: int
    rows: list[str]


class Other(TypedDict):
    b: int


Name = NewType("Name", str)


def shown(tp: Any, text: str) -> Any:
    partial = PartialJson()
    partial.feed(text)
    return partial_value(tp, partial.value, partial.depth)


TEXT = (
    '{"name": "Ada", "inner": {"when": "2024-02-29", "note": "x"}, "all": [{"when": "2024-01-01", "note": "y"}], '
    '"color": "red"}'
)
INNER = Inner(datetime.date(2024, 2, 29), "x")


@pytest.mark.parametrize(
    ("upto", "value"),
    [
        ("{", Outer(None, None, None, None)),
        ('"A', Outer("A", None, None, None)),
        ('"2024-02', Outer("Ada", Inner(None, None), None, None)),
        ('"2024-02-29"', Outer("Ada", Inner(datetime.date(2024, 2, 29), None), None, None)),
        ('"x"}', Outer("Ada", INNER, None, None)),
        ("[", Outer("Ada", INNER, [], None)),
        ('"y', Outer("Ada", INNER, [Inner(datetime.date(2024, 1, 1), "y")], None)),
        ('"re', Outer("Ada", INNER, [Inner(datetime.date(2024, 1, 1), "y")], None)),
        ('"red"}', Outer("Ada", INNER, [Inner(datetime.date(2024, 1, 1), "y")], Color.RED)),
    ],
)
def test_dataclasses_fill_up(upto, value):
    assert shown(Outer, TEXT[: TEXT.index(upto) + len(upto)]) == value


@pytest.mark.parametrize(
    ("tp", "text", "value"),
    [
        (list[int], "[1, 2", [1]),
        (list[int], "[1, 2]", [1, 2]),
        (tuple[int, str], '[1, "a', (1, "a")),
        (tuple[Decimal, ...], "[1.50, 2", (Decimal("1.5"),)),
        (set[str], '["a", "b', {"a", "b"}),
        (Point, "[1.5, 2", Point(1.5, None)),
        (list[str] | Point, '["x', ["x"]),
        (Sequence[int], "[1, 2", [1]),
        (Set[str] | None, '["x', {"x"}),
        (Mapping[str, list[int]] | int, '{"x": [1, 2', {"x": [1]}),
        (list, '["a", {"b": [1, "c', ["a", {"b": [1, "c"]}]),
        (dict[str, datetime.date], '{"x": "2024-01-01", "y": "2024', {"x": datetime.date(2024, 1, 1), "y": None}),
        (dict, '{"x": "y', {"x": "y"}),
        (Any, '[{"a": "b', [{"a": "b"}]),
        (Table, '{"a": 1, "rows": ["x', {"a": 1, "rows": ["x"]}),
        (Table | Other, '{"b": 1', {}),
        (Other | Table | None, '{"a": 1, "rows": [', {"a": 1, "rows": []}),
        (list[str] | str, '["a', ["a"]),
        (list[str] | str, '"a', "a"),
        (datetime.date | None, '"2024', None),
        (datetime.date | None, '"2024-01-01"', datetime.date(2024, 1, 1)),
        (Literal["ab", "abc"], '"ab', None),
        (Annotated[Name, "label"], '"Zo', "Zo"),
    ],
    ids=str,
)
def test_types(tp, text, value):
    found = shown(tp, text)
    assert found == value
    assert type(found) is type(value)


def test_pydantic_models():
    pydantic = pytest.importorskip("pydantic")

    class Leaf(pydantic.BaseModel):
        id: int
        label: str = pydantic.Field(default="d", alias="Label")

    class Tree(pydantic.BaseModel):
        leaves: list[Leaf]
        top: Leaf | None = None

    tree = shown(Tree, '{"leaves": [{"id": 1, "Label": "a"}, {"id": 2, "Label": "b')
    assert isinstance(tree, Tree)
    assert tree.leaves[0] == Leaf(id=1, Label="a")
    assert (tree.leaves[1].id, tree.leaves[1].label, tree.top) == (2, "b", None)
    text = Tree(leaves=[Leaf(id=1, Label="a")], top=Leaf(id=3, Label="c")).model_dump_json(by_alias=True)
    for n in range(len(text)):
        partial = PartialJson()
        partial.feed(text[:n])
        if partial.closed is not None:
            assert isinstance(partial_value(Tree, partial.value, partial.depth), Tree)
    assert shown(Tree, text) == Tree.model_validate_json(text)
    assert json.loads(text)["top"]["Label"] == "c"
