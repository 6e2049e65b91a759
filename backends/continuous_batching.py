"""Continuous batching of transformers: a processor that masks every request by an automaton of its own.

transformers asks its processors twice a step: before the forward pass for one int32 a request, with the requests at
hand, and behind it for the scores, with those numbers only. Ours are places in the list of states that the first call
has made; 0 is a row of no request, such as padding, and stays as it is.

So the tokens of a request must all be known before the next pass begins, and Python must run in every step: batches
that overlap (`use_async_batching`), captured graphs (`use_cuda_graph`) and compiled steps are refused.

A request whose automaton has no token left, or no budget, may only end; `SharedAutomaton.accepts` then says False.

Source: transformers 5.23, generation/continuous_batching.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import BackendError, BackendMismatch, SyntagmaError
from .logit_mask import apply_masks

try:
    from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor
except ImportError as error:
    raise BackendError("Continuous batching needs transformers 5.23 or later; pip install -U transformers.") from error

if TYPE_CHECKING:
    from ..automata.automaton import TokenAutomaton

_REMEMBERED = 4096  # requests whose states are known; others are walked anew


class SharedAutomaton:
    """An automaton as an option of a request: copies of the request share it.

    Parameters
    ----------
    automaton : what the request's text obeys. Its end ids must be ids at which the request stops.
    """

    def __init__(self, automaton: TokenAutomaton) -> None:
        self.automaton = automaton
        self._run = automaton.run()  # ends with this object
        self._run.__enter__()
        self.ending = np.full(automaton.mask_width, 0 if automaton.end_ids else -1, np.int32)
        for t in automaton.end_ids:
            self.ending.view(np.uint32)[t >> 5] |= np.uint32(1 << (t & 31))

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedAutomaton:
        return self

    def walk(self, tokens: Sequence[int], state: int | None = None) -> int:
        """The state behind the tokens; 0 where they leave the language."""
        at = self.automaton.start if state is None else state
        for token in tokens:
            at = self.automaton.advance(at, token)
        return at

    def accepts(self, tokens: Sequence[int]) -> bool:
        """Whether tokens that a request has generated are a complete text, rather than cut off."""
        state = self.walk(tokens)
        return state == self.automaton.finished or (not self.automaton.end_ids and self.automaton.accepts(state))

    def mask(self, state: int) -> NDArray[np.int32]:
        """The tokens that may follow, (mask_width,) int32; those that end the text where none may."""
        row = np.zeros(self.automaton.mask_width, np.int32)
        if state not in (0, self.automaton.finished):
            try:
                self.automaton.fill_mask(state, row)
            except SyntagmaError:  # one request's budget is not to end the others
                row[:] = 0
        return row if row.any() else self.ending


class ContinuousProcessor(ContinuousBatchingLogitsProcessor):
    """Masks requests that are added with `constraint=SharedAutomaton(automaton)`, and those without by the default.

    Parameters
    ----------
    default : of requests that name none; `None`: their text is free.

    Raises (in a step)
    ------------------
    BackendMismatch : the scores have fewer columns than an automaton's vocabulary; it ends all requests.
    """

    def __init__(self, default: TokenAutomaton | None = None) -> None:
        self.supported_kwargs = {"constraint": SharedAutomaton}
        self.ignored_kwargs = ()
        self.default = None if default is None else SharedAutomaton(default)
        self._known: OrderedDict[tuple[str, float], tuple[int, int]] = OrderedDict()
        self._standing: list[tuple[SharedAutomaton, int]] = []

    def attach(self, manager: Any) -> ContinuousProcessor:
        """Become the first processor of a manager that has not been started; returns itself.

        Raises
        ------
        BackendError : the manager has begun, or its steps leave no room for Python.
        """
        config = manager.continuous_batching_config
        if manager.batch_processor is not None:
            raise BackendError("The manager has begun already. Attach the processor before start() and warmup().")
        compiled = config.varlen_compile_config is not None or config.decode_compile_config is not None
        if config.use_async_batching or any(np.atleast_1d(config.use_cuda_graph or False)) or compiled:
            raise BackendError(
                "Masks are made between the steps, which overlapping, captured and compiled steps leave no room for. "
                "Set use_async_batching=False, use_cuda_graph=False and no compile config in ContinuousBatchingConfig."
            )
        processors = manager.logit_processor
        processors.logits_processor.insert(0, self)  # before truncation, which is of the masked law
        processors.tensors_required += 1
        processors.do_processing = True
        processors._retrieve_processors_kwargs()
        return self

    def fill_defaults(self, int32_tensor: torch.Tensor) -> None:
        """Rows of no request, in place."""
        int32_tensor.fill_(0)

    def prepare_tensor_args(self, requests_with_new_token: Sequence[Any]) -> torch.Tensor:
        """The places of the requests' states, (n,) int32."""
        self._standing = []
        return torch.tensor([self._place(request.state) for request in requests_with_new_token], dtype=torch.int32)

    def __call__(self, scores: torch.Tensor, tensor_arg: torch.Tensor) -> torch.Tensor:
        """The scores, (n, columns), masked in place.

        Parameters
        ----------
        tensor_arg : at least n int32, as `prepare_tensor_args` gave them.
        """
        places = tensor_arg[: len(scores)].tolist()
        for shared in {id(shared): shared for shared, _ in self._standing}.values():
            if scores.shape[-1] < (width := shared.automaton.vocabulary.width):
                raise BackendMismatch(f"The scores have {scores.shape[-1]} columns, the vocabulary has {width}.")
            rows = [i for i, place in enumerate(places) if place and self._standing[place - 1][0] is shared]
            masks = np.zeros((len(scores), shared.automaton.mask_width), np.int32)
            for i in rows:
                masks[i] = shared.mask(self._standing[places[i] - 1][1])
            apply_masks(scores, masks, rows)
        return scores

    def _place(self, request: Any) -> int:
        """Note where a request stands; 0: it has no constraint."""
        shared: SharedAutomaton | None = request.logit_processor_kwargs.get("constraint", self.default)
        if shared is None:
            return 0
        tokens = request.generated_tokens
        if request._true_initial_tokens:  # it was begun anew, and what was generated became part of its prompt
            tokens = request.initial_tokens[request._true_initial_tokens :] + tokens
        key = request.request_id, request.created_time
        n, state = self._known.pop(key, (0, shared.automaton.start))
        try:
            state = shared.walk(tokens[n:], state)
        except SyntagmaError:
            state = 0
        self._known[key] = len(tokens), state
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        self._standing.append((shared, state))
        return len(self._standing)
