"""Strings of a language by length: counted, numbered, and drawn uniformly.

Strings are numbered in order of length, and bytewise among those of one length. Everything is exact: counts are big
integers, and a draw is uniform because every count is.

What is counted are strings, not derivations, so ambiguity changes nothing: a grammar is walked as the deterministic
automaton of its configurations (see `walk`). The price is one state for every stack that some string needs, which
grows exponentially with the depth of nesting, so there is a limit. Beyond it, `grammar.derivations` counts
derivations in polynomial time and draws strings by rejection.

Laws
    1. count(n) is the number of strings of n bytes. 2. rank(unrank(i)) = i, and strings ascend with their numbers.
    3. sample is uniform over the strings of its length.
Source: Hickey and Cohen 1983, Uniform random generation of strings in a context-free language (counting by length);
Wilf 1977, A unified setting for sequencing, ranking, and selection algorithms.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any

from ..errors import BudgetExceeded
from .walk import Walk, grammar_of

#: States that a count may need unless told otherwise.
DEFAULT_STATES = 200_000


class Strings:
    """The strings of a language of at most `max_length` bytes.

    Parameters
    ----------
    constraint : whatever `compile` takes, without guards and special tokens.
    max_length : in bytes.
    limit : states that the walk may visit.
    alphabet : the strings of these bytes only.

    Raises
    ------
    UnsupportedFeature : the constraint has guards or special tokens.
    BudgetExceeded : more than `limit` states are needed.

    >>> from syntagma.grammar.regex import Regex
    >>> strings = Strings(Regex("(ab|c)*"), 4)
    >>> [strings.count(n) for n in range(5)], [strings.unrank(i) for i in range(4)]
    ([1, 1, 2, 3, 5], [b'', b'c', b'ab', b'cc'])
    """

    def __init__(
        self, constraint: Any, max_length: int, limit: int = DEFAULT_STATES, alphabet: Collection[int] | None = None
    ) -> None:
        self.max_length = max_length
        self._walk = Walk(grammar_of(constraint), alphabet=alphabet)
        self._class_of = [0] * 256
        for c, each in enumerate(self._walk.classes):
            for byte in each:
                self._class_of[byte] = c
        self._ways = self._count(self._explore(limit))

    def _explore(self, limit: int) -> dict[int, int]:
        """The states that some string passes, with the fewest bytes to them, nearest first."""
        walk = self._walk
        depth = {walk.start: 0}
        for state in (queue := [walk.start]):
            after = depth[state] + 1
            for _, target in walk.row(state):
                if target not in depth and after + walk.least(target) <= self.max_length:
                    depth[target] = after
                    queue.append(target)
            if len(depth) > limit:
                hint = "raise `limit`, lower the length, or let `Derivations` draw by rejection"
                raise BudgetExceeded("states of a count", limit, hint)
        return depth

    def _count(self, depth: dict[int, int]) -> dict[int, list[int]]:
        """For each state, the number of strings of 0, 1, ... bytes that lead from it to the end."""
        walk, none = self._walk, [0] * (self.max_length + 1)
        ways = {state: [int(walk.accepts(state))] for state in depth}
        edges = {
            state: [(len(walk.classes[c]), ways.get(target, none)) for c, target in walk.row(state)] for state in depth
        }
        for length in range(1, self.max_length + 1):
            for state, steps in depth.items():
                if steps + length > self.max_length:
                    break
                ways[state].append(sum(size * after[length - 1] for size, after in edges[state]))
        return ways

    @property
    def n_states(self) -> int:
        """States that the strings pass: what a count costs."""
        return len(self._ways)

    def count(self, length: int) -> int:
        """How many strings have `length` bytes.

        Raises
        ------
        ValueError : the length is not between 0 and `max_length`.
        """
        if not 0 <= length <= self.max_length:
            raise ValueError(f"Expected a length of 0 to {self.max_length} bytes, got {length}.")
        return self._ways[self._walk.start][length]

    def __len__(self) -> int:
        return sum(self._ways[self._walk.start])

    @property
    def lengths(self) -> list[int]:
        """The lengths of which there are strings, ascending."""
        return [n for n, count in enumerate(self._ways[self._walk.start]) if count]

    def unrank(self, index: int) -> bytes:
        """The string of a number.

        Raises
        ------
        IndexError : there are no more than `index` strings.
        """
        left = index
        for length, count in enumerate(self._ways[self._walk.start]):
            if 0 <= left < count:
                return self._spell(length, left)
            left -= count
        raise IndexError(f"Expected a number from 0 to {index - left - 1}, got {index}.")

    def rank(self, text: bytes) -> int:
        """The number of a string.

        Raises
        ------
        ValueError : it is no string of the language, or longer than `max_length`.
        """
        if len(text) > self.max_length:
            raise ValueError(f"Expected at most {self.max_length} bytes, got {len(text)}.")
        state, index = self._walk.start, sum(self._ways[self._walk.start][: len(text)])
        for at, byte in enumerate(text):
            moves = self._moves(state, len(text) - at - 1)
            index += sum(ways for other, _, ways in moves if other < byte)
            state = next((target for other, target, _ in moves if other == byte), 0)
            if not state:
                raise ValueError(f"Expected a string of the language, got {text!r}, which leaves it at byte {at}.")
        if not self._walk.accepts(state):
            raise ValueError(f"Expected a string of the language, got {text!r}, which ends too early.")
        return index

    def sample(self, rng: random.Random, length: int | None = None) -> bytes:
        """A string drawn uniformly from those of `length` bytes; by default, each possible length is equally likely.

        Raises
        ------
        ValueError : there is no string of that length.
        """
        if length is None:
            if not self.lengths:
                raise ValueError(f"No string of the language has at most {self.max_length} bytes.")
            length = rng.choice(self.lengths)
        count = self.count(length)
        if not count:
            raise ValueError(f"No string of the language has {length} bytes; there are some of {self.lengths}.")
        return self._spell(length, rng.randrange(count))

    def _moves(self, state: int, left: int) -> list[tuple[int, int, int]]:
        """The moves after which `left` bytes can lead to the end: (byte, state, number of ways), by byte."""
        found = []
        for c, target in self._walk.row(state):
            ways = self._ways.get(target)
            if ways is not None and left < len(ways) and ways[left]:
                found += [(byte, target, ways[left]) for byte in self._walk.classes[c]]
        return sorted(found)

    def _spell(self, length: int, index: int) -> bytes:
        state, text = self._walk.start, bytearray()
        for left in reversed(range(length)):
            for byte, target, ways in self._moves(state, left):
                if index < ways:
                    state = target
                    text.append(byte)
                    break
                index -= ways
        return bytes(text)
