"""Rules that are written when they are looked up.

`Rules` is the mapping of a `Grammar`: a rule is promised with a function that writes its body, and written on first
look-up. Writing may promise more rules. Looking through all rules writes all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

from ..ir import Expr, Ref
from .clock import Clock


class Rules(Mapping[str, Expr]):
    """Rule names to bodies."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bodies: dict[str, Expr] = {}
        self._promised: dict[str, Callable[[], Expr]] = {}
        #: Those that take long to make an automaton of.
        self.heavy: list[str] = []
        #: The last number that was tried for a name.
        self._numbers: dict[str, int] = {}
        self._lock = threading.RLock()

    def promise(self, name: str, write: Callable[[], Expr], heavy: bool = False) -> Ref:
        """Have a rule written on first look-up; the name must be new."""
        self._promised[name] = write
        if heavy:
            self.heavy.append(name)
        return Ref(name)

    def define(self, name: str, body: Expr) -> Ref:
        """Add a rule that is already written; the name must be new."""
        self._bodies[name] = body
        return Ref(name)

    def free_name(self, wanted: str) -> str:
        """The name, or one like it that is new."""
        name, n = wanted, self._numbers.get(wanted, 1)
        while name in self._bodies or name in self._promised:
            n += 1
            name = f"{wanted} ({n})"
        self._numbers[wanted] = n
        return name

    def __getitem__(self, name: str) -> Expr:
        body = self._bodies.get(name)
        if body is None:
            with self._lock, self._clock:
                body = self._bodies.get(name)
                if body is None:
                    body = self._bodies[name] = self._promised[name]()
                    del self._promised[name]
        return body

    def __contains__(self, name: object) -> bool:
        return name in self._bodies or name in self._promised

    def _write_all(self) -> None:
        while self._promised:
            for name in list(self._promised):
                self[name]

    def __iter__(self) -> Iterator[str]:
        self._write_all()
        return iter(self._bodies)

    def __len__(self) -> int:
        self._write_all()
        return len(self._bodies)
