"""syntagma: structured generation, exact and fast.

A grammar, a JSON Schema or a Python type compiles to an automaton over a model's tokens; samplers draw texts that obey
it.
Names are resolved on first use: importing this package imports neither numba nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .automata import Limits, Matcher, TokenAutomaton, Vocabulary
    from .automata.batch import fill_masks
    from .automata.check import check
    from .automata.comparison import compare
    from .automata.compile import compile
    from .automata.counting import Strings
    from .automata.draft import Draft
    from .automata.lint import lint
    from .backends import Event, Generation, Generator, Receipt
    from .backends.captures import captures
    from .backends.load import load
    from .backends.logit_mask import apply_masks
    from .backends.logits_processor import LogitsProcessor
    from .backends.remote import RemoteGenerator
    from .errors import (
        BackendError,
        BudgetExceeded,
        DeadEnd,
        EmptyLanguage,
        GrammarError,
        GrammarSyntaxError,
        PromptTooLong,
        SamplingError,
        SyntagmaError,
        UnsupportedFeature,
        VocabularyError,
    )
    from .grammar.combinators import json, lit, optional, permutation, ref, regex, special, substring, until
    from .grammar.convert import convert
    from .grammar.dialect import read_grammar
    from .grammar.ebnf import Ebnf
    from .grammar.gbnf import Gbnf
    from .grammar.ir import Grammar
    from .grammar.jsonschema import JsonSchema
    from .grammar.lark import Lark
    from .grammar.literals import Choice
    from .grammar.reasoning import reasoning
    from .grammar.regex import Regex
    from .grammar.structural_tag import StructuralTag
    from .grammar.tools import tools
    from .sampling import (
        AWRS,
        CARS,
        MCMC,
        SMC,
        ASAp,
        Beam,
        BestFirst,
        FullMask,
        GrammarDrafter,
        Masking,
        Mirostat,
        NGramDrafter,
        Posterior,
        Potential,
        Predicate,
        Proposed,
        TextPotential,
    )
    from .sampling.examples import examples, near_misses

__all__ = [
    "AWRS",
    "CARS",
    "MCMC",
    "SMC",
    "ASAp",
    "BackendError",
    "Beam",
    "BestFirst",
    "BudgetExceeded",
    "Choice",
    "DeadEnd",
    "Draft",
    "Ebnf",
    "EmptyLanguage",
    "Event",
    "FullMask",
    "Gbnf",
    "Generation",
    "Generator",
    "Grammar",
    "GrammarDrafter",
    "GrammarError",
    "GrammarSyntaxError",
    "JsonSchema",
    "Lark",
    "Limits",
    "LogitsProcessor",
    "Masking",
    "Matcher",
    "Mirostat",
    "NGramDrafter",
    "Posterior",
    "Potential",
    "Predicate",
    "PromptTooLong",
    "Proposed",
    "Receipt",
    "Regex",
    "RemoteGenerator",
    "SamplingError",
    "Strings",
    "StructuralTag",
    "SyntagmaError",
    "TextPotential",
    "TokenAutomaton",
    "UnsupportedFeature",
    "Vocabulary",
    "VocabularyError",
    "apply_masks",
    "captures",
    "check",
    "compare",
    "compile",
    "convert",
    "examples",
    "fill_masks",
    "json",
    "lint",
    "lit",
    "load",
    "near_misses",
    "optional",
    "permutation",
    "read_grammar",
    "reasoning",
    "ref",
    "regex",
    "special",
    "substring",
    "tools",
    "until",
]

_HOMES = {
    "AWRS": "sampling.awrs",
    "CARS": "sampling.cars",
    "MCMC": "sampling.mcmc",
    "SMC": "sampling.smc",
    "ASAp": "sampling.asap",
    "Beam": "sampling.beam",
    "BestFirst": "sampling.best_first",
    "Choice": "grammar.literals",
    "Draft": "automata.draft",
    "Ebnf": "grammar.ebnf",
    "Event": "backends.generation",
    "FullMask": "sampling.full_mask",
    "Gbnf": "grammar.gbnf",
    "Generation": "backends.generation",
    "Generator": "backends.generator",
    "Grammar": "grammar.ir",
    "GrammarDrafter": "sampling.grammar_drafter",
    "JsonSchema": "grammar.jsonschema",
    "Lark": "grammar.lark",
    "Limits": "automata.pushdown",
    "LogitsProcessor": "backends.logits_processor",
    "Masking": "sampling.masking",
    "Matcher": "automata.matcher",
    "Mirostat": "sampling.mirostat",
    "NGramDrafter": "sampling.drafter",
    "Posterior": "sampling.posterior",
    "Potential": "sampling.potential",
    "Predicate": "sampling.predicate",
    "Proposed": "sampling.proposal",
    "Receipt": "backends.generation",
    "Regex": "grammar.regex",
    "RemoteGenerator": "backends.remote",
    "Strings": "automata.counting",
    "StructuralTag": "grammar.structural_tag",
    "TextPotential": "sampling.potential",
    "TokenAutomaton": "automata.automaton",
    "Vocabulary": "automata.vocabulary",
    "apply_masks": "backends.logit_mask",
    "captures": "backends.captures",
    "check": "automata.check",
    "compare": "automata.comparison",
    "compile": "automata.compile",
    "fill_masks": "automata.batch",
    "convert": "grammar.convert",
    "examples": "sampling.examples",
    "json": "grammar.combinators",
    "lint": "automata.lint",
    "lit": "grammar.combinators",
    "load": "backends.load",
    "near_misses": "sampling.examples",
    "optional": "grammar.combinators",
    "permutation": "grammar.combinators",
    "read_grammar": "grammar.dialect",
    "reasoning": "grammar.reasoning",
    "ref": "grammar.combinators",
    "regex": "grammar.combinators",
    "special": "grammar.combinators",
    "substring": "grammar.combinators",
    "tools": "grammar.tools",
    "until": "grammar.combinators",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
