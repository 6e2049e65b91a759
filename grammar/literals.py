"""Choice of literals.

The options become one alternation of byte strings, which compiles to a minimal acyclic automaton in linear time.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import EmptyLanguage
from .ir import Alt, Bytes, Expr, Grammar


class Choice:
    """A constraint: the whole text is one of the options (strings in UTF-8, or bytes).

    Raises
    ------
    EmptyLanguage : there is no option.
    TypeError, ValueError : an option is neither text nor bytes, or holds a lone surrogate.
    """

    def __init__(self, options: Sequence[str | bytes]) -> None:
        if isinstance(options, str | bytes):
            raise TypeError(f"Expected a list of options, got one: {options!r}. Put it into a list.")
        #: The options as bytes, in order, each once.
        self.options: tuple[bytes, ...] = tuple(dict.fromkeys(map(_encode, options)))
        if not self.options:
            raise EmptyLanguage("Expected at least one option, got none")

    def __repr__(self) -> str:
        return f"Choice({list(self.options[:4])!r}{' and more' if len(self.options) > 4 else ''})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self.options == other.options

    def __hash__(self) -> int:
        return hash(self.options)

    def grammar(self) -> Grammar:
        """The grammar, of one rule: the alternation of the options."""
        words = tuple(map(Bytes, self.options))
        start: Expr = words[0] if len(words) == 1 else Alt(words)
        return Grammar("start", {"start": start}, {"start": "the options"})


def _encode(option: str | bytes) -> bytes:
    if isinstance(option, bytes):
        return option
    if not isinstance(option, str):
        raise TypeError(f"Expected options of text or bytes, got {option!r}.")
    try:
        return option.encode()
    except UnicodeEncodeError:
        raise ValueError(f"Expected an option that UTF-8 can write, got {option!r} with a lone surrogate.") from None
