"""Predicate: a user's yes or no about texts, as part of the constraint.

`Filtered(auto, [Predicate(fn)])` is a constraint: the automaton's mask prunes, and what it allows is asked token by
token (`check`, `advance`). Samplers that ask few tokens (`AWRS`, `Masking`) call an expensive function a few times per
token and not once for each of the vocabulary.

Law: the language is that of the texts of `auto` for which the function says yes to the finished text, and with
`on="prefix"` to the text after every token, too. For functions that never say yes again after a no (which "the text so
far is fine" should be) that does not depend on how the text is cut into tokens.

Not chosen: calling the function for the whole mask; at 100 us a call and 128k tokens that is 13 s a step.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .constraint import Constraint
from .potential import evaluate, whole_characters

if TYPE_CHECKING:
    from ..automata.vocabulary import Vocabulary

#: What a predicate is about.
Subject: TypeAlias = Literal["text", "prefix", "value"]


class Predicate:
    """A Boolean function of the text, plain or async; each text is asked about once.

    Parameters
    ----------
    fn : returns a bool. A score belongs into a potential, which `SMC` takes as its critic.
    on : "text": the finished text; "prefix": the text so far (and finished), unfinished characters left out;
        "value": the finished text's value.
    decode : text -> value, for `on="value"`; `json.loads` by default, and in a `Generator` its output's own decoding. A
        text that it refuses with a ValueError is refused.
    memo : how many answers are kept; the oldest go first.

    >>> even = Predicate(lambda text: len(text) % 2 == 0)
    >>> even(b"ab", ended=True), even(b"a", ended=True), even(b"a", ended=False), even.calls
    (True, False, True, 2)
    """

    def __init__(
        self,
        fn: Callable[[Any], Any],
        *,
        on: Subject = "text",
        decode: Callable[[str], Any] | None = None,
        memo: int = 65536,
    ) -> None:
        if on not in ("text", "prefix", "value"):
            raise ValueError(f'Expected on="text", "prefix" or "value", got {on!r}.')
        self.fn, self.on, self.decode, self.memo = fn, on, decode, memo
        #: How often the function was called.
        self.calls = 0
        self._known: OrderedDict[str, bool] = OrderedDict()

    def __repr__(self) -> str:
        return f"Predicate({self.name}, on={self.on!r})"

    @property
    def name(self) -> str:
        """What the function is called."""
        return getattr(self.fn, "__qualname__", type(self.fn).__qualname__)

    def reading(self, decode: Callable[[str], Any]) -> Predicate:
        """The same predicate, reading values by `decode` unless it says itself how."""
        if self.on != "value" or self.decode is not None:
            return self
        return Predicate(self.fn, on=self.on, decode=decode, memo=self.memo)

    def __call__(self, data: bytes, *, ended: bool) -> bool:
        """Whether a text, finished or not, may be."""
        if not ended and self.on != "prefix":
            return True
        text = data.decode("utf-8", "replace") if ended else whole_characters(data)
        answer = self._known.get(text)
        if answer is None:
            answer = self._known[text] = self._ask(text)
            if len(self._known) > self.memo:
                self._known.popitem(last=False)
        return answer

    def _ask(self, text: str) -> bool:
        self.calls += 1
        subject: Any = text
        if self.on == "value":
            try:
                subject = (self.decode or json.loads)(text)
            except ValueError:
                return False
        answer = evaluate(self.fn, [subject])[0]
        if not isinstance(answer, bool | np.bool_):
            raise TypeError(
                f"Expected a bool from {self.name}, got {answer!r}. A score is for SMC(critic=TextPotential(...))."
            )
        return bool(answer)


class Filtered:
    """A constraint whose texts predicates accept; see the module's law. Runs in several threads may share it.

    Parameters
    ----------
    auto : the constraint whose mask prunes.
    predicates : functions, or `Predicate`s; asked in this order, up to the first no.
    skip : bytes at the beginning of the text that predicates do not see, of a prompt that was healed.
    """

    #: The mask is a superset.
    exact = False
    #: The state after an end-of-sequence token.
    finished = 1

    def __init__(self, auto: Constraint, predicates: Sequence[Predicate | Callable[[Any], Any]], skip: int = 0) -> None:
        self.auto = auto
        self.predicates = [p if isinstance(p, Predicate) else Predicate(p) for p in predicates]
        self.skip = skip
        self.end_ids = auto.end_ids
        self._lock = threading.Lock()
        self._runs = 0
        self._forget()

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens."""
        return self.auto.vocabulary

    @property
    def start(self) -> int:
        """The state before the first token."""
        return self._state(self.auto.start, b"")

    @property
    def fingerprint(self) -> str:
        """The automaton's, and the predicates' names."""
        return "+".join([getattr(self.auto, "fingerprint", "?"), *(p.name for p in self.predicates)])

    @property
    def residuals(self) -> list[object]:
        """What the mask leaves open: the automaton's residuals, and the predicates."""
        return [*getattr(self.auto, "residuals", ()), *self.predicates]

    def advance(self, state: int, token: int) -> int:
        """The state after the token, guards and predicates asked; 0 is dead."""
        if state in (0, self.finished):
            return 0
        if (state, token) not in self._next:
            self._next[state, token] = self._advance(state, token)
        return self._next[state, token]

    def refusing(self, state: int, token: int) -> Predicate | None:
        """The first predicate that refuses a token which the automaton lets follow."""
        after, text = self._behind(state, token)
        return self._refusing(text, after == self.auto.finished) if after else None

    def inner(self, state: int) -> int:
        """The automaton's state."""
        return self.auto.finished if state == self.finished else self._pairs[state][0]

    def _advance(self, state: int, token: int) -> int:
        after, text = self._behind(state, token)
        if not after or not self._passes(text, after == self.auto.finished):
            return 0
        return self.finished if after == self.auto.finished else self._state(after, text)

    def _behind(self, state: int, token: int) -> tuple[int, bytes]:
        """The automaton's state and the text behind a token, predicates not asked."""
        inner, text = self._pairs[state]
        after = self.auto.advance(inner, token)
        return after, text if after == self.auto.finished else text + self.vocabulary.token_bytes(token)

    def accepts(self, state: int) -> bool:
        """Whether the text may end here."""
        inner, text = self._pairs[state]
        return self.auto.accepts(inner) and self._passes(text, True)

    def mask(self, state: int) -> NDArray[np.int32]:
        """The automaton's mask, a superset."""
        return self.auto.mask(self.inner(state))

    def check(self, state: int, token: int) -> bool:
        """Whether the token may follow."""
        return self.advance(state, token) != 0

    def mask_within(self, state: int, n: int) -> NDArray[np.int32]:
        """The automaton's, a superset."""
        return self.auto.mask_within(self.inner(state), n)

    def nearest(self, state: int) -> Iterator[tuple[int, int]]:
        """The automaton's: predicates may refuse them."""
        return self.auto.nearest(self.inner(state))

    def least_bytes(self, state: int) -> int:
        """The automaton's: predicates may need more."""
        return self.auto.least_bytes(self.inner(state))

    @contextmanager
    def run(self) -> Iterator[Filtered]:
        """The lifetime of the states that a sampling run makes."""
        with self.auto.run():
            with self._lock:
                self._runs += 1
            try:
                yield self
            finally:
                with self._lock:
                    self._runs -= 1
                    if not self._runs:
                        self._forget()

    def _passes(self, text: bytes, ended: bool) -> bool:
        return self._refusing(text, ended) is None

    def _refusing(self, text: bytes, ended: bool) -> Predicate | None:
        return next((p for p in self.predicates if not p(text[self.skip :], ended=ended)), None)

    def _state(self, inner: int, text: bytes) -> int:
        """The number of a pair; equal pairs have equal numbers."""
        with self._lock:
            if (inner, text) not in self._numbers:
                self._pairs.append((inner, text))
                self._numbers[inner, text] = len(self._pairs) - 1
            return self._numbers[inner, text]

    def _forget(self) -> None:
        self._pairs: list[tuple[int, bytes]] = [(0, b""), (0, b"")]
        self._numbers: dict[tuple[int, bytes], int] = {}
        self._next: dict[tuple[int, int], int] = {}
