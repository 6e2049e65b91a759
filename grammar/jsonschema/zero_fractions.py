"""Zero fractions: in draft 4 `1.0` equals `1`, and is no integer.

From draft 6 on an integer is any number without a fraction, however it is written. In draft 4 it is one that is written
without: whether a listed value satisfies a schema may depend on how its whole numbers are written.

Source: JSON Schema draft 4, validation 5.5.2.1 and core 3.5; draft 6, 6.25.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from itertools import product
from typing import Any

from .facts import INTEGER
from .values import exact, type_of

#: Whole numbers in a value of which every way to write them is tried.
MOST = 4


class Written(Enum):
    """How the whole numbers of a listed value may be written."""

    EITHER = "with a fraction of zeros or without"
    WHOLE = "without"
    UNSURE = "as a guard decides"


def forms(value: Any) -> list[Any] | None:
    """The value with each of its whole numbers as `1` and as `1.0`, without first; None if they are too many."""
    n = _whole_numbers(value)
    if n > MOST:
        return None
    return [_written(value, iter(choices)) for choices in product((False, True), repeat=n)]


def _whole_numbers(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_whole_numbers, value.values()))
    if isinstance(value, list):
        return sum(map(_whole_numbers, value))
    return 1 if type_of(value) & INTEGER else 0


def _written(value: Any, fractions: Iterator[bool]) -> Any:
    if isinstance(value, dict):
        return {name: _written(item, fractions) for name, item in value.items()}
    if isinstance(value, list):
        return [_written(item, fractions) for item in value]
    if not type_of(value) & INTEGER:
        return value
    whole = int(exact(value))
    return Decimal(f"{whole}.0") if next(fractions) else whole
