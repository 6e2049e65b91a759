"""Loading models by name, from folders."""

import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="install syntagma[models]")

from syntagma.backends.generator import Generator
from syntagma.backends.load import load
from syntagma.errors import BackendError, BackendMissing, PromptTooLong, SamplingError
from syntagma.grammar.regex import Regex
from syntagma.sampling import Prefix


def unreachable(*_, **__):
    raise ConnectionError("Name or service not known")


def test_folders_are_loaded(llama, tmp_path):
    llama.model.save_pretrained(tmp_path)
    llama.tokenizer.save_pretrained(tmp_path)
    model = load(str(tmp_path), local_files_only=True)
    assert model.vocabulary == llama.vocabulary
    rows = [m.logp_next([Prefix([5, 6])])[0, :300] for m in (model, llama)]
    assert np.allclose(*rows, atol=1e-5)


@pytest.mark.parametrize("name", ["{folder}/nowhere", "./nowhere", "~/no/where"])
def test_missing_folders_raise(tmp_path, name):
    with pytest.raises(BackendError, match=r"There is no folder .*where"):
        load(name.format(folder=tmp_path))


def test_a_model_that_is_not_here_raises(monkeypatch):
    with pytest.raises(BackendError, match="Cannot load the model 'no-such-model'"):
        load("no-such-model", local_files_only=True)
    monkeypatch.setattr("huggingface_hub.model_info", unreachable)
    with pytest.raises(BackendError, match=r"'no-such-model' on the hub: Name or service not known. Give a folder"):
        load("no-such-model")


def test_folders_without_a_model_raise(tmp_path):
    with pytest.raises(BackendError, match="Cannot load the model"):
        load(str(tmp_path))


def test_gguf_files_want_their_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(BackendMissing, match="llama-cpp-python"):
        load("model.gguf")


def test_long_prompts_are_errors_and_no_warnings(caplog):
    generate = Generator(load("embedded"), Regex("[0-9]{4}"))
    with pytest.raises(PromptTooLong, match=r"\d+ tokens and 3 more"):
        generate("word " * 3000, max_tokens=3)
    assert not caplog.records


def test_a_budget_that_is_too_small_is_named_as_it_was_given():
    generate = Generator(load("embedded"), Regex("[0-9]{4}"))
    for prompt in ("The d", "Date:", "Year 19"):
        with pytest.raises(SamplingError, match=r"max_tokens=3: the shortest has 4 bytes and takes 4 tokens"):
            generate(prompt, max_tokens=3)


def test_the_embedded_model_takes_no_options():
    with pytest.raises(TypeError, match="takes no options, got dtype"):
        load("embedded", dtype="float16")
