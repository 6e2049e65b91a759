"""Spelling terminals out: a text that a lexer cuts into a given sequence of terminals.

A lexeme is spelled by a short text that no competing lexeme of higher priority matches; neighbours that would be read
as one longer lexeme are kept apart by ignored text, where the grammar has some.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import BudgetExceeded
from .alphabet import members
from .dfa import Dfa
from .ir import Alt, And, Expr, Grammar, Lexeme, Not, Ref, Repeat, byte_set
from .network import Network
from .regular import compile_regular, shortest

#: States that the automaton of a lexeme may need here.
LEXEME_STATES = 5000

_WORDS: tuple[Expr, ...] = (
    Repeat(byte_set((0x61, 0x7A)), 1),
    Repeat(byte_set((0x30, 0x39)), 1),
    Repeat(byte_set((0x20, 0x7E))),
)


class Spelling:
    """Texts for the terminals of a network (whose lexemes are whole)."""

    def __init__(self, grammar: Grammar, net: Network) -> None:
        self.terminals = net.terminals
        self.lexemes = [each for each in net.terminals if isinstance(each, Lexeme)]
        self._dfas: dict[Lexeme, Dfa | None] = {}
        self._samples: dict[int, bytes | None] = {}
        ignored = grammar.rules.get("%ignore")
        names = ignored.item if isinstance(ignored, Repeat) else None
        refs = names.items if isinstance(names, Alt) else (names,)
        between = [grammar.rules[ref.rule] for ref in refs if isinstance(ref, Ref)]
        self._ignored = [net.terminals.index(each) for each in between if each in net.terminals]

    def sample(self, symbol: int) -> bytes | None:
        """A short text of a terminal; None if there is none that others leave to it."""
        if symbol not in self._samples:
            self._samples[symbol] = self._find(self.terminals[symbol])
        return self._samples[symbol]

    def _find(self, terminal: int | Lexeme) -> bytes | None:
        if isinstance(terminal, int):
            readable = [b for b in members(terminal) if 0x20 < b < 0x7F]
            return bytes([readable[0] if readable else members(terminal)[0]])
        above = [each.expr for each in self.lexemes if each.priority > terminal.priority and each != terminal]
        own: Expr = And((terminal.expr, Not(Alt(tuple(above))))) if above else terminal.expr
        try:
            for kind in _WORDS:
                found = shortest(compile_regular(And((own, kind)), LEXEME_STATES))
                if found is not None:
                    return found
            return shortest(compile_regular(own, LEXEME_STATES))
        except BudgetExceeded:
            return None

    def spelled(self, symbols: Sequence[int]) -> Iterator[tuple[list[int], list[bytes]]]:
        """Ways to spell a sequence, plain or with ignored text between, that are read back as they were meant."""
        for between in (None, *self._ignored):
            more = list(symbols)
            if between is not None:
                more = [each for symbol in symbols for each in (symbol, between)][:-1]
            texts = [self.sample(symbol) for symbol in more]
            if None not in texts and (read := self._read_back(more, [text for text in texts if text is not None])):
                yield read

    def _read_back(self, symbols: list[int], texts: list[bytes]) -> tuple[list[int], list[bytes]] | None:
        """The sequence, if at no place a competing lexeme matches more than was meant."""
        text, at = b"".join(texts), 0
        for symbol, own in zip(symbols, texts, strict=True):
            terminal = self.terminals[symbol]
            if isinstance(terminal, Lexeme) and any(self._longest(each, text, at) > len(own) for each in self.lexemes):
                return None
            at += len(own)
        return symbols, texts

    def _longest(self, lexeme: Lexeme, text: bytes, at: int) -> int:
        dfa = self.dfa(lexeme)
        if dfa is None:
            return 0
        q, longest = 1, 0
        for i in range(at, len(text)):
            q = int(dfa.trans[q, dfa.class_of_byte[text[i]]])
            if not q:
                break
            if dfa.accept[q]:
                longest = i + 1 - at
        return longest

    def dfa(self, lexeme: Lexeme) -> Dfa | None:
        """The automaton of a lexeme; None if it is too large."""
        if lexeme not in self._dfas:
            try:
                self._dfas[lexeme] = compile_regular(lexeme.expr, LEXEME_STATES)
            except BudgetExceeded:
                self._dfas[lexeme] = None
        return self._dfas[lexeme]
