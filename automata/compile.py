"""Compilation: a constraint and a vocabulary to a token automaton."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..grammar.ir import Grammar
from .automaton import TokenAutomaton
from .pushdown import Limits
from .vocabulary import Vocabulary


def compile(
    constraint: Any,
    vocabulary: Vocabulary,
    stop_ids: Iterable[int] | None = None,
    limits: Limits | None = None,
) -> TokenAutomaton:
    """Compile a constraint for a vocabulary.

    Parameters
    ----------
    constraint : an object with `.grammar()` (`JsonSchema`, `Regex`, `Lark`, `Choice`), a `Grammar`, or anything that
        `JsonSchema` takes: a schema as dict, bool or JSON text, a pydantic model, a dataclass, a type.
    stop_ids : ids that end a text besides the vocabulary's end-of-sequence ids.
    limits : what the automaton may use; see `Limits`.

    Raises
    ------
    GrammarError : the constraint cannot be used as given.
    EmptyLanguage : no text matches.
    BudgetExceeded : `limits` do not suffice.
    VocabularyError : the grammar names a special token that the vocabulary lacks.
    """
    if isinstance(constraint, Grammar):
        return compile_grammar(constraint, vocabulary, stop_ids, limits)
    if isinstance(constraint, type) or not callable(getattr(constraint, "grammar", None)):
        from ..grammar.jsonschema import JsonSchema

        constraint = JsonSchema(constraint)
    return compile_grammar(constraint.grammar(), vocabulary, stop_ids, limits)


def compile_grammar(
    grammar: Grammar,
    vocabulary: Vocabulary,
    stop_ids: Iterable[int] | None = None,
    limits: Limits | None = None,
) -> TokenAutomaton:
    """Compile a grammar for a vocabulary: the first rule is lowered now, the others when they are reached.

    Raises as `compile`.
    """
    if grammar.budgets:
        from .token_budget import BudgetedAutomaton, with_marks

        if (marked := with_marks(grammar, vocabulary)) is not None:
            return BudgetedAutomaton(compile_grammar(marked.grammar, vocabulary, stop_ids, limits), marked)
    if not grammar.is_normal:
        from ..grammar.normalize import normalize
        from .special_token import with_text_tokens

        grammar = with_text_tokens(normalize(grammar), vocabulary)
    return TokenAutomaton(grammar, vocabulary, tuple(stop_ids or ()), limits or Limits())
