"""Derivations by length: counted, numbered, and drawn, in polynomial time.

A grammar derives a string in one or several ways. The number of derivations of a length, and the derivation of a
number, cost a polynomial in the length whatever the nesting, where counting strings (`automata.counting`) may cost one
state for each stack. If the grammar is unambiguous the two are the same; that is undecidable in general, so nothing is
claimed: `multiplicity` tells in how many ways one text is derived, and `sample` draws *strings* uniformly from any
grammar all the same, by accepting a drawn derivation with probability 1 / multiplicity.

Derivations are those of the grammar's normal form (`normalize`), with regular parts made deterministic: what was
ambiguous inside them counts once. Lexemes are read as their expressions, without maximal munch.

Laws
    1. count(n) is the sum of multiplicity(w) over the strings w of n bytes, and at least their number.
    2. unrank(n, i) is derived by the i-th derivation; rank(unrank(n, i)) = i where multiplicity is 1.
    3. sample is uniform over the strings of its length (those that `keep` accepts).
Source: Flajolet, Zimmermann, Van Cutsem 1994, A calculus for the random generation of labelled combinatorial
structures (the recursive method); Gore, Jerrum, Kannan, Sweedyk, Mahaney 1997, A quasi-polynomial-time algorithm for
sampling words from a context-free language (rejection by multiplicity).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from functools import cache

from ..errors import BudgetExceeded
from .alphabet import members
from .ir import Grammar
from .machine import ALL_BYTES
from .network import network
from .normalize import normalize

#: Draws that are rejected before one gives up.
DEFAULT_TRIES = 10_000


class Derivations:
    """The derivations of a grammar; of strings over an alphabet of bytes, if one is given.

    Raises
    ------
    UnsupportedFeature : the grammar holds a guard, a special token, or members or items.

    >>> from syntagma.grammar.ir import Bytes, Ref, choice, sequence
    >>> twice = Grammar("S", {"S": choice(sequence(Ref("S"), Ref("S")), Bytes(b"a"))})
    >>> ways = Derivations(twice)
    >>> ways.count(3) >= 1, ways.unrank(3, 0)
    (True, b'aaa')
    """

    def __init__(self, grammar: Grammar, alphabet: Collection[int] | None = None) -> None:
        kept = ALL_BYTES if alphabet is None else sum(1 << byte for byte in set(alphabet))
        net = network(grammar if grammar.is_normal else normalize(grammar))
        self._final = net.final
        #: rule -> state -> (bytes, next state) of each terminal, then (rule, next state) of each call.
        self._reads = [[_reads(net.terminals, row, kept) for row in rows] for rows in net.rows]
        self._calls = [[sorted((~s, t) for s, t in row.items() if s < 0) for row in rows] for rows in net.rows]
        self._ways: dict[tuple[int, int, int], int] = {}

    def count(self, length: int) -> int:
        """How many derivations have strings of `length` bytes: their number at least, exactly if none is ambiguous."""
        for shorter in range(length):  # keeps the recursion as shallow as the rules' left calls
            self._count(0, 0, shorter)
        return self._count(0, 0, length)

    def _count(self, rule: int, state: int, n: int) -> int:
        """Ways to get from a state of a rule to the rule's end by n bytes."""
        key = rule, state, n
        known = self._ways.get(key)
        if known is None:
            known = int(n == 0 and self._final[rule][state])
            if n:
                known += sum(len(each) * self._count(rule, t, n - 1) for each, t in self._reads[rule][state])
            for callee, t in self._calls[rule][state]:
                for k in range(n + 1):
                    known += self._call(rule, callee, t, k, n)[0]
            self._ways[key] = known
        return known

    def _call(self, rule: int, callee: int, then: int, k: int, n: int) -> tuple[int, int]:
        """Ways to call for `k` of `n` bytes and go on; and those to go on alone. Looks first where it costs least."""
        if k == 0 and not self._count(callee, 0, 0):
            return 0, 0
        rest = self._count(rule, then, n - k)
        return (rest * self._count(callee, 0, k), rest) if rest else (0, 0)

    def unrank(self, length: int, index: int) -> bytes:
        """The string of a derivation's number.

        Raises
        ------
        IndexError : there are no more than `index` derivations of this length.
        """
        if not 0 <= index < self.count(length):
            raise IndexError(f"Expected a number from 0 to {self.count(length) - 1}, got {index}.")
        out = bytearray()
        jobs = [(0, 0, length, index)]
        while jobs:
            rule, state, n, index = jobs.pop()
            if not (n == 0 and index == 0 and self._final[rule][state]):
                jobs += self._unrank_step(rule, state, n, index - int(n == 0 and self._final[rule][state]), out)
        return bytes(out)

    def _unrank_step(
        self, rule: int, state: int, n: int, index: int, out: bytearray
    ) -> list[tuple[int, int, int, int]]:
        """Take one symbol: spell a byte to `out`, or call; what is left to do, last first."""
        for each, t in self._reads[rule][state] if n else []:
            rest = self._count(rule, t, n - 1)
            if index < len(each) * rest:
                out.append(each[index // rest])
                return [(rule, t, n - 1, index % rest)]
            index -= len(each) * rest
        for callee, t in self._calls[rule][state]:
            for k in range(n + 1):
                both, rest = self._call(rule, callee, t, k, n)
                if index < both:
                    return [(rule, t, n - k, index % rest), (callee, 0, k, index // rest)]
                index -= both
        raise AssertionError("The counts do not add up.")

    def multiplicity(self, text: bytes) -> int:
        """In how many ways the text is derived; 0 if it is not in the language."""
        return self._of_text(text)[0]

    def rank(self, text: bytes) -> int:
        """The number of the text's derivation among those of its length.

        Raises
        ------
        ValueError : the text has no derivation, or several.
        """
        found, rank = self._of_text(text)
        if found != 1:
            raise ValueError(f"Expected a text with exactly one derivation, got {text!r}, which has {found}.")
        return rank

    def _of_text(self, text: bytes) -> tuple[int, int]:
        """How many derivations the text has; and the number of the one, if it is one."""
        self.count(len(text))

        @cache
        def of(rule: int, state: int, i: int, j: int) -> tuple[int, int]:
            n = j - i
            found = rank = 0
            before = int(n == 0 and self._final[rule][state])
            found += before
            for each, t in self._reads[rule][state] if n else []:
                rest = self._count(rule, t, n - 1)
                if text[i] in each:
                    ways, at = of(rule, t, i + 1, j)
                    found, rank = (found + ways, before + each.index(text[i]) * rest + at) if ways else (found, rank)
                before += len(each) * rest
            for callee, t in self._calls[rule][state]:
                for k in range(n + 1):
                    both, rest = self._call(rule, callee, t, k, n)
                    ways, at = of(callee, 0, i, i + k) if both else (0, 0)
                    more, behind = of(rule, t, i + k, j) if ways else (0, 0)
                    if ways * more:
                        found, rank = found + ways * more, before + at * rest + behind
                    before += both
            return found, rank

        for start in range(len(text), -1, -1):  # from the right, which keeps the recursion shallow
            of(0, 0, start, len(text))
        return of(0, 0, 0, len(text))

    def sample(
        self,
        rng: random.Random,
        length: int,
        keep: Callable[[bytes], bool] | None = None,
        tries: int = DEFAULT_TRIES,
    ) -> bytes:
        """A string drawn uniformly from those of `length` bytes (that `keep` accepts: maximal munch, a guard).

        Raises
        ------
        ValueError : there is no derivation of that length.
        BudgetExceeded : `tries` draws were rejected.
        """
        count = self.count(length)
        if not count:
            raise ValueError(f"No string of the language has {length} bytes.")
        for _ in range(tries):
            text = self.unrank(length, rng.randrange(count))
            if rng.randrange(self.multiplicity(text)) == 0 and (keep is None or keep(text)):
                return text
        raise BudgetExceeded(f"draws of a string of {length} bytes", tries, "raise `tries` or lower the length")


def _reads(terminals: Sequence[object], row: dict[int, int], kept: int) -> list[tuple[bytes, int]]:
    """The terminals of a row: their bytes, as far as they are kept, and the next states."""
    masks = ((terminals[s], t) for s, t in row.items() if s >= 0)
    return sorted((members(mask & kept), t) for mask, t in masks if isinstance(mask, int) and mask & kept)
