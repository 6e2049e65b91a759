"""Constraints as requests to a server spell them: a kind and a text.

Every server takes the same path from the text to the automaton, so what validation accepts, compilation does. The kinds
are those of vLLM: `json`, `json_object`, `regex`, `choice`, `grammar`, `structural_tag`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from ..errors import GrammarError, GrammarSyntaxError
from .output import HasGrammar

Kind: TypeAlias = Literal["json", "json_object", "regex", "choice", "grammar", "structural_tag"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class ConstraintSpec:
    """A constraint in text form; equal ones are equal keys."""

    kind: Kind
    #: A schema, a pattern, a JSON list of strings, a grammar in any dialect, a structural tag; nothing for json_object.
    text: str = ""
    #: As in `JsonSchema`, for JSON.
    whitespace: str | int | None = None
    profile: Literal["generation", "spec"] = "generation"

    def constraint(self) -> HasGrammar:
        """Read the text.

        Raises
        ------
        GrammarError : the text is no such constraint; with the JSON pointer, or the line and column.
        BudgetExceeded : it is too large or nested too deeply.
        """
        return _READERS[self.kind](self)


def _json(spec: ConstraintSpec) -> HasGrammar:
    from ..grammar.jsonschema import JsonSchema

    schema = '{"type": "object"}' if spec.kind == "json_object" else spec.text
    return JsonSchema(schema, profile=spec.profile, whitespace=spec.whitespace)


def _regex(spec: ConstraintSpec) -> HasGrammar:
    from ..grammar.regex import Regex

    return Regex(spec.text)


def _choice(spec: ConstraintSpec) -> HasGrammar:
    from ..grammar.literals import Choice

    try:
        options = json.loads(spec.text)
    except (ValueError, RecursionError) as error:
        raise GrammarSyntaxError(f"Expected the choice as a JSON list of strings: {error}.") from error
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise GrammarError(f"Expected the choice as a list of strings, got {spec.text[:80]}.")
    try:
        return Choice(options)
    except GrammarError:
        raise
    except ValueError as error:
        raise GrammarError(str(error)) from error


def _grammar(spec: ConstraintSpec) -> HasGrammar:
    from ..grammar.dialect import read_grammar

    return read_grammar(spec.text)


def _structural_tag(spec: ConstraintSpec) -> HasGrammar:
    from ..grammar.structural_tag import StructuralTag

    return StructuralTag(spec.text)


_READERS: dict[Kind, Callable[[ConstraintSpec], HasGrammar]] = {
    "json": _json,
    "json_object": _json,
    "regex": _regex,
    "choice": _choice,
    "grammar": _grammar,
    "structural_tag": _structural_tag,
}
