"""Grammar drafter: guesses what the constraint forces, and what has so far followed in the same state.

Three sources, in this order:

    the only token    that the mask allows
    a habit           the token by which most texts so far have left this state: equal states are equal integers, so
                      what one text did behind `"name": ` tells what the next one will do
    forced text       bytes that must follow whatever the tokens, and one space where there may be one, cut as the
                      tokenizer would cut them behind the tokens that stand there; only whole tokens of that cut, and
                      none where it would cut those otherwise

The tokens of the last texts of exact constraints outlive a run, and their states are found again when the next one
begins: states do not outlive it.
"""

from __future__ import annotations

import codecs
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from .constraint import Constraint
from .decode import Sample
from .model import Model

_DECODER = codecs.getincrementaldecoder("utf-8")
_TEXTS = 8  # texts of a constraint that outlive a run
_STATES = 1 << 16  # states with a habit, and with forced text
_BYTES = 256  # bytes of forced text
_TAIL = 4  # tokens that the tokenizer sees in front of forced text
_WIDE = 2048  # a mask of more tokens forces nothing
_STAYED = -1  # in the place of all tokens that lead from a state to itself


@dataclass(frozen=True)
class GrammarDrafter:
    """Guesses tokens that are forced or near certain; see the module. Good for JSON of a known shape.

    Parameters
    ----------
    length : how many tokens to guess at most.
    share : how often a state's most frequent token must have been taken there to be guessed, in (0, 1].

    May be shared by threads; a pickled copy begins anew.
    """

    length: int = 16
    share: float = 0.75
    _texts: WeakKeyDictionary[Constraint, deque[tuple[int, ...]]] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False, compare=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"Expected length to be at least 1, got {self.length}.")
        if not 0 < self.share <= 1:
            raise ValueError(f"Expected share to be in (0, 1], got {self.share}.")

    def begin(self, model: Model) -> GrammarGuesser:
        """A guesser that knows the last texts."""
        return GrammarGuesser(self, getattr(model, "cut", None))

    def texts(self, auto: Constraint) -> list[Sequence[int]]:
        """The tokens of the constraint's last texts."""
        with self._lock:
            return list(self._texts.get(auto, ()))

    def keep(self, auto: Constraint, tokens: Sequence[int]) -> None:
        """Remember the tokens of a text."""
        with self._lock:
            self._texts.setdefault(auto, deque(maxlen=_TEXTS)).append(tuple(tokens))

    def __reduce__(self) -> tuple[object, ...]:
        return GrammarDrafter, (self.length, self.share)


class Habits:
    """By which tokens the states of a constraint were left."""

    def __init__(self, auto: Constraint, texts: Sequence[Sequence[int]]) -> None:
        self._taken: dict[int, Counter[int]] = {}
        for tokens in texts:
            state = auto.start
            for token in tokens:
                after = auto.advance(state, token)
                self.note(state, token, after)
                state = after

    def note(self, state: int, token: int, after: int) -> None:
        """A text went from a state by a token to another, or stayed there, as inside a string."""
        if len(self._taken) >= _STATES:
            self._taken.clear()
        self._taken.setdefault(state, Counter())[_STAYED if after == state else token] += 1

    def token(self, state: int, share: float) -> int | None:
        """The token by which at least such a share of the texts left the state."""
        if (taken := self._taken.get(state)) is None:
            return None
        ((token, n),) = taken.most_common(1)
        return token if token != _STAYED and n >= share * taken.total() else None


class GrammarGuesser:
    """A grammar drafter at work.

    Parameters
    ----------
    cut : text -> the tokens that the tokenizer makes of it; `None`: forced text is not guessed.
    """

    def __init__(self, drafter: GrammarDrafter, cut: Callable[[str], Sequence[int]] | None) -> None:
        self._drafter = drafter
        self._cut = cut
        self._habits: dict[Constraint, Habits] = {}
        self._forced: dict[tuple[Constraint, int], tuple[bytes, bool]] = {}

    def guess(self, auto: Constraint, state: int, tokens: NDArray[np.int64], limit: int) -> Sequence[int]:
        """One token that is forced or a habit, or the tokens of forced text."""
        ids = few_ids(auto.mask(state))
        if ids is not None and len(ids) == 1:
            return (int(ids[0]),)
        if (token := self._of(auto).token(state, self._drafter.share)) is not None:
            return (token,)
        if self._cut is None or ids is None:
            return ()
        if (auto, state) not in self._forced:
            if len(self._forced) >= _STATES:
                self._forced.clear()
            self._forced[auto, state] = forced_text(auto, state)
        text, ends = self._forced[auto, state]
        return canonical(auto, self._cut, tokens[-_TAIL:].tolist(), text, ends) if text else ()

    def learn(self, sample: Sample, n: int) -> None:
        """Note how the sample went on; keep it when it is done."""
        habits, states = self._of(sample.auto), [*sample.states[-n:], sample.state]
        for state, token, after in zip(states, sample.tokens[-n:], states[1:], strict=False):
            habits.note(state, token, after)
        if sample.finish_reason is not None and sample.auto.exact:  # else guards would be asked to find its states
            self._drafter.keep(sample.auto, sample.tokens)

    def _of(self, auto: Constraint) -> Habits:
        if auto not in self._habits:
            self._habits[auto] = Habits(auto, self._drafter.texts(auto))
        return self._habits[auto]


def forced_text(auto: Constraint, state: int) -> tuple[bytes, bool]:
    """The bytes that must follow, and spaces that may, as far as tokens of one byte lead; whether the text must end
    behind them.
    """
    text = b""
    while len(text) < _BYTES:
        ids = few_ids(auto.mask(state))
        if ids is None or not len(ids):
            break
        if set(ids[: len(auto.end_ids) + 1].tolist()) <= set(auto.end_ids):
            return text, True
        one = _next_byte(auto, ids, takes_space=not text.endswith(b" "))
        if one is None or not (after := auto.advance(state, one)):
            break
        text, state = text + auto.vocabulary.token_bytes(one), after
    return text, False


def few_ids(row: NDArray[np.int32]) -> NDArray[np.intp] | None:
    """The token ids of a mask row, ascending, as `ids_of` has them; `None`: too many to force anything."""
    words = np.flatnonzero(row)
    if len(words) > _WIDE:
        return None
    bits = np.unpackbits(row[words].view(np.uint8), bitorder="little").reshape(-1, 32)
    at, bit = np.nonzero(bits)
    return 32 * words[at] + bit if len(at) <= _WIDE else None


def _next_byte(auto: Constraint, ids: NDArray[np.intp], *, takes_space: bool) -> int | None:
    """The token of one byte that all tokens begin with, or of a space that some begin with: which, else, are passed
    over.
    """
    start = auto.vocabulary.token_start
    begin, size = start[ids], start[ids + 1] - start[ids]
    if not size.all():  # a special token, or the end
        return None
    first = auto.vocabulary.token_data[begin]
    is_space = first == ord(" ")
    if takes_space and is_space.any():
        wanted = is_space
    elif len(set(first[~is_space].tolist())) == 1:
        wanted = ~is_space
    else:
        return None
    found = ids[wanted & (size == 1)]
    return int(found[0]) if len(found) else None


def canonical(
    auto: Constraint, cut: Callable[[str], Sequence[int]], before: Sequence[int], text: bytes, ends: bool
) -> tuple[int, ...]:
    """The tokens that the tokenizer makes of a text behind others.

    Less the last one, unless the text `ends`: what comes behind may make it longer. None where the tokenizer, seeing
    the text, would have cut what is before it otherwise, or where its tokens have other bytes.
    """
    parts = [auto.vocabulary.token_bytes(t) for t in before]
    while parts and not all(parts):
        parts = parts[1 + parts.index(b"") :]  # a special token: the tokenizer does not look beyond it
    tail = b"".join(parts)
    try:
        readable = _DECODER("strict").decode(tail + text)  # less a character that is cut off at the end
        alone, whole = list(cut(tail.decode())), list(cut(readable))
    except UnicodeDecodeError:
        return ()
    found, read = whole[len(alone) :], readable.encode()[len(tail) :]
    if whole[: len(alone)] != alone or alone[-1:] != (list(before[-1:]) if parts else []):
        return ()
    if b"".join(map(auto.vocabulary.token_bytes, found)) != read:
        return ()
    return tuple(found if ends and read == text else found[:-1])
