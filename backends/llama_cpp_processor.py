"""Logits processor for `Llama` of llama-cpp-python.

llama-cpp-python calls processors through ctypes, which prints what they raise and goes on: an error would leave the
next token unconstrained. So a processor that fails lets the text do nothing but end, and keeps its error for `check`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendError, BackendMismatch, DeadEnd
from ..sampling.constraint import text_of

if TYPE_CHECKING:
    from ..automata.automaton import TokenAutomaton


class LlamaCppLogitsProcessor:
    """Masks the scores of one generation by what the automaton lets follow.

    Pass a new one in every call, `logits_processor=LogitsProcessorList([processor])`, and call `check` behind it. The
    text begins behind the prompt, that is behind the ids of the first call.

    Parameters
    ----------
    automaton : what the text obeys, over `llama_vocabulary(llama)`.

    Raises
    ------
    BackendError : the automaton has no end ids, so the text could not end.
    """

    def __init__(self, automaton: TokenAutomaton) -> None:
        if not automaton.end_ids:
            raise BackendError("The vocabulary has no token that ends a text. Compile with stop_ids=[...].")
        self.automaton = automaton
        #: What went wrong; the text is then incomplete.
        self.error: Exception | None = None
        self._matcher = automaton.matcher()
        self._ids: NDArray[np.int32] | None = None
        self._n_prompt = 0
        self._row = np.empty(automaton.mask_width, np.int32)

    def __call__(self, input_ids: NDArray[np.intc], scores: NDArray[np.single]) -> NDArray[np.single]:
        """The scores, -inf where a token may not follow.

        Parameters
        ----------
        input_ids : (n,) the prompt and what was generated.
        scores : (width,) the logits of the next token.
        """
        allowed = np.zeros(len(scores), np.bool_)
        try:
            allowed[:] = self._allowed(input_ids, len(scores))
        except Exception as error:  # whatever it is, ctypes would drop it and sample without a mask
            self.error = self.error or error
            allowed[[t for t in self.automaton.end_ids if t < len(scores)]] = True
        return np.where(allowed, scores, np.float32(-np.inf))

    def check(self) -> None:
        """Raise what went wrong.

        Raises
        ------
        DeadEnd : guards refused every token that could follow.
        BackendMismatch : the scores are not those of the automaton's vocabulary.
        BackendError : the ids did not grow by one allowed token at a time: the processor was used again, there is a
            draft model, or another processor let a token through; or it was never asked.
        BudgetExceeded : the automaton grew beyond its limits.
        """
        if self.error is not None:
            raise self.error
        if self._ids is None:
            raise BackendError("The processor was not asked: llama-cpp-python drops it where `logit_bias` is given.")

    def _allowed(self, ids: NDArray[np.intc], width: int) -> NDArray[np.bool_]:
        if self.error is not None:
            raise self.error
        if width != (expected := self.automaton.vocabulary.width):
            raise BackendMismatch(f"The scores have {width} columns, the vocabulary has {expected}.")
        self._follow(ids)
        self._matcher.fill_mask(self._row)
        if not self._row.any():
            text = text_of(self.automaton.vocabulary, ids[self._n_prompt :].tolist())
            raise DeadEnd(text, "Guards refuse every token that the mask allows.")
        return np.unpackbits(self._row.view(np.uint8), count=width, bitorder="little").view(np.bool_)

    def _follow(self, ids: NDArray[np.intc]) -> None:
        """Take the token behind the ids of the last call."""
        known, self._ids = self._ids, np.array(ids, np.int32)
        if known is None:
            self._n_prompt = len(ids)
        elif len(ids) != len(known) + 1 or not np.array_equal(ids[:-1], known):
            raise BackendError(
                f"Expected the {len(known)} ids of the last call and one more, got {len(ids)}. A processor is for one "
                "generation, and not for a `draft_model`."
            )
        elif not self._matcher.accept(int(ids[-1])):
            raise BackendError(f"Token {ids[-1]} was masked and came all the same. Is there another logits processor?")
