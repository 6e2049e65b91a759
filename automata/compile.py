"""Compilation: a grammar and a vocabulary to a token automaton."""

from __future__ import annotations

from collections.abc import Iterable

from ..grammar.ir import Grammar
from .automaton import TokenAutomaton
from .pushdown import Limits
from .vocabulary import Vocabulary


def compile_grammar(
    grammar: Grammar,
    vocabulary: Vocabulary,
    stop_ids: Iterable[int] | None = None,
    limits: Limits | None = None,
) -> TokenAutomaton:
    """Compile a grammar for a vocabulary.

    The first rule is lowered now, the others when they are reached.

    Parameters
    ----------
    stop_ids : ids that end a text besides the vocabulary's end-of-sequence ids.

    Raises
    ------
    EmptyLanguage : no text matches.
    BudgetExceeded : `limits` do not suffice.
    VocabularyError : the grammar names a special token that the vocabulary lacks.
    """
    if not grammar.is_normal:
        from ..grammar.normalize import normalize

        grammar = normalize(grammar)
    return TokenAutomaton(grammar, vocabulary, tuple(stop_ids or ()), limits or Limits())
