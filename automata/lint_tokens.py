"""Lint of a vocabulary under a grammar.

    unspellable-text   error    a literal of the grammar has a byte that no token has
    unusable-tokens    note     tokens that no text of the grammar can hold anywhere: their number, and some of them
    tokens-not-checked note     the grammar's rules are no rules over text alone, so its tokens were not looked at

A token is called unusable only if it cannot stand anywhere even where rules return to any of their callers: a regular
language that includes every factor of every text. So every one named is unusable, and few unusable ones are not named.

Source: Nederhof 2000, Practical experiments with regular approximation of context-free languages (the superset that
forgets which caller a rule returns to).
"""

from __future__ import annotations

from collections import defaultdict

from ..errors import BudgetExceeded, UnsupportedFeature
from ..grammar.alphabet import masks
from ..grammar.analysis import reachable
from ..grammar.finding import Finding
from ..grammar.ir import Grammar
from ..grammar.network import Network, network
from ..grammar.parses import Shortest, without_useless
from .vocabulary import Vocabulary

#: Tokens that a finding shows.
SHOWN = 8


def lint_tokens(grammar: Grammar, vocabulary: Vocabulary) -> list[Finding]:
    """The findings on a vocabulary under a grammar."""
    findings = _unspellable(grammar, vocabulary)
    try:
        net = network(grammar)
    except (UnsupportedFeature, BudgetExceeded) as error:
        return [*findings, Finding("tokens-not-checked", "note", f"Which tokens are unusable is not known: {error}")]
    unusable = unusable_tokens(net, vocabulary)
    if unusable:
        total = vocabulary.trie.token_ids.size
        some = [vocabulary.token_bytes(t).decode(errors="replace") for t in unusable[:: max(1, len(unusable) // SHOWN)]]
        shown = ", ".join(repr(text) for text in some[:SHOWN])
        message = f"{len(unusable):,} of {total:,} tokens can stand in no text of the grammar, such as {shown}."
        findings.append(Finding("unusable-tokens", "note", message))
    return findings


def _unspellable(grammar: Grammar, vocabulary: Vocabulary) -> list[Finding]:
    held = set(vocabulary.trie.node_byte[1:].tolist())
    found = []
    for name, body in reachable(grammar.rules, grammar.start).items():
        missing = {m.bit_length() - 1 for m in masks(body) if m.bit_count() == 1} - held
        if missing:
            shown = repr(bytes(sorted(missing)))[1:]
            message = f"No token of the vocabulary has the bytes {shown}, which `{name}` needs."
            fix = "Use a tokenizer with byte fallback, or text that it knows."
            found.append(Finding("unspellable-text", "error", message, fix))
    return found


def unusable_tokens(net: Network, vocabulary: Vocabulary) -> list[int]:
    """The tokens that no text of a grammar can hold, by text."""
    factors = _Factors(without_useless(net, Shortest(net)))
    trie = vocabulary.trie
    depth, byte, skip = trie.node_depth.tolist(), trie.node_byte.tolist(), trie.node_skip.tolist()
    first = trie.token_indptr.tolist()
    found: list[int] = []
    path = [factors.everywhere] * (max(depth, default=0) + 1)
    node = 1
    while node < len(depth):
        state = path[depth[node]] = factors.step(path[depth[node] - 1], byte[node])
        if state:
            node += 1
        else:
            end = skip[node]
            found += trie.token_ids[first[node] : first[end]].tolist()
            node = end
    return found


class _Factors:
    """The factors of a grammar's texts, roughly: sets of places in rules, made when they are needed; 0 is none."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.class_of = [-1] * 256
        for c, mask in enumerate(net.terminals):
            if isinstance(mask, int):
                for b in range(256):
                    if mask >> b & 1:
                        self.class_of[b] = c
        self.empty = self._empty_moves()
        self.sets: list[frozenset[tuple[int, int]]] = [frozenset()]
        self.number = {self.sets[0]: 0}
        self.after: dict[tuple[int, int], int] = {}
        places = frozenset((rule, q) for rule, rows in enumerate(net.rows) for q in range(len(rows)))
        self.everywhere = self._intern(places)

    def _empty_moves(self) -> dict[tuple[int, int], set[tuple[int, int]]]:
        """From calls into rules, and from the ends of rules behind every call."""
        moves: defaultdict[tuple[int, int], set[tuple[int, int]]] = defaultdict(set)
        for rule, rows in enumerate(self.net.rows):
            for q, row in enumerate(rows):
                for symbol, target in row.items():
                    if symbol < 0:
                        moves[rule, q].add((~symbol, 0))
                        for end, final in enumerate(self.net.final[~symbol]):
                            if final:
                                moves[~symbol, end].add((rule, target))
        return dict(moves)

    def _intern(self, places: frozenset[tuple[int, int]]) -> int:
        if places not in self.number:
            self.number[places] = len(self.sets)
            self.sets.append(places)
        return self.number[places]

    def step(self, state: int, byte: int) -> int:
        """The set behind a byte."""
        symbol = self.class_of[byte]
        if symbol < 0:
            return 0
        known = self.after.get((state, symbol))
        if known is None:
            rows = self.net.rows
            reached = [(rule, rows[rule][q][symbol]) for rule, q in self.sets[state] if symbol in rows[rule][q]]
            seen = set(reached)
            while reached:
                fresh = self.empty.get(reached.pop(), set()) - seen
                seen |= fresh
                reached += fresh
            known = self.after[state, symbol] = self._intern(frozenset(seen))
        return known
