"""Free text: all UTF-8 text in which certain words do not occur, or of which one occurs first.

A word may lie across tokens in any way: these are languages of bytes.

Laws
    1. `text_without(words)` is every text that has none of the words in it.
    2. `text_up_to(word, words)` is every text that ends with `word` and has no other occurrence of any of the words.
    3. A text of `dispatch` splits in one way only into free text and what the triggers lead to, as long as no trigger
       occurs in another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .fold import alternation, concatenation, repetition
from .ir import ANY_BYTE, And, Bytes, Expr, Not, Repeat, Seq
from .regular import compile_regular
from .unicode import any_code_point

#: Every text.
TEXT: Expr = Repeat(any_code_point)
_ANYTHING = Repeat(ANY_BYTE)


def text_without(words: Iterable[str], max_chars: int | None = None, min_chars: int = 0) -> Expr:
    """Every text in which none of the words occurs, of `min_chars` to `max_chars` characters.

    Raises
    ------
    ValueError : a word is empty.
    """
    found = _any_of(words)
    text = Repeat(any_code_point, min_chars, max_chars)
    return text if found is None else And((text, Not(Seq((_ANYTHING, found, _ANYTHING)))))


def text_up_to(word: str, words: Iterable[str], excludes: Iterable[str] = (), max_chars: int | None = None) -> Expr:
    """Every text that ends with `word`, behind which none of `words` (and `word`) has occurred, nor any of `excludes`.

    `max_chars` bounds the text before the word. Raises as `text_without`.
    """
    first = _any_of([word, *words])
    assert first is not None
    parts: list[Expr] = [Not(Seq((_ANYTHING, first, Repeat(ANY_BYTE, 1))))]
    if (excluded := _any_of(excludes)) is not None:
        parts.append(Not(Seq((_ANYTHING, excluded, _ANYTHING))))
    return And((concatenation((Repeat(any_code_point, 0, max_chars), Bytes(word.encode()))), *parts))


def dispatch(
    branches: Sequence[tuple[str, Expr]], *, excludes: Iterable[str] = (), loop: bool = True, must: bool = False
) -> Expr:
    """Free text in which whatever follows a trigger is what belongs to the trigger.

    Parameters
    ----------
    branches : triggers, each with what must follow it; a trigger may come several times.
    excludes : what must not occur in the free text.
    loop : whether free text goes on behind a branch; if not, the text ends there.
    must : whether there must be a branch at least.
    """
    follow: dict[str, list[Expr]] = {}
    for trigger, expr in branches:
        follow.setdefault(trigger, []).append(expr)
    words, unwanted = list(follow), list(excludes)
    hit = alternation(concatenation((text_up_to(word, words, unwanted), alternation(follow[word]))) for word in words)
    rest = text_without([*words, *unwanted])
    if loop:
        return concatenation((repetition(hit, int(must), None), rest))
    return hit if must else alternation((hit, rest))


def ends_anywhere(expr: Expr) -> bool:
    """Whether every text that begins a match of the regular expression, but the empty one, is a match itself.

    Raises
    ------
    BudgetExceeded : its automaton takes too many states.
    """
    dfa = compile_regular(expr)
    seen = {(1, 0)}
    for q, missing in (queue := [(1, 0)]):
        for byte in range(256):
            after = int(dfa.trans[q, dfa.class_of_byte[byte]]), bytes_missing(missing, (byte,))
            if not after[0] or after in seen:
                continue
            if not after[1] and not dfa.accept[after[0]]:
                return False
            seen.add(after)
            queue.append(after)
    return True


def bytes_missing(missing: int, data: Iterable[int]) -> int:
    """How many bytes the last character of a text lacks, which lacked `missing` before the bytes of `data`.

    >>> bytes_missing(0, "é".encode()[:1]), bytes_missing(1, "é".encode()[1:])
    (1, 0)
    """
    for byte in data:
        inner = 0x80 <= byte < 0xC0
        missing = max(0, missing - 1) if inner else (byte >= 0xC0) + (byte >= 0xE0) + (byte >= 0xF0)
    return missing


def _any_of(words: Iterable[str]) -> Expr | None:
    unique = list(dict.fromkeys(words))
    if "" in unique:
        raise ValueError("Expected words of at least one character, got an empty one.")
    return alternation(Bytes(word.encode()) for word in unique) if unique else None
