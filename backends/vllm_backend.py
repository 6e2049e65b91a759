"""Structured-output backend of vLLM: fills bit masks, one automaton a constraint and one matcher a request.

The classes have the methods of vLLM's `StructuredOutputBackend` and `StructuredOutputGrammar` (0.32, 0.33) and import
nothing of it; `backends/vllm.py` puts them in place. What vLLM wants and a matcher does otherwise:

    a request is terminated   only behind its stop token; tokens behind that are accepted and mean nothing
    an empty mask             would make the sampler draw from nothing, so a dead end offers the stop ids, and refuses
                              them: the request ends in error, and the engine goes on
    a budget that is spent    while masks are made is a dead end, too: nothing is raised inside the engine
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendError, GrammarError, SyntagmaError
from .automaton_cache import AutomatonCache
from .constraint_spec import KINDS, ConstraintSpec, Kind

if TYPE_CHECKING:
    import torch

    from ..automata.automaton import TokenAutomaton
    from ..automata.matcher import Matcher

logger = logging.getLogger(__name__)


@lru_cache(maxsize=4)
def cache_for(tokenizer: Any, width: int) -> AutomatonCache:
    """The process's cache for a tokenizer and a width of logits; its settings are environment variables.

    Raises
    ------
    VocabularyError : the tokenizer cannot be used.
    """
    from ..automata import Limits, Vocabulary

    limits = Limits(seconds=float(os.environ.get("SYNTAGMA_COMPILE_SECONDS", "10")))
    return AutomatonCache(Vocabulary.from_tokenizer(tokenizer, width), limits)


def spec_of(params: Any, config: Any) -> ConstraintSpec:
    """The constraint of a request.

    Parameters
    ----------
    params : vLLM's `StructuredOutputsParams`; exactly one constraint is set.
    config : vLLM's `StructuredOutputsConfig`.

    Raises
    ------
    GrammarError : `json_object` is false.
    """
    import json

    kind = next(kind for kind in KINDS if getattr(params, kind) is not None)
    value = getattr(params, kind)
    if kind == "json_object" and not value:
        raise GrammarError("Expected json_object to be true; leave it out for text without a constraint")
    text = "" if kind == "json_object" else value if isinstance(value, str) else json.dumps(value)
    compact = params.disable_any_whitespace or config.disable_any_whitespace
    whitespace = "compact" if compact else params.whitespace_pattern
    return ConstraintSpec(kind, text, whitespace, _profile())


def _profile() -> Literal["generation", "spec"]:
    profile = os.environ.get("SYNTAGMA_PROFILE", "generation")
    if profile not in ("generation", "spec"):
        raise BackendError(f"Expected SYNTAGMA_PROFILE to be generation or spec, got {profile!r}.")
    return cast(Literal["generation", "spec"], profile)


class SyntagmaBackend:
    """One per engine.

    Parameters
    ----------
    vllm_config : vLLM's configuration.
    tokenizer : the model's tokenizer.
    vocab_size : the width of the model's logits.
    """

    def __init__(self, vllm_config: Any, tokenizer: Any, vocab_size: int) -> None:
        self.vllm_config = vllm_config
        self.tokenizer = tokenizer
        self.vocab_size = vocab_size
        self.cache = cache_for(tokenizer, vocab_size)
        #: Told of every dead end.
        self.on_dead_end: Callable[[], object] = _nothing

    def compile_request(self, sampling_params: Any) -> SyntagmaGrammar:
        """The grammar of a request, with its own options."""
        spec = spec_of(sampling_params.structured_outputs, self.vllm_config.structured_outputs_config)
        return self._grammar(spec, sampling_params.all_stop_token_ids)

    def compile_grammar(
        self, request_type: Any, grammar_spec: str, stop_token_ids: Iterable[int] | None = None
    ) -> SyntagmaGrammar:
        """The grammar of a constraint in the terms of vLLM's interface.

        Parameters
        ----------
        request_type : a member of vLLM's `StructuredOutputOptions`.
        """
        compact = self.vllm_config.structured_outputs_config.disable_any_whitespace
        kind = cast(Kind, request_type.name.lower())
        spec = ConstraintSpec(kind, grammar_spec, "compact" if compact else None, _profile())
        return self._grammar(spec, stop_token_ids or ())

    def _grammar(self, spec: ConstraintSpec, stop_ids: Iterable[int]) -> SyntagmaGrammar:
        automaton = self.cache.automaton(spec, known_ids(stop_ids, self.vocab_size))
        return SyntagmaGrammar(automaton, self.on_dead_end)

    def allocate_token_bitmask(self, max_num_seqs: int) -> torch.Tensor:
        """Rows of ones, (max_num_seqs, ceil(vocab_size / 32)) int32."""
        import torch

        return torch.full((max_num_seqs, -(-self.vocab_size // 32)), -1, dtype=torch.int32)

    def destroy(self) -> None:
        """Say what was done; the cache goes with the process."""
        logger.info("syntagma: %s, %d automata held", self.cache.stats, len(self.cache))


def known_ids(ids: Iterable[int], width: int) -> list[int]:
    """The ids that the logits have."""
    return [t for t in ids if 0 <= t < width]


def _nothing() -> None:
    """Nobody wants to know."""


_last_rows: tuple[object, NDArray[np.int32]] = (None, np.zeros((0, 0), np.int32))


def rows_of(bitmask: torch.Tensor) -> NDArray[np.int32]:
    """The tensor's memory as an array; that of the last tensor is kept, as an engine has but one."""
    global _last_rows
    tensor, rows = _last_rows
    if tensor is not bitmask:
        rows = bitmask.numpy()
        _last_rows = (bitmask, rows)
    return rows


def fill_or_end(matcher: Matcher, row: NDArray[np.int32]) -> bool:
    """Write a matcher's mask to a row; where nothing may follow, the ids that end the text, which will be refused.

    Returns
    -------
    goes_on : False at a dead end.
    """
    reason: object = "guards refuse every token"
    try:
        matcher.fill_mask(row)
        if any(row[:3].tolist()) or row.any():  # single characters come first, and mostly one may follow
            return True
    except SyntagmaError as error:
        reason = error
        row[:] = 0
    logger.warning("A dead end after %d tokens: %s.", matcher.n_tokens, reason)
    for t in matcher.automaton.end_ids:
        row.view(np.uint32)[t >> 5] |= np.uint32(1 << (t & 31))
    return False


class SyntagmaGrammar:
    """Where one request stands."""

    def __init__(self, automaton: TokenAutomaton, on_dead_end: Callable[[], object] = _nothing) -> None:
        self.automaton = automaton
        self.matcher = automaton.matcher()
        self._on_dead_end = on_dead_end

    def accept_tokens(self, request_id: str, tokens: list[int]) -> bool:
        """Go on by tokens; False if one is not allowed."""
        matcher = self.matcher
        for t in tokens:
            if not (matcher.finished or self._accept(t)):
                logger.warning("Request %s: token %d is not allowed after %d", request_id, t, matcher.n_tokens)
                return False
        return True

    def _accept(self, token: int) -> bool:
        try:
            return self.matcher.accept(token)
        except SyntagmaError as error:
            logger.warning("After %d tokens: %s", self.matcher.n_tokens, error)
            return False

    def validate_tokens(self, tokens: list[int]) -> list[int]:
        """The longest beginning of `tokens` that may follow; goes nowhere."""
        n = 0
        while n < len(tokens) and not self.matcher.finished and self._accept(tokens[n]):
            n += 1
        self.matcher.rollback(n)
        return tokens[:n]

    def rollback(self, num_tokens: int) -> None:
        """Take back the last tokens."""
        self.matcher.rollback(num_tokens)

    def fill_bitmask(self, bitmask: torch.Tensor, batch_index: int) -> None:
        """Write the mask to a row of int32."""
        if not fill_or_end(self.matcher, rows_of(bitmask)[batch_index]):
            self._on_dead_end()

    def is_terminated(self) -> bool:
        """Whether the stop token was accepted."""
        return self.matcher.finished

    def reset(self) -> None:
        """Begin anew."""
        self.matcher = self.automaton.matcher()
