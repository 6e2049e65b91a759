"""Logits processor for `generate` of transformers.

What a row may hold next is looked up by the row's own tokens, not by its place in the batch: beam search reorders rows,
assisted decoding comes back to earlier ones, and `num_return_sequences` repeats them. States are integers, so all rows
share one automaton, and a row that is one token longer than a known one takes a single step.

A row that has ended, or has left the language (a draft about to be rejected, a beam of no probability), may only end.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendMismatch, DeadEnd
from ..sampling.constraint import text_of
from .logit_mask import apply_masks

if TYPE_CHECKING:
    import torch

    from ..automata.automaton import TokenAutomaton

_REMEMBERED = 1024  # states of histories; those of the last steps are enough


class LogitsProcessor:
    """Masks the scores of every row by what the automaton lets follow.

    Pass it in `model.generate(..., logits_processor=[LogitsProcessor(automaton)])`, with any decoding: greedy,
    sampling, beams, assisted. The text begins behind the prompt, that is behind the tokens of the first call; a call
    that does not go on from there begins another generation, so one processor serves one `generate` after the other.

    Parameters
    ----------
    automaton : what the texts obey. Its end ids must be ids at which `generate` stops.

    Raises (in a call)
    ------------------
    BackendMismatch : the scores have fewer columns than the vocabulary.
    DeadEnd : guards refused every token that could follow.
    """

    #: Continuous batching hands over neither rows nor histories.
    supports_continuous_batching = False

    def __init__(self, automaton: TokenAutomaton) -> None:
        self.automaton = automaton
        self._run = automaton.run()  # ends with this object
        self._run.__enter__()
        self._states: OrderedDict[bytes, int] = OrderedDict()
        self._prompts: frozenset[bytes] = frozenset()
        self._start = 0
        self._longest = -1
        self._ending = np.full(automaton.mask_width, 0 if automaton.end_ids else -1, np.int32)
        for t in automaton.end_ids:
            self._ending.view(np.uint32)[t >> 5] |= np.uint32(1 << (t & 31))

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.Tensor:
        """The scores, -inf where a token may not follow.

        Parameters
        ----------
        input_ids : (rows, tokens) integers: the prompt and what was generated.
        scores : (rows, columns) of any float dtype; logits or log-probabilities, on any device.
        """
        width = self.automaton.vocabulary.width
        if scores.shape[-1] < width:
            raise BackendMismatch(f"The scores have {scores.shape[-1]} columns, the vocabulary has {width}.")
        masked = scores.detach().clone()  # `generate` may hand out the scores as they were
        apply_masks(masked, self.masks(input_ids.cpu().numpy()))
        return masked

    def masks(self, input_ids: NDArray[Any]) -> NDArray[np.int32]:
        """The masks of (rows, tokens) integers, (rows, mask_width) int32."""
        ids = np.ascontiguousarray(input_ids, np.int32)
        self._find_start(ids)
        out = np.empty((len(ids), self.automaton.mask_width), np.int32)
        for tokens, row in zip(ids[:, self._start :], out, strict=True):
            state = self._state(tokens)
            if state in (0, self.automaton.finished):
                row[:] = self._ending
                continue
            self.automaton.fill_mask(state, row)
            if not row.any():
                text = text_of(self.automaton.vocabulary, tokens.tolist())
                raise DeadEnd(text, "Guards refuse every token that the mask allows.")
        return out

    def accepts(self, sequences: torch.LongTensor) -> list[bool]:
        """Which of the sequences that `generate` returned are complete texts, rather than cut off."""
        ids = np.ascontiguousarray(sequences.cpu().numpy(), np.int32)
        return [self._is_complete(tokens) for tokens in ids[:, self._start :]]

    def _is_complete(self, tokens: NDArray[np.int32]) -> bool:
        state = self.automaton.start
        for t in tokens:
            if (state := self._advance(state, t)) in (0, self.automaton.finished):
                return state != 0
        return not self.automaton.end_ids and self.automaton.accepts(state)

    def _find_start(self, ids: NDArray[np.int32]) -> None:
        """See where the prompt ends: where it did before, unless these rows do not go on from earlier ones."""
        length = ids.shape[1]
        goes_on = self._start <= length <= self._longest + 1
        if not (goes_on and self._prompts.issuperset(row[: self._start].tobytes() for row in ids)):
            self._states.clear()
            self._start, self._longest = length, length
            self._prompts = frozenset(row.tobytes() for row in ids)
        self._longest = max(self._longest, length)

    def _state(self, tokens: NDArray[np.int32]) -> int:
        """The state behind the tokens: one step from their known beginning, else step by step."""
        key = tokens.tobytes()
        if (known := self._states.get(key)) is not None:
            return known
        state, fresh = self._states.get(key[:-4]), tokens[-1:]
        if state is None:
            state, fresh = self.automaton.start, tokens
        for t in fresh:
            state = self._advance(state, t)
        self._states[key] = state
        if len(self._states) > _REMEMBERED:
            self._states.popitem(last=False)
        return state

    def _advance(self, state: int, token: np.int32) -> int:
        """The state after a token, which may be anything; 0 stays 0."""
        return self.automaton.advance(state, int(token)) if 0 <= token < self.automaton.vocabulary.width else 0
