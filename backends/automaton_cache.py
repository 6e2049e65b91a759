"""Cache of automata for servers: by the constraints that requests spell, over one vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .bounded_cache import BoundedCache
from .constraint_spec import ConstraintSpec

if TYPE_CHECKING:
    from ..automata.automaton import TokenAutomaton
    from ..automata.pushdown import Limits
    from ..automata.vocabulary import Vocabulary


class AutomatonCache(BoundedCache):
    """Automata of one vocabulary by constraint and stop ids. Safe to use from several threads.

    Parameters
    ----------
    limits : what each compilation may use.
    max_bytes : what the automata may hold together, see `bounded_cache`.
    """

    def __init__(self, vocabulary: Vocabulary, limits: Limits | None = None, max_bytes: int | None = None) -> None:
        super().__init__(max_bytes)
        self.vocabulary = vocabulary
        self._limits = limits

    def automaton(self, spec: ConstraintSpec, stop_ids: Iterable[int] = ()) -> TokenAutomaton:
        """The automaton of a constraint; raises as `compile` and `ConstraintSpec.constraint`."""
        from ..automata.compile import compile

        ids = tuple(sorted(set(stop_ids)))
        return self.get((spec, ids), lambda: compile(spec.constraint(), self.vocabulary, ids, self._limits))
