"""Sample: random texts of a grammar, uniform for their length, without a model."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...automata.counting import Strings
from ...automata.walk import grammar_of
from ...errors import BudgetExceeded, UnsupportedFeature
from ...grammar.derivations import Derivations
from ...grammar.ir import Grammar
from .constraint import UsageError
from .outcome import OK, Outcome
from .text_check import compile_for_bytes, first_mismatch

#: States that an exact count may need before strings are drawn by rejection instead.
COUNTED_STATES = 5000
#: Draws that are rejected for one text: of very ambiguous grammars only short texts can be drawn.
MOST_TRIES = 200
#: Printable ASCII, tab and newline: what is drawn unless every byte is asked for.
READABLE = bytes([9, 10, *range(0x20, 0x7F)])


@dataclass(frozen=True)
class SampleOptions:
    """What the command line says about the texts."""

    n: int = 20
    #: At most so many bytes; or exactly so many.
    max_length: int = 40
    length: int | None = None
    seed: int | None = None
    #: Every byte, not readable ASCII only.
    every_byte: bool = False


def sample(constraint: Any, options: SampleOptions) -> Outcome:
    """Draw texts: each possible length is equally likely, and so is each text of a length.

    Raises
    ------
    UsageError : no text has such a length.
    UnsupportedFeature : the constraint has guards or special tokens.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        grammar = grammar_of(constraint)
    count, draw = _source(grammar, options)
    every = range(options.max_length + 1) if options.length is None else [options.length]
    counts = {length: number for length in every if (number := count(length))}
    if not counts:
        raise UsageError(f"No text has {_wanted(options)}; try another --length or --max-length, or --every-byte.")
    rng = random.Random(options.seed)
    texts = [draw(rng, rng.choice(list(counts))).decode(errors="replace") for _ in range(options.n)]
    data = {"texts": texts, "lengths": {str(length): str(number) for length, number in counts.items()}}
    return Outcome(data, [("", f"{text}\n") for text in texts], OK)


def as_lines(drawn: Outcome) -> Outcome:
    """Every text as a JSON string on a line of its own."""
    lines = [("", f"{json.dumps(text, ensure_ascii=False)}\n") for text in drawn.data["texts"]]
    return Outcome(drawn.data, lines, drawn.status)


def _wanted(options: SampleOptions) -> str:
    amount = f"at most {options.max_length}" if options.length is None else str(options.length)
    return f"{amount} {'bytes' if options.every_byte else 'readable ASCII bytes'}"


def _source(
    grammar: Grammar, options: SampleOptions
) -> tuple[Callable[[int], int], Callable[[random.Random, int], bytes]]:
    """How many texts (or derivations) a length has, and how to draw one."""
    alphabet = None if options.every_byte else READABLE
    longest = options.max_length if options.length is None else options.length
    try:
        strings = Strings(grammar, longest, COUNTED_STATES, alphabet)
        return strings.count, strings.sample
    except BudgetExceeded as error:
        try:
            ways = Derivations(grammar, alphabet)
        except UnsupportedFeature:
            raise error from None
    auto = compile_for_bytes(grammar)

    def draw(rng: random.Random, length: int) -> bytes:
        return ways.sample(rng, length, lambda text: first_mismatch(auto, text) is None, MOST_TRIES)

    return ways.count, draw
