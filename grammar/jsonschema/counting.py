"""Arrays of which so many items must be of a kind: `contains`, and its opposite, an item that `items` refuses.

A rule stands for a number of items and of those of the kind among them, both counted up to where more make no
difference; it says how the array goes on, its closing bracket included.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from ..ir import NOTHING, Bytes, Expr, choice, sequence
from .document import Node
from .facts import Arrays, Count
from .layout import Layout

#: Rules that an array may take.
MOST: Final = 256


def counted_array(
    arrays: Arrays,
    layout: Layout,
    value: Callable[[tuple[Node, ...]], Expr],
    rule: Callable[[Callable[[], Expr]], Expr],
) -> Expr | None:
    """The arrays, in a layout without indentation; None if that takes too many rules, or shows that there are none.

    Parameters
    ----------
    value : what satisfies some nodes, `NOTHING` if nothing does.
    rule : makes a rule that is written later.
    """
    if len(arrays.counts) != 1 or layout.indent is not None:
        return None
    count = arrays.counts[0]
    last = max(1, arrays.width, arrays.min, arrays.max or 0)
    top = count.min if count.max is None else max(count.min, count.max + 1)
    if (last + 1) * (top + 1) > MOST or (count.max is not None and count.min > count.max):
        return None
    counting = _Counting(arrays, count, last, value)
    if not counting.ends(0, 0):
        return None
    separator, closing = layout.separator(0), sequence(layout.inner, Bytes(b"]"))

    @cache
    def state(n: int, k: int) -> Expr:
        return rule(lambda: rest(n, k))

    def rest(n: int, k: int) -> Expr:
        between = [separator] if n else []
        ways = [sequence(*between, item, state(*then)) for item, then in counting.steps(n, k)]
        return choice(*([closing] if counting.may_close(n, k) else []), *ways)

    return sequence(Bytes(b"["), layout.inner, rest(0, 0))


class _Counting:
    """How the counts go on from item to item."""

    def __init__(self, arrays: Arrays, count: Count, last: int, value: Callable[[tuple[Node, ...]], Expr]) -> None:
        self._arrays, self._count, self._last, self._value = arrays, count, last, value
        self._known: dict[tuple[int, int], bool] = {}

    def may_close(self, n: int, k: int) -> bool:
        """Whether the array may end with n items, k of the kind."""
        return n >= self._arrays.min and k >= self._count.min

    def steps(self, n: int, k: int) -> list[tuple[Expr, tuple[int, int]]]:
        """The items that may come next, and where they lead; not where the array could not end any more."""
        arrays, count = self._arrays, self._count
        if arrays.max is not None and n >= arrays.max:
            return []
        nodes, after, found = arrays.at(n), min(n + 1, self._last), []
        if k < (count.min if count.max is None else count.max):
            found.append(((*nodes, count.node), (after, k + 1)))
        others = nodes if count.max is None else (*nodes, count.node.negation())
        found.append((others, (after, k)))
        open_ones = [(tuple(dict.fromkeys(held)), then) for held, then in found if then == (n, k) or self.ends(*then)]
        return [(item, then) for held, then in open_ones if (item := self._value(held)) != NOTHING]

    def ends(self, n: int, k: int) -> bool:
        """Whether some array goes through these counts."""
        known = self._known.get((n, k))
        if known is None:
            self._known[n, k] = False  # a way around that leads back here is none
            known = self._known[n, k] = self.may_close(n, k) or bool(
                [then for _, then in self.steps(n, k) if then != (n, k)]
            )
        return known
