"""The embedded model as a GGUF file, in float32: the same network and tokens for llama.cpp.

llama.cpp rotates neighbouring pairs of a head's columns, transformers its halves, so queries and keys are reordered.
Its tokenizer splits texts otherwise than ours ("gpt-2" is the nearest that it knows), so only token ids compare.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(weights: Path, path: Path) -> Path:
    """Write what is in the folder `weights` to a GGUF file."""
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((weights / "config.json").read_text("utf-8"))
    writer = gguf.GGUFWriter(path, "llama")
    _write_sizes(writer, config)
    _write_tokenizer(writer, weights, config)
    for name, tensor in load_file(weights / "model.safetensors").items():
        writer.add_tensor(*_tensor(name.removeprefix("model."), tensor.astype(np.float32), config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_sizes(writer, config) -> None:
    heads = config["num_attention_heads"]
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


def _write_tokenizer(writer, weights: Path, config) -> None:
    import gguf

    data = json.loads((weights / "tokenizer.json").read_text("utf-8"))
    special = {row["id"] for row in data["added_tokens"] if row["special"]}
    pieces = data["model"]["vocab"] | {row["content"]: row["id"] for row in data["added_tokens"]}
    kinds = gguf.TokenType
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(sorted(pieces, key=pieces.__getitem__))
    writer.add_token_types([kinds.CONTROL if t in special else kinds.NORMAL for t in range(len(pieces))])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in data["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(True)
    writer.add_chat_template(json.loads((weights / "tokenizer_config.json").read_text("utf-8"))["chat_template"])


def _tensor(name: str, tensor, config):
    """A tensor under llama.cpp's name; queries and keys with their columns reordered."""
    if name in ("embed_tokens.weight", "norm.weight"):
        return {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}[name], tensor
    _, layer, *inner, kind = name.split(".")
    inner = ".".join(inner)
    if inner in ("self_attn.q_proj", "self_attn.k_proj"):
        heads = config["num_attention_heads" if inner.endswith("q_proj") else "num_key_value_heads"]
        halves = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, tensor.shape[1])
        tensor = np.ascontiguousarray(halves.swapaxes(1, 2).reshape(tensor.shape))
    return f"blk.{layer}.{_NAMES[inner]}.{kind}", tensor
