"""Keys of objects: which schemas a member meets, by its key.

The keys that are not declared fall into classes by the patterns that they match; each class is a regular expression
over the spelled key.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

from ..ir import And, Expr, Not, Repeat, Written, choice
from ..unicode import ANY
from . import scalars
from .document import Node
from .facts import STRING, Facts, Objects, meet
from .patterns import has_match
from .strings import Spelling, character, quoted

if TYPE_CHECKING:
    from .reading import Reader

#: Views from which on those that speak of a key are looked up.
MANY_VIEWS: Final = 8
#: Patterns whose combinations are told apart.
MOST_PATTERNS: Final = 4


class KeyClasses(NamedTuple):
    """The undeclared keys: expressions, disjoint, and the schemas of their members."""

    others: tuple[tuple[Expr, tuple[Node, ...]], ...]
    #: What `propertyNames` says of keys, if anything.
    names: Expr | None
    #: Whether the classes decide the schemas; else a guard must.
    exact: bool


def at_key(objects: Objects, key: str) -> tuple[Node, ...]:
    """The schemas of the member with a key."""
    if len(objects.views) == 1 and not objects.views[0].patterns:
        node = objects.views[0].properties.get(key, objects.views[0].additional)
        return () if node is None else (node,)
    found: dict[Node, None] = {}
    for view in objects.speaking_of(key) if len(objects.views) > MANY_VIEWS else objects.views:
        declared = view.properties.get(key)
        if declared is not None:
            found[declared] = None
        matched = [node for pattern, node in view.patterns.items() if has_match(pattern, key)] if view.patterns else ()
        for node in matched:
            found[node] = None
        if declared is None and not matched and view.additional is not None:
            found[view.additional] = None
    return tuple(found)


def is_matched(objects: Objects, key: str) -> bool:
    """Whether some `patternProperties` speaks of a key."""
    return any(has_match(pattern, key) for view in objects.views for pattern in view.patterns)


class Classes:
    """Tells the keys of objects apart."""

    def __init__(self, reader: Reader, spelling: Spelling) -> None:
        self._reader = reader
        self._spelling = spelling
        self._any_key = spelling.any_string

    def fits(self, objects: Objects, key: str) -> bool:
        """Whether `propertyNames` lets a key be."""
        referee = self._reader.referee
        return self._reader.document.dynamic or all(referee.is_valid(node, key) for node in objects.every_name)

    def open_name(self, objects: Objects) -> Node | None:
        """A schema that some key must meet, if no required key does and it is left open which one will."""
        if not objects.some_name or objects.max == 1:
            return None
        valid, names = self._reader.referee.is_valid, objects.some_name
        return next((node for node in names if not any(valid(node, key) for key in objects.required)), None)

    def of(self, objects: Objects, closed: bool) -> KeyClasses:
        """The classes of an object's undeclared keys; `closed`: only those that match some pattern."""
        names, exact = self._names(objects) if objects.every_name else (None, True)
        patterns = tuple(dict.fromkeys([p for view in objects.views for p in view.patterns]))
        if not patterns:
            if closed:
                return KeyClasses((), names, exact)
            nodes = tuple(dict.fromkeys(v.additional for v in objects.views if v.additional is not None))
            return KeyClasses(((names or self._any_key, nodes),), names, exact)
        bodies = [scalars.pattern_text(p) for p in patterns]
        if len(patterns) > MOST_PATTERNS or None in bodies:
            return KeyClasses(((names or self._any_key, ()),), names, False)
        found = []
        for chosen in product((True, False), repeat=len(patterns)):
            matched = {p for p, yes in zip(patterns, chosen, strict=True) if yes}
            if matched or not closed:
                parts = [b if yes else Not(b) for b, yes in zip(bodies, chosen, strict=True) if b is not None]
                found.append((self._class(parts, bool(matched), names), _at_class(objects, matched)))
        return KeyClasses(tuple(found), names, exact)

    def _class(self, parts: list[Expr], positive: bool, names: Expr | None) -> Expr:
        texts = parts if positive else [*parts, Repeat(character(ANY))]
        whole = quoted(Written(texts[0] if len(texts) == 1 else And(tuple(texts)), self._spelling))
        return whole if names is None else And((whole, names))

    def _names(self, objects: Objects) -> tuple[Expr, bool]:
        """The keys that `propertyNames` lets be, and whether that is exact."""
        union = self._reader.conjunction(objects.every_name)
        ways, exact = [], True
        for facts in union:
            strings = meet(facts, Facts(STRING))
            if strings is None:
                continue
            if strings.values is not None:
                ways += [self._spelled(text) for text in self._reader.settled(strings)]
                continue
            excluded = tuple(v for v in strings.excluded if isinstance(v, str))
            body = scalars.string_body(strings.strings, excluded, self._spelling)
            exact = exact and body.exact and body.unsure is None and not strings.left(STRING)
            ways += [quoted(part) for part in (body.sure, body.unsure) if part is not None]
        return choice(*ways), exact

    def _spelled(self, text: str) -> Expr:
        return quoted(scalars.characters_of(text, self._spelling))


def _at_class(objects: Objects, matched: set[str]) -> tuple[Node, ...]:
    """The schemas of members whose key matches exactly these patterns and is not declared."""
    found: dict[Node, None] = {}
    for view in objects.views:
        own = [node for pattern, node in view.patterns.items() if pattern in matched]
        found.update(dict.fromkeys(own))
        if not own and view.additional is not None:
            found[view.additional] = None
    return tuple(found)
