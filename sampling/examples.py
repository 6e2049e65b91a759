"""Examples: random texts of a constraint without a model, and near misses of a schema.

A text is a random walk over the automaton of the single bytes. Bytes are weighted so that texts look like what people
write, and so that walks end: strings are short, nesting grows rare, and past some length every byte is one that
brings the end nearer. A walk that guards lead into a dead end is begun anew, a bounded number of times.
"""

from __future__ import annotations

import json
import warnings
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..automata import TokenAutomaton, Vocabulary
from ..automata.compile import compile
from ..errors import SamplingError
from ..grammar.ir import Grammar
from ..grammar.jsonschema import JsonSchema
from ..grammar.jsonschema.near_misses import NearMiss, near_misses_of
from .constraint import ids_of

_EOS: Final = 256
#: Bytes of a text, if the caller says nothing, and at most.
USUAL_BYTES: Final = 1_000
MOST_BYTES: Final = 20_000
#: Walks that are begun for each text asked for, and besides.
TRIES_EACH: Final = 8
TRIES_MORE: Final = 40
#: Bytes beyond ASCII that are tried for one that brings the end nearer.
_TRIED: Final = 8
#: Bytes that a walk to the end may take beyond twice the distance, for guards that are in the way.
_PATIENCE: Final = 40
#: Bytes after which a walk turns to the end, on average.
_USUAL: Final = 100
#: From so many allowed bytes on, a text is free.
_FREE: Final = 60
_ENDS: Final = (*b'"', _EOS)
_OPENERS: Final = tuple(b"[{")


def examples(constraint: Any, n: int = 5, *, seed: int | None = None, max_bytes: int | None = None) -> list[str]:
    """Draw random texts that obey a constraint, each once; fewer than `n`, with a warning, if no more are found.

    They are spread over the language, not uniform on it. Texts of a JSON Schema are held against the validator, too.

    Parameters
    ----------
    constraint : what `compile` takes: a `JsonSchema`, `Regex`, `Lark`, ..., or what `JsonSchema` takes.
    seed : makes the texts repeatable; None: fresh ones.
    max_bytes : longest text; None: 1,000, or twice the shortest text's length if that is more.

    Raises
    ------
    GrammarError, BudgetExceeded : as `compile`.
    SamplingError : none was found: the shortest text is longer, or guards refuse what was tried.

    Warns
    -----
    UserWarning : fewer than `n` were found.

    >>> from ..grammar.regex import Regex
    >>> examples(Regex("[ab]c"), 2, seed=0)
    ['ac', 'bc']
    """
    found = _found(constraint, n, seed, max_bytes)
    if len(found) < n:
        tried = TRIES_EACH * n + TRIES_MORE
        message = f"Found {len(found)} of {n} texts in {tried} walks; the constraint may have no more so short."
        warnings.warn(message, stacklevel=2)
    return found


def _found(constraint: Any, n: int, seed: int | None, max_bytes: int | None) -> list[str]:
    """As many of `n` texts as are found, at least one."""
    if isinstance(constraint, type) or not (isinstance(constraint, Grammar) or hasattr(constraint, "grammar")):
        constraint = JsonSchema(constraint)
    auto = compile(constraint, _bytes())
    least = auto.least_bytes(auto.start)
    most = max(USUAL_BYTES, 2 * min(least, MOST_BYTES)) if max_bytes is None else max_bytes
    if least > most:
        raise SamplingError(f"The shortest text has {least} bytes, more than {most}. Set or raise `max_bytes`.")
    rng = np.random.default_rng(seed)
    found: dict[str, None] = {}
    with auto.run():
        for _ in range(TRIES_EACH * n + TRIES_MORE):
            if len(found) >= n:
                break
            walked = _Walk(auto, rng, most).text()
            if walked is not None and _agrees(constraint, walked):
                found[walked.decode()] = None
    if n and not found:
        raise SamplingError("Found no text: every walk met a dead end or grew too long. Raise `max_bytes`.")
    return list(found)


def near_misses(schema: Any, n: int = 5, *, seed: int | None = None, max_bytes: int | None = None) -> list[NearMiss]:
    """Make texts that break one keyword of a JSON Schema, out of random valid ones; each is confirmed by the validator.

    As many different keywords as possible are broken. Fewer than `n` if no more are found: nothing misses `true`.

    Parameters
    ----------
    schema : what `JsonSchema` takes, or a `JsonSchema`.
    seed, max_bytes : as for `examples`.

    Raises as `examples`.

    >>> [str(miss) for miss in near_misses({"type": "boolean"}, 1, seed=0)][0].endswith("breaks #/type")
    True
    """
    constraint = schema if isinstance(schema, JsonSchema) else JsonSchema(schema)
    texts = _found(constraint, max(3, n), seed, max_bytes)
    return near_misses_of(constraint, [json.loads(text) for text in texts], n, seed)


@lru_cache(maxsize=1)
def _bytes() -> Vocabulary:
    return Vocabulary.from_tokens([bytes([b]) for b in range(256)], [_EOS])


def _agrees(constraint: Any, text: bytes) -> bool:
    """Whether the text is valid in the eyes of the validator, if the constraint has one."""
    return not isinstance(constraint, JsonSchema) or (_has_no_key_twice(text) and constraint.validates(text))


def _has_no_key_twice(text: bytes) -> bool:
    """Whether every object of a JSON text has each key once."""
    unique = True

    def look(members: list[tuple[str, Any]]) -> None:
        nonlocal unique
        unique = unique and len(dict(members)) == len(members)

    json.loads(text, object_pairs_hook=look)
    return unique


class _Walk:
    """One random walk."""

    def __init__(self, auto: TokenAutomaton, rng: np.random.Generator, max_bytes: int) -> None:
        self._auto = auto
        self._rng = rng
        self._most = max_bytes
        #: From this length on, the way to the end is taken; a varying one makes texts of all sizes.
        self._turn = 1 + int(min(max_bytes / 2, rng.exponential(_USUAL)))
        self._row = np.zeros(auto.mask_width, np.int32)
        self._n = 0

    def text(self) -> bytes | None:
        """The text; None if the walk met a dead end or grew too long."""
        state, text = self._auto.start, bytearray()
        while True:
            self._auto.fill_mask(state, self._row)
            allowed = ids_of(self._row)
            if not len(allowed):
                return None
            if self._n == self._turn:
                self._most = min(self._most, self._n + 2 * self._auto.least_bytes(state) + _PATIENCE)
            token = self._nearest(state, allowed) if self._n >= self._turn else self._random(allowed)
            if token == _EOS:
                return bytes(text)
            state = self._auto.advance(state, token)
            text.append(token)
            self._n += 1
            if self._n > self._most or not state:
                return None

    def _random(self, allowed: NDArray[np.intp]) -> int:
        if len(allowed) >= _FREE:
            weights, ends = _IN_TEXT[allowed], np.isin(allowed, _ENDS)
            weights[ends] = 0.15 * weights[~ends].sum()
        else:
            weights = _IN_STRUCTURE[allowed]
            weights[np.isin(allowed, _OPENERS)] /= 1 + (self._n / 60) ** 2
        return int(self._rng.choice(allowed, p=weights / weights.sum()))

    def _nearest(self, state: int, allowed: NDArray[np.intp]) -> int:
        """A byte that brings the end nearer, or that which brings it nearest."""
        if allowed[-1] == _EOS:
            return _EOS
        plain, beyond = allowed[allowed < 0x80], allowed[allowed >= 0x80]
        tried = self._rng.permutation(np.concatenate([plain, self._rng.permutation(beyond)[:_TRIED]]))
        here = self._auto.least_bytes(state)
        best, nearest = int(tried[0]), np.inf
        for token in tried.tolist():
            after = self._auto.least_bytes(self._auto.advance(state, token))
            if after < nearest:
                best, nearest = token, after
            if after < here:
                break
        return best


def _weights(*groups: tuple[bytes, float], other: float) -> NDArray[np.float64]:
    """How likely each byte is where it is allowed, relative to the others; the end weighs 1."""
    found = np.full(257, 0.002)
    found[0x20:0x7F] = other
    for group, weight in groups:
        found[list(group)] = weight
    found[_EOS] = 1.0
    return found


_LETTERS: Final = b"abcdefghijklmnopqrstuvwxyz"
_CAPITALS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_IN_TEXT: Final = _weights((_LETTERS, 1.0), (_CAPITALS, 0.3), (b" ", 2.0), (b"\\", 0.02), other=0.03)
_IN_STRUCTURE: Final = _weights(
    (b'",:', 1.0), (b"]}", 0.5), (b"[{", 0.7), (b" ", 0.2), (b"\n\r\t", 0.005), (b"\\", 0.01), (b"eE+-", 0.1), other=0.3
)
