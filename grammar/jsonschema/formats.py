"""Formats: which ones each draft asserts, and their regular expressions."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from .dialect import Dialect


class Format(NamedTuple):
    """A format's regular expression (ECMA-262, for the whole string)."""

    pattern: str
    #: Whether the expression decides the format; else it accepts too much.
    exact: bool


#: The draft in which each format came.
_SINCE: Final = {
    "date-time": 4, "email": 4, "hostname": 4, "ipv4": 4, "ipv6": 4, "uri": 4, "date": 4, "time": 4, "regex": 4,
    "idn-email": 4, "uri-reference": 6, "uri-template": 6, "json-pointer": 6, "idn-hostname": 7, "iri": 7,
    "iri-reference": 7, "relative-json-pointer": 7, "duration": 2019, "uuid": 2019,
}  # fmt: skip

FORMATS: Final[dict[str, Format]] = {}


def is_asserted(name: Any, dialect: Dialect) -> bool:
    """Whether the draft gives the format a meaning."""
    return isinstance(name, str) and _SINCE.get(name, 9999) <= dialect.age
