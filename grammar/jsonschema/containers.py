"""Objects, arrays and structured literals as rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..ir import NOTHING, Expr, Guarded, Items, Member, Members, OtherMembers, Ref
from .counting import counted_array
from .document import Node
from .facts import Arrays, Facts, Objects
from .keys import Classes, KeyClasses, at_key, is_matched

if TYPE_CHECKING:
    from .lowering import Lowering, Style
    from .reading import Reader

#: Members up to which an automaton counts; a guard does beyond.
MOST_COUNTED = 2**15 - 1


class Containers:
    """Writes the rules of objects and arrays, for the lowering that has it and gives itself along."""

    def __init__(self, reader: Reader, style: Style) -> None:
        self._known: dict[tuple[object, int], Ref] = {}
        self._classes = Classes(reader, style.spelling)

    def object(self, lowering: Lowering, facts: Facts, depth: int) -> Ref:
        """The rule of the objects."""
        objects = facts.objects
        if objects is None:
            name = f"object at depth {depth}" if depth else "object"
            return lowering.shared(name, lambda: self._object(lowering, Objects(), (), depth))
        ref = self._known.get((objects, depth))
        if ref is None:
            ref = lowering.named(facts.sources[0], lambda: self._object(lowering, objects, facts.sources, depth))
            self._known[objects, depth] = ref
        return ref

    def array(self, lowering: Lowering, facts: Facts, depth: int) -> Ref:
        """The rule of the arrays."""
        arrays = facts.arrays
        if arrays is None:
            name = f"array at depth {depth}" if depth else "array"
            return lowering.shared(name, lambda: self._array(lowering, Arrays(), (), depth))
        ref = self._known.get((arrays, depth))
        if ref is None:
            ref = lowering.named(facts.sources[0], lambda: self._array(lowering, arrays, facts.sources, depth))
            self._known[arrays, depth] = ref
        return ref

    def _array(self, lowering: Lowering, arrays: Arrays, sources: tuple[Node, ...], depth: int) -> Expr:
        if not arrays.counts:
            return self._plain_array(lowering, arrays, depth)
        layout, below = lowering.style.layout, lowering.style.layout.below(depth)
        counted = counted_array(
            arrays, layout, lambda nodes: lowering.value(nodes, below), lambda write: lowering.named(sources[0], write)
        )
        if counted is not None:
            return counted
        plain = self._plain_array(lowering, arrays, depth)
        guard = lowering.guard(sources, sources[0].pointer, "contains")
        return plain if lowering.reader.document.dynamic else Guarded(plain, guard)

    def _plain_array(self, lowering: Lowering, arrays: Arrays, depth: int) -> Expr:
        """The arrays, but for what must be so many times among the items."""
        layout, value = lowering.style.layout, lowering.value
        below, most, width = layout.below(depth), arrays.max, arrays.width
        prefix: list[Expr] = []
        rest: Expr | None = None
        for i in range(width + 1):
            if most is not None and i >= most:
                break
            item = value(arrays.at(i), below)
            if item == NOTHING:
                most = i
            elif i == width:
                rest = item
            else:
                prefix.append(item)
        items = Items(tuple(prefix), rest, arrays.min, most if rest is not None else None, layout.separator(depth))
        return layout.enclosed(b"[", items, b"]", depth)

    def _object(self, lowering: Lowering, objects: Objects, sources: tuple[Node, ...], depth: int) -> Expr:
        style = lowering.style
        layout, below = style.layout, style.layout.below(depth)
        declared, required = objects.declared, set(objects.required)
        closed = style.closed and bool(declared) and not objects.explicit
        more = [*objects.tolerated, *self._matched(lowering, objects, sources)] if closed else objects.named
        declared.update(dict.fromkeys((*objects.required, *more)))
        classes = self._classes.of(objects, closed)
        members = self._members(lowering, objects, declared, required, classes, sources, below)
        if members is None:
            return NOTHING
        values = [(key, lowering.value(nodes, below)) for key, nodes in classes.others]
        others = tuple([OtherMembers(key, value) for key, value in values if value != NOTHING])
        least, most = objects.min if objects.min > len(required) else 0, objects.max
        if not others:
            members = [m for m in members if m.value != NOTHING] if values else members
            most = None if most is None or most >= len(members) else most
        separator, bound = layout.separator(depth), None if most is None or most > MOST_COUNTED else most
        body = Members(tuple(members), others, style.order, layout.colon, separator, least, bound, distinct=True)
        expr = layout.enclosed(b"{", body, b"}", depth)
        if lowering.reader.document.dynamic:
            return expr
        if most is not None and most > MOST_COUNTED:
            return Guarded(expr, lowering.guard(sources, sources[0].pointer, "maxProperties"))
        return self._guarded(lowering, expr, objects, classes, sources)

    def _members(
        self,
        lowering: Lowering,
        objects: Objects,
        declared: dict[str, None],
        required: set[str],
        classes: KeyClasses,
        sources: tuple[Node, ...],
        below: int,
    ) -> list[Member] | None:
        """The declared members; forbidden ones if undeclared ones may be. None if a required one is forbidden."""
        literal = lowering.style.spelling.literal
        members: list[Member] = []
        for key in declared:
            lowering.reader.clock.check("writing the rule of objects", sources[0])
            fits = classes.names is None or self._classes.fits(objects, key)
            value = lowering.value(at_key(objects, key), below) if fits else NOTHING
            if value != NOTHING or classes.others:
                members.append(Member(literal(key), value, key in required))
            if value == NOTHING and key in required:
                return None
        return members

    def _guarded(
        self, lowering: Lowering, expr: Expr, objects: Objects, classes: KeyClasses, sources: tuple[Node, ...]
    ) -> Expr:
        """The objects, guarded where the classes of keys do not decide all that there is to their names."""
        name = self._classes.open_name(objects)
        if name is not None:
            where = name.pointer.removesuffix("/propertyNames")
            return Guarded(expr, lowering.guard(sources, where, "propertyNames"))
        if classes.exact:
            return expr
        return Guarded(expr, lowering.guard(sources, sources[0].pointer, "patternProperties"))

    def _matched(self, lowering: Lowering, objects: Objects, sources: tuple[Node, ...]) -> Iterator[str]:
        """Those of the named keys that some `patternProperties` speaks of."""
        if not any([view.patterns for view in objects.views]):
            return
        for key in objects.named:
            lowering.reader.clock.check("matching keys with `patternProperties`", sources[0])
            if is_matched(objects, key):
                yield key

    def literal(self, lowering: Lowering, value: Any, depth: int) -> Expr:
        """One value."""
        if not isinstance(value, dict | list):
            return lowering.scalar_literal(value, lowering.reader.document.root)
        name = json.dumps(value, sort_keys=False) + (f" at depth {depth}" if depth else "")
        return lowering.shared(name, lambda: self._structure(lowering, value, depth))

    def _structure(self, lowering: Lowering, value: dict[str, Any] | list[Any], depth: int) -> Expr:
        style = lowering.style
        layout, below = style.layout, style.layout.below(depth)
        if isinstance(value, list):
            prefix = tuple(self.literal(lowering, item, below) for item in value)
            items = Items(prefix, None, len(prefix), None, layout.separator(depth))
            return layout.enclosed(b"[", items, b"]", depth)
        members = tuple(
            Member(style.spelling.literal(k), self.literal(lowering, v, below), True) for k, v in value.items()
        )
        body = Members(members, (), style.order, layout.colon, layout.separator(depth), distinct=True)
        return layout.enclosed(b"{", body, b"}", depth)
