"""Outlook: where a configuration stands in the rules, and the nearest way to finish its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _layout_kernels as L
from .pushdown import BOTTOM

if TYPE_CHECKING:
    from .automaton import TokenAutomaton

#: Stacks that are told of an ambiguous text, and rules of each.
MOST_STACKS, MOST_RULES = 8, 64


def rule_stacks(automaton: TokenAutomaton, state: int) -> list[tuple[str, ...]]:
    """The rules that are open in a state, outermost first: one stack for every way in which the text may be meant.

    A rule that would only return is not on the stack (a call in tail position replaces its caller), and rules that
    were put into others are missing; at most `MOST_STACKS` are listed.
    """
    config = automaton.run_text(state, b"")[1]
    pda = automaton.pushdown
    found: dict[tuple[str, ...], None] = {}
    waiting: list[tuple[int, tuple[str, ...]]] = [(config, ())]
    while waiting and len(found) < MOST_STACKS:
        top, above = waiting.pop()
        at = pda.A[L.H_CFG] + top * L.CF
        first = pda.A[L.H_ENT] + pda.A[at + L.C_ENT] * L.EN
        entries = pda.A[first : first + pda.A[at + L.C_NENT] * L.EN].reshape(-1, L.EN)
        for s, _, below, *_ in entries.tolist():
            if s == BOTTOM or len(above) >= MOST_RULES:
                found[above[::-1]] = None
            else:
                rule = int(pda.G[pda.G[L.G_ST] + s * L.ST + L.S_RULE])
                waiting.append((below, (*above, pda.lowerer.names[rule] or automaton.grammar.start)))
    return list(found)


def nearest_end(automaton: TokenAutomaton, state: int, limit: int = 200) -> bytes | None:
    """A shortest text that completes a state's, by single-byte tokens; None if none is found within `limit` bytes.

    Of guards and longer lexemes, which distances do not see, some are met on the way: then it may not be the shortest.
    """
    vocabulary = automaton.vocabulary
    singles = [ids[0] for b in range(256) if (ids := vocabulary.tokens_with_bytes(bytes([b])))]
    text = bytearray()
    while not automaton.accepts(state):
        after = [(automaton.least_bytes(q), t, q) for t in singles if (q := automaton.advance(state, t))]
        if not after or len(text) >= limit:
            return None
        _, token, state = min(after)
        text += vocabulary.token_bytes(token)
    return bytes(text)
