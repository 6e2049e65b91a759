"""Drafts: tokens guessed ahead, and what the automaton says of each.

A draft is a tree: node i holds a token and hangs on node parents[i], or on the sequence itself (-1); parents come
before their children. A path is the tree whose node i hangs on node i - 1. Nothing moves until a node is committed:
states are integers, so the matcher is neither copied nor taken back.

Laid out as
    tokens   (n,)      token of each node
    parents  (n,)      node before it, or -1
    states   (n,)      the automaton's state behind it; 0 where the path to it leaves the language
    rows     (1 + n,)  masks: row 0 of what may follow the sequence, row 1 + i of what may follow node i

Laws (checked in `tests/automata/test_draft.py`)
    1. A node is legal if and only if a fork of the matcher accepts the tokens of its path, one after the other.  2. Its
    row is then that of the fork.  3. `commit(i)`, then `rollback` of as many tokens as it returns, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import SyntagmaError
from .batch import fill_masks
from .matcher import Matcher


class Draft:
    """A tree of tokens that may come to follow a sequence.

    Parameters
    ----------
    matcher : where the sequence stands; it goes on by `commit` alone.
    tokens : of each node.
    parents : of each node, before the node itself; -1 is the sequence. By default a path.

    Raises
    ------
    ValueError : `parents` has another length, or a parent that does not come before its child.
    """

    __slots__ = ("_at", "_run", "matcher", "parents", "states", "tokens")

    def __init__(self, matcher: Matcher, tokens: Sequence[int], parents: Sequence[int] | None = None) -> None:
        self.matcher = matcher
        self.tokens = tuple(map(int, tokens))
        self.parents = tuple(range(-1, len(tokens) - 1)) if parents is None else tuple(map(int, parents))
        if len(self.parents) != len(self.tokens):
            raise ValueError(f"Expected a parent for each of the {len(self.tokens)} tokens, got {len(self.parents)}.")
        if (odd := next((i for i, p in enumerate(self.parents) if not -1 <= p < i), None)) is not None:
            raise ValueError(f"Expected the parent of node {odd} to be from -1 to {odd - 1}, got {self.parents[odd]}.")
        self._run = matcher.automaton.run()  # keeps the states valid, and ends with this object
        self._run.__enter__()
        self._at = matcher.n_tokens, matcher.state
        self.states = self._walk()

    def _walk(self) -> tuple[int, ...]:
        automaton, states = self.matcher.automaton, [self.matcher.state]
        for token, parent in zip(self.tokens, self.parents, strict=True):
            before = states[1 + parent]
            states.append(automaton.advance(before, token) if before else 0)
        return tuple(states[1:])

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def legal(self) -> NDArray[np.bool_]:
        """Which nodes may be reached, (n,) bool."""
        return np.array(self.states, bool)

    @property
    def n_legal(self) -> int:
        """How many nodes come before the first that is not legal: of a path, the tokens that may follow."""
        return next((i for i, state in enumerate(self.states) if not state), len(self.states))

    def path(self, node: int) -> list[int]:
        """The tokens from the sequence to a node, that node's own last; none for -1."""
        found: list[int] = []
        while node >= 0:
            found.append(self.tokens[node])
            node = self.parents[node]
        return found[::-1]

    def fill_masks(self, rows: NDArray[np.int32], *, unreached: int = 0) -> NDArray[np.bool_]:
        """Write what may follow the sequence and each node, guards asked; return `legal`.

        Parameters
        ----------
        rows : (1 + n, mask_width) int32, C-contiguous; written in place, as `Matcher.fill_mask` writes a row.
        unreached : all words of the rows of nodes that are not legal; -1 for hosts that normalise every row.

        Raises
        ------
        ValueError : the rows do not fit.
        """
        return fill_draft_masks([self], rows, unreached=unreached)[0]

    def commit(self, node: int) -> int:
        """Let the matcher go on to a node (-1: nowhere) and return by how many tokens, to be given to `rollback`.

        Raises
        ------
        SyntagmaError : the node is not legal, or the matcher has moved since the draft was made.
        """
        if self._at != (self.matcher.n_tokens, self.matcher.state):
            raise SyntagmaError("The matcher has moved since this draft was made. Make another one.")
        if not -1 <= node < len(self):
            raise SyntagmaError(f"Expected a node from -1 to {len(self) - 1}, got {node}.")
        if node >= 0 and not self.states[node]:
            raise SyntagmaError(f"Expected a legal node, got {node}: its path leaves the language.")
        path = self.path(node)
        for token in path:
            self.matcher.accept(token)
        return len(path)


class _Standing(Matcher):
    """A matcher at a node, for its mask alone."""

    __slots__ = ()

    def __init__(self, draft: Draft, state: int) -> None:
        self.automaton, self._state, self._history = draft.matcher.automaton, state, []  # the draft holds the states


def validate(matcher: Matcher, tokens: Sequence[int]) -> int:
    """How many of the tokens may follow one after the other; the matcher stays where it is."""
    with matcher.automaton.run() as automaton:
        state, n = matcher.state, 0
        for token in tokens:
            state = automaton.advance(state, int(token))
            if not state:
                break
            n += 1
    return n


def fill_draft_masks(
    drafts: Sequence[Draft], rows: NDArray[np.int32], *, unreached: int = 0, threads: int | None = None
) -> list[NDArray[np.bool_]]:
    """Write the masks of several drafts, one after the other, and return which of their nodes are legal.

    Parameters
    ----------
    rows : (m, mask_width) int32, C-contiguous, m the sum of 1 + n over the drafts; written in place.
    unreached : all words of the rows of nodes that are not legal.
    threads : as in `fill_masks`.

    Raises
    ------
    ValueError : the rows do not fit.
    """
    states = [(draft, state) for draft in drafts for state in (draft._at[1], *draft.states)]
    if len(rows) != len(states):
        raise ValueError(f"Expected {len(states)} rows, one for each sequence and node, got {len(rows)}.")
    live = [i for i, (_, state) in enumerate(states) if state]
    fill_masks([_Standing(*states[i]) for i in live], rows, live, threads=threads)
    rows[[i for i, (_, state) in enumerate(states) if not state]] = unreached
    return [draft.legal for draft in drafts]
