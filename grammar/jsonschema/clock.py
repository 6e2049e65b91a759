"""The seconds that the front end may take for one schema.

Most work on a schema is bounded by counts; what several of them multiply to is not. Whatever goes on for long asks the
clock, which runs while a schema is read and while its rules are written, and adds these times up.
"""

from __future__ import annotations

from math import inf
from time import perf_counter
from typing import TYPE_CHECKING

from ...errors import BudgetExceeded

if TYPE_CHECKING:
    from .document import Node


class Clock:
    """A stop watch with a limit; runs inside `with`, which may be nested, by one thread at a time."""

    def __init__(self, seconds: float = inf) -> None:
        self.seconds = seconds
        self._left = seconds
        self._until = inf
        self._depth = 0

    def __enter__(self) -> None:
        if not self._depth:
            self._until = perf_counter() + self._left
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._left, self._until = self._until - perf_counter(), inf

    def check(self, doing: str, node: Node) -> None:
        """Raise if the time is over.

        Raises
        ------
        BudgetExceeded : it is; with what was being done, and the pointer.
        """
        if perf_counter() > self._until:
            now = f"it was {doing} at {node.pointer}"
            raise BudgetExceeded("seconds for a schema", self.seconds, f"{now}. Simplify it, or raise `seconds=`")
