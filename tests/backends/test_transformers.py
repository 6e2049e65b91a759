"""Transformers models: rows do not depend on the batch, caches are forked, misfits raise."""

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="install syntagma[models]")
transformers = pytest.importorskip("transformers", reason="install syntagma[models]")

from syntagma.automata.vocabulary import Vocabulary  # noqa: E402
from syntagma.backends.transformers import TransformersModel  # noqa: E402
from syntagma.errors import BackendError, BackendMismatch, BackendMissing, PromptTooLong  # noqa: E402
from syntagma.sampling import Prefix  # noqa: E402
from syntagma.sampling.laws import check_model  # noqa: E402

PROMPTS = [[0, 40, 41, 42, 43], [0, 99], [7], [0, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60]]
SMALL = {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 48}


def models(width):
    common = {"vocab_size": width, "bos_token_id": 0, "eos_token_id": 1}
    yield transformers.LlamaConfig(**SMALL, **common, num_key_value_heads=2)
    yield transformers.GPT2Config(**common, n_embd=32, n_head=4, n_layer=2)
    yield transformers.MistralConfig(**SMALL, **common, num_key_value_heads=2, sliding_window=4)
    yield transformers.GPTNeoXConfig(**SMALL, **common)
    yield transformers.BloomConfig(**common, hidden_size=32, n_head=4, n_layer=2)
    yield transformers.OPTConfig(
        vocab_size=width, hidden_size=32, num_attention_heads=4, num_hidden_layers=2, ffn_dim=48, word_embed_proj_dim=32
    )
    yield transformers.MambaConfig(**common, hidden_size=32, num_hidden_layers=2, state_size=4)


@pytest.mark.parametrize("config", list(models(370)), ids=lambda config: config.model_type)
def test_models_keep_the_laws(tokenizer, config):
    keeps_the_laws(transformers.AutoModelForCausalLM.from_config(config), tokenizer)


def test_eager_attention_keeps_the_laws(tokenizer):
    config = next(models(370))
    keeps_the_laws(transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager"), tokenizer)


def keeps_the_laws(net, tokenizer):
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in net.parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.3)
    check_model(TransformersModel(net, tokenizer), PROMPTS, steps=3, tolerance=5e-4)


def test_rows_are_those_of_the_model(llama):
    (row,) = llama.logp_next([Prefix(PROMPTS[0])])
    with torch.no_grad():
        logits = llama.model(torch.tensor([PROMPTS[0]])).logits[0, -1, : llama.vocabulary.size]
    assert row.dtype == np.float32
    assert np.allclose(row[: llama.vocabulary.size], torch.log_softmax(logits, -1).numpy(), atol=1e-4)
    assert (row[llama.vocabulary.size :] == -np.inf).all()


def tokens_read(model, monkeypatch):
    """The numbers of tokens that calls of the network read from now on."""
    read = []
    forward = model.model.forward

    def counted(*args, **options):
        read.append(tuple(options["input_ids"].shape))
        return forward(*args, **options)

    monkeypatch.setattr(model.model, "forward", counted)
    return read


def test_tokens_are_read_once(tokenizer, llama, monkeypatch):
    model = TransformersModel(llama.model, tokenizer)
    read = tokens_read(model, monkeypatch)
    prefixes = [Prefix(p) for p in PROMPTS]
    model.logp_next(prefixes)
    for t in (5, 6):
        prefixes = [p.extend(t) for p in prefixes]
        model.logp_next(prefixes)
    prefixes = [prefixes[3].extend(8), prefixes[0].extend(9), prefixes[3].extend(7)]  # one has ended, one is forked
    rows = model.logp_next(prefixes)
    assert read == [(4, 12), (4, 1), (4, 1), (3, 1)]
    fresh = model.logp_next([Prefix(p.tokens) for p in prefixes])
    assert np.allclose(rows[:, : model.vocabulary.size], fresh[:, : model.vocabulary.size], atol=1e-4)


def test_a_fork_does_not_see_its_twin(llama):
    trunk = Prefix(PROMPTS[0])
    llama.logp_next([trunk])
    left, right = trunk.extend(5), trunk.extend(6)
    llama.logp_next([left])
    llama.logp_next([left.extend(5)])
    (row,) = llama.logp_next([right])
    (fresh,) = llama.logp_next([Prefix(right.tokens)])
    assert np.allclose(row[:300], fresh[:300], atol=1e-4)


def test_another_models_cache_is_not_used(tokenizer, llama):
    prefix = Prefix(PROMPTS[0])
    llama.logp_next([prefix])
    twin = TransformersModel(llama.model, tokenizer)
    assert np.allclose(twin.logp_next([prefix])[0, :300], llama.logp_next([Prefix(PROMPTS[0])])[0, :300], atol=1e-4)


def test_prefixes_are_read_anew_where_caches_cannot_be_kept(tokenizer, llama, monkeypatch):
    monkeypatch.setattr("syntagma.backends.transformers._has_layered_cache", lambda: False)
    model = TransformersModel(llama.model, tokenizer)
    check_model(model, PROMPTS, steps=2, tolerance=5e-4)
    prefixes = [Prefix([5, 6]), Prefix([7, 8]), Prefix([9])]
    read = tokens_read(model, monkeypatch)
    model.logp_next(prefixes)
    model.logp_next([p.extend(4) for p in prefixes])
    assert read == [(2, 2), (1, 1), (2, 3), (1, 2)]
    assert all(p.cache is None for p in prefixes)


def test_double_precision_is_kept(tokenizer, llama):
    import copy

    model = TransformersModel(copy.deepcopy(llama.model).double(), tokenizer)
    check_model(model, PROMPTS, steps=2, tolerance=1e-10)
    assert model.logp_next([Prefix([0])]).dtype == np.float64


def test_prompts(tokenizer, llama):
    assert llama.encode("yes")[0] == tokenizer.bos_token_id
    assert llama.encode("") == [tokenizer.bos_token_id]
    ids = llama.encode_chat([{"role": "user", "content": "yes"}])
    assert tokenizer.decode(ids) == "<|user|>user: yes\n<|user|>assistant:"
    assert ids.count(tokenizer.get_vocab()["<|user|>"]) == 2


def test_an_end_token_behind_a_prompt_is_dropped(llama, monkeypatch):
    ids = llama.encode("yes")
    tokenizer = llama.tokenizer

    class Closing:
        bos_token_id = None

        def __call__(self, text, add_special_tokens=True):
            plain = tokenizer(text, add_special_tokens=False)["input_ids"]
            return {"input_ids": [*plain, 1] if add_special_tokens else plain}

    monkeypatch.setattr(llama, "tokenizer", Closing())
    assert llama.encode("yes") == ids[1:]
    assert llama.encode("") == [1]


def test_eos_ids_come_from_everywhere(tokenizer, llama):
    import copy

    net = copy.copy(llama.model)
    net.generation_config = transformers.GenerationConfig(eos_token_id=[1, 2, 9999])
    assert TransformersModel(net, tokenizer).vocabulary.eos_ids == (1, 2)


def test_misfits_raise(tokenizer, llama):
    with pytest.raises(BackendMismatch, match="ids up to"):
        TransformersModel(next_model(100), tokenizer)
    with pytest.raises(BackendMismatch, match=r"logits have 364 columns, the vocabulary 359"):
        TransformersModel(llama.model, tokenizer, vocabulary=Vocabulary.from_tokenizer(tokenizer))
    with pytest.raises(BackendError, match="at least one token"):
        llama.logp_next([Prefix()])
    with pytest.raises(PromptTooLong, match=r"300 tokens .* 44 over the model's context of 256"):
        llama.logp_next([Prefix([5] * 300)])


def next_model(width):
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=width, num_key_value_heads=2, **SMALL))


def test_chats_need_a_template(tokenizer, llama, monkeypatch):
    monkeypatch.setattr(tokenizer, "chat_template", "{{ raise_exception('roles must alternate') }}")
    with pytest.raises(BackendError, match="roles must alternate"):
        llama.encode_chat([{"role": "user", "content": "a"}])
    monkeypatch.setattr(tokenizer, "chat_template", None)
    with pytest.raises(BackendError, match="no chat template"):
        llama.encode_chat([{"role": "user", "content": "a"}])


def test_a_missing_library_is_named(tokenizer, llama, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BackendMissing, match=r"needs torch.*syntagma\[models\]"):
        TransformersModel(llama.model, tokenizer)
