"""JSON values: types, equality and exact reading.

Equality is JSON Schema's: numbers by value (`1` is `1.0`), booleans are no numbers, objects without order.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from decimal import Decimal
from math import isfinite
from typing import Any

from ...errors import GrammarError

_EXACT = json.JSONDecoder(parse_float=Decimal)
_SCALARS: dict[type, int] = {type(None): 1, str: 32, list: 64, tuple: 64, dict: 128}


def type_of(value: Any) -> int:
    """The bit of a value's type, as in `facts`."""
    found = _SCALARS.get(type(value))
    if found is not None:
        return found
    if isinstance(value, bool):
        return 4 if value else 2
    if isinstance(value, Decimal):
        return 8 if value == value.to_integral_value() else 16
    return 8 if isinstance(value, int) or value.is_integer() else 16


def identity(value: Any) -> Hashable:
    """Something hashable that is equal for equal values.

    >>> identity(1) == identity(1.0), identity(1) == identity(True), identity({"a": [1]}) == identity({"a": [1.0]})
    (True, False, True)
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, float):
        return exact(value)
    if isinstance(value, list | tuple):
        return ("array", tuple(map(identity, value)))
    if isinstance(value, dict):
        return ("object", frozenset((key, identity(item)) for key, item in value.items()))
    return value  # type: ignore[no-any-return]


def exact(number: float | Decimal) -> Decimal:
    """A number of a schema as the decimal that it was written as.

    Raises
    ------
    GrammarError : it is infinite, as a float is that was written too large, or no number.
    """
    if isinstance(number, Decimal):
        return number
    if isinstance(number, float):
        if not isfinite(number):
            raise GrammarError(f"Expected numbers that a float can hold in the schema, got {number}")
        return Decimal(repr(number))
    return Decimal(number)


def read_exactly(text: bytes) -> Any:
    """A JSON text's value, numbers with fraction or exponent as decimals."""
    return _EXACT.decode(text.decode("utf-8", "surrogatepass"))
