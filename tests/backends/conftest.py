"""A small tokenizer and small random models, made in memory."""

import pytest
from oracles.small_tokenizers import train_byte_level

TEXT = [
    '{"name": "Ada Lovelace", "age": 36, "tags": ["a", "b"]}',
    "The answer is below. Is it true or false? Say yes or no: null",
    "Zoë counts 1234567890 stars, naïve and cheerful.",
]
TEMPLATE = (
    "{% for m in messages %}<|user|>{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|user|>assistant:{% endif %}"
)


def byte_level_tokenizer(vocab_size=360):
    """Byte-level BPE: <s> in front of a text, </s> at its end by no means, <|user|> special."""
    transformers = pytest.importorskip("transformers", reason="install syntagma[models]")
    from tokenizers import processors

    tok = train_byte_level(TEXT * 3, vocab_size, ["<s>", "</s>", "<|user|>"])
    tok.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tok, bos_token="<s>", eos_token="</s>")


def small_llama(tokenizer, **options):
    """A random two-layer Llama whose logits are wider than the tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer) + 5,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,
        eos_token_id=1,
        **options,
    )
    return LlamaForCausalLM(config)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Small matrices: more threads only wait for each other."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer():
    tok = byte_level_tokenizer()
    tok.chat_template = TEMPLATE
    return tok


@pytest.fixture(scope="session")
def llama(tokenizer):
    from syntagma.backends.transformers import TransformersModel

    return TransformersModel(small_llama(tokenizer), tokenizer)
