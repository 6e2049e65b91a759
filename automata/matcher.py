"""Matcher: a cursor over one sequence of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import SyntagmaError
from ._layout_kernels import FETCHED
from .automaton import FILL, TokenAutomaton
from .explain import Explanation, explain
from .mask_pool import Row
from .transitions import ADVANCE


class Matcher:
    """Where one sequence stands in an automaton. Not shared between threads; `fork` gives an independent one.

    Its states may get other numbers whenever another matcher is made, so they are read with the automaton's lock held.
    """

    __slots__ = ("__weakref__", "_history", "_state", "automaton")

    def __init__(self, automaton: TokenAutomaton) -> None:
        self.automaton = automaton
        self._state = automaton.start
        self._history: list[int] = []
        automaton.admit(self)

    @property
    def states(self) -> list[int]:
        """The states that it may come back to, and its own."""
        return [*self._history, self._state]

    def renumber(self, number: Callable[[int], int]) -> None:
        """Take other numbers for its states; the automaton calls this."""
        self._history = [number(state) for state in self._history]
        self._state = number(self._state)

    @property
    def state(self) -> int:
        """The automaton's state."""
        return self._state

    @property
    def n_tokens(self) -> int:
        """Tokens accepted so far."""
        return len(self._history)

    def fill_mask(self, row: Row) -> None:
        """Write the mask of the tokens that may follow, guards asked, to `row`.

        Parameters
        ----------
        row : (mask_width,) int32, C-contiguous; written in place. Bit t is token t, 32 to a word.
        """
        automaton = self.automaton
        lock = automaton.lock
        try:  # a `with` takes twice as long
            lock.acquire()
            if row is not automaton.last_row or automaton.moved.yes:
                automaton.fill_locked(self._state, row)
            elif (found := FILL.call(automaton.where, self._state, 0, row)) != FETCHED:
                automaton.fill_further(self._state, row, found)
        finally:
            lock.release()

    def accept(self, token: int) -> bool:
        """Go on by a token. False, with the state unchanged, if it is not allowed.

        An end-of-sequence or stop id is accepted if and only if `accepts_eos`, and finishes the sequence.
        """
        automaton = self.automaton
        lock = automaton.lock
        try:
            lock.acquire()
            if automaton.moved.yes or type(token) is not int:
                after = automaton.advance_locked(self._state, token)
            elif (after := ADVANCE.call(automaton.where, self._state, token)) < 0:
                after = automaton.advance_further(self._state, token, after)
            if after == 0:
                return False
            self._history.append(self._state)
            self._state = after
            return True
        except OverflowError:
            if -1 << 63 <= token < 1 << 63:
                raise
            return False  # no token has such an id
        finally:
            lock.release()

    @property
    def accepts_eos(self) -> bool:
        """Whether the text may end here."""
        with self.automaton.lock:
            return self.automaton.accepts(self._state)

    @property
    def finished(self) -> bool:
        """Whether the end of sequence was accepted."""
        return self._state == self.automaton.finished

    def fork(self) -> Matcher:
        """An independent copy."""
        with self.automaton.lock:
            copy = Matcher(self.automaton)
            copy._state = self._state
            copy._history = self._history.copy()
            return copy

    def rollback(self, n: int) -> None:
        """Take back the last n tokens (the end of sequence counts as one).

        Raises
        ------
        SyntagmaError : fewer than n tokens were accepted.
        """
        if not 0 <= n <= len(self._history):
            raise SyntagmaError(f"Expected to take back at most {len(self._history)} tokens, got {n}.")
        if n:
            with self.automaton.lock:
                self._state = self._history[-n]
                del self._history[-n:]

    def validate(self, tokens: Sequence[int]) -> int:
        """How many of these tokens may follow, one after the other; the matcher stays where it is."""
        from .draft import validate

        with self.automaton.lock:
            return validate(self, tokens)

    def forced_tokens(self) -> list[int]:
        """The tokens that must follow, one after the other."""
        with self.automaton.lock:
            return self.automaton.forced_tokens(self._state)

    def explain(self, token: int) -> Explanation:
        """Why a token is allowed or not: the byte that fails, and what was expected there in which rules."""
        with self.automaton.lock:
            return explain(self.automaton, self._state, token)


def states_of(matchers: Sequence[Matcher]) -> list[int]:
    """The states of many matchers, for whoever holds the locks of their automata."""
    return [matcher._state for matcher in matchers]
