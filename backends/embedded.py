"""The embedded model: a small Llama and its tokenizer, part of the package.

Everything is read from `weights/` beside this file; nothing is downloaded and no cache is asked. Trained by
benchmarks/embedded/train.py; what it can do and how well is in weights/MODEL_CARD.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import BackendMissing

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

WEIGHTS = Path(__file__).parent / "weights"


def load_embedded() -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """The model (float32, CPU, evaluation mode) and its tokenizer, which has a chat template.

    Raises
    ------
    BackendMissing : torch, transformers or safetensors is not installed.
    """
    return _load_model(WEIGHTS), _load_tokenizer(WEIGHTS)


def _load_model(folder: Path) -> LlamaForCausalLM:
    try:
        import torch
        from safetensors.torch import load_file
        from transformers import LlamaConfig, LlamaForCausalLM
    except ImportError as error:
        raise BackendMissing(error.name or "transformers", "models") from error
    config = LlamaConfig(**json.loads((folder / "config.json").read_text("utf-8")))
    with torch.device("meta"):  # no random weights are drawn: `assign` puts the stored ones in place
        model: Any = LlamaForCausalLM(config)
    tensors = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    model.load_state_dict(tensors, assign=True)
    model.tie_weights()
    # the rotary table is no parameter: it is computed again, off the meta device
    model.model.rotary_emb = type(model.model.rotary_emb)(config=config)
    return cast("LlamaForCausalLM", model.eval())


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    try:
        from transformers import PreTrainedTokenizerFast
    except ImportError as error:
        raise BackendMissing(error.name or "transformers", "models") from error
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    make: Any = PreTrainedTokenizerFast
    return cast("PreTrainedTokenizerFast", make(tokenizer_file=str(folder / "tokenizer.json"), **settings))
