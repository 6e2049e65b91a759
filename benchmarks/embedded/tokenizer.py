"""The tokenizer: byte-level BPE that never joins a word with the space before it.

A word, a digit and a run of anything else are separate pieces, so a name has the same tokens in a sentence and in JSON,
and copying is copying tokens. All 256 bytes are tokens; digits stay single. The phrases that every shown schema repeats
(`":{"type":"string"`) are pieces of their own, which makes a prompt a fifth shorter; none holds a property's name.
"""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = ("<|bos|>", "<|end|>", "<|user|>", "<|assistant|>")
BOS, END, USER, ASSISTANT = range(4)
_TYPE = r'"type":"(?:string|integer|number|boolean|array|object)"'
PIECES = "|".join(
    (
        r"\nAnswer with JSON for this schema: ",
        r'\{(?:"type":"object",)?"properties":\{"',
        r'\}\},"required":\["',
        r'":\{' + _TYPE + r'(?:,"format":"date")?',
        r'":\{"format":"date","type":"string"',
        r'["}\]]{1,2},' + _TYPE,
        r"[\p{L}\p{M}]+",
        r"\p{N}",
        r"\n",
        r"[^\p{L}\p{M}\p{N}\n]+",
    )
)

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|assistant|>' if message['role'] == 'assistant' else '<|user|>' }}{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def train_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of `size` tokens; special tokens come first, then the bytes, then the merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


#: The arguments of `transformers.PreTrainedTokenizerFast` that go with tokenizer.json.
SETTINGS = {
    "bos_token": "<|bos|>",
    "eos_token": "<|end|>",
    "pad_token": "<|end|>",
    "chat_template": CHAT_TEMPLATE,
    "clean_up_tokenization_spaces": False,
    "model_max_length": 512,
}


def encode_example(tokenizer: Tokenizer, message: str, answer: str) -> tuple[list[int], int]:
    """The tokens of one exchange, and where the answer starts."""
    prompt = [BOS, USER, *tokenizer.encode(message, add_special_tokens=False).ids, END, ASSISTANT]
    return [*prompt, *tokenizer.encode(answer, add_special_tokens=False).ids, END], len(prompt)
