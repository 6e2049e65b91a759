"""Refusals: which guards stand in the way of a token.

A kernel remembers verdicts, not who spoke them; so the verdicts are forgotten, the token is read again, and every guard
that is asked on the way is listened to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import _layout_kernels as L
from ._advance_kernels import accepts_end, advance_bytes
from ._guard_kernels import keep_verdict

if TYPE_CHECKING:
    from .automaton import TokenAutomaton
    from .stats import Residual


def refusals(automaton: TokenAutomaton, state: int, token: int) -> list[Residual]:
    """The guards that refuse a value which the token completes; empty where the token is not refused by guards.

    Parameters
    ----------
    token : one that the mask of the state allows; ids that end a text count as its end.
    """
    from .stats import Residual

    added = automaton.vocabulary.token_bytes(token)
    if (not added and token not in automaton.end_ids) or automaton.check(state, token):
        return []
    found: dict[Residual, None] = {}
    with automaton.lock:
        config, before = automaton.split(state)
        buffer = np.frombuffer(bytearray(before + added) or bytearray(1), np.uint8)
        pda, at = automaton.pushdown, len(before)
        pda.A[pda.A[L.H_VER] : pda.A[L.H_VER] + 4 * (pda.A[L.H_VERMASK] + 1)] = 0

        def listen(guard: int, lo: int, hi: int) -> None:
            check = pda.check(guard).check
            passes = bool(check(buffer[lo:hi].tobytes()))
            keep_verdict(pda.A, guard, lo, hi, buffer, int(passes))
            if not passes:
                found[Residual(check.pointer, check.keyword)] = None

        if added:
            while advance_bytes(pda.G, pda.A, config, buffer, at, len(buffer), at, buffer, 1) < 0:
                pda.supply(listen)
        else:
            while accepts_end(pda.G, pda.A, config, at, buffer, 1) < 0:
                pda.supply(listen)
    return list(found)
