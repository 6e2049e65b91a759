"""Walks: a grammar as a deterministic automaton over classes of bytes, made state by state.

The states are the configurations of its pushdown automaton. Those are sets of stacks, hash-consed, so a text leads to
exactly one state, however ambiguous the grammar: what is counted or compared here are strings, never derivations.
Maximal munch, counted repetitions and seen keys are in the configurations too.

Laws
    1. State 0 is dead. From every other one some string leads to an accepting state, unless a longer lexeme swallows
       them all or the alphabet lacks their bytes.
    2. A regular grammar has finitely many states. A context-free one has about as many as there are stacks: exponential
       in the depth of nesting, at worst, hence the limits of those who walk.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from ..errors import UnsupportedFeature
from ..grammar.alphabet import byte_classes, members
from ..grammar.analysis import reachable
from ..grammar.fold import fold
from ..grammar.ir import Expr, Grammar, Guarded, Token
from ..grammar.machine import ALL_BYTES
from .compile import compile_grammar
from .distance import FAR
from .vocabulary import Vocabulary

DEAD = 0
#: The vocabulary of single bytes: the id of a byte is the byte.
BYTES = Vocabulary.from_tokens([bytes([byte]) for byte in range(256)], [256])


class Walk:
    """The states of one grammar.

    Parameters
    ----------
    grammar : whatever `compile` takes.
    classes : disjoint masks of bytes that the grammar never tells apart; its own coarsest ones by default.
    alphabet : the bytes that texts may have; all by default.

    Raises
    ------
    UnsupportedFeature : the grammar has guards or special tokens, which no walk over bytes decides.
    """

    def __init__(
        self, grammar: Grammar, classes: list[int] | None = None, alphabet: Collection[int] | None = None
    ) -> None:
        refuse_what_bytes_cannot_tell(grammar)
        kept = ALL_BYTES if alphabet is None else sum(1 << byte for byte in set(alphabet))
        self.classes = [members(mask & kept) for mask in (classes or byte_classes(grammar)) if mask & kept]
        self._auto = compile_grammar(replace(grammar_of(grammar), budgets={}), BYTES)
        self._rows: dict[int, list[tuple[int, int]]] = {}
        self.start = self._auto.start

    def row(self, state: int) -> list[tuple[int, int]]:
        """The live moves of a state: (class, next state), by class."""
        known = self._rows.get(state)
        if known is None:
            advance = self._auto.advance
            moves = [(c, advance(state, each[0])) for c, each in enumerate(self.classes)] if state else []
            known = self._rows[state] = [move for move in moves if move[1]]
        return known

    def step(self, state: int, byte: int) -> int:
        """The state after a byte."""
        return self._auto.advance(state, byte)

    def accepts(self, state: int) -> bool:
        """Whether the text may end in the state."""
        return self._auto.accepts(state)

    def least(self, state: int) -> int:
        """No string of fewer bytes leads from the state to an accepting one."""
        least = self._auto.least_bytes(state)
        return 0 if least >= FAR else least


def grammar_of(constraint: Any) -> Grammar:
    """The grammar of whatever `compile` takes."""
    if isinstance(constraint, Grammar):
        return constraint
    if isinstance(constraint, type) or not callable(getattr(constraint, "grammar", None)):
        from ..grammar.jsonschema import JsonSchema

        constraint = JsonSchema(constraint)
    grammar: Grammar = constraint.grammar()
    return grammar


def refuse_what_bytes_cannot_tell(grammar: Grammar) -> None:
    """Raise `UnsupportedFeature` if the grammar has guards or special tokens."""

    def first(node: Expr, kids: list[Expr | None]) -> Expr | None:
        return node if isinstance(node, Guarded | Token) else next((kid for kid in kids if kid), None)

    for name, body in reachable(grammar.rules, grammar.start).items():
        found = fold(body, first)
        if isinstance(found, Guarded):
            what = f"is guarded ({found.check.keyword} at {found.check.pointer}), which no automaton decides"
            raise UnsupportedFeature(f"Rule `{name}` {what}: its strings can be drawn with a model, but not counted.")
        if found is not None:
            raise UnsupportedFeature(f"Rule `{name}` names a special token, which has no text to count or compare.")
