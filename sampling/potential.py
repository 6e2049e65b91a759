"""Potential: log weights of prefixes and of complete texts.

The target of a sampler is p(x) 1[x in L] times the exponentials of its potentials' `complete`. `prefix` is what a
potential knows of a text that goes on: a twist. It steers, and is taken back when the text is complete, so that any
values may stand there as long as law 1 holds.

A potential reads symbols, bytes or tokens, in states that are immutable and hashable; equal states have equal futures.
States are scored many at a time.

Laws (checked by `laws.check_potential`)
    1. Where `complete` is above -inf, so is `prefix` of every prefix.  2. Scores depend on the state alone, not on the
    others of a batch.  3. No NaN and no +inf.  4. `prefix(start)` is above -inf.

Algebra: `a * b` adds log weights, `a ** t` multiplies them by t > 0 (tempering). The product of two
exact future masses is a legal twist, but not the future mass of the product.

Source: Loula et al. 2025 (arXiv 2504.13139), section 2, for potentials and their products.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplingError

#: Immutable, hashable; equal states have equal futures.
State: TypeAlias = Hashable
#: What a potential reads.
Alphabet: TypeAlias = Literal["bytes", "tokens"]


class Potential(ABC):
    """Log weights over bytes or tokens; see the module's laws."""

    #: What `advance` reads.
    alphabet: Alphabet = "bytes"
    #: The state of the empty text.
    start: State

    @abstractmethod
    def advance(self, state: State, symbol: int) -> State:
        """The state after one more byte or token."""

    @abstractmethod
    def prefix(self, states: Sequence[State]) -> NDArray[np.float64]:
        """Log weights of texts that go on, (n,) float64, nats."""

    @abstractmethod
    def complete(self, states: Sequence[State]) -> NDArray[np.float64]:
        """Log weights of texts that end here, (n,) float64, nats."""

    def read(self, symbols: Sequence[int], state: State | None = None) -> State:
        """The state after several symbols, from `state` or from the start."""
        state = self.start if state is None else state
        for symbol in symbols:
            state = self.advance(state, symbol)
        return state

    def __mul__(self, other: Potential) -> Potential:
        return Product(self, other)

    def __pow__(self, exponent: float) -> Potential:
        return Power(self, exponent)


class Product(Potential):
    """Two potentials over the same symbols, log weights added; the second is asked only where the first is finite."""

    def __init__(self, first: Potential, second: Potential) -> None:
        if first.alphabet != second.alphabet:
            raise ValueError(
                f"Expected potentials over the same symbols, got {first.alphabet} and {second.alphabet}. Lift one with "
                "sampling.lift.over_tokens."
            )
        self.first, self.second = first, second
        self.alphabet = first.alphabet
        self.start = (first.start, second.start)

    def advance(self, state: Any, symbol: int) -> State:
        """Both advance."""
        return self.first.advance(state[0], symbol), self.second.advance(state[1], symbol)

    def prefix(self, states: Sequence[Any]) -> NDArray[np.float64]:
        """The sum."""
        return _sum(self.first.prefix, self.second.prefix, states)

    def complete(self, states: Sequence[Any]) -> NDArray[np.float64]:
        """The sum."""
        return _sum(self.first.complete, self.second.complete, states)


class Power(Potential):
    """A potential whose log weights are multiplied by a positive number."""

    def __init__(self, base: Potential, exponent: float) -> None:
        if not 0 < exponent < np.inf:
            raise ValueError(f"Expected a positive exponent, got {exponent}.")
        self.base, self.exponent = base, exponent
        self.alphabet, self.start = base.alphabet, base.start

    def advance(self, state: State, symbol: int) -> State:
        """The base advances."""
        return self.base.advance(state, symbol)

    def prefix(self, states: Sequence[State]) -> NDArray[np.float64]:
        """The base's, times the exponent."""
        return self.exponent * self.base.prefix(states)

    def complete(self, states: Sequence[State]) -> NDArray[np.float64]:
        """The base's, times the exponent."""
        return self.exponent * self.base.complete(states)


class TextPotential(Potential):
    """Log weights from Python functions of the text, plain or async, each text scored once.

    Parameters
    ----------
    complete : text -> log weight of the finished text, nats; `None` weighs nothing.
    prefix : the same for the text so far; `None` waits for the end. Bytes of an unfinished character are left out.
    batched : the functions take lists of texts and return lists.
    memo : how many scores of each kind are kept; the oldest go first.

    Async functions are awaited together, batch by batch.

    >>> shorter = TextPotential(lambda text: -0.5 * len(text))
    >>> shorter.complete([shorter.read(b"ab"), shorter.read(b"a")]).tolist()
    [-1.0, -0.5]
    """

    start: State = b""

    def __init__(
        self,
        complete: Callable[..., Any] | None = None,
        *,
        prefix: Callable[..., Any] | None = None,
        batched: bool = False,
        memo: int = 65536,
    ) -> None:
        self._complete = _Memo(complete, batched, memo)
        self._prefix = _Memo(prefix, batched, memo)

    def advance(self, state: Any, symbol: int) -> State:
        """The text with one more byte."""
        text: bytes = state + bytes((symbol,))
        return text

    def prefix(self, states: Sequence[Any]) -> NDArray[np.float64]:
        """Scores of the texts so far."""
        return self._prefix.scores([whole_characters(state) for state in states])

    def complete(self, states: Sequence[Any]) -> NDArray[np.float64]:
        """Scores of the finished texts."""
        return self._complete.scores([state.decode("utf-8", "replace") for state in states])


def whole_characters(data: bytes) -> str:
    """The text of bytes that may end inside a character, whose bytes are left out; what is not UTF-8 is replaced.

    >>> whole_characters("né".encode()[:-1])
    'n'
    """
    for cut in range(1, min(4, len(data) + 1)):
        byte = data[-cut]
        if byte >= 0xC0:
            needed = 2 + (byte >= 0xE0) + (byte >= 0xF0)
            return (data[:-cut] if needed > cut else data).decode("utf-8", "replace")
        if byte < 0x80:
            break
    return data.decode("utf-8", "replace")


def evaluate(fn: Callable[..., Any], arguments: Sequence[Any]) -> list[Any]:
    """The results of a function for each argument; a coroutine function is awaited for all together."""
    if not is_async(fn):
        return [fn(argument) for argument in arguments]

    async def together() -> list[Any]:
        return list(await asyncio.gather(*(fn(argument) for argument in arguments)))

    return list(_wait(together))


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004


def _wait(coroutine: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
    """Run to the end; in a thread of its own where this one has a running loop, as in a notebook."""

    async def run() -> list[Any]:
        return await coroutine()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(run())
    out: list[list[Any]] = []
    failed: list[BaseException] = []

    def target() -> None:
        try:
            out.append(asyncio.run(run()))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return out[0]


class _Memo:
    """A function of texts that is asked once per text."""

    def __init__(self, fn: Callable[..., Any] | None, batched: bool, size: int) -> None:
        self.fn, self.batched, self.size = fn, batched, size
        self.known: dict[str, float] = {}

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        if self.fn is None:
            return np.zeros(len(texts))
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        values = (evaluate(self.fn, [new])[0] if self.batched else evaluate(self.fn, new)) if new else []
        self.known.update({text: _score(value, text) for text, value in zip(new, values, strict=True)})
        out = np.array([self.known[text] for text in texts], np.float64)
        while len(self.known) > self.size:
            del self.known[next(iter(self.known))]
        return out


def _score(value: Any, text: str) -> float:
    """A log weight that can be one."""
    score = float(value)
    if np.isnan(score) or score == np.inf:
        raise SamplingError(f"Expected a log weight below infinity for {text[-80:]!r}, the potential gave {score}.")
    return score


def _sum(
    first: Callable[[Sequence[State]], NDArray[np.float64]],
    second: Callable[[Sequence[State]], NDArray[np.float64]],
    states: Sequence[tuple[State, State]],
) -> NDArray[np.float64]:
    """Both scores added; the second is not asked where the first is -inf."""
    scores = np.array(first([a for a, _ in states]), np.float64)
    live = np.flatnonzero(scores > -np.inf).tolist()
    if live:
        scores[live] += second([states[i][1] for i in live])
    return scores
