"""Dialects: the drafts of JSON Schema and how they differ.

Sources: the specifications at json-schema.org, drafts 4, 6, 7, 2019-09 and 2020-12.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from ...errors import GrammarError


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """One draft. There is one object for each, so that dialects compare and hash by identity."""

    #: As the option `draft=` takes it.
    name: str
    #: Its meta-schema.
    uri: str
    #: Its age, for comparisons: 4, 6, 7, 2019, 2020.
    age: int
    #: Keywords that assert, beside the applicators, are on (a meta-schema may leave their vocabulary out).
    validates: bool = True
    #: The keyword that names a resource.
    id_keyword: str = "$id"

    @property
    def ref_stands_alone(self) -> bool:
        """Whether `$ref` hides its siblings."""
        return self.age <= 7

    @property
    def floats_are_integers(self) -> bool:
        """Whether `1.0` is an integer."""
        return self.age > 4

    def knows(self, keyword: str) -> bool:
        """Whether the draft gives the keyword a meaning."""
        first, last = _SPAN.get(keyword, (4, 2020))
        return first <= self.age <= last and (self.validates or keyword not in _ASSERTIONS)


#: Keywords that not every draft has: first and last draft.
_SPAN: Final = {
    "const": (6, 2020),
    "contains": (6, 2020),
    "propertyNames": (6, 2020),
    "if": (7, 2020),
    "then": (7, 2020),
    "else": (7, 2020),
    "dependentRequired": (2019, 2020),
    "dependentSchemas": (2019, 2020),
    "minContains": (2019, 2020),
    "maxContains": (2019, 2020),
    "unevaluatedItems": (2019, 2020),
    "unevaluatedProperties": (2019, 2020),
    "$recursiveRef": (2019, 2019),
    "$dynamicRef": (2020, 2020),
    "prefixItems": (2020, 2020),
    "additionalItems": (4, 2019),
}
_ASSERTIONS: Final = frozenset({
    *("type", "enum", "const", "pattern", "required", "dependentRequired", "uniqueItems", "multipleOf"),
    *("maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "maxItems", "minItems"),
    *("maxContains", "minContains", "maxProperties", "minProperties"),
})  # fmt: skip

DIALECTS: Final = {
    "4": Dialect("4", "http://json-schema.org/draft-04/schema", 4, id_keyword="id"),
    "6": Dialect("6", "http://json-schema.org/draft-06/schema", 6),
    "7": Dialect("7", "http://json-schema.org/draft-07/schema", 7),
    "2019-09": Dialect("2019-09", "https://json-schema.org/draft/2019-09/schema", 2019),
    "2020-12": Dialect("2020-12", "https://json-schema.org/draft/2020-12/schema", 2020),
}
_BY_URI: Final = {d.uri.split("://")[1]: d for d in DIALECTS.values()}


def dialect_named(draft: str | int) -> Dialect:
    """The dialect for the option `draft=`.

    Raises
    ------
    GrammarError : no such draft.
    """
    try:
        return DIALECTS[str(draft)]
    except KeyError:
        raise GrammarError(f"Expected `draft` to be one of {', '.join(DIALECTS)}, got {draft!r}.") from None


def dialect_of(uri: str) -> Dialect | None:
    """The dialect whose meta-schema has the URI, if it is one of the drafts."""
    return _BY_URI.get(uri.partition("://")[2].rstrip("#"))


@cache
def without_validation(dialect: Dialect) -> Dialect:
    """The dialect with its validation vocabulary off."""
    return replace(dialect, validates=False)
