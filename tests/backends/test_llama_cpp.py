"""llama.cpp with the embedded model as a GGUF file: the law of transformers, samplers, and its own sampling masked.

Run by `make llama-test`, in an environment that has llama-cpp-python.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

llama_cpp = pytest.importorskip("llama_cpp", reason="install syntagma[llama-cpp], or run: make llama-test")
pytest.importorskip("gguf", reason="pip install gguf, or run: make llama-test")
pytest.importorskip("safetensors", reason="install syntagma[models]")

from llama_cpp.llama_speculative import LlamaPromptLookupDecoding  # noqa: E402
from oracles.gguf_model import write_gguf  # noqa: E402

import syntagma as sg  # noqa: E402
from syntagma.backends.embedded import WEIGHTS  # noqa: E402
from syntagma.backends.llama_cpp import LlamaCppModel, llama_vocabulary  # noqa: E402
from syntagma.backends.llama_cpp_processor import LlamaCppLogitsProcessor  # noqa: E402
from syntagma.sampling.laws import check_model  # noqa: E402
from syntagma.sampling.model import Prefix  # noqa: E402

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"],
}
PROMPT = [{"role": "user", "content": "Ada Lovelace is 36 years old and lives in London."}]
ADA = {"name": "Ada Lovelace", "age": 36, "city": "London"}
F32 = 0


@pytest.fixture(scope="module")
def gguf_path(tmp_path_factory):
    return write_gguf(WEIGHTS, tmp_path_factory.mktemp("gguf") / "model.gguf")


@pytest.fixture(scope="module")
def make_llama(gguf_path):
    def make(**options):
        exact = {"type_k": F32, "type_v": F32, "n_threads": 1, "n_threads_batch": 1, "verbose": False}
        return llama_cpp.Llama(str(gguf_path), **{"n_ctx": 512} | exact | options)

    return make


@pytest.fixture(scope="module")
def llama(make_llama):
    return make_llama()


@pytest.fixture(scope="module")
def model(llama):
    return LlamaCppModel(llama)


@pytest.fixture(scope="module")
def ids(model):
    return model.encode_chat(PROMPT)


@pytest.fixture(scope="module")
def reference():
    pytest.importorskip("transformers", reason="install syntagma[models]")
    return sg.load("embedded")


def test_files_are_loaded_by_their_name(gguf_path, tmp_path):
    model = sg.load(str(gguf_path), n_threads=1, sequences=4)
    assert isinstance(model, LlamaCppModel)
    assert model.context == model.llama.n_ctx() == model.llama._model.n_ctx_train()
    assert sg.Generator(model, PERSON, sg.Masking(greedy=True))(PROMPT).value == ADA
    assert sg.load(str(gguf_path), n_ctx=256).context == 256
    with pytest.raises(sg.BackendError, match=r"There is no file .*nowhere\.gguf"):
        sg.load(str(tmp_path / "nowhere.gguf"))
    (tmp_path / "no.GGUF").write_text("This is no model.")
    with pytest.raises(sg.BackendError, match=r"llama\.cpp cannot read .*no\.GGUF"):
        sg.load(str(tmp_path / "no.GGUF"))


def test_tokens_and_logits_are_those_of_transformers(model, ids, reference):
    assert model.vocabulary == reference.vocabulary
    assert ids == reference.encode_chat(PROMPT)
    prefixes = [Prefix(ids), Prefix(ids[:4]), Prefix([*ids, 40, 41, 42])]
    assert np.abs(model.logp_next(prefixes) - reference.logp_next(prefixes)).max() < 1e-3


SHAPES = {
    "one batch": ({}, {}),
    "small batches": ({"n_batch": 5}, {"sequences": 4}),
    "two at a time": ({}, {"sequences": 2}),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_laws_of_models(make_llama, ids, name):
    options, own = SHAPES[name]
    model = LlamaCppModel(make_llama(**options), **own)
    check_model(model, [ids, ids[:5], ids[:9]], tolerance=1e-3)
    assert model.usage.computed < model.usage.asked / 2


def test_where_cells_run_out_fewer_are_read_at_a_time(make_llama, model):
    rng = np.random.default_rng(0)
    prefixes = [Prefix(rng.integers(4, 1280, 60).tolist()) for _ in range(12)]
    small = LlamaCppModel(make_llama(), cells=256)
    for _ in range(2):
        assert np.abs(small.logp_next(prefixes) - model.logp_next(prefixes)).max() < 1e-3
    with pytest.raises(sg.BackendError, match="300 tokens does not fit"):
        small.logp_next([Prefix([5] * 300)])
    assert np.abs(small.logp_next(prefixes[:2]) - model.logp_next(prefixes[:2])).max() < 1e-3


def test_prefixes_that_cannot_be_read(make_llama, model):
    with pytest.raises(sg.BackendError, match="at least one token"):
        model.logp_next([Prefix()])
    with pytest.raises(sg.PromptTooLong):
        model.logp_next([Prefix([5] * 513)])
    with pytest.raises(sg.BackendError, match="llama_decode"):
        model.logp_next([Prefix([5, 99999])])
    assert model.logp_next([Prefix([5])]).shape == (1, 1280)
    llama = make_llama()
    closed = LlamaCppModel(llama)
    llama.close()  # ends the model's context, too
    with pytest.raises(sg.BackendError, match="closed"):
        closed.logp_next([Prefix([5])])


def test_prompts(make_llama, model):
    assert model.encode("a")[0] == 0
    assert model.encode("") == [0]
    bare = LlamaCppModel(make_llama())
    bare.llama.metadata.pop("tokenizer.chat_template")
    with pytest.raises(sg.BackendError, match="chat template"):
        bare.encode_chat(PROMPT)


@pytest.mark.parametrize("sampler", [sg.Masking(greedy=True), sg.SMC(8, seed=1)], ids=["masking", "smc"])
def test_generators(model, sampler):
    assert sg.Generator(model, PERSON, sampler)(PROMPT).value == ADA


def test_particles_share_their_prompt(model, ids):
    model.logp_next([Prefix(ids)])
    before = model.usage.computed
    result = sg.Generator(model, PERSON, sg.SMC(12, seed=2))(PROMPT)
    assert model.usage.computed - before < 12 * len(result.tokens) + len(ids)


def processor(llama, constraint):
    return LlamaCppLogitsProcessor(sg.compile(constraint, llama_vocabulary(llama)))


def complete(llama, ids, own, **options):
    found = llama.create_completion(ids, logits_processor=llama_cpp.LogitsProcessorList([own]), **options)
    (choice,) = found["choices"]
    return choice["text"], choice["finish_reason"]


def test_own_sampling_is_constrained(llama, ids):
    for seed in range(8):
        own = processor(llama, PERSON)
        text, reason = complete(llama, ids, own, max_tokens=200, temperature=1.5, seed=seed)
        own.check()
        assert reason == "stop"
        assert set(json.loads(text)) == set(PERSON["required"])


def test_chat(llama):
    own = processor(llama, PERSON)
    masks = llama_cpp.LogitsProcessorList([own])
    found = llama.create_chat_completion(PROMPT, logits_processor=masks, temperature=0, max_tokens=100)
    own.check()
    assert json.loads(found["choices"][0]["message"]["content"]) == ADA


def test_what_is_no_text_of_the_constraint_never_passes_for_one(llama, ids, monkeypatch, make_llama):
    own = processor(llama, sg.Regex("[ab]{40}"))
    text, _ = complete(llama, ids, own, max_tokens=60)
    assert re.fullmatch("[ab]{40}", text)
    assert complete(llama, ids, own)[0] == ""
    with pytest.raises(sg.BackendError, match="one generation"):
        own.check()

    biased = processor(llama, sg.Regex("[ab]{40}"))
    complete(llama, ids, biased, logit_bias={5: 1.0}, max_tokens=5)
    with pytest.raises(sg.BackendError, match="not asked"):
        biased.check()

    foreign = LlamaCppLogitsProcessor(sg.compile(sg.Regex("a+"), sg.Vocabulary.from_tokens([b"a", b"b"], [2])))
    complete(llama, ids, foreign, max_tokens=5)
    with pytest.raises(sg.BackendError, match="1280 columns, the vocabulary has 3"):
        foreign.check()

    stuck = processor(llama, sg.Regex("[ab]{40}"))
    monkeypatch.setattr(sg.Matcher, "fill_mask", lambda self, row: row.fill(0))
    assert complete(llama, ids, stuck) == ("", "stop")
    with pytest.raises(sg.DeadEnd):
        stuck.check()


def test_drafts_are_refused(make_llama, ids):
    """llama-cpp-python shows processors drafts that it has not judged yet."""
    llama = make_llama(draft_model=LlamaPromptLookupDecoding(num_pred_tokens=3), logits_all=True)
    own = processor(llama, sg.Regex("(ab){20}"))
    complete(llama, [*ids, *ids], own, max_tokens=60)
    with pytest.raises(sg.BackendError, match="draft_model"):
        own.check()


def test_the_page_is_right(gguf_path):
    page = Path(__file__).parents[2] / "docs" / "howto" / "llama-cpp.md"
    namespace = {"__name__": "page"}
    for block in re.findall(r"^```py\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        exec(block.replace("model.gguf", str(gguf_path)), namespace)
    assert namespace["person"] == ADA
