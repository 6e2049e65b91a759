"""Samplers inside `generate` of transformers: `model.generate(..., custom_generate=sampled(automaton, SMC(8)))`.

`generate` prepares its inputs as ever and hands them over; tokens then come from a sampler of this library, so that
AWRS, SMC and their kin, with their weights, are at hand where `generate` is called already. `generate`'s own processors
and stopping criteria are not asked: the sampler's law is its own, so options that would change it are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import BackendError
from ..sampling.decode import Sample, Sampler
from .transformers import TransformersModel

if TYPE_CHECKING:
    import torch

    from ..automata.automaton import TokenAutomaton

#: Options of `generate` that change the law of the tokens, and what they are where they change nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "num_beams": (None, 1),
    "repetition_penalty": (None, 1.0),
    "no_repeat_ngram_size": (None, 0),
    "guidance_scale": (None, 1.0),
    "bad_words_ids": (None,),
    "force_words_ids": (None,),
    "sequence_bias": (None,),
    "forced_bos_token_id": (None,),
    "forced_eos_token_id": (None,),
}


class sampled:
    """A `custom_generate` that draws texts of an automaton by a sampler.

    Parameters
    ----------
    automaton : what the texts obey; its vocabulary is as wide as the model's logits.
    sampler : temperature and truncation are its own.
    seed : makes a call repeatable; else the sampler's own.

    `samples` holds the last call's samples, with ledgers and weights, in the order of the rows.

    Raises (in a call)
    ------------------
    BackendError : an option of `generate` asks for another law.
    SamplingError : no text fits into `max_new_tokens`; or a dead end.
    """

    def __init__(self, automaton: TokenAutomaton, sampler: Sampler, *, seed: int | None = None) -> None:
        self.automaton = automaton
        self.sampler = sampler
        self.seed = seed
        self.samples: list[Sample] = []

    def __call__(self, model: Any, input_ids: torch.Tensor, *, generation_config: Any, **prepared: Any) -> torch.Tensor:
        """The rows of `input_ids` with what was drawn behind them, (rows, tokens), padded on the right."""
        for name, neutral in _NEUTRAL.items():
            if getattr(generation_config, name, None) not in neutral:
                raise BackendError(f"generate's `{name}` changes the law of the tokens; leave it out.")
        own = TransformersModel(model, None, vocabulary=self.automaton.vocabulary)
        prompts = _unpadded(input_ids, prepared.get("attention_mask"))
        budget = generation_config.max_length - input_ids.shape[1]
        for samples in self.sampler.steps(own, self.automaton, prompts, budget, seed=self.seed):
            self.samples = list(samples)
        for sample in self.samples:
            if sample.dead is not None:
                raise sample.dead
        return _padded(input_ids, [sample.tokens for sample in self.samples], generation_config.pad_token_id)


def _unpadded(input_ids: torch.Tensor, attention_mask: Any) -> list[list[int]]:
    """The rows' tokens without padding."""
    if attention_mask is None:
        return [list(map(int, row)) for row in input_ids.tolist()]
    rows = zip(input_ids.tolist(), attention_mask.tolist(), strict=True)
    return [[int(t) for t, is_there in zip(row, mask, strict=True) if is_there] for row, mask in rows]


def _padded(input_ids: torch.Tensor, drawn: Sequence[Sequence[int]], pad: int | None) -> torch.Tensor:
    """The rows with the tokens drawn behind them."""
    import torch

    width = max(map(len, drawn), default=0)
    more = input_ids.new_full((len(drawn), width), pad or 0)
    for row, tokens in zip(more, drawn, strict=True):
        row[: len(tokens)] = torch.tensor(tokens, dtype=input_ids.dtype)
    return torch.cat([input_ids, more], dim=1)
