"""Choices: the words that an option of the command line takes.

The command line reads them before it knows which command runs, so nothing is imported here.
"""

from __future__ import annotations

from enum import StrEnum


class Profile(StrEnum):
    """How a JSON Schema is read."""

    spec = "spec"
    generation = "generation"


class Kind(StrEnum):
    """What a file holds."""

    schema = "schema"
    lark = "lark"
    gbnf = "gbnf"
    ebnf = "ebnf"
    regex = "regex"


class Target(StrEnum):
    """The dialects that a grammar can be printed in."""

    lark = "lark"
    gbnf = "gbnf"
    regex = "regex"


class LexerName(StrEnum):
    """How terminals match."""

    dynamic = "dynamic"


class SamplerName(StrEnum):
    """How tokens are drawn."""

    masking = "masking"
    awrs = "awrs"
    asap = "asap"
    cars = "cars"
    mcmc = "mcmc"
    smc = "smc"
    beam = "beam"


class DraftName(StrEnum):
    """How the next tokens are guessed."""

    ngram = "ngram"
    grammar = "grammar"
    both = "both"


class Drawing(StrEnum):
    """What is drawn."""

    rules = "rules"
    automaton = "automaton"


class DrawingFormat(StrEnum):
    """How a drawing is written."""

    svg = "svg"
    dot = "dot"
    mermaid = "mermaid"


class FindingFormat(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"
