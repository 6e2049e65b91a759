"""A random two-layer Llama with a byte-level BPE tokenizer, as a folder that every serving stack loads."""

from __future__ import annotations

import json
import random
from pathlib import Path

from oracles.small_tokenizers import train_byte_level

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = [
    "<s>",
    "</s>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
]


def corpus(seed: int = 0) -> list[str]:
    """JSON texts and sentences of made-up words."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("etaoinshrdlucmfwypvbgkjqxz", k=rng.randint(2, 9))) for _ in range(3000)]
    lines = []
    for _ in range(3000):
        some = rng.choices(words, k=8)
        lines.append(" ".join(some))
        lines.append(
            json.dumps({some[0]: some[1], some[2]: [rng.randint(0, 9999), True, None], some[3]: {some[4]: 1.5}})
        )
    return lines


def make_tokenizer(vocab_size: int = 4096):
    """Byte-level BPE with a chat template."""
    from transformers import PreTrainedTokenizerFast

    tok = train_byte_level(corpus(), vocab_size, SPECIAL)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tok, bos_token="<s>", eos_token="</s>", pad_token="</s>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_model(folder: Path, vocab_size: int = 4096) -> Path:
    """Write tokenizer and weights to a folder; logits are wider than the tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer(vocab_size)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocab_size + 64,
        hidden_size=128,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=64,
        max_position_embeddings=2048,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.1,
    )
    folder.mkdir(parents=True, exist_ok=True)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
