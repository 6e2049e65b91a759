"""Explanations: what may come next, and why a token may not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import _layout_kernels as L
from ._closure_kernels import closure
from ._payload_kernels import edge_code, payload_after
from .ranges import byte_ranges

if TYPE_CHECKING:
    from .automaton import TokenAutomaton


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one rule would take next."""

    #: The rule, as the grammar names it; "" for the end of the text.
    rule: str
    #: The bytes that it would take, as inclusive ranges; empty for the end of the text.
    ranges: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        if not self.ranges:
            return "the end of the text"
        return ", ".join(_show(lo) if lo == hi else f"{_show(lo)}-{_show(hi)}" for lo, hi in self.ranges)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a token is allowed; if not, where it fails and what was expected there."""

    allowed: bool
    token: int
    text: bytes
    #: Bytes of the token that fit.
    taken: int
    expected: tuple[Expectation, ...]
    #: Set where a guard refuses the token: what the guard checks.
    guard: str = ""

    def __str__(self) -> str:
        if self.allowed:
            return f"Token {self.token} ({self.text!r}) is allowed."
        if self.guard:
            return f"Token {self.token} ({self.text!r}) completes a value that {self.guard} refuses."
        wanted = "; or ".join(f"{e} ({e.rule})" if e.rule else str(e) for e in self.expected) or "nothing more"
        if not self.text:
            return f"Token {self.token} is special or ends the text, which is not allowed here; expected {wanted}."
        found = _show(self.text[self.taken]) if self.taken < len(self.text) else "the end of the token"
        return f"Token {self.token} ({self.text!r}) fails at byte {self.taken} ({found}); expected {wanted}."


def explain(automaton: TokenAutomaton, state: int, token: int) -> Explanation:
    """Explain a token in a state."""
    text = automaton.vocabulary.token_bytes(token)
    if automaton.check(state, token):
        return Explanation(True, token, text, len(text), ())
    taken, config = automaton.run_text(state, text)
    if text and taken == len(text):
        refused = ", ".join(sorted({f"{r.keyword} at {r.pointer}" for r in automaton.residuals}))
        return Explanation(False, token, text, taken, (), refused or "a guard")
    return Explanation(False, token, text, taken, tuple(expectations(automaton, config)))


def expectations(automaton: TokenAutomaton, config: int) -> list[Expectation]:
    """What may come next in a configuration, by rule; guards not asked."""
    pda = automaton.pushdown
    if config == 0:
        return []
    while closure(pda.G, pda.A, config) < 0:
        pda.supply(lambda guard, lo, hi: None)
    G, A = pda.G, pda.A
    at = A[L.H_CFG] + config * L.CF
    first = A[L.H_CLO] + A[at + L.C_CLO] * L.CL
    items = A[first : first + A[at + L.C_NCLO] * L.CL].reshape(-1, L.CL)
    masks: dict[str, int] = {}
    for s, p, *_ in items.tolist():
        if s == 1:
            masks[""] = 0
            continue
        name = pda.lowerer.names[int(G[G[L.G_ST] + s * L.ST + L.S_RULE])] or "start"
        for b in range(256):
            code = edge_code(G, s, b)
            if code and payload_after(G, A, s, p, code) >= 0:
                masks[name] = masks.get(name, 0) | 1 << b
    return [Expectation(name, byte_ranges(mask)) for name, mask in masks.items() if mask or not name]


def _show(byte: int) -> str:
    return repr(chr(byte)) if 0x20 <= byte < 0x7F else f"0x{byte:02X}"
