"""Budget: texts that are closed before the tokens run out.

`max_tokens` bounds the tokens of the text; the end-of-sequence token comes on top and is scored, so that a text of
exactly `max_tokens` tokens counts as finished. A state bounds the tokens that it still needs by its least number of
bytes. While more are left, each token drawn is checked against that bound (`fits`); when no more are, the tokens that
keep to it are found beforehand. Where the bound is too coarse for the tokens that are left, a path of larger tokens is
looked for (`closing_path`).

Law: if the automaton is exact and `require_closable` did not raise, then taking only tokens of `support` that fit
reaches an accepting state within the budget.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplingError
from .constraint import Constraint, ids_of

#: Tokens that are tried for the next one of a path, where guards refuse them.
_TRIED = 256
#: Tokens in a row that may bring the end no nearer than it was.
_ASIDE = 8


def support(auto: Constraint, state: int, remaining: int) -> tuple[NDArray[np.intp], bool]:
    """The tokens that may follow if `remaining` more may be taken, ascending, and whether each is to be asked if it
    `fits`.

    Guards are not asked.
    """
    if remaining > auto.least_bytes(state):
        return ids_of(auto.mask(state)), True
    return closing(auto, state, remaining), False


def closing(auto: Constraint, state: int, remaining: int) -> NDArray[np.intp]:
    """The tokens that keep to the budget, ascending; all that may follow if nothing is known to keep to it."""
    if remaining <= 0:
        return ending(auto, state)
    ids = ids_of(auto.mask_within(state, remaining + 1))
    if len(ids):
        return ids
    path = closing_path(auto, state, remaining)
    return ids_of(auto.mask(state)) if path is None else np.array(path[:1] or ending(auto, state), np.intp)


def fits(auto: Constraint, state: int, remaining: int) -> bool:
    """Whether the text can be completed with `remaining` more tokens in this state."""
    return state == auto.finished or auto.least_bytes(state) <= remaining


def ending(auto: Constraint, state: int) -> NDArray[np.intp]:
    """The tokens that end the text here, ascending."""
    row = auto.mask(state).view(np.uint32)
    legal = [t for t in sorted(set(auto.end_ids)) if row[t >> 5] >> (t & 31) & 1]
    return np.array([t for t in legal if auto.advance(state, t) == auto.finished], np.intp)


def closing_path(auto: Constraint, state: int, limit: int) -> list[int] | None:
    """At most `limit` tokens that lead to an accepting state, each leaving the least to do; `None`: none found."""
    path: list[int] = []
    least, aside = auto.least_bytes(state), 0
    while auto.least_bytes(state):
        step = _nearest(auto, state) if len(path) < limit and aside <= _ASIDE else None
        if step is None:
            return None
        left, token, state = step
        aside = aside + 1 if left >= least else 0
        least = min(least, left)
        path.append(token)
    return path


def _nearest(auto: Constraint, state: int) -> tuple[int, int, int] | None:
    """The token that leaves least to do: bytes left, token, and the state behind it; `None`: none was found."""
    best: tuple[int, int, int] | None = None
    for left, token in islice(auto.nearest(state), _TRIED):
        if best is not None and best[:2] <= (left, token):
            break
        after = auto.advance(state, token)
        if after not in (0, auto.finished):
            found = (auto.least_bytes(after), token, after)
            best = found if best is None else min(best, found)
    return best


def require_closable(auto: Constraint, max_tokens: int, healed_tokens: int = 0, healed_bytes: int = 0) -> None:
    """Refuse a budget that is too small for every text.

    Parameters
    ----------
    healed_tokens, healed_bytes : what of the budget, and of each text, belongs to the prompt, for the message.

    Raises
    ------
    SamplingError : `max_tokens` is negative, or less than the shortest text takes.
    """
    if max_tokens < 0:
        raise SamplingError(f"Expected max_tokens to be at least 0, got {max_tokens}.")
    need = auto.least_bytes(auto.start)
    if max_tokens >= need:
        return
    path = closing_path(auto, auto.start, need)
    if path is not None and len(path) <= max_tokens:
        return
    takes = f"{len(path) - healed_tokens} tokens" if path is not None else "tokens that the vocabulary lacks"
    raise SamplingError(
        f"No text of the constraint fits into max_tokens={max_tokens - healed_tokens}: the shortest has "
        f"{need - healed_bytes} bytes and takes {takes}. Raise max_tokens or allow shorter texts."
    )
