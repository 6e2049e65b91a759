"""Outputs: a constraint or a Python type, and what its texts stand for."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from ..grammar.ir import Bytes, Expr, Grammar, Ref, sequence
from ..grammar.part import Part
from .bounded_cache import BoundedCache
from .partial import PartialJson
from .partial_type import partial_value

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from ..automata.automaton import TokenAutomaton
    from ..automata.pushdown import Limits
    from ..automata.vocabulary import Vocabulary


class HasGrammar(Protocol):
    """What every constraint is: something with a grammar."""

    def grammar(self) -> Grammar:
        """The grammar of its texts."""

    def __hash__(self) -> int:
        """Constraints are remembered with their automata."""


@dataclass(frozen=True)
class GrammarOutput:
    """A bare grammar as a constraint."""

    rules: Grammar

    def grammar(self) -> Grammar:
        """The grammar itself."""
        return self.rules


@dataclass(frozen=True)
class Output:
    """A constraint, and how its texts are read."""

    constraint: HasGrammar
    #: Text of a finished output -> value.
    decode: Callable[[str], Any]
    #: Whether texts are JSON.
    is_json: bool
    #: The Python type asked for, if one was.
    type: Any = None
    #: The JSON Schema to show in prompts, if there is one.
    schema: Any = None

    def show(self, partial: PartialJson | None, text: str) -> Callable[[], Any]:
        """The value that an unfinished text shows, computed when it is called for: text, JSON, or of the type."""
        if partial is None:
            return lambda: text
        closed, depth, tp = partial.closed, partial.depth, self.type
        if closed is None:
            return lambda: None
        return lambda: json.loads(closed) if tp is None else partial_value(tp, json.loads(closed), depth)


def output_of(spec: Any) -> Output:
    """The output that a constraint, a JSON Schema or a Python type describes.

    Parameters
    ----------
    spec : an object with `.grammar()` (`JsonSchema`, `Regex`, `Lark`, `Choice`, ...), a `Grammar`, or anything that
        `JsonSchema` takes: a schema as dict, bool or JSON text, a pydantic model, a dataclass, a type.

    Raises
    ------
    GrammarError : the constraint cannot be used as given.
    TypeError : it is no constraint, but looks like what one is made of.
    """
    from ..grammar.jsonschema import JsonSchema

    _see_constraint(spec)
    if isinstance(spec, Grammar):
        return Output(GrammarOutput(spec), str, is_json=False)
    if isinstance(spec, type) or not callable(getattr(spec, "grammar", None)):
        spec = JsonSchema(spec)
    if isinstance(spec, Part):
        from .captures import value_of

        return Output(spec, lambda text: value_of(spec, text), is_json=False)
    if not isinstance(spec, JsonSchema):
        return Output(spec, str, is_json=False)
    decode = spec.decode
    return Output(spec, lambda text: decode(json.loads(text)), is_json=True, type=spec.type, schema=spec.schema)


def _see_constraint(spec: Any) -> None:
    """Refuse bare text and lists, which may mean several things."""
    if isinstance(spec, str) and spec.strip()[:1] != "{" and spec.strip() not in ("true", "false"):
        shown = spec if len(spec) < 40 else spec[:37] + "..."
        raise TypeError(
            f"Expected a constraint, a JSON Schema or a type, got the text {shown!r}. Say what it is: Regex(...) for a "
            "pattern, lit(...) for the text itself, Choice([...]) for one of several, Lark(...) or Gbnf(...)."
        )
    if isinstance(spec, list | tuple | set):
        raise TypeError(
            f"Expected a constraint, a JSON Schema or a type, got {spec!r}. Choice([...]) is one of a list."
        )


@cache
def automata() -> BoundedCache:
    """The process's cache; its size is an environment variable, see `cache_bytes`."""
    return BoundedCache()


def compiled(constraint: HasGrammar, vocabulary: Vocabulary, prefix: bytes, limits: Limits | None) -> TokenAutomaton:
    """The automaton of a constraint behind literal bytes; remembered by constraint and vocabulary."""
    from ..automata import compile_grammar

    def make() -> TokenAutomaton:
        grammar = constraint.grammar()
        return compile_grammar(behind(prefix, grammar) if prefix else grammar, vocabulary, limits=limits)

    return automata().get((constraint, vocabulary, prefix, limits), make)


def behind(prefix: bytes, grammar: Grammar) -> Grammar:
    """The grammar of `prefix` followed by the grammar's texts."""
    start = f"{grammar.start} behind the prompt"
    first: dict[str, Expr] = {start: sequence(Bytes(prefix), Ref(grammar.start))}
    rules = ChainMap(first, cast("MutableMapping[str, Expr]", grammar.rules))
    return Grammar(start, rules, grammar.places, budgets=grammar.budgets)
