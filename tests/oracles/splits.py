"""Every split of a text into tokens, decided place by place.

If each token that may start at a place is in the mask there and leads to the state that its bytes lead to one by one,
then every way to cut the text does, whatever its tokens merge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syntagma.automata.vocabulary import Vocabulary


def merged(texts: Sequence[str], special: Sequence[str] = (), longest: int = 12) -> Vocabulary:
    """A vocabulary of all bytes, of every piece of up to `longest` bytes of the texts, and of special tokens."""
    pieces: dict[bytes, None] = {bytes([b]): None for b in range(256)}
    for data in map(str.encode, texts):
        pieces |= {data[i : i + n]: None for n in range(2, longest + 1) for i in range(len(data) - n + 1)}
    n = len(pieces)
    return Vocabulary.from_tokens(list(pieces), [n], {name: n + 1 + k for k, name in enumerate(special)})


def split_faults(auto: Any, text: str, special: Sequence[str] = (), longest: int = 12) -> list[tuple[int, bytes]]:
    """Where a token of the text is masked or leads elsewhere than its bytes; the text itself must be accepted."""
    data, vocabulary = text.encode(), auto.vocabulary
    states, at, token = {0: auto.start}, 0, -1
    while at < len(data):
        name = next((name for name in special if data.startswith(name.encode(), at)), "")
        size = len(name.encode()) or 1
        token = vocabulary.special[name] if name else vocabulary.tokens_with_bytes(data[at : at + 1])[0]
        states[at + size] = auto.advance(states[at], token)
        at += size
    if not auto.accepts(states[at]):
        return [(0, data)]
    faults = []
    for at, state in states.items():
        row = auto.mask(state)
        for end in range(at + 2, min(at + longest, len(data)) + 1):
            if not all(place in states for place in range(at, end + 1)):
                break  # into a special token
            token = vocabulary.tokens_with_bytes(data[at:end])[0]
            if not int(row[token // 32]) >> token % 32 & 1 or auto.advance(state, token) != states[end]:
                faults.append((at, data[at:end]))
    return faults
