"""Lowering ahead: what is made an automaton of before it is reached."""

from __future__ import annotations

import syntagma as sg
from syntagma.automata import Limits
from syntagma.automata import _layout_kernels as L
from syntagma.automata.pushdown import MOST_HEAVY
from syntagma.automata.walk import BYTES
from syntagma.grammar.ir import Bytes, Grammar


def test_heavy_rules_are_lowered_ahead_wherever_they_stand() -> None:
    """A few: those of a schema full of patterns wait."""

    def lowered(n: int) -> list[str]:
        properties = {f"p{i}": {"pattern": f"^a{{{i + 2}}}$", "type": "string"} for i in range(n)}
        schema = {"type": "object", "properties": {"plain": {"type": "integer"}, **properties}}
        auto = sg.compile(sg.JsonSchema(schema), BYTES, limits=Limits(rules=1))
        pda = auto.pushdown
        at = int(pda.G[L.G_RT])
        starts = pda.G[at : at + pda.n_rules * L.RT].reshape(-1, L.RT)[:, L.R_START]
        return [name for name, start in zip(pda.lowerer.names, starts.tolist(), strict=False) if start][1:]

    assert lowered(1) == ["string {0,} /^a{2}$/"]
    assert len(lowered(10)) == MOST_HEAVY


def test_a_heavy_rule_that_nothing_reaches_is_left_alone() -> None:
    heavy = Grammar("s", {"s": Bytes(b"1")}, heavy=("gone",))
    assert sg.compile(heavy, BYTES).stats.rules_lowered == 1
